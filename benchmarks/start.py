"""Time to start and to run, as a multiple of what a process of this kind takes anyway.

Help is a multiple of Python that does nothing; a run on the sample to CSV, of importing the libraries that it uses; a
run to a workbook, of the time in which pandas and openpyxl write a workbook of as many cells, number formats and
formulas of like length (plain_book.py), which calculates nothing. 8,000 and 80,000 practices are invented. All are
processes; those of one group are measured in turn, and medians are compared, because seconds depend on the machine.
Exit code 1 if a bound is missed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import openpyxl

ROOT = Path(__file__).parents[1]
LIKE = 0.1
"""Largest difference of the two workbooks in cells, formats, formulas, and characters of formulas, as a share."""
PYTHON, HELP, LIBRARIES = "python -c pass", "gpit --help", "importing typer, rich, pydantic, polars"
SAMPLE, BOOK, PLAIN_BOOK = "211 CCGs to CSV", "211 CCGs to workbook", "pandas and openpyxl"
PRACTICES, MORE_PRACTICES = "8,000 practices to CSV", "80,000 practices to CSV"
GROUPS = [
    (15, [(HELP, PYTHON, 8.0)]),
    (5, [(SAMPLE, LIBRARIES, 2.0), (BOOK, PLAIN_BOOK, 1.0), (PRACTICES, SAMPLE, 2.3)]),
    (5, [(MORE_PRACTICES, PRACTICES, 9.5)]),
]
"""Rounds, and what is compared in each: two processes, and how many times as long the first may take."""


def practices(path: Path, number: int) -> str:
    """Write a file of invented practices with patients and spend, and return its path."""
    draw = random.Random(20)
    rows = [
        f"A{place:06},Practice {place},{draw.randint(500, 20_000)},{draw.randint(500, 34_000)}"
        for place in range(number)
    ]
    path.write_text("\n".join(["org_code,org_name,registered_population,historic_spend", *rows]), encoding="utf-8")
    return str(path)


def measure(path: Path) -> dict[str, int]:
    """Count the cells, number formats and formulas of a workbook, and the characters of the formulas."""
    book = openpyxl.load_workbook(path, read_only=True)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    formulas = [cell.value for cell in cells if cell.data_type == "f"]
    book.close()
    return {
        "cells": len(cells),
        "formats": sum(cell.number_format != "General" for cell in cells),
        "formulas": len(formulas),
        "characters": sum(map(len, formulas)),
    }


def seconds(arguments: list[str], environment: dict[str, str]) -> float:
    """Return the seconds that Python takes with these arguments."""
    started = perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603  # our own commands
    return perf_counter() - started


def main() -> int:
    """Measure, print, and return 0 if all bounds are met, else 1."""
    missed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Installed packages are compiled once, so let all processes write and use compiled files.
        environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        book, plain_book = folder / "out.xlsx", folder / "plain.xlsx"
        allocate = ["-m", "gpit_fairshare", "allocate"]
        seconds([*allocate, "--sample", "-o", str(book)], environment)
        size = measure(book)
        plain = [str(ROOT / "benchmarks" / "plain_book.py"), str(ROOT / "data" / "samples"), str(plain_book)]
        processes = {
            PYTHON: ["-c", "pass"],
            HELP: ["-m", "gpit_fairshare", "--help"],
            LIBRARIES: ["-c", "import typer, rich, pydantic, polars"],
            SAMPLE: [*allocate, "--sample", "-o", str(folder / "out.csv")],
            BOOK: [*allocate, "--sample", "-o", str(book)],
            PLAIN_BOOK: [*plain, *map(str, size.values())],
        }
        for title, number in ((PRACTICES, 8_000), (MORE_PRACTICES, 80_000)):
            file = practices(folder / f"{number}.csv", number)
            processes[title] = [*allocate, "--population", file, "-o", str(folder / "practices.csv")]
        for rounds, rows in GROUPS:
            titles = dict.fromkeys(title for work, base, _ in rows for title in (base, work))
            for title in titles:
                seconds(processes[title], environment)  # compiles what it imports
            times = [{title: seconds(processes[title], environment) for title in titles} for _ in range(rounds)]
            medians = {title: median(entry[title] for entry in times) for title in titles}
            for work, base, most in rows:
                ratio = medians[work] / medians[base]
                missed += [f"{work}: {ratio:.2f} x {base}"] if ratio > most else []
                print(f"{work:24} {medians[work] * 1000:8.0f} ms {ratio:6.2f} x {base} (at most {most})", flush=True)
        other = measure(plain_book)
    print(f"the two workbooks: {size} and {other}")
    missed += [f"{key} of the plain workbook" for key, value in size.items() if abs(other[key] - value) > LIKE * value]
    print(f"bounds on starting and running: {'MISSED' if missed else 'met'}")
    for bound in missed:
        print(f"missed: {bound}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
