"""The sentences and the ladder of `gpit explain`: every number is the run's, and they name the step that binds."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import books
import gpit_fairshare
from gpit_fairshare import allocate, explain
from gpit_fairshare.engine.organisation_years import organisation_years
from gpit_fairshare.explanation.model import Rung
from gpit_fairshare.explanation.summary import year_summaries
from gpit_fairshare.reports.document import Document, Ladder, Paragraph
from gpit_fairshare.reports.explanation import explanation_document
from gpit_fairshare.reports.formats.html import render as html
from gpit_fairshare.reports.ladder import text_lines
from running import ABCD_PEOPLE, YEARS, population_file, spend_file, write_rows
from small_schemes import TWO, people_by_year, scheme
from tiers import slow_but

LIBRARY = Path(gpit_fairshare.__file__).parent / "library" / "transitions"
NUMBER = re.compile(r"(?<![\w/])(?P<sign>-?)£?(?P<digits>\d+(?:,\d{3})*(?:\.\d+)?)(?P<percent>%?)(?![\d/])")


def numbers_of(text):
    """Return each number of a sentence and half of its last digit; years such as 2014/15 are not numbers."""
    numbers = []
    for match in NUMBER.finditer(text):
        digits = Decimal(match["digits"].replace(",", ""))
        half = Fraction(1, 2) * Fraction(10) ** int(digits.as_tuple().exponent)
        numbers.append((Fraction(digits) * (-1 if match["sign"] else 1), half))
    return numbers


class Facts:
    """The inputs of one organisation and of all, in exact fractions, with what the run gave in each year."""

    def __init__(self, result, year):
        self.number = YEARS.index(year) + 1
        rows = {name: {row["org_code"]: row for row in result.year(name).rows(named=True)} for name in YEARS}
        first = rows[YEARS[0]]
        self.by_code = {code: Facts.Row(row, first[code], year == YEARS[0]) for code, row in rows[year].items()}
        self.all = list(self.by_code.values())
        self.own = self.all[0]

    class Row:
        """One organisation in the year."""

        def __init__(self, row, first, is_first):
            self.code, self.row = row["org_code"], row
            self.target, self.people = self["fair_share"], self["registered_population"]
            self.spend = self["historic_spend"] if "historic_spend" in row else None
            self.opening = self.spend if is_first else Fraction(first["allocation"])

        def __getitem__(self, name):
            """Return a figure of the run."""
            return Fraction(self.row[name])

    def sum(self, figure):
        """Add up a figure over all organisations."""
        return sum(figure(row) for row in self.all)

    @property
    def average(self):
        """Spend of all by patients of all."""
        return self.sum(lambda row: row.spend) / self.sum(lambda row: row.people)

    @property
    def need(self):
        """Spend above the fair share: all of it in the first year, half in the second."""
        return (self.own.spend - self.own.target) / self.number

    @property
    def old_share(self):
        """The control total in proportion to historic spend."""
        return self.sum(lambda row: row.target) * self.own.spend / self.sum(lambda row: row.spend)

    def kept(self, cap, floor):
        """The part of each gain above a cap that is left after floors are paid for."""
        cost = self.sum(lambda row: max(Fraction(0), floor * row.opening - row.target))
        return 1 - cost / self.sum(lambda row: max(Fraction(0), row.target - cap * row.opening))

    def kept_below_ceilings(self):
        """The part of each gain above the floor that is paid to those at neither limit, within rounding."""
        between = [
            (row["allocation"] - row.opening * 9 / 10, row.target - row.opening * 9 / 10)
            for row in self.all
            if row.opening * 9 / 10 + 1 < row["allocation"] < row.opening * 12 / 10 - 1
        ]
        return sum(paid for paid, _ in between) / sum(gain for _, gain in between)


F = Fraction
SAFETY_NET = F(925, 1000)
GAP = F("0.12001695740")
CLAUSES = {
    "above-average-cost": {
        "receives support": (
            "transition support",
            lambda f: [f.own.spend / f.own.people, f.average, f.own["transition_support"], f.need],
        ),
        "below spend, no support": ("cost per head", lambda f: [f.own.spend / f.own.people, f.average]),
        "above spend": ("fair share", lambda _: []),
    },
    "annual-loss-cap": {
        "at the floor": ("floor", lambda f: [7, f.own.opening * F(93, 100)]),
        "at the fair share": ("floor", lambda f: [f.own.opening * F(93, 100)]),
    },
    "blend-of-old-and-new": {
        "topped up to the floor": ("floor", lambda f: [f.old_share - f.own["blend"], f.old_share]),
        "part of the way": ("blend", lambda f: [F(100 * f.number, 6), f.old_share]),
    },
    "cap-and-scale": {
        "at the guarantee": ("guarantee", lambda f: [f.own.opening * F(8, 10)]),
        "between cap and fair share": (
            "gain cap",
            lambda f: [f.own.opening * F(105, 100), f.kept(F(105, 100), F(8, 10)), 1],
        ),
        "at the fair share": ("guarantee", lambda f: [f.own.opening * F(8, 10)]),
    },
    "cost-above-funding": {
        "receives support": ("transition support", lambda f: [f.own["allocation"] - f.own.target, f.need]),
        "above spend": ("fair share", lambda _: []),
    },
    "fixed-taper": {
        "has a correction factor": ("correction factor", lambda f: [f.own["correction"], f.own["formula_share"]]),
        "pays for correction factors": ("formula money", lambda f: [f.own["formula_share"]]),
    },
    "floor-and-ceiling": {
        "at the floor": ("floor", lambda f: [-10, f.own.opening * F(9, 10)]),
        "at the ceiling": ("ceiling", lambda f: [20, f.own.opening * F(12, 10)]),
        "between floor and fair share": (
            "floor",
            lambda f: [f.own.opening * F(9, 10), f.kept_below_ceilings(), 1],
        ),
    },
    "floor-damping": {
        "at the floor": ("floor", lambda f: [-10, f.own.opening * F(9, 10)]),
        "between floor and fair share": (
            "floor",
            lambda f: [f.own.opening * F(9, 10), f.kept(F(9, 10), F(9, 10)), 1],
        ),
    },
    "gap-percentage": {
        "at the floor": ("floor", lambda f: [f.own.opening]),
        "part of the gap paid": (
            "part of the gap paid",
            lambda f: [
                f.own.opening,
                GAP * (f.own.target - f.own.opening),
                100 * GAP,
                f.own.target - f.own.opening,
            ],
        ),
    },
    "growth-to-those-under-target": {
        "at the floor": ("floor", lambda f: [f.own.opening * F(9, 10)]),
        "gets growth": ("growth", lambda f: [f.own["growth"], f.own.opening * F(9, 10)]),
    },
    "icb-convergence": {
        "above target, at the cap": ("convergence", lambda _: [0, F("-0.71")]),
        "above target, within the cap": ("convergence", lambda f: [0, -100 * (f.own.opening / f.own.target - 1)]),
        "below target, at the cap": ("convergence", lambda _: [0, F("0.2")]),
        "below target, within the cap": ("convergence", lambda f: [0, 100 * (1 - f.own.opening / f.own.target) / 15]),
    },
    "minimum-funding-guarantee": {
        "at the guarantee": ("guarantee", lambda f: [f.own.opening * F(985, 1000)]),
        "at the fair share": ("guarantee", lambda f: [f.own.opening * F(985, 1000)]),
    },
    "minimum-per-head": {"at the minimum": ("minimum", lambda f: [f.own.people * F(26, 10), F(26, 10)])},
    "none": {"at the fair share": ("fair share", lambda _: [])},
    "pace-of-change": {
        "at the floor in cash": ("floor in cash", lambda f: [f.own["cash_floor"]]),
        "part of the gap paid": ("floor", lambda f: [f.own["floor"], f.own.target - f.own["floor"]]),
    },
    "safety-net-and-levy": {
        "pays the levy": ("levy", lambda f: [f.own.target - f.own["allocation"], f.own.spend]),
        "at the safety net": (
            "safety net",
            lambda f: [f.own["allocation"] - f.own.target, f.own.spend * SAFETY_NET],
        ),
        "at the fair share": ("safety net", lambda f: [f.own.spend * SAFETY_NET]),
    },
    "transition-fund-application": {
        "receives support": (
            "transition support",
            lambda f: [f.own["allocation"] - f.own.target, f.own.spend - f.own.target],
        ),
        "above spend": ("fair share", lambda _: []),
    },
}
"""By transition and outcome that occurs on the sample: the step that binds, and the numbers after the semicolon."""


@pytest.fixture(scope="module")
def runs():
    """The sample with a transition; each runs once."""
    kept = {}

    def run(transition):
        if transition not in kept:
            kept[transition] = allocate(sample=True, transition=transition, with_effects=False)
        return kept[transition]

    return run


def test_the_table_has_every_transition():
    """Each transition of the library is in the table of clauses."""
    assert set(CLAUSES) == {path.stem for path in LIBRARY.glob("*.toml")}


AT_A_DESK = ("above-average-cost", "floor-and-ceiling", "icb-convergence", "safety-net-and-levy", "none")
"""Transitions of each kind that are enough at a desk."""


@pytest.mark.parametrize("transition", slow_but(AT_A_DESK, CLAUSES))
def test_the_table_has_every_outcome_that_occurs(runs, transition):
    """On the sample, the outcomes of the table occur and no others; every CCG has exactly one of them."""
    result = runs(transition)
    counts = [{entry.label: entry.organisations for entry in year.outcomes} for year in result.measures()]

    assert {label for year in counts for label, count in year.items() if count} == set(CLAUSES[transition])
    assert [sum(year.values()) for year in counts] == [211, 211]
    for year, counted in zip(YEARS, counts, strict=True):
        labels = [row.outcome for row in organisation_years(result, year)]
        assert {label: labels.count(label) for label in counted} == counted


@pytest.mark.parametrize("transition", slow_but(AT_A_DESK, CLAUSES))
def test_every_number_of_a_sentence_is_the_runs(runs, transition):
    """For CCGs of every outcome: each number is within half of its last digit, and the step that binds is named."""
    result, examined = runs(transition), 0
    for year in YEARS:
        rows, facts = organisation_years(result, year), Facts(result, year)
        for label, (binding, numbers) in CLAUSES[transition].items():
            codes = [row.code for row in rows if row.outcome == label]
            for code in codes[:: max(1, len(codes) // 3)]:
                facts.own = facts.by_code[code]
                first, second, third = year_summaries(result, year)[code].sentences()
                _, _, clause = second.partition("; ")
                assert binding in clause, (code, second)
                check_numbers(clause, numbers(facts))
                check_first_half(first, second, facts.own, year)
                assert third.startswith("The fair share per head is £")
                check_numbers(third, [facts.sum(lambda row: row.target) / facts.sum(lambda row: row.people)])
                examined += 1
    assert examined >= 3 * len(YEARS)


def check_numbers(text, expected):
    """Each number in a text is the expected one, as far as its digits go."""
    numbers = numbers_of(text)
    assert len(numbers) == len(expected), (text, [float(number) for number in expected])
    for (number, half), exact in zip(numbers, expected, strict=True):
        assert abs(number - exact) <= half * F(1_000_001, 1_000_000), (text, float(number), float(exact))


def check_first_half(first, second, own, year):
    """Allocation, change, and fair share are those of the run; more is more, and below is below."""
    allocation, opening = own["allocation"], own.opening
    change = None if opening is None else allocation - opening
    amounts = [allocation]
    if change:
        amounts += [abs(change), 100 * abs(change) / opening]
        assert (" more than " in first, " less than " in first) == (change > 0, change < 0)
    elif change == 0:
        assert ", the same as " in first
    check_numbers(first, amounts)
    assert f" in {year}" in first
    head = second.partition(";")[0]
    if opening is None or abs(allocation - own.target) < 1:
        check_numbers(head, [own.target])
    elif own.target != opening:
        assert (" above its " in head, " below its " in head) == (own.target > opening, own.target < opening)
        check_numbers(head, [own.target, 100 * abs(own.target / opening - 1)])


@pytest.mark.parametrize("transition", slow_but(AT_A_DESK, CLAUSES))
def test_a_ladder_adds_up(runs, transition):
    """From the first bar each change leads to the next bar, to the pound; the last bar is the allocation."""
    result = runs(transition)
    for year in YEARS:
        for row in result.year(year).rows(named=True)[::50]:
            at, rungs = None, year_summaries(result, year)[row["org_code"]].ladder()
            if (transition, year) == ("none", YEARS[0]):  # without spend there is nothing before the fair share
                assert rungs == ()
                continue
            for rung in rungs:
                printed = int(rung.text.replace("£", "").replace(",", ""))
                assert printed == rung.amount
                if rung.kind == "change":
                    assert rung.start == at
                    at += printed
                else:
                    assert at in (None, printed)
                    at = printed
            assert rungs[-1].amount == row["allocation"]
            assert row["fair_share"] in [rung.amount for rung in rungs[:-1]]


@pytest.mark.parametrize(
    ("transition", "changes"),
    [
        ("above-average-cost", ["To its fair share", "Transition support"]),
        ("safety-net-and-levy", ["To its fair share", "Levy", "Safety net payment"]),
        ("floor-and-ceiling", ["To its fair share", "Transition: at the floor"]),
    ],
)
def test_changes_have_the_names_of_steps_or_of_the_outcome(runs, transition, changes):
    """Oxfordshire: support, levy and payment are steps that the allocation adds; a floor is an outcome."""
    rungs = year_summaries(runs(transition), "2014/15")["10Q"].ladder()

    assert [rung.label for rung in rungs if rung.kind == "change"] == changes


# Outcomes worked out from the inputs -----------------------------------------------------------------------------


def oracle(transition, rows):
    """Return the outcome of each organisation in the first year, from people, spend and fair share alone."""
    spend, people = (sum(row[name] for row in rows) for name in ("historic_spend", "registered_population"))
    labels = {}
    for row in rows:
        had, target = F(row["historic_spend"]), F(row["fair_share"])
        above = had / F(row["registered_population"]) > F(spend) / F(people)
        labels[row["org_code"]] = {
            "above-average-cost": "receives support"
            if above and had > target
            else "below spend, no support"
            if target < had
            else "above spend",
            "annual-loss-cap": "at the floor" if had * 93 / 100 > target else "at the fair share",
            "gap-percentage": "at the floor" if had >= target else "part of the gap paid",
            "safety-net-and-levy": "pays the levy"
            if target > had
            else "at the safety net"
            if target < had * SAFETY_NET
            else "at the fair share",
        }[transition]
    return labels


@pytest.mark.parametrize(
    "transition", ["above-average-cost", "annual-loss-cap", "gap-percentage", "safety-net-and-levy"]
)
def test_outcomes_are_those_of_plain_arithmetic(runs, transition):
    """Each CCG's outcome follows from its people, its spend and its fair share."""
    result = runs(transition)
    labels = {row.code: row.outcome for row in organisation_years(result, YEARS[0])}

    assert labels == oracle(transition, result.year(YEARS[0]).rows(named=True))


