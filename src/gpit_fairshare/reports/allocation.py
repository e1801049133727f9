"""The report of `gpit allocate`: a short screen, `--table`, `--details`, `--quiet`, and the document for files."""

from __future__ import annotations

import math
import shlex
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import BASELINE, DIFFERENCE, only_row_with
from gpit_fairshare.numbers import money, or_dash, per_head, signed
from gpit_fairshare.reports import document
from gpit_fairshare.reports.allocation_details import MOST_PER_KIND, ResultReport
from gpit_fairshare.reports.allocation_opening import MOST_YEARS, Opening, money_in, unspent_in
from gpit_fairshare.reports.allocation_view import AllocationView
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.reports.organisation_table import OrganisationTable
from gpit_fairshare.words import counted, inside, joined, plural, sentence, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.measures import Inequality, YearMeasures
    from gpit_fairshare.findings import Finding

_LARGEST: Final = 3
"""Gains, and losses, that the short screen shows."""
_SHORT_LINE: Final = 80
"""Characters of a line that fits every usual screen."""
_HALF_A_POUND: Final = 0.5
_LABEL: Final = 28
"""Width that the label column keeps before another year is added."""


def allocation_document(result: Result) -> document.Document:
    """Return the report of a run for a file: opening, table of all organisations, all details, and the sources."""
    opening = Opening(result, full=True)
    report = ResultReport(opening)
    blocks = [*opening.blocks(title_first=True), *everyone(opening), document.Heading("Year by year")]
    return document.Document([*blocks, *report.blocks(), *report.sources()])


def allocation_screen(
    result: Result,
    view: AllocationView | None = None,
    *,
    typed_options: str = "",
    file_names: Sequence[str] = (),
) -> document.Document:
    """Return the report of a run for a screen.

    Args:
        result: A finished run.
        view: What to show; the short screen if it is None.
        typed_options: What is typed after `gpit explain CODE` for this run: its options, or the result file.
        file_names: Names of the files that the result was written to.
    """
    view = view or AllocationView()
    opening = Opening(result, full=view.details)
    if view.quiet:
        return document.Document([document.Paragraph(summary_line(opening), is_wrapped=False)])
    blocks = [*opening.blocks(), *document.written_line(file_names), *(() if view.details else year_table(opening))]
    if view.has_table:
        blocks += everyone(opening, view.sort, view.top)
    if view.details:
        blocks += ResultReport(opening).blocks()
        return document.Document(blocks)
    if not view.has_table:
        blocks += _largest_changes(opening)
    blocks += [
        *_warnings(opening),
        *_counts(opening),
        document.OnScreen([*_next(opening, view, typed_options, is_written=bool(file_names))]),
    ]
    return document.Document(blocks)


def summary_line(opening: Opening) -> str:
    """Return a run in one line: scheme, amount allocated, checks, warnings, unspent money by name, limits of use."""
    years = span([year.year for year in opening.years])
    if opening.in_money:
        allocated = opening.write(math.fsum(year.allocated for year in opening.years))
        amount = f"{allocated} {inside(opening.total_label)} in {years}"
    else:
        amount = f"{counted(opening.last.organisations, opening.organisation)}, {years}"
    warnings = [finding for finding in opening.other_findings if finding.level == "warning"]
    parts = [f"{opening.scheme.title}: {amount}", opening.agreement(), counted(len(warnings), "warning")]
    unspent, new = (math.fsum(map(amount_of, opening.years)) for amount_of in (unspent_in, opening.new_money))
    if unspent >= _HALF_A_POUND:
        parts.append(f"{opening.write(unspent)} of {opening.unspent_kind()} unspent")
    parts += [finding.found for finding in opening.unspent_findings]
    if new >= _HALF_A_POUND:
        parts.append(f"{opening.write(new)} of new money")
    if warning := opening.scheme.draft_warning:
        parts.append(warning.removesuffix("."))
    if opening.result.inputs.illustrative:
        parts.append(opening.result.inputs.illustrative_heading.lower())
    return "; ".join(parts)


# Tables


