"""Transitions that damp or guarantee: the examples in their document, exact oracles, and broken properties."""

from __future__ import annotations

import io
import json
import random
import re
import shlex
import shutil
import tomllib
from bisect import bisect_left
from contextlib import chdir, redirect_stdout
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

import pytest

import oracle
from gpit_fairshare import GpitError, allocate
from gpit_fairshare.cli import app
from gpit_fairshare.scheme.review import review
from running import ROOT, SAMPLES, population_file, spend_file, write_rows
from tiers import slow_but

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = ROOT / "docs" / "transitions-guarantees.md"
RULES = (
    "floor-damping",
    "floor-and-ceiling",
    "minimum-funding-guarantee",
    "cap-and-scale",
    "minimum-per-head",
    "safety-net-and-levy",
    "annual-loss-cap",
)
ABCD = ["A", "B", "C", "D"]
YEARS = ("2014/15", "2015/16")


def header(rule):
    """Return a transition file as plain TOML, without our own reader."""
    place = resources.files("gpit_fairshare") / "library" / "transitions" / f"{rule}.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))


def column(result, year, name):
    """Return a column of one year, by organisation."""
    rows = result.year(year)
    return dict(zip(rows["org_code"], rows[name], strict=True))


def numbers_of(result):
    """Return the codes of the notes and warnings of a run that are about its money."""
    return {finding.number for finding in result.findings if finding.number in {"R03", "R05", "R06", "R07", "R09"}}


# The document --------------------------------------------------------------------------------------------


class Example(NamedTuple):
    """A command of the document, with the table of figures or the message below it."""

    rule: str
    command: str
    kind: str
    """`text` for a message, `table` for figures."""
    lines: list[str]


def examples() -> list[Example]:
    """Return every command of the document, by section."""
    commands = []
    for section in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        rule = section.partition("\n")[0]
        for command, below in re.findall(r"```\n(gpit [^\n]+)\n```\n\n(.*?)(?=\n```\ngpit|\Z)", section, re.DOTALL):
            block = below.split("\n\n")[0].splitlines()
            kind = "table" if block[0].startswith("|") else block[0].removeprefix("```")
            commands.append(Example(rule, command, kind, block[2:] if kind == "table" else block[1:-1]))
    return commands


EXAMPLES = examples()


def run_in(command: str, *more: str, folder: Path) -> int:
    """Run a command of the document in a folder, in this process, and return its exit code."""
    with chdir(folder), redirect_stdout(io.StringIO()):
        return app([*shlex.split(command)[1:], *more], standalone_mode=False)


