"""The files that a result, or the report on one, is written to: checked first, then written, then moved into place.

Heavy libraries load inside these functions, so that --help and a mistyped option answer at once.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import in_place, place_to_write
from gpit_fairshare.reports.formats import FORMATS, write_file
from gpit_fairshare.results import RESULT_ENDINGS, TABLE_ENDINGS, manifest_name
from gpit_fairshare.words import joined, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import polars as pl

    from gpit_fairshare.comparison import Comparison
    from gpit_fairshare.engine import Result
    from gpit_fairshare.reports.document import Block, Document
    from gpit_fairshare.reports.sweep import SweepReport
    from gpit_fairshare.reports.terminal import Advance
    from gpit_fairshare.sweeps.solving import Solution

COMPARISON_ENDINGS: Final = (".xlsx", ".json", ".csv")
"""Endings of files that hold a whole comparison."""
SOLUTION_ENDINGS: Final = (".json", ".csv")
"""Endings of files that hold what a search found."""


def write_drafts(writers: Mapping[Path, Callable[[Path], object]]) -> ExitStack:
    """Write a draft of every file with its writer; when the returned stack closes, move all into their places."""
    with ExitStack() as stack:
        for path, write in writers.items():
            write(stack.enter_context(in_place(path)))
        return stack.pop_all()


def document_writers(document: Document, outputs: Sequence[Path]) -> dict[Path, Callable[[Path], None]]:
    """Return, for each output, a function that writes the document to a draft in the format of the output's ending."""
    return {path: partial(write_file, document, ending=path.suffix.lower()) for path in outputs}


def comparison_writers(
    comparison: Comparison, report: Document, outputs: Sequence[Path], advance: Advance
) -> dict[Path, Callable[[Path], None]]:
    """Return, for each output, a function that writes the comparison, or the report on it, to a draft."""
    from gpit_fairshare.reports.document import Paragraph  # noqa: PLC0415  # not for --help

    writers = document_writers(report, outputs)
    missing = missing_for_page(outputs)
    for path in outputs:
        if path.suffix.lower() == ".html":
            plain = replace(report, blocks=[*report.blocks, Paragraph(missing)])
            writers[path] = partial(write_file, plain, ending=".html") if missing else partial(_write_page, comparison)
        if (ending := path.suffix.lower()) in COMPARISON_ENDINGS:
            writers[path] = partial(_write_comparison, comparison, ending, advance)
    return writers


def solution_writers(
    solution: Solution, report: Document, outputs: Sequence[Path]
) -> dict[Path, Callable[[Path], None]]:
    """Return, for each output, a function that writes what a search found, or the report on it, to a draft."""
    writers = document_writers(report, outputs)
    for path in outputs:
        if (ending := path.suffix.lower()) in SOLUTION_ENDINGS:
            writers[path] = partial(_write_solution, solution, ending)
    return writers


def _write_solution(solution: Solution, ending: str, draft: Path) -> None:
    """Write what a search found to a draft as JSON or as CSV, by the ending of the final file."""
    from gpit_fairshare.results.writing import write_table  # noqa: PLC0415  # as below
    from gpit_fairshare.structured_texts import json_text  # noqa: PLC0415  # not for --help

    if ending == ".csv":
        write_table(solution.frame, draft)
    else:
        draft.write_bytes(json_text(solution.document()).encode())


def _write_page(comparison: Comparison, draft: Path) -> None:
    """Write the page of a comparison to a draft."""
    draft.write_bytes(page_of(comparison).encode())


def _write_comparison(comparison: Comparison, ending: str, advance: Advance, draft: Path) -> None:
    """Write a comparison to a draft as a workbook, as JSON or as CSV, by the ending of the final file."""
    if ending == ".xlsx":
        from gpit_fairshare.comparison.book import write_workbook  # noqa: PLC0415  # XlsxWriter only if asked for

        write_workbook(comparison, draft, advance)
        return
    from gpit_fairshare.comparison import csv_text  # noqa: PLC0415  # not for --help
    from gpit_fairshare.structured_texts import json_text  # noqa: PLC0415

    text = json_text(comparison.document()) if ending == ".json" else csv_text(comparison)
    draft.write_bytes(text.encode())


