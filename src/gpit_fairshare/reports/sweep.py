"""The report of `gpit sweep`: what is possible, the scenarios, and one organisation over them."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import polars as pl

from gpit_fairshare.engine.measures import BASELINE
from gpit_fairshare.explanation.organisation import code_among
from gpit_fairshare.numbers import exact, money, or_dash, parameter_value, per_head, percent_change, percentage, whole
from gpit_fairshare.reports import document
from gpit_fairshare.reports.allocation_opening import (
    Opening,
    cautions_of,
    settings_of,
    total_label,
    unspent_in,
    writer_of,
)
from gpit_fairshare.reports.document import Column, Heading, Item, Paragraph, Role, Row, Table, Tone
from gpit_fairshare.structured_texts import json_text
from gpit_fairshare.sweeps.figures import FAILS
from gpit_fairshare.words import counted, inside, joined, listed, one_line, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gpit_fairshare.engine.batches.batch import Impossible
    from gpit_fairshare.findings import Finding
    from gpit_fairshare.sweeps.frames import SweepOfRule
    from gpit_fairshare.sweeps.sweep import PlannedRule, Sweep

SCREEN_ROWS: Final = 20
FILE_ROWS: Final = 1000
"""Most scenarios that a screen, and a document in a file, shows."""
JSON_SCHEMA: Final = "gpit-sweep/1"
_TOO_LITTLE: Final = re.compile(r"£[\d,.]+ too little")
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_POINTS: Final = 40
"""Most blocks of a sparkline."""
_MOST_FALLS: Final = 5
"""Organisations that a sweep shows because they fall most."""
_MOST_VARYING: Final = 5
"""Organisations that a sweep of draws shows."""
PERCENT: Final = {"p05": "5%", "p25": "25%", "p50": "Median", "p75": "75%", "p95": "95%"}
"""Headings of quantiles, by the name of their column in a frame."""


class Fall(NamedTuple):
    """The largest fall of an organisation's result from the base run."""

    code: str
    scenario: int
    """The number of the scenario in which it is."""
    size: float


