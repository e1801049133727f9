"""Transitions with a pace of change, and transition funds: their document, their files and their properties."""

from __future__ import annotations

import random
import re
import shlex
import shutil
import tomllib
from contextlib import chdir
from fractions import Fraction
from importlib import resources
from itertools import chain, pairwise

import pytest

import transition_oracles
from documents import pieces, quoted, same
from gpit_fairshare import GpitError, allocate
from gpit_fairshare.scheme.library import library_names
from running import ROOT, SAMPLES, population_file, read_rows, spend_file, write_rows
from transition_oracles import Place

PAGES = [ROOT / "docs" / f"transitions-{name}.md" for name in ("funds", "pace")]
LIBRARY = resources.files("gpit_fairshare") / "library" / "transitions"
PUBLISHED = ROOT / "tests" / "published" / "icb-allocations-2023-24.csv"
ICB_SCHEMES = {"core": "icb-core-2023-24", "primary_medical": "icb-primary-medical-2023-24"}
FUNDS = ("above-average-cost", "cost-above-funding", "transition-fund-application")
WITHIN = ("none", "pace-of-change", "fixed-taper", "growth-to-those-under-target")
BEYOND = ("icb-convergence", "blend-of-old-and-new", "gap-percentage")
TRANSITIONS = (*FUNDS, *WITHIN, *BEYOND)
LCFF = ("12.001695740%", "30.160161660%", "52.557615970%", "56.076799800%", "42.966442730%", "100%")


def header(name):
    """Return the header of a transition file, read without our own reader."""
    return tomllib.loads((LIBRARY / f"{name}.toml").read_text(encoding="utf-8"))["transition"]


def column(result, year, name):
    """Return a column of one year, by code."""
    rows = result.year(year)
    return dict(zip(rows["org_code"], rows[name], strict=True))


# The document ----------------------------------------------------------------------------------------------


def sections():
    """Return the pieces of each section of the two pages that is about a transition."""
    by_section = {}
    for page in PAGES:
        name = ""
        for piece in pieces(page):
            name = ([name, *re.findall(r"^## (\S+)$", piece.before, re.MULTILINE)])[-1]
            by_section.setdefault(name, []).append(piece)
    return {name: inside for name, inside in by_section.items() if name}


def run_command(command):
    """Run a command of the document in this folder, without the console around it."""
    words = shlex.split(command)
    assert words[:2] == ["gpit", "allocate"]
    options, settings = {}, {}
    for option, value in zip(words[2::2], words[3::2], strict=True):
        if option == "--set":
            settings.update([value.split("=")])
        else:
            options[{"--input": "inputs"}.get(option, option.removeprefix("--"))] = value
    return allocate(**options, settings=settings, with_effects=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the samples and the files that the document asks the reader to save."""
    made = tmp_path_factory.mktemp("pace")
    shutil.copytree(SAMPLES, made / "data" / "samples")
    for piece in chain.from_iterable(map(pieces, PAGES)):
        if piece.kind == "csv":
            name = [file for file in quoted(piece.before) if file.endswith(".csv")][-1]
            (made / name).write_text(piece.text, encoding="utf-8")
    return made


def test_every_transition_has_its_section():
    """The sections of a page are its transitions, in the order of the list at its head; all are in the library."""
    overviews = [piece for page in PAGES for piece in pieces(page) if piece.rows and piece.rows[0][0] == "transition"]

    assert list(sections()) == [quoted(row[0])[0] for overview in overviews for row in overview.rows[1:]]
    assert set(sections()) == set(TRANSITIONS) <= set(library_names("transition"))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_worked_example(name, place):
    """Each figure of a section's table, calculated by hand, is the result of its command; all checks pass."""
    inside = sections()[name]
    (table,) = [piece for piece in inside if piece.rows and piece.rows[0] == ("step", "A", "B", "C", "D")]
    command = inside[inside.index(table) - 1].text
    with chdir(place):
        result = run_command(command)
    rows = {code: column(result, "2014/15", quoted(row[0])[0]) for row in table.rows[1:] for code in row[:1]}
    wrong = [
        (step, code, figure, rows[step][code])
        for step, *cells in table.rows[1:]
        for code, figure in zip("ABCD", cells, strict=True)
        if not same(figure, rows[step][code])
    ]

    assert f"--transition {name} " in command
    assert "`allocation`" in rows
    assert result.agrees
    assert wrong == []


@pytest.mark.parametrize("name", TRANSITIONS)
def test_infeasible_case(name, place):
    """A command without an answer ends with the message below it; other rules say that there is always an answer."""
    inside = sections()[name]
    messages = [piece for piece in inside if piece.kind == "text"]
    for message in messages:
        with chdir(place), pytest.raises(GpitError) as stopped:
            run_command(inside[inside.index(message) - 1].text)
        assert f"gpit: error: {stopped.value}" == message.text.strip()

    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    text = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert bool(messages) == ("There is always an answer" not in text)
    assert messages or header(name)["infeasible"].startswith("There is always an answer")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WITHIN if name != "none"])