def sweep_writers(
    report: SweepReport, full: Document, outputs: Sequence[Path], advance: Advance, *, by_organisation: bool = False
) -> dict[Path, Callable[[Path], object]]:
    """Return, for each output, a function that writes a sweep to a draft in the format of the output's ending.

    Args:
        report: The sweep, with the organisation that it shows.
        full: The report as a document, for the formats of documents.
        outputs: The files.
        advance: Called with the progress of writing a workbook.
        by_organisation: Whether tables have a row for each organisation instead of each scenario and year.
    """
    from gpit_fairshare.reports.sweep_workbook import write_sweep_workbook  # noqa: PLC0415  # XlsxWriter
    from gpit_fairshare.results.writing import write_frame, write_table  # noqa: PLC0415
    from gpit_fairshare.structured_texts import json_text  # noqa: PLC0415

    def table() -> pl.DataFrame:
        """Return the table for CSV and Parquet files."""
        of_organisations = "quantiles" if report.is_drawn else "organisations"
        frame: pl.DataFrame = getattr(report.sweep, of_organisations if by_organisation else "frame")
        return frame

    own: dict[str, Callable[[Path], object]] = {
        ".xlsx": lambda draft: write_sweep_workbook(report, draft, advance),
        ".json": lambda draft: draft.write_bytes(json_text(report.document()).encode()),
        ".csv": lambda draft: write_table(table(), draft),
        ".parquet": lambda draft: write_frame(table(), draft),
    }
    of_output = {path: own[path.suffix.lower()] for path in outputs if path.suffix.lower() in own}
    return {**document_writers(full, outputs), **of_output}


def checked_outputs(
    outputs: Sequence[Path] | None, inputs: Sequence[str], endings: Sequence[str], *, option: str = "-o"
) -> list[Path]:
    """Return the files to write, after refusing those that cannot be written; `option` is their name in messages.

    Raises:
        UsageError: An ending or a place cannot be written, a file is given twice, or it is an input.
    """
    refusals = _refusals_of_inputs(inputs)
    for path in outputs or ():
        ending = path.suffix.lower()
        if ending not in endings:
            raise UsageError(
                f"{option} {path}: expected a name ending in {joined(endings, 'or')}{nearest(ending, endings)}"
            )
        place = place_of(option, path)
        if place in refusals:
            raise UsageError(f"{option} {path}: {refusals[place]}")
        refusals[place] = "is given twice"
    return list(outputs or ())


