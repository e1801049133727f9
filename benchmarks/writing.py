"""Time of `gpit allocate --sample -o out.xlsx`, as a multiple of a script that an analyst writes by hand.

The script, by_hand.py, reads the sample with Polars, calculates the allocation and writes as many cells and formulas,
of similar length, with plain XlsxWriter. The second limit: writing the workbook takes less time than LibreOffice takes
to recalculate it. All are processes, measured in turn in one run, and medians are compared, because seconds depend on
the machine. Exit code 1 if a limit is missed.
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

import recalculation  # noqa: E402  # in the folder of the tests' helpers

ROUNDS = 5
OFFICE_ROUNDS = 3
MOST_OF_BY_HAND = 1.5
MOST_OF_OFFICE = 1.0
LIKE = 0.1
"""Largest difference of the two workbooks in cells, formulas, and characters of formulas, as a share."""


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
    """Return the seconds that a process takes."""
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603  # our own commands
    return perf_counter() - started


def main() -> int:
    """Measure, print, and return 0 if all limits are met, else 1."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, by_hand = folder / "out.xlsx", folder / "by-hand.xlsx"
        # Installed packages are compiled once, so let both processes write and use compiled files.
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
    medians = {way: median(runs) for way, runs in times.items() if runs}
    for way, typical in medians.items():
        print(f"{way:15} {typical * 1000:8.0f} ms {typical / medians['by hand']:6.2f} x by hand")
    missed = [f"{key} by hand" for key, value in size.items() if abs(other[key] - value) > LIKE * value]
    if medians["gpit allocate"] > MOST_OF_BY_HAND * medians["by hand"]:
        missed.append(f"{MOST_OF_BY_HAND} x by hand")
    if office is None:
        print("LibreOffice is not installed: the limit on its time was not tested")
    elif medians["gpit allocate"] >= MOST_OF_OFFICE * medians["LibreOffice"]:
        missed.append("LibreOffice's time")
    print(f"limits on writing, {MOST_OF_BY_HAND} x by hand and LibreOffice's time: {'MISSED' if missed else 'met'}")
    for limit in missed:
        print(f"missed: {limit}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