def year_table(opening: Opening) -> Iterator[document.Block]:
    """Yield a table of money, outcomes and £ per head with a column for each year.

    Of more than four years it has the first and the last two, and the others are added up below.
    """
    years = opening.years
    selected = years if len(years) <= MOST_YEARS else [years[0], *years[-2:]]
    rows = [*_money_rows(opening, selected)] if opening.in_money else []
    rows += _outcome_rows(opening, selected)
    if opening.write is money and opening.last.organisations > 1:
        rows += _spread_rows(opening, selected)
    if not rows:
        return
    columns = [document.Column("", Role.TEXT, required_width=_LABEL)]
    columns += [document.Column(year.year) for year in selected]
    yield document.Table(columns, rows, most=MOST_YEARS, ruled=False)
    if len(selected) < len(years):
        text = f"{len(selected)} of {len(years)} years shown"
        if opening.in_money:
            others = [year for year in years if year not in selected]
            text += (
                f"; in the other {len(others)}: {opening.write(math.fsum(year.allocated for year in others))} allocated"
            )
            text += f", {opening.write(math.fsum(map(unspent_in, others)))} unspent"
        yield document.Paragraph(f"{text}.")


def _money_rows(opening: Opening, years: Sequence[YearMeasures]) -> Iterator[document.Row]:
    """Yield the rows of money in, taken away, allocated and unspent, and a difference that is not 0."""

    def row(label: str, values: Sequence[float | None]) -> document.Row:
        return document.Row([label, *(or_dash(value, opening.write) for value in values)])

    accounts = [year.money for year in years if year.money]
    if any(account.money_in for account in accounts):
        yield row("Money in", [money_in(year) for year in years])
    if any(map(opening.new_money, years)):
        yield row("New money in it", [opening.new_money(year) for year in years])
    if any(account.taken_away for account in accounts):
        yield row("Taken away", [math.fsum(line.amount for line in account.taken_away) for account in accounts])
    yield row(opening.total_label, [year.allocated for year in years])
    if any(account.unspent for account in accounts):
        yield row("Unspent", [unspent_in(year) for year in years])
    differences = [account.difference for account in accounts]
    if any(abs(difference or 0.0) >= _HALF_A_POUND for difference in differences):
        balanced = all(account.is_balanced for account in accounts)
        yield row("Difference from rounding" if balanced else DIFFERENCE, differences)


def _outcome_rows(opening: Opening, years: Sequence[YearMeasures]) -> Iterator[document.Row]:
    """Yield a row for each outcome that occurs in these years, with how many organisations have it.

    Below is the name of the organisation, in years in which only one has it.
    """
    for counts in zip(*(year.outcomes for year in years), strict=True):
        if any(count.organisations for count in counts):
            cells = [counted(count.organisations, opening.organisation) for count in counts]
            names = [_only_organisation(opening, year.year, counts[0].label) for year in years]
            yield document.Row([sentence(counts[0].label), *cells], below="; ".join(filter(None, names)))


def _only_organisation(opening: Opening, year: str, outcome: str) -> str:
    """Return the organisation with an outcome in a year, if there is only one, or else an empty text.

    That is its name and code, after the year if there are several.
    """
    now = opening.result.years[year]
    row = only_row_with(now, outcome)
    if row is None:
        return ""
    code, name = now.codes()[row], now.organisations["org_name"][row]
    return f"{f'{year}: ' if len(opening.years) > 1 else ''}{f'{name} ({code})' if name else code}"


def _spread_rows(opening: Opening, years: Sequence[YearMeasures]) -> Iterator[document.Row]:
    """Yield the lowest and highest £ per head of historic spend, and of the result."""

    def row(label: str, spreads: Sequence[Inequality | None]) -> document.Row:
        cells = [f"{per_head(spread.lowest)} to {per_head(spread.highest)}" if spread else "–" for spread in spreads]
        return document.Row([label, *cells])

    for label, spreads in (
        (opening.scheme.labels.get(BASELINE, "Historic spend"), [year.before for year in years]),
        (opening.scheme.labels[opening.scheme.result], [year.after for year in years]),
    ):
        if any(spreads):
            yield row(f"{label} per head", spreads)


