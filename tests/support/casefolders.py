"""Folders of regression cases for tests: four organisations, and cases that differ from a valid one in one thing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from running import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

# £2,000,000 by heads is £2.00 each; without a transition the fair share is the allocation.
SHARES = {"A": 200_000, "B": 400_000, "C": 600_000, "D": 800_000}
SOURCE = """
[case.source]
title = "Table 1"
publisher = "Somebody"
url = "https://example.org/table-1"
date = "2014-04"
"""
RUN = """
[run]
population = "abcd-population.csv"
spend = "abcd-spend.csv"
transition = "none"
set = { revenue_budget = 2_000_000 }
"""
FIGURES = '\n[expected."2014/15"]\n' + "".join(
    f"{code} = {{ allocation = {share:_} }}\n" for code, share in SHARES.items()
)
TABLE = "year,org_code,allocation\n" + "".join(f"2014/15,{code},{share}\n" for code, share in SHARES.items())

NAMED = """
[scheme]
name = "named"
title = "A step, and two checks of it"
organisation = "place"
years = ["2014/15"]
result = "heads"
[[steps]]
name = "heads"
label = "Heads"
formula = "registered_population * 1"
[[checks]]
name = "No CCG has over 300,000"
formula = "heads <= 300000"
[[checks]]
name = "Somebody is there"
formula = "heads > 0"
"""
"""A scheme with a first check that fails for D, which has 400,000."""


def head(name: str, origin: str = "worked by hand", more: str = "") -> str:
    """The table [case]."""
    return f'[case]\nname = "{name}"\ntitle = "Case {name}"\norigin = "{origin}"\nworking = "By hand."\n{more}'


def case(name: str, more: str = "", *, origin: str = "worked by hand", run: str = RUN, figures: str = FIGURES) -> str:
    """A case file; valid unless changed by the arguments."""
    return f"{head(name, origin, more)}{SOURCE if origin == 'published' else ''}{run}{figures}"


def inputs(folder: Path) -> Path:
    """Write the inputs of the four organisations to a folder, and return it."""
    folder.mkdir(exist_ok=True)
    for name in ("abcd-population.csv", "abcd-spend.csv"):
        shutil.copy(SAMPLES / name, folder / name)
    (folder / "named.toml").write_text(NAMED, encoding="utf-8")
    return folder


CHECKED = RUN.replace('transition = "none"\nset = { revenue_budget = 2_000_000 }', 'scheme = "named.toml"')
HEADS = '\n[expected."2014/15"]\n' + "".join(f"{code} = {{ heads = {n}00_000 }}\n" for n, code in enumerate("ABCD", 1))

OF_EVERY_SORT = {
    "sound.toml": (case("sound"), "ok"),
    "published.toml": (case("published", origin="published"), "ok"),
    "tabled.toml": (case("tabled", 'expected_file = "tabled.expected.csv"\n', origin="regression", figures=""), "ok"),
    "tabled.expected.csv": (TABLE, "used"),
    "some.toml": (case("some", 'rows = "some"\n', figures=FIGURES.partition("C =")[0]), "ok"),
    "within.toml": (
        case(
            "within", figures=FIGURES.replace("800_000", "800_001") + "\n[tolerance]\nallocation = { absolute = 1 }\n"
        ),
        "ok",
    ),
    "a-pound.toml": (case("a-pound", figures=FIGURES.replace("800_000", "800_001")), "failed"),
    "missing-row.toml": (case("missing-row", figures=FIGURES + "E = { allocation = 1 }\n"), "failed"),
    "extra-row.toml": (case("extra-row", figures=FIGURES.partition("D =")[0]), "failed"),
    "changed.toml": (case("changed", origin="regression", figures=FIGURES.replace("200_000", "199_000")), "failed"),
    "unknown-column.toml": (case("unknown-column", figures=FIGURES.replace("allocation", "alocation")), "fault"),
    "unknown-year.toml": (case("unknown-year", figures=FIGURES.replace("2014/15", "2024/25")), "fault"),
    "broken.toml": (case("broken").replace('title = "', "title = "), "fault"),
    "no-input.toml": (case("no-input", run=RUN.replace("abcd-spend", "abcd-spent")), "fault"),
    "refused.toml": (
        case("refused", 'fails = "its minimum is 0"\n', run=RUN.replace("2_000_000", "-1"), figures=""),
        "ok",
    ),
    "refused-otherwise.toml": (
        case("refused-otherwise", 'fails = "out of luck"\n', run=RUN.replace("2_000_000", "-1"), figures=""),
        "failed",
    ),
    "not-refused.toml": (case("not-refused", 'fails = "its minimum is 0"\n', figures=""), "failed"),
    "check-fails.toml": (case("check-fails", run=CHECKED, figures=HEADS), "failed"),
    "check-should-fail.toml": (
        case("check-should-fail", "checks_fail = 'No CCG has over 300,000'\n", run=CHECKED, figures=HEADS),
        "ok",
    ),
    "check-holds.toml": (
        case(
            "check-holds", "checks_fail = ['No CCG has over 300,000', 'Somebody is there']\n", run=CHECKED, figures=""
        ),
        "failed",
    ),
    "unused.expected.csv": (TABLE, "unused"),
}
"""Cases and files of expected figures, with their outcomes."""


def every_sort(folder: Path) -> Path:
    """Write a folder with cases of every kind, and with files that are not cases."""
    inputs(folder)
    for name, (content, _) in OF_EVERY_SORT.items():
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "broken-scheme.toml").write_text("[scheme\n", encoding="utf-8")
    for hidden in (".hidden", "node_modules"):
        (folder / hidden).mkdir()
        (folder / hidden / "bad.toml").write_text("[case]\n", encoding="utf-8")
    return folder
