"""Transitions that damp or guarantee: their examples in the text, exact oracles, and what they do not keep."""

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
    """A transition file as plain TOML, without our own reader."""
    place = resources.files("gpit_fairshare") / "library" / "transitions" / f"{rule}.toml"
    return tomllib.loads(place.read_text(encoding="utf-8"))


def column(result, year, name):
    """A column of one year, by organisation."""
    rows = result.year(year)
    return dict(zip(rows["org_code"], rows[name], strict=True))


def numbers_of(result):
    """The numbers of the notes and warnings of a run that are about its money."""
    return {finding.number for finding in result.findings if finding.number in {"R03", "R05", "R06", "R07", "R09"}}


# The text ------------------------------------------------------------------------------------------------


class Example(NamedTuple):
    """A command of the text, with the table of figures or the message that follows it."""

    rule: str
    command: str
    kind: str
    """`text` for a message, `table` for figures."""
    lines: list[str]


def examples() -> list[Example]:
    """Every command of the text, by section."""
    found = []
    for section in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        rule = section.partition("\n")[0]
        for command, rest in re.findall(r"```\n(gpit [^\n]+)\n```\n\n(.*?)(?=\n```\ngpit|\Z)", section, re.DOTALL):
            block = rest.split("\n\n")[0].splitlines()
            kind = "table" if block[0].startswith("|") else block[0].removeprefix("```")
            found.append(Example(rule, command, kind, block[2:] if kind == "table" else block[1:-1]))
    return found


EXAMPLES = examples()


def typed(command: str, *more: str, folder: Path) -> int:
    """Run a command of the text in a folder, without starting Python anew, and return its exit code."""
    with chdir(folder), redirect_stdout(io.StringIO()):
        return app([*shlex.split(command)[1:], *more], standalone_mode=False)


def same(shown: str, value: float) -> bool:
    """Whether a figure of a table is the value, to the digits that it shows."""
    text = shown.replace(",", "")
    decimals = len(text.rstrip("%").partition(".")[2])
    return abs(float(text.rstrip("%")) - value * (100 if "%" in text else 1)) <= 0.5 * 10**-decimals + 1e-9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the samples where the text looks for them."""
    place = tmp_path_factory.mktemp("guarantees")
    shutil.copytree(SAMPLES, place / "data" / "samples")
    return place


def test_every_rule_has_a_section_with_an_example():
    """Each section runs its transition and shows figures; rules within the budget show what has no answer too."""
    kinds = {rule: {one.kind for one in EXAMPLES if one.rule == rule} for rule in RULES}
    sections = re.findall(r"^## (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert tuple(sections) == RULES
    assert all(f"--transition {one.rule} " in one.command for one in EXAMPLES)
    assert all("table" in kinds[rule] for rule in RULES)
    within = {rule for rule in RULES if header(rule)["transition"]["paid_from"] == "within the budget"}
    assert within == {"floor-damping", "floor-and-ceiling", "cap-and-scale"}
    assert all("text" in kinds[rule] for rule in within)
    assert all("always an answer" in header(rule)["transition"]["infeasible"] for rule in set(RULES) - within)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.kind == "table"], ids=lambda one: one.rule)
def test_figures_worked_by_hand(example, folder, monkeypatch):
    """Every figure of a table, worked by hand below it, is what the command gives in the first year."""
    # What hangs on each assumption takes two runs more, and is no figure of the tables.
    monkeypatch.setattr("gpit_fairshare.allocation.sensitivities", lambda _: ())
    code = typed(example.command, "-o", "run.json", folder=folder)
    document = json.loads((folder / "run.json").read_text("utf-8"))
    rows = {row["org_code"]: row for row in document["rows"] if row["year"] == "2014/15"}
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in example.lines]

    assert code == 0
    assert list(rows) == ABCD
    assert len(cells) >= 2
    assert [
        (name, of, shown, rows[of][name])
        for name, *figures in cells
        for of, shown in zip(ABCD, figures, strict=True)
        if not same(shown, rows[of][name])
    ] == []


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.kind == "text"], ids=lambda one: one.rule)
def test_what_has_no_answer(example, folder):
    """Where there is no answer the run stops with the message of the text, and writes nothing."""
    with pytest.raises(GpitError) as stopped:
        typed(example.command, "-o", "nothing.json", folder=folder)

    (message,) = example.lines
    assert message in str(stopped.value)
    assert not (folder / "nothing.json").exists()


# Every file ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_file_is_sound_and_complete(rule):
    """There is no error and no warning, and the file says what it starts from, who pays and what it keeps."""
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
    broken = {name for name, kept in properties.items() if kept != "kept" and "broken" in kept}
    named = {name for name in globals() if name.startswith(f"test_{rule.replace('-', '_')}__")}
    assert named == {f"test_{rule.replace('-', '_')}__{name}_is_broken" for name in broken}


@pytest.mark.parametrize("rule", slow_but(["annual-loss-cap", "minimum-per-head"], RULES))
def test_runs_on_the_sample_as_it_stands(rule):
    """The sample, whose spend is £8m above its fair shares, needs no setting; what is beyond £140m is new money."""
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
    """A figure that was read in a source is the default, with that source; every other default is an assumption."""
    default = header(rule)["parameters"][parameter]["default"]
    cited = {name for name, entry in header(rule)["parameters"].items() if "source" in entry["default"]}

    assert Fraction(str(default["value"])) == value
    assert default["source"] in header(rule)["sources"]
    assert parameter in cited <= {"minimum_funding_number", "safety_net_share", "largest_levy_rate", "largest_loss"}


# Exact oracles, from the published forms ---------------------------------------------------------------------


class Given(NamedTuple):
    """What a rule looks at for one organisation in a year, £ and people, exact."""

    fair_share: Fraction
    baseline: Fraction
    """Last year's allocation; in the first year the historic spend."""
    first: Fraction
    """The historic spend."""
    people: Fraction
    people_before: Fraction