def test_england_sample(name):
    """Rules that may have no answer have one for the England sample with their defaults: £140m in each year."""
    result = allocate(sample=True, transition=name, with_effects=False)

    assert result.agrees
    for year in result.scheme.years:
        assert sum(column(result, year, "allocation").values()) == 140_000_000


def test_who_pays():
    """Each transition says who pays; all except `none` start from historic spend."""
    paid = {name: header(name).get("paid_from") for name in TRANSITIONS}

    assert {name for name, payer in paid.items() if payer == "top-slice"} == set(FUNDS)
    assert {name for name, payer in paid.items() if payer == "new money"} == set(BEYOND)
    assert {name for name, payer in paid.items() if payer is None} == {"none"}
    openings = {name: header(name).get("opening_baseline") for name in TRANSITIONS}
    assert {name for name, opening in openings.items() if opening is None} == {"none"}
    assert set(openings.values()) == {None, "historic_spend"}


# Small runs on published or random figures -----------------------------------------------------------------


def years_of(number):
    """Return this number of financial years from 2014/15."""
    return [f"{year}/{year + 1 - 2000}" for year in range(2014, 2014 + number)]


def run_years(folder, transition, years, **settings):
    """Run a transition on places by year, targets as given; return the result."""
    names = years_of(len(years))
    rows = [
        {
            "org_code": code,
            "year": name,
            "registered_population": place.people,
            "target_allocation": place.target,
            "historic_spend": place.spend,
            "base_growth": "" if place.base_growth is None else float(place.base_growth),
            "requested_support": "" if place.request is None else place.request,
            "plan_reaches_parity": place.plan,
        }
        for name, year in zip(names, years, strict=True)
        for code, place in year.items()
    ]
    (folder / "scheme.toml").write_text(
        '[scheme]\nname = "years"\ntitle = "Years"\norganisation = "place"\n'
        f'years = {names}\nformula = "given-target"\ntransition = "{transition}"\n',
        encoding="utf-8",
    )
    return allocate(
        inputs=write_rows(folder / "places.csv", rows),
        scheme=folder / "scheme.toml",
        settings=settings,
        with_effects=False,
    )


@pytest.mark.parametrize(("stream", "scheme"), ICB_SCHEMES.items())
def test_published_icb_allocations(stream, scheme, tmp_path):
    """NHS England's allocations for 2023/24: all 42 boards of each stream to £1,000, and their convergence."""
    published = [row for row in read_rows(PUBLISHED) if row["stream"] == stream]
    headings = {
        "ICB Code": "org_code",
        "Historic spend (£k)": "baseline_k",
        "Target allocation (£k)": "target_k",
        "Base growth": "base_growth",
    }
    write_rows(
        tmp_path / "boards.csv",
        [{heading: row[name] for heading, name in headings.items()} for row in published],
    )
    (command,) = [piece.text for piece in sections()["icb-convergence"] if piece.kind == "bash"]
    with chdir(tmp_path):
        result = run_command(command.replace(" -o boards.xlsx", "").replace(ICB_SCHEMES["core"], scheme))

    assert len(published) == 42
    assert result.agrees
    assert column(result, "2023/24", "allocation") == {
        row["org_code"]: 1000 * int(row["published_allocation_k"]) for row in published
    }
    assert column(result, "2023/24", "convergence") == pytest.approx(
        {row["org_code"]: float(row["published_convergence"]) for row in published}, abs=1e-12
    )


