"""Published tables reproduced by the examples in examples/published, and by the library's schemes on their files.

The full tables are beside the repository, not in it: without them, tests that read them are skipped.
"""

from __future__ import annotations

import runpy
import shutil
import tomllib
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest

from documents import pieces, run_as_typed
from folders import published
from gpit_fairshare import allocate
from gpit_fairshare.cases.suite import run_all
from running import ROOT, read_rows, write_rows
from tiers import slow

EXAMPLES = ROOT / "examples" / "published"
NEW_JERSEY = EXAMPLES / "new-jersey-2020-21"
ILLINOIS = EXAMPLES / "illinois-2022-23"
ICB = {
    "icb-core-2025-26": "ICB Core Allocations 2025-26",
    "icb-primary-medical-2025-26": "PMC Allocation 2025-26",
}
BOARDS = 42
AID = (
    "adequacy_budget",
    "local_fair_share",
    "equalization_aid",
    "special_education_aid",
    "security_aid",
    "transportation_aid",
    "prebudget_spending",
    "uncapped_aid",
    "prebudget_aid",
    "state_aid_differential",
    "below_uncapped",
    "increase",
    "change",
    "change_eq",
    "change_special",
    "change_security",
    "change_transport",
    "change_adjust",
)


def rows_of(result):
    """Return the rows of a result by year and code."""
    assert result.agrees
    return {(row["year"], row["org_code"]): row for row in result.rows.to_dicts()}


def full_table(name):
    """Return the rows of a published table beside the repository, by year and code."""
    return {(row["year"], row["org_code"]): row for row in read_rows(Path(published(f"published/{name}")))}


def test_every_example_gives_its_published_figures():
    """Each case of examples/published is right: 42 boards three times, 13 districts of each state."""
    suite = run_all([str(EXAMPLES)])

    assert suite.exit_code == 0
    assert sorted((verdict.id.rpartition("::")[2], verdict.origin, verdict.outcome) for verdict in suite.verdicts) == [
        ("hudson-county", "published", "ok"),
        ("icb-core-2025-26", "published", "ok"),
        ("icb-primary-medical-2025-26", "published", "ok"),
        ("icb-primary-medical-revised-2025-26", "published", "ok"),
        ("thirteen-districts", "published", "ok"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(EXAMPLES.rglob("README.md")), ids=lambda page: page.parent.name)
def test_every_command_of_a_readme_runs(page, tmp_path):
    """In a copy of the folder each command ends with 0, and the workbook that it names is there."""
    folder = shutil.copytree(page.parent, tmp_path / "copy")
    commands = [line for piece in pieces(page) for line in piece.text.splitlines() if line.startswith("gpit ")]

    assert len(commands) >= 3
    assert {command: run_as_typed(command, folder) for command in commands} == dict.fromkeys(commands, 0)
    assert list(folder.glob("*.xlsx"))


@pytest.mark.slow
def test_the_script_writes_the_tables_of_the_examples(tmp_path):
    """Every CSV of examples/published is, byte by byte, what `scripts/published-examples` makes of the full tables."""
    data = Path(published("nhs-england-icb-allocations-2025-26.xlsx")).parent
    runpy.run_path(str(ROOT / "scripts" / "published-examples"))["main"](str(data), str(tmp_path))
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.csv")}

    assert written == {path.relative_to(EXAMPLES): path.read_bytes() for path in EXAMPLES.rglob("*.csv")}
    assert len(written) == 9


# Integrated care boards 2025/26 ------------------------------------------------------------------------------


def icb_column(scheme, heading):
    """Return a column of NHS England's workbook by board, read by openpyxl."""
    book = openpyxl.load_workbook(published("nhs-england-icb-allocations-2025-26.xlsx"), data_only=True, read_only=True)
    headings, *boards = book[ICB[scheme]].iter_rows(min_row=2, max_row=2 + BOARDS, values_only=True)
    code, figure = headings.index("ICB23"), headings.index(heading)
    return {row[code]: row[figure] for row in boards}


def run_icb(scheme, **settings):
    """Return the rows of the library's scheme on its file of worked-back targets, by board."""
    result = allocate(scheme=scheme, inputs=EXAMPLES / f"{scheme}.csv", settings=settings, with_effects=False)
    return {code: row for (_, code), row in rows_of(result).items()}


def missed(rows, convergence):
    """Return the number of boards whose convergence is not the published one, to 1e-12."""
    return sum(abs(row["convergence"] - convergence[code]) > 1e-12 for code, row in rows.items())


@pytest.mark.parametrize(
    ("scheme", "slower", "faster", "on_opening_baseline"),
    [("icb-core-2025-26", 22, 22, 39), slow("icb-primary-medical-2025-26", 35, 34, 39)],
)
def test_published_convergence(scheme, slower, faster, on_opening_baseline):
    """NHS England 2025/26: a fifth of the distance gives the convergence of all 42 boards, to 1e-12.

    A rate of 0.199 or 0.201 misses it for every board that is not at a cap, and for one that 0.199 takes off its cap.
    The distance of the opening baseline misses it too.
    """
    convergence = icb_column(scheme, "2025/26 Convergence (%)")
    rates = ("convergence_rate_above", "convergence_rate_below")

    assert len(convergence) == BOARDS
    assert missed(run_icb(scheme), convergence) == 0
    assert missed(run_icb(scheme, **dict.fromkeys(rates, "0.199")), convergence) == slower
    assert missed(run_icb(scheme, **dict.fromkeys(rates, "0.201")), convergence) == faster
    assert missed(run_icb(scheme, growth_counted_in_distance="0%"), convergence) == on_opening_baseline


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ICB)
def test_allocations_of_2025_26(scheme):
    """NHS England 2025/26: 42 of 42 recurrent allocations, each to £1,000, follow from the convergence."""
    allocations = icb_column(scheme, "2025/26 Recurrent allocation (£k)")

    assert {code: row["allocation"] for code, row in run_icb(scheme).items()} == {
        code: 1000 * thousands for code, thousands in allocations.items()
    }