class SweepReport:
    """What a screen, documents, the workbook and the JSON document of a sweep share."""

    def __init__(self, sweep: Sweep, organisation: str | None = None) -> None:
        """Take a sweep, and the code or name of the organisation to show; None chooses one."""
        self.sweep, self.rules = sweep, sweep.rules
        self.scheme, self.inputs = self.rules[0].scheme, self.rules[0].inputs
        self.year = self.scheme.years[-1]
        self.rule_keys = [*self.rules[0].rule_names()]
        self.keys = [*dict.fromkeys(key for rule in self.rules for key in rule.scenarios.columns)]
        self.subject = self.scheme.name if self.rule_keys else self.scheme.title
        self.is_drawn = any(rule.scenarios.inputs for rule in self.rules)
        base = self.rules[0].base
        self.base = Opening(base) if base else None
        self.write = writer_of(self.scheme)
        known = {
            "allocated": (total_label(self.scheme), self.write),
            "unspent": ("Unspent", money),
            "lose": ("Lose", whole),
            "largest_loss": ("Largest loss", money),
            "lowest_per_head": ("Lowest £ per head", per_head),
            "highest_per_head": ("Highest £ per head", per_head),
        }
        self.figures: dict[str, tuple[str, Callable[[float], str]]] = {
            name: entry for name, entry in known.items() if any(name in rule.figures[self.year] for rule in self.rules)
        }
        """The national figures of the last year, each with its heading and its writer."""
        self.code = code_of(self.rules[0], organisation) if organisation else self._chosen_code()
        name = names_of(self.rules[0]).get(self.code)
        self.name = f"{name} ({self.code})" if name else self.code
        years = reversed(self.scheme.years)
        self.own_year = next(year for year in years if self.code in self.rules[0].codes(year))
        """The last year in which the chosen organisation exists."""

    def cautions(self, *, full: bool) -> list[Paragraph]:
        """Return the cautions about figures of any rule and of the base run, without those that are part of another."""
        runs: list[Any] = [*self.rules, *([self.rules[0].base] if self.rules[0].base else [])]
        by_text = {block.text: block for run in runs for block in cautions_of(run.scheme, run.inputs, full=full)}
        return [by_text[text] for text in by_text if not any(text in other for other in by_text if other != text)]

    def findings(self) -> list[Finding]:
        """Return the findings about the inputs of all rules, each once."""
        return [*{str(finding): finding for rule in self.rules for finding in rule.inputs.findings}.values()]

    def located(self, number: int) -> tuple[SweepOfRule, int]:
        """Return the rule of a scenario, whose number counts from 1, and its place among those of the rule, from 0."""
        return next((rule, number - first) for rule, first in reversed(self.sweep.numbered()) if number >= first)

    def impossible(self) -> Iterator[tuple[int, Impossible]]:
        """Yield each impossible scenario with its number."""
        for rule, first in self.sweep.numbered():
            yield from ((first + place, rule.impossible[place]) for place in sorted(rule.impossible))

    def possible(self) -> list[int]:
        """Return the numbers of the possible scenarios."""
        impossible = {number for number, _ in self.impossible()}
        return [number for number in range(1, self.sweep.count + 1) if number not in impossible]

    def base_figures(self) -> dict[str, float]:
        """Return the national figures of the base run; empty if that is impossible."""
        if self.base is None:
            return {}
        figures = {"allocated": self.base.last.allocated}
        if self.base.scheme.money.unspent:
            figures["unspent"] = unspent_in(self.base.last)
        if BASELINE in self.base.result.inputs.tables[self.year].columns:
            losses = self.base.losses
            figures |= {"lose": len(losses), "largest_loss": -(losses[0].change or 0.0) if losses else 0.0}
        if rates := [row.figures.per_head for row in self.base.organisations if row.figures.per_head is not None]:
            figures |= {"lowest_per_head": min(rates), "highest_per_head": max(rates)}
        return figures

    def setting(self, rule: SweepOfRule, key: str, place: int | None = None) -> str:
        """Return the value of a parameter that varies, in a scenario, or in the base run if there is no place."""
        name, _, year = key.partition("@")
        scheme = rule.base.scheme if rule.base and place is None else rule.scheme
        parameter = scheme.parameters[name]
        value = parameter.values[year or self.year].value if place is None else rule.scenarios.columns[key][place]
        return parameter_value(value, parameter.unit)

    def identity(self, number: int) -> list[str]:
        """Return the number of a scenario, its name if scenarios have names, and all that varies, as texts."""
        rule, place = self.located(number)
        names = [rule.scenarios.names[place]] if rule.scenarios.names else []
        keys = [self.setting(rule, key, place) if key in rule.scenarios.columns else "–" for key in self.keys]
        return [f"{number:,}", *names, *rule.rule_names().values(), *keys]

    def result(self, rule: SweepOfRule, place: int | None = None) -> float:
        """Return the result of the chosen organisation in a scenario, or in the base run if there is no place.

        It is that of the last year in which the organisation exists; NaN if the scenario or base run is impossible.
        """
        values = rule.base_results(self.own_year) if place is None else rule.results[self.own_year][place]
        return float(values[rule.codes(self.own_year).index(self.code)])

    def document(self) -> dict[str, Any]:
        """Return the sweep as a JSON document, with the chosen organisation in every scenario and year."""
        of_draws = {"figures": self.sweep.figure_quantiles, "organisations": self.sweep.quantiles}
        return {
            "schema": JSON_SCHEMA,
            "scheme": self.scheme.name,
            "scenarios": self.sweep.frame.to_dicts(),
            "impossible": [
                {"scenario": number, "year": reason.year, "where": reason.where, "reason": reason.reason}
                for number, reason in self.impossible()
            ],
            "organisation": self.sweep.organisation(self.code).to_dicts(),
            "findings": [finding.entry() for finding in self.findings()],
            "quantiles": {name: frame.to_dicts() for name, frame in of_draws.items()} if self.is_drawn else {},
            "manifest": dict(self.sweep.manifest),
        }

    @cached_property
    def falls(self) -> list[Fall]:
        """Return for each organisation its largest fall from the base run, the largest first; none that never falls."""
        largest: dict[str, Fall] = {}
        for rule, first in self.sweep.numbered():
            results, codes = rule.results[self.year], rule.codes(self.year)
            lowest = np.fmin.reduce(results, axis=0)  # NaN only where every scenario is impossible
            for row, size in enumerate((rule.base_results(self.year) - lowest).tolist()):
                code = codes[row]
                if size > (largest[code].size if code in largest else 0):
                    place = int((results[:, row] == lowest[row]).argmax())
                    largest[code] = Fall(code, first + place, size)
        return sorted(largest.values(), key=lambda fall: (-fall.size, fall.code))

    def _chosen_code(self) -> str:
        """Return the organisation whose result falls most; else that which loses most in the base run, or ranges most.

        Draws move every organisation, so of them the base run decides.
        """
        if not self.is_drawn and (falls := self.falls):
            return falls[0].code
        if self.base and self.base.losses:
            return self.base.losses[0].figures.code
        ranges = self.sweep.quantiles.filter(year=self.year).with_columns(range=pl.col("p95") - pl.col("p05"))
        ordered = ranges.sort("range", "org_code", descending=[True, False], nulls_last=True)
        code: str = ordered["org_code"][0]
        return code


