"""A verification on the screen: the verdict first, then what differs, causes before consequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.reports.terminal import Page
from gpit_fairshare.results.agreement import in_one_line
from gpit_fairshare.verification import Kind, Verdict, shown
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gpit_fairshare.verification import Answer, Change, Difference, FileSeen, Verification

MOST: Final = 20
"""Differences of a kind that are shown; the rest is counted."""
_DIGEST: Final = 12
"""Signs of a digest that are shown."""
_HEADINGS: Final = {
    Kind.TYPED_OVER: "Typed over: a value where gpit writes a formula",
    Kind.INPUT: "Inputs and parameters changed",
    Kind.FORMULA: "Formulas changed",
    Kind.VALUE: "Values changed",
    Kind.ADDED: "Added",
    Kind.REMOVED: "Removed",
    Kind.RENAMED: "Renamed",
    Kind.CONSEQUENCE: "Same formula, other value: what follows from the above, if anything stands there",
}
_NOUNS: Final = {
    Kind.TYPED_OVER: ("value typed over a formula", "values typed over formulas"),
    Kind.INPUT: ("input changed", "inputs changed"),
    Kind.FORMULA: ("formula changed", "formulas changed"),
    Kind.VALUE: ("value changed", "values changed"),
    Kind.ADDED: ("place added", "places added"),
    Kind.REMOVED: ("place removed", "places removed"),
    Kind.RENAMED: ("sheet renamed", "sheets renamed"),
    Kind.CONSEQUENCE: ("other value of the same formula", "other values of the same formulas"),
}


def show_verification(found: Verification, console: Console) -> None:
    """Print what came of running a result again."""
    page = Page(console)
    page.paragraph(_verdict(found), "bold green" if found.verified else "bold red")
    if found.off_rule:
        page.paragraph(f"Not what its rule gives: {in_one_line(found.off_rule)}.", "bold red")
    for fact in found.facts:
        page.paragraph(fact)
    if found.fault:
        page.heading("Cannot be run")
        page.paragraph(found.fault, lead="  ")
    _answer(page, found)
    _versions(page, found.versions)
    _files(page, "Input files", found.files)
    _files(page, "Scheme files", found.scheme_files)
    _changes(page, "Parameters", found.parameters)
    _changes(page, "Entries of the manifest", found.manifest)
    for kind in Kind:
        if count := found.content.counts[kind]:
            page.heading(f"{_HEADINGS[kind]} ({count:,})")
            _limited(page, [_difference(one) for one in found.content.of(kind)[:MOST]], count)
    if found.filled_in:
        page.heading("Filled in, as is meant")
        for one in found.filled_in:
            page.paragraph(f"{one.name}: {shown(one.now)}", lead="  ")
    if any(count > MOST for count in found.content.counts.values()):
        page.paragraph("--json gives all.")


def _verdict(found: Verification) -> str:
    name = found.result
    match found.verdict:
        case Verdict.SAME_BYTES:
            return f"{name}: verified: same bytes when run again."
        case Verdict.SAME_CONTENT if found.versions:
            return f"{name}: verified under other versions: everything in it is as gpit writes it now."
        case Verdict.SAME_CONTENT:
            what = "cell" if name.lower().endswith(".xlsx") else "entry"
            return f"{name}: verified: saved by another program since; every {what} is as gpit writes it."
        case Verdict.CANNOT_BE_RUN:
            return f"{name}: not verified: {_causes(found)}, and it cannot be run again."
        case _:
            return f"{name}: not verified: {_causes(found)}."


def _causes(found: Verification) -> str:
    """Return what differs, counted."""
    said = []
    for noun, files in (("input file", found.files), ("scheme file", found.scheme_files)):
        differing = sum(one.differs for one in files)
        if differing:
            said.append(f"{differing} {noun} differs" if differing == 1 else f"{differing} {noun}s differ")
    said += [counted(len(found.parameters), "other parameter")] if found.parameters else []
    if found.manifest:
        said.append("1 other entry of the manifest" if len(found.manifest) == 1 else _many(found.manifest))
    for kind in Kind:
        if count := found.content.counts[kind]:
            said.append(f"{count:,} {_NOUNS[kind][count > 1]}")
    if found.off_rule and not said:
        said.append(f"{counted(len(found.off_rule), 'figure')} not what the rule gives")
    return joined(said) or "other versions of gpit or its libraries"


def _many(changes: Sequence[Change]) -> str:
    return f"{len(changes):,} other entries of the manifest"


def _answer(page: Page, found: Verification) -> None:
    """Say whether anybody's allocation differs: both facts, of the file and of the run again."""
    answer = found.answer
    if found.verified or answer is None:
        return
    page.blank()
    page.paragraph(_said(answer))


