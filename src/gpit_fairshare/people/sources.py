"""The files with rows of people: which there are, and whether all have the same columns."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.headings import headings_sentence
from gpit_fairshare.people.engines import CSV
from gpit_fairshare.words import joined, one_line

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

    @property
    def is_local(self) -> bool:
        """Return whether the files are on this machine; others are addresses that only their engine can read."""
        return not any("://" in path for path in self.paths)

    def name(self, path: str) -> str:
        """Return the name of a file for messages, with its folder where another file has the same."""
        names = [Path(other).name for other in self.paths]
        return Path(path).name if names.count(Path(path).name) < 2 else "/".join(Path(path).parts[-2:])

    def digests(self) -> list[dict[str, str | None]]:
        """Return the name of each file with its SHA-256, for a manifest; that of an address is not known."""
        entries: list[dict[str, str | None]] = []
        for path in self.paths:
            digest = None
            if self.is_local:
                with Path(path).open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
            entries.append({"file": self.name(path), "sha256": digest})
        return entries


def find_files(sources: Sequence[str]) -> PeopleFiles:
    """Return the files that paths and folders name.

    Raises:
        UsageError: There is no such file or folder, a folder holds none, or there are several kinds.
    """
    paths: list[str] = []
    for source in sources:
        place = Path(source)
        if "://" in source or place.is_file():
            paths.append(source)
        elif place.is_dir():
            found = sorted(str(path) for path in place.rglob("*") if path.suffix.lower() in _ENDINGS)
            if not found:
                raise UsageError(f"{source}: the folder holds no file ending in {joined(_ENDINGS, 'or')}")
            paths += found
        else:
            raise UsageError(f"{source}: there is no such file or folder")
    endings = {Path(path).suffix.lower() if Path(path).suffix.lower() == CSV else ".parquet" for path in paths}
    for path in paths:
        if "://" not in path and Path(path).suffix.lower() not in _ENDINGS:
            raise UsageError(f"{path}: expected a file ending in {joined(_ENDINGS, 'or')}, or a folder of these")
    if len(endings) > 1:
        raise UsageError("the rows are in Parquet and in CSV files; give files of one kind")
    return PeopleFiles(tuple(paths), endings.pop())


def check_files(files: PeopleFiles, find_headings: Callable[[Sequence[str]], Mapping[str, str]]) -> None:
    """Check that every local file can be opened and has the columns of the first, of the same types.

    Args:
        files: The files.
        find_headings: Returns the heading of each column that is needed, from the headings of a file.

    Raises:
        InputError: A file is damaged, or has other columns; it carries all findings.
    """
    findings = FindingCollector()
    first: dict[str, str] | None = None
    needed: Mapping[str, str] = {}
    for path in files.paths:
        where = Where(files.name(path))
        try:
            columns = _columns_of(path, files.ending)
        except (OSError, UnicodeDecodeError, csv.Error, pl.exceptions.PolarsError) as fault:
            reason = one_line(str(fault).partition("\n")[0])
            findings.error(
                FindingCode.UNREADABLE, where, f"cannot be read ({reason})", "a whole file", "Copy the file again"
            )
            continue
        if not columns:
            findings.error(FindingCode.EMPTY, where, "the file is empty", "headings and rows", "Leave the file out")
        elif first is None:
            first, needed = columns, find_headings([*columns])
        else:
            _compare(findings, where, columns, first, needed, is_csv=files.ending == CSV)
    if findings.errors:
        raise InputError(findings.items)


def _columns_of(path: str, ending: str) -> dict[str, str]:
    """Return the headings of a file in order, each with the type of its cells; empty if the file is."""
    if ending != CSV:
        return {name: _TEXT if kind == pl.String else str(kind) for name, kind in pl.read_parquet_schema(path).items()}
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        return dict.fromkeys(next(csv.reader(stream, strict=True), []), _TEXT)


def _compare(
    findings: FindingCollector,
    where: Where,
    columns: Mapping[str, str],
    first: Mapping[str, str],
    needed: Mapping[str, str],
    *,
    is_csv: bool,
) -> None:
    """Report what differs between the columns of a file and those of the first."""
    remedy = "Leave the file out, or write it again with the columns of the first"
    for name, heading in needed.items():
        if heading not in columns:
            description = f"has no column {name}; {headings_sentence(columns)}"
            findings.error(FindingCode.MISSING_COLUMN, where, description, f"'{heading}', as in the first file", remedy)
        elif columns[heading] != first[heading]:
            description = f"'{heading}' is of type {columns[heading]}"
            findings.error(FindingCode.HEADING, where, description, f"{first[heading]}, as in the first file", remedy)
    if is_csv and set(columns) >= {*needed.values()} and [*columns] != [*first]:
        # Spark matches the columns of CSV files by their place.
        description = f"has other headings than the first file: {headings_sentence(columns)}"
        findings.error(FindingCode.HEADING, where, description, "the same headings in the same order", remedy)