# Outcomes that the sample does not have --------------------------------------------------------------------------

TARGETS = {"A": 200_000, "B": 400_000, "C": 600_000, "D": 800_000}
"""Fair shares of £2,000,000 by people: £2 a head."""
SPEND = {"A": 500_000, "B": 500_000, "C": 450_000, "D": 820_000}
PARITY = "its fair share in full, without transition support"
RARE = [
    (
        "above-average-cost",
        SPEND,
        {"transition_fund": 0},
        "A",
        "no support paid",
        "pays nothing towards its transition need of £300,000",
    ),
    ("above-average-cost", TARGETS, {}, "C", "at parity", PARITY),
    (
        "cost-above-funding",
        SPEND,
        {"transition_fund": 0},
        "B",
        "no support paid",
        "the transition fund of £0 pays nothing towards its transition need of £100,000",
    ),
    ("cost-above-funding", TARGETS, {}, "B", "at parity", PARITY),
    (
        "blend-of-old-and-new",
        SPEND,
        {"years_of_blend": 1},
        "D",
        "at the fair share",
        "the blend has reached the new distribution",
    ),
    (
        "fixed-taper",
        SPEND,
        {"years_of_taper": 1, "guaranteed_share": "1/2"},
        "A",
        "at the fair share",
        "no correction factor changes it",
    ),
    (
        "floor-and-ceiling",
        TARGETS,
        {},
        "A",
        "at the fair share",
        "that is between the floor of £180,000 and the ceiling",
    ),
    ("floor-damping", TARGETS, {}, "B", "at the fair share", "that is above the floor of £360,000"),
    (
        "gap-percentage",
        SPEND,
        {"gap_percentage": 1},
        "C",
        "at the fair share",
        "all of it, £150,000 on top of the floor of £450,000",
    ),
    (
        "icb-convergence",
        TARGETS,
        {"national_base_growth": "3%"},
        "D",
        "base growth only",
        "convergence is 0%, so it gets base growth of 3.0% only",
    ),
    (
        "minimum-per-head",
        SPEND,
        {"minimum_per_head": 1},
        "A",
        "at the fair share",
        "at or above the minimum of £100,000",
    ),
    (
        "pace-of-change",
        TARGETS,
        {"furthest_under_target": 0},
        "C",
        "at the least share of target",
        "the minimum share of target, £600,000, holds it up",
    ),
]


