"""What a verification reports: versions, files, parameters, manifest entries and content that differ."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.presentation import Presented, cut, short_repr

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare.results.agreement import OffRule

JSON_SCHEMA: Final = "gpit-verification/1"
TITLE: Final = "title"
NOTE: Final = "note"
"""What a cell above the headings of a sheet is."""
MOST_KEPT: Final = 100_000
"""Differences of one kind that are kept; further ones are only counted."""


class Verdict(StrEnum):
    """The outcome of a rerun."""

    SAME_BYTES = "same bytes"
    SAME_CONTENT = "same content"
    SAME_FIGURES = "same figures"
    """Another version of gpit wrote it, and only words differ; of a workbook only the figures were compared."""
    DIFFERS = "differs"
    CANNOT_BE_RUN = "cannot be run"


class DifferenceKind(StrEnum):
    """How content differs from what gpit writes, in the order of reports."""

    TYPED_OVER = "typed over"
    """A value where gpit writes a formula."""
    INPUT = "input changed"
    """A cell that a reader may change: a parameter, patients, spend."""
    FORMULA = "formula changed"
    """Another formula, or one where gpit writes a value; a defined name for other cells."""
    VALUE = "value changed"
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    CONSEQUENCE = "other value of the same formula"
    WORDS = "words changed"
    """A title, label, note or message that another version of gpit wrote in other words."""


@short_repr
@dataclass(frozen=True, slots=True)
class FileDifference:
    """One place where the file differs from what gpit writes."""

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


@short_repr
@dataclass(slots=True)
class Differences:
    """All differences counted, and up to `MOST_KEPT` of each kind kept."""

    kept: list[FileDifference] = field(default_factory=list)
    counts: Counter[DifferenceKind] = field(default_factory=Counter)
    is_reworded: Callable[[FileDifference], bool] | None = None
    """Whether a difference is in words alone, which another version of gpit explains; None for the same version."""

    def add(self, difference: FileDifference) -> None:
        """Count a difference, and keep it unless the limit of its kind is reached.

        One that another version of gpit explains as mere wording is first given the kind `WORDS`.
        """
        if self.is_reworded and self.is_reworded(difference):
            difference = replace(difference, kind=DifferenceKind.WORDS)
        self.counts[difference.kind] += 1
        if self.counts[difference.kind] <= MOST_KEPT:
            self.kept.append(difference)

    def drop_kind(self, kind: DifferenceKind) -> None:
        """Remove all differences of a kind, from the list and from the counts."""
        del self.counts[kind]
        self.kept = [difference for difference in self.kept if difference.kind != kind]

    def kept_of_kind(self, kind: DifferenceKind) -> list[FileDifference]:
        """Return the differences of a kind that were kept."""
        return [difference for difference in self.kept if difference.kind == kind]


@short_repr
@dataclass(frozen=True, slots=True)
class ManifestChange:
    """Something with a name, as the manifest has it and as it is now; None where it is missing."""

    name: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that the run used, found again."""

    role: str
    """`population`, `spend`, `input` or `crosswalk`; `scheme` for scheme, formula and transition files."""
    name: str
    """Base name in the run."""
    sheet: str
    """The sheet that was read, or that was asked for where nothing was read."""
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
        """Return the file's name now, if it is not its name in the run; else an empty text."""
        name = Path(self.place).name
        return name if name != self.name else ""

    @property
    def differs(self) -> bool:
        """Return whether its digest is not that of the run; False if the run read nothing of it."""
        return self.sha256_then is not None and self.sha256_then != self.sha256_now


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer's column, in the file and in the rerun: whether any allocation differs."""

    name: str
    rows: int
    """Rows that either of them has."""
    differing: int
    total_found: float
    total_again: float
    unit: str | None