def above(a, b):
    """What a stands above b, never below nil."""
    return max(Fraction(0), a - b)


def scaled(bottoms, targets, tops=None):
    """Scale gains by the closed form s = 1 − Σ(F − T) / Σ(T − F), or say None where s is below 0.

    F is the bottom; tops, where gains begin to be scaled, are bottoms unless given.
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
    """Of a gain per head above 5% the part k is kept, never below 80% of last year's money per head."""
    rate = [row.baseline / row.people_before * row.people if row.people_before else Fraction(0) for row in rows]
    bottoms = [one * Fraction(4, 5) for one in rate]
    return scaled(bottoms, [row.fair_share for row in rows], [one * Fraction(21, 20) for one in rate])


def floor_and_ceiling(rows):
    """Floors of 90% and limits of 120%: the part s in [0, 1] of gains at which all comes to the total, or 1."""
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
    """Fair shares with top-ups to floors, the top-ups in whole pounds that keep their total."""
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
    """Half of what stands above the historic spend is levied; 92.5% of the historic spend is the net."""
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
    """Random files of three to seven organisations, one without patients and spend; a budget; the figures."""
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
    """Both years of random cases come to the exact figures, to the pound; where there is no answer the run stops."""
    files, budget, people, spend = drawn(f"{rule} {number}", tmp_path)
    settings = {"revenue_budget": budget}
    before, people_before, expected = spend, {code: people[code, YEARS[0]] for code in spend}, {}
    for year in YEARS:
        shares, _ = oracle.share_out(budget, [people[of, year] for of in sorted(spend)])
        rows = [
            Given(*map(Fraction, (share, before[of], spend[of], people[of, year], people_before[of])))
            for of, share in zip(sorted(spend), oracle.rounded(shares), strict=True)
        ]
        worked = ORACLES[rule](rows)
        if worked is None:
            with pytest.raises(GpitError, match=rf"unrounded_allocation, {year}: .* too little; lower the floor"):
                allocate(**files, transition=rule, settings=settings, with_effects=False)
            return
        before = expected[year] = dict(zip(sorted(spend), oracle.rounded(worked), strict=True))
        people_before = {code: people[code, year] for code in spend}

    result = allocate(**files, transition=rule, settings=settings, with_effects=False)

    assert result.agrees, [one for one in result.checks if not one.holds]
    assert {year: column(result, year, "allocation") for year in YEARS} == expected
    assert "R07" not in numbers_of(result)


@pytest.mark.parametrize("floor", ["-60%", "-20%", "-11.9%", "-11.8%", "0"])
def test_floor_damping_by_the_closed_form(floor):
    """A = F + s(T − F), s within 0 and 1, ΣA = ΣT; s below 0 means that the floor is too high, an error.

    Hansard, 20 March 2007 (the floor is paid for by scaling back increases above it), and the Department for
    Communities and Local Government's Floor Damping Models for 2011-12 (s between 0 and 1, else a lower floor).
    £2,000,000 over £2,270,000 is 1 − 11.894%: a floor of -11.9% fits, and one of -11.8% does not.
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


# What the text and the notes say besides -----------------------------------------------------------------------


def first_year(folder, rule, people, spend, budget, **settings):
    """The allocations of the first year, by organisation."""
    result = allocate(
        population=population_file(folder, people),
        spend=spend_file(folder, spend),
        transition=rule,
        settings={"revenue_budget": budget, **settings},
        with_effects=False,
    )
    assert result.agrees
    return column(result, "2014/15", "allocation")


def test_levies_left_over_are_reported():
    """The £25,000 that a net at 50% leaves of C's £75,000 are unspent money of the run, and no new money."""
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
    """The net is 92.5% of the historic spend in the second year too; a cap on losses is 7% of what was left."""
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


