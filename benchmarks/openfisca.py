"""OpenFisca-core with the same rule: two processes, from import to a written CSV file, in turn.

The rule needs no total, because OpenFisca calculates for each organisation on its own: `unit-rate` gives the fair
share, `icb-convergence` moves towards it year by year. other_tools/openfisca_model.py has every step of both as a
variable, in one simulation with arrays, and writes the same columns. It reads the same files and checks nothing; gpit
also checks inputs and results, moves each assumption, and prints a screen. Two processes show where the time goes: gpit
from Python without the effects of assumptions, and importing the libraries of the command alone.

OpenFisca-core is installed from PyPI in a virtual environment of its own; `openfisca.py PYTHON` takes a Python that has
it. Exit code 1 if that fails, if an allocation differs, or if gpit is not faster.
"""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "benchmarks" / "other_tools" / "openfisca_model.py"
PACKAGE = "openfisca-core==46.*"
ROUNDS, MOST = 9, 1.0
YEARS = ("2014/15", "2015/16")
SAMPLE, PRACTICES = "211 CCGs", "8,000 practices"
COMMAND, CALL, OPENFISCA, LIBRARIES = "gpit allocate", "gpit from Python", "OpenFisca-core", "libraries of gpit"
FROM_PYTHON = """
import sys
from gpit_fairshare import allocate
population, spend, out, *years = sys.argv[1:]
rule = {"scheme": "fair-share", "formula": "unit-rate", "transition": "icb-convergence"}
allocate(population=population, spend=spend, years=years, with_effects=False, **rule).write(out)
"""


def practices(folder: Path, number: int) -> tuple[str, str]:
    """Write the files of invented practices, patients and lines of spend, and return their paths."""
    draw = random.Random(20)
    population, spend = ["org_code,org_name,registered_population"], ["org_code,category,cost_type,committed,amount"]
    for place in range(number):
        population += [f"A{place:06},Practice {place},{draw.randint(500, 20_000)}"]
        spend += [f"A{place:06},core,revenue,yes,{draw.randint(500, 34_000)}"]
    paths = folder / "population.csv", folder / "spend.csv"
    for path, lines in zip(paths, (population, spend), strict=True):
        path.write_text("\n".join(lines), encoding="utf-8")
    return str(paths[0]), str(paths[1])


def installed(folder: Path) -> str:
    """Return a Python with OpenFisca-core, in a new virtual environment.

    Raises:
        CalledProcessError: pip cannot install it.
    """
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python = str(environment / ("Scripts" if os.name == "nt" else "bin") / "python")
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", PACKAGE]
    subprocess.run(command, check=True)  # noqa: S603  # our own command
    return python


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return the seconds that a process takes."""
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603  # our own commands
    return perf_counter() - started


def rows(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows of a result by year and code."""
    with path.open(encoding="utf-8", newline="") as file:
        return {(row["year"], row["org_code"]): row for row in csv.DictReader(file)}


def compare(result: Path, model: Path) -> tuple[str, bool]:
    """Return in words how figures of gpit and OpenFisca differ, and whether rows and allocations are the same."""
    result_rows, model_rows = rows(result), rows(model)
    if result_rows.keys() != model_rows.keys():
        return f"{len(result_rows)} rows of gpit are not the {len(model_rows)} of OpenFisca", False
    steps = [column for column in next(iter(model_rows.values())) if column not in ("year", "org_code", "org_name")]
    largest, differing = dict.fromkeys(steps, 0.0), 0
    for key, row in model_rows.items():
        for step in steps:
            figure = float(result_rows[key][step])
            largest[step] = max(largest[step], abs(float(row[step]) - figure) / max(1.0, abs(figure)))
        differing += float(result_rows[key]["allocation"]) != float(row["allocation"])
    step = max(largest, key=largest.__getitem__)
    words = f"{differing} of {len(result_rows)} allocations differ"
    return f"{words}; largest difference of a figure {largest[step]:.0e} ({step})", differing == 0


def measure(python: str, files: tuple[str, str], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Return the median seconds of each process; the results are gpit.csv and openfisca.csv in the folder."""
    years = [argument for year in YEARS for argument in ("--years", year)]
    rule = ["--scheme", "fair-share", "--formula", "unit-rate", "--transition", "icb-convergence", *years]
    inputs = ["--population", files[0], "--spend", files[1]]
    result, call, model = (str(folder / f"{name}.csv") for name in ("gpit", "call", "openfisca"))
    processes = {
        COMMAND: [sys.executable, "-m", "gpit_fairshare", "allocate", *inputs, *rule, "-o", result],
        CALL: [sys.executable, "-c", FROM_PYTHON, *files, call, *YEARS],
        OPENFISCA: [python, str(MODEL), *files, model],
        LIBRARIES: [sys.executable, "-c", "import typer, rich, pydantic, polars"],
    }
    for command in processes.values():
        seconds(command, environment)  # compiles what it imports
    times = [{name: seconds(command, environment) for name, command in processes.items()} for _ in range(ROUNDS)]
    return {name: median(entry[name] for entry in times) for name in processes}


def main() -> int:
    """Measure, compare, print, and return 0 if gpit is faster with the same allocations, else 1."""
    missed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            python = sys.argv[1] if sys.argv[1:] else installed(folder)
        except subprocess.CalledProcessError as error:
            print(f"pip could not install {PACKAGE} from PyPI (exit code {error.returncode}): nothing is measured")
            return 1
        # Installed packages are compiled once, so let all processes write and use compiled files.
        environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        samples = ROOT / "data" / "samples"
        sample = str(samples / "england-2014-15-population.csv"), str(samples / "england-2014-15-spend.csv")
        for title, files in ((SAMPLE, sample), (PRACTICES, practices(folder, 8_000))):
            medians = measure(python, files, folder, environment)
            for process, time in medians.items():
                limit = f" (below {MOST})" if process == COMMAND else ""
                ratio = time / medians[OPENFISCA]
                print(f"{title:16} {process:18} {time * 1000:8.0f} ms {ratio:6.2f} x {OPENFISCA}{limit}", flush=True)
            ratio = medians[COMMAND] / medians[OPENFISCA]
            missed += [f"{title}: {COMMAND} takes {ratio:.2f} x {OPENFISCA}"] if ratio >= MOST else []
            words, is_same = compare(folder / "gpit.csv", folder / "openfisca.csv")
            print(f"{title:16} {words}", flush=True)
            missed += [] if is_same else [f"{title}: {words}"]
    print(f"gpit faster than OpenFisca, with the same allocations: {'MISSED' if missed else 'met'}")
    for bound in missed:
        print(f"missed: {bound}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
