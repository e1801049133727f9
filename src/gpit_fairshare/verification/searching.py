"""Find the files of a run again: beside the result, among files given, in folders given and below them."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import digest_of, reading_problem, walk
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_MOST_BELOW: Final = 100_000
"""Files that are looked at below the folders given: a whole disk is refused."""


@dataclass(slots=True)
class Digests:
    """SHA-256 of files, each read once: of its bytes, or of the text of a scheme file."""

    text: bool
    _digests: dict[Path, str] = field(default_factory=dict)

    def of_file(self, path: Path) -> str:
        """Return the SHA-256 of a file, of its bytes or, if `text` is set, of its text; a file is read once only.

        Raises:
            UsageError: It cannot be read.
        """
        if path not in self._digests:
            try:
                if self.text:
                    self._digests[path] = digest_of(path.read_bytes())
                else:
                    with path.open("rb") as stream:
                        self._digests[path] = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as fault:
                raise UsageError(f"{path}: {reading_problem(path, fault)}") from None
        return self._digests[path]


class Places:
    """Where files are looked for, the nearest first."""

    def __init__(self, result: Path, paths: Sequence[str | Path]) -> None:
        """Take the folder of the result, searched first, and sort the paths given into files and folders.

        Raises:
            UsageError: A path does not exist, or is neither.
        """
        self._beside = result.parent
        self.files: list[Path] = []
        self.folders: list[Path] = []
        for path in map(Path, paths):
            if path.is_dir():
                self.folders.append(path)
            elif path.is_file():
                self.files.append(path)
            else:
                problem = "is neither a file nor a folder" if path.exists() else "there is no such file or folder"
                names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
                raise UsageError(f"{path}: {problem}{nearest(path.name, names)}")
        self.used: set[Path] = set()

    def find(self, name: str, digests: Digests, right: Collection[str], wrong: Collection[str] = ()) -> Path | None:
        """Return the file to use for a file of the run, and add it to `used`; None if there is none.

        A file with a right digest is best, then the nearest with this name. A file given by its path may have another
        name, if its digest is right.

        Args:
            name: Base name in the run.
            digests: Calculates the digests of files.
            right: Digests that the run recorded for it.
            wrong: Digests of other files of the run with the same name, which are not used for it.
        """
        path = next(self._matches(name, digests, right, wrong), None)
        if path:
            self.used.add(path)
        return path

    def _matches(self, name: str, digests: Digests, right: Collection[str], wrong: Collection[str]) -> Iterator[Path]:
        """Yield the files that can be used for a file of the run, the best first; for the arguments see `find`.

        First those with its name and a right digest; then files given by path with a right digest and another name;
        then those with its name only, unless their digest is wrong. Nearer places come first.
        """
        nearby: list[Path] = []
        for level in self._file_groups():
            named = sorted(
                (path for path in level if _is_same_name(path.name, name)), key=lambda path: path.name != name
            )
            yield from (path for path in named if digests.of_file(path) in right)
            nearby += [path for path in named if digests.of_file(path) not in wrong]
        yield from (path for path in self.files if digests.of_file(path) in right)
        yield from nearby

    @property
    def unused(self) -> list[Path]:
        """Return the files that were given and not used."""
        return [path for path in self.files if path not in self.used]

    @property
    def searched_places(self) -> str:
        """Return the places that were searched, as part of a sentence."""
        parts = ["beside the result", *(f"in {folder}" for folder in self.folders)]
        if self.files:
            parts.append(
                f"among the {len(self.files)} files you named" if len(self.files) > 1 else f"at {self.files[0]}"
            )
        return ", ".join(parts)

    def _file_groups(self) -> Iterator[Iterable[Path]]:
        """Yield groups of files to search: beside the result, given by path, in folders given, in their subfolders."""
        yield self._files_beside_result
        yield self.files
        yield self._files_in_folders
        yield self._files_below_folders

    @cached_property
    def _files_beside_result(self) -> list[Path]:
        """Return the files in the folder of the result."""
        return _files_in(self._beside)

    @cached_property
    def _files_in_folders(self) -> list[Path]:
        """Return the files directly in the folders given."""
        return [file for folder in self.folders for file in _files_in(folder)]

    @cached_property
    def _files_below_folders(self) -> list[Path]:
        """Return the files in subfolders of the folders given, at any depth; listed only if no nearer file fits.

        Raises:
            UsageError: There are too many.
        """
        paths: list[Path] = []
        for folder in self.folders:
            for name, inner, files in walk(folder):
                inner.sort()
                if Path(name) != folder:
                    paths += [Path(name, file) for file in sorted(files)]
                if len(paths) > _MOST_BELOW:
                    raise UsageError(f"{folder}: holds more than {_MOST_BELOW:,} files; name a smaller folder")
        return [file for file in paths if file.is_file()]


def _files_in(folder: Path) -> list[Path]:
    """Return the files directly in a folder, sorted.

    Raises:
        UsageError: It cannot be opened.
    """
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_file())
    except OSError as fault:
        raise UsageError(f"{folder}: cannot be opened ({fault.strerror or fault})") from None


def _is_same_name(*names: str) -> bool:
    """Return whether file names are the same on some system: capitals and forms of accents do not count."""
    return len({unicodedata.normalize("NFC", name).casefold() for name in names}) == 1
