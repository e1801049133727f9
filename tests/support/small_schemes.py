"""Schemes of a few lines, and tables for them."""

from __future__ import annotations

from running import write_rows

HEAD = """
[scheme]
name = "test"
title = "Test"
organisation = "CCG"
years = {years}
"""


POT = """
[parameters.pot]
label = "Pot"
unit = "£"
values = {{ every_year = {{ value = {pot}, assumption = "A test." }} }}
"""


def scheme(folder, steps, years='["2014/15"]', pot=1000, extra=""):
    """Write a scheme from lines such as `name = formula`; a line may end in `# unit`."""
    text = HEAD.format(years=years) + POT.format(pot=pot) + extra
    for line in steps.strip().splitlines():
        formula, _, unit = line.partition("#")
        name, _, formula = formula.strip().partition(" = ")
        text += f'[[steps]]\nname = "{name}"\nlabel = "{name}"\nformula = "{formula}"\n'
        text += f'unit = "{unit.strip()}"\n' if unit.strip() else ""
    (folder / "scheme.toml").write_text(text, encoding="utf-8")
    return folder / "scheme.toml"


def rows_of(result, name, year="2014/15"):
    """Return a column of one year, by code."""
    return dict(result.year(year).select("org_code", name).rows())


NATION = [
    {"org_code": "P1", "ccg": "00A", "region": "North", "registered_population": 100},
    {"org_code": "P2", "ccg": "00A", "region": "North", "registered_population": 300},
    {"org_code": "P3", "ccg": "00B", "region": "North", "registered_population": 600},
    {"org_code": "P4", "ccg": "00C", "region": "South", "registered_population": 1000},
]


def people_by_year(folder, years):
    """Write a population file from {year: {code: people}}."""
    return write_rows(
        folder / "p.csv",
        [
            {"year": year, "org_code": code, "registered_population": heads}
            for year, people in years.items()
            for code, heads in people.items()
        ],
    )


TWO = '["2014/15", "2015/16"]'


MERGER = {
    "2014/15": {"00F": 100, "00G": 200, "00H": 300, "01A": 400},
    "2015/16": {"13T": 600, "01A": 400},
}
