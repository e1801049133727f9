"""Rows of people, weights for them, the plain way to count and weight them, and a Spark session."""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
from contextlib import contextmanager
from fractions import Fraction
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

HEADINGS = ("practice_code", "age", "sex")
AGES = ((85, "2.45"), (65, "1.9"), (5, "0.6"), (0, "1.2"))
"""First age of each band, and its weight."""
SEXES = {"female": "1.1", "male": "0.9"}
WEIGHTS = """\
[scheme]
name = "age-sex-weights"
title = "Weights by age and sex"
organisation = "person"
years = ["2014/15"]
result = "weight"

[sources.made-up]
title = "Made-up weights"
publisher = "Example"
url = "https://example.org"

[tables.age_weight]
label = "Weight by age"
unit = "ratio"
rows = [
    { from = 0, value = 1.2, source = "made-up" },
    { from = 5, value = 0.6, source = "made-up" },
    { from = 65, value = 1.9, source = "made-up" },
    { from = 85, up_to = 120, value = 2.45, source = "made-up" },
]

[tables.sex_weight]
label = "Weight by sex"
unit = "ratio"
rows = [
    { key = "female", value = 1.1, source = "made-up" },
    { key = "male", value = 0.9, source = "made-up" },
]

[[steps]]
name = "weight"
label = "Weight of a person"
unit = "ratio"
formula = "band_value(age_weight, age) * lookup(sex_weight, sex)"
"""


def weights_file(folder: Path, text: str = WEIGHTS) -> Path:
    """Write weights and return their path."""
    path = folder / "weights.toml"
    path.write_text(text, encoding="utf-8")
    return path


def people_file(folder: Path, rows: Iterable[Sequence[object]], headings: Sequence[str] = HEADINGS) -> Path:
    """Write rows as a CSV file and return its path."""
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(headings)
        writer.writerows(rows)
    return path


def weight(age: float, sex: str) -> Fraction:
    """Return the weight of a person, as WEIGHTS has it, exactly."""
    of_age = next(value for first, value in AGES if age >= first)
    return Fraction(of_age) * Fraction(SEXES[sex])


def counted_plainly(people: Iterable[tuple[str, float, str]]) -> list[tuple[str, int, float]]:
    """Return code, people and weighted people of each organisation, one person after the other, as fractions."""
    registered: Counter[str] = Counter()
    weighted: dict[str, Fraction] = {}
    for code, age, sex in people:
        registered[code] += 1
        weighted[code] = weighted.get(code, Fraction()) + weight(age, sex)
    return [(code, registered[code], float(weighted[code])) for code in sorted(registered)]


def suppressed_plainly(counts: Mapping[tuple[str, ...], int], least: int) -> set[tuple[str, ...]]:
    """Return the cells to hide; the first of each is the organisation."""
    hidden: set[tuple[str, ...]] = set()
    for code in {cell[0] for cell in counts}:
        own = sorted((count, cell) for cell, count in counts.items() if cell[0] == code and count)
        small = [cell for count, cell in own if count < least]
        hidden |= {cell for _, cell in own[:2]} if len(small) == 1 else {*small}
    return hidden


@contextmanager
def spark() -> Iterator[None]:
    """Let `--engine spark` run on this machine, and stop its session at the end.

    Without Java or PySpark a test is skipped, but fails where the environment variable CI is set.
    """
    missing = "PySpark" if find_spec("pyspark") is None else "" if shutil.which("java") else "Java"
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"there is no {missing}: pip install -e '.[spark]', apt-get install default-jre-headless")
        pytest.skip(f"needs {missing}")
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        yield
    finally:
        session.stop()
