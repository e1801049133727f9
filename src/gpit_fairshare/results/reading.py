"""Read result files of every kind back with their types."""

from __future__ import annotations

import hashlib
import io
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import read_regular, reading_problem
from gpit_fairshare.inputs.files.grids import MEGABYTE, Unreadable
from gpit_fairshare.magnitude import LARGEST, SMALLEST
from gpit_fairshare.results import RESULT_ENDINGS, manifest_name
from gpit_fairshare.results.model import KEYS, Origins, Record, inputs_of, scheme_of
from gpit_fairshare.results.workbooks import COMPARISON, book_manifest, read_book
from gpit_fairshare.results.writing import FORMULA_STARTS, JSON_SCHEMA, MANIFEST_SCHEMA
from gpit_fairshare.structured_texts import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gpit_fairshare.scheme.model import Scheme

LARGEST_RESULT: Final = 512 * MEGABYTE
"""Most bytes of a result file: 8,000 practices in two years fill 60 MB."""
ANSWER: Final = "allocation"
"""Name of the answer column in a table without a manifest."""
_MOST_CELLS: Final = LARGEST_RESULT // 8
"""Most cells of a table: as many numbers as fill the largest file."""


def read_record(path: str | Path) -> Record:
    """Return the content of a result file: its sorted rows, and if it has its manifest also rule and inputs.

    The manifest of a CSV or Parquet file is looked for in its folder. Without one, the types of columns are guessed,
    and the answer is the column `allocation`, if there is one.

    Raises:
        UsageError: The file does not exist, cannot be read, holds no result of gpit, or an organisation twice; a figure
            is blank; or the years are not those of its scheme.
    """
    path = _checked_path(path)
    data = result_bytes(path)
    match path.suffix.lower():
        case ".json":
            document = _parse_result_document(path.name, data)
            rows, manifest, origins = document["rows"], document.get("manifest"), _origins(document)
        case ".xlsx":
            with readable(path.name):
                rows, manifest, origins = read_book(path.name, data, LARGEST_RESULT)
        case ending:
            rows, manifest, origins = _read_table_file(path, data, ending)
    scheme = scheme_of(manifest, path.name) if manifest is not None else None
    # Rows as a person counts them: the headings of a CSV file are its first row.
    frame = _type_rows(rows, scheme, path.name, 2 if path.suffix.lower() == ".csv" else 1)
    _refuse_duplicates(frame, path.name)
    frame = frame.sort(*KEYS)
    if scheme is None or manifest is None:
        answer = ANSWER if ANSWER in frame.columns else ""
        refuse_blanks(frame, [answer] if answer else [], path.name)
        return Record(path.name, frame, answer)
    refuse_blanks(frame, [step.name for step in scheme.steps], path.name)
    years = sorted(set(frame["year"].to_list()))
    if years != sorted(scheme.years):
        raise UsageError(
            f"{path.name}: has rows of {', '.join(years) or 'no year'}, but its scheme has {', '.join(scheme.years)}"
        )
    inputs = inputs_of(manifest, scheme, frame, origins, path.name)
    return Record(path.name, frame, scheme.result, manifest, scheme, inputs)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """The bytes of a result file and its manifest."""

    path: Path
    data: bytes
    manifest: Mapping[str, Any]
    document: Mapping[str, Any]
    """The document of a JSON file, or of the manifest of a CSV or Parquet file; empty for a workbook."""
    manifest_data: bytes = b""
    """The bytes of the manifest of a CSV or Parquet file."""


def open_result(path: str | Path) -> ResultFile:
    """Return the bytes of a result file with its manifest; its rows are not read.

    Raises:
        UsageError: The file does not exist, cannot be read, is not a result of gpit, or has no manifest.
    """
    path = _checked_path(path)
    data = result_bytes(path)
    match path.suffix.lower():
        case ".json":
            document = _parse_result_document(path.name, data)
            manifest = document.get("manifest")
            if not isinstance(manifest, dict):
                raise UsageError(f"{path.name}: has no manifest; expected a JSON document of gpit allocate")
            return ResultFile(path, data, manifest, document)
        case ".xlsx":
            with readable(path.name):
                return ResultFile(path, data, book_manifest(path.name, data, LARGEST_RESULT), {})
    manifest_path = path.with_name(manifest_name(path))
    if not manifest_path.is_file():
        _read_table_file(path, data, path.suffix.lower())  # refuses a comparison, which has no manifest
        raise UsageError(
            f"{path.name}: its manifest {manifest_path.name} is not in its folder, and a table alone does not say how "
            "it was made; put the manifest there, or write the table with --manifest"
        )
    text = result_bytes(manifest_path)
    document = _parse_manifest_document(manifest_path.name, text)
    return ResultFile(path, data, document["manifest"], document, text)