@pytest.mark.slow
def test_revised_allocations_of_2025_26(tmp_path):
    """NHS England 2025/26, primary medical care: 42 of 42 revised allocations to the penny, by two schemes in a chain.

    The first gives recurrent allocations from worked-back targets, and its result is an input of the second.
    """
    scheme = "icb-primary-medical-2025-26"
    revised = icb_column(scheme, "Revised recurrent allocation (£k)")
    recurrent = allocate(scheme=scheme, inputs=EXAMPLES / f"{scheme}.csv", with_effects=False)
    result = allocate(
        scheme=EXAMPLES / "icb-primary-medical-revised-2025-26" / "revised-allocations.toml",
        inputs=write_rows(tmp_path / "recurrent.csv", recurrent.rows.select("org_code", "allocation").to_dicts()),
        with_effects=False,
    )
    rows = {code: row for (_, code), row in rows_of(result).items()}

    assert rows.keys() == revised.keys()
    assert all(abs(row["revised_allocation"] - 1000 * revised[code]) <= 0.005 + 1e-6 for code, row in rows.items())


@pytest.mark.parametrize("scheme", ICB)
def test_the_file_says_that_targets_are_worked_back(scheme):
    """The first line of the file says so, and a run reports the line as a title (I39)."""
    result = allocate(scheme=scheme, inputs=EXAMPLES / f"{scheme}.csv", with_effects=False)
    (title,) = [finding for finding in result.findings if finding.number == "I39"]

    assert (EXAMPLES / f"{scheme}.csv").read_text(encoding="utf-8").startswith("Targets are worked back")
    assert "'Targets are worked back" in title.found


# New Jersey 2020-21 ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_all_districts_of_new_jersey():
    """NJ Department of Education, July 2020: 592 of 592 districts in each of 18 columns, to the dollar."""
    notices = full_table("nj-2020-21-published.csv")
    inputs = published("published/nj-2020-21-inputs.csv")
    rows = rows_of(allocate(scheme=NEW_JERSEY / "new-jersey-2020-21.toml", inputs=inputs, with_effects=False))
    right = {name: sum(rows[key][name] == int(row[name]) for key, row in notices.items()) for name in AID}

    assert rows.keys() == notices.keys()
    assert set(next(iter(notices.values()))) == {"year", "org_code", *AID}
    assert right == dict.fromkeys(AID, 592)


def bisected_rate(total, weights, most):
    """Return the rate at which shares in proportion to weights, each at most its limit, add up to a total."""
    low, high = 0.0, 1.0
    for _ in range(80):
        rate = (low + high) / 2
        given = sum(min(rate * weight, limit) for weight, limit in zip(weights, most, strict=True))
        low, high = (rate, high) if given < total else (low, rate)
    return (low + high) / 2


