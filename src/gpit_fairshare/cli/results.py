"""Where the files of a result go, and how they get there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gpit_fairshare.cli.output import checked, write_beside
from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import in_place
from gpit_fairshare.reports.formats import FORMATS, write_file
from gpit_fairshare.results import RESULT_ENDINGS, TABLE_ENDINGS, manifest_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.reports.document import Document
    from gpit_fairshare.reports.terminal import Advance

_ENDINGS: Final = (*RESULT_ENDINGS, *FORMATS)


class ResultFiles:
    """The files of a result, refused before anything is read where they cannot be written."""

    def __init__(self, outputs: Sequence[Path] | None, inputs: Sequence[str], *, manifest: bool) -> None:
        """Take the outputs, and the places of the manifests of tables among them.

        A manifest that is beside a table already is written anew, asked for or not: it would speak of another table.

        Raises:
            UsageError: Something cannot be written, or manifests are asked for and there is no table.
        """
        self._inputs = inputs
        self._outputs = checked(outputs, inputs, _ENDINGS)
        tables = [path for path in self._outputs if path.suffix.lower() in TABLE_ENDINGS]
        if manifest and not tables:
            raise UsageError(
                "--manifest: belongs to a .csv or .parquet file, and -o names none; others carry it inside"
            )

        places = {path: path.with_name(manifest_name(path)) for path in tables}
        self._manifests = {path: place for path, place in places.items() if manifest or place.exists()}
        checked([*self._outputs, *self._manifests.values()], inputs, _ENDINGS)
        self._all = [place for path in self._outputs for place in (path, self._manifests.get(path)) if place]

    @property
    def names(self) -> list[str]:
        """Return the names of all files, each manifest behind its table."""
        return [path.name for path in self._all]

    def add(self, option: str, path: Path | None, endings: Sequence[str], taken: str) -> None:
        """Take in a file that another option asks for.

        Args:
            option: What messages call it by.
            path: Where it goes; None where it is not asked for.
            endings: What it may end in.
            taken: What to say where another file is written there.

        Raises:
            UsageError: It cannot be written.
        """
        for place in checked([path] if path else [], self._inputs, endings, option=option):
            if place.resolve() in {other.resolve() for other in self._all}:
                raise UsageError(f"{option} {place}: {taken}")
            self._all.append(place)

    def write(
        self,
        result: Result,
        document: Document,
        advance: Advance,
        others: Mapping[Path, Callable[[Path], None]] | None = None,
    ) -> ExitStack:
        """Write every file beside its place; when what is returned closes, all are moved in.

        Args:
            result: What is written to the outputs, each by its ending.
            document: What is said of it; outputs of the formats of documents have it, with the manifest below.
            advance: Is told how far a workbook has come.
            others: The files of other options, each with what writes it to the place that it is given.
        """
        from gpit_fairshare.reports.document import Heading, Verbatim  # noqa: PLC0415  # not for --help
        from gpit_fairshare.results import writing  # noqa: PLC0415  # polars loads here, not for --help
        from gpit_fairshare.structured_texts import json_text  # noqa: PLC0415

        with ExitStack() as stack:
            for path in self._outputs:
                draft, ending = stack.enter_context(in_place(path)), path.suffix.lower()
                if ending in FORMATS:
                    manifest = Verbatim(json_text(dict(result.manifest)).rstrip(), "json")
                    blocks = [*document.blocks, Heading("Manifest"), manifest]
                    write_file(replace(document, blocks=blocks), draft, ending)
                    continue
                writing.write_result(result, draft, ending, advance)
                if path in self._manifests:
                    beside = stack.enter_context(in_place(self._manifests[path]))
                    writing.write_manifest(result, beside, draft, path.name)
            stack.enter_context(write_beside(others or {}))
            return stack.pop_all()