def same(figure: str, value: float) -> bool:
    """Return whether a figure of a table is the value, rounded to the digits in the table."""
    text = figure.replace(",", "")
    decimals = len(text.rstrip("%").partition(".")[2])
    return abs(float(text.rstrip("%")) - value * (100 if "%" in text else 1)) <= 0.5 * 10**-decimals + 1e-9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the samples where the document expects them."""
    place = tmp_path_factory.mktemp("guarantees")
    shutil.copytree(SAMPLES, place / "data" / "samples")
    return place


def test_every_rule_has_a_section_with_an_example():
    """Each section runs its transition and shows figures; rules within the budget show a case without an answer."""
    kinds = {rule: {example.kind for example in EXAMPLES if example.rule == rule} for rule in RULES}
    sections = re.findall(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert tuple(sections) == RULES
    assert all(f"--transition {example.rule} " in example.command for example in EXAMPLES)
    assert all("table" in kinds[rule] for rule in RULES)
    within = {rule for rule in RULES if header(rule)["transition"]["paid_from"] == "within the budget"}
    assert within == {"floor-damping", "floor-and-ceiling", "cap-and-scale"}
    assert all("text" in kinds[rule] for rule in within)
    assert all("always an answer" in header(rule)["transition"]["infeasible"] for rule in set(RULES) - within)


@pytest.mark.parametrize("example", [item for item in EXAMPLES if item.kind == "table"], ids=lambda item: item.rule)
def test_figures_calculated_by_hand(example, folder, monkeypatch):
    """Every figure of a table, calculated by hand below it, is the result of the command in the first year."""
    # Sensitivities need two more runs per assumption, and are not in the tables.
    monkeypatch.setattr("gpit_fairshare.allocation.sensitivities", lambda _: ())
    exit_code = run_in(example.command, "-o", "run.json", folder=folder)
    document = json.loads((folder / "run.json").read_text("utf-8"))
    rows = {row["org_code"]: row for row in document["rows"] if row["year"] == "2014/15"}
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in example.lines]

    assert exit_code == 0
    assert list(rows) == ABCD
    assert len(cells) >= 2
    assert [
        (name, code, figure, rows[code][name])
        for name, *figures in cells
        for code, figure in zip(ABCD, figures, strict=True)
        if not same(figure, rows[code][name])
    ] == []


@pytest.mark.parametrize("example", [item for item in EXAMPLES if item.kind == "text"], ids=lambda item: item.rule)
def test_a_case_without_an_answer_stops(example, folder):
    """If there is no answer, the run stops with the message of the document and writes nothing."""
    with pytest.raises(GpitError) as stopped:
        run_in(example.command, "-o", "nothing.json", folder=folder)

    (message,) = example.lines
    assert message in str(stopped.value)
    assert not (folder / "nothing.json").exists()


# Every file ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_file_is_sound_and_complete(rule):
    """The file has no errors or warnings, and states its opening baseline, who pays and its properties."""
    head = header(rule)["transition"]
    properties = header(rule)["properties"]

    assert {finding.level for finding in review(rule, kind="transition").findings} <= {"note"}
    assert head["opening_baseline"] == "historic_spend"
    assert head["note"]
    assert len(head["order"]) >= 3
    assert set(properties) == {
        "control_total",
        "row_order",
        "rising_target",
        "population_scale",
        "bounds",
        "mergers",
    }
    broken = {name for name, state in properties.items() if state != "kept" and "broken" in state}
    named = {name for name in globals() if name.startswith(f"test_{rule.replace('-', '_')}__")}
    assert named == {f"test_{rule.replace('-', '_')}__{name}_is_broken" for name in broken}


@pytest.mark.parametrize("rule", slow_but(["annual-loss-cap", "minimum-per-head"], RULES))
def test_runs_on_the_sample_without_settings(rule):
    """The sample, with spend £8m above its fair shares, needs no setting; money above £140m is new money."""
    result = allocate(sample=True, transition=rule, with_effects=False)
    new_money = header(rule)["transition"]["paid_from"] == "new money"

    assert result.agrees
    assert numbers_of(result) == ({"R09"} if new_money else set())
    for year in YEARS:
        total = sum(column(result, year, "allocation").values())
        assert total > 140_000_000 if new_money else total == 140_000_000


@pytest.mark.parametrize(
    ("rule", "parameter", "value"),
    [
        # S.I. 2018/10, Schedule 4, 1(1)(d): between and including 0.985 and 1.005.
        ("minimum-funding-guarantee", "minimum_funding_number", Fraction("0.985")),
        # S.I. 2013/737: the safety net is 7.5% below baseline funding, and levy rates are capped at 50p in the £.
        ("safety-net-and-levy", "safety_net_share", Fraction("0.925")),
        ("safety-net-and-levy", "largest_levy_rate", Fraction("0.5")),
        # The MJ: "a 7% annual loss cap has been used illustratively".
        ("annual-loss-cap", "largest_loss", Fraction("0.07")),
    ],
)
def test_published_figures_are_cited(rule, parameter, value):
    """A default that was read in a source cites that source; every other default is an assumption."""
    default = header(rule)["parameters"][parameter]["default"]
    cited = {name for name, entry in header(rule)["parameters"].items() if "source" in entry["default"]}

    assert Fraction(str(default["value"])) == value
    assert default["source"] in header(rule)["sources"]
    assert parameter in cited <= {"minimum_funding_number", "safety_net_share", "largest_levy_rate", "largest_loss"}


# Exact oracles, from the published forms ---------------------------------------------------------------------


class Place(NamedTuple):
    """The inputs of a rule for one organisation in a year, in exact £ and people."""

    fair_share: Fraction
    baseline: Fraction
    """Last year's allocation, or historic spend in the first year."""
    first: Fraction
    """The historic spend."""
    people: Fraction
    people_before: Fraction


def above(a, b):
    """Return how much a exceeds b, never negative."""
    return max(Fraction(0), a - b)


def scaled(bottoms, targets, tops=None):
    """Return gains scaled by the closed form s = 1 − Σ(F − T) / Σ(T − F), or None if s is negative.

    F is the bottom. Gains are scaled above the tops, which are the bottoms unless given.
    """
    tops = tops or bottoms
    cost = sum((above(low, target) for low, target in zip(bottoms, targets, strict=True)), Fraction(0))
    gains = sum((above(target, top) for target, top in zip(targets, tops, strict=True)), Fraction(0))
    if cost > gains:
        return None
    s = 1 - cost / gains if gains else Fraction(1)
    assert 0 <= s <= 1
    return [
        low if target <= low else min(target, top) + s * above(target, top)
        for low, top, target in zip(bottoms, tops, targets, strict=True)
    ]


