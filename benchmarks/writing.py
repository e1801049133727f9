"""How long `gpit allocate --sample -o out.xlsx` takes, as a multiple of a script that an analyst writes by hand.

The script, by_hand.py, reads the sample by Polars, works the allocation out and writes as many cells and formulas,
of like length, by plain XlsxWriter. The second bound is that the workbook is written in less time than LibreOffice
takes to recalculate it. All are processes, measured in one run, turn by turn, and medians are compared: seconds say
more of the machine than of the program. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import recalculation  # noqa: E402  # lies among what the tests share

ROUNDS = 5
OFFICE_ROUNDS = 3
MOST_OF_BY_HAND = 1.5
MOST_OF_OFFICE = 1.0
LIKE = 0.1
"""How far the two workbooks may differ in cells, formulas, and characters of formulas, as a share."""


def measure(path: Path) -> dict[str, int]:
    """Count the cells and formulas of a workbook, and the characters of the formulas."""
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    formulas = [formula for sheet in sheets for formula in re.findall(r"<f>([^<]*)</f>", sheet)]
    return {
        "cells": sum(sheet.count("<c ") for sheet in sheets),
        "formulas": len(formulas),
        "characters": sum(map(len, formulas)),
    }


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return how long a process takes."""
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603  # our own commands
    return perf_counter() - started


def main() -> int:
    """Measure, print, and say whether the bounds hold."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, by_hand = folder / "out.xlsx", folder / "by-hand.xlsx"
        # An installed package is compiled once, and so is what both import, whatever this run is told.
        environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        gpit = [sys.executable, "-m", "gpit_fairshare", "allocate", "--sample", "-o", str(ours)]
        seconds(gpit, environment)
        size = measure(ours)
        script = [sys.executable, str(ROOT / "benchmarks" / "by_hand.py"), str(ROOT / "data" / "samples"), str(by_hand)]
        script += [str(size["cells"]), str(size["formulas"])]
        seconds(script, environment)
        other = measure(by_hand)
        print(f"out.xlsx: {size}; by hand: {other}")
        times: dict[str, list[float]] = {"gpit allocate": [], "by hand": [], "LibreOffice": []}
        office = recalculation.find_soffice()
        for number in range(ROUNDS):
            times["gpit allocate"].append(seconds(gpit, environment))
            times["by hand"].append(seconds(script, environment))
            if office and number < OFFICE_ROUNDS:
                started = perf_counter()
                recalculation.recalculate(ours, folder)
                times["LibreOffice"].append(perf_counter() - started)
    medians = {way: median(given) for way, given in times.items() if given}
    for way, given in medians.items():
        print(f"{way:15} {given * 1000:8.0f} ms {given / medians['by hand']:6.2f} x by hand")
    missed = [f"{key} by hand" for key, value in size.items() if abs(other[key] - value) > LIKE * value]
    if medians["gpit allocate"] > MOST_OF_BY_HAND * medians["by hand"]:
        missed.append(f"{MOST_OF_BY_HAND} x by hand")
    if office is None:
        print("LibreOffice is not installed: the bound on its time was not tried")
    elif medians["gpit allocate"] >= MOST_OF_OFFICE * medians["LibreOffice"]:
        missed.append("LibreOffice's time")
    print(f"bounds on writing, {MOST_OF_BY_HAND} x by hand and LibreOffice's time: {'MISSED' if missed else 'hold'}")
    for one in missed:
        print(f"missed: {one}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
