"""The report of `gpit verify`: the verdict first, then the differences, causes before consequences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.numbers import as_stored, figure
from gpit_fairshare.reports import document
from gpit_fairshare.results.agreement import are_numbers, as_float, in_one_line
from gpit_fairshare.verification import Answer, DifferenceKind, FileDifference, RunFile, Verdict, Verification
from gpit_fairshare.verification.cells import ErrorValue
from gpit_fairshare.words import counted, joined

if TYPE_CHECKING:
    from collections.abc import Iterator


MOST: Final = 20
"""Differences of a kind that are shown; the others are counted."""
_DIGEST: Final = 12
"""Characters of a digest that are shown."""
_MOST_WORDS: Final = 3
"""The same for texts that another version of gpit worded differently."""
_HEADINGS: Final = {
    DifferenceKind.TYPED_OVER: "Changed by hand: a value where gpit writes a formula",
    DifferenceKind.INPUT: "Inputs and parameters changed",
    DifferenceKind.FORMULA: "Formulas changed",
    DifferenceKind.VALUE: "Values changed",
    DifferenceKind.ADDED: "Added",
    DifferenceKind.REMOVED: "Removed",
    DifferenceKind.RENAMED: "Renamed",
    DifferenceKind.CONSEQUENCE: "Same formula, different value (often the effect of a change listed above)",
    DifferenceKind.WORDS: "Worded differently by the other version of gpit; no figure is among them",
}
_NOUNS: Final = {
    DifferenceKind.TYPED_OVER: ("formula replaced by a value", "formulas replaced by values"),
    DifferenceKind.INPUT: ("input changed", "inputs changed"),
    DifferenceKind.FORMULA: ("formula changed", "formulas changed"),
    DifferenceKind.VALUE: ("value changed", "values changed"),
    DifferenceKind.ADDED: ("entry added", "entries added"),
    DifferenceKind.REMOVED: ("entry removed", "entries removed"),
    DifferenceKind.RENAMED: ("sheet renamed", "sheets renamed"),
    DifferenceKind.CONSEQUENCE: ("different value of the same formula", "different values of the same formulas"),
    DifferenceKind.WORDS: ("text worded differently", "texts worded differently"),
}
_LONGEST: Final = 100
"""Characters of a text that are shown."""


def verification_document(verification: Verification) -> document.Document:
    """Return the report of a verification: the verdict, then the differences by kind."""
    return document.Document([*_blocks(verification)])


def _blocks(verification: Verification) -> Iterator[document.Block]:
    """Yield the parts of the report: verdict, result, versions, files, parameters, then content by kind.

    Each list is cut to a few entries; the title also names both versions if another version of gpit wrote the file.
    """
    title = [_verdict(verification)]
    if verification.gpit:
        then, now = verification.gpit.then, verification.gpit.now
        title.insert(0, f"{verification.result} was written by gpit {then}; this is gpit {now}.")
    yield document.Title(title, document.Tone.GOOD if verification.verified else document.Tone.BAD)
    if verification.off_rule:
        yield document.Paragraph(f"Differs from its rule: {in_one_line(verification.off_rule)}.", document.Tone.BAD)
    yield from map(document.Paragraph, verification.facts)
    yield from document.section("Cannot be run", [verification.fault] if verification.fault else [])
    if not verification.verified and verification.answer:
        yield document.Paragraph(_answer_sentence(verification.answer), blank_before=True)
    texts = [
        f"{entry.name}: {entry.then or 'none'} in the file, {entry.now or 'none'} here"
        for entry in verification.versions
    ]
    library = [file.name for file in verification.scheme_files if file.differs and verification.is_of_other_gpit(file)]
    if library:
        texts.append(f"library files that have changed since: {joined(library)}")
    yield from document.section("Other versions", texts, most=MOST)
    for heading, files in (("Input files", verification.files), ("Scheme files", verification.scheme_files)):
        # Files that differ, and files found under another name.
        texts = [
            _file_line(file)
            for file in files
            if file.another_name or (file.differs and not verification.is_of_other_gpit(file))
        ]
        yield from document.section(heading, texts, most=MOST)
    changes = {"Parameters": verification.parameters, "Entries of the manifest": verification.manifest}
    for heading, entries in changes.items():
        texts = [f"{entry.name}: {_both_values(entry.then, entry.now)}" for entry in entries]
        yield from document.section(heading, texts, most=MOST)
    for kind in DifferenceKind:
        count = verification.content.counts[kind]
        texts = [_difference_line(difference) for difference in verification.content.kept_of_kind(kind)]
        most = _MOST_WORDS if kind == DifferenceKind.WORDS else MOST
        yield from document.section(f"{_HEADINGS[kind]} ({count:,})", texts, most=most, count=count)
    filled_in = [f"{entry.name}: {_value_text(entry.now)}" for entry in verification.filled_in]
    yield from document.section("Filled in by readers", filled_in, most=MOST)
    if any(count > MOST for count in verification.content.counts.values()):
        yield document.OnScreen([document.Paragraph("--json lists all of them.")])


def _verdict(verification: Verification) -> str:
    """Return the verdict as a sentence: verified, not verified, or the same figures in other words.

    If verified, it says whether the bytes or only the content is the same. If not, it says what differs, or that the
    file cannot be run again. For the same figures it counts the texts and does not name the file.
    """
    name = verification.result
    match verification.verdict:
        case Verdict.SAME_BYTES:
            return f"{name}: verified. Running it again gives the same file."
        case Verdict.SAME_CONTENT if verification.versions:
            return f"{name}: verified. Other versions made it, and everything in it is what gpit writes now."
        case Verdict.SAME_CONTENT:
            part = "cell" if name.lower().endswith(".xlsx") else "entry"
            return f"{name}: verified. Another program has saved it, and every {part} is still what gpit writes."
        case Verdict.SAME_FIGURES:
            reworded = verification.content.counts[DifferenceKind.WORDS]
            texts = "1 text is" if reworded == 1 else f"{reworded:,} texts are"
            words = f" {texts} worded differently." if reworded else ""
            return f"Figures verified: every figure and formula is the same.{words}"
        case Verdict.CANNOT_BE_RUN:
            return f"{name}: not verified. It cannot be run again: {_causes(verification)}."
        case _:
            return f"{name}: not verified: {_causes(verification)}."


def _causes(verification: Verification) -> str:
    """Return how many files, parameters, manifest entries and pieces of content differ, as part of a sentence.

    If none does, return how many figures differ from their rule, or else that other versions made the file.
    """
    causes = []
    for noun, files in (("input file", verification.files), ("scheme file", verification.scheme_files)):
        differing = sum(file.differs and not verification.is_of_other_gpit(file) for file in files)
        if differing:
            causes.append(f"{differing} {noun} differs" if differing == 1 else f"{differing} {noun}s differ")
    causes += [counted(len(verification.parameters), "other parameter")] if verification.parameters else []
    if verification.manifest:
        entries = "entry" if len(verification.manifest) == 1 else "entries"
        causes.append(f"{len(verification.manifest):,} other {entries} of the manifest")
    for kind in DifferenceKind:
        if count := verification.content.counts[kind]:
            causes.append(f"{count:,} {_NOUNS[kind][count > 1]}")
    if verification.off_rule and not causes:
        causes.append(f"{counted(len(verification.off_rule), 'figure')} not what the rule gives")
    return joined(causes) or "other versions of gpit or of its libraries made it"


def _answer_sentence(answer: Answer) -> str:
    """Return a sentence about the column of the result: in how many rows it differs, and both totals.

    If it differs in none, the sentence says so, with one total.
    """
    total_in_file = _value_text(answer.total_found, answer.total_again, answer.unit)
    total_when_rerun = _value_text(answer.total_again, answer.total_found, answer.unit)
    rows = counted(answer.rows, "row")
    if not answer.differing:
        return f"The result is the same: {answer.name} agrees in all {rows}; the total is {total_when_rerun}."
    return (
        f"The result differs: {answer.name} in {answer.differing:,} of {rows}. "
        f"The total is {total_in_file} in the file and {total_when_rerun} when run again."
    )


def _file_line(file: RunFile) -> str:
    """Return a line about a file: its new name if it is unchanged, else its digests and rows, then and now."""
    name = f"{file.name}:{file.sheet}" if file.sheet else file.name
    where = f" ({file.place})" if file.place not in ("", file.name) else "" if file.place else " (in the library)"
    if not file.differs:
        return f"{name}: the file is now called {file.another_name}; its SHA-256 is the same"
    digests = f"SHA-256 {(file.sha256_then or '')[:_DIGEST]}… in the manifest, {file.sha256_now[:_DIGEST]}… now"
    rows = ""
    if file.rows_then is not None and file.rows_now is not None:
        same = file.rows_then == file.rows_now
        rows = f"; {file.rows_now:,} rows" + (" in both" if same else f", {file.rows_then:,} in the run")
    return f"{name}{where}: not the file of the run: {digests}{rows}"


def _difference_line(difference: FileDifference) -> str:
    """Return a line about a difference: its place, and the value in the file and when run again.

    For something added or removed there is one value, and for a formula replaced by its own value; for a renamed sheet,
    its name in the file.
    """
    place = f"{difference.place} ({difference.about})" if difference.about else difference.place
    match difference.kind:
        case DifferenceKind.ADDED:
            return f"{place}: {_value_text(difference.found, None, difference.unit)}"
        case DifferenceKind.REMOVED:
            return f"{place}: {_value_text(difference.expected, None, difference.unit)}"
        case DifferenceKind.RENAMED:
            return f"{place}: called {difference.found} in the file"
        case DifferenceKind.TYPED_OVER if difference.expected is None:
            return f"{place}: {_value_text(difference.found)}, in a column of formulas"
        case DifferenceKind.TYPED_OVER if _value_text(difference.found) == _value_text(difference.expected):
            return f"{place}: {_value_text(difference.found, None, difference.unit)}, the same as the formula gives"
        case _:
            return f"{place}: {_both_values(difference.found, difference.expected, difference.unit)}"


def _both_values(in_file: Any, rerun: Any, unit: str = "") -> str:
    """Return a phrase with the value in the file and the value when run again, exact enough to differ."""
    return f"{_value_text(in_file, rerun, unit)} in the file, {_value_text(rerun, in_file, unit)} when run again"


def _value_text(value: Any, other: Any = None, unit: str | None = "") -> str:
    """Return a value for a message: a text in quotation marks, a number, yes or no, an error, or `nothing` for a blank.

    A number has all its digits if it would otherwise look like `other`, and a long text is cut to where it differs from
    that.

    Args:
        value: The value.
        other: The value that it is compared with; None if there is none.
        unit: Its unit, such as `£`.
    """
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, ErrorValue):
        return f"the error {value}"
    if isinstance(value, int | float):
        short = _figure(value, unit)
        looks_the_same = are_numbers(value, other) and value != other and _figure(other, unit) == short
        return repr(value) if looks_the_same else short
    if isinstance(value, str):
        return f"“{_excerpt(value, other if isinstance(other, str) else '')}”"
    return _excerpt(repr(value), "")


def _figure(value: float, unit: str | None) -> str:
    """Return money to the penny, and other numbers unchanged, with thousands separated if they are whole."""
    if not math.isfinite(as_float(value)):
        return str(as_float(value))
    return figure(value, unit) if (unit or "").startswith("£") else as_stored(value)


def _excerpt(text: str, other: str) -> str:
    """Return a text; of one above 100 characters, only the part around the first difference from the other."""
    if len(text) <= _LONGEST:
        return text
    pairs = enumerate(zip(text, other, strict=False))
    first = next((place for place, (character, counterpart) in pairs if character != counterpart), 0)
    start = max(0, min(first - _LONGEST // 4, len(text) - _LONGEST))
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
