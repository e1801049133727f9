"""Rewrite the expected figures of regression cases: all that differ, or none if one must not be rewritten.

Published figures and those worked by hand are never rewritten. Everything else in a file stays the same,
byte for byte: figures that agree, comments, line ends.
"""

from __future__ import annotations

import csv
import io
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from gpit_fairshare.cases.comparing import FigureDifference, figure_text
from gpit_fairshare.cases.reading import KEYS, Case, ExpectedTable
from gpit_fairshare.cases.running import CaseVerdict, row_of, rows_by_code, unexpected_checks
from gpit_fairshare.errors import CaseError
from gpit_fairshare.files import follow_links, in_place, place_to_write
from gpit_fairshare.results.writing import harmless
from gpit_fairshare.structured_texts import parse_toml
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from gpit_fairshare.engine import Result

_BY_HAND: Final = "change it by hand, or keep the figures in an expected_file"


@dataclass(frozen=True, slots=True)
class Update:
    """The files that were written, or the reasons why none was."""

    refused: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    """Names of the files, from the folder of their case."""
    paths: tuple[str, ...] = ()
    """Full paths of the same files, links followed."""
    changes: Mapping[str, Sequence[FigureDifference]] = field(default_factory=dict)
    """Figures and rows that changed, by id of the case, in order: `expected` is the old figure, `got` the new one."""
    cases: tuple[int, ...] = ()
    """Indexes of the cases whose files were written, from 0."""

    def entry(self) -> dict[str, Any]:
        """Return what was written, or why nothing was, with stable keys, for JSON."""
        return {
            "refused": list(self.refused),
            "written": list(self.file_names),
            "paths": list(self.paths),
            "changes": [
                {"id": case_id, **change.place, "old": change.expected, "new": change.got}
                for case_id, changes in self.changes.items()
                for change in changes
            ],
        }


def update(verdicts: Sequence[CaseVerdict]) -> Update:
    """Rewrite the expected figures that differ in regression cases; write nothing if one must not be rewritten.

    Cases that are ok are left as they are. A file that cannot be written raises `OutputError`; files that were not
    replaced yet stay as they were.

    Returns:
        What was written, or the reasons why nothing was.
    """
    refused = [reason for verdict in verdicts if (reason := _reason_to_refuse(verdict))]
    if not any(verdict.origin == "regression" for verdict in verdicts):
        refused.append("none of these is a regression case")
    drafts: dict[Path, str] = {}
    changes: dict[str, Sequence[FigureDifference]] = {}
    numbers: list[int] = []
    for number, verdict in enumerate(verdicts):
        if refused or verdict.case is None or verdict.result is None or verdict.outcome == "ok":
            continue
        try:
            for path, text in _rewritten_files(verdict.case, verdict.result, verdict.differences):
                place = _path_to_write(path, verdict.case)
                if drafts.setdefault(place, text) != text:
                    refused.append(f"{verdict.id}: another case changes {one_line(path.name)} too; use separate files")
                    break
        except CaseError as fault:
            refused.append(f"{verdict.id}: {fault}")
        numbers.append(number)
        changes[verdict.id] = sorted(verdict.differences, key=lambda difference: difference.key)
    if refused:
        return Update(tuple(refused))
    with ExitStack() as stack:
        for place, text in drafts.items():
            stack.enter_context(in_place(place)).write_bytes(text.encode())
    return Update((), tuple(place.name for place in drafts), tuple(map(str, drafts)), changes, tuple(numbers))


def _path_to_write(path: Path, case: Case) -> Path:
    """Return the path of a file of a case with links followed, for writing.

    Raises:
        CaseError: The path is outside the folder of the case, where `--update` writes nothing, or cannot be a file.
    """
    try:
        place, folder = place_to_write(path), follow_links(case.case_file.path.parent)
    except OSError as fault:
        raise CaseError(f"{one_line(path.name)}: cannot be written ({fault.strerror or fault})") from None
    if not place.is_relative_to(folder):
        raise CaseError(
            f"{one_line(place, 200)} is outside the folder of the case, {one_line(folder, 200)}; change it by hand, "
            "or move it there"
        )
    return place


