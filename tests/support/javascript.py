"""Runs the scripts of the page in Node, without a browser: the one that Playwright brings, or that of the system."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

import gpit_fairshare.reports.page as page_package
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION
from gpit_fairshare.reports.page.model import as_json, page_model

SCRIPTS = Path(page_package.__file__).parent / "scripts"
CALCULATION = ("numbers.js", "kernels.js", "engine.js")
"""The scripts that calculate, in the order in which a page has them."""


@cache
def node():
    """Return the path of Node; a test is skipped without one, except in CI, where it fails."""
    try:
        import playwright
    except ImportError:
        bundled = None
    else:
        bundled = Path(playwright.__file__).parent / "driver" / "node"
    path = bundled if bundled and bundled.exists() else shutil.which("node")
    if not path:
        if os.environ.get("CI"):
            pytest.fail("there is no Node: neither Playwright's nor the system's")
        pytest.skip("needs Node: pip install -e '.[dev]' brings it with Playwright")
    return str(path)


def run_script(body, *, data=None, scripts=CALCULATION, extra="", change=lambda text: text):
    """Return what a JavaScript function with this `body` returns, as JSON has it.

    Args:
        body: Statements; `DATA` is the data.
        data: For JSON.
        scripts: Names of the scripts of the page that come before it.
        extra: More JavaScript after them.
        change: Returns a script, changed on purpose.
    """
    texts = [change((SCRIPTS / name).read_text(encoding="utf-8")) for name in scripts]
    reading = 'const DATA = JSON.parse(require("fs").readFileSync(0, "utf8"));'
    parts = ['"use strict";', reading, *texts, extra, f"const RESULT = (() => {{ {body} }})();", WRITING]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.js"
        program.write_text("\n".join(parts), encoding="utf-8")
        command = [node(), "--stack-size=4000", program]
        done = subprocess.run(command, input=json.dumps(data), capture_output=True, encoding="utf-8", check=False)
    assert not done.returncode, done.stderr[-3000:]
    return json.loads(done.stdout)


WRITING = """
process.stdout.write(JSON.stringify(RESULT, (_, value) =>
  typeof value === "bigint" || Object.is(value, -0) || (typeof value === "number" && !Number.isFinite(value))
    ? Object.is(value, -0) ? "-0" : String(value) : value));
"""
"""Writes what JSON has no number for as a text."""


CALCULATED = """
const model = makeModel(DATA.page.model, FORMULAS);
const data = withRepeats(DATA.page);
const values = new Map((DATA.values || []).map(([name, years]) => [name, new Map(years)]));
const exact = (fraction) => fraction && [fraction.top, fraction.bottom];
try {
  return calculate(model, data, values).years.map((year) => ({
    year: year.year,
    columns: [...year.columns].map(([name, { kind, values: column }]) => [name, kind, column]),
    outcomes: year.outcomes,
    checks: year.checks,
    money: [...year.unspent].map(([name]) => [name, ["amounts", "unspent", "factors", "rates"].map((key) =>
      year[key].get(name).map(exact))]),
  }));
} catch (fault) {
  if (!(fault instanceof Refusal)) throw fault;
  return { refusal: fault.message };
}
"""


def calculated(result, values=(), change=lambda text: text):
    """Return every column of every year as the page calculates it, or its refusal.

    Args:
        result: The run of the page.
        values: What is set in the what-if: pairs of a name and pairs of a year and a number.
        change: Returns a script, changed on purpose.
    """
    model = page_model(result)
    data = {"page": json.loads(as_json(model.data)), "values": list(values)}
    return run_script(CALCULATED, data=data, extra=model.formulas, change=change)


def differences(result, years):
    """Return what differs between a run and the page, bit for bit, and how many values were compared."""
    wrong, count = [], 0
    for year, page in zip(result.years.values(), years, strict=True):
        for name, kind_text, values in page["columns"]:
            kind = next(kind for kind in year.frames if _text(kind) == kind_text)
            expected = year.frames[kind][name].to_list()
            count += len(expected)
            if len(expected) != len(values) or not all(map(_is_same, expected, values)):
                pair = next((pair for pair in zip(expected, values, strict=False) if not _is_same(*pair)), None)
                wrong.append((year.year, name, pair))
        names = {name for frame in year.frames.values() for name in frame.columns}
        missing = names - {name for name, _, _ in page["columns"]} - {"year", "org_code", "org_name"} - {*year.labels}
        used = {symbol.name for symbol in result.scheme.inputs} | {*result.scheme.parameters}
        used |= {step.name for step in result.scheme.steps}
        wrong += [(year.year, name, "missing") for name in missing & used]
        if year.outcomes != page["outcomes"]:
            wrong.append((year.year, "outcomes", None))
        checks = [
            [check.year, check.name, check.formula, check.holds, list(check.failing)]
            for check in result.checks
            if check.year == year.year
        ]
        if checks != [
            [check[key] for key in ("year", "name", "formula", "holds", "failing")] for check in page["checks"]
        ]:
            wrong.append((year.year, "checks", None))
        for name, quantities in page["money"]:
            own = [year.amounts[name], year.unspent[name], year.factor[name], year.rate[name]]
            count += sum(map(len, own))
            if not all(map(_is_same_fraction, own, quantities)):
                wrong.append((year.year, name, (own, quantities)))
    return wrong, count


def _text(kind):
    """Return a kind as the page writes it."""
    return {NATIONAL: "national", ORGANISATION: "organisation"}.get(kind) or f"by {kind.column}"


def _is_same(expected, value):
    """Return whether two values are the same, bit for bit."""
    if isinstance(expected, float) and not isinstance(value, bool) and isinstance(value, int | float):
        return expected == value and math.copysign(1, expected) == math.copysign(1, value)
    return type(expected) is type(value) and expected == value


def _is_same_fraction(own, ratios):
    """Return whether lists of fractions, or None, are the same exactly."""
    return [None if each is None else Fraction(int(each[0]), int(each[1])) for each in ratios] == own
