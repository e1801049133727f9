"""What a verification finds: versions, files, parameters, entries of the manifest and content that differ."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gpit_fairshare.results.agreement import OffRule

JSON_SCHEMA: Final = "gpit-verification/1"
MOST_KEPT: Final = 100_000
"""Differences of one kind that are kept; the rest is counted."""


class Verdict(StrEnum):
    """What came of running again."""

    SAME_BYTES = "same bytes"
    SAME_CONTENT = "same content"
    DIFFERS = "differs"
    CANNOT_BE_RUN = "cannot be run"


class DifferenceKind(StrEnum):
    """How content differs from what gpit writes, in the order in which it is told."""

    TYPED_OVER = "typed over"
    """A value stands where gpit writes a formula."""
    INPUT = "input changed"
    """A cell that a reader may change: a parameter, patients, spend."""
    FORMULA = "formula changed"
    """Another formula, or one where gpit writes a value; a name that stands for other cells."""
    VALUE = "value changed"
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CONSEQUENCE = "other value of the same formula"


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One place where the file has something else than gpit writes."""

    kind: DifferenceKind
    place: str
    """`2014-15!Q7` in a workbook, `rows[12].allocation` in a JSON document, `2014/15 00C, allocation` in a table."""
    about: str
    """What it is, such as organisation and label; empty where the place says it."""
    found: Any
    """What the file has: a value, or the text of a formula with its `=`; None for nothing."""
    expected: Any
    """What gpit gives."""
    unit: str = ""


@dataclass(slots=True)
class Differences:
    """Differences as they are found: all are counted, and of each kind many are kept."""

    kept: list[FileDifference] = field(default_factory=list)
    counts: Counter[DifferenceKind] = field(default_factory=Counter)

    def add(self, difference: FileDifference) -> None:
        """Take a difference."""
        self.counts[difference.kind] += 1
        if self.counts[difference.kind] <= MOST_KEPT:
            self.kept.append(difference)

    def drop(self, kind: DifferenceKind) -> None:
        """Leave out all of one kind."""
        del self.counts[kind]
        self.kept = [one for one in self.kept if one.kind != kind]

    def of(self, kind: DifferenceKind) -> list[FileDifference]:
        """Return those of one kind that were kept."""
        return [one for one in self.kept if one.kind == kind]


@dataclass(frozen=True, slots=True)
class ManifestChange:
    """Something with a name, as the manifest has it and as it is now; None where it is not there."""

    name: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file that the run used, found again."""

    role: str
    """`population`, `spend`, `input` or `crosswalk`; `scheme` for scheme, formula and transition files."""
    name: str
    """Base name in the run."""
    sheet: str
    """The one that was read, or that was asked for where nothing was read."""
    place: str = ""
    """Path under which it was found; empty for a file of the library."""
    sha256_then: str | None = None
    """None where the run named the file and read nothing of it."""
    sha256_now: str = ""
    rows_then: int | None = None
    rows_now: int | None = None
    """Rows below the headings; None for scheme files, and where the files cannot be run."""

    @property
    def another_name(self) -> str:
        """Its name now, where the digest alone says that it is the one; else empty."""
        name = Path(self.place).name
        return name if name != self.name else ""

    @property
    def differs(self) -> bool:
        """Whether it is not the file of the run."""
        return self.sha256_then is not None and self.sha256_then != self.sha256_now


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer's column, in the file and run again: whether anybody's allocation differs."""

    name: str
    rows: int
    """Rows of either."""
    differing: int
    total_found: float
    total_again: float
    unit: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What is the same and what differs between a result file and its run again."""

    result: str
    """Base name of the file."""
    scheme: str
    versions: tuple[ManifestChange, ...] = ()
    """gpit and libraries whose version is another; what else may change a result from outside belongs here."""
    files: tuple[FileSeen, ...] = ()
    scheme_files: tuple[FileSeen, ...] = ()
    parameters: tuple[ManifestChange, ...] = ()
    """Named as `revenue_budget@2015/16`; the written values."""
    manifest: tuple[ManifestChange, ...] = ()
    """Entries besides those of the files and parameters above, each named by its path."""
    answer: Answer | None = None
    """None where the file gives no figures, as a workbook that was saved without values."""
    content: Differences = field(default_factory=Differences)
    off_rule: tuple[OffRule, ...] = ()
    """Figures of the file that are not what its own rule gives for its own inputs."""
    filled_in: tuple[ManifestChange, ...] = ()
    """Fields of the workbook that are there to be filled in."""
    facts: tuple[str, ...] = ()
    """What is to be known and is no difference."""
    same_bytes: bool = False
    fault: str = ""
    """Why the files as they are now cannot be run."""

    @property
    def all_files(self) -> tuple[FileSeen, ...]:
        """Return the input files and the scheme files."""
        return *self.files, *self.scheme_files

    @property
    def verdict(self) -> Verdict:
        """Return what came of it, in a word."""
        if self.fault:
            return Verdict.CANNOT_BE_RUN
        differs = self.parameters or self.manifest or self.content.counts or self.off_rule
        if differs or any(seen.differs for seen in self.all_files):
            return Verdict.DIFFERS
        return Verdict.SAME_BYTES if self.same_bytes else Verdict.SAME_CONTENT

    @property
    def verified(self) -> bool:
        """Whether the file is what gpit gives for its inputs."""
        return self.verdict in (Verdict.SAME_BYTES, Verdict.SAME_CONTENT)

    def document(self) -> dict[str, Any]:
        """Return all of it with stable keys, for JSON."""
        document = {
            "schema": JSON_SCHEMA,
            "result": self.result,
            "scheme": self.scheme,
            "verified": self.verified,
            "verdict": self.verdict,
            "fault": self.fault or None,
            "versions": [asdict(one) for one in self.versions],
            "files": [_seen(one) for one in self.files],
            "scheme_files": [_seen(one) for one in self.scheme_files],
            "parameters": [asdict(one) for one in self.parameters],
            "manifest": [asdict(one) for one in self.manifest],
            "answer": asdict(self.answer) if self.answer else None,
            "content": [
                {key: value for key, value in asdict(difference).items() if key != "unit"}
                for kind in DifferenceKind
                for difference in self.content.of(kind)
            ],
            "counts": {str(kind): self.content.counts[kind] for kind in DifferenceKind if self.content.counts[kind]},
            "off_rule": [figure.document() for figure in self.off_rule],
            "filled_in": [asdict(one) for one in self.filled_in],
            "facts": list(self.facts),
        }
        return {key: _plain(value) for key, value in document.items()}


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: a damaged file may hold no numbers, or types of its own."""
    match value:
        case dict():
            return {str(_plain(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


def _seen(one: FileSeen) -> dict[str, Any]:
    return {**asdict(one), "another_name": one.another_name, "differs": one.differs}