@pytest.mark.parametrize(("transition", "spend", "settings", "code", "label", "clause"), RARE)
def test_rare_outcomes(tmp_path, transition, spend, settings, code, label, clause):
    """Four organisations with fair shares of £2 a head; the outcome and its numbers are worked by hand."""
    result = allocate(
        population=population_file(tmp_path, ABCD_PEOPLE),
        spend=spend_file(tmp_path, spend),
        transition=transition,
        settings={"revenue_budget": 2_000_000, **settings},
    )
    summary = year_summaries(result, "2014/15")[code]

    assert summary.row.outcome == label
    assert clause in summary.sentences()[1]


def test_plans_and_requests(tmp_path):
    """A's plan is refused; B asks for nothing. Their needs are £300,000 and £100,000."""
    plans = [
        {"org_code": code, "plan_reaches_parity": plan, "requested_support": request}
        for code, plan, request in (("A", "no", ""), ("B", "yes", 0), ("C", "yes", ""), ("D", "yes", ""))
    ]
    result = allocate(
        population=population_file(tmp_path, ABCD_PEOPLE),
        spend=spend_file(tmp_path, SPEND),
        inputs=[write_rows(tmp_path / "plans.csv", plans)],
        transition="transition-fund-application",
        settings={"revenue_budget": 2_000_000, "transition_fund": 300_000},
    )
    rows = {code: year_summaries(result, "2014/15")[code] for code in "ABD"}

    assert [rows[code].row.outcome for code in "ABD"] == ["plan not accepted", "no support paid", "receives support"]
    assert rows["A"].sentences()[1].endswith("so it gets no transition support for its transition need of £300,000.")
    assert rows["B"].sentences()[1].endswith("fund of £300,000 pays nothing towards its maximum award of £0.")
    assert (
        rows["D"]
        .sentences()[1]
        .endswith("its plan is accepted, so it gets transition support of £20,000 for its maximum award of £20,000.")
    )


