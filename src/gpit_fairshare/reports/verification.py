"""What `gpit verify` says: the verdict first, then what differs, causes before consequences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.numbers import as_stored, figure
from gpit_fairshare.reports import document as doc
from gpit_fairshare.results.agreement import are_numbers, as_float, in_one_line
from gpit_fairshare.verification import Answer, DifferenceKind, FileDifference, FileSeen, Verdict, Verification
from gpit_fairshare.verification.cells import ErrorValue
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Iterator


MOST: Final = 20
"""Differences of a kind that are shown; the rest is counted."""
_DIGEST: Final = 12
"""Signs of a digest that are shown."""
_HEADINGS: Final = {
    DifferenceKind.TYPED_OVER: "Typed over: a value where gpit writes a formula",
    DifferenceKind.INPUT: "Inputs and parameters changed",
    DifferenceKind.FORMULA: "Formulas changed",
    DifferenceKind.VALUE: "Values changed",
    DifferenceKind.ADDED: "Added",
    DifferenceKind.REMOVED: "Removed",
    DifferenceKind.RENAMED: "Renamed",
    DifferenceKind.CONSEQUENCE: "Same formula, other value: what follows from the above, if anything stands there",
}
_NOUNS: Final = {
    DifferenceKind.TYPED_OVER: ("value typed over a formula", "values typed over formulas"),
    DifferenceKind.INPUT: ("input changed", "inputs changed"),
    DifferenceKind.FORMULA: ("formula changed", "formulas changed"),
    DifferenceKind.VALUE: ("value changed", "values changed"),
    DifferenceKind.ADDED: ("place added", "places added"),
    DifferenceKind.REMOVED: ("place removed", "places removed"),
    DifferenceKind.RENAMED: ("sheet renamed", "sheets renamed"),
    DifferenceKind.CONSEQUENCE: ("other value of the same formula", "other values of the same formulas"),
}
_LONGEST: Final = 100
"""Characters of a text that are shown."""


def verification_document(verification: Verification) -> doc.Document:
    """Return what came of running a result again."""
    return doc.Document([*_blocks(verification)])


def _blocks(found: Verification) -> Iterator[doc.Block]:
    yield doc.Title([_verdict(found)], doc.Tone.GOOD if found.verified else doc.Tone.BAD)
    if found.off_rule:
        yield doc.Paragraph(f"Not what its rule gives: {in_one_line(found.off_rule)}.", doc.Tone.BAD)
    yield from map(doc.Paragraph, found.facts)
    yield from doc.section("Cannot be run", [found.fault] if found.fault else [])
    if not found.verified and found.answer:
        yield doc.Paragraph(_said(found.answer), apart=True)
    versions = [f"{one.name}: {one.then or 'none'} then, {one.now or 'none'} now" for one in found.versions]
    yield from doc.section("Other versions", versions, most=MOST)
    for heading, files in (("Input files", found.files), ("Scheme files", found.scheme_files)):
        # Those that differ, and those that were found under another name.
        seen = [_file(one) for one in files if one.differs or one.another_name]
        yield from doc.section(heading, seen, most=MOST)
    for heading, changes in (("Parameters", found.parameters), ("Entries of the manifest", found.manifest)):
        texts = [f"{one.name}: {_both(one.then, one.now)}" for one in changes]
        yield from doc.section(heading, texts, most=MOST)
    for kind in DifferenceKind:
        count = found.content.counts[kind]
        texts = [_difference(one) for one in found.content.of(kind)]
        yield from doc.section(f"{_HEADINGS[kind]} ({count:,})", texts, most=MOST, count=count)
    filled_in = [f"{one.name}: {_shown(one.now)}" for one in found.filled_in]
    yield from doc.section("Filled in, as is meant", filled_in, most=MOST)
    if any(count > MOST for count in found.content.counts.values()):
        yield doc.OnScreen([doc.Paragraph("--json gives all.")])


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
        entries = "entry" if len(found.manifest) == 1 else "entries"
        said.append(f"{len(found.manifest):,} other {entries} of the manifest")
    for kind in DifferenceKind:
        if count := found.content.counts[kind]:
            said.append(f"{count:,} {_NOUNS[kind][count > 1]}")
    if found.off_rule and not said:
        said.append(f"{counted(len(found.off_rule), 'figure')} not what the rule gives")
    return joined(said) or "other versions of gpit or its libraries"


def _said(answer: Answer) -> str:
    found = _shown(answer.total_found, answer.total_again, answer.unit)
    again = _shown(answer.total_again, answer.total_found, answer.unit)
    rows = counted(answer.rows, "row")
    if not answer.differing:
        return f"The result is the same: {answer.name} agrees in all {rows}, {again} in total."
    return (
        f"The result differs: {answer.name} in {answer.differing:,} of {rows}; "
        f"in total {found} in the file, {again} when run again."
    )


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


def _difference(one: FileDifference) -> str:
    place = f"{one.place} ({one.about})" if one.about else one.place
    match one.kind:
        case DifferenceKind.ADDED:
            return f"{place}: {_shown(one.found, None, one.unit)}"
        case DifferenceKind.REMOVED:
            return f"{place}: {_shown(one.expected, None, one.unit)}"
        case DifferenceKind.RENAMED:
            return f"{place}: called {one.found} in the file"
        case DifferenceKind.TYPED_OVER if _shown(one.found) == _shown(one.expected):
            return f"{place}: {_shown(one.found, None, one.unit)}, which the formula gives too"
        case _:
            return f"{place}: {_both(one.found, one.expected, one.unit)}"


def _both(found: Any, expected: Any, unit: str = "") -> str:
    return f"{_shown(found, expected, unit)} in the file, {_shown(expected, found, unit)} when run again"


def _shown(value: Any, other: Any = None, unit: str | None = "") -> str:
    """Write a value for a message, as exactly as it takes to tell it from the other; texts in quotation marks."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, ErrorValue):
        return f"the error {value}"
    if isinstance(value, int | float):
        short = _figure(value, unit)
        alike = are_numbers(value, other) and value != other and _figure(other, unit) == short
        return repr(value) if alike else short
    if isinstance(value, str):
        return f"“{_part(value, other if isinstance(other, str) else '')}”"
    return _part(repr(value), "")


def _figure(value: float, unit: str | None) -> str:
    """Write money to the pence, and other numbers as they are: thousands apart where they are whole."""
    if not math.isfinite(as_float(value)):
        return str(as_float(value))
    return figure(value, unit) if (unit or "").startswith("£") else as_stored(value)


def _part(text: str, other: str) -> str:
    """Return a text, or that part of a long one in which it differs from the other."""
    if len(text) <= _LONGEST:
        return text
    first = next((place for place, (here, there) in enumerate(zip(text, other, strict=False)) if here != there), 0)
    start = max(0, min(first - _LONGEST // 4, len(text) - _LONGEST))
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
