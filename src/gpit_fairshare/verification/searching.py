"""The files of a run, found again: beside the result, among files given, in folders given and below them."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import walk
from gpit_fairshare.scheme.files import digest_of
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_MOST_BELOW: Final = 100_000
"""Files that are looked at below the folders given: whoever gives a whole disk is told."""


@dataclass(slots=True)
class Digests:
    """SHA-256 of files, each read once: of its bytes, or of the text of a scheme file."""

    text: bool
    _known: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Return the digest of a file.

        Raises:
            UsageError: It cannot be read.
        """
        if path not in self._known:
            try:
                if self.text:
                    self._known[path] = digest_of(path.read_bytes())
                else:
                    with path.open("rb") as stream:
                        self._known[path] = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as fault:
                raise UsageError(f"{path}: cannot be read ({fault.strerror or fault})") from None
        return self._known[path]


class Places:
    """Where files are looked for, the nearest first."""

    def __init__(self, result: Path, given: Sequence[str | Path]) -> None:
        """Take the files and folders that were given.

        Raises:
            UsageError: One of them is not there, or is neither.
        """
        self._beside = result.parent
        self.files: list[Path] = []
        self.folders: list[Path] = []
        for one in map(Path, given):
            if one.is_dir():
                self.folders.append(one)
            elif one.is_file():
                self.files.append(one)
            else:
                what = "is neither a file nor a folder" if one.exists() else "there is no such file or folder"
                there = [entry.name for entry in one.parent.iterdir()] if one.parent.is_dir() else []
                raise UsageError(f"{one}: {what}{nearest(one.name, there)}")
        self.used: set[Path] = set()

    def find(self, name: str, digests: Digests, wanted: Collection[str], others: Collection[str] = ()) -> Path | None:
        """Return the file of a name: that with a digest that is wanted, else the nearest; None if there is none.

        A file given by its path serves under another name, if its digest is the right one. A file with a digest
        of `others` is another file of that name.
        """
        path = next(self._fitting(name, digests, wanted, others), None)
        if path:
            self.used.add(path)
        return path

    def _fitting(self, name: str, digests: Digests, wanted: Collection[str], others: Collection[str]) -> Iterator[Path]:
        """Yield the files that can serve for one of a name, the best first."""
        nearby: list[Path] = []
        for level in self._levels():
            named = sorted(
                (path for path in level if _are_one_name(path.name, name)), key=lambda path: path.name != name
            )
            yield from (path for path in named if digests.of(path) in wanted)
            nearby += [path for path in named if digests.of(path) not in others]
        yield from (path for path in self.files if digests.of(path) in wanted)
        yield from nearby

    @property
    def unused(self) -> list[Path]:
        """Files that were given and served for nothing."""
        return [one for one in self.files if one not in self.used]

    @property
    def said(self) -> str:
        """Where was looked."""
        parts = ["beside the result", *(f"in {folder}" for folder in self.folders)]
        if self.files:
            parts.append(f"among {len(self.files)} files given" if len(self.files) > 1 else f"at {self.files[0]}")
        return ", ".join(parts)

    def _levels(self) -> Iterator[Iterable[Path]]:
        yield self._near
        yield self.files
        yield self._in_folders
        yield self._below

    @cached_property
    def _near(self) -> list[Path]:
        return _files_of(self._beside)

    @cached_property
    def _in_folders(self) -> list[Path]:
        return [file for folder in self.folders for file in _files_of(folder)]

    @cached_property
    def _below(self) -> list[Path]:
        """Files in the folders of the folders given, however deep; looked for where nearer ones will not do."""
        found: list[Path] = []
        for folder in self.folders:
            for name, inner, files in walk(folder):
                inner.sort()
                if Path(name) != folder:
                    found += [Path(name, file) for file in sorted(files)]
                if len(found) > _MOST_BELOW:
                    raise UsageError(f"{folder}: has more than {_MOST_BELOW:,} files below it; give a smaller folder")
        return [file for file in found if file.is_file()]


def _files_of(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_file())
    except OSError as fault:
        raise UsageError(f"{folder}: cannot be looked into ({fault.strerror or fault})") from None


def _are_one_name(*names: str) -> bool:
    """Return whether names are the same on some system: whatever the capitals, however accents are written."""
    return len({unicodedata.normalize("NFC", name).casefold() for name in names}) == 1