@dataclass(frozen=True, slots=True)
class Verification(Presented):
    """What is the same and what differs between a result file and its rerun."""

    result: str
    """Base name of the file."""
    scheme: str
    """Name of the scheme."""
    versions: tuple[ManifestChange, ...] = ()
    """gpit and libraries whose version differs, and anything else outside the files that may change a result."""
    files: tuple[RunFile, ...] = ()
    """The input files of the run, each with its digest then and now."""
    scheme_files: tuple[RunFile, ...] = ()
    """The scheme, formula and transition files of the run."""
    parameters: tuple[ManifestChange, ...] = ()
    """Parameters that differ, named as `revenue_budget@2015/16`, with their written values."""
    manifest: tuple[ManifestChange, ...] = ()
    """Other entries of the manifest that differ, each named by its path."""
    answer: Answer | None = None
    """The result's column in both; None where the file has no figures, as a workbook saved without values."""
    content: Differences = field(default_factory=Differences)
    """Every place that differs, counted by kind, and the first 100,000 of each kind."""
    off_rule: tuple[OffRule, ...] = ()
    """Figures of the file that differ from what its own rule gives for its own inputs."""
    filled_in: tuple[ManifestChange, ...] = ()
    """Fields of the workbook that readers are meant to fill in, and did."""
    facts: tuple[str, ...] = ()
    """Notes that are not differences."""
    same_bytes: bool = False
    """Whether the rerun has the same bytes as the file."""
    only_figures: bool = False
    """Whether layout and formulas of cells were not compared: another version of gpit wrote the workbook."""
    fault: str = ""
    """Why the files cannot be run as they are now; empty if they can."""

    def __repr__(self) -> str:
        differing = f"{self.content.counts.total():,} differences"
        return cut(f"<Verification of {self.result!r}: {self.verdict}; {differing}; see .content, .document()>")

    @property
    def all_files(self) -> tuple[RunFile, ...]:
        """Return the input files and the scheme files."""
        return *self.files, *self.scheme_files

    @property
    def gpit(self) -> ManifestChange | None:
        """Return the versions of gpit then and now if they differ; else None."""
        return next((version for version in self.versions if version.name == "gpit"), None)

    def is_of_other_gpit(self, file: RunFile) -> bool:
        """Return whether a file is a library file that another version of gpit brought with it."""
        return self.gpit is not None and file in self.scheme_files and not file.place

    @property
    def verdict(self) -> Verdict:
        """Return the outcome: same bytes, same content, same figures, differs, or cannot be run.

        It is `same figures` if only words differ, or if only figures were compared. A changed library file does not
        count if another version of gpit wrote the result.
        """
        if self.fault:
            return Verdict.CANNOT_BE_RUN
        kinds = {kind for kind, count in self.content.counts.items() if count}
        if self.parameters or self.manifest or self.off_rule or kinds - {DifferenceKind.WORDS}:
            return Verdict.DIFFERS
        if any(file.differs and not self.is_of_other_gpit(file) for file in self.all_files):
            return Verdict.DIFFERS
        if kinds or self.only_figures:
            return Verdict.SAME_FIGURES
        return Verdict.SAME_BYTES if self.same_bytes else Verdict.SAME_CONTENT

    @property
    def verified(self) -> bool:
        """Return whether the file is what gpit gives for its inputs: the same bytes or the same content."""
        return self.verdict in (Verdict.SAME_BYTES, Verdict.SAME_CONTENT)

    def document(self) -> dict[str, Any]:
        """Return the whole verification with stable keys, for JSON; of each kind, the differences that were kept."""
        document = {
            "schema": JSON_SCHEMA,
            "result": self.result,
            "scheme": self.scheme,
            "verified": self.verified,
            "verdict": self.verdict,
            "fault": self.fault or None,
            "versions": [asdict(version) for version in self.versions],
            "files": [_file_entry(file) for file in self.files],
            "scheme_files": [_file_entry(file) for file in self.scheme_files],
            "parameters": [asdict(parameter) for parameter in self.parameters],
            "manifest": [asdict(change) for change in self.manifest],
            "answer": asdict(self.answer) if self.answer else None,
            "content": [
                {key: value for key, value in asdict(difference).items() if key != "unit"}
                for kind in DifferenceKind
                for difference in self.content.kept_of_kind(kind)
            ],
            "counts": {str(kind): self.content.counts[kind] for kind in DifferenceKind if self.content.counts[kind]},
            "off_rule": [figure.document() for figure in self.off_rule],
            "only_figures": self.only_figures,
            "filled_in": [asdict(change) for change in self.filled_in],
            "facts": list(self.facts),
        }
        return {key: _json_value(value) for key, value in document.items()}


def _json_value(value: Any) -> Any:
    """Return a value as JSON can hold it: infinite numbers, unexpected types and all keys become texts."""
    match value:
        case dict():
            return {str(_json_value(key)): _json_value(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_json_value(entry) for entry in value]
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)


def _file_entry(file: RunFile) -> dict[str, Any]:
    return {**asdict(file), "another_name": file.another_name, "differs": file.differs}
