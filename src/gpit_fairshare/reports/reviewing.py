"""What `gpit library check` says: a verdict on each scheme, formula or transition, and what was noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import LEVELS
from gpit_fairshare.reports.document import Document, Findings, Paragraph, Title, Tone
from gpit_fairshare.words import counted, joined, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.reports.document import Block
    from gpit_fairshare.scheme.review import Review

_TONES: Final = {"error": Tone.BAD, "warning": Tone.WARNING}


def review_document(reviews: Sequence[Review]) -> Document:
    """Return what was looked at and what was noticed, the verdict of each first."""
    return Document([*_blocks(reviews)])


def _blocks(reviews: Sequence[Review]) -> Iterator[Block]:
    apart = Paragraph("")
    for number, review in enumerate(reviews):
        if number:
            yield from (apart, apart)
        tone = next((_TONES[level] for level in _TONES if review.has(level)), Tone.GOOD)
        yield Title([_verdict(review)], tone)
        if review.title:
            yield Paragraph(_looked_at(review))
        yield Findings(review.findings)
    if len(reviews) > 1:
        yield from (apart, apart)
        yield Paragraph(_all_in_all(reviews), Tone.STRONG)


def _counts(reviews: Sequence[Review]) -> str:
    """Count findings by level: `2 errors and 1 note`."""
    levels = [finding.level for review in reviews for finding in review.findings]
    return joined([counted(levels.count(level), level) for level in LEVELS if level in levels])


def _verdict(review: Review) -> str:
    what = f"{review.name} ({review.kind})" if review.kind else review.name
    said = _counts([review]) or "nothing to remark"
    return f"{what}: {'no error' if review.sound else 'not fit for use'}; {said}."


def _looked_at(review: Review) -> str:
    files = joined([file for file, _ in review.files])
    years = f" ({span(review.years)})" if review.years else ""
    if not review.steps:
        return f"{review.title}{years}. Read: {files}; what comes of them was not looked at."
    counts = [(review.steps, "step"), (review.checks, "check"), (review.parameters, "parameter")]
    there = joined([counted(number, noun) if number else f"no {noun}s" for number, noun in counts])
    return f"{review.title}{years}. Read: {files}; {there}."


def _all_in_all(reviews: Sequence[Review]) -> str:
    # Other files may have the name inside, so the file is named.
    faulty = [review.files[0][0] if review.files else review.name for review in reviews if not review.sound]
    fit = f"{len(faulty)} not fit for use ({joined(faulty)})" if faulty else "no error"
    return f"{len(reviews)} looked at, {fit}; {_counts(reviews) or 'nothing to remark'}."