def test_full_precision_of_the_nearest_board():
    """QOQ's exact core allocation is £2,964,813.49956k before rounding: closer to a half than any other."""
    (row,) = [row for row in read_rows(PUBLISHED) if (row["stream"], row["org_code"]) == ("core", "QOQ")]
    # Above target by more than 0.71%, so the cap applies.
    exact = Fraction(row["baseline_k"]) * (1 + Fraction(row["base_growth"])) * (1 - Fraction("0.0071"))

    assert Fraction(row["baseline_k"]) / Fraction(row["target_k"]) - 1 > Fraction("0.0071")
    assert float(exact) == pytest.approx(2_964_813.49956, abs=5e-6)
    assert int(row["published_allocation_k"]) == 2_964_813


@pytest.fixture(scope="module")
def sevenths(tmp_path_factory):
    """Eight years of the taper, from the whole correction factor: A has £400,000 of £600,000, target £100,000."""
    places = {"A": Place(1, 100_000, 400_000), "B": Place(1, 200_000, 100_000), "C": Place(1, 300_000, 100_000)}
    folder = tmp_path_factory.mktemp("sevenths")
    return run_years(folder, "fixed-taper", [places] * 8, first_step=0, guaranteed_share=1)


def test_correction_factor_falls_in_sevenths(sevenths):
    """7/7 to 0/7 of the correction factor: from 6/7 on, each is 5/6, 4/5, 3/4, 2/3 and 1/2 of the previous year.

    The guarantee of £400,000 leaves £200,000 for targets of £500,000, 40p in the pound. B's £80,000 would be below
    its own £100,000, so C has the remaining £100,000 for £300,000: a third is the formula rate.
    A's correction factor is 400,000 - 100,000/3, and B's 100,000 - 200,000/3.
    """
    factors = {"A": Fraction(1_100_000, 3), "B": Fraction(100_000, 3), "C": Fraction(0)}
    paid = [column(sevenths, year, "correction") for year in years_of(8)]

    for gone, year in enumerate(paid):
        assert year == pytest.approx(
            {code: float(factor * (7 - gone) / 7) for code, factor in factors.items()}, abs=1e-6
        )
    ratios = [after["A"] / before["A"] for before, after in pairwise(paid[1:7])]
    assert ratios == pytest.approx([5 / 6, 4 / 5, 3 / 4, 2 / 3, 1 / 2])


def test_released_money_goes_back_to_all(sevenths):
    """k/7 of all correction factors, £400,000, is released after k years and shared out by target."""
    for gone, year in enumerate(years_of(8)):
        released = Fraction(400_000 * gone, 7)
        # At the start £200,000 of £600,000 is formula money.
        by_formula = 200_000 + released
        share = column(sevenths, year, "formula_share")

        assert column(sevenths, year, "money_released")["A"] == pytest.approx(float(released))
        assert share == pytest.approx({c: float(by_formula * t / 6) for c, t in (("A", 1), ("B", 2), ("C", 3))})
        assert sum(column(sevenths, year, "allocation").values()) == 600_000
    assert column(sevenths, "2014/15", "allocation") == {"A": 400_000, "B": 100_000, "C": 100_000}
    assert column(sevenths, "2021/22", "allocation") == {"A": 100_000, "B": 200_000, "C": 300_000}


def test_certified_gap_percentages(tmp_path):
    """Six years of California's percentages close the gap step by step, and the last closes it in full.

    Each year leaves £1,000m times all (1 - g) so far of a gap of £1,000m, to the pound.
    """
    places = {"A": Place(1, 1_500_000_000, 500_000_000)}
    settings = {f"gap_percentage@{year}": percentage for year, percentage in zip(years_of(6), LCFF, strict=True)}
    result = run_years(tmp_path, "gap-percentage", [places] * 6, **settings)

    gap = Fraction(1_000_000_000)
    for year, percentage in zip(years_of(6), LCFF, strict=True):
        gap *= 1 - Fraction(percentage.removesuffix("%")) / 100
        assert column(result, year, "allocation")["A"] == pytest.approx(float(1_500_000_000 - gap), abs=3)
    assert column(result, "2019/20", "allocation")["A"] == 1_500_000_000