def _reason_to_refuse(verdict: CaseVerdict) -> str:
    """Return why the verdict on a case prevents every update; an empty text if it does not.

    An ok case never does. Any other does if it has an error, is not a regression case, or fails for anything but its
    figures, such as a check.
    """
    if verdict.outcome == "ok":
        return ""
    if verdict.outcome == "fault":
        return f"{verdict.id}: cannot be run; correct it first"
    if verdict.origin != "regression":
        return (
            f"{verdict.id}: its figures are {verdict.origin}, and --update never changes those; "
            "find out which side is wrong, or choose other cases with -k"
        )
    case, result = verdict.case, verdict.result
    is_unchanged = not verdict.differences and not (case and case.lacking)
    if case is None or result is None or is_unchanged or any(unexpected_checks(case, result)):
        return f"{verdict.id}: the run is wrong, not the figures: {verdict.reasons[-1]}"
    return ""


def _rewritten_files(case: Case, result: Result, differences: Sequence[FigureDifference]) -> Iterator[tuple[Path, str]]:
    """Yield the files of a case to write, each with its new text: only those that are new or change.

    First the file of expected figures that does not exist yet, then those that change, then the case file itself.

    Raises:
        CaseError: A change must be made by hand, or it is not clear which file a new row belongs in.
    """
    if case.lacking:
        yield case.lacking, _first_table(case, result)
    inline_years = {figure.year for figure in case.inline if figure.code}
    for difference in differences:
        holders = [table for table in case.tables if difference.year in _years_of_table(table)]
        if difference.kind == "extra row" and len(holders) + (difference.year in inline_years) != 1:
            raise CaseError(f"it is not clear which file needs {difference.code} of {difference.year}; {_BY_HAND}")
    for table in case.tables:
        text = _rewritten_table(table, result, differences)
        if text != table.text:
            yield table.path, text
    figures = [figure for table in case.tables for figure in table.figures]
    tabled = {(figure.year, figure.code, column) for figure in figures for column in (figure.column, "")}
    years = {year for table in case.tables for year in _years_of_table(table)}
    inline = [
        difference
        for difference in differences
        if difference.key not in tabled and not (difference.kind == "extra row" and difference.year in years)
    ]
    if inline:
        yield case.case_file.path, _rewritten_case(case.case_file.path.read_bytes().decode(), inline)


def _years_of_table(table: ExpectedTable) -> set[str]:
    """Return the years that the rows of a file of expected figures have."""
    year_index = table.header.index("year")
    return {record[year_index] for record in table.records}


def _cell_text(value: Any) -> str:
    """Return a figure of a run as the text of a CSV cell; a blank is an empty text."""
    return harmless(value) if isinstance(value, str) else figure_text(value) or ""


def _first_table(case: Case, result: Result) -> str:
    """Return the text of the first file of expected figures of a case, with all years and organisations.

    Its columns are those that the case names, or else only the result of the scheme.
    """
    columns = [*KEYS, *(case.head.columns or [result.scheme.result])]
    rows = ([_cell_text(row[column]) for column in columns] for row in result.rows.iter_rows(named=True))
    return "".join(_csv_row(row, "\n") for row in (columns, *rows))


