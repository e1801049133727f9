"""Runs with very different workbooks, and access to the parts of a workbook."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import openpyxl
from lxml import etree
from openpyxl.formula import Tokenizer

from gpit_fairshare import allocate
from running import SAMPLES, read_rows, write_rows
from small_schemes import MERGER, TWO, people_by_year, scheme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ODD = """
[scheme]
name = "odd"
title = "A scheme with floors and ceilings, groups and labels of any length"
organisation = "practice"
years = ["2014/15", "2015/16"]
report_by = "region"

[inputs.need_index]
label = "Need\\nindex"
unit = "ratio"
optional = true

[inputs.region]
label = "Region <of> the \\"North & South\\" of England"
type = "text"

[inputs.ccg]
label = "Clinical commissioning group's"
type = "text"

[sources.circular]
title = "Circular on money <2014> & after"
publisher = "A ministry"
url = "https://example.org/circular?a=1&b=2"

[parameters.pot]
label = "Pot"
unit = "£"
minimum = 0
values = { every_year = { value = 30_000_000_000, source = "circular" } }

[parameters.floor_growth]
label = "Least growth on the baseline"
unit = "%"
minimum = -1
maximum = "ceiling_growth"
values = { every_year = { value = -0.05, assumption = "A twentieth." } }

[parameters.ceiling_growth]
label = "Greatest growth on the baseline"
unit = "%"
minimum = 0.25
values = { every_year = { value = 0.6, assumption = "Three fifths." } }

[[steps]]
name = "need"
label = "Population weighted by need"
unit = "people"
formula = "registered_population * where(given(need_index), need_index, 1.25)"

[[steps]]
name = "region_need"
label = "Need of the region"
unit = "people"
formula = "total(need, within=region)"

[[steps]]
name = "region_unrounded"
label = "Money of the region before rounding"
unit = "£"
formula = "share_out(pot, by=region_need)"

[[steps]]
name = "region_money"
label = "Money of the region"
unit = "£"
formula = "rounded(region_unrounded, to=100)"

[[steps]]
name = "ccg_need"
label = "Need of the CCG"
unit = "people"
formula = "total(need, within=ccg)"

[[steps]]
name = "largest_ccg"
label = "Largest CCG of the region"
unit = "people"
formula = "largest(ccg_need, within=region)"

[[steps]]
name = "baseline"
label = "Baseline"
unit = "£"
formula = "previous(allocation, first=historic_spend)"

[[steps]]
name = "floor"
label = "Floor"
unit = "£"
formula = "baseline * (1 + floor_growth)"

[[steps]]
name = "ceiling"
label = "Ceiling, which is the baseline grown by as much as the parameter of greatest growth says: a long label"
unit = "£"
formula = "baseline * (1 + ceiling_growth)"

[[steps]]
name = "unrounded"
label = "Allocation before rounding"
unit = "£"
formula = "share_out(region_money, by=need, base=floor, at_least=floor, at_most=ceiling, within=region)"

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "rounded(unrounded, to=0.01, within=region)"

[[checks]]
name = "No allocation above 2.5 times the ceiling or £7,000,000,000,000"
formula = "allocation <= ceiling * 2.5 and allocation < 7000000000000"
"""
BARE = """
[scheme]
name = "bare"
title = "Bare"
organisation = "CCG"
years = ["2014/15"]

