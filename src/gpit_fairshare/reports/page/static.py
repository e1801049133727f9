"""The sections of a page, readable without scripts: the decision first, then figures, people, reasons and sources."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.explanation.summary import year_summaries
from gpit_fairshare.inputs.mergers.crosswalk import day_in_words
from gpit_fairshare.language import in_words, tree
from gpit_fairshare.numbers import money, or_dash, per_head, signed, written_value
from gpit_fairshare.reports import document
from gpit_fairshare.reports.allocation import everyone, year_table
from gpit_fairshare.reports.allocation_details import ResultReport
from gpit_fairshare.reports.document import Code, Column, Item, Paragraph, Role, Row, Table
from gpit_fairshare.reports.formats.html import escaped, table_element
from gpit_fairshare.reports.ladder import bar
from gpit_fairshare.reports.organisation_table import ratio_change
from gpit_fairshare.reports.page.in_short import InShort
from gpit_fairshare.reports.page.parts import PageColumn, blocks_html, chart_place, organisation_table, page_body
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.words import counted, joined, listed, plural, sentence, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpit_fairshare.reports.allocation_opening import Opening
    from gpit_fairshare.reports.document import Block
    from gpit_fairshare.reports.organisation_table import TableRow
    from gpit_fairshare.reports.page.charts import PageChart

_MOST_WITH_SENTENCES: Final = 1000
"""Organisations up to which the page has the sentences on each: those of 8,000 would double its size."""
_BAR: Final = 1000
"""Units of the longest bar of a ladder."""
_MOST_LADDERS: Final = 4
"""Years up to which each has its ladder."""
_NAMED: Final = 5


class StaticSections:
    """The sections of the page of a run, and the texts that its script needs beside the model."""

    def __init__(self, opening: Opening, charts: Sequence[PageChart], controls: str, *, recalculates: bool) -> None:
        """Take the opening of a run in full, its charts, and the controls of its what-if (or why it has none)."""
        self.opening, self.charts, self.controls = opening, {chart.id: chart for chart in charts}, controls
        self.recalculates = recalculates
        self.result, self.scheme, self.years = opening.result, opening.scheme, opening.years
        self.noun, self.nouns = self.scheme.organisation, plural(self.scheme.organisation)
        self.report = ResultReport(opening)
        row = (opening.losses or opening.gains or opening.organisations)[0]
        self.chosen = row.figures.code
        """The organisation that the page explains at first: the one that loses most."""
        self.summaries = {year: year_summaries(self.result, year) for year in self.result.years}
        explained = self.summaries[opening.last.year].get(self.chosen) if opening.losses else None
        self.in_short = InShort(opening, (*explained.sentences()[1:], "")[0] if explained else "")

    def body(self, appendix: str = "") -> str:
        """Return the content of the page: heading, banner, all sections, and `appendix` as HTML below them."""
        organisations = counted(self.years[-1].organisations, self.noun)
        subject = f"{organisations}, {span([year.year for year in self.years])}"
        subject += "" if self.in_short.is_final else ". These figures are not final."
        need_script = ["what-if"] if self.recalculates else []
        return page_body((self.scheme.title, subject), self._sections(), appendix, need_script)

    def _sections(self) -> Iterator[tuple[str, str, str]]:
        """Yield id, heading and HTML of each section in order; a section without HTML is left out."""
        has_years = len(self.years) > 1
        yield "in-short", "In short", self.in_short.html()
        yield "figures", "National figures", self._figures()
        yield "what-if", "What if?", self.controls
        yield "gains-and-losses", "Who gains and who loses", self._chart("gains-and-losses")
        yield "everybody", f"All {self.nouns}", self._everybody()
        yield "spread", "Funding per head", self._spread()
        yield "path", "From year to year", self._chart("path") if has_years else ""
        yield "organisation", f"One {self.noun}", self._organisation()
        yield "assumptions", "What is assumed", self._assumptions()
        yield "checks", "Checks and warnings", self._checks()
        yield "sources", "Sources", blocks_html([*self.report.sources()][1:])
        yield "inputs", "Input files", blocks_html([self._input_table()])
        yield "cite", "How to cite this", blocks_html(self._citation())
        yield "differences", "Why other figures may differ", blocks_html(map(Item, self._differences()))

    # Figures of the nation

    def _figures(self) -> str:
        """Return the table of national figures, and folded below it every figure of the run year by year."""
        table, *others = [*year_table(self.opening)] or [*self.report.year_by_year()]
        assert isinstance(table, Table)  # noqa: S101  # both begin with their table
        named = table_element(table, ' id="national-figures"')
        area_totals = [*everyone(self.opening, sort="code")][2:]
        more = [*self.report.year_by_year(), *area_totals]
        more += [*self.report.below_spend(), *self.report.movements()] if self.opening.in_money else []
        return (
            f'<div class="table" role="group" aria-label="National figures" tabindex="0">\n{named}</div>\n'
            f'<div id="national-note">\n{blocks_html(others)}</div>\n'
            f"<details>\n<summary>All national figures</summary>\n"
            f"{_as_reported('These figures are')}{blocks_html(more)}</details>\n"
        )

    def _spread(self) -> str:
        """Return the chart of £ per head and the table of its spread; empty if the run has neither."""
        table = blocks_html([*self.report.spread_per_head()][1:])
        chart = self._chart("spread")
        if not table:
            return chart
        meaning = Paragraph(
            "The coefficient of variation and the Gini coefficient measure differences in £ per head; 0 is none."
        )
        return f"{chart}{_as_reported('The figures of this table are')}{table}{blocks_html([meaning])}"

    def _chart(self, name: str) -> str:
        """Return the place of a chart, with a mark if its figures are illustrative; empty if there is no such chart."""
        return chart_place(self.charts.get(name), self.report.mark)

    # Everybody

    def _columns(self) -> list[tuple[PageColumn, Callable[[TableRow], str]]]:
        """Return the columns of the table of organisations: those for which the run has figures."""
        opening, rows, labels = self.opening, self.opening.organisations, self.scheme.labels
        columns: list[tuple[PageColumn, Callable[[TableRow], str]]] = [
            (PageColumn("name", self.noun, is_figure=False), lambda row: row.figures.name or row.figures.code),
            (PageColumn("code", "Code", is_figure=False), lambda row: row.figures.code),
        ]
        if any(row.figures.area for row in rows):
            area = self.scheme.report_by or ""
            heading = " ".join(labels.get(area, area.replace("_", " ").capitalize()).split())
            columns.append((PageColumn("area", heading, is_figure=False), lambda row: row.figures.area))
        is_compared = any(row.before is not None for row in rows)
        if is_compared:
            spend = sentence(opening.spend_label)
            columns.append((PageColumn("spend", spend), lambda row: or_dash(row.before, money)))
        if self.summaries[opening.last.year][self.chosen].fair_share is not None:
            columns.append(
                (PageColumn("fairShare", labels[FAIR_SHARE]), lambda row: or_dash(row.figures.fair_share, money))
            )
        result = " ".join(labels[self.scheme.result].split())
        columns.append((PageColumn("result", result), lambda row: opening.write(row.figures.allocation)))
        if is_compared:
            columns += [
                (PageColumn("spendChange", "Change"), lambda row: or_dash(row.change, signed)),
                (PageColumn("spendPercent", "Change in %"), lambda row: ratio_change(row.change_ratio)),
            ]
        if opening.write is money and any(row.figures.per_head is not None for row in rows):
            columns.append((PageColumn("perHead", "Per head"), lambda row: or_dash(row.figures.per_head, per_head)))
        if any(row.figures.outcome for row in rows):
            columns.append((PageColumn("outcome", "Outcome", is_figure=False), lambda row: row.figures.outcome))
        return columns

    def _everybody(self) -> str:
        """Return the table of all organisations of the last year, largest loss first, and controls of the script."""
        columns, cells = zip(*self._columns(), strict=True)
        rows = [*self.opening.organisations]
        is_compared = any(column.key == "spendChange" for column in columns)
        sorted_by = "spendChange" if is_compared else "code"
        if is_compared:
            rows.sort(key=lambda row: (row.change is None, row.change or 0.0, row.figures.code))
        lines = [(row.figures.code, [cell(row) for cell in cells]) for row in rows]
        caption = f"{sentence(self.nouns)} in", self.opening.last.year
        names = [year.year for year in self.years]
        order = sorted_by, "ascending"
        return organisation_table(
            [*columns], lines, caption, order, (names, len(names) - 1), self.report.mark if is_compared else ""
        )

    # One organisation

    def _organisation(self) -> str:
        """Return the sentences and ladders of one organisation, and what the script needs to show any other."""
        parts = []
        for year, sentences, ladder in self._explained(self.chosen):
            heading = f"<h4>{year}</h4>\n" if len(self.years) > 1 else ""
            rungs = "".join(map(_rung, ladder))
            bars = f'<ol class="ladder">\n{rungs}</ol>\n' if rungs else ""
            parts.append(f"{heading}<p>{escaped(' '.join(sentences))}</p>\n{bars}")
        names = [summaries[self.chosen].row.name for summaries in self.summaries.values() if self.chosen in summaries]
        name = f"{names[-1]} ({self.chosen})" if names[-1] else self.chosen
        years = "".join(f'<th scope="col" class="figure">{year.year}</th>' for year in self.years)
        lines = (
            '<table id="organisation-lines">\n<caption>Every line of its calculation</caption>\n'
            f'<thead>\n<tr><th scope="col">Line</th>{years}</tr>\n</thead>\n<tbody>\n</tbody>\n</table>\n'
        )
        return (
            '<form id="organisation-form" class="controls needs-script">\n'
            f'<p><label for="organisation-field">Code or name of a {escaped(self.noun)}</label>'
            '<input id="organisation-field" list="organisation-list" autocomplete="off"></p>\n'
            '<datalist id="organisation-list"></datalist>\n<p><button type="submit">Show</button></p>\n'
            '<p id="organisation-problem" class="problem" role="alert"></p>\n</form>\n'
            f'<p class="no-script">To explain another {escaped(self.noun)}, type <code>gpit explain CODE</code>.</p>\n'
            f'<h3 id="organisation-name" tabindex="-1">{escaped(name)}</h3>\n'
            f"{_as_reported('Only the lines below follow the what-if: sentences and bars are')}"
            f'<div id="organisation-sentences">\n{"".join(parts)}</div>\n<div class="needs-script">\n'
            f'<div class="table" role="region" aria-label="Lines of its calculation" tabindex="0">\n'
            f"{lines}</div>\n</div>\n"
        )

    def _explained(self, code: str) -> list[tuple[str, Sequence[str], list[tuple[str, str, str, int, int]]]]:
        """Return year, sentences and ladder of an organisation for each year; of many years only the last has a ladder.

        A rung is its label, its amount as a text, its kind, and where its bar begins and ends in 1,000ths.
        """
        summaries = [(year, of_year[code]) for year, of_year in self.summaries.items() if code in of_year]
        with_bars = summaries if len(summaries) <= _MOST_LADDERS else summaries[-1:]
        ladders = {year: summary.ladder() for year, summary in with_bars}
        amounts = [rung.amount for rungs in ladders.values() for rung in rungs if rung.kind == "amount"]
        largest = max(amounts, default=0.0)
        return [
            (
                year,
                summary.sentences(),
                [
                    (
                        rung.label,
                        rung.text,
                        rung.kind if rung.kind == "amount" else "rise" if rung.amount > 0 else "fall",
                        *bar(rung, largest, _BAR),
                    )
                    for rung in ladders.get(year, ())
                ],
            )
            for year, summary in summaries
        ]

    def texts(self) -> dict[str, Any]:
        """Return what the script shows beside the figures of its run, for JSON.

        The organisation shown at first; for each organisation what `_explained` returns; the formula of each step in
        words; label and unit of each input.
        """
        codes = dict.fromkeys(code for of_year in self.summaries.values() for code in sorted(of_year))
        if len(codes) > _MOST_WITH_SENTENCES:
            codes = {self.chosen: None}
        return {
            "chosen": self.chosen,
            "organisations": [[code, self._explained(code)] for code in codes],
            "formulas": [[step.name, in_words.render(step.tree, self.scheme.labels)] for step in self.scheme.steps],
            "inputs": [[symbol.name, self.scheme.labels[symbol.name], symbol.unit] for symbol in self.scheme.inputs],
        }

    # Reasons and sources

    def _assumptions(self) -> str:
        """Return each assumption with what hangs on it, and folded below it every value with its origin."""
        blocks: list[Block] = [*self.report.assumptions()][1:]
        blocks = blocks or [Paragraph("The scheme names no assumptions.")]
        if illustrative := self.result.inputs.illustrative:
            heading = self.result.inputs.illustrative_heading
            blocks.insert(0, Paragraph(f"{heading} takes the place of real figures. {'; '.join(illustrative)}"))
        effects = _as_reported("Effects are") if self.result.effects else ""
        rows = []
        for name, parameter in self.scheme.parameters.items():
            years_by_value: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for year, value in parameter.values.items():
                text = written_value(value.value, parameter.unit, value.as_written)
                years_by_value[text, value.origin].append(year)
            for (text, origin), years in years_by_value.items():
                rows.append(Row([self.scheme.labels[name], text, span(years, self.scheme.years), sentence(origin)]))
        columns = [Column("Parameter", Role.TEXT), Column("Value"), Column("Years", Role.LABEL)]
        table = Table([*columns, Column("Source or assumption", Role.TEXT)], rows)
        return (
            f"{blocks_html(blocks)}{effects}<details>\n<summary>Every value and its source</summary>\n"
            f"{blocks_html([table])}</details>\n"
            if rows
            else blocks_html(blocks)
        )

    def _checks(self) -> str:
        """Return each check of the rule with its formula and its years, then all warnings and notes, folded."""
        checks: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for check in self.result.checks:
            failures = checks[check.name, check.formula]
            failures += [] if check.holds else [f"{check.year} ({listed(check.failing, _NAMED)})"]
        rows = [
            Row([f"Fails in {joined(failures)}" if failures else "Passes", name, Code(formula)])
            for (name, formula), failures in checks.items()
        ]
        columns = [Column("Result", Role.LABEL), Column("Check", Role.TEXT), Column("Formula", Role.TEXT)]
        text = blocks_html([Table(columns, rows) if rows else Paragraph("The scheme has no checks.")])
        text += _as_reported("These results are")
        findings = self.opening.other_findings
        if findings:
            levels = document.counted_levels(findings)
            text += f"<details>\n<summary>{escaped(sentence(levels))} about files and figures</summary>\n"
            text += f"{blocks_html([self.report.findings()])}</details>\n"
        return text

    def _input_table(self) -> Table:
        """Return the input files with their rows, columns and digests."""
        rows = [
            Row(
                [
                    source.name,
                    f"{source.rows:,}",
                    joined([*dict.fromkeys(column for _, column in source.matched)]) or "–",
                    Code(source.sha256),
                ]
            )
            for source in self.result.inputs.sources
        ]
        columns = [Column("File", Role.TEXT), Column("Rows"), Column("Columns used", Role.TEXT)]
        return Table([*columns, Column("SHA-256", Role.TEXT)], rows)

    def _citation(self) -> Iterator[Block]:
        """Yield what identifies this run: title, years, version, and the digest of the scheme."""
        manifest = self.result.manifest
        years = span([year.year for year in self.years])
        yield Paragraph(f"{self.scheme.title}, {years}. Calculated by gpit-fairshare {manifest['gpit']}.")
        yield Paragraph(f"Scheme {self.scheme.name}; SHA-256 of its steps and values:")
        yield Paragraph(Code(self.scheme.digest))
        yield Paragraph(
            "The manifest below names every file with its digest; with the same files, gpit gives the same figures."
        )

    def _differences(self) -> Iterator[str]:
        """Yield why figures published elsewhere may differ from these, from facts of the run."""
        scheme, inputs = self.scheme, self.result.inputs
        roundings = {step.tree.to for step in scheme.steps if isinstance(step.tree, tree.Rounded)}
        if roundings and self.opening.in_money:
            units = joined([money(to, 0 if to >= 1 else 2) for to in sorted(roundings)])
            yield f"Rounding: amounts are rounded to multiples of {units}, so that they add up to the rounded total."
        populations = [source.name for source in inputs.sources if source.role == "population"]
        if populations:
            yield f"Patients: they are counted as in {listed(populations, _NAMED)}; counts of another date differ."
        if inputs.boundaries:
            yield f"Boundaries: all figures are for the {self.nouns} of {day_in_words(inputs.boundaries)}."
        if inputs.restated:
            yield f"Mergers: {counted(len(inputs.restated), 'amount')} of closed {self.nouns} count with successors."
        if inputs.illustrative:
            yield f"{inputs.illustrative_heading}: {'; '.join(inputs.illustrative)}"
        if scheme.indicative:
            yield f"Indicative: {span(scheme.indicative, scheme.years)} may change before it is decided."
        if scheme.assumptions:
            yield f"Assumptions: {counted(len(scheme.assumptions), 'assumption')} of values or rules; see above."
        if scheme.overridden():
            yield "Settings: values were set for this run only; the status above names them."


def _as_reported(subject: str) -> str:
    """Return the line that only a what-if shows: the figures of the subject are as reported."""
    return f'<p class="as-reported">{subject} as reported, not of the what-if.</p>\n'


def _rung(rung: tuple[str, str, str, int, int]) -> str:
    """Return a rung of a ladder, with a bar that screen readers skip."""
    label, text, kind, begin, end = rung
    return (
        f'<li><span>{escaped(label)}</span><span class="figure">{escaped(text)}</span>'
        f'<svg viewBox="0 0 {_BAR} 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect x="{begin}" y="0" width="{end - begin}" height="12" class="{kind}"></rect></svg></li>\n'
    )