def test_a_floor_per_head_holds_up_an_organisation_that_grows(tmp_path):
    """A is twice its target: 80% of £400,000 in the first year, then 80% of that a head for a tenth more patients."""
    people = [
        {"year": year, "org_code": code, "registered_population": heads}
        for year, of_a in zip(YEARS, (100_000, 110_000), strict=True)
        for code, heads in {**ABCD_PEOPLE, "A": of_a}.items()
    ]
    growth = {"minimum_cash_growth": "-10%", "minimum_per_head_growth": "-10%", "growth_above_upper_band": "-20%"}
    result = allocate(
        population=write_rows(tmp_path / "people.csv", people),
        spend=spend_file(tmp_path, {**TARGETS, "A": 400_000}),
        transition="pace-of-change",
        settings={"revenue_budget": 2_000_000, "furthest_under_target": "20%", **growth},
    )
    summary = year_summaries(result, YEARS[1])["A"]

    assert summary.row.outcome == "at the floor per head"
    assert summary.sentences()[0] == "A gets £281,600 in 2015/16 (indicative), £38,400 (12.0%) less than in 2014/15."
    assert summary.sentences()[1].endswith("; the floor per head of £281,600 holds it up.")


# What is left out ------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_left_out(tmp_path):
    """Without spend there is no comparison in the first year; an organisation without a name has its code."""
    result = allocate(
        population=population_file(tmp_path, {"A": 100, "B": 300}),
        transition="none",
        settings={"revenue_budget": 400},
    )
    first, second = explain(result, "A").years

    assert first.sentences == (
        "A gets £100 in 2014/15.",
        "Its fair share is £100; there is no transition, so it gets its fair share at once.",
        "The fair share per head is £1.00.",  # £400 over 400 patients
    )
    assert second.sentences[0] == "A gets £100 in 2015/16 (indicative), the same as in 2014/15."
    assert first.ladder == ()
    assert [rung.text for rung in second.ladder] == ["£100", "£0", "£100", "£100"]


