"""Review a scheme, a formula or a transition: all errors, warnings and notes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.findings import Finding, gravest_first
from gpit_fairshare.scheme.faults import Faults, StoppedError
from gpit_fairshare.scheme.files import kinds_in_library, kinds_of, read_file
from gpit_fairshare.scheme.joining import Joined, join
from gpit_fairshare.scheme.library import KINDS, FileKind, library_names
from gpit_fairshare.scheme.remarks import remark
from gpit_fairshare.scheme.shape import SchemeFile
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence


JSON_SCHEMA: Final = "gpit-library-check/1"


@dataclass(frozen=True)
class Review:
    """The reviewed file, and all findings about it."""

    kind: str
    """`scheme`, `formula` or `transition`; empty if the file could not be read."""
    name: str
    """The name that the file gives, or the name that was asked for if it could not be read."""
    title: str = ""
    sound: bool = True
    """Whether there is no error, so that a scheme can be run."""
    formula: str = ""
    transition: str = ""
    """Names of the formula and the transition that a scheme was reviewed with."""
    years: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """Base name and SHA-256 of each file that was read."""
    steps: int = 0
    checks: int = 0
    parameters: int = 0
    """Numbers in all the files together; 0 if the files could not be joined."""
    findings: tuple[Finding, ...] = ()
    """Errors, warnings and notes, in this order."""

    def has(self, level: str) -> bool:
        """Return whether there is a finding of a level."""
        return any(finding.level == level for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the review with stable keys, for JSON; its findings are without sheet, cell and other places."""
        return vars(self) | {
            "years": list(self.years),
            "files": [{"file": file, "sha256": digest} for file, digest in self.files],
            "findings": [
                {key: value for key, value in finding.entry().items() if key not in ("sheet", "cell", "others")}
                for finding in self.findings
            ],
        }


def review(
    scheme: str, *, formula: str | None = None, transition: str | None = None, kind: FileKind | None = None
) -> Review:
    """Review a scheme with its formula and transition, or only a formula or a transition.

    Args:
        scheme: Library name or path; a file gives its own kind.
        formula: Replaces the one that the scheme names.
        transition: Replaces the one that the scheme names.
        kind: The kind of file, if the library has several with that name.

    Returns:
        A `Review`; its errors include every problem that `load` would raise, except that a scheme has no years.

    Raises:
        UsageError: `formula` or `transition` was given, but the file is not a scheme.
    """
    faults = Faults(collect=True)
    joined: Joined | None = None
    swapped = formula is not None or transition is not None
    with suppress(StoppedError):
        kind = kind or kinds_of(scheme, faults)[0]
        if swapped and kind != "scheme":
            raise UsageError(f"{one_line(scheme)}: is a {kind}; use --formula and --transition with schemes only")
        joined = join(scheme, faults, kind, formula=formula, transition=transition)
    if joined and joined.symbols:
        remark(joined, faults, swapped=swapped)
    sound, findings = not faults.errors, gravest_first(faults.items)
    unread = Review(kind or "", one_line(scheme), sound=sound, files=tuple(faults.files), findings=findings)
    return _reviewed(joined, unread) if joined else unread


def review_all(names: Sequence[str] = (), *, formula: str | None = None, transition: str | None = None) -> list[Review]:
    """Review the files with these names; without names, the whole library.

    If a formula or a transition is given, every scheme is reviewed with it in place of its own. Without names, only the
    library's schemes that have one to replace are reviewed then.
    """
    if names:
        # A file outside the library gives its own kind.
        chosen: list[tuple[str, FileKind | None]] = [
            (name, kind) for name in names for kind in kinds_in_library(name) or (None,)
        ]
    elif formula is None and transition is None:
        chosen = [(name, kind) for kind in KINDS for name in library_names(kind)]
    else:
        schemes = library_names("scheme")
        chosen = [(name, "scheme") for name in schemes if _has_parts_to_replace(name, formula, transition)]
    return [review(name, formula=formula, transition=transition, kind=kind) for name, kind in chosen]


def _has_parts_to_replace(scheme: str, formula: str | None, transition: str | None) -> bool:
    """Return whether a library scheme names each of the parts to replace, instead of having its own steps.

    A scheme that cannot be read counts as one that does, so that its errors are reported.
    """
    try:
        head = read_file(scheme, SchemeFile, Faults()).model.scheme
    except GpitError:
        return True  # its errors are reported when it is reviewed
    return not (formula and not head.formula) and not (transition and not head.transition)


def reviews_document(reviews: Sequence[Review]) -> dict[str, Any]:
    """Return several reviews with stable keys, for JSON."""
    return {
        "schema": JSON_SCHEMA,
        "sound": all(review.sound for review in reviews),
        "reviews": [review.document() for review in reviews],
    }


def _reviewed(joined: Joined, unread: Review) -> Review:
    """Return the review of a file that was read: with its names, years, and number of steps, checks and parameters.

    The files that were joined come before the others that were read. If they could not be joined, the numbers are 0.
    """
    model, draft = joined.read.model, joined.draft
    is_joined = bool(joined.symbols)
    return replace(
        unread,
        name=model.header.name,
        title=model.header.title,
        formula=joined.formula,
        transition=joined.transition,
        years=tuple(model.scheme.years) if isinstance(model, SchemeFile) else (),
        files=tuple(
            dict.fromkeys([(read.file, read.digest) for read in (joined.read, *joined.reads)] + [*unread.files])
        ),
        steps=len(draft.steps) if is_joined else 0,
        checks=len(draft.checks) if is_joined else 0,
        parameters=len(draft.parameters) if is_joined else 0,
    )