def test_ceiling_of_whoever_had_nothing_is_the_fair_share(tmp_path):
    """B had nothing: not held at nil, it gets the scaled gain, £1,000 × 100 ÷ 1,000 of what A's floor leaves."""
    # T is 1,000 each; A's floor is 1,900 of 2,000 and leaves 100 for B's gain of 1,000.
    found = first_year(
        tmp_path, "floor-and-ceiling", {"A": 10, "B": 10}, {"A": 2_000, "B": 0}, 2_000, floor_growth="-5%"
    )

    assert found == {"A": 1_900, "B": 100}


@pytest.mark.parametrize("rule", ["floor-damping", "cap-and-scale"])
def test_nobody_to_protect_means_fair_shares(rule, tmp_path):
    """Where no fair share is below its floor the factor is 1: all of every gain is paid, whatever the cap."""
    found = first_year(tmp_path, rule, {"A": 10, "B": 30}, {"A": 500, "B": 1_500}, 4_001)

    # 4,001 × 10/40 = 1,000.25 and 4,001 × 30/40 = 3,000.75
    assert found == {"A": 1_000, "B": 3_001}


# What is not kept ------------------------------------------------------------------------------------------------


def apart_and_merged(folder, rule, spend, **settings):
    """What A and B of 100 patients each get together, and what they get merged; each has a fair share of £1,000."""
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
    """A and B get £2,175 apart and £2,000 merged, since A's floor then costs C nothing."""
    # Apart: floors 1,350, 450, 450 leave 750 for gains of 550 and 550, so that B and C get 825 each.
    # Merged: A and B have 2,000 above a floor of 1,800, nothing is lifted, and s is 1.
    assert apart_and_merged(tmp_path, "floor-damping", {"A": 1_500, "B": 500, "C": 500}) == (2_175, 2_000)


def test_floor_and_ceiling__mergers_is_broken(tmp_path):
    """A and B get £1,600 apart and £1,860 merged, since A's room is B's."""
    # Apart: A is at its fair share of 1,000, B at its ceiling of 600, C at its floor of 1,080; 320 is unspent.
    # Merged: the ceiling of 1,550 × 1.2 = 1,860 holds a fair share of 2,000.
    assert apart_and_merged(tmp_path, "floor-and-ceiling", {"A": 1_050, "B": 500, "C": 1_200}) == (1_600, 1_860)


def test_minimum_funding_guarantee__mergers_is_broken(tmp_path):
    """A and B get £2,182 apart and £2,000 merged."""
    # Apart: A's guarantee is 1,200 × 0.985 = 1,182, B has 1,000. Merged: 1,700 × 0.985 is below 2,000.
    assert apart_and_merged(tmp_path, "minimum-funding-guarantee", {"A": 1_200, "B": 500}) == (2_182, 2_000)


def test_cap_and_scale__mergers_is_broken(tmp_path):
    """A and B get £2,100 apart and £2,000 merged, since A's guarantee then costs C nothing."""
    # Apart: A's guarantee is 1,200; B and C have 840 at the cap and 160 above, of which 120 of 320 is left: 900.
    # Merged: A and B have 2,000 between 1,840 and 2,415, nothing is lifted, and the scale is 1.
    assert apart_and_merged(tmp_path, "cap-and-scale", {"A": 1_500, "B": 800, "C": 800}) == (2_100, 2_000)


def test_safety_net_and_levy__mergers_is_broken(tmp_path):
    """A and B get £2,095 apart and £2,000 merged, since B's growth fills A's gap."""
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
    """By weighted patients A and B get £2,100 apart and £2,000 merged: A's minimum is lifted, that of both is not."""
    # £6 a head. Apart: A has 500 for 100 patients and is lifted to 600, B has 1,500. Merged: 2,000 for 200.
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
    """With £1,000 each, £6 a head lifts nobody of 100 patients, and everybody of 200 to £1,200."""
    spend, setting = {"A": 1_000, "B": 1_000}, {"minimum_per_head": 6}
    once = first_year(tmp_path, "minimum-per-head", {"A": 100, "B": 100}, spend, 2_000, **setting)
    twice = first_year(tmp_path, "minimum-per-head", {"A": 200, "B": 200}, spend, 2_000, **setting)

    assert (once, twice) == ({"A": 1_000, "B": 1_000}, {"A": 1_200, "B": 1_200})
