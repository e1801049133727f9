"""Read text files into cells: find the encoding and the separator between cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.inputs.files.grids import (
    MEGABYTE,
    Grid,
    ReadOptions,
    Unreadable,
    check_extent,
    check_size,
    known_headings,
    megabytes_needed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LINES_A_ROW = 10
"""Lines allowed for each row allowed, including blank lines."""
LOOKED_AT = 200
"""Rows checked to find the separator between cells."""

_SEP_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
_UTF8_PAIR = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_QUOTES = 'Close every quotation mark, and double those inside a text: "the ""old"" system"'
_SAVE_AS = "Save it as UTF-8; in Excel the file type is 'CSV UTF-8 (Comma delimited)'"


def read_text_file(data: bytes, options: ReadOptions, usual: str) -> Grid:
    """Read a text file into cells: find its encoding and its separator, and split its rows.

    A first line such as `sep=;` decides the separator and is not a row. An encoding other than UTF-8 and an unusual
    separator are noted in `remarks`.

    Args:
        data: the bytes of the file.
        options: the limits, and `recognise` for headings.
        usual: the separator expected from the file's name, used if the rows do not decide.

    Raises:
        Unreadable: the file is too large, its encoding is not supported, or its cells cannot be separated.
    """
    check_size(len(data), options, "the file has")
    text, remarks = _decode_text(data)
    first, _, other_lines = text.partition("\n")
    separator_line = _SEP_LINE.fullmatch(first)
    if separator_line:
        separator, text = separator_line[1], other_lines
        if separator not in SEPARATORS:
            raise Unreadable(
                FindingCode.SEPARATORS,
                f"its first line names {separator!r} as the separator",
                "Save it with commas, semicolons or tabs between cells",
                "row 1",
            )
        remarks.append(
            Finding.note(FindingCode.SEPARATORS, f"its first line names {SEPARATORS[separator]} as separators")
        )
    else:
        separator = _find_separator(text, options, usual)
        if separator != usual:
            remarks.append(Finding.note(FindingCode.SEPARATORS, f"its cells are separated by {SEPARATORS[separator]}"))
    records = _filled_rows(_split_rows(text, separator, 2 if separator_line else 1), options)
    if not records:
        raise Unreadable(FindingCode.EMPTY, "the file has no values", "Export it again with its rows")
    return Grid("", records, typed=False, remarks=remarks, decimal_comma=separator == ";")


def text_file_megabytes(path: Path, _options: ReadOptions) -> int:
    """Return the `--max-size` in megabytes that a text file needs, or a little more.

    Separators inside texts are counted as if they separated cells.
    """
    lines, separators = 1, dict.fromkeys(SEPARATORS, 0)
    with path.open("rb") as stream:
        while piece := stream.read(MEGABYTE):
            lines += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
            for sign in separators:
                separators[sign] += piece.count(sign.encode())
    return megabytes_needed(path.stat().st_size, lines, lines + max(separators.values()))


def _filled_rows(rows: Iterator[tuple[int, Sequence[str]]], options: ReadOptions) -> list[tuple[int, Sequence[str]]]:
    """Return the rows that are not blank, with their numbers; a table with too many rows or cells is refused.

    So is a file with more than ten times as many lines, blank ones included, as a table may have rows.
    """
    records, cells, most_rows, most_cells = [], 0, options.most_rows, options.most_cells
    for number, record in rows:
        if number > _LINES_A_ROW * most_rows:
            check_extent(number, 0, options, "the file has")
        if any(map(str.strip, record)):
            records.append((number, record))
            cells += len(record)
            if len(records) > most_rows or cells > most_cells:
                check_extent(len(records), cells, options, "the file has")
    return records


def _decode_text(data: bytes) -> tuple[str, list[Finding]]:
    """Return the text of a file in UTF-8, UTF-16, UTF-32 or Windows-1252, and a note unless it is in UTF-8.

    Raises:
        Unreadable: the file is empty, or has zero bytes but is not in UTF-16 or UTF-32.
    """
    if not data.strip(b"\x00 \t\r\n"):
        raise Unreadable(FindingCode.EMPTY, "the file is empty", "Export it again with its rows")
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return _decode_wide_text(data, "utf-32", "UTF-32")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decode_wide_text(data, "utf-16", "UTF-16")
    if b"\x00" in data:
        # In UTF-16, one of the two bytes of common letters is zero: the second, or in big-endian text the first.
        first, second = data[0::2].count(0), data[1::2].count(0)
        if max(first, second) * 4 < len(data):
            raise Unreadable(FindingCode.ENCODING, "the text has a zero byte", _SAVE_AS, _line(data, data.index(0)))
        return _decode_wide_text(data, "utf-16-le" if second >= first else "utf-16-be", "UTF-16")
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return _decode_windows_1252(data, error)


def _decode_wide_text(data: bytes, codec: str, name: str) -> tuple[str, list[Finding]]:
    """Return the text of a file in UTF-16 or UTF-32, and a note with the name of the encoding.

    Raises:
        Unreadable: the bytes are not valid in this encoding, or the text has a zero character.
    """
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        message = f"the text contains zero bytes but is not valid {name}"
        raise Unreadable(FindingCode.ENCODING, message, _SAVE_AS, f"byte {error.start + 1}") from error
    if "\x00" in text:
        raise Unreadable(FindingCode.ENCODING, "the text contains zero bytes", _SAVE_AS)
    return text, [Finding.note(FindingCode.ENCODING, f"its text is in {name}")]


def _decode_windows_1252(data: bytes, error: UnicodeDecodeError) -> tuple[str, list[Finding]]:
    """Return the text of a file in Windows-1252, as Excel saves plain "CSV", and a note.

    Args:
        data: the bytes of the file.
        error: the reason why they are not UTF-8.

    Raises:
        Unreadable: other parts of the file are in UTF-8, so it is damaged, or a byte is not in Windows-1252.
    """
    place = _line(data, error.start)
    byte = data[error.start]
    if _UTF8_PAIR.search(data):
        message = f"byte {byte:#04x} is not UTF-8, but other parts of the file are"
        raise Unreadable(FindingCode.ENCODING, message, f"Go back to the original file. {_SAVE_AS}", place) from error
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as cp1252_error:
        message = f"byte {data[cp1252_error.start]:#04x} is neither UTF-8 nor Windows-1252"
        raise Unreadable(FindingCode.ENCODING, message, _SAVE_AS, _line(data, cp1252_error.start)) from cp1252_error
    message = f"its text is in Windows-1252; {place} has '{bytes([byte]).decode('cp1252')}'"
    return text, [Finding.note(FindingCode.ENCODING, message, "If that is the wrong letter, save it as UTF-8")]


def _line(data: bytes, position: int) -> str:
    """Return the line with the byte at this position for a message: `line 3`."""
    number = data.count(b"\n", 0, position) + 1
    return f"line {number}"


def _find_separator(text: str, options: ReadOptions, usual: str) -> str:
    """Return the separator that gives the most known headings, then the most rows of equal length; else `usual`.

    Only separators in the text are compared, by its first 200 rows; one with which it cannot be split comes last.

    Args:
        text: the text of the file.
        options: `recognise` for headings.
        usual: the separator expected from the file's name.
    """

    def merit(separator: str) -> tuple[int, int, bool]:
        """Return how many known headings and rows of equal length a separator gives, and whether it is `usual`."""
        try:
            rows = list(islice((row for _, row in _split_rows(text, separator, 1)), LOOKED_AT))
        except Unreadable:
            return 0, 0, False
        headings = max((len(known_headings(row, options.recognise)) for row in rows if len(row) > 1), default=0)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        return headings, max(widths.values(), default=0), separator == usual

    candidates = [separator for separator in SEPARATORS if separator in text] or [usual]
    return max(candidates, key=merit) if len(candidates) > 1 else candidates[0]


def _split_rows(text: str, separator: str, first: int) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield each row of a text file with its number, split into cells at the separator.

    Args:
        text: the text of the file.
        separator: the character between cells.
        first: the number of the first row.

    Raises:
        Unreadable: a quotation mark is not closed, or a cell is too long.
    """
    # Strict, because otherwise an unclosed quotation mark would take in the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = first - 1
    try:
        for number, record in enumerate(reader, first):
            yield number, record
    except csv.Error as error:
        raise Unreadable(
            FindingCode.SEPARATORS,
            f"the row cannot be split into cells: {error}",
            "Shorten the cell" if "limit" in str(error) else _QUOTES,
            f"row {number + 1}",
        ) from error