def test_no_place_is_further_below_target_than_allowed(tmp_path):
    """Newham's 8.7% below target (2003) is raised to 5% below; Blackpool's 4.99% below (2019) is within the limit.

    With flat cash guaranteed, the floors of £100m targets are £100m, £95m instead of £91.3m, and £95.01m.
    """
    target = 100_000_000
    places = {"A": Place(1, target, target), "B": Place(1, target, 91_300_000), "C": Place(1, target, 95_010_000)}
    result = run_years(tmp_path, "pace-of-change", [places], minimum_cash_growth=0, minimum_per_head_growth=0)

    assert column(result, "2014/15", "floor") == {"A": 100_000_000, "B": 95_000_000, "C": 95_010_000}


def test_guarantee_per_head_follows_the_patients(tmp_path):
    """10% more patients raise the per-head floor by 10%: £100,000 for 100 people is £110,000 for 110."""
    before = {"A": Place(100, 100_000, 100_000), "B": Place(100, 100_000, 100_000)}
    after = {"A": Place(110, 120_000, 0), "B": Place(90, 120_000, 0)}
    result = run_years(tmp_path, "pace-of-change", [before, after], minimum_per_head_growth=0, minimum_cash_growth=0)

    assert column(result, "2015/16", "opening_baseline") == {"A": 100_000, "B": 100_000}
    assert column(result, "2015/16", "per_head_floor") == pytest.approx({"A": 110_000, "B": 90_000})
    assert column(result, "2015/16", "cash_floor") == {"A": 100_000, "B": 100_000}


# Applications ----------------------------------------------------------------------------------------------


def applied(folder, *rows, **settings):
    """Return support of A to D in both years, from applications such as `A,250000,yes`; no rows means no file."""
    names = ("org_code", "requested_support", "plan_reaches_parity", "year")[: max([0, *(len(row) for row in rows)])]
    inputs = write_rows(folder / "forms.csv", [dict(zip(names, row, strict=True)) for row in rows]) if rows else None
    result = allocate(
        population=SAMPLES / "abcd-population.csv",
        spend=SAMPLES / "abcd-spend.csv",
        inputs=inputs,
        transition="transition-fund-application",
        settings={"revenue_budget": 2_000_000, **settings},
        with_effects=False,
    )
    return [list(column(result, year, "transition_support").values()) for year in result.scheme.years]


def test_applications_without_any_form(tmp_path):
    """Without the columns each organisation asks for its whole need, with a plan; plan_assumed=0 gives no awards."""
    assert applied(tmp_path) == [[300_000, 100_000, 0, 20_000]] * 2
    assert applied(tmp_path, plan_assumed=0) == [[0, 0, 0, 0]] * 2


def test_an_application_without_a_plan_gets_no_award(tmp_path):
    """Once one plan is given, a blank means no plan: B and D get no award, and neither does a plan of no."""
    forms = [("A", "", "yes"), ("B", "", ""), ("C", "", ""), ("D", "", "")]

    assert applied(tmp_path, *forms) == [[300_000, 0, 0, 0]] * 2
    forms[3] = ("D", "", "no")
    assert applied(tmp_path, *forms) == [[300_000, 0, 0, 0]] * 2
    assert applied(tmp_path, *[(code, "", "no") for code in "ABCD"]) == [[0, 0, 0, 0]] * 2


def test_no_award_beyond_the_request(tmp_path):
    """A asked for less than its need and B for more: £50,000 and £100,000."""
    forms = [("A", 50_000, "yes"), ("B", 900_000, "yes"), ("C", 10_000, "yes"), ("D", 0, "yes")]

    assert applied(tmp_path, *forms) == [[50_000, 100_000, 0, 0]] * 2


def test_applications_are_for_one_year(tmp_path):
    """A applied for 2014/15 only, B for both years: in 2015/16 A has no plan and no award."""
    forms = [
        *[(code, "", "yes" if code in "AB" else "", "2014/15") for code in "ABCD"],
        *[(code, "", "yes" if code == "B" else "", "2015/16") for code in "ABCD"],
    ]

    assert applied(tmp_path, *forms) == [[300_000, 100_000, 0, 0], [0, 100_000, 0, 0]]


# The oracle ------------------------------------------------------------------------------------------------