def _said(answer: Answer) -> str:
    found, again = (
        shown(one, other, answer.unit)
        for one, other in ((answer.total_found, answer.total_again), (answer.total_again, answer.total_found))
    )
    rows = counted(answer.rows, "row")
    if not answer.differing:
        return f"The result is the same: {answer.name} agrees in all {rows}, {again} in total."
    return (
        f"The result differs: {answer.name} in {answer.differing:,} of {rows}; "
        f"in total {found} in the file, {again} when run again."
    )


def _versions(page: Page, versions: Sequence[Change]) -> None:
    if versions:
        page.heading("Other versions")
        for one in versions:
            page.paragraph(f"{one.name}: {one.then or 'none'} then, {one.now or 'none'} now", lead="  ")


def _files(page: Page, heading: str, files: Sequence[FileSeen]) -> None:
    """Print files that differ, and those that were found under another name."""
    told = [one for one in files if one.differs or one.another_name]
    if told:
        page.heading(heading)
        for one in told:
            page.paragraph(_file(one), lead="  ")


def _file(one: FileSeen) -> str:
    name = f"{one.name}:{one.sheet}" if one.sheet else one.name
    where = f" ({one.place})" if one.place not in ("", one.name) else "" if one.place else " (in the library)"
    if not one.differs:
        return f"{name}: the file is called {one.another_name} now; its SHA-256 is the right one"
    digests = f"SHA-256 {(one.sha256_then or '')[:_DIGEST]}… in the manifest, {one.sha256_now[:_DIGEST]}… now"
    rows = ""
    if one.rows_then is not None and one.rows_now is not None:
        same = one.rows_then == one.rows_now
        rows = f"; {one.rows_now:,} rows" + (" then and now" if same else f", {one.rows_then:,} then")
    return f"{name}{where}: another file than in the run: {digests}{rows}"


def _changes(page: Page, heading: str, changes: Sequence[Change]) -> None:
    if changes:
        page.heading(heading)
        _limited(page, [f"{one.name}: {_both(one.then, one.now)}" for one in changes[:MOST]], len(changes))


def _difference(one: Difference) -> str:
    place = f"{one.place} ({one.about})" if one.about else one.place
    match one.kind:
        case Kind.ADDED:
            return f"{place}: {shown(one.found, None, one.unit)}"
        case Kind.REMOVED:
            return f"{place}: {shown(one.expected, None, one.unit)}"
        case Kind.RENAMED:
            return f"{place}: called {one.found} in the file"
        case Kind.TYPED_OVER if shown(one.found) == shown(one.expected):
            return f"{place}: {shown(one.found, None, one.unit)}, which the formula gives too"
        case _:
            return f"{place}: {_both(one.found, one.expected, one.unit)}"


def _both(found: Any, expected: Any, unit: str = "") -> str:
    return f"{shown(found, expected, unit)} in the file, {shown(expected, found, unit)} when run again"


def _limited(page: Page, lines: Sequence[str], count: int) -> None:
    for line in lines[:MOST]:
        page.paragraph(line, lead="  ")
    if count > MOST:
        page.paragraph(f"… and {count - MOST:,} more", lead="  ")
