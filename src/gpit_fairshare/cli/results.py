"""Where the files of a result go, and how they get there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.cli.options import RESULT_ENDINGS
from gpit_fairshare.cli.output import checked
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.document import Heading, Verbatim
from gpit_fairshare.reports.formats import FORMATS, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.reports.document import Document
    from gpit_fairshare.reports.terminal import Advance

ENDINGS: Final = (*RESULT_ENDINGS, *FORMATS)


def manifests(outputs: Sequence[Path], inputs: Sequence[str], *, wanted: bool) -> dict[Path, Path]:
    """Return where the manifests of tables go; a workbook and a JSON document carry theirs inside.

    One that stands beside a table already is written anew, asked for or not: it would speak of another table.
    """
    tables = [path for path in outputs if path.suffix.lower() in (".csv", ".parquet")]
    if wanted and not tables:
        raise UsageError("--manifest: belongs to a .csv or .parquet file, and -o names none; others carry it inside")
    from gpit_fairshare.results.writing import manifest_name  # noqa: PLC0415  # polars loads here, not for --help

    places = {path: path.with_name(manifest_name(path)) for path in tables}
    places = {path: place for path, place in places.items() if wanted or place.exists()}
    checked([*outputs, *places.values()], inputs, ENDINGS)
    return places


def write(  # what is written, and where to
    result: Result,
    document: Document,
    outputs: Sequence[Path],
    manifests: Mapping[Path, Path],
    advance: Advance,
    others: Mapping[Path, Callable[[Path], None]] | None = None,
) -> ExitStack:
    """Write every file beside its place; when what is returned closes, all are moved in.

    Args:
        result: What is written to the outputs, each by its ending.
        document: What is said of it; outputs of the formats of documents have it, with the manifest below.
        outputs: Files for the result.
        manifests: Where the manifest of a table among them goes.
        advance: Is told how far a workbook has come.
        others: Further files, each with what writes it to the place that it is given.
    """
    from gpit_fairshare import files  # noqa: PLC0415
    from gpit_fairshare.results import writing  # noqa: PLC0415  # polars loads here, not for --help

    with ExitStack() as stack:
        for path in outputs:
            draft, ending = stack.enter_context(files.in_place(path)), path.suffix.lower()
            if ending in FORMATS:
                manifest = Verbatim(writing.json_text(dict(result.manifest)).rstrip(), "json")
                blocks = [*document.blocks, Heading("Manifest"), manifest]
                write_file(replace(document, blocks=blocks), draft, ending)
                continue
            writing.write_result(result, draft, ending, advance)
            if path in manifests:
                beside = stack.enter_context(files.in_place(manifests[path]))
                writing.write_manifest(result, beside, draft, path.name)
        for path, writer in (others or {}).items():
            writer(stack.enter_context(files.in_place(path)))
        return stack.pop_all()


def write_documents(document: Document, outputs: Sequence[Path]) -> ExitStack:
    """Write a document to files as `write` does."""
    from gpit_fairshare import files  # noqa: PLC0415  # as above

    with ExitStack() as stack:
        for path in outputs:
            write_file(document, stack.enter_context(files.in_place(path)), path.suffix.lower())
        return stack.pop_all()
