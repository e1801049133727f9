"""Reviews of schemes, formulas and transitions on the screen, a block for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import LEVELS
from gpit_fairshare.reports.checking import show_findings
from gpit_fairshare.reports.terminal import Page
from gpit_fairshare.words import counted, joined, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gpit_fairshare.scheme import Review

_STYLES: Final = {"error": "bold red", "warning": "bold yellow"}


def show_reviews(reviews: Sequence[Review], console: Console) -> None:
    """Print what was looked at and what was noticed, the verdict of each first."""
    page = Page(console)
    for number, review in enumerate(reviews):
        if number:
            page.blank()
            page.blank()
        page.paragraph(_verdict(review), _style(review))
        if review.title:
            page.paragraph(_looked_at(review))
        show_findings(review.findings, console)
    if len(reviews) > 1:
        page.blank()
        page.blank()
        page.paragraph(_all_in_all(reviews), "bold")


def _style(review: Review) -> str:
    return next((_STYLES[level] for level in _STYLES if review.has(level)), "bold green")


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


def _file(review: Review) -> str:
    """Name the file that was looked at, of which others may have the name inside."""
    return review.files[0][0] if review.files else review.name


def _all_in_all(reviews: Sequence[Review]) -> str:
    faulty = [_file(review) for review in reviews if not review.sound]
    fit = f"{len(faulty)} not fit for use ({joined(faulty)})" if faulty else "no error"
    return f"{len(reviews)} looked at, {fit}; {_counts(reviews) or 'nothing to remark'}."
