"""Time of a run with a crosswalk, as a multiple of the same run without one.

67 rows of splits that join again; 1,000 such rows; and a chain of 3,000 successions. All are measured in turn in one
run, and medians are compared, because seconds depend on the machine. Exit code 1 if a limit is missed.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from gpit_fairshare import allocate

ROUNDS = 5
MOST_OF_A_PLAIN_RUN = 1.5
"""Limit for a run with 67 rows."""
MOST_SECONDS = 3.0
"""Limit for 1,000 rows and the chain together."""
Row = tuple[str, str, date, str]


def diamonds(rows: int) -> list[Row]:
    """Return splits that join again, four rows each: each half of D0 goes into D1 on the next day, and so on."""
    splits: list[Row] = []
    for number in range(-(-rows // 4)):
        day = date(1990, 1, 1) + timedelta(days=2 * number)
        splits += [(f"D{number}", f"{part}{number}", day, "1/2") for part in "BC"]
        splits += [(f"{part}{number}", f"D{number + 1}", day + timedelta(days=1), "1") for part in "BC"]
    return splits[:rows]


def chain(rows: int) -> list[Row]:
    """Return a chain of successions, one a day."""
    days = (date(1990, 1, 1) + timedelta(days=number) for number in range(rows))
    return [(f"D{number}", f"D{number + 1}", day, "1") for number, day in enumerate(days)]


def main() -> int:
    """Measure, print, and return 0 if all limits are met, else 1."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        codes = ("D0", *(f"X{number}" for number in range(200)))
        for column in ("registered_population", "historic_spend"):
            (folder / column).with_suffix(".csv").write_text(
                "\n".join([f"org_code,{column}", *(f"{code},1000" for code in codes)]), "utf-8"
            )
        walks = {"no crosswalk": [], "67 rows": diamonds(67), "1,000 rows": diamonds(1_000), "chain": chain(3_000)}
        times: dict[str, list[float]] = {walk: [] for walk in walks}
        for _ in range(ROUNDS):
            for walk, rows in walks.items():
                file = folder / "walk.csv"
                unchanged = [(code, code, date(1990, 1, 1), "1") for code in codes[1:]]
                lines = [",".join(map(str, row)) for row in (*rows, *unchanged)]
                file.write_text("\n".join(["org_code,successor_code,effective_date,fraction", *lines]), "utf-8")
                started = perf_counter()
                allocate(
                    population=folder / "registered_population.csv",
                    spend=folder / "historic_spend.csv",
                    crosswalk=file if rows else None,
                    boundaries="2014/15" if rows else None,
                )
                times[walk].append(perf_counter() - started)
    medians = {walk: median(seconds) for walk, seconds in times.items()}
    for walk, seconds in medians.items():
        print(
            f"{walk:15} {seconds * 1000:8.0f} ms {seconds / medians['no crosswalk']:6.2f} x a run without a crosswalk"
        )
    holds = medians["67 rows"] <= MOST_OF_A_PLAIN_RUN * medians["no crosswalk"]
    holds &= medians["1,000 rows"] + medians["chain"] <= MOST_SECONDS
    verdict = "met" if holds else "MISSED"
    print(f"limits, {MOST_OF_A_PLAIN_RUN} x for 67 rows and {MOST_SECONDS} s for the two others: {verdict}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
