"""Find the files of a folder that are cases or hold expected figures, with only the standard library.

The pytest plug-in looks at every TOML file of every suite on the machine, so this has to be fast.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import read_regular, walk
from gpit_fairshare.structured_texts import parse_toml
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CASE_ENDING: Final = ".toml"
EXPECTED_ENDING: Final = ".expected.csv"
"""Ending of files of expected figures; a file that no case uses fails."""
_CASE_TABLE: Final = re.compile(rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[ \t]*\[[ \t]*case\b", re.MULTILINE)
_NOT_SEARCHED: Final = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class DiscoveredFile:
    """A discovered file: its path, and its name in verdicts, the same on every machine."""

    path: Path
    name: str
    """Path from the folder in the command, that folder included, with slashes: `cases/first-case.toml`."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Discovered case files in the order in which they run, and files of expected figures."""

    cases: tuple[DiscoveredFile, ...]
    expected: tuple[DiscoveredFile, ...]


def find_cases(paths: Sequence[str]) -> Discovery:
    """Find the cases, and the files of expected figures, among files and in folders with their subfolders.

    They are in the order of the paths, and sorted within a folder; a file that is found twice counts once.

    Raises:
        UsageError: A path does not exist or is not a case, there is no case at all, or two files have the same name.
    """
    cases: dict[Path, DiscoveredFile] = {}
    expected: dict[Path, DiscoveredFile] = {}
    for text in paths:
        root = Path(text)
        _check_path(text, root)
        for path in _files_below(root) if root.is_dir() else [root]:
            file = DiscoveredFile(path, _name_in_verdicts(path, root))
            if path.name.endswith(EXPECTED_ENDING):
                expected.setdefault(path.resolve(), file)
            elif path == root or is_case(path):
                cases.setdefault(path.resolve(), file)
    if not cases:
        raise UsageError(
            f"{', '.join(paths)}: no case found; a case is a .toml file with a table [case] (docs/testing.md)"
        )
    names: dict[str, Path] = {}
    for file in (*cases.values(), *expected.values()):
        if names.setdefault(file.name, file.path) != file.path:
            raise UsageError(
                f"{file.name}: two files have this name; give the folder that contains both, or run them one at a time"
            )
    return Discovery(tuple(cases.values()), tuple(expected.values()))


def is_case(path: Path, *, is_named: bool = False) -> bool:
    """Return whether a file is a case: TOML with a table `[case]`, or broken TOML that has such a line.

    Schemes, formulas, other TOML files and hidden files are not cases. A broken case counts, so that it is noticed; so
    does a TOML file that cannot be opened, and any broken one that the user named (`is_named`).
    """
    if path.suffix.lower() != CASE_ENDING or path.name.startswith("."):
        return False
    try:
        data = read_regular(path)
    except OSError:
        return True  # a file that cannot be read is reported later, not skipped
    try:
        document = parse_toml(data.decode())
    except ValueError:
        # UTF-16 has a zero byte between letters.
        return is_named or _CASE_TABLE.search(data.replace(b"\0", b"")) is not None
    return isinstance(document.get("case"), dict)


def unused_files(
    expected: Sequence[DiscoveredFile], used: frozenset[Path], broken: Sequence[str]
) -> list[DiscoveredFile]:
    """Return the files of expected figures that no case uses.

    Args:
        expected: All files of expected figures.
        used: Files that cases name, links followed.
        broken: Texts of cases that cannot be read: a file whose name occurs in one counts as used.
    """
    return [
        file
        for file in expected
        if file.path.resolve() not in used and not any(file.path.name in text for text in broken)
    ]


def readable_text(path: Path) -> str:
    """Return the text of a file, with U+FFFD for bytes that are not UTF-8; an empty text if it cannot be opened.

    Zero bytes are removed, so that a text in UTF-16 can be searched.
    """
    try:
        return read_regular(path).replace(b"\0", b"").decode(errors="replace")
    except OSError:
        return ""


def _check_path(text: str, path: Path) -> None:
    """Refuse a path from the command that is neither a folder nor a case file; a broken case file is accepted.

    Raises:
        UsageError: It is something else, or cannot be read.
    """
    try:
        exists, is_file = path.exists() and bool(text.strip()), path.is_file()
        if not exists:
            folder = path.parent
            neighbours = [neighbour.name for neighbour in folder.iterdir()] if folder.is_dir() else []
            raise UsageError(f"{text or '(empty)'}: there is no such file or folder{nearest(path.name, neighbours)}")
        if not is_file and not path.is_dir():
            raise UsageError(f"{text}: is a pipe or a device; give a case file or a folder")
        if is_file and path.suffix.lower() != CASE_ENDING:
            raise UsageError(f"{text}: is not a case; give a .toml file, or a folder to search for them")
    except (OSError, ValueError):
        raise UsageError(f"{text}: cannot be read; give a case file or a folder") from None
    if is_file and not is_case(path, is_named=True):
        raise UsageError(f"{text}: is not a case: it has no table [case]")


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the case files and files of expected figures below a folder, sorted.

    Every TOML file is yielded, whether it is a case or not. Hidden files and folders, `node_modules`, caches and
    virtual environments are left out. A folder that cannot be opened raises `UsageError`.
    """

    def refuse(fault: OSError) -> None:
        raise UsageError(f"{folder}: cannot be searched ({fault.strerror or fault})")

    for parent, folders, files in walk(folder, refuse):
        folders[:] = sorted(name for name in folders if not _is_not_searched(Path(parent, name)))
        for name in sorted(files):
            path = Path(parent, name)
            # Reading a pipe would block forever.
            if not name.startswith(".") and name.lower().endswith((CASE_ENDING, EXPECTED_ENDING)) and path.is_file():
                yield path


def _is_not_searched(folder: Path) -> bool:
    """Return whether a folder is skipped in the search for cases: hidden, a cache, or a virtual environment."""
    return folder.name.startswith(".") or folder.name in _NOT_SEARCHED or (folder / "pyvenv.cfg").is_file()


def _name_in_verdicts(path: Path, root: Path) -> str:
    """Return the name of a file in verdicts: its path as given, or a path from the name of the folder given.

    It is the path as given if `root`, the path in the command, is relative and has no `..`. Bytes that are not UTF-8
    are replaced.
    """
    if not root.is_absolute() and ".." not in root.parts:
        name = path
    else:
        top = (root if root.is_dir() else root.parent).resolve()
        name = Path(top.name) / (path.relative_to(root) if root.is_dir() else path.name)
    # A name on disk need not be UTF-8; a message has to be.
    return os.fsencode(name.as_posix()).decode(errors="replace")