def floor_damping(rows):
    """A = F if T <= F, else F + s(T − F); F is 90% of the baseline."""
    return scaled([row.baseline * Fraction(9, 10) for row in rows], [row.fair_share for row in rows])


def cap_and_scale(rows):
    """The share k of a gain per head above 5% is kept; at least 80% of last year's money per head."""
    rate = [row.baseline / row.people_before * row.people if row.people_before else Fraction(0) for row in rows]
    bottoms = [money * Fraction(4, 5) for money in rate]
    return scaled(bottoms, [row.fair_share for row in rows], [money * Fraction(21, 20) for money in rate])


def floor_and_ceiling(rows):
    """Floors of 90%, limits of 120%; the share s of gains, from 0 to 1, is the one that reaches the total, or 1."""
    floors = [row.baseline * Fraction(9, 10) for row in rows]
    limits = [row.baseline * Fraction(6, 5) if row.baseline else row.fair_share for row in rows]
    gains = [above(row.fair_share, floor) for row, floor in zip(rows, floors, strict=True)]
    total = sum(row.fair_share for row in rows)

    def paid(s):
        return [floor + min(s * gain, limit - floor) for floor, gain, limit in zip(floors, gains, limits, strict=True)]

    if sum(floors) > total:
        return None
    held = {(limit - low) / gain for low, gain, limit in zip(floors, gains, limits, strict=True) if gain}
    points = sorted({Fraction(0), Fraction(1)} | {s for s in held if s < 1})
    upper = bisect_left(points, total, key=lambda s: sum(paid(s)))
    if upper in (0, len(points)):
        return paid(points[max(0, upper - 1)])
    low, high = points[upper - 1], points[upper]
    before, after = sum(paid(low)), sum(paid(high))
    return paid(low + (high - low) * (total - before) / (after - before))


def topped_up(rows, floors):
    """Return fair shares plus top-ups to floors, in whole pounds that keep the total of top-ups."""
    shares = [row.fair_share for row in rows]
    lifts = oracle.rounded([above(floor, share) for floor, share in zip(floors, shares, strict=True)])
    return [share + lift for share, lift in zip(shares, lifts, strict=True)]


def minimum_funding_guarantee(rows):
    """The guarantee is (baseline / N before) × 0.985 × N now."""
    return topped_up(
        rows,
        [
            row.baseline / row.people_before * Fraction(197, 200) * row.people if row.people_before else Fraction(0)
            for row in rows
        ],
    )


def minimum_per_head(rows):
    """The floor is £2.60 a head."""
    return topped_up(rows, [Fraction(13, 5) * row.people for row in rows])


def annual_loss_cap(rows):
    """The floor is 93% of the baseline."""
    return topped_up(rows, [row.baseline * Fraction(93, 100) for row in rows])


def safety_net_and_levy(rows):
    """The levy is half of the fair share above historic spend; the net is 92.5% of historic spend."""
    levies = oracle.rounded([above(row.fair_share, row.first) / 2 for row in rows])
    netted = topped_up(rows, [row.first * Fraction(37, 40) for row in rows])
    return [share - levy for share, levy in zip(netted, levies, strict=True)]


ORACLES = {
    "floor-damping": floor_damping,
    "floor-and-ceiling": floor_and_ceiling,
    "minimum-funding-guarantee": minimum_funding_guarantee,
    "cap-and-scale": cap_and_scale,
    "minimum-per-head": minimum_per_head,
    "safety-net-and-levy": safety_net_and_levy,
    "annual-loss-cap": annual_loss_cap,
}


