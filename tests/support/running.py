"""Run `gpit` as a person does, and write small files for it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "samples"
SHARED = ROOT.parent / "shared" / "data"
YEARS = ("2014/15", "2015/16")

ABCD_PEOPLE = {"A": 100_000, "B": 200_000, "C": 300_000, "D": 400_000}
ABCD_SPEND = {"A": 500_000, "B": 500_000, "C": 450_000, "D": 820_000}


def gpit(
    *arguments: str | Path, folder: Path, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a folder and return what it printed, as bytes."""
    return subprocess.run(
        [sys.executable, "-m", "gpit_fairshare", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **(env or {})},
        capture_output=True,
        check=False,
        timeout=timeout,
    )


def words(printed: bytes) -> str:
    """The printed text with wrapped lines joined, so that a test can search for a sentence."""
    return " ".join(printed.decode("utf-8", "replace").split())


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows as a CSV file and return its path."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as texts."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def population_file(folder: Path, people: Mapping[str, float], name: str = "population.csv") -> Path:
    """Write a population file."""
    return write_rows(
        folder / name, [{"org_code": code, "registered_population": heads} for code, heads in people.items()]
    )


def spend_file(folder: Path, spend: Mapping[str, float], name: str = "spend.csv") -> Path:
    """Write a spend file."""
    return write_rows(folder / name, [{"org_code": code, "historic_spend": cost} for code, cost in spend.items()])
