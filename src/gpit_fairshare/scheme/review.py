"""Everything that is to be said of a scheme, a formula or a transition at once: its faults, and what to know of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.findings import gravest_first
from gpit_fairshare.scheme.faults import one_line
from gpit_fairshare.scheme.files import read_file, shelves_of, shelves_with
from gpit_fairshare.scheme.findings import Faults, StoppedError
from gpit_fairshare.scheme.joining import join, join_alone
from gpit_fairshare.scheme.remarks import remark
from gpit_fairshare.scheme.shape import FormulaFile, SchemeFile, TransitionFile
from gpit_fairshare.scheme.shelves import SINGULAR, library_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.findings import Finding
    from gpit_fairshare.scheme.joining import Joined
    from gpit_fairshare.scheme.shelves import Shelf

JSON_SCHEMA: Final = "gpit-library-check/1"


@dataclass(frozen=True)
class Review:
    """What was looked at, and everything noticed about it."""

    kind: str
    """`scheme`, `formula` or `transition`; empty if the file could not be read so far."""
    name: str
    """What the file calls itself, or what was asked for where it could not be read."""
    title: str = ""
    formula: str = ""
    transition: str = ""
    """Names of the formula and the transition that a scheme was looked at with."""
    years: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """Base name and SHA-256 of each file that was read."""
    steps: int = 0
    checks: int = 0
    parameters: int = 0
    """How many there are in all the files; 0 if they could not be joined."""
    findings: tuple[Finding, ...] = ()
    """Errors, warnings and notes, in this order."""

    def has(self, level: str) -> bool:
        """Say whether there is a finding of a level."""
        return any(finding.level == level for finding in self.findings)

    @property
    def sound(self) -> bool:
        """Whether there is no error, so that a scheme can be run."""
        return not self.has("error")

    def document(self) -> dict[str, Any]:
        """Return the review with stable keys, for JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "title": self.title,
            "sound": self.sound,
            "formula": self.formula,
            "transition": self.transition,
            "years": list(self.years),
            "files": [{"file": file, "sha256": digest} for file, digest in self.files],
            "steps": self.steps,
            "checks": self.checks,
            "parameters": self.parameters,
            "findings": [
                {key: value for key, value in one.entry().items() if key not in ("sheet", "cell", "others")}
                for one in self.findings
            ],
        }


def review(
    scheme: str, *, formula: str | None = None, transition: str | None = None, shelf: Shelf | None = None
) -> Review:
    """Look at a scheme with its formula and transition, or at a formula or transition by itself.

    Args:
        scheme: Library name or path; a file says itself of which kind it is.
        formula: Instead of the one that the scheme names.
        transition: Instead of the one that the scheme names.
        shelf: Where in the library a name stands, if it stands on several shelves.

    Returns:
        A `Review`; whatever `load` would raise of the files is among its errors.

    Raises:
        UsageError: `formula` or `transition` was given with something that is no scheme.
    """
    faults = Faults(collect=True)
    joined: Joined | None = None
    swapped = formula is not None or transition is not None
    try:
        shelf = shelf or shelves_of(scheme, faults)[0]
        if swapped and shelf != "schemes":
            raise UsageError(
                f"{one_line(scheme)}: is a {SINGULAR[shelf]}; --formula and --transition go with schemes alone"
            )
        if shelf == "schemes":
            joined = join(scheme, faults, formula=formula, transition=transition)
        else:
            joined = join_alone(scheme, FormulaFile if shelf == "formulas" else TransitionFile, faults)
    except StoppedError:
        pass
    kind = SINGULAR[shelf] if shelf else ""
    if joined is None:
        return Review(kind, one_line(scheme), files=tuple(faults.files), findings=gravest_first(faults.items))
    if joined.symbols:
        remark(joined, faults, swapped=swapped)
    return _reviewed(kind, joined, faults)


def review_all(names: Sequence[str] = (), *, formula: str | None = None, transition: str | None = None) -> list[Review]:
    """Look at several schemes, formulas and transitions; without names, at the whole library.

    A formula or transition that is given without names goes with the library's schemes that name one.

    Raises:
        UsageError: `formula` or `transition` was given with something that is no scheme.
    """
    if names:
        chosen = [(name, shelf) for name in names for shelf in _known(name)]
    else:
        swapped = formula is not None or transition is not None
        shelves: tuple[Shelf, ...] = ("schemes",) if swapped else ("schemes", "formulas", "transitions")
        chosen = [(name, shelf) for shelf in shelves for name in library_names(shelf)]
        chosen = [one for one in chosen if not swapped or _names_its_own(one[0], formula, transition)]
    return [review(name, formula=formula, transition=transition, shelf=shelf) for name, shelf in chosen]


def _names_its_own(scheme: str, formula: str | None, transition: str | None) -> bool:
    """Return whether a scheme of the library names what is to be replaced, rather than having steps of its own."""
    try:
        head = read_file(scheme, SchemeFile, Faults()).model.scheme
    except GpitError:
        return True  # what is at fault is told when it is looked at
    return not (formula and not head.formula) and not (transition and not head.transition)


def reviews_document(reviews: Sequence[Review]) -> dict[str, Any]:
    """Return several reviews with stable keys, for JSON."""
    return {
        "schema": JSON_SCHEMA,
        "sound": all(one.sound for one in reviews),
        "reviews": [one.document() for one in reviews],
    }


def _known(name: str) -> list[Shelf] | list[None]:
    """Return the shelves of the library that have a name; a file says itself where it belongs."""
    return shelves_with(name) or [None]


def _reviewed(kind: str, joined: Joined, faults: Faults) -> Review:
    model = joined.read.model
    head = getattr(model, kind)
    files = {(one.file, one.digest): None for one in (joined.read, *joined.reads)} | faults.files
    found = Review(
        kind=kind,
        name=head.name,
        title=head.title,
        formula=joined.formula,
        transition=joined.transition,
        years=tuple(model.scheme.years) if isinstance(model, SchemeFile) else (),
        files=tuple(files),
        findings=gravest_first(faults.items),
    )
    if not joined.symbols:
        return found
    draft = joined.draft
    return replace(found, steps=len(draft.steps), checks=len(draft.checks), parameters=len(draft.parameters))
