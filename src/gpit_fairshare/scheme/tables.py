"""Tables of scheme files: their rows, read and checked, and a parameter for the value of each row.

Nothing is sorted, filled in or trimmed: rows in the wrong order are an error.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from gpit_fairshare.files import digest_of, read_regular, reading_problem
from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language.rendering import SAME
from gpit_fairshare.language.tables import BAND_TEXT, OTHERWISE, FormulaTable
from gpit_fairshare.numbers import edge_text
from gpit_fairshare.scheme.faults import Faults, shape_errors
from gpit_fairshare.scheme.shape import EVERY_YEAR, File, ParameterEntry, TableRowEntry, ValueEntry
from gpit_fairshare.scheme.written_numbers import number, percentage_problem
from gpit_fairshare.words import counted, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from gpit_fairshare.scheme.shape import TableEntry

MOST_ROWS: Final = 1_000
_COLUMNS: Final = ("key", "from", "up_to", "value", "source", "assumption")
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_COLUMNS_TEXT: Final = "the columns are key (or from and up_to), value, source and assumption"

AnyFile = TypeVar("AnyFile", bound=File)


def formula_table(name: str, entry: TableEntry) -> FormulaTable:
    """Return a table as formulas see it: its keys in order, without the values."""
    has_bands = entry.rows[0].from_ is not None
    end = entry.rows[-1].up_to
    keys = [number(row.from_) if row.from_ is not None else str(row.key) for row in entry.rows]
    return FormulaTable(
        name,
        tuple(keys),  # type: ignore[arg-type]  # all are texts, or all are numbers
        entry.key_unit,
        None if end is None else number(end),
        has_otherwise=entry.otherwise is not None and not has_bands,
    )


def row_parameters(name: str, entry: TableEntry) -> dict[str, ParameterEntry]:
    """Return a declared parameter for the value of each row of a table, by name: `stage_weight[primary]`."""
    table = formula_table(name, entry)
    values: list[ValueEntry] = [*entry.rows, *([entry.otherwise] if entry.otherwise else [])]
    keys = [row.key or f"from {_edge(row, entry)}" for row in entry.rows] + [OTHERWISE]
    return {
        row: ParameterEntry(
            label=f"{entry.label}: {key}",
            unit=entry.unit,
            values={EVERY_YEAR: ValueEntry(**value.model_dump(include=set(ValueEntry.model_fields)))},
        )
        for row, key, value in zip(table.rows, keys, values, strict=False)
    }


def row_texts(table: FormulaTable) -> list[str]:
    """Return the key of each row of a table as `--set` takes it: `primary`, `200000`, `10%`."""
    edges = [edge_text(edge, table.key_unit).replace(",", "") for edge in table.edges]
    return [*(edges or map(str, table.keys)), *([OTHERWISE] if table.has_otherwise else [])]


def _edge(row: TableRowEntry, table: TableEntry) -> str:
    """Return the edge of a band as text: as written if it is in quotes, otherwise in its unit."""
    return row.from_ if isinstance(row.from_, str) else edge_text(row.from_ or 0, table.key_unit)


class _PlacedRow(NamedTuple):
    """A row of a table, its place, and its number there."""

    entry: TableRowEntry
    where: Where
    number: int


def load_tables(
    model: AnyFile, file: str, place: Path | Traversable, faults: Faults
) -> tuple[AnyFile, tuple[tuple[str, str], ...]]:
    """Return a file with the rows of its tables, also of those in CSV files; and base name and SHA-256 of these files.

    A table with an error is reported. When collecting errors, it is left out, and its name and sources are unresolved.
    """
    tables, digests, own = {}, {}, Faults(collect=True)  # a run stops at the first error, and says how many there are
    for name, table in model.tables.items():
        earlier_errors, where, rows = own.errors, Where(file, f"tables › {name}"), list[_PlacedRow]()
        if table.file is None:
            for n, row in enumerate(table.rows, 1):
                rows.append(_PlacedRow(row, Where(file, f"{where.place} › rows › {row.key or f'number {n}'}"), n))
        elif (text := _read_text(table.file, place, where, own)) is not None:
            digests[table.file] = digest_of(text.encode())
            faults.files[table.file, digests[table.file]] = None
            rows += _csv_rows(text, Where(table.file), model, file, own)
        if own.errors == earlier_errors:  # an error in a row would cause others here
            _check_table(name, table, rows, where, own)
        if own.errors == earlier_errors:
            tables[name] = table.model_copy(update={"rows": [row.entry for row in rows]})
        else:
            # A source that only this table cites is not reported as well; a CSV file may cite any.
            cited = {row.entry.source for row in rows if row.entry.source} if table.file is None else {*model.sources}
            faults.unresolved |= {name, *cited}
    faults.report(own)
    return model.model_copy(update={"tables": tables}), tuple(digests.items())


def _read_text(name: str, place: Path | Traversable, where: Where, faults: Faults) -> str | None:
    """Return the text of a CSV file in the folder of the file at `place`; if it cannot be read, report it."""
    path: Path | Traversable = place.parent / name  # type: ignore[union-attr]  # a file in an archive has it too
    try:
        data = read_regular(path) if isinstance(path, Path) else path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as fault:
        problem = reading_problem(path, fault, (".csv",)) if isinstance(path, Path) else "there is no such file"
        remedy = f"{name} must be in the folder of {where.file}"
        at = Where(where.file, f"{where.place} › file")
        faults.error(FindingCode.UNREADABLE_RULES, at, f"{name}: {problem}", remedy=remedy)
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        at, problem = Where(name, f"line {line}"), f"byte {data[fault.start]:#04x} is not UTF-8"
        faults.error(FindingCode.UNREADABLE_RULES, at, problem, remedy="save the file as UTF-8")
    return None


def _csv_rows(text: str, where: Where, model: File, file: str, faults: Faults) -> Iterator[_PlacedRow]:
    """Yield the rows of a CSV file; a wrong heading or row is reported, and left out when collecting errors.

    `file` is the name of the file of the `model`, which has the sources.
    """
    records = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = next(records, [])
        if _report_heading(heading, where, faults):
            return
        for number_of_row, cells in enumerate(records, 2):
            at = Where(where.file, f"row {number_of_row}")
            if number_of_row > MOST_ROWS + 1:
                faults.error(
                    FindingCode.LIMIT, at, f"the table has more than {MOST_ROWS:,} rows", remedy="use fewer rows"
                )
                return
            if not any(cell.strip() for cell in cells):
                faults.error(FindingCode.SHAPE, at, "is blank", remedy="remove it")
                continue
            if len(cells) != len(heading):
                problem = f"has {counted(len(cells), 'cell')}; the heading has {len(heading)}"
                faults.error(FindingCode.SHAPE, at, problem, remedy="correct the row")
                continue
            data = {column: cell for column, cell in zip(heading, cells, strict=True) if cell.strip()}
            try:
                row = TableRowEntry.model_validate(data)
            except ValidationError as fault:
                for wrong in shape_errors(fault, data, TableRowEntry):
                    code = FindingCode.ORIGIN if wrong.kind == "origin" else FindingCode.SHAPE
                    place = f"{at.place}, {wrong.place}" if wrong.place else at.place
                    faults.error(code, Where(where.file, place), wrong.message)
                continue
            if row.source and row.source not in model.sources:
                problem = f"there is no source {one_line(row.source)}{nearest(row.source, model.sources)}"
                remedy = f"declare it in {file} under [sources.{one_line(row.source)}]"
                faults.error(
                    FindingCode.NO_SUCH_SOURCE, Where(where.file, f"{at.place}, source"), problem, remedy=remedy
                )
            yield _PlacedRow(row, at, number_of_row)
    except csv.Error as fault:
        at = Where(where.file, f"line {records.line_num}")
        faults.error(
            FindingCode.UNREADABLE_RULES,
            at,
            f"cannot be split into cells ({fault})",
            remedy="correct the quotation marks",
        )


def _report_heading(heading: list[str], where: Where, faults: Faults) -> bool:
    """Return whether the first row of a CSV file is no heading of a table, and report why."""
    at, problem, remedy = Where(where.file, "row 1"), "", _COLUMNS_TEXT
    first = "".join(heading[:1])
    if first.lower().startswith("sep="):
        problem, remedy = "is not the heading; it names a separator", "remove it, and save the file with commas"
    elif separators := next((name for sign, name in _SEPARATORS.items() if sign in first), ""):
        problem, remedy = f"expected commas between cells; found {separators}", "save the file with commas"
    elif unknown := [column for column in heading if column not in _COLUMNS]:
        problem = f"unknown column {one_line(unknown[0]) or '(blank)'}{nearest(unknown[0], _COLUMNS)}"
    elif twice := [column for column in heading if heading.count(column) > 1]:
        problem = f"the column {twice[0]} is there twice"
    elif "value" not in heading:
        problem = "there is no column value"
    elif ("key" in heading) == ("from" in heading):
        problem = f"expected a column key or a column from; found {'both' if 'key' in heading else 'neither'}"
    if problem:
        faults.error(FindingCode.SHAPE, at, problem, remedy=remedy)
    return bool(problem)


def _check_table(name: str, table: TableEntry, rows: list[_PlacedRow], where: Where, faults: Faults) -> None:
    """Report each row that does not fit the rows above it, and units and `otherwise` that do not fit the rows."""
    if not rows:
        faults.error(FindingCode.SHAPE, where, "the table has no rows", remedy="add one or more")
        return
    first = rows[0]
    kinds = "bands (from)" if first.entry.key is None else "texts (key)"
    if first.entry.key is None and table.otherwise:
        problem = "otherwise is for texts; a number outside all bands of a table is an error"
        faults.error(
            FindingCode.SHAPE,
            Where(where.file, f"{where.place} › otherwise"),
            problem,
            remedy="remove it, or add bands",
        )
    if first.entry.key is not None and table.key_unit:
        problem = "key_unit is the unit of the edges of bands; the keys of this table are texts"
        remedy = "remove it"
        if BAND_TEXT.match(first.entry.key):
            problem += f", such as {one_line(first.entry.key)!r}"
            remedy = "for bands, write from, the number where each begins, in place of key; for texts, remove key_unit"
        faults.error(
            FindingCode.UNITS_DO_NOT_FIT, Where(where.file, f"{where.place} › key_unit"), problem, remedy=remedy
        )
    keys: dict[str, _PlacedRow] = {}
    for above, row in zip([None, *rows], rows, strict=False):
        entry, place = row.entry, row.where
        if (entry.key is None) != (first.entry.key is None):
            problem = f"the rows above are {kinds}, and this row is not"
            faults.error(FindingCode.SHAPE, place, problem, remedy="make two tables")
        elif entry.key is not None:
            _check_key(entry.key, keys.setdefault(entry.key.casefold(), row), row, faults)
        elif problem := _band_problem(above.entry if above and above.entry.key is None else None, entry):
            faults.error(FindingCode.BOUNDS, place, problem)
        edges, edges_noun = (entry.from_, entry.up_to), f"the edges of {name}"
        numbers = [(edges_noun, table.key_unit, edge) for edge in edges if edge is not None]
        for noun, unit, value in [*numbers, (name, table.unit, entry.value)]:
            if problem := percentage_problem(noun, str(value).strip(), unit):
                faults.error(FindingCode.UNITS_DO_NOT_FIT, place, problem)


def _check_key(key: str, other: _PlacedRow, row: _PlacedRow, faults: Faults) -> None:
    """Report a row whose key an `other` row above it has too, with the same or with other capitals."""
    if other.number == row.number:
        return
    problem, remedy = f"row {other.number} has the same key", "keep one row for it"
    if other.entry.key != key:
        problem = f"the keys {other.entry.key!r} and {key!r} differ only in capitals, which Excel does not tell apart"
        remedy = "rename or remove one"
    faults.error(FindingCode.NAME_TAKEN, row.where, problem, remedy=remedy)


def _band_problem(above: TableRowEntry | None, band: TableRowEntry) -> str:
    """Return why a band is empty or does not follow the band above it, and what to do; an empty text if it is right."""
    low = number(band.from_ or 0)
    if above is not None:
        lowest, end = number(above.from_ or 0), None if above.up_to is None else number(above.up_to)
        if not _is_above(low, lowest):
            relation = "below" if _is_above(lowest, low) else "the same as"
            return (
                f"from {band.from_} is {relation} from {above.from_} of the row above; list the bands in rising order"
            )
        if end is not None and (_is_above(end, low) or _is_above(low, end)):
            relation = "overlaps this band" if end > low else "leaves a gap before this band"
            return f"the band above ends at {above.up_to} and {relation}, from {band.from_}; write one number for both"
    if band.up_to is not None and not _is_above(number(band.up_to), low):
        return f"the band from {band.from_} up_to {band.up_to} is empty; up_to must be above from"
    return ""


def _is_above(high: float, low: float) -> bool:
    """Return whether a number is above another by more than the tolerance of comparisons."""
    return high - low > SAME * max(1.0, abs(high), abs(low))