def names_of(rule: SweepOfRule | PlannedRule) -> dict[str, str | None]:
    """Return the names of all organisations of a rule by code."""
    tables = [rule.inputs.tables[year].select("org_code", "org_name") for year in rule.scheme.years]
    return {code: name for table in tables for code, name in table.iter_rows()}


def code_of(rule: SweepOfRule | PlannedRule, code_or_name: str) -> str:
    """Return the code of an organisation of a rule, given by its code or name."""
    return code_among(names_of(rule), code_or_name, rule.scheme, rule.inputs)


def sweep_document(report: SweepReport, *, is_short: bool = False, file_names: Sequence[str] = ()) -> document.Document:
    """Return the report of a sweep.

    Args:
        report: The sweep, with the organisation to show.
        is_short: Whether it is for a screen, with at most 20 scenarios; else with 1,000 and the manifest.
        file_names: Names of the files that were written.
    """
    sweep = report.sweep
    numbers = _chosen(report, SCREEN_ROWS if is_short else FILE_ROWS)
    blocks = [
        _title(report),
        *document.written_line(file_names),
        *_reasons(report),
        *_failing_checks(report),
        *report.cautions(full=not is_short),
        *settings_of(report.scheme, full=True),
        *(Paragraph(note) for note in dict.fromkeys(note for rule in report.rules for note in rule.scenarios.notes)),
    ]
    if not report.base:
        problem = report.rules[0].base_problem
        blocks.append(Paragraph(f"There is no base run of the scheme's own rule and values to compare with: {problem}"))
    if sweep.impossible_count < sweep.count:
        if report.is_drawn:
            blocks += [*_quantiles(report), *_most_varying(report)]
        else:
            blocks += [*_scenarios(report, numbers), *_sparklines(report)]
            blocks += [*_falls(report), *_organisation(report, numbers)]
    blocks += warnings_on_inputs(report.findings(), is_short=is_short)
    if not is_short:
        manifest = document.Verbatim(json_text(dict(sweep.manifest)).rstrip(), "json")
        blocks += [*_impossible(report), Heading("Manifest"), manifest]
    return document.Document(blocks)


def warnings_on_inputs(findings: Iterable[Finding], *, is_short: bool) -> Iterator[document.Block]:
    """Yield the warnings about inputs; on a screen the first of each kind, and how many more there are."""
    warnings = [finding for finding in findings if finding.level == "warning"]
    if warnings:
        yield document.Findings(warnings, most_per_kind=1) if is_short else document.Findings(warnings)


