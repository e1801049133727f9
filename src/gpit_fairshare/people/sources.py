"""The files with rows of people: which there are, and whether all have the same columns."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.headings import headings_sentence
from gpit_fairshare.people.engines import CSV, first_line
from gpit_fairshare.run_options import listed
from gpit_fairshare.words import counted, joined, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ENDINGS: Final = (".parquet", CSV)
_TEXT: Final = "text"


@dataclass(frozen=True, slots=True)
class PeopleFiles:
    """Files of one kind with rows of people."""

    paths: tuple[str, ...]
    """In order; those of a folder by name."""
    ending: str
    """`.parquet` or `.csv`."""
    sources: tuple[str, ...]
    """The files and folders as they were given."""
    others: tuple[str, ...] = ()
    """Names of other files in the folders, which are not read."""

    @property
    def is_local(self) -> bool:
        """Return whether the files are on this machine; others are addresses that only their engine can read."""
        return not any("://" in path for path in self.paths)

    def name(self, path: str) -> str:
        """Return the name of a file for messages, with its folder where another file has the same."""
        names = [Path(other).name for other in self.paths]
        return Path(path).name if names.count(Path(path).name) < 2 else "/".join(Path(path).parts[-2:])

    def digests(self) -> list[dict[str, str | None]]:
        """Return the name of each file with its SHA-256, for a manifest; that of an address is not known.

        Raises:
            UsageError: Two files have the same bytes, so that their people would count twice.
        """
        entries: list[dict[str, str | None]] = []
        names: dict[str, str] = {}
        for path in self.paths:
            digest = None
            if self.is_local:
                with Path(path).open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                if digest in names:
                    same = f"{self.name(path)} and {names[digest]} have the same bytes"
                    raise UsageError(f"{same}, so their people would count twice; give one of them")
                names[digest] = self.name(path)
            entries.append({"file": self.name(path), "sha256": digest})
        return entries


def find_files(people: str | Path | Sequence[str | Path]) -> PeopleFiles:
    """Return the files that paths and folders name.

    Raises:
        UsageError: There is no such file or folder, a folder holds none, there are several kinds, or engines would read
            a file differently or twice.
    """
    paths: list[str] = []
    others: list[str] = []
    local: set[Path] = set()
    sources = [*map(str, listed(people, "people"))]
    for source in sources:
        place = Path(source)
        files = [place]
        if "://" in source:
            paths.append(source)
            continue
        if place.is_dir():
            inside = sorted(path for path in place.rglob("*") if path.is_file())
            files = [path for path in inside if path.suffix.lower() in _ENDINGS]
            # Spark writes files such as _SUCCESS and .part.crc beside the rows.
            unread = [path for path in inside if path not in files and path.name[0] not in "._"]
            others += [path.relative_to(place).as_posix() for path in unread]
            if not files:
                raise UsageError(f"{source}: the folder holds no file ending in {joined(_ENDINGS, 'or')}")
        elif not place.is_file():
            raise UsageError(f"{source}: there is no such file or folder")
        for file in files:
            name = file.name if file == place else file.relative_to(place).as_posix()
            # Spark leaves out hidden files without a word, and engines read patterns differently.
            if re.search(r"(^|/)[._]", name) or re.search(r"[*?\[\]{}]", str(file)):
                raise UsageError(f"{file}: expected a name that does not begin with . or _ and has none of *?[]{{}}")
            if file.resolve() in local:
                raise UsageError(f"{file}: the file is given twice, so its people would count twice")
            local.add(file.resolve())
            paths.append(str(file))
    endings = {Path(path).suffix.lower() if Path(path).suffix.lower() == CSV else ".parquet" for path in paths}
    for path in paths:
        if "://" not in path and Path(path).suffix.lower() not in _ENDINGS:
            raise UsageError(f"{path}: expected a file ending in {joined(_ENDINGS, 'or')}, or a folder of these")
    if len(endings) > 1:
        raise UsageError("the rows are in Parquet and in CSV files; give files of one kind")
    return PeopleFiles(tuple(paths), endings.pop(), tuple(sources), tuple(others))


def check_files(files: PeopleFiles, find_headings: Callable[[Sequence[str]], Mapping[str, str]]) -> None:
    """Check that every local file can be opened and has the columns of the first, of the same types.

    Args:
        files: The files.
        find_headings: Returns the heading of each column that is needed, from the headings of a file.

    Raises:
        InputError: A file is damaged, or has other columns; it carries all findings.
    """
    findings = FindingCollector()
    first: list[tuple[str, str]] = []
    needed: Mapping[str, str] = {}
    for path in files.paths:
        where = Where(files.name(path))
        try:
            columns = _columns_of(path, files.ending)
            ragged = _ragged_lines(path, len(columns)) if files.ending == CSV and columns else []
        except (OSError, UnicodeDecodeError, csv.Error, pl.exceptions.PolarsError) as fault:
            unreadable(findings, where, fault)
            continue
        if not columns:
            findings.error(FindingCode.EMPTY, where, "the file is empty", "headings and rows", "Leave the file out")
        elif not first:
            first, needed = columns, find_headings([name for name, _ in columns])
        else:
            _compare(findings, where, columns, first, needed, is_csv=files.ending == CSV)
        if ragged:
            # Polars would fill short rows with blanks; DuckDB and Spark leave out blank lines.
            description = f"{counted(len(ragged), 'row')} cannot be split into cells, the first in line {ragged[0]:,}"
            expected = f'{counted(len(columns), "cell")} in each row, and no line break or single " in a cell'
            findings.error(FindingCode.SEPARATORS, where, description, expected, "Correct the rows")
    if findings.errors:
        raise InputError(findings.items)


def unreadable(findings: FindingCollector, where: Where, fault: BaseException) -> None:
    """Report a file that cannot be read, with the reason."""
    code, expected, remedy = FindingCode.UNREADABLE, "a whole file", "Copy the file again"
    if "utf-8" in str(fault):
        code, expected, remedy = FindingCode.ENCODING, "text in UTF-8", "Save it again as 'CSV UTF-8'"
    findings.error(code, where, f"cannot be read ({one_line(first_line(fault))})", expected, remedy)


def _columns_of(path: str, ending: str) -> list[tuple[str, str]]:
    """Return the headings of a file in order, each with the type of its cells; empty if the file is."""
    if ending != CSV:
        types = pl.read_parquet_schema(path)
        return [(name, _TEXT if kind == pl.String else str(kind)) for name, kind in types.items()]
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        return [(name, _TEXT) for name in next(csv.reader(stream, strict=True), [])]


def _ragged_lines(path: str, width: int) -> list[int]:
    """Return the numbers of the lines of a CSV file that have another number of cells than the headings."""
    cell = '(?:[^",]*|(?:"[^"]*")+)'
    is_row = pl.col("text").str.contains(f"^{cell}(?:,{cell}){{{width - 1}}}\r?$") & (pl.col("text") != "\r")
    # A zero byte as separator: so each line is one text.
    text = {"text": pl.String}
    lines = pl.scan_csv(path, has_header=False, separator="\0", quote_char=None, schema=text, glob=False)
    numbered = lines.with_row_index("line", 1)
    return numbered.filter(~is_row.fill_null(value=False)).collect(engine="streaming")["line"].to_list()


def _compare(
    findings: FindingCollector,
    where: Where,
    columns: Sequence[tuple[str, str]],
    first: Sequence[tuple[str, str]],
    needed: Mapping[str, str],
    *,
    is_csv: bool,
) -> None:
    """Report what differs between the columns of a file and those of the first."""
    remedy = "Leave the file out, or write it again with the columns of the first"
    types, first_types = dict(columns), dict(first)
    sentence = headings_sentence([name for name, _ in columns])
    for name, heading in needed.items():
        if heading not in types:
            description = f"has no column {name}; {sentence}"
            findings.error(FindingCode.MISSING_COLUMN, where, description, f"'{heading}', as in the first file", remedy)
        elif (kind := types[heading]) != (expected := first_types[heading]):
            description = f"'{heading}' is of type {kind}"
            findings.error(FindingCode.HEADING, where, description, f"{expected}, as in the first file", remedy)
    if is_csv and {*types} >= {*needed.values()} and columns != first:
        # Spark matches the columns of CSV files by their place.
        description = f"has other headings than the first file: {sentence}"
        findings.error(FindingCode.HEADING, where, description, "the same headings in the same order", remedy)