def local_share_rates(districts, budgets, statewide_aid):
    """Return the property value rate and the income rate, by bisection: a vocational district shares its county's."""
    county_of = {code: row["county"] for code, row in districts.items()}
    weights = {}
    for name in ("eqval", "income"):
        weights[name] = {code: float(row[name]) for code, row in districts.items()}
        for code, row in districts.items():
            if row["budget_type"] == "COUNTY VOC":
                members = [other for other, county in county_of.items() if county == row["county"]]
                wealth, cost = (sum(float(table[other]) for other in members) for table in (weights[name], budgets))
                weights[name][code] = wealth / cost * budgets[code]
    total, most = sum(budgets.values()) - statewide_aid, list(budgets.values())
    value, income = (bisected_rate(total, weights[name].values(), most) for name in ("eqval", "income"))
    both = [(weights["eqval"][code] * value / income + weights["income"][code]) / 2 for code in budgets]
    income_rate = bisected_rate(total, both, most)
    return income_rate * value / income, income_rate


@pytest.mark.slow
def test_statutory_rates_of_new_jersey():
    """The two rates of the local share are solved: printed 0.014483784 and 0.052773887, within 3e-7 of each.

    Bisection gives the same as the scheme: 0.01448378037 and 0.05277389688.
    """
    inputs, notices = (published(f"published/nj-2020-21-{name}.csv") for name in ("inputs", "published"))
    result = allocate(scheme=NEW_JERSEY / "local-share-rates.toml", inputs=[inputs, notices], with_effects=False)
    (national,) = result.national.to_dicts()
    budgets = {row["org_code"]: float(row["adequacy_budget"]) for row in read_rows(Path(notices))}
    districts = {row["org_code"]: row for row in read_rows(Path(inputs))}
    bisected = local_share_rates(districts, budgets, 7_911_180_840.14525)
    solved = (national["property_rate"], national["income_rate"])

    assert result.agrees
    assert solved == pytest.approx((0.014483784, 0.052773887), rel=3e-7)
    assert solved == pytest.approx(bisected, rel=1e-12)
    assert solved == pytest.approx((0.01448378037, 0.05277389688), abs=5e-12)


def test_the_rest_of_the_state_in_the_case_of_hudson_county():
    """The two sums that the case sets are those of the published figures of the other 579 districts."""
    settings = tomllib.loads((NEW_JERSEY / "hudson-county.toml").read_text(encoding="utf-8"))["run"]["set"]
    county = {row["org_code"] for row in read_rows(NEW_JERSEY / "districts.csv")}
    others = [row for (_, code), row in full_table("nj-2020-21-published.csv").items() if code not in county]

    assert len(others) == 579
    assert settings == {
        "reductions_elsewhere": sum(max(0, -int(row["change"])) for row in others),
        "below_uncapped_elsewhere": sum(int(row["below_uncapped"]) for row in others),
    }


# Illinois FY2022 and FY2023 ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_all_districts_of_illinois():
    """ISBE, August 2021 and 2022: 922 + 927 = 1,849 districts have their tier and, to the cent, their tier funding."""
    calculations = full_table("il-ebf-published.csv")
    inputs = published("published/il-ebf-inputs.csv")
    rows = rows_of(allocate(scheme=ILLINOIS / "illinois-2022-23.toml", inputs=inputs, with_effects=False))
    wrong = [
        key
        for key, row in calculations.items()
        if (rows[key]["tier"], rows[key]["tier_funding"]) != (int(row["tier"]), float(row["tier_funding"]))
    ]

    assert rows.keys() == calculations.keys()
    assert [sum(year == key[0] for key in rows) for year in ("2021/22", "2022/23")] == [922, 927]
    assert wrong == []


def test_districts_summed_by_tier_get_what_their_members_get():
    """Each row of sums has the published money of its members: 914 districts, less than a cent for each is cut off."""
    calculations = full_table("il-ebf-published.csv")
    result = allocate(
        scheme=ILLINOIS / "illinois-2022-23.toml",
        inputs=ILLINOIS / "districts.csv",
        years=["2022/23"],
        with_effects=False,
    )
    rows = {code: row for (_, code), row in rows_of(result).items()}
    funding, members = {}, {}
    for (year, code), row in calculations.items():
        if year == "2022/23" and code not in rows:
            at_minimum = float(row["tier2_step2"]) > float(row["tier2_step1"])
            group = f"OTHERS-{row['tier']}{'-MINIMUM' if at_minimum else ''}"
            funding[group] = funding.get(group, 0) + Fraction(row["tier_funding"])
            members[group] = members.get(group, 0) + 1

    assert members.keys() == {code for code in rows if code.startswith("OTHERS")}
    assert sum(members.values()) == 914
    assert all(-0.01 <= rows[group]["tier_funding"] - funding[group] <= 0.01 * members[group] for group in members)
