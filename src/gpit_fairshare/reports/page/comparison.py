"""The page of a comparison in one HTML file: what changes, for whom and why, with the blocks of its plain report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.comparison.headline import QUOTED, headline_parts, method
from gpit_fairshare.comparison.model import NOTHING, percent, quantum, total
from gpit_fairshare.comparison.movement import common_years, is_additive, movement, organisation_changes
from gpit_fairshare.engine.measures import NO_CHANGE
from gpit_fairshare.numbers import exact_change, exact_money, percent_change, rounded_to
from gpit_fairshare.reports import comparison as report
from gpit_fairshare.reports.document import Code, Column, Paragraph, Role, Row, Table, Tone, section
from gpit_fairshare.reports.formats.html import escaped, table_element
from gpit_fairshare.reports.page.charts import PageChart, charts_entry, movers, waterfall
from gpit_fairshare.reports.page.model import as_json
from gpit_fairshare.reports.page.parts import (
    PageColumn,
    blocks_html,
    chart_place,
    folded_texts,
    organisation_table,
    page_body,
)
from gpit_fairshare.reports.page.shell import COMPARISON_SCRIPTS, LICENCES, assembled, own_script
from gpit_fairshare.words import counted, inside, is_money, joined, plural, sentence, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from gpit_fairshare.comparison import Comparison
    from gpit_fairshare.comparison.model import Cause
    from gpit_fairshare.comparison.movement import OrganisationChange
    from gpit_fairshare.reports.document import Block

_BARS: Final = 8
"""Most causes that each have a bar; of more, the smallest have one together."""
_MOST_ROWS: Final = 40_000
"""Organisations times choices of years; above that there is only the first choice, as the page would be too large."""
_MOST_UNFOLDED: Final = 12
"""Most differences that are not folded."""
_FIGURES: Final = ("old", "new", "change", "percent")


def comparison_page(comparison: Comparison, *, vega: str, notices: str) -> str:
    """Return the page of a comparison as the text of an HTML file.

    Args:
        comparison: The compared results.
        vega: The script that draws charts; see `bundle.vega_script`.
        notices: The licences of what that script contains.
    """
    page = _ComparisonSections(comparison)
    titles = {side.record.scheme.title for side in (comparison.old, comparison.new) if side.record.scheme}
    heading = f"What changes: {titles.pop()}" if len(titles) == 1 else "What changes"
    subject = f"Old: {comparison.old.name}. New: {comparison.new.name}."
    data = {"charts": charts_entry(page.choices[0].charts() if page.choices else []), "comparison": page.data()}
    return assembled(
        f"{comparison.old.name} compared with {comparison.new.name}",
        page_body((heading, subject), page.sections(), folded_texts([(LICENCES, notices)])),
        data={"gpit-data": as_json(data)},
        scripts=(vega, own_script("", COMPARISON_SCRIPTS)),
    )


class _YearChoice:
    """What the table and the charts show of some years: one of them, or all that can be added up."""

    def __init__(self, comparison: Comparison, years: Sequence[str]) -> None:
        """Take a comparison and years that both results have."""
        self.comparison, self.years, self.unit = comparison, years, comparison.unit
        self.organisations = organisation_changes(comparison, years)
        changed = [row for row in self.organisations if row.change or row.only_in]
        self.changed = sorted(changed, key=lambda row: (row.change, row.code))
        """The organisations that change, largest loss first."""
        self.by_code = {row.code: row for row in self.changed}
        self.name = f"{report.years_text(years)} together" if len(years) > 1 else years[0]

    def amount(self, cause: Cause, code: str) -> Decimal:
        """Return what a cause changes for an organisation."""
        return total(cause.amounts.get((year, code), NOTHING) for year in self.years)

    def main_cause(self, row: OrganisationChange) -> str:
        """Return the cause that changes most for an organisation; where only one result has it, that it does."""
        if row.only_in:
            return f"only in the {row.only_in} result"
        causes = self.comparison.attribution
        return max(causes, key=lambda cause: self.amount(cause, row.code).copy_abs()).label if causes else ""

    def figures(self, row: OrganisationChange) -> list[tuple[float, str] | None]:
        """Return old, new, change and per cent of an organisation: number and text of each, or None."""
        old, new = (
            None if row.only_in == other else (float(amount), exact_money(amount, self.unit))
            for other, amount in (("new", row.old), ("old", row.new))
        )
        ratio = row.percent
        change = float(row.change), exact_change(row.change, self.unit)
        return [old, new, change, None if ratio is None else (float(ratio), percent_change(ratio))]

    def rows(self) -> list[list[Any]]:
        """Return code, name, main cause and figures of each organisation that changes."""
        return [
            [visible(row.code), visible(row.name), visible(sentence(self.main_cause(row))), *self.figures(row)]
            for row in self.changed
        ]

    def charts(self) -> list[PageChart]:
        """Return the waterfall and who gains and loses; none if the answer is not money."""
        if not is_money(self.unit) or self.comparison.same:
            return []
        changes = [(row.name or row.code, float(row.change)) for row in self.organisations]
        label = inside(self.comparison.new.answer_label)
        chart = movers("gains-and-losses", f"Change of {label}, {self.name}", changes, self.comparison.organisation)
        return [*self._waterfall(), *([chart] if any(change for _, change in changes) else [])]

    def _waterfall(self) -> Iterator[PageChart]:
        """Yield the chart from the old total to the new one; the smallest of many causes have one bar."""
        causes = [cause for cause in self.comparison.attribution if any(cause.amounts.values())]
        every_year = [year.year for year in self.comparison.years]
        if not any(cause.total(year).copy_abs() >= NO_CHANGE for cause in causes for year in every_year):
            return  # money only moves: there would be no bar
        by_size = sorted(causes, key=lambda cause: (cause.kind == "rounding", total(map(abs, cause.amounts.values()))))
        large = causes if len(causes) <= _BARS else by_size[-_BARS:]
        bars = [(sentence(cause.label), self._total(cause)) for cause in causes if cause in large]
        if small := [cause for cause in causes if cause not in large]:
            place = len(bars) - (causes[-1].kind == "rounding")
            bars.insert(place, (counted(len(small), "other cause"), total(map(self._total, small))))
        moves = movement(self.comparison, self.years)
        title = f"From the old total to the new one, {self.name}"
        ends = ("in the old result", float(moves.old)), ("in the new result", float(moves.new))
        yield waterfall(title, ends[0], [(label, float(change)) for label, change in bars], ends[1])

    def _total(self, cause: Cause) -> Decimal:
        return total(cause.total(year) for year in self.years)

    def data(self) -> dict[str, Any]:
        """Return what the script shows when these years are chosen."""
        charts = [{"id": chart.id, "rows": chart.rows, **_titles(chart)} for chart in self.charts()]
        return {"name": self.name, "rows": self.rows(), "charts": charts}


def _titles(chart: PageChart) -> dict[str, str]:
    return {"title": chart.title, "description": chart.description}


class _ComparisonSections:
    """The sections of the page of a comparison, and the data of its script."""

    def __init__(self, comparison: Comparison) -> None:
        """Take a comparison; the first choice of years is what the page shows without scripts."""
        self.comparison, self.noun = comparison, comparison.organisation
        self.years = common_years(comparison)
        choices = [[year] for year in reversed(self.years)]
        if len(self.years) > 1 and is_additive(comparison.unit):
            choices.insert(0, self.years)
        if len(choices) * comparison.row_count > _MOST_ROWS * len(comparison.years):
            choices = choices[:1]
        self.choices = [] if comparison.same else [_YearChoice(comparison, years) for years in choices]
        self.of_year = {
            year: {row.code: row for row in organisation_changes(comparison, [year])} for year in self.years
        }
        self.codes = list(dict.fromkeys(row.code for choice in self.choices for row in choice.changed))
        """The organisations that change in any of the choices."""

    def sections(self) -> Iterator[tuple[str, str, str]]:
        """Yield id, heading and HTML of each section in order."""
        comparison = self.comparison
        charts = {chart.id: chart for chart in self.choices[0].charts()} if self.choices else {}
        yield "in-short", "In short", self._answer()
        if self.choices:
            totals = [*report.totals(comparison)][1:] if is_additive(comparison.unit) else []
            yield "figures", "Totals", blocks_html(totals)
            yield "why", "Why", chart_place(charts.get("waterfall")) + self._why()
            yield "gains-and-losses", "Who gains and who loses", chart_place(charts.get("gains-and-losses"))
            outcomes = [*report.outcomes(comparison, details=True)]
            yield "outcomes", "What the rule does to them", blocks_html(outcomes[1:])
        if self.codes:
            yield "everybody", f"All {plural(self.noun)} that change", self._everybody()
            yield "organisation", f"One {self.noun}", self._organisation()
        yield "differences", "Differences in scheme and inputs", self._differences()
        yield "sides", "Both results", blocks_html(self._both_results())

    def _answer(self) -> str:
        """Return the headline, and what everyone must know of the figures."""
        comparison = self.comparison
        cautions = [
            *(Paragraph(text, Tone.BAD) for text in comparison.off_rule),
            *(Paragraph(text, Tone.WARNING) for text in comparison.drafts),
        ]
        if comparison.illustrative:
            cautions.append(Paragraph(f"{QUOTED}: {' '.join(comparison.illustrative)}", Tone.WARNING))
        status = blocks_html([*cautions, *report.notable(comparison)])
        answer = blocks_html(map(Paragraph, headline_parts(comparison)))
        return f'<div id="answer">\n{answer}</div>\n' + (f'<div id="status">\n{status}</div>\n' if status else "")

    def _why(self) -> str:
        """Return the causes in plain words; folded below them each cause alone, and the method."""
        comparison = self.comparison
        if not comparison.attribution:
            return blocks_html([Paragraph(f"The causes are not known: {comparison.no_causes_reason}")])
        details = blocks_html([*[*report.cause_table(comparison)][1:], Paragraph(method(comparison))])
        summary = "To the penny" if is_money(comparison.unit) else "In detail"
        return (
            f"{blocks_html([*report.why(comparison)][1:])}<details>\n"
            f"<summary>{summary}, each cause alone, and the method</summary>\n{details}</details>\n"
        )

    def _everybody(self) -> str:
        """Return the table of the organisations that change, largest loss first; if none loses, largest gain first."""
        first, comparison = self.choices[0], self.comparison
        has_loss = any(row.change < 0 for row in first.changed)
        lines = [
            (code, [name or code, code, *(figure[1] if figure else "" for figure in figures), cause])
            for code, name, cause, *figures in (first.rows() if has_loss else reversed(first.rows()))
        ]
        headings = ("Old", "New", "Change", "Change in %")
        columns = [PageColumn("name", self.noun, is_figure=False), PageColumn("code", "Code", is_figure=False)]
        columns += [PageColumn(key, heading) for key, heading in zip(_FIGURES, headings, strict=True)]
        columns += [PageColumn("cause", "Main cause", is_figure=False)]
        if not comparison.attribution and not any(row.only_in for row in first.changed):
            columns, lines = columns[:-1], [(code, cells[:-1]) for code, cells in lines]
        unchanged = len(first.organisations) - len(first.changed)
        verb = "does" if unchanged == 1 else "do"
        note = f"{counted(unchanged, self.noun)} {verb} not change ({first.name}) and {verb} not appear here."
        unit = "" if is_money(comparison.unit) else f" ({comparison.unit})"
        label = f"{sentence(inside(comparison.new.answer_label))}{unit}"
        return (blocks_html([Paragraph(note)]) if unchanged else "") + organisation_table(
            columns,
            lines,
            (f"{label}:", first.name),
            ("change", "ascending" if has_loss else "descending"),
            ([sentence(choice.name) for choice in self.choices], 0),
        )

    # One organisation

    def _explained(self, code: str) -> list[list[str]]:
        """Return old, causes, new and change of an organisation: a label, and a text for each year."""
        comparison, unit, years = self.comparison, self.comparison.unit, self.years
        rows = [self.of_year[year].get(code) for year in years]
        old, new = (
            ["–" if row is None or row.only_in == other else exact_money(getattr(row, side), unit) for row in rows]
            for side, other in (("old", "new"), ("new", "old"))
        )
        lines = [["Old", *old]]
        for cause in comparison.attribution:
            amounts = [cause.amounts.get((year, code), NOTHING) for year in years]
            if any(amounts):
                texts = [exact_change(rounded_to(amount, quantum(unit)), unit) for amount in amounts]
                lines.append([visible(sentence(cause.label)), *texts])
        changes = [NOTHING if row is None else row.change for row in rows]
        ratios = ["–" if row is None or row.only_in else percent_change(percent(row.change, row.old)) for row in rows]
        lines += [
            ["New", *new],
            ["Change", *(exact_change(change, unit) for change in changes)],
            ["Change in %", *ratios],
        ]
        return lines

    def _organisation(self) -> str:
        """Return the causes of the organisation that loses, or else gains, most; the script shows any other."""
        code = self.codes[0] if self.choices[0].changed[0].change < 0 else self.choices[0].changed[-1].code
        name = next(row.name for choice in self.choices for row in choice.changed if row.code == code)
        columns = [Column("", Role.LABEL), *map(Column, self.years)]
        table = table_element(Table(columns, [*map(Row, self._explained(code))]), ' id="organisation-lines"')
        return (
            f'<p class="needs-script">Choose a {escaped(self.noun)} in the table above to see why it changes.</p>\n'
            f'<h3 id="organisation-name" tabindex="-1">{escaped(f"{name} ({code})" if name else code)}</h3>\n'
            f'<div class="table" role="group" aria-label="Causes of its change" tabindex="0">\n{table}</div>\n'
        )

    def data(self) -> dict[str, Any]:
        """Return the choices of years, and the causes of each organisation by code."""
        return {
            "noun": self.noun,
            "choices": [choice.data() for choice in self.choices],
            "organisations": [[visible(code), self._explained(code)] for code in self.codes],
        }

    # Rules and files

    def _differences(self) -> str:
        """Return where differences start, and, folded if they are many, differences of columns, rules and inputs."""
        comparison = self.comparison
        start = blocks_html(section("Where differences start", report.first_differences(comparison)))
        blocks = [*report.rule_differences(comparison.differences)][1:]
        for which, columns in zip(("old", "new"), comparison.columns, strict=True):
            blocks += section(f"Columns only in the {which} result", [joined(columns)] if columns else [])
        if not blocks:
            return start + blocks_html([Paragraph("Both have the same rule, values and input files.")])
        count = len(comparison.differences) + sum(map(len, comparison.columns))
        html = blocks_html(blocks)
        if count <= _MOST_UNFOLDED:
            return start + html
        return f"{start}<details>\n<summary>All {count:,} differences</summary>\n{html}</details>\n"

    def _both_results(self) -> Iterator[Block]:
        """Yield a line on each result, and the input files of both with their digests."""
        yield from report.sides(self.comparison, details=True)
        for side in (self.comparison.old, self.comparison.new):
            if defaults := (side.record.manifest or {}).get("defaults"):
                yield Paragraph(f"{side.name}: defaults from {defaults['file']}: {joined(defaults['keys'])}.")
        rows = [
            Row([word, str(entry["file"]), f"{entry['rows']:,}", Code(str(entry["sha256"]))])
            for word, side in (("Old", self.comparison.old), ("New", self.comparison.new))
            for entry in (side.record.manifest or {}).get("inputs", ())
        ]
        if rows:
            columns = [Column("Result", Role.LABEL), Column("Input file", Role.TEXT), Column("Rows")]
            yield Table([*columns, Column("SHA-256", Role.TEXT)], rows)