def test_pence_and_small_changes(tmp_path):
    """B spent 40p less than its £300; with a result in pence, every amount has pence."""
    files = {
        "population": population_file(tmp_path, {"A": 100, "B": 300}),
        "spend": spend_file(tmp_path, {"A": 100, "B": 299.6}),
    }
    whole = allocate(**files, transition="cost-above-funding", settings={"revenue_budget": 400})
    steps = """
        fair_share = share_out(pot, by=registered_population) # £
        allocation = fair_share + 0 * historic_spend # £
    """
    pence = allocate(**files, scheme=scheme(tmp_path, steps, pot=401))

    assert (
        year_summaries(whole, "2014/15")["A"].sentences()[0]
        == "A gets £100 in 2014/15, the same as its historic spend."
    )
    assert year_summaries(whole, "2014/15")["B"].sentences()[0].endswith(", within £1 of its historic spend.")
    assert year_summaries(pence, "2014/15")["B"].sentences() == (
        "B gets £300.75 in 2014/15, £1.15 (0.38%) more than its historic spend.",
        "Its fair_share is £300.75.",
        "The fair_share per head is £1.00.",  # £401 over 400 patients is £1.0025
    )
    assert [rung.text for rung in year_summaries(pence, "2014/15")["B"].ladder()] == [
        "£299.60",
        "+£1.15",
        "£300.75",
        "£300.75",
    ]


