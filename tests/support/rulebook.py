"""The files of the library, the properties that they declare, and random organisations for testing them."""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import strategies as st

from gpit_fairshare.engine import calculate
from gpit_fairshare.inputs.model import Inputs
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.values import Setting
from running import ROOT, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.scheme.model import Scheme

LIBRARY = ROOT / "src" / "gpit_fairshare" / "library"
PROPERTIES = ("control_total", "row_order", "rising_target", "population_scale", "bounds", "mergers")
BUDGET = 1_000_000
SETTINGS = {"revenue_budget": BUDGET, "transition_fund": 100_000}

INPUTS_HANG_TOGETHER = {"reallocate", "maturity-index"}
"""Schemes with columns that depend on each other; other tests draw organisations for them."""

Row = dict[str, Any]
"""An organisation: every column except its code."""


@dataclass(frozen=True, eq=False)
class Rule:
    """A file of the library and its contents."""

    kind: str
    name: str
    data: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"

    @property
    def runs_alone(self) -> bool:
        """Whether random organisations can be drawn for it without special knowledge."""
        return self.name not in INPUTS_HANG_TOGETHER

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its statement about each property."""
        return self.data.get("properties", {})

    @property
    def transition(self) -> str:
        """The transition that a scheme names, as a part of a Python name; empty without one."""
        return str(self.data.get("scheme", {}).get("transition", "")).replace("-", "_")

    def options(self) -> dict[str, Any]:
        """Arguments of `allocate` or `load` that run it, with the default scheme for everything else."""
        if self.is_neutral:
            return {"scheme": self.name, "years": ["2025/26", "2026/27"]}
        if self.kind == "formula":
            return {"formula": self.name, "transition": "none"}
        return {self.kind: self.name}

    @property
    def is_neutral(self) -> bool:
        """Whether it is a scheme without years and values of its own."""
        return self.kind == "scheme" and "years" not in self.data["scheme"]

    @property
    def settings(self) -> list[Setting]:
        """The values that a run has to give."""
        return [Setting("revenue_budget", None, str(BUDGET))] if self.is_neutral else []

    @property
    def identifier(self) -> str:
        """Its name as a part of a Python name."""
        return self.name.replace("-", "_")


RULES = [
    Rule(path.parent.name.removesuffix("s"), path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
    for path in sorted(LIBRARY.glob("*/*.toml"))
]


REPRESENTATIVE = (
    "formula-practice-shares",
    "formula-registered-population",
    "scheme-gpit-2014-16",
    "transition-minimum-funding-guarantee",
    "transition-none",
)
"""Names of the rules for which tests of the whole library are also run in the fast tier."""


def declaring(name: str) -> list[Rule]:
    """Rules that declare that they keep a property and can be tested with random organisations."""
    return [rule for rule in RULES if rule.runs_alone and rule.properties.get(name) == "kept"]


@cache
def scheme_of(rule: Rule, formula: Path | None = None) -> Scheme:
    """A scheme of two years or more in which a rule runs, with a million pounds to share out."""
    chosen = {**rule.options(), **({"formula": str(formula)} if formula else {})}
    plain_scheme = load(**chosen, settings=rule.settings)
    settings = [Setting(name, None, str(value)) for name, value in SETTINGS.items() if name in plain_scheme.parameters]
    return load(**chosen, settings=settings)


@st.composite
def organisations(draw: st.DrawFn, scheme: Scheme, least: int = 2) -> dict[str, Row]:
    """Two to six organisations, some without spend, with historic spend of 70% to 105% of a million pounds."""
    count = draw(st.integers(least, 6))
    people = draw(st.lists(st.integers(1, 500_000), min_size=count, max_size=count))
    parts = draw(st.lists(st.integers(0, 100), min_size=count, max_size=count).filter(any))
    spent = draw(st.integers(700_000, 1_050_000))
    rows: dict[str, Row] = {}
    for index in range(count):
        row = {
            "registered_population": float(people[index]),
            "historic_spend": float(spent * parts[index] // sum(parts)),
        }
        for symbol in scheme.inputs:
            if symbol.name in row:
                continue
            if symbol.type == "text":
                row[symbol.name] = draw(st.sampled_from(["yes", "no"]))
            elif symbol.name == "practices":
                row[symbol.name] = float(draw(st.integers(1, 40)))
            elif symbol.unit == "people":
                row[symbol.name] = float(draw(st.integers(1, 500_000)))
            elif symbol.unit == "£":
                row[symbol.name] = float(draw(st.integers(0, 300_000)))
            else:
                row[symbol.name] = draw(st.integers(1, 30)) / 20
        rows[f"{index:02d}X"] = row
    return rows


def invented(rule: Rule, folder: Path) -> dict[str, Any]:
    """Further arguments of `allocate`: twelve organisations with every column that the rule needs, and its settings."""
    needs = [symbol for symbol in load(**rule.options(), settings=rule.settings).inputs if not symbol.optional]
    draw = random.Random(rule.name)
    rows = []
    for number in range(12):
        people, row = draw.randint(2_000, 400_000), {}
        for symbol in needs:
            if symbol.type == "text":
                row[symbol.name] = draw.choice(["yes", "no"])
            elif symbol.unit == "people":
                row[symbol.name] = draw.randint(people // 2, people * 2)
            elif symbol.unit == "£":
                row[symbol.name] = draw.randint(people * 2, people * 4)
            else:
                row[symbol.name] = draw.randint(1, 30) / 20
        row["registered_population"] = people
        rows.append({"org_code": f"{number:02d}X", **row})
    settings = {setting.name: setting.as_written for setting in rule.settings}
    return {"population": write_rows(folder / "invented.csv", rows), "settings": settings}


def inputs_of(scheme: Scheme, rows: Mapping[str, Row], but: Mapping[str, Mapping[str, Row]]) -> Inputs:
    """Organisations as checked tables, the same in every year except the years in `but`."""
    names = [symbol.name for symbol in scheme.inputs]

    def table(rows: Mapping[str, Row]) -> pl.DataFrame:
        columns = {name: [rows[code][name] for code in sorted(rows)] for name in names}
        return pl.DataFrame({"org_code": sorted(rows), "org_name": [""] * len(rows), **columns})

    tables = {year: table(but.get(year, rows)) for year in scheme.years}
    return Inputs(scheme.years, tables, {}, None, {}, (), (), (), ())


def run(scheme: Scheme, rows: Mapping[str, Row], but: Mapping[str, Mapping[str, Row]] | None = None) -> Result:
    """The result of a scheme for organisations; CalculationError if it refuses them."""
    return calculate(scheme, inputs_of(scheme, rows, but or {}))


def answers(result: Result) -> dict[tuple[str, str], float]:
    """The answer of every year and organisation."""
    table = result.rows.select("year", "org_code", result.scheme.result)
    return {(year, code): value for year, code, value in table.iter_rows()}


def units_of(scheme: Scheme) -> dict[str, str | None]:
    """The unit of every input column."""
    return {symbol.name: symbol.unit for symbol in scheme.inputs}


def merged(scheme: Scheme, rows: Mapping[str, Row], first: str, other: str) -> dict[str, Row]:
    """The organisations with two of them merged: money and people are added, rates averaged by patients."""
    units, left, right = units_of(scheme), rows[first], rows[other]
    heads = left["registered_population"] + right["registered_population"]
    both: Row = {}
    for name in left:
        if isinstance(left[name], str):
            both[name] = left[name]
        elif units.get(name, "£" if name == "historic_spend" else "people") in ("£", "people") or name == "practices":
            both[name] = left[name] + right[name]
        else:
            parts = (row[name] * row["registered_population"] for row in (left, right))
            both[name] = sum(parts) / heads
    return {**{code: row for code, row in rows.items() if code not in (first, other)}, first: both}


def all_test_names() -> set[str]:
    """The names of all test functions."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    return {name for text in texts for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}
