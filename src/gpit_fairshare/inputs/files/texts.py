"""Read text files as cells: their encoding, and the separator between the cells."""

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

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}
_LINES_A_ROW = 10
"""Lines for each row that is allowed, blank ones among them."""
LOOKED_AT = 200
"""Rows that are inspected to find the separator between the cells."""

_SEP_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
_UTF8_PAIR = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_QUOTES = 'Close every quotation mark, and double those inside a text: "the ""old"" system"'
_SAVE_AS = "Save it as UTF-8; in Excel the file type is 'CSV UTF-8 (Comma delimited)'"


def read_text_file(data: bytes, options: ReadOptions, usual: str) -> Grid:
    """Read a text file.

    Args:
        data: the file.
        options: the limits; its `recognise` finds headings.
        usual: the separator that the file's name suggests; used where the rows leave it open.

    Raises:
        Unreadable: the file is too large, its encoding is not supported, or its cells cannot be separated.
    """
    check_size(len(data), options, "the file has")
    text, remarks = _decoded(data)
    first, _, other_lines = text.partition("\n")
    separator_line = _SEP_LINE.fullmatch(first)
    if separator_line:
        separator, text = separator_line[1], other_lines
        if separator not in SEPARATORS:
            raise Unreadable(
                FindingCode.SEPARATORS,
                f"its first line says that {separator!r} stands between the cells",
                "Save it with commas, semicolons or tabs",
                "row 1",
            )
        remarks.append(
            Finding.note(FindingCode.SEPARATORS, f"its first line says that {SEPARATORS[separator]} part cells")
        )
    else:
        separator = _separator(text, options, usual)
        if separator != usual:
            remarks.append(Finding.note(FindingCode.SEPARATORS, f"its cells stand between {SEPARATORS[separator]}"))
    records = _filled(_records(text, separator, 2 if separator_line else 1), options)
    if not records:
        raise Unreadable(FindingCode.EMPTY, "there is nothing in it", "Export it again, with its rows")
    return Grid("", records, typed=False, remarks=remarks, decimal_comma=separator == ";")


def text_needs(path: Path, _options: ReadOptions) -> int:
    """Return the `--max-size` that a text file needs, or a little more: separators in its texts count as well."""
    lines, separators = 1, dict.fromkeys(SEPARATORS, 0)
    with path.open("rb") as stream:
        while piece := stream.read(MEGABYTE):
            lines += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
            for sign in separators:
                separators[sign] += piece.count(sign.encode())
    return megabytes_needed(path.stat().st_size, lines, lines + max(separators.values()))


def _filled(rows: Iterator[tuple[int, Sequence[str]]], options: ReadOptions) -> list[tuple[int, Sequence[str]]]:
    """Return the rows that hold anything, as long as there are not too many."""
    records = []
    cells = 0
    for number, record in rows:
        if number > _LINES_A_ROW * options.most_rows:
            check_extent(number, 0, options, "the file has")
        if any(cell.strip() for cell in record):
            records.append((number, record))
            cells += len(record)
            check_extent(len(records), cells, options, "the file has")
    return records


def _decoded(data: bytes) -> tuple[str, list[Finding]]:
    if not data.strip(b"\x00 \t\r\n"):
        raise Unreadable(FindingCode.EMPTY, "the file is empty", "Export it again, with its rows")
    if data.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return _wide(data, "utf-32", "UTF-32")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _wide(data, "utf-16", "UTF-16")
    if b"\x00" in data:
        # Letters of our files have one zero byte of two in UTF-16: the second, or in big-endian text the first.
        first, second = data[0::2].count(0), data[1::2].count(0)
        if max(first, second) * 4 < len(data):
            raise Unreadable(FindingCode.ENCODING, "the text holds a zero byte", _SAVE_AS, _line(data, data.index(0)))
        return _wide(data, "utf-16-le" if second >= first else "utf-16-be", "UTF-16")
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return _in_windows_1252(data, error)


def _wide(data: bytes, codec: str, name: str) -> tuple[str, list[Finding]]:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        message = f"the text holds zero bytes and is not in {name} either"
        raise Unreadable(FindingCode.ENCODING, message, _SAVE_AS, f"byte {error.start + 1}") from error
    if "\x00" in text:
        raise Unreadable(FindingCode.ENCODING, "the text holds zero bytes", _SAVE_AS)
    return text, [Finding.note(FindingCode.ENCODING, f"its text is in {name}")]


def _in_windows_1252(data: bytes, error: UnicodeDecodeError) -> tuple[str, list[Finding]]:
    """Read text of Excel's plain "CSV". Refuse a file with UTF-8 elsewhere: it is damaged."""
    place = _line(data, error.start)
    byte = data[error.start]
    if _UTF8_PAIR.search(data):
        message = f"byte {byte:#04x} is not UTF-8, which other places of the file are in"
        raise Unreadable(FindingCode.ENCODING, message, f"{_SAVE_AS}, from where it came", place) from error
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as fault:
        message = f"byte {data[fault.start]:#04x} is neither UTF-8 nor Windows-1252"
        raise Unreadable(FindingCode.ENCODING, message, _SAVE_AS, _line(data, fault.start)) from fault
    message = f"its text is in Windows-1252; {place} has '{bytes([byte]).decode('cp1252')}'"
    return text, [Finding.note(FindingCode.ENCODING, message, "Save it as UTF-8 if that is another letter")]


def _line(data: bytes, position: int) -> str:
    number = data.count(b"\n", 0, position) + 1
    return f"line {number}"


def _separator(text: str, options: ReadOptions, usual: str) -> str:
    """Return the separator between the cells: the one that gives the most known headings, then the most even rows."""

    def merit(separator: str) -> tuple[int, int, bool]:
        try:
            rows = list(islice((row for _, row in _records(text, separator, 1)), LOOKED_AT))
        except Unreadable:
            return 0, 0, False
        headings = max((len(known_headings(row, options.recognise)) for row in rows if len(row) > 1), default=0)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        return headings, max(widths.values(), default=0), separator == usual

    candidates = [separator for separator in SEPARATORS if separator in text]
    return max(candidates, key=merit, default=usual)


def _records(text: str, separator: str, first: int) -> Iterator[tuple[int, Sequence[str]]]:
    # Strict: a quotation mark that is never closed would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = first - 1
    try:
        for number, record in enumerate(reader, first):
            yield number, record
    except csv.Error as error:
        raise Unreadable(
            FindingCode.SEPARATORS,
            f"the row cannot be told into cells: {error}",
            "Shorten the cell" if "limit" in str(error) else _QUOTES,
            f"row {number + 1}",
        ) from error