def drawn(seed, folder):
    """Return random files of three to seven organisations, one without patients and spend; a budget; the figures."""
    draw = random.Random(seed)
    codes = [f"X{index}" for index in range(draw.randint(2, 6))]
    people = {(code, year): draw.randint(1, 900) * 10 for code in codes for year in YEARS}
    spend = {code: draw.choice([draw.randint(500, 20_000), draw.randint(0, 40_000)]) for code in codes}
    spend["X9"], people["X9", YEARS[0]], people["X9", YEARS[1]] = 0, 0, 0
    budget = max(1, sum(spend.values()) * draw.choice([85, 95, 100, 110, 140]) // 100)
    population = write_rows(
        folder / "population.csv",
        [{"org_code": code, "year": year, "registered_population": n} for (code, year), n in people.items()],
    )
    files = {"population": population, "spend": spend_file(folder, spend)}
    return files, budget, people, spend


@pytest.mark.parametrize("number", slow_but(["0"], range(4)))
@pytest.mark.parametrize("rule", RULES)
def test_against_an_exact_oracle(rule, number, tmp_path):
    """Both years of random cases have the exact figures, to the pound; if there is no answer, the run stops."""
    files, budget, people, spend = drawn(f"{rule} {number}", tmp_path)
    settings = {"revenue_budget": budget}
    before, people_before, expected = spend, {code: people[code, YEARS[0]] for code in spend}, {}
    for year in YEARS:
        shares, _ = oracle.share_out(budget, [people[code, year] for code in sorted(spend)])
        rows = [
            Place(*map(Fraction, (share, before[code], spend[code], people[code, year], people_before[code])))
            for code, share in zip(sorted(spend), oracle.rounded(shares), strict=True)
        ]
        exact = ORACLES[rule](rows)
        if exact is None:
            with pytest.raises(GpitError, match=rf"unrounded_allocation, {year}: .* too little; lower the floor"):
                allocate(**files, transition=rule, settings=settings, with_effects=False)
            return
        before = expected[year] = dict(zip(sorted(spend), oracle.rounded(exact), strict=True))
        people_before = {code: people[code, year] for code in spend}

    result = allocate(**files, transition=rule, settings=settings, with_effects=False)

    assert result.agrees, [check for check in result.checks if not check.holds]
    assert {year: column(result, year, "allocation") for year in YEARS} == expected
    assert "R07" not in numbers_of(result)


@pytest.mark.parametrize("floor", ["-60%", "-20%", "-11.9%", "-11.8%", "0"])
def test_floor_damping_by_the_closed_form(floor):
    """A = F + s(T − F), s from 0 to 1, ΣA = ΣT; a negative s means that the floor is too high, an error.

    Hansard, 20 March 2007 (the floor is paid for by scaling back increases above it), and the Department for
    Communities and Local Government's Floor Damping Models for 2011-12 (s between 0 and 1, otherwise a lower floor).
    £2,000,000 over £2,270,000 is 1 − 11.894%: a floor of -11.9% is affordable, and one of -11.8% is not.
    """
    targets = [Fraction(n) for n in (200_000, 400_000, 600_000, 800_000)]
    growth = Fraction(floor.rstrip("%")) / (100 if "%" in floor else 1)
    floors = [spend * (1 + growth) for spend in map(Fraction, (500_000, 500_000, 450_000, 820_000))]
    expected = scaled(floors, targets)
    files = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
    run = {
        **files,
        "transition": "floor-damping",
        "settings": {"revenue_budget": 2_000_000, "floor_growth@2014/15": floor, "floor_growth@2015/16": "-60%"},
    }
    assert (expected is None) == (growth > Fraction(2_000_000, 2_270_000) - 1)
    if expected is None:
        with pytest.raises(
            GpitError, match=r"floor needs £\S+ in total, but control_total is £2,000,000, £\S+ too little"
        ):
            allocate(**run, with_effects=False)
        return

    result = allocate(**run, with_effects=False)

    exact = column(result, "2014/15", "unrounded_allocation").values()
    cost = sum(above(low, target) for low, target in zip(floors, targets, strict=True))
    gains = sum(above(target, low) for low, target in zip(floors, targets, strict=True))
    (s,) = set(column(result, "2014/15", "scaling_factor").values())
    assert 0 <= s <= 1
    assert s == pytest.approx(float(1 - cost / gains), abs=1e-12)
    assert list(exact) == pytest.approx([float(figure) for figure in expected], rel=1e-12)
    assert sum(column(result, "2014/15", "allocation").values()) == sum(targets)


# Other statements of the document and the notes ---------------------------------------------------------------


def first_year(folder, rule, people, spend, budget, **settings):
    """Return the allocations of the first year, by organisation."""
    result = allocate(
        population=population_file(folder, people),
        spend=spend_file(folder, spend),
        transition=rule,
        settings={"revenue_budget": budget, **settings},
        with_effects=False,
    )
    assert result.agrees
    return column(result, "2014/15", "allocation")


def test_unspent_levies_are_reported():
    """With a net at 50%, £25,000 of C's £75,000 levy stays unspent, and there is no new money."""
    result = allocate(
        population=SAMPLES / "abcd-population.csv",
        spend=SAMPLES / "abcd-spend.csv",
        transition="safety-net-and-levy",
        settings={"revenue_budget": 2_000_000, "safety_net_share": "50%"},
        with_effects=False,
    )

    assert numbers_of(result) == {"R03"}
    assert [fund.unspent for fund in result.funds if fund.step == "paid_from_levies"] == [25_000, 25_000]


def test_baseline_funding_does_not_follow_the_allocation():
    """The net is 92.5% of historic spend in the second year too; the loss cap takes 7% of the first allocation."""
    files = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
    settings = {"revenue_budget": 2_000_000}
    net = allocate(**files, transition="safety-net-and-levy", settings=settings, with_effects=False)
    cap = allocate(**files, transition="annual-loss-cap", settings=settings, with_effects=False)

    assert column(net, "2015/16", "floor")["A"] == 462_500
    # 500,000 × 0.93 × 0.93
    assert column(cap, "2015/16", "allocation")["A"] == 432_450


def test_guarantee_follows_the_patients(tmp_path):
    """A's £5.00 a head × 0.985² for 50,000 patients, of 100,000 the year before, is £242,556.25."""
    people = [
        {"org_code": code, "year": year, "registered_population": n}
        for code, heads in {"A": (100_000, 50_000), "B": (200_000, 200_000)}.items()
        for year, n in zip(YEARS, heads, strict=True)
    ]
    result = allocate(
        population=write_rows(tmp_path / "population.csv", people),
        spend=spend_file(tmp_path, {"A": 500_000, "B": 100_000}),
        transition="minimum-funding-guarantee",
        settings={"revenue_budget": 300_000},
        with_effects=False,
    )

    assert column(result, "2014/15", "floor")["A"] == 492_500
    # 492,500 / 100,000 × 0.985 × 50,000; the fair share is 300,000 × 50/250 = 60,000.
    assert column(result, "2015/16", "floor")["A"] == pytest.approx(242_556.25)
    assert column(result, "2015/16", "allocation")["A"] == 242_556


def test_ceiling_without_spend_is_the_fair_share(tmp_path):
    """B had no spend, and its ceiling is not 0: it gets the scaled gain, £1,000 × 100 ÷ 1,000, left by A's floor."""
    # T is 1,000 each; A's floor is 1,900 of 2,000 and leaves 100 for B's gain of 1,000.
    allocations = first_year(
        tmp_path, "floor-and-ceiling", {"A": 10, "B": 10}, {"A": 2_000, "B": 0}, 2_000, floor_growth="-5%"
    )

    assert allocations == {"A": 1_900, "B": 100}


@pytest.mark.parametrize("rule", ["floor-damping", "cap-and-scale"])
def test_no_losses_mean_fair_shares(rule, tmp_path):
    """If no fair share is below its floor, the factor is 1: every gain is paid in full, with any cap."""
    allocations = first_year(tmp_path, rule, {"A": 10, "B": 30}, {"A": 500, "B": 1_500}, 4_001)

    # 4,001 × 10/40 = 1,000.25 and 4,001 × 30/40 = 3,000.75
    assert allocations == {"A": 1_000, "B": 3_001}


# Broken properties -----------------------------------------------------------------------------------------------


def apart_and_merged(folder, rule, spend, **settings):
    """Return what A and B (100 patients each) get in total, apart and merged; each has a fair share of £1,000."""
    people = dict.fromkeys(spend, 100)
    apart = first_year(folder, rule, people, spend, 1_000 * len(spend), **settings)
    other = {code: spend[code] for code in spend if code not in "AB"}
    merged = first_year(
        folder,
        rule,
        {"AB": 200, **dict.fromkeys(other, 100)},
        {"AB": spend["A"] + spend["B"], **other},
        1_000 * len(spend),
        **settings,
    )
    return apart["A"] + apart["B"], merged["AB"]


def test_floor_damping__mergers_is_broken(tmp_path):
    """A and B get £2,175 apart and £2,000 merged, because A's floor then costs C nothing."""
    # Apart: floors 1,350, 450, 450 leave 750 for gains of 550 and 550, so that B and C get 825 each.
    # Merged: A and B have 2,000 above a floor of 1,800, nothing is raised, and s is 1.
    assert apart_and_merged(tmp_path, "floor-damping", {"A": 1_500, "B": 500, "C": 500}) == (2_175, 2_000)


def test_floor_and_ceiling__mergers_is_broken(tmp_path):
    """A and B get £1,600 apart and £1,860 merged, because B can use A's room below the ceiling."""
    # Apart: A is at its fair share of 1,000, B at its ceiling of 600, C at its floor of 1,080; 320 is unspent.
    # Merged: the ceiling of 1,550 × 1.2 = 1,860 holds a fair share of 2,000.
    assert apart_and_merged(tmp_path, "floor-and-ceiling", {"A": 1_050, "B": 500, "C": 1_200}) == (1_600, 1_860)


def test_minimum_funding_guarantee__mergers_is_broken(tmp_path):
    """A and B get £2,182 apart and £2,000 merged."""
    # Apart: A's guarantee is 1,200 × 0.985 = 1,182, B has 1,000. Merged: 1,700 × 0.985 is below 2,000.
    assert apart_and_merged(tmp_path, "minimum-funding-guarantee", {"A": 1_200, "B": 500}) == (2_182, 2_000)


def test_cap_and_scale__mergers_is_broken(tmp_path):
    """A and B get £2,100 apart and £2,000 merged, because A's guarantee then costs C nothing."""
    # Apart: A's guarantee is 1,200; B and C have 840 at the cap and 160 above, of which 120 of 320 is paid: 900.
    # Merged: A and B have 2,000 between 1,840 and 2,415, nothing is raised, and the scale is 1.
    assert apart_and_merged(tmp_path, "cap-and-scale", {"A": 1_500, "B": 800, "C": 800}) == (2_100, 2_000)


def test_safety_net_and_levy__mergers_is_broken(tmp_path):
    """A and B get £2,095 apart and £2,000 merged, because B's growth fills A's gap."""
    # Apart: A is at its net, 1,400 × 0.925 = 1,295; B pays half of 400 and has 800. Merged: 2,000 is the baseline.
    assert apart_and_merged(tmp_path, "safety-net-and-levy", {"A": 1_400, "B": 600}) == (2_095, 2_000)


def test_annual_loss_cap__mergers_is_broken(tmp_path):
    """A and B get £2,116 apart and £2,000 merged."""
    # Apart: A keeps 1,200 × 0.93 = 1,116, B has 1,000. Merged: 1,700 × 0.93 is below 2,000.
    assert apart_and_merged(tmp_path, "annual-loss-cap", {"A": 1_200, "B": 500}) == (2_116, 2_000)


WEIGHTED = """
[formula]
name = "weighted"
title = "Fair share by weighted patients"
[parameters.revenue_budget]
label = "Budget"
unit = "£"
[[steps]]
name = "unrounded_fair_share"
label = "Fair share before rounding"
formula = "share_out(revenue_budget, by=weighted_population)"
[[steps]]
name = "fair_share"
label = "Fair share"
formula = "rounded(unrounded_fair_share)"
"""


def test_minimum_per_head__mergers_is_broken(tmp_path):
    """By weighted patients A and B get £2,100 apart and £2,000 merged: A alone gets a top-up, both together do not."""
    # £6 a head. Apart: A has 500 for 100 patients and is raised to 600, B has 1,500. Merged: 2,000 for 200.
    (tmp_path / "weighted.toml").write_text(WEIGHTED, encoding="utf-8")
    totals = []
    for rows in ([("A", 100, 50), ("B", 100, 150)], [("AB", 200, 200)]):
        keys = ("org_code", "registered_population", "weighted_population")
        result = allocate(
            population=write_rows(tmp_path / "people.csv", [dict(zip(keys, row, strict=True)) for row in rows]),
            spend=spend_file(tmp_path, {code: 1_000 for code, *_ in rows}),
            formula=tmp_path / "weighted.toml",
            transition="minimum-per-head",
            settings={"revenue_budget": 2_000, "minimum_per_head": 6},
            with_effects=False,
        )
        totals.append(sum(column(result, "2014/15", "allocation").values()))

    assert totals == [2_100, 2_000]


def test_minimum_per_head__population_scale_is_broken(tmp_path):
    """With £1,000 each, £6 a head gives no top-up for 100 patients, and £1,200 for 200 patients."""
    spend, setting = {"A": 1_000, "B": 1_000}, {"minimum_per_head": 6}
    once = first_year(tmp_path, "minimum-per-head", {"A": 100, "B": 100}, spend, 2_000, **setting)
    twice = first_year(tmp_path, "minimum-per-head", {"A": 200, "B": 200}, spend, 2_000, **setting)

    assert (once, twice) == ({"A": 1_000, "B": 1_000}, {"A": 1_200, "B": 1_200})
