"""`gpit check`: check the inputs only, and list all findings."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path  # typer reads it from the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import print_answer
from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.files import follow_links
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.reports.output_files import checked_outputs, document_writers, place_of, write_drafts
from gpit_fairshare.run_options import OptionKind
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gpit_fairshare.checking import Report


@options.verb(
    ...,
    "leave_out",
    "max_size",
    "organisation",
    "sample",
    without=("settings",),
    unset={"scheme": "Check what this scheme needs; without a scheme, check all columns."},
)
def check(
    *,
    run: options.TypedOptions,
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="NAME", help="What a row is, without a scheme: CCG, practice …")
    ] = "",
    annotate: Annotated[
        Path | None,
        typer.Option("--annotate", metavar="COPY|FOLDER", help="Write your workbooks here with every problem marked."),
    ] = None,
    output: Annotated[list[Path] | None, options.output("report")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every finding.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Print every finding and every column.")] = False,
) -> int:
    """Check input files and list every problem at once.

    Each problem has its file, sheet and cell, and what to do. Nothing is calculated.
    """
    outputs = checked_outputs(output, run.files(OptionKind.FILES, OptionKind.RULE), [*FORMATS])
    copies = {} if annotate is None else _copies_to_write(run, annotate)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import checking  # noqa: PLC0415
    from gpit_fairshare.reports.checking import checking_document  # noqa: PLC0415

    report = checking.check(**run.arguments(), organisation=organisation)
    document = run.defaults.named_in(checking_document(report))
    names = [path.name for path in outputs]
    # Only a screen is short: files have everything.
    printed = checking_document(report, marked=_copy_names(copies, annotate), file_names=names, details=details)
    printed = run.defaults.named_in(printed)
    with _folder_of(copies.values()):
        marked = {copy: partial(_annotate, report, original) for original, copy in copies.items()}
        files = write_drafts({**marked, **document_writers(document, outputs)})
        print_answer(printed, report.document, as_json=as_json, files=files)
    return 0 if report.sound else 2


def _annotate(report: Report, original: Path, copy: Path) -> None:
    """Write a copy of a workbook in which the findings about it and about the inputs as a whole are marked.

    A finding about several files has no cell: each of these files lists it.
    """
    from gpit_fairshare.annotation import Mark, annotate  # noqa: PLC0415  # only if one is asked for

    other_files = {source.file for source in report.sources} - {original.name}
    marks = []
    for finding in report.findings:
        if finding.file and f", {original.name}:" not in f", {finding.file}:":
            continue
        shared = any(f", {other}" in f", {finding.file}" for other in other_files)
        for occurrence in finding.each:
            place = ("", "") if shared else (occurrence.sheet, occurrence.cell)
            marks.append(
                Mark(*place, occurrence.level, occurrence.number, occurrence.found_and_expected, occurrence.remedy)
            )
    annotate(original, copy, marks)


@contextmanager
def _folder_of(copies: Iterable[Path]) -> Iterator[None]:
    """While the context is open, have the folder of the copies: create it if it does not exist.

    A created folder is removed again if nothing is in it at the end.

    Raises:
        OutputError: The folder cannot be created.
    """
    folder = next((copy.parent for copy in copies if not copy.parent.is_dir()), None)
    try:
        if folder:
            folder.mkdir()
    except OSError as fault:
        raise OutputError(f"--annotate {folder}: the folder cannot be created ({fault.strerror or fault})") from None
    try:
        yield
    finally:
        if folder and not any(folder.iterdir()):
            folder.rmdir()


def _copies_to_write(run: options.TypedOptions, place: Path) -> dict[Path, Path]:
    """Return the workbooks to mark, each with the path of its copy, which is never one of the files.

    A place that ends in `.xlsx` is the copy of the only workbook; any other is a folder for copies of all workbooks.

    Raises:
        UsageError: There is no workbook, or a copy cannot be written where it was asked for.
    """
    if place.suffix.lower() == ".xlsx":
        original = _workbook_to_mark(run.files(OptionKind.FILES, without=["crosswalk"]), place)
        inputs = run.files(OptionKind.FILES, OptionKind.RULE)
        return {original: checked_outputs([place], inputs, (".xlsx",), option="--annotate")[0]}
    if place.suffix and not place.is_dir():
        raise UsageError(f"--annotate {place}: give the copy the ending .xlsx, or name a folder for all copies")
    books = list(_xlsx_workbooks(run.files(OptionKind.FILES)).values())
    if not books:
        raise UsageError(f"--annotate {place}: marks .xlsx workbooks; none of the files is one")
    if not place.parent.is_dir() or (place.exists() and not place.is_dir()):
        raise UsageError(f"--annotate {place}: is a file, or there is no folder {place.parent}")
    names = [book.name.casefold() for book in books]
    twice = next((book.name for book in books if names.count(book.name.casefold()) > 1), "")
    if twice:
        raise UsageError(f"--annotate {place}: two of the files are called {twice}; rename one")
    copies = {book: place / book.name for book in books}
    earlier = next((copy for copy in copies.values() if copy.exists()), None)
    if earlier:
        raise UsageError(f"--annotate {place}: {earlier} exists already and is never overwritten; name another folder")
    return copies


def _xlsx_workbooks(names: Sequence[str]) -> dict[Path, Path]:
    """Return the .xlsx workbooks among files, each once, by their resolved paths."""
    from gpit_fairshare.inputs.files.reading import split_sheet  # noqa: PLC0415  # polars loads here, not for --help

    paths = [Path(split_sheet(name)[0]) for name in names]
    return {follow_links(path): path for path in paths if path.suffix.lower() == ".xlsx"}


def _workbook_to_mark(names: Sequence[str], copy: Path) -> Path:
    """Return the only .xlsx workbook among files, to mark in a copy.

    Raises:
        UsageError: There is not exactly one, or the copy would be the workbook itself.
    """
    books = _xlsx_workbooks(names)
    if len(books) != 1:
        reason = f"{len(books)} of the files are; name a folder for all copies" if books else "none of the files is one"
        raise UsageError(f"--annotate {copy}: marks one .xlsx workbook; {reason}")
    ((place, original),) = books.items()
    if place_of("--annotate", copy) == place or (copy.exists() and original.exists() and copy.samefile(original)):
        raise UsageError(f"--annotate {copy}: is the workbook itself, which is never overwritten; give another name")
    return original


def _copy_names(copies: Mapping[Path, Path], place: Path | None) -> str:
    """Return the names of the copies and their folder, for the report; empty if there are none."""
    names = joined([copy.name for copy in copies.values()])
    return names if place in copies.values() else f"{names} in {place}" if copies else ""
