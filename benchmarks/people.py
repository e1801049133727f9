"""Time and memory to count people and weight them, as a multiple of the bare query of the same engine.

A seeded generator writes invented patients: a practice, an age and a sex on each row, in random order. Practices are
parts of the CCGs of the sample and have their list sizes, all scaled to the rows wanted. The bare query groups the
rows and counts them, and writes nothing. gpit checks the files, counts, reads and checks each value, weights people by
age and sex, takes the digests of the files for its manifest, and writes the population by practice. All are processes,
from the first import to the end; they are measured in turn, and medians are compared, because seconds depend on the
machine. Memory is the largest of the rounds. Exit code 1 if a bound is missed, or if engines disagree.

`--rows N` takes fewer rows than 60 million. `--spark` runs gpit once with Spark on this machine, without a bound.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "samples" / "england-2014-15-population.csv"
SEED = 22
ROUNDS = 5
PRACTICES = 8_000
FILE_ROWS = 5_000_000
MOST_MEGABYTES = 500
POLARS, DUCKDB, SPARK = "gpit, Polars", "gpit, DuckDB", "gpit, Spark"
BARE_POLARS, BARE_DUCKDB = "bare Polars", "bare DuckDB"
BOUNDS = [(POLARS, BARE_POLARS, 1.5), (DUCKDB, BARE_DUCKDB, 1.5)]
"""What is compared, and how many times as long the first may take."""
OF_PYRAMID = [(0, 12.0), (20, 13.5), (35, 13.5), (50, 13.5), (65, 10.5), (75, 7.5), (85, 3.5), (95, 0.6), (100, 0.1)]
"""How common some ages are; between them it is interpolated."""
WEIGHTS = """
[scheme]
name = "invented-weights"
title = "Invented cost weights by age and sex"
organisation = "person"
years = ["2014/15"]
result = "weight"

[sources.invented]
title = "Invented weights"
publisher = "This benchmark"
url = "https://example.org"

[tables.age_weight]
label = "Weight by age"
unit = "ratio"
rows = [
    { from = 0, value = 1.2, source = "invented" },
    { from = 5, value = 0.6, source = "invented" },
    { from = 65, value = 1.9, source = "invented" },
    { from = 85, up_to = 120, value = 2.45, source = "invented" },
]

[tables.sex_weight]
label = "Weight by sex"
unit = "ratio"
rows = [
    { key = "female", value = 1.1, source = "invented" },
    { key = "male", value = 0.9, source = "invented" },
]

[[steps]]
name = "weight"
label = "Weight of a person"
unit = "ratio"
formula = "band_value(age_weight, age) * lookup(sex_weight, sex)"
"""
PROGRAMS = {
    "gpit.py": """
import sys
from gpit_fairshare.people.population import population
people, weights, engine, out = sys.argv[1:]
population(people=people, weights=weights, engine=engine).frame.write_csv(out)
""",
    "bare_polars.py": """
import sys
import polars
rows = polars.scan_parquet(sys.argv[1] + "/*.parquet")
rows.group_by("practice_code", "age", "sex").len().collect(engine="streaming")
""",
    "bare_duckdb.py": """
