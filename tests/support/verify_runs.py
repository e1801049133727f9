"""A small run of four organisations, and its inputs."""

from __future__ import annotations

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout

import openpyxl
import pytest

from fuzzing import ods
from gpit_fairshare.cli import _run
from gpit_fairshare.results import manifest_name, writing
from gpit_fairshare.workbook.result_workbook import write_workbook
from running import write_rows

PEOPLE = {"A": 100_000, "B": 200_000, "C": 300_000, "D": 400_000}


SPEND = {"A": 500_000, "B": 500_000, "C": 450_000, "D": 820_000}


SCHEME = """
[scheme]
name = "own"
title = "Two million pounds by need"
organisation = "CCG"
years = ["2014/15", "2015/16"]
formula = "rules/need.toml"
transition = "above-average-cost"
report_by = "area_team"

[values.pot]
every_year = { value = 2_000_000, assumption = "A round sum, for a test." }

[values.transition_fund]
every_year = { value = 100_000, assumption = "A round sum, for a test." }

[values.support_share]
"2014/15" = { value = 1, assumption = "All of it." }
"2015/16" = { value = 0.5, assumption = "Half of it." }
"""


NEED = """
[formula]
name = "need"
title = "By patients, weighted by need"

[parameters.pot]
label = "Pot"
unit = "£"
minimum = 0

[inputs.need_index]
label = "Need index"
unit = "ratio"

[[steps]]
name = "weight"
label = "Weight"
unit = "people"
formula = "registered_population * need_index"

[[steps]]
name = "unrounded_fair_share"
label = "Fair share before rounding"
unit = "£"
formula = "share_out(pot, by=weight)"

[[steps]]
name = "fair_share"
label = "Fair share"
unit = "£"
formula = "rounded(unrounded_fair_share)"
"""


OPTIONS = {
    "population": "people.xlsx:Lists",
    "spend": "spend.csv",
    "inputs": "need.ods",
    "scheme": "own.toml",
    "settings": {"transition_fund@2015/16": "90000", "pot": 2_100_000},
    "mapping": {"Patients in April": "registered_population", "Area team": "area_team"},
    "leave_out": ["ZZ9", "ENG"],
    "max_size": 32,
}


def write(result, path):
    """Write a result as `gpit allocate` does, with a manifest file for a table."""
    writers = {"xlsx": write_workbook, "json": writing.write_json, "csv": writing.write_csv}
    writers.get(path.suffix[1:], writing.write_parquet)(result, path)
    if path.suffix in (".csv", ".parquet"):
        writing.write_manifest(result, path.with_name(manifest_name(path)), path, path.name)
    return path


def printed(*arguments, folder):
    """Run `gpit verify` in a folder, without starting Python anew: its exit code, and what it printed."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(output), redirect_stderr(output):
        patch.setattr(sys, "argv", ["gpit", "verify", *arguments])
        code = _run()
    return code, output.getvalue()


def own_files(folder):
    """Write inputs of every kind and a scheme with a formula in a folder below it."""
    (folder / "rules").mkdir(parents=True)
    (folder / "own.toml").write_text(SCHEME, encoding="utf-8")
    (folder / "rules" / "need.toml").write_text(NEED, encoding="utf-8")
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Lists")
    sheet.append(["Code", "Patients in April", "Area team"])
    teams = dict(zip(PEOPLE, ("North", "North", "South", "South"), strict=True))
    for code, heads in PEOPLE.items():
        sheet.append([code, heads, teams[code]])
    sheet.append(["ENG", sum(PEOPLE.values()), ""])
    sheet.append(["ZZ9", 5_000, "South"])
    book.save(folder / "people.xlsx")
    write_rows(folder / "spend.csv", [{"org_code": code, "historic_spend": cost} for code, cost in SPEND.items()])
    need = ods([["org_code", "need_index"], *([code, 1 + 0.125 * place] for place, code in enumerate(PEOPLE))])
    (folder / "need.ods").write_bytes(need)
