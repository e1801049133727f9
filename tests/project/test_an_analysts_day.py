"""What an analyst does in a day is one command or one call each, on untidy files, and works at once."""

from __future__ import annotations

import json
from fractions import Fraction

import openpyxl
import polars as pl
import pytest

from documents import run_as_typed
from gpit_fairshare import allocate, allocation
from running import population_file, read_rows, spend_file
from tutorial import WORKBOOKS, tutorial_files

BUDGET = 205_000_000
RULE = (
    "--years 2025/26 --transition floor-and-ceiling "
    f"--set revenue_budget={BUDGET} --set floor_growth=-5% --set ceiling_growth=10%"
)
FILES = "--population patients.xlsx --spend it-costs.xlsx"
LIMITS = {"floor_growth": "-5%", "ceiling_growth": "10%"}


@pytest.fixture
def folder(tmp_path):
    """A folder with the two workbooks of the tutorial; the misspelt code is corrected."""
    tutorial_files(tmp_path)
    return tmp_path


def figures_of(path, column):
    """Return a column of figures by code, read without gpit: rows whose first cell is a code of a letter and digits."""
    rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    return {row[0]: row[column] for row in rows if row[0] and str(row[0])[1:].isdigit()}


def test_untidy_files_are_checked_in_one_command(folder, capsys):
    """As they came, one code is misspelt, and its cell is named in both files; once corrected, they are ready."""
    assert (
        run_as_typed(f"gpit check --population {WORKBOOKS}/patients.xlsx --spend {WORKBOOKS}/it-costs.xlsx", folder)
        == 2
    )
    printed = " ".join(capsys.readouterr().out.split())
    assert "A14: Kirkmoss ICB (X10)" in printed
    assert "A13: X1O is not in patients.xlsx:Jan 2025; did you mean X10 (Kirkmoss ICB)?" in printed

    assert run_as_typed(f"gpit check {FILES}", folder) == 0


def test_a_floor_and_a_ceiling_for_forty_boards_are_one_command(folder):
    """£205m is paid in full; each board gets 95% to 110% of its cost, or its fair share if that is between."""
    people, costs = figures_of(folder / "patients.xlsx", 3), figures_of(folder / "it-costs.xlsx", 2)
    assert run_as_typed(f"gpit allocate --scheme fair-share {FILES} {RULE} -o out.csv", folder) == 0
    rows = read_rows(folder / "out.csv")

    assert len(rows) == len(people) == 40
    assert sum(int(row["allocation"]) for row in rows) == BUDGET
    for row in rows:
        cost = Fraction(costs[row["org_code"]]) * 1000
        share = Fraction(BUDGET * people[row["org_code"]], sum(people.values()))
        floor, ceiling = cost * 95 / 100, min(cost * 110 / 100, max(share, cost * 95 / 100))
        assert floor - 1 <= int(row["allocation"]) <= ceiling + 1


def test_a_budget_that_is_lower_by_3_per_cent_is_one_command(folder, capsys):
    """The total falls by 3% of £205,000,000, which is £6,150,000; it ends with 1, because results differ."""
    command = f"gpit compare fair-share fair-share {FILES} {RULE} --set-new 'revenue_budget=*0.97' --json"

    assert run_as_typed(command, folder) == 1
    (year,) = json.loads(capsys.readouterr().out)["years"]
    assert (year["old"], year["new"]) == (BUDGET, BUDGET - 6_150_000)


def test_an_own_formula_with_a_percentage_is_one_command(tmp_path):
    """60% of 100 and 40% of 200 are 140; 60% of 300 and 40% of 200 are 260: of £4,000 that is £1,400 and £2,600."""
    steps = [
        ("weight", "people", "60% * registered_population + 40% * weighted_population"),
        ("unrounded", "£", "share_out(revenue_budget, by=weight)"),
        ("fair_share", "£", "rounded(unrounded)"),
    ]
    text = '[formula]\nname = "mine"\ntitle = "Mine"\n[parameters.revenue_budget]\nlabel = "Budget"\nunit = "£"\n'
    for name, unit, formula in steps:
        text += f'[[steps]]\nname = "{name}"\nlabel = "{name}"\nunit = "{unit}"\nformula = "{formula}"\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    table = "org_code,registered_population,weighted_population\nA,100,200\nB,300,200\n"
    (tmp_path / "p.csv").write_text(table, encoding="utf-8")
    command = "gpit allocate --population p.csv --scheme fair-share --formula mine.toml --years 2025/26"

    assert run_as_typed(f"{command} --set revenue_budget=4000 -o out.csv", tmp_path) == 0
    assert [row["allocation"] for row in read_rows(tmp_path / "out.csv")] == ["1400", "2600"]


def test_a_letter_is_one_command(tmp_path):
    """A has a quarter of the people and so £1,000 of £4,000; its letter says so in the sentences of `explain`."""
    population_file(tmp_path, {"A": 100, "B": 300})
    spend_file(tmp_path, {"A": 1_200, "B": 2_800})
    command = "gpit allocate --population population.csv --spend spend.csv --scheme fair-share --years 2025/26"

    assert run_as_typed(f"{command} --transition none --set revenue_budget=4000 --letters letters.md", tmp_path) == 0
    first, _, second = (tmp_path / "letters.md").read_text("utf-8").partition("\n* * *\n")
    assert "A gets £1,000 in 2025/26" in first
    assert "B gets £3,000 in 2025/26" in second


@pytest.mark.slow
def test_fifty_scenarios_in_a_loop_read_nothing_again(folder, monkeypatch):
    """Fifty budgets on frames are paid in full, and no file or frame is read after the first run."""
    frames = {
        "population": pl.read_excel(folder / "patients.xlsx", read_options={"header_row": 3}),
        "spend": pl.read_excel(folder / "it-costs.xlsx", read_options={"header_row": 2}),
    }
    rule = {"scheme": "fair-share", "years": "2025/26", "transition": "floor-and-ceiling"}
    base = allocate(**frames, **rule, settings={"revenue_budget": BUDGET, **LIMITS})
    monkeypatch.setattr(allocation, "read_inputs", None)
    for step in range(50):
        budget = BUDGET - 100_000 * step
        settings = {"revenue_budget": budget, **LIMITS}
        scenario = allocate(inputs_of=base, settings=settings, with_effects=False, **rule)
        assert scenario.rows["allocation"].sum() == budget