def drawn(seed, years=3, places=4):
    """Return random places by year: spend within a third of the target; targets and people change by 10% a year."""
    draw = random.Random(seed)
    first = {code: draw.randint(50_000, 5_000_000) for code in "ABCDE"[:places]}
    drawn_years = [
        {
            code: Place(
                people=draw.randint(900, 1_100),
                target=int(target * draw.uniform(0.97, 1.1)),
                spend=int(target * draw.uniform(0.7, 1.3)),
                base_growth=draw.choice([None, Fraction(draw.randint(-20, 80), 1000)]),
                request=draw.choice([None, draw.randint(0, target // 3)]),
                plan=draw.choice(["yes", "yes", "no", ""]),
            )
            for code, target in first.items()
        }
        for _ in range(years)
    ]
    drawn_years[0]["A"] = drawn_years[0]["A"]._replace(plan="yes")
    return drawn_years


def agree(folder, transition, years, expected, **settings):
    """Assert that a run gives the oracle's pounds every year, or stops if the oracle finds no answer."""
    texts = {name: str(value) for name, value in settings.items()}
    try:
        pounds = expected()
    except ValueError:
        with pytest.raises(GpitError, match="too little"):
            run_years(folder, transition, years, **texts)
        return False
    result = run_years(folder, transition, years, **texts)

    assert result.agrees
    assert [column(result, year, "allocation") for year in years_of(len(years))] == pounds
    return True


PACES = {
    "lower_band": Fraction("0.02"),
    "upper_band": Fraction("0.15"),
    "furthest_under_target": Fraction("0.2"),
    "minimum_cash_growth": Fraction("-0.05"),
    "minimum_per_head_growth": Fraction("-0.08"),
    "growth_above_upper_band": Fraction("-0.1"),
}


@pytest.mark.slow
def test_floors_against_the_oracle(tmp_path):
    """Pace of change and growth by gap have the oracle's pounds over three years, or stop if it finds no answer."""
    answers = []
    for seed in range(3):
        years = drawn(seed)
        kept = Fraction(4 + 2 * seed, 10)
        answers += [
            agree(
                tmp_path,
                "pace-of-change",
                years,
                lambda years=years: transition_oracles.pace_of_change(years, **PACES),
                **PACES,
            ),
            agree(
                tmp_path,
                "growth-to-those-under-target",
                years,
                lambda years=years, kept=kept: transition_oracles.growth_to_those_under_target(years, kept),
                baseline_kept=kept,
            ),
        ]

    assert answers.count(True) >= 3


def test_malawi_rule_with_growing_money(tmp_path):
    """If all of the baseline is kept and money grows, the increase is shared by gap: the oracle's pounds."""
    years = [{code: place._replace(spend=place.target * 3 // 4) for code, place in year.items()} for year in drawn(5)]
    years[0]["A"] = years[0]["A"]._replace(spend=years[0]["A"].target)
    for year, share in zip(years[1:], (12, 14), strict=True):
        year.update({code: place._replace(target=years[0][code].target * share // 10) for code, place in year.items()})

    assert agree(
        tmp_path,
        "growth-to-those-under-target",
        years,
        lambda: transition_oracles.growth_to_those_under_target(years, Fraction(1)),
        baseline_kept=1,
    )


@pytest.mark.parametrize("on_grown_baseline", [False, True])
def test_convergence_against_the_oracle(on_grown_baseline, tmp_path):
    """Convergence with own or national base growth has the oracle's thousands over three years."""
    above, below = (Fraction(1, 3), Fraction("0.05")), (Fraction(1, 4), Fraction("0.03"))
    settings = {
        "convergence_rate_above": above[0],
        "convergence_cap_above": above[1],
        "convergence_rate_below": below[0],
        "convergence_cap_below": below[1],
        "national_base_growth": Fraction("0.031"),
        "growth_counted_in_distance": int(on_grown_baseline),
    }
    for seed in (10, 11):
        years = drawn(seed)
        assert agree(
            tmp_path,
            "icb-convergence",
            years,
            lambda years=years: transition_oracles.icb_convergence(
                years, above, below, settings["national_base_growth"], on_grown_baseline=on_grown_baseline
            ),
            **settings,
        )


def test_growth_counts_in_the_distance_or_not(tmp_path):
    """At the target before growth of 4%, A is 4% above it after: a fifth is 0.8%, and the cap takes 0.5% of £1.04m.

    B is 2% below before growth and 1.92% above after: a fifth is 0.384%.
    """
    places = {"A": Place(1, 1_000_000, 1_000_000), "B": Place(1, 1_000_000, 980_000)}
    rates = {"convergence_rate_above": "20%", "convergence_rate_below": "20%", "national_base_growth": "4%"}
    caps = {"convergence_cap_above": "0.5%", "convergence_cap_below": "0.5%"}
    grown = run_years(tmp_path, "icb-convergence", [places], growth_counted_in_distance="100%", **rates, **caps)
    opening = run_years(tmp_path, "icb-convergence", [places], **rates, **caps)

    # 1,040,000 × 0.995 = 1,034,800; 1,019,200 × 0.99616 = 1,015,286. Before growth: A has no distance; B gets 0.4%.
    assert column(grown, "2014/15", "allocation") == {"A": 1_035_000, "B": 1_015_000}
    assert column(grown, "2014/15", "convergence") == pytest.approx({"A": -0.005, "B": -0.00384})
    assert column(opening, "2014/15", "allocation") == {"A": 1_040_000, "B": 1_023_000}
    assert column(opening, "2014/15", "convergence") == pytest.approx({"A": 0, "B": 0.004})


def test_taper_and_blend_against_the_oracle(tmp_path):
    """Taper and blend have the oracle's pounds in each of three years, also after the last of two steps."""
    kept = Fraction(7, 10)
    for steps in (2, 7):
        years = drawn(steps)
        assert agree(
            tmp_path,
            "fixed-taper",
            years,
            lambda years=years, steps=steps: transition_oracles.fixed_taper(years, steps, 1, kept),
            years_of_taper=steps,
            guaranteed_share=kept,
        )
    assert agree(
        tmp_path,
        "blend-of-old-and-new",
        years,
        lambda: transition_oracles.blend(years, 2, kept),
        years_of_blend=2,
        guaranteed_share=kept,
    )


def test_gap_and_applications_against_the_oracle(tmp_path):
    """Gap percentages have the oracle's pounds; so do awards from a fund that is too small in some years only."""
    years = drawn(20)
    shares = [Fraction(percentage.removesuffix("%")) / 100 for percentage in LCFF[:3]]
    settings = dict(zip((f"gap_percentage@{year}" for year in years_of(3)), shares, strict=True))
    needs = [sum(max(0, place.spend - place.target) for place in year.values()) for year in years]

    assert agree(
        tmp_path,
        "gap-percentage",
        years,
        lambda: transition_oracles.gap_percentage(years, shares),
        **settings,
    )
    for fund in (max(needs), max(needs) // 10):
        assert agree(
            tmp_path,
            "transition-fund-application",
            years,
            lambda fund=fund: transition_oracles.application(years, fund),
            transition_fund=fund,
        )


@pytest.mark.parametrize("name", TRANSITIONS)
def test_organisations_without_patients_or_target(name, tmp_path):
    """Z, with no patients, spend or target, gets 0 in each year, and none of its steps is undefined."""
    places = {"A": Place(10, 1_000, 1_100), "B": Place(10, 1_000, 900), "Z": Place(0, 0, 0)}
    settings = {"transition_fund": 50, "support_share": 1} if name in FUNDS[:2] else {}
    result = run_years(tmp_path, name, [places] * 2, **settings)

    assert [column(result, year, "allocation")["Z"] for year in years_of(2)] == [0, 0]


def test_without_a_target_every_band_is_exceeded(tmp_path):
    """Y has £1,000,000 and no target: it gets the minimum growth, −50%, and the cap on convergence, −0.71%."""
    places = {"A": Place(10, 2_000_000, 1_000_000), "Y": Place(1, 0, 1_000_000)}
    pace = run_years(tmp_path, "pace-of-change", [places], furthest_under_target="60%")
    icb = run_years(tmp_path, "icb-convergence", [places])

    assert column(pace, "2014/15", "allocation") == {"A": 1_500_000, "Y": 500_000}
    assert column(icb, "2014/15", "allocation")["Y"] == 993_000


# Properties that are broken ----------------------------------------------------------------------------------


def one_year(folder, transition, budget, **places):
    """Return the allocations of one year, with a budget by registered population; a place is its people and spend."""
    values = {"revenue_budget": budget, "transition_fund": 1_000_000, "support_share": 1}
    used = values if transition in FUNDS[:2] else {"revenue_budget": budget}
    (folder / "scheme.toml").write_text(
        '[scheme]\nname = "one"\ntitle = "One"\nyears = ["2014/15"]\nformula = "registered-population"\n'
        f'transition = "{transition}"\n'
        + "".join(
            f'[values.{name}]\nevery_year = {{ value = {value}, assumption = "By hand." }}\n'
            for name, value in used.items()
        ),
        encoding="utf-8",
    )
    result = allocate(
        population=population_file(folder, {code: people for code, (people, _) in places.items()}),
        spend=spend_file(folder, {code: spend for code, (_, spend) in places.items()}),
        scheme=folder / "scheme.toml",
        with_effects=False,
    )
    return column(result, "2014/15", "allocation")


def test_above_average_cost__rising_target_is_broken(tmp_path):
    """A costs £6.00 a head against £5.50 and gets its £600; with 30 more patients it is below average and gets £226."""
    # £400 for 200 people is £200 each, and A needs £400. With 130 + 100 people A costs £4.62 against £4.78,
    # and 130/230 of £400 is £226.09.
    assert one_year(tmp_path, "above-average-cost", 400, A=(100, 600), B=(100, 500))["A"] == 600
    assert one_year(tmp_path, "above-average-cost", 400, A=(130, 600), B=(100, 500))["A"] == 226


def test_above_average_cost__mergers_is_broken(tmp_path):
    """A at £6.00 a head and B at £1.00 get £900; together at £2.25, below the average of £2.40, they get £400."""
    apart = one_year(tmp_path, "above-average-cost", 500, A=(100, 600), B=(300, 300), C=(100, 300))
    merged = one_year(tmp_path, "above-average-cost", 500, M=(400, 900), C=(100, 300))

    assert (apart["A"] + apart["B"], merged["M"]) == (600 + 300, 400)


def support_lost_by_merging(folder, transition):
    """Return what A (£100 above its £200) and B (£100 below its £200) get, apart and merged."""
    apart = one_year(folder, transition, 800, A=(100, 300), B=(100, 100), C=(200, 200))
    merged = one_year(folder, transition, 800, M=(200, 400), C=(200, 200))
    return apart["A"] + apart["B"], merged["M"]


def test_cost_above_funding__mergers_is_broken(tmp_path):
    """Apart A gets £100 of support; merged, £400 of cost equals £400 of fair share, so there is no need."""
    assert support_lost_by_merging(tmp_path, "cost-above-funding") == (500, 400)


def test_transition_fund_application__mergers_is_broken(tmp_path):
    """Apart A gets £100 of support; merged, £400 of cost equals £400 of fair share, so there is no need."""
    assert support_lost_by_merging(tmp_path, "transition-fund-application") == (500, 400)


def test_icb_convergence__control_total_is_broken(tmp_path):
    """A alone has a target of £1,000,000 and £1,100,000: 0.9929 of that is £1,092,190, to the thousand £1,092,000."""
    assert one_year(tmp_path, "icb-convergence", 1_000_000, A=(1, 1_100_000)) == {"A": 1_092_000}


def test_icb_convergence__mergers_is_broken(tmp_path):
    """A: 1,200,000 × 0.9929 = 1,191,480; B: 800,000 × 1.002 = 801,600; merged they are at the target of £2m."""
    apart = one_year(tmp_path, "icb-convergence", 2_000_000, A=(1, 1_200_000), B=(1, 800_000))
    merged = one_year(tmp_path, "icb-convergence", 2_000_000, M=(2, 2_000_000))

    assert apart == {"A": 1_191_000, "B": 802_000}
    assert merged == {"M": 2_000_000}


def test_pace_of_change__mergers_is_broken(tmp_path):
    """A's floor of half of £220,000 is above its target; merged with B it is below theirs, and they get £200,000.

    Apart: floors of £110,000 and three times £95,000 leave £5,000 for three gaps of £5,000. Merged: the floor is
    95% of £200,000, and £20,000 are left for gaps of 10, 5 and 5.
    """
    apart = one_year(tmp_path, "pace-of-change", 400_000, A=(1, 220_000), B=(1, 50_000), C=(1, 60_000), D=(1, 60_000))
    merged = one_year(tmp_path, "pace-of-change", 400_000, M=(2, 270_000), C=(1, 60_000), D=(1, 60_000))

    assert apart == {"A": 110_000, "B": 96_667, "C": 96_667, "D": 96_666}
    assert merged["M"] == 200_000


def test_fixed_taper__mergers_is_broken(tmp_path):
    """Apart A and B get 6/7 of £240,000 and 1/7 of £200,000, £234,285.71; merged, no guarantee lifts them.

    90% of A's £200,000 is £180,000; B and C share £120,000. Merged: 90% of £200,000 is below the fair share.
    """
    apart = one_year(tmp_path, "fixed-taper", 300_000, A=(1, 200_000), B=(1, 0), C=(1, 50_000))
    merged = one_year(tmp_path, "fixed-taper", 300_000, M=(2, 200_000), C=(1, 50_000))

    assert apart["A"] + apart["B"] in (234_285, 234_286)
    assert merged["M"] == 200_000


def test_blend_of_old_and_new__control_total_is_broken(tmp_path):
    """A's blend is 1/6 of £100,000 and 5/6 of £150,000, £8,333.33 less than its old £150,000: new money."""
    apart = one_year(tmp_path, "blend-of-old-and-new", 200_000, A=(1, 150_000), B=(1, 50_000))

    assert sum(apart.values()) == 208_333


def test_blend_of_old_and_new__mergers_is_broken(tmp_path):
    """Apart, A gets a top-up and the two get £208,333; merged, both old and new share are £200,000."""
    apart = one_year(tmp_path, "blend-of-old-and-new", 200_000, A=(1, 150_000), B=(1, 50_000))
    merged = one_year(tmp_path, "blend-of-old-and-new", 200_000, M=(2, 200_000))

    assert (sum(apart.values()), merged["M"]) == (208_333, 200_000)


def test_gap_percentage__control_total_is_broken(tmp_path):
    """A keeps £150,000 of spend, B has £50,000 and 12.0017% of £50,000: £206,001 for fair shares of £200,000."""
    assert one_year(tmp_path, "gap-percentage", 200_000, A=(1, 150_000), B=(1, 50_000)) == {"A": 150_000, "B": 56_001}


def test_gap_percentage__mergers_is_broken(tmp_path):
    """Apart A and B get £206,001; merged there is no gap between £200,000 and £200,000."""
    apart = one_year(tmp_path, "gap-percentage", 200_000, A=(1, 150_000), B=(1, 50_000))
    merged = one_year(tmp_path, "gap-percentage", 200_000, M=(2, 200_000))

    assert (sum(apart.values()), merged["M"]) == (206_001, 200_000)


def test_growth_to_those_under_target__mergers_is_broken(tmp_path):
    """Apart A keeps £135,000 and B has £45,000 and 48/83 of £55,000, £211,807 in total; merged, they have £200,000.

    90% of £280,000 is £252,000, so £48,000 is left for B's gap of £55,000 and C's of £28,000. Merged, the gaps
    are £20,000 and £28,000, and both are closed.
    """
    apart = one_year(tmp_path, "growth-to-those-under-target", 300_000, A=(1, 150_000), B=(1, 50_000), C=(1, 80_000))
    merged = one_year(tmp_path, "growth-to-those-under-target", 300_000, M=(2, 200_000), C=(1, 80_000))

    assert apart == {"A": 135_000, "B": 76_807, "C": 88_193}
    assert merged == {"M": 200_000, "C": 100_000}


def test_a_misspelt_property_is_named(tmp_path):
    """`abssent` for `absent` gets a message that suggests `absent`."""
    text = (LIBRARY / "none.toml").read_text(encoding="utf-8").replace("absent = ", "abssent = ")
    (tmp_path / "misspelt.toml").write_text(text, encoding="utf-8")

    with pytest.raises(GpitError, match=r"unknown key abssent; did you mean absent\?"):
        allocate(sample=True, transition=tmp_path / "misspelt.toml", with_effects=False)
