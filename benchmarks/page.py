"""The page of a run: its size, the time to write it, the time until something is shown, and the time of a move.

Writing is a multiple of writing the JSON document of the same run, both as processes, in turn in one run, with the
drawing library in the cache. A move is a slider of the what-if that is moved while it is in the window, until every
figure is calculated again and all that is in the window is drawn; the table and the charts outside it are drawn once
moves pause. Medians; exit code 1 if a limit on size or writing is missed. Milliseconds depend on the machine, so a
move above its goal is only reported.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import opened  # noqa: E402  # in the folder of the tests' helpers

ROUNDS = 7
MOVES = 15
PRACTICES = 8_000
MOST_OF_JSON = 2.0
LIMITS = {"England": (3_000_000, 50.0), "practices": (12_000_000, 2_000.0)}
"""Bytes of the page, and the goal of a move in milliseconds."""
MOVE = """async (part) => {
  const slider = document.querySelector(".setting-control input[type=range]");
  slider.scrollIntoView();
  const [low, high] = [Number(slider.min), Number(slider.max)];
  await new Promise((resolve) => setTimeout(resolve, 700));
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  slider.value = low + (high - low) * part;
  const before = performance.now();
  slider.dispatchEvent(new Event("input"));
  await frame();  // calculates, and draws the figures
  await frame();  // draws the charts
  await new Promise((resolve) => setTimeout(resolve, 0));
  return performance.now() - before;
}"""


def seconds(*arguments: str | Path) -> float:
    """Return the seconds that `gpit allocate` takes with these options."""
    command = [sys.executable, "-m", "gpit_fairshare", "allocate", "--quiet", *map(str, arguments)]
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own command
    return perf_counter() - started


def practices(folder: Path) -> Path:
    """Write a file of invented practices with spend, and return its path."""
    draw = random.Random(20)
    rows = [
        f"A{number:05},Practice {number},{draw.randint(500, 20_000)},{draw.randint(500, 34_000)}"
        for number in range(PRACTICES)
    ]
    path = folder / "practices.csv"
    path.write_text("\n".join(["org_code,org_name,registered_population,historic_spend", *rows]), encoding="utf-8")
    return path


def main() -> int:
    """Measure, print, and return 0 if all limits are met, else 1."""
    missed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = {"England": ["--sample"], "practices": ["--population", practices(folder)]}
        for title, arguments in options.items():
            page, document = folder / f"{title}.html", folder / f"{title}.json"
            seconds(*arguments, "-o", page)  # fills the cache
            rounds = [(seconds(*arguments, "-o", page), seconds(*arguments, "-o", document)) for _ in range(ROUNDS)]
            written, beside = (median(times) for times in zip(*rounds, strict=True))
            with opened(page) as browser:
                browser.wait_for_function("document.documentElement.classList.contains('js')")
                paint = browser.evaluate("performance.getEntriesByType('paint').at(-1).startTime")
                ready = browser.evaluate("performance.now()")
                moves = [browser.evaluate(MOVE, (move + 1) / (MOVES + 1)) for move in range(MOVES)]
            size, (most, longest) = page.stat().st_size, LIMITS[title]
            print(
                f"{title:10} {size / 1e6:.2f} MB; written in {written:.2f} s, {written / beside:.2f} x -o out.json; "
                f"first paint {paint:.0f} ms, ready within {ready:.0f} ms; "
                f"a move {median(moves):.0f} ms ({min(moves):.0f} to {max(moves):.0f})"
            )
            missed += [f"{title}: size"] if size > most else []
            if median(moves) >= longest:
                print(f"{title}: a move is above its goal of {longest:.0f} ms")
            missed += [f"{title}: writing"] if title == "England" and written > MOST_OF_JSON * beside else []
    print(f"limits on the page: {'MISSED' if missed else 'met'}")
    for limit in missed:
        print(f"missed: {limit}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