def test_a_merged_organisation_is_compared_with_its_predecessors(tmp_path):
    """Three CCGs with £100, £200 and £300 become 13T, which has £600; with a pot of £2,000 it would have £1,200."""
    same = books.merger_run(tmp_path)
    steps = """
        scale = previous(scale, first=0) + 1
        money = pot * scale # £
        allocation = share_out(money, by=registered_population) # £
    """
    people = people_by_year(tmp_path, books.MERGER)
    twice = allocate(population=people, scheme=scheme(tmp_path, steps, years=TWO))
    before = "the 2014/15 allocation of its predecessors"

    assert year_summaries(same, YEARS[1])["13T"].sentences() == (f"13T gets £600 in 2015/16, the same as {before}.",)
    assert year_summaries(twice, YEARS[1])["13T"].sentences() == (
        f"13T gets £1,200 in 2015/16, £600 (100.0%) more than {before}.",
    )


def test_a_result_that_is_not_money_is_named(tmp_path):
    """An index has a sentence with its label, no ladder, and its outcome by its label."""
    outcome = '[[outcomes]]\nlabel = "half or more"\nformula = "index >= 50"\n'
    path = scheme(tmp_path, "index = 100 * registered_population / total(registered_population) # ratio")
    text = path.read_text(encoding="utf-8").replace('"test"\ntitle', '"test"\nresult = "index"\ntitle')
    path.write_text(text.replace("[parameters.pot]", f"{outcome}[parameters.pot]"), encoding="utf-8")
    result = allocate(population=population_file(tmp_path, {"A": 100, "B": 300}), scheme=path)
    summary = year_summaries(result, "2014/15")["B"]

    assert summary.sentences() == ("In 2014/15 the index of B is 75.", "Outcome: half or more.")
    assert summary.ladder() == ()


# On the screen and in files --------------------------------------------------------------------------------------


def test_the_bars_are_to_scale():
    """£100 of £100 fills the width, £40 is 40% of it, and a change lies between the two."""
    rungs = [
        Rung("Before", "amount", 100.0, 0.0, "£100"),
        Rung("Less", "change", -60.0, 100.0, "-£60"),
        Rung("After", "amount", 40.0, 0.0, "£40"),
    ]
    lines = text_lines(Ladder("Title", rungs, 100.0), 36)

    assert lines == [
        "Before  £100  " + "█" * 22,
        "  Less  -£60  " + " " * 9 + "-" * 13,
        "After    £40  " + "█" * 9,
    ]


def test_html_has_a_picture_with_a_text_alternative():
    """The picture has a title and a description with every amount; the widths of bars are to scale."""
    rungs = [Rung("Before & now", "amount", 100.0, 0.0, "£100"), Rung("After", "amount", 25.0, 0.0, "£25")]
    page = html(Document([Ladder("A <b>", rungs, 100.0)]))

    assert 'role="img"' in page
    assert '<title id="ladder-1-title">A &lt;b&gt;</title>' in page
    assert '<desc id="ladder-1-text">Before &amp; now £100; After £25</desc>' in page
    assert re.findall(r'<rect class="amount" x="0" y="\d+" width="(\d+)"', page) == ["640", "160"]
    assert "<script" not in page


def test_many_years_have_one_ladder_and_say_so():
    """With more years than fit, only the last has bars, and the report names it; every year has its sentences."""
    explanation = explain(allocate(sample=True, with_effects=False), "00C")
    last = explanation.years[-1]
    years = tuple(replace(last, year=f"20{number}/{number + 1}") for number in range(14, 20))
    blocks = explanation_document(replace(explanation, years=years)).blocks
    texts = [block.text for block in blocks if isinstance(block, Paragraph)]

    assert sum(isinstance(block, Ladder) for block in blocks) == 1
    assert "The bars are of 2019/20 only, the last of 6 years; --year shows another." in texts
    assert texts.count(" ".join(last.sentences)) == 6