import sys
import duckdb
source = f"read_parquet('{sys.argv[1]}/*.parquet')"
duckdb.sql(f"SELECT practice_code, age, sex, count(*) FROM {source} GROUP BY ALL").pl()
""",
}
"""Scripts, because a process without a file makes DuckDB draw a bar of progress."""


def list_sizes() -> np.ndarray:
    """Return the share of all people that each practice has: those of a CCG in equal parts, 8,000 in all."""
    ccgs = pl.read_csv(SAMPLE)["practices", "registered_population"]
    edges = (ccgs["practices"].cum_sum() * PRACTICES / ccgs["practices"].sum()).round().cast(pl.Int64).to_list()
    parts = np.diff([0, *edges])
    shares = np.repeat(ccgs["registered_population"].to_numpy() / parts, parts)
    return shares / shares.sum()


def write_people(folder: Path, rows: int) -> None:
    """Write invented patients to Parquet files, some million in each, so that few are in memory."""
    draw = np.random.default_rng(SEED)
    codes = pl.Series([f"A{number:05}" for number in range(1, PRACTICES + 1)], dtype=pl.Categorical)
    sexes = pl.Series(["female", "male"], dtype=pl.Categorical)
    ages, common = zip(*OF_PYRAMID, strict=True)
    pyramid = np.interp(range(101), ages, common)
    sizes = list_sizes()
    for number, first in enumerate(range(0, rows, FILE_ROWS), 1):
        size = min(FILE_ROWS, rows - first)
        frame = pl.DataFrame(
            {
                "practice_code": codes[draw.choice(PRACTICES, size, p=sizes)].cast(pl.String),
                "age": draw.choice(101, size, p=pyramid / pyramid.sum()).astype(np.uint8),
                "sex": sexes[draw.integers(2, size=size)].cast(pl.String),
            }
        )
        frame.write_parquet(folder / f"people-{number:03}.parquet")


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds that a process takes, and its largest memory in megabytes (a million bytes)."""
    started = perf_counter()
    process = os.posix_spawn(sys.executable, [sys.executable, *command], environment)
    _, status, used = os.wait4(process, 0)
    if status:
        sys.exit(f"exit code {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return perf_counter() - started, used.ru_maxrss * 1024 / 1e6


def main() -> int:
    """Measure, print, and return 0 if all bounds are met, else 1."""
    parser = argparse.ArgumentParser(description="Time and memory to count people and weight them.")
    parser.add_argument("--rows", type=int, default=60_000_000, help="rows to write; the bounds are for 60 million")
    parser.add_argument("--spark", action="store_true", help="run gpit once with Spark on this machine, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people, weights = folder / "people", folder / "weights.toml"
        people.mkdir()
        # A process of its own, because the memory of one that starts others counts as theirs.
        writer = get_context("spawn").Process(target=write_people, args=(people, options.rows))
        writer.start()
        writer.join()
        weights.write_text(WEIGHTS, encoding="utf-8")
        for program, text in PROGRAMS.items():
            (folder / program).write_text(text, encoding="utf-8")
        # Installed packages are compiled once, so let all processes write and use compiled files.
        environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        gpit = [str(folder / "gpit.py"), str(people), str(weights)]
        processes = {
            POLARS: [*gpit, "polars", str(folder / "polars.csv")],
            BARE_POLARS: [str(folder / "bare_polars.py"), str(people)],
            DUCKDB: [*gpit, "duckdb", str(folder / "duckdb.csv")],
            BARE_DUCKDB: [str(folder / "bare_duckdb.py"), str(people)],
        }
        for command in processes.values():
            measure(command, environment)  # compiles what it imports
        rounds = [{title: measure(command, environment) for title, command in processes.items()} for _ in range(ROUNDS)]
        if options.spark:
            processes[SPARK] = [*gpit, "spark", str(folder / "spark.csv")]
            rounds[0][SPARK] = measure(processes[SPARK], environment)
        files = [path.read_bytes() for path in folder.glob("*.csv")]
    seconds = {title: median(entry[title][0] for entry in rounds if title in entry) for title in processes}
    memory = {title: max(entry[title][1] for entry in rounds if title in entry) for title in processes}
    print(f"{options.rows:,} people of {PRACTICES:,} practices")
    for title in processes:
        print(f"{title:12} {seconds[title]:6.1f} s {memory[title]:6.0f} MB")
    missed = []
    for work, base, most in BOUNDS:
        ratio = seconds[work] / seconds[base]
        missed += [f"{work}: {ratio:.2f} x {base}"] if ratio > most else []
        print(f"{work:12} {ratio:6.2f} x {base} (at most {most})")
    missed += [f"{POLARS}: {memory[POLARS]:.0f} MB"] if memory[POLARS] > MOST_MEGABYTES else []
    missed += ["the engines disagree"] if len(set(files)) > 1 else []
    print(f"bounds on counting people: {'MISSED' if missed else 'met'}")
    for bound in missed:
        print(f"missed: {bound}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