def place_of(option: str, path: Path) -> Path:
    """Return the path that an option writes to, with links followed, after checking that it can be written.

    Raises:
        UsageError: It is a folder or a device, its folder does not exist, or no file can be written there.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{option} {path}: is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}; create it first")
        return place_to_write(path)
    except OSError as fault:
        raise UsageError(f"{option} {path}: cannot be written ({fault.strerror or fault})") from None


def _refusals_of_inputs(inputs: Iterable[str]) -> dict[Path, str]:
    """Return the files that must not be written, each with the reason: inputs, and the manifests of their tables.

    An input may be FILE:SHEET; one that does not exist, such as the name of a library file, is left out.
    """
    exists = os.path.exists  # unlike that of Path it takes any text: a name that is too long does not exist
    texts = (text if exists(text) else text.rpartition(":")[0] for text in inputs)  # FILE:SHEET
    files = [Path(text) for text in texts if exists(text)]
    refusals = {}
    for path in files:
        if path.suffix.lower() in TABLE_ENDINGS:
            manifest = path.with_name(manifest_name(path)).resolve()
            refusals[manifest] = f"is the manifest of {path.name}, one of the inputs; inputs are never overwritten"
    return refusals | {path.resolve(): "is one of the inputs; inputs are never overwritten" for path in files}


def missing_for_page(outputs: Sequence[Path]) -> str:
    """Return what a page with charts needs and is not installed, and what to type; else an empty text."""
    if all(path.suffix.lower() != ".html" for path in outputs):
        return ""
    from gpit_fairshare.reports.page.bundle import MISSING, is_available  # noqa: PLC0415  # a tenth of a run to CSV

    return "" if is_available() else MISSING


def page_of(subject: Result | Comparison) -> str:
    """Return the page of a result or of a comparison; see `reports.page`."""
    from gpit_fairshare.engine import Result  # noqa: PLC0415  # not for --help
    from gpit_fairshare.reports.page import page_text  # noqa: PLC0415
    from gpit_fairshare.reports.page.bundle import notices, vega_script  # noqa: PLC0415
    from gpit_fairshare.reports.page.comparison import comparison_page  # noqa: PLC0415

    parts = {"vega": vega_script(), "notices": notices()}
    return page_text(subject, **parts) if isinstance(subject, Result) else comparison_page(subject, **parts)


class ResultFiles:
    """The output files of a result; those that cannot be written are refused before anything is read."""

    def __init__(
        self,
        outputs: Sequence[Path] | None,
        inputs: Sequence[str],
        *,
        manifest: bool,
        option: str = "-o",
        endings: Sequence[str] = (*RESULT_ENDINGS, *FORMATS),
    ) -> None:
        """Take the outputs, and the paths of the manifests of their tables; `paths` has all, each after its table.

        An existing manifest next to a table is always written again: otherwise it would describe another table.

        Raises:
            UsageError: Something cannot be written, or manifests are asked for and there is no table.
        """
        self._inputs = inputs
        self.outputs = checked_outputs(outputs, inputs, endings, option=option)
        tables = [path for path in self.outputs if path.suffix.lower() in TABLE_ENDINGS]
        if manifest and not tables:
            kinds = " or ".join(TABLE_ENDINGS)
            name = "--manifest" if option == "-o" else "manifest=True"
            raise UsageError(f"{name}: needs {option} with a {kinds} file; other results contain their manifest")

        places = {path: path.with_name(manifest_name(path)) for path in tables}
        self.manifests = {path: place for path, place in places.items() if manifest or place.exists()}
        checked_outputs([*self.outputs, *self.manifests.values()], inputs, endings, option=option)
        self.paths = [place for path in self.outputs for place in (path, self.manifests.get(path)) if place]

    @property
    def names(self) -> list[str]:
        """Return the names of all files."""
        return [path.name for path in self.paths]

    @property
    def missing(self) -> str:
        """Return what a page that recalculates needs and is not installed, and what to type; else an empty text."""
        return missing_for_page(self.outputs)

    @property
    def explainable(self) -> Path | None:
        """Return the first file that `gpit explain` can read: a result that has its manifest; None without one."""
        complete = {*RESULT_ENDINGS} - {*TABLE_ENDINGS}
        return next((path for path in self.outputs if path in self.manifests or path.suffix.lower() in complete), None)

    def add(self, option: str, path: Path | None, endings: Sequence[str], refusal: str) -> None:
        """Add a file that another option asks for.

        Args:
            option: Its name in messages.
            path: Where it is written; None if it is not asked for.
            endings: Endings that it may have.
            refusal: The message if another file is written there.

        Raises:
            UsageError: It cannot be written.
        """
        for place in checked_outputs([path] if path else [], self._inputs, endings, option=option):
            if place.resolve() in {other.resolve() for other in self.paths}:
                raise UsageError(f"{option} {place}: {refusal}")
            self.paths.append(place)

    def write(
        self,
        result: Result,
        report: Callable[[], Document],
        advance: Advance,
        others: Mapping[Path, Callable[[Path], None]] | None = None,
        *,
        has_page: bool = False,
    ) -> ExitStack:
        """Write a draft of every output; when the returned stack closes, all are moved into place.

        Args:
            result: The result for the outputs, each in the format of its ending.
            report: Returns the report on it, for outputs in the formats of documents; the manifest comes below.
            advance: Called with the progress of writing a workbook.
            others: The files of other options, each with its writer.
            has_page: Whether an HTML file is a page that recalculates, if the extra for it is installed, and else names
                what is missing. Otherwise it has the report.
        """
        from gpit_fairshare.reports.document import Heading, Paragraph, Verbatim  # noqa: PLC0415  # not for --help
        from gpit_fairshare.results import writing  # noqa: PLC0415  # polars loads here, not for --help
        from gpit_fairshare.structured_texts import json_text  # noqa: PLC0415

        with ExitStack() as stack:
            for path in self.outputs:
                draft, ending = stack.enter_context(in_place(path)), path.suffix.lower()
                if has_page and ending == ".html" and not self.missing:
                    draft.write_bytes(page_of(result).encode())
                    continue
                if ending in FORMATS:
                    manifest: Block = Verbatim(json_text(dict(result.manifest)).rstrip(), "json")
                    if ending == ".md":
                        manifest = Paragraph("A workbook (.xlsx) or a JSON document of this run has its manifest.")
                    missing = Paragraph(self.missing if has_page and ending == ".html" else "")
                    document = report()
                    blocks = [*document.blocks, missing, Heading("Manifest"), manifest]
                    write_file(replace(document, blocks=blocks), draft, ending)
                    continue
                writing.write_result(result, draft, ending, advance)
                if path in self.manifests:
                    beside = stack.enter_context(in_place(self.manifests[path]))
                    writing.write_manifest(result, beside, draft, path.name)
            stack.enter_context(write_drafts(others or {}))
            return stack.pop_all()