def _checked_path(path: object) -> Path:
    """Return a path, of a text too.

    Raises:
        UsageError: It is something else, such as a frame.
    """
    if not isinstance(path, str | Path):
        kind = type(path).__name__
        raise UsageError(f"expected the path of a result file, or a Result where one can be given; found a {kind}")
    return Path(path)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Context manager: turns the error of an unreadable workbook into a usage error that names the file.

    Raises:
        UsageError: The workbook is damaged, protected, too large or hostile.
    """
    try:
        yield
    except Unreadable as fault:
        raise UsageError(f"{name}: {fault.finding.found}. {fault.finding.remedy}".rstrip(". ")) from None


def result_bytes(path: Path) -> bytes:
    """Return the bytes of a result file, or of a manifest.

    Raises:
        UsageError: The file does not exist, cannot be read, is too large, or has another ending.
    """
    if path.suffix.lower() not in RESULT_ENDINGS:
        raise UsageError(f"{path}: is not a result file; results end in {', '.join(RESULT_ENDINGS)}")
    try:
        if path.stat().st_size > LARGEST_RESULT:
            raise UsageError(f"{path.name}: is larger than {LARGEST_RESULT // MEGABYTE} MB; no result of gpit is")
        return read_regular(path)
    except OSError as fault:
        raise UsageError(f"{path}: {reading_problem(path, fault)}") from None


def _parse_document(name: str, data: bytes) -> dict[str, Any]:
    """Return a JSON document; an empty one if it is not an object.

    Raises:
        UsageError: It is not valid JSON.
    """
    try:
        document = parse_json(data)
    except ValueError as fault:
        raise UsageError(f"{name}: is not valid JSON ({fault})") from None
    return document if isinstance(document, dict) else {}


def _parse_result_document(name: str, data: bytes) -> dict[str, Any]:
    """Return the JSON document of a result.

    Raises:
        UsageError: It is a comparison, has another schema, or has no list of rows.
    """
    document = _parse_document(name, data)
    if str(document.get("schema")).startswith("gpit-comparison/"):
        raise UsageError(f"{name}: {COMPARISON}")
    if document.get("schema") != JSON_SCHEMA:
        raise UsageError(f"{name}: expected a result of gpit allocate ({JSON_SCHEMA}); found {_schema_text(document)}")
    if not isinstance(document.get("rows"), list):
        raise UsageError(f"{name}: has no list of rows; expected a result of gpit allocate")
    return document


def _parse_manifest_document(name: str, data: bytes) -> dict[str, Any]:
    """Return the JSON document of the manifest of a CSV or Parquet file.

    Raises:
        UsageError: It has another schema, or no manifest.
    """
    document = _parse_document(name, data)
    if document.get("schema") != MANIFEST_SCHEMA or not isinstance(document.get("manifest"), dict):
        raise UsageError(f"{name}: expected the manifest of a table; found {_schema_text(document)}")
    return document


def _schema_text(document: Mapping[str, Any]) -> str:
    """Return the schema that a document names, in quotes, or `no schema`, for a message."""
    return repr(str(document["schema"])[:60]) if "schema" in document else "no schema"


def _origins(document: Mapping[str, Any]) -> Origins:
    """Return the origins of inputs in a JSON document; entries that gpit would not write are ignored."""
    entries = document.get("origins")
    return {
        (str(entry.get("year")), str(entry.get("org_code")), name): place
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for name, place in entry.items()
        if name not in KEYS and isinstance(place, str)
    }


def _read_table_file(path: Path, data: bytes, ending: str) -> tuple[pl.DataFrame, Mapping[str, Any] | None, Origins]:
    """Return the rows of a CSV or Parquet file, and manifest and origins from its manifest file, if there is one.

    Raises:
        UsageError: The file is a comparison, or has changed since its manifest was written.
    """
    frame = table_frame(path.name, data, ending)
    if {"old", "new", "first_difference"} <= {*frame.columns}:
        raise UsageError(f"{path.name}: {COMPARISON}")
    manifest_path = path.with_name(manifest_name(path))
    if not manifest_path.is_file():
        return frame, None, {}
    document = _parse_manifest_document(manifest_path.name, result_bytes(manifest_path))
    table = document.get("table")
    digest = table.get("sha256") if isinstance(table, dict) else None
    if digest != hashlib.sha256(data).hexdigest():
        raise UsageError(
            f"{path.name}: is not the table that {manifest_path.name} was written for. Run gpit verify to see what "
            f"differs, or move {manifest_path.name} to another folder to compare only the rows"
        )
    return frame, document["manifest"], _origins(document)


def table_frame(name: str, data: bytes, ending: str) -> pl.DataFrame:
    """Return the rows of a table as stored; cells of a CSV file are texts, and its empty lines are left out.

    Raises:
        UsageError: The file is damaged, is not a table, or is larger than any result.
    """
    try:
        if ending == ".csv":
            frame = pl.read_csv(io.BytesIO(data.removeprefix(b"\xef\xbb\xbf")), infer_schema=False)
            return frame.filter(~pl.all_horizontal(pl.all().is_null()))  # empty lines are not rows
        lazy = pl.scan_parquet(io.BytesIO(data))
        # A file of a few bytes can have a billion rows of one value.
        cells = lazy.select(pl.len()).collect().item() * len(lazy.collect_schema())
        if cells > _MOST_CELLS:
            raise UsageError(f"{name}: has {cells:,} cells; no result of gpit has more than {_MOST_CELLS:,}")
        return lazy.collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as fault:
        reason = " ".join(str(fault).split())[:120]
        raise UsageError(f"{name}: is not a table that gpit wrote ({reason})") from None


def _type_rows(rows: list[dict[str, Any]] | pl.DataFrame, scheme: Scheme | None, name: str, first: int) -> pl.DataFrame:
    """Return the rows as a table with texts, floats and booleans in the right columns.

    If there is no column of names, an empty one is added.

    Args:
        rows: Rows as read from the file.
        scheme: The scheme that gives the types; None if the file has none, and types are guessed.
        name: Name of the file, for messages.
        first: Number of the first row, for messages.

    Raises:
        UsageError: The rows or columns are not as gpit writes them.
    """
    if isinstance(rows, pl.DataFrame):
        frame = rows
    else:
        if not all(isinstance(row, dict) for row in rows):
            raise UsageError(f"{name}: its rows do not have the form that gpit writes")
        columns = list(dict.fromkeys(key for row in rows for key in row))
        if unfit := next((column for column in columns if re.search("[\ud800-\udfff]", column)), None):
            raise UsageError(f"{name}: {unfit} is not a valid column name: it has half of a character")
        frame = pl.DataFrame({key: pl.Series([row.get(key) for row in rows], dtype=pl.Object) for key in columns})
    for key in KEYS:
        if key not in frame.columns:
            raise UsageError(f"{name}: has no column {key}; expected the tidy table of gpit allocate")
    if "org_name" not in frame.columns:
        frame = frame.with_columns(pl.lit("").alias("org_name"))
    return frame.select(_type_cells(frame[column], _type_name(column, scheme), name, first) for column in frame.columns)


def _type_name(column: str, scheme: Scheme | None) -> str:
    """Return the type to read a column as: text, number or yes/no.

    Year, code, name and columns that the scheme lacks are text. Without a scheme, any other type is empty: the cells
    decide.
    """
    if column in (*KEYS, "org_name"):
        return "text"
    if scheme and column in scheme.symbols:
        return scheme.symbols[column].type
    return "text" if scheme else ""


def _type_cells(cells: pl.Series, kind: str, name: str, first: int) -> pl.Series:
    """Return a column with its cells converted to a type; an empty text is a blank.

    Args:
        cells: The cells as read from the file.
        kind: Text, number or yes/no; if it is empty, it is guessed from the cells.
        name: Name of the file, for messages.
        first: Number of the first row, for messages.

    Raises:
        UsageError: A cell is not of the type, or a year or code is blank.
    """
    values = [None if value == "" else value for value in cells.to_list()]
    convert, dtype = _KINDS[kind or _guessed_kind(values)]
    typed = []
    for row, value in enumerate(values, first):
        try:
            typed.append(None if value is None else convert(value))
        except (ValueError, TypeError, OverflowError):
            value_text = repr(value)[:40]
            raise UsageError(f"{name}: row {row}, {cells.name}: expected a {kind}, found {value_text}") from None
    if cells.name in KEYS and None in typed:
        raise UsageError(f"{name}: row {typed.index(None) + first}: {cells.name} is blank")
    if cells.name == "org_name":
        typed = [value or "" for value in typed]
    return pl.Series(cells.name, typed, dtype=dtype)


def _guessed_kind(values: Sequence[Any]) -> str:
    """Return the type of a column in a table without a manifest: yes/no or number if all its cells are, else text."""
    present = [value for value in values if value is not None]
    fitting = (kind for kind in ("yes/no", "number") if present and all(_is_of_kind(kind, value) for value in present))
    return next(fitting, "text")


def _is_of_kind(kind: str, value: Any) -> bool:
    """Return whether a value can be read as text, number or yes/no, whichever `kind` says."""
    try:
        _KINDS[kind][0](value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _to_number(value: Any) -> float:
    """Return a cell as a float; a number nearer to 0 than 1e-50 becomes 0.

    Raises:
        TypeError: It is a yes/no.
        ValueError: It is larger than any number that gpit writes, or not a number.
    """
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if not abs(number) <= LARGEST:  # gpit writes no such number; NaN fails too
        raise ValueError
    return number if abs(number) >= SMALLEST else 0.0


def _to_yes_no(value: Any) -> bool:
    """Return a cell as a boolean; `true` and `false` in any case are accepted.

    Raises:
        TypeError: It is anything else.
    """
    if isinstance(value, str) and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    if not isinstance(value, bool):
        raise TypeError
    return value


def _to_text(value: Any) -> str:
    """Return a cell as text, without the apostrophe that a CSV file has before a text that looks like a formula."""
    text = str(value)
    text.encode()  # half of a character, such as "\ud800", is not text
    # A CSV file has an apostrophe before a text that Excel would run as a formula.
    return text[1:] if text.startswith("'") and text[1:2] in FORMULA_STARTS else text


_KINDS: Final[Mapping[str, tuple[Callable[[Any], Any], type[pl.DataType]]]] = {
    "number": (_to_number, pl.Float64),
    "yes/no": (_to_yes_no, pl.Boolean),
    "text": (_to_text, pl.String),
}
"""The function that reads the values of a kind, and the type of their column."""


def _refuse_duplicates(frame: pl.DataFrame, name: str) -> None:
    """Refuse a table that has an organisation twice in a year: it is unclear which row counts.

    Raises:
        UsageError: An organisation has two rows in a year.
    """
    duplicates = frame.filter(frame.select(*KEYS).is_duplicated())
    if duplicates.height:
        year, code = duplicates.select(*KEYS).row(0)
        raise UsageError(f"{name}: {code} is in {year} more than once; expected each organisation once a year")


def refuse_blanks(frame: pl.DataFrame, columns: Sequence[str], name: str) -> None:
    """Refuse a table that lacks a value in one of these columns, which every result has: a blank would count as 0.

    Raises:
        UsageError: A column is missing, holds something other than numbers or yes/no, or has a blank.
    """
    for column in columns:
        if column not in frame.columns:
            raise UsageError(f"{name}: has no column {column}, which every result of its rule has")
        cells = frame[column]
        if cells.dtype == pl.String:
            row, cell = next((row, cell) for row, cell in enumerate(cells.to_list()) if not _is_of_kind("number", cell))
            year, code = frame.select(*KEYS).row(row)
            raise UsageError(f"{name}: {column} of {code} in {year}: expected a number, found {cell!r:.40}")
        if cells.null_count():
            year, code = frame.filter(cells.is_null()).select(*KEYS).row(0)
            raise UsageError(f"{name}: {column} of {code} in {year} is blank; expected a value in every row")