[[steps]]
name = "allocation"
label = "Allocation"
formula = "registered_population * 2"
"""
CODES = ("0123", "1E5", "00A", "00B", "P1", "P2", "P3", "P4")
NAMES = (
    "=1+1",
    "+44 Practice",
    "-Minus & Sons <Ltd>",
    '@home "quoted"',
    "THE VERY LARGE PARTNERSHIP OF DOCTORS WWW MMM OF THE WESTERN WARDS AND MARSHES",
    "x" * 300,
    None,
    "O'Neill",
)
REGIONS = (*["=North"] * 3, *["South & <East>"] * 3, *['@West\'s "end"'] * 2)


def odd_run(folder):
    """Allocate to eight practices with names that break programs, floors and ceilings, and blanks."""
    (folder / "odd.toml").write_text(ODD, encoding="utf-8")
    people = (1000, 20000, 3500, 4700, 56000, 6100, 7200, 8300)
    needs = (1.5, None, 0.9, 1, None, 2, 1, 1)
    columns = zip(CODES, NAMES, REGIONS, "AABCCDEF", people, needs, strict=True)
    names = ("org_code", "org_name", "region", "ccg", "registered_population", "need_index")
    rows = [dict(zip(names, row, strict=True)) for row in columns]
    lines = [
        {"org_code": code, "category": category, "cost_type": cost, "committed": committed, "amount": amount}
        for code, heads in zip(CODES, people, strict=True)
        for category, cost, committed, amount in (
            ("core", "revenue", "yes", heads * 200_000.55),
            ('=core "x"', "capital", "no", 55),
        )
    ]
    population, spend = write_rows(folder / "odd.csv", rows), write_rows(folder / "lines.csv", lines)
    return allocate(population=population, spend=spend, scheme=folder / "odd.toml")


def merger_run(folder):
    """Allocate across a merger, without spend: three organisations of the first year are one in the second."""
    steps = """
        allocation = share_out(pot, by=registered_population) # £
        before = previous(allocation, first=0) # £
    """
    return allocate(population=people_by_year(folder, MERGER), scheme=scheme(folder, steps, years=TWO))


def bare_run(folder):
    """Allocate with a scheme of one step: no parameters, sources, assumptions or money."""
    (folder / "bare.toml").write_text(BARE, encoding="utf-8")
    population = write_rows(folder / "people.csv", [{"org_code": "A", "registered_population": 10}])
    return allocate(population=population, scheme=folder / "bare.toml")


def a_dozen(folder: Path) -> dict[str, Path]:
    """Write files with the first twelve CCGs of the sample."""
    files = {}
    for name in ("population", "spend"):
        rows = read_rows(SAMPLES / f"england-2014-15-{name}.csv")
        codes = sorted({row["org_code"] for row in rows})[:12]
        files[name] = write_rows(folder / f"{name}.csv", [row for row in rows if row["org_code"] in codes])
    return files


RUNS = {
    "sample": lambda _: allocate(sample=True),
    "cost above funding": lambda folder: allocate(**a_dozen(folder), transition="cost-above-funding"),
    "no transition": lambda folder: allocate(**a_dozen(folder), transition="none"),
    "odd": odd_run,
    "merger": merger_run,
    "bare": bare_run,
}


@dataclass
class Book:
    """A workbook as XML parts, and as openpyxl reads it."""

    name: str
    path: Path

    @cached_property
    def sheets(self):
        """Sheets with formulas."""
        return openpyxl.load_workbook(self.path).worksheets

    @cached_property
    def values(self):
        """Sheets with the values of formulas, by name."""
        return {sheet.title: sheet for sheet in openpyxl.load_workbook(self.path, data_only=True).worksheets}

    @cached_property
    def parts(self):
        """The bytes of each part, by name."""
        with zipfile.ZipFile(self.path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def xml(self, name):
        """Return a part as a tree."""
        return etree.fromstring(self.parts[name])

    def pages(self) -> Iterator[tuple[object, object]]:
        """Yield each sheet and its part as a tree; XlsxWriter numbers them in order."""
        for number, sheet in enumerate(self.sheets, 1):
            yield sheet, self.xml(f"xl/worksheets/sheet{number}.xml")

    def cells(self, least=1):
        """Yield sheet, cell and value of every cell that is not blank, from a row down."""
        for sheet in self.sheets:
            values = self.values[sheet.title]
            for row in sheet.iter_rows(min_row=least):
                for cell in row:
                    if cell.value is not None:
                        yield sheet, cell, values[cell.coordinate].value

    @cached_property
    def formulas(self):
        """Sheet, cell and tokens of every formula."""
        return [(sheet, cell, Tokenizer(cell.value).items) for sheet, cell, _ in self.cells() if cell.data_type == "f"]


def find(root, name):
    """Return all elements with a name, at any depth."""
    return list(root.iter(f"{{*}}{name}"))