def _failing_checks(report: SweepReport) -> Iterator[document.Block]:
    """Yield each check that fails in a scenario: its rule and year, in how many scenarios, and their values."""
    items = []
    for rule, first in report.sweep.numbered():
        for year, figures in rule.figures.items():
            for name in (name for name in figures if name.startswith(FAILS)):
                numbers = [first + place for place in np.flatnonzero(figures[name] == 1).tolist()]
                where = ", ".join([*rule.rule_names().values(), year, name.removeprefix(FAILS)])
                items.append(f"{where}: {counted(len(numbers), 'scenario')}, {_values(report, numbers)}")
    if items:
        yield Heading("Checks fail", Tone.WARNING)
        yield from map(Item, items)


def _title(report: SweepReport) -> document.Title:
    """Return the title: the scheme, how many scenarios there are, and how many are possible."""
    count = report.sweep.count
    impossible = report.sweep.impossible_count
    of_all = {0: "all possible.", count: "none of them possible."} if count > 1 else {0: "possible.", 1: "impossible."}
    possible = of_all.get(impossible, f"{count - impossible:,} possible, {impossible:,} impossible.")
    return document.Title([f"{report.subject}:", f"{counted(count, 'scenario')},", possible])


def _reasons(report: SweepReport) -> Iterator[document.Block]:
    """Yield why scenarios are impossible, grouped by rule, year and step: how many, their values, the first reason."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    first_reasons: dict[tuple[str, ...], Impossible] = {}
    for number, impossible in report.impossible():
        rule, _ = report.located(number)
        key = (*rule.rule_names().values(), impossible.year, impossible.where)
        groups[key].append(number)
        first_reasons.setdefault(key, impossible)
    if groups:
        count, every = report.sweep.impossible_count, report.sweep.count
        subject = f"{count:,} of {every:,} scenarios" if every > 1 else "The scenario"
        yield Heading(f"{subject} {'is' if count == 1 else 'are'} impossible", Tone.WARNING)
    for key, numbers in groups.items():
        rule, _ = report.located(numbers[0])
        problem = " is outside its bounds" if first_reasons[key].where in rule.scheme.parameters else ""
        text = f"{', '.join(key)}{problem}: {counted(len(numbers), 'scenario')}, {_values(report, numbers)}"
        reason = _reason(first_reasons[key])
        yield Item(text, below=[Item(reason if len(numbers) == 1 else f"The first: {reason}")])


def _reason(impossible: Impossible) -> str:
    """Return why a scenario is impossible, without the place."""
    return impossible.reason.removeprefix(f"{impossible.where}, {impossible.year}: ")


def _short_reason(rule: SweepOfRule, impossible: Impossible) -> str:
    """Return why a scenario is impossible in one line: by how much money is short, if that is why."""
    reason = _reason(impossible)
    if impossible.where in rule.scheme.parameters:  # a value outside its bounds, which the reason names
        return reason
    short = _TOO_LITTLE.search(reason)
    return f"{impossible.year}: {short[0] if short else one_line(reason.rpartition('; ')[0] or reason, 70)}"


def _values(report: SweepReport, numbers: Sequence[int]) -> str:
    """Return the values of some scenarios: `revenue_budget £1 to £5`, with `some of` if others between are possible."""
    rule, _ = report.located(numbers[0])
    places = [report.located(number)[1] for number in numbers]
    if not rule.scenarios.columns:
        return f"number {numbers[0]:,}" if len(numbers) == 1 else f"numbers {numbers[0]:,} to {numbers[-1]:,}"
    texts, is_between = [], np.ones(rule.scenarios.count, dtype=bool)
    for key, of_scenarios in rule.scenarios.columns.items():
        values = np.array(of_scenarios)
        first, last = (pick(places, key=of_scenarios.__getitem__) for pick in (min, max))
        ends = [report.setting(rule, key, place) for place in (first, last)]
        is_between &= (values >= values[first]) & (values <= values[last])
        texts.append(f"{key} {ends[0] if values[first] == values[last] else ' to '.join(ends)}")
    return f"{'some of ' if is_between.sum() > len(numbers) else ''}{', '.join(texts)}"


def _evenly(numbers: Sequence[int], most: int) -> Sequence[int]:
    """Return at most so many of the numbers of scenarios, evenly chosen, with the first and the last."""
    if len(numbers) <= most:
        return numbers
    return [numbers[round(index * (len(numbers) - 1) / (most - 1))] for index in range(most)]


def _chosen(report: SweepReport, most: int) -> Sequence[int]:
    """Return the numbers of at most so many scenarios to show, evenly chosen; if any is possible, so is one of them."""
    every, possible = range(1, report.sweep.count + 1), report.possible()
    numbers = _evenly(every, most)
    if possible and set(possible).isdisjoint(numbers):
        numbers = sorted({*_evenly(every, most // 2), *_evenly(possible, most // 2)})
    return numbers


def _shown(count: int, numbers: Sequence[int], noun: str = "scenario") -> Iterator[document.Block]:
    """Yield how many scenarios a table shows, if not all."""
    if len(numbers) < count:
        yield Paragraph(f"{len(numbers):,} of {counted(count, noun)} shown; -o sweep.csv has all.")


def _identity_columns(report: SweepReport) -> list[Column]:
    """Return the columns that say which scenario a row is."""
    names = [Column("Name", Role.NAME, least=8)] if report.rules[0].scenarios.names else []
    rules = [Column(sentence(key), Role.LABEL) for key in report.rule_keys]
    return [Column("No."), *names, *rules, *(Column(in_words(key)) for key in report.keys)]


def in_words(key: str) -> str:
    """Return the heading of what varies: `Support share 2015/16`."""
    return sentence(key.replace("_", " ").replace("@", " "))


def _base_identity(report: SweepReport) -> list[str]:
    """Return the cells that say that a row is the base run, with the values of the scheme."""
    rule = report.rules[0]
    names = [""] if rule.scenarios.names else []
    own_rules = [str(getattr(rule.base.scheme, key) or "–") if rule.base else "–" for key in report.rule_keys]
    known = rule.base.scheme.parameters if rule.base else {}
    keys = [report.setting(rule, key) if key.partition("@")[0] in known else "–" for key in report.keys]
    return ["base", *names, *own_rules, *keys]


def _scenarios(report: SweepReport, numbers: Sequence[int]) -> Iterator[document.Block]:
    """Yield the table of scenarios with their national figures in the last year, the base run first."""
    columns = _identity_columns(report)
    names = [name for name in report.figures if not name.endswith("_per_head")]
    ranks = {"largest_loss": 2, "lose": 3, "unspent": 4}
    columns += [Column(report.figures[name][0], spare=ranks.get(name, 0)) for name in names]
    has_rates = "lowest_per_head" in report.figures
    columns += [Column("£ per head", spare=1)] if has_rates else []

    def cells(figures: dict[str, float]) -> list[str]:
        texts = [or_dash(figures.get(name), report.figures[name][1]) for name in names]
        if has_rates:
            ends = [figures[f"{end}_per_head"] for end in ("lowest", "highest") if f"{end}_per_head" in figures]
            texts.append("–".join(map(per_head, ends)))
        return texts

    rows = [Row([*_base_identity(report), *cells(report.base_figures())])] if report.base else []
    for number in numbers:
        rule, place = report.located(number)
        if place in rule.impossible:
            empty = [""] * (len(names) - 1 + has_rates)
            below = _short_reason(rule, rule.impossible[place])
            rows.append(Row([*report.identity(number), "impossible", *empty], below=below))
        else:
            of_rule = rule.figures[report.year]
            figures = {name: float(of_rule[name][place]) for name in report.figures if name in of_rule}
            rows.append(Row([*report.identity(number), *cells(figures)]))
    yield Heading(f"Scenarios in {report.year}")
    yield Table(columns, rows, inset=False, names_dropped=True)
    yield from _shown(report.sweep.count, numbers)
    years = {key.partition("@")[2] for key in report.keys}
    if years and years.isdisjoint(("", report.year)):
        yield Paragraph(f"Only values of {joined(sorted(years))} vary; -o sweep.csv has the figures of every year.")
    without = [rule for rule in report.rules if BASELINE not in rule.inputs.tables[report.year].columns]
    if without and "lose" in names:
        rules = listed([", ".join(map(" ".join, rule.rule_names().items())) for rule in without])
        yield Paragraph(f"No losses are calculated with {rules}, because historic spend is not used there.")


def _sparklines(report: SweepReport) -> Iterator[document.Block]:
    """Yield how the main figures change over the scenarios, if one parameter varies and there are three or more."""
    rule, count = report.rules[0], report.sweep.count
    if len(report.rules) > 1 or len(report.keys) != 1 or count < 3:
        return
    numbers = _evenly(range(1, count + 1), _POINTS)
    ends = " to ".join(report.setting(rule, report.keys[0], number - 1) for number in (1, count))
    rows = []
    for name in ("allocated", "unspent", "lose"):
        if name in report.figures:
            values = [float(value) for value in rule.figures[report.year][name]]
            heading, write = report.figures[name]
            possible = [value for value in values if not math.isnan(value)]
            line = sparkline([values[number - 1] for number in numbers], min(possible), max(possible))
            rows.append(Row([heading, write(min(possible)), line, write(max(possible))]))
    columns = [Column("", Role.LABEL), Column("Lowest"), Column(ends, Role.LABEL), Column("Highest")]
    yield Heading(f"Over {inside(in_words(report.keys[0]))}, in {report.year}")
    yield Table(columns, rows, inset=False)
    notes = [f"{len(numbers)} of {count:,} scenarios are in each line."] if len(numbers) < count else []
    notes += ["· is impossible."] if report.sweep.impossible_count else []
    if notes:
        yield Paragraph(" ".join(notes))


def sparkline(values: Sequence[float], lowest: float, highest: float) -> str:
    """Return a block for each value, higher for more, from `▁` for the lowest to `█` for the highest; `·` for NaN."""
    size = highest - lowest
    levels = [value if math.isnan(value) else (value - lowest) / size if size > 0 else 0.0 for value in values]
    return "".join("·" if math.isnan(level) else _BLOCKS[min(7, int(level * 8))] for level in levels)


def _falls(report: SweepReport) -> Iterator[document.Block]:
    """Yield the organisations whose results fall most from the base run, each in the scenario where it falls most."""
    falls, year = report.falls, report.year
    if not falls:
        return
    names = [Column("", Role.CODE), Column("Name", Role.NAME, least=16)]
    columns = [
        *names,
        Column("No."),
        Column("Base", spare=2),
        Column("Result", spare=1),
        Column("Difference"),
        Column("%"),
    ]
    rows = []
    for fall in falls[:_MOST_FALLS]:
        rule, place = report.located(fall.scenario)
        row = rule.codes(year).index(fall.code)
        base, result = (float(values[row]) for values in (rule.base_results(year), rule.results[year][place]))
        cells = [f"{fall.scenario:,}", report.write(base), report.write(result), *_difference(report, result, base)]
        rows.append(Row([fall.code, rule.names(year)[row] or "–", *cells]))
    noun = report.scheme.organisation
    yield Heading(f"Largest falls from the base run in {year}")
    yield Table(columns, rows, inset=False)
    count = len(report.rules[0].codes(year))
    yield Paragraph(f"Each {noun} in the scenario where it falls most; {len(falls):,} of {count:,} fall in any.")


def _organisation(report: SweepReport, chosen: Sequence[int]) -> Iterator[document.Block]:
    """Yield the table of one organisation over the possible of these scenarios: the base run, and differences."""
    possible = report.possible()
    numbers = sorted({*possible}.intersection(chosen))
    base = report.result(report.rules[0])
    has_base = not math.isnan(base)
    own = Column(report.scheme.labels[report.scheme.result])
    columns = [
        *_identity_columns(report),
        own,
        *([Column("Difference", spare=2), Column("%", spare=1)] if has_base else []),
    ]
    rows = [Row([*_base_identity(report), report.write(base), "–", "–"])] if has_base else []
    for number in numbers:
        result = report.result(*report.located(number))
        differences = _difference(report, result, base) if has_base else []
        rows.append(Row([*report.identity(number), report.write(result), *differences]))
    yield Heading(f"{report.name} in {report.own_year}")
    yield Table(columns, rows, inset=False, names_dropped=True)
    yield from _shown(len(possible), numbers, "possible scenario")


def _difference(report: SweepReport, result: float, base: float) -> list[str]:
    """Return a difference from the base run, in the unit of results and as a percentage."""
    difference = result - base
    text = report.write(difference)
    sign = "+" if difference > 0 and text != report.write(0.0) else ""
    return [f"{sign}{text}", percent_change(exact(difference / base * 100)) if base > 0 else "–"]


def _quantiles(report: SweepReport) -> Iterator[document.Block]:
    """Yield the quantiles of the national figures over the draws, with the base run."""
    base = report.base_figures()
    for rule_names, frame in _by_rule(report, report.sweep.figure_quantiles):
        possible = frame["scenarios"][0] if frame.height else 0
        omitted = f"; impossible: {report.sweep.impossible_count:,}" if report.sweep.impossible_count else ""
        yield Heading(f"{rule_names}National figures in {report.year}")
        by_name = {row["figure"]: row for row in frame.iter_rows(named=True)}
        rows = [
            Row([label, *(or_dash(value, write) for value in (base.get(name), *(by_name[name][p] for p in PERCENT)))])
            for name, (label, write) in report.figures.items()
        ]
        yield Table([Column("", Role.LABEL), Column("Base"), *_quantile_columns()], rows, inset=False)
        seed = report.rules[0].scenarios.seed
        yield Paragraph(f"Quantiles over {counted(possible, 'scenario')}{omitted}. Seed {seed}.")


def _most_varying(report: SweepReport) -> Iterator[document.Block]:
    """Yield the quantiles of the chosen organisation, and of those whose results vary most for their size."""
    # There is no share of a median of 0, as without patients.
    size = pl.col("p50").abs()
    spread = pl.when(size > 0).then((pl.col("p95") - pl.col("p05")) / size).alias("spread")
    names = [Column("", Role.CODE), Column("Name", Role.NAME, least=16)]
    columns = [*names, Column("Base"), *_quantile_columns(), Column("Spread")]
    for rule_names, frame in _by_rule(report, report.sweep.quantiles):
        ordered = frame.with_columns(spread).sort("spread", "org_code", descending=[True, False], nulls_last=True)
        own = ordered.filter(org_code=report.code)
        others = ordered.filter(pl.col("org_code") != report.code).head(_MOST_VARYING)
        rows, more_rows = (
            [
                Row(
                    [
                        row["org_code"],
                        row["org_name"] or "–",
                        *(or_dash(row[name], report.write) for name in ("base", *PERCENT)),
                        or_dash(row["spread"], percentage),
                    ]
                )
                for row in part.iter_rows(named=True)
            ]
            for part in (own, others)
        )
        noun = report.scheme.organisation
        yield Heading(f"{rule_names}{report.name}, and the {counted(others.height, noun)} with the widest spread")
        yield Table(columns, rows, more_rows, inset=False)
        yield Paragraph(f"In {report.year}. Spread: from 5% to 95%, as a share of the median.")


def _quantile_columns() -> list[Column]:
    """Return the columns of quantiles; a narrow screen drops the quartiles."""
    return [Column(heading, spare=int(name in ("p25", "p75"))) for name, heading in PERCENT.items()]


def _by_rule(report: SweepReport, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows of each rule in the last year, with its names for a heading."""
    of_year = frame.filter(year=report.year)
    for rule in report.rules:
        names = rule.rule_names()
        prefix = f"{', '.join(names.values())}: " if names else ""
        yield prefix, of_year.filter(**names) if names else of_year


def _impossible(report: SweepReport) -> Iterator[document.Block]:
    """Yield the table of impossible scenarios with their reasons, at most 1,000."""
    count = report.sweep.impossible_count
    if not count:
        return
    rows = [
        Row([*report.identity(number), impossible.year, _reason(impossible)])
        for number, impossible in islice(report.impossible(), FILE_ROWS)
    ]
    yield Heading(f"Impossible scenarios: {count:,}")
    yield Table([*_identity_columns(report), Column("Year", Role.LABEL), Column("Reason", Role.TEXT)], rows)
    if count > FILE_ROWS:
        yield Paragraph(f"The first {FILE_ROWS:,} are shown; -o sweep.csv has all.")