def _largest_changes(opening: Opening) -> Iterator[document.Block]:
    """Yield a table of the three largest gains and the three largest losses of the last year, and count the others."""
    gains, losses = opening.gains, opening.losses
    if opening.last.organisations < 2 or (not gains and not losses):
        return
    largest_gains, largest_losses = gains[:_LARGEST], losses[:_LARGEST]
    kinds = joined([kind for kind, rows in (("gains", gains), ("losses", losses)) if rows])
    yield document.Heading(f"Largest {kinds} on {opening.spend_label} in {opening.last.year}")
    table = OrganisationTable(opening.organisations, opening.organisation, write=money, in_money=True)
    yield table.largest(largest_gains, largest_losses)
    counts, others = [], []
    for rows, largest, noun in ((gains, largest_gains, "gain"), (losses, largest_losses, "loss")):
        if rows:
            counts.append(f"{len(largest)} of {counted(len(rows), noun)}")
        if len(rows) > len(largest):
            others.append(signed(math.fsum(row.change or 0.0 for row in rows[len(largest) :])))
    if others:
        yield document.Paragraph(f"{joined(counts)} shown; others: {joined(others)}.")


def everyone(opening: Opening, sort: str = "", top: int = 0) -> Iterator[document.Block]:
    """Yield the table of all organisations of the last year, and totals by area where the scheme has areas."""
    column, area_label = opening.scheme.report_by or "", ""
    if any(row.figures.area for row in opening.organisations):
        area_label = opening.scheme.labels.get(column, column.replace("_", " ").capitalize())
    result_label = opening.scheme.labels[opening.scheme.result]
    table = OrganisationTable(
        opening.organisations,
        opening.organisation,
        write=opening.write,
        in_money=opening.in_money,
        result_label=result_label,
        area_label=area_label,
    )
    heading = f"{sentence(plural(opening.organisation))} in {opening.last.year}"
    if table.is_compared:
        heading += f": before is {opening.spend_label}, after is {inside(result_label)}"
    yield document.Heading(heading)
    yield from table.everyone(sort=sort, top=top)


# Below the tables


def _warnings(opening: Opening) -> Iterator[document.Block]:
    """Yield every kind of warning: its first in full, then how many more there are and where to read them."""
    kinds: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in opening.other_findings:
        if finding.level == "warning":
            kinds[finding.number].append(finding)
    if not kinds:
        return
    yield document.Heading(counted(sum(map(len, kinds.values())), "warning"), Tone.WARNING)
    for number, (first, *others) in kinds.items():
        yield document.Item(str(first), f"{number}  ")
        if others:
            where = "--details" if len(others) < MOST_PER_KIND else "--json"
            yield document.Item(f"… and {len(others):,} more like this: {where}", f"{number}  ")


def _counts(opening: Opening) -> Iterator[document.Block]:
    """Yield a line with the number of assumptions, and the option that lists them; nothing without any."""
    if opening.scheme.assumptions:
        text = f"{counted(len(opening.scheme.assumptions), 'assumption')}: see --details."
        yield document.Paragraph(text, blank_before=True)


def _next(opening: Opening, view: AllocationView, typed_options: str, *, is_written: bool) -> Iterator[document.Block]:
    """Yield what to type next: the options that show more, and `gpit explain` for who loses most.

    Where there are no gains and losses, it is the last outcome that only one organisation has, such as a marginal bid.
    """
    year = opening.result.years[opening.last.year]
    only_rows = [only_row_with(year, outcome.label) for outcome in opening.scheme.outcomes]
    only_codes = [year.codes()[row] for row in only_rows if row is not None]
    movers = opening.losses or opening.gains
    code = (movers or opening.organisations)[0].figures.code if movers or not only_codes else only_codes[-1]
    options = ["--details"] if view.has_table else ["--table", "--details"]
    options += [] if is_written else ["-o result.xlsx"]
    is_apart = not opening.scheme.assumptions
    command = f"gpit explain {shlex.quote(code)} {typed_options}".rstrip()
    text = f"Next: add {joined(options, 'or')}; or"
    if len(text) + len(command) < _SHORT_LINE:
        yield document.Paragraph(f"{text} {command}", blank_before=is_apart)
    else:
        yield document.Paragraph(f"{text}:", blank_before=is_apart)
        yield document.Paragraph(command, marker="  ", is_wrapped=False)