def _rewritten_table(table: ExpectedTable, result: Result, differences: Sequence[FigureDifference]) -> str:
    """Return the text of a file of expected figures with new figures where they differ.

    Rows that the result does not have are removed. Rows that only the result has are added, in order if the file is
    sorted, else at the end. All other records, line ends and the byte order mark stay unchanged.
    """
    byte_order_mark = "\ufeff" if table.text.startswith("\ufeff") else ""
    lines = list(io.StringIO(table.text.removeprefix("\ufeff"), newline=""))
    line_end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    wrong = {difference.key for difference in differences if difference.kind != "extra row"}
    year_index, code_index = (table.header.index(key) for key in KEYS)
    rows = rows_by_code(result)
    keyed_records: list[tuple[tuple[str, str], str]] = []
    for record, (first, last) in zip(table.records, table.lines[1:], strict=True):
        key = (record[year_index], record[code_index])
        if (*key, "") in wrong:
            continue
        row = row_of(rows[key[0]], key[1]) or {}
        cells = [
            _cell_text(row[column]) if (*key, column) in wrong else cell
            for column, cell in zip(table.header, record, strict=True)
        ]
        keyed_records.append((key, "".join(lines[first:last]) if cells == list(record) else _csv_row(cells, line_end)))
    in_order = keyed_records == sorted(keyed_records, key=lambda keyed_record: keyed_record[0])
    for difference in differences:
        if difference.kind == "extra row" and difference.year in _years_of_table(table):
            year, code, _ = difference.key
            cells = [_cell_text(rows[year][code][column]) for column in table.header]
            keyed_records.append(((year, code), _csv_row(cells, line_end)))
    if in_order:
        keyed_records.sort(key=lambda keyed_record: keyed_record[0])
    heading = "".join(lines[: table.lines[0][1]])
    records = (heading, *(text for _, text in keyed_records))
    # The last line of a file may lack a line end; it needs one if another line follows.
    text = byte_order_mark + "".join(record if record.endswith("\n") else record + line_end for record in records)
    return text if lines[-1].endswith("\n") else text.removesuffix(line_end)


def _csv_row(cells: Sequence[str], line_end: str) -> str:
    """Return the cells of one row as CSV, with the line end given."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator=line_end).writerow(cells)
    return stream.getvalue()


def _rewritten_case(text: str, differences: Sequence[FigureDifference]) -> str:
    """Return the text of a case file with new figures in place of the old ones and nothing else changed.

    Raises:
        CaseError: A row was added or removed, a figure is a text or a blank, or the rest of the file would change.
    """
    byte_order_mark = "\ufeff" if text.startswith("\ufeff") else ""
    expected = parse_toml(text, Decimal)
    try:
        document = tomlkit.parse(text.removeprefix(byte_order_mark))
        is_kept = byte_order_mark + document.as_string() == text
        for difference in differences:
            _write_figure(difference, document, expected)
        new_text = byte_order_mark + document.as_string()
        # Proof that the new file has the new figures and is otherwise unchanged.
        is_kept = is_kept and repr(parse_toml(new_text, Decimal)) == repr(expected)
    except (TOMLKitError, ValueError):
        is_kept = False
    if not is_kept:
        raise CaseError(f"the figures cannot be changed without changing the text around them; {_BY_HAND}")
    return new_text


def _write_figure(difference: FigureDifference, document: MutableMapping[str, Any], expected: dict[str, Any]) -> None:
    """Write one new figure into a case file.

    Args:
        difference: The figure that differs.
        document: The parsed case file, which keeps its layout; changed.
        expected: The values expected of the new file; changed.

    Raises:
        CaseError: The figure cannot be overwritten.
    """
    keys = [part for part in (difference.year, difference.code, difference.column) if part]
    row_label = one_line(" ".join(keys))
    if difference.kind != "figure":
        change = "new, and --update adds" if difference.kind == "extra row" else "gone, and --update removes"
        raise CaseError(f"the row {row_label} is {change} no rows in a case file; {_BY_HAND}")
    *above, column = ("expected" if difference.code else "expected_national", *keys)
    for key in above:
        document, expected = document[key], expected[key]
    if difference.got is None or isinstance(expected[column], str):
        raise CaseError(f"{row_label} was or is a text or a blank; --update writes only numbers; {_BY_HAND}")
    old = document[column]
    token = _toml_number(difference.got, like=old.as_string() if isinstance(old, Item) else "")
    try:
        document[column], expected[column] = tomlkit.value(token), parse_toml(f"value = {token}", Decimal)["value"]
    except (TOMLKitError, ValueError):
        raise CaseError(f"{row_label} is now {one_line(difference.got, 40)}; {_BY_HAND}") from None


def _toml_number(value: str, like: str) -> str:
    """Return a number as TOML; if the old number (`like`) has `_` between thousands, so has the new one."""
    if "_" not in like or "e" in value:
        return value
    return f"{Decimal(value):,f}".replace(",", "_")
