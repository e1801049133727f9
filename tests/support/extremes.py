"""Runs of every command with extreme numbers: schemes, values and inputs drawn by seed.

`python tests/support/extremes.py 1000 1500` tries those seeds and prints each run that ends as none may.
"""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import openpyxl

from gpit_fairshare.cli import _run
from gpit_fairshare.scheme.joining import load

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE, SPEND = "registered_population", "historic_spend"
CODES = ("A", "B", "C", "D")
REFUSED = (1e308, 1.7976931348623157e308, 1e200, 1e51, 5e-324, 2.3e-308, 1e-161, 9e-51)
HELD = (1e50, 1e30, 1e17, 9007199254740993.0, 1e-50, 1e-30, 1e-17, 0.0)
CELLS = (999_999_999_999_999.0, 1e14, 1e-50, 1e-30, 1e-17)
PLAIN = (1.0, 2.0, 1000.0, 0.05, 123456.78, 250_000.0)
FORMULAS = ("registered-population", "registered-population", "unit-rate")
TRANSITIONS = (
    *("none", "transition-fund-application", "annual-loss-cap", "blend-of-old-and-new", "cap-and-scale"),
    *("fixed-taper", "floor-and-ceiling", "floor-damping", "minimum-funding-guarantee", "safety-net-and-levy"),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended."""

    command: tuple[str, ...]
    code: int
    printed: str
    messages: str

    @property
    def fault(self) -> str:
        """The problem with the ending; empty if the ending is allowed."""
        lines = [line for line in self.messages.splitlines() if line.startswith("gpit: ")]
        if self.code not in (0, 1, 2):
            return f"exit code {self.code}: {self.messages[-300:]}"
        if "Traceback" in self.messages:
            return f"a traceback: {self.messages[-300:]}"
        # Problems that these commands find are their answer, not an error message.
        fewest = 0 if self.command[0] in ("check", "library", "test") else 1
        if self.code == 2 and (not fewest <= len(lines) <= 1 or max(map(len, lines), default=0) > 1_000):
            return f"{len(lines)} messages: {self.messages[:300]}"
        if "--json" in self.command:
            try:
                json.loads(self.printed, parse_constant=_refuse)
            except ValueError as fault:
                return f"no JSON document: {fault}"
        return ""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def run(*command: str | Path) -> Ending:
    """Run the command line in this process, for speed, and return how it ended."""
    words = tuple(map(str, command))
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with patch.object(sys, "argv", ["gpit", *words]), redirect_stdout(out), redirect_stderr(err):
        code = _run()
    out.flush()
    printed = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    return Ending(words, code, printed, err.getvalue())


def hard(draw: random.Random, held: tuple[float, ...] = HELD) -> float:
    """Draw a number: mostly plain or extreme, rarely too large, too small or negative."""
    value = draw.choice(draw.choice((PLAIN,) * 24 + (held,) * 15 + (REFUSED,)))
    return -value if draw.random() < 0.03 else value


def people_book(path: Path, rows: list[tuple[Any, ...]], heading: str) -> Path:
    """Write a workbook with one column by organisation; its cells may have any float."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (("org_code", heading), *rows):
        sheet.append(row)
    book.save(path)
    return path


def expression(draw: random.Random, names: list[str], depth: int = 0) -> str:
    """Draw a formula of numbers that uses some names."""
    if depth > 2 or draw.random() < 0.35:
        return draw.choice(names) if draw.random() < 0.6 else f"{abs(hard(draw)):g}"
    left, right = (expression(draw, names, depth + 1) for _ in range(2))
    return draw.choice(
        (
            *(f"({left} {sign} {right})" for sign in "+-**//"),
            f"min({left}, {right})",
            f"max({left}, {right})",
            f"clip({left}, {right}, {right})",
            f"abs({left})",
            f"round({left}, {draw.choice((-9, -2, 0, 2, 9))})",
            f"where({left} > {right}, {left}, {right})",
            f"total({draw.choice(('heads', 'cost'))})",
            f"largest({draw.choice(('heads', 'cost'))})",
        )
    )


def scheme_file(path: Path, draw: random.Random) -> Path:
    """Write a scheme of random steps that finally shares out and rounds a budget."""
    names = ["heads", "cost", "a", "b"]
    steps = [(name, f"{of} / max(total({of}), {hard(draw)!r})") for name, of in (("heads", PEOPLE), ("cost", SPEND))]
    for number in range(draw.randint(0, 3)):
        steps.append((f"s{number}", expression(draw, names)))
        names.append(f"s{number}")
    if draw.random() < 0.7:
        steps.append(("bound", f"budget * {draw.choice(names)} * heads"))
        options = [f", {key}=bound" for key in ("base", "at_least", "at_most") if draw.random() < 0.2]
        steps.append(("part", f"share_out(budget, by={draw.choice(names)}{''.join(options)})"))
    else:
        steps.append(("part", f"budget * {names[-1]} + cost * budget"))
    to = draw.choice(("", "", ", to=0.01", f", to={draw.choice(HELD + REFUSED):g}"))
    steps.append(("allocation", f"rounded(part{to})" if draw.random() < 0.5 else "part * 1"))
    text = f"""
        [scheme]
        name = "hard"
        title = "Numbers that are hard to hold"
        organisation = "place"
        years = {'["2014/15", "2015/16"]' if draw.random() < 0.3 else '["2014/15"]'}
        result = "allocation"
        [parameters.budget]
        label = "Budget"
        unit = "£"
        values.every_year = {{ value = {abs(hard(draw))!r}, assumption = "Drawn." }}
    """
    for name in "ab":
        text += f"""
            [parameters.{name}]
            label = "{name}"
            unit = "ratio"
            values.every_year = {{ value = {hard(draw)!r}, assumption = "Drawn." }}
        """
    for name, formula in steps:
        text += f'[[steps]]\nname = "{name}"\nlabel = "{name.capitalize()}"\nformula = "{formula}"\n'
    path.write_text("\n".join(line.strip() for line in text.splitlines()), "utf-8")
    return path


def endings(seed: int, folder: Path) -> Iterator[Ending]:
    """Draw inputs and a scheme from a seed, and yield how each command ends on them and on its results."""
    draw = random.Random(seed)
    some = {code: abs(hard(draw, CELLS)) for code in CODES}
    spent = {code: abs(hard(draw, CELLS)) for code in CODES}
    people = people_book(folder / "people.xlsx", list(some.items()), PEOPLE)
    spend = people_book(folder / "spend.xlsx", list(spent.items()), SPEND)
    files = ["--population", people, "--spend", spend]
    if draw.random() < 0.5:
        files += ["--scheme", scheme_file(folder / "hard.toml", draw)]
    else:
        chosen = {"formula": draw.choice(FORMULAS), "transition": draw.choice(TRANSITIONS)}
        files += [word for key, name in chosen.items() for word in (f"--{key}", name)]
        parameters = load(scheme="gpit-2014-16", **chosen).parameters
        for name in draw.sample(sorted(parameters), min(len(parameters), draw.randint(1, 2))):
            value = abs(hard(draw))
            files += ["--set", f"{name}={min(value, 0.5) if parameters[name].maximum else value!r}"]
    results = [folder / f"result{ending}" for ending in (".json", ".csv", ".xlsx", ".parquet")]
    outputs = [word for path in results for word in ("-o", path)]
    yield run("check", *files[:4], "--json")
    yield run("explain", "A", *files)
    yield run("allocate", *files, "--json")
    made = run("allocate", *files, *outputs)
    yield made
    if made.code in (0, 1):
        yield run("compare", results[0], results[2], "--json")
        yield run("compare", results[1], results[3])
        yield run("explain", "B", "--result", results[0], "--json")
        yield run("verify", results[2], folder)
        yield run("verify", results[0], folder, "--json")
        forecast = people_book(folder / "forecast.xlsx", list(some.items()), "forecast_outturn")
        yield run("reallocate", "--allocation", results[1], "--forecast", forecast, "--year", "2014/15", "--json")


def main(first: int, last: int) -> int:
    """Try seeds, print endings that are not allowed, and return their number."""
    faults, done = 0, 0
    for seed in range(first, last):
        with tempfile.TemporaryDirectory() as name:
            for ending in endings(seed, Path(name)):
                done += ending.code != 2
                if ending.fault:
                    faults += 1
                    sys.stdout.write(f"{seed} {ending.command[0]} {ending.fault.strip()[-400:]}\n")
    sys.stdout.write(f"{done} runs were done, {faults} ended as none may\n")
    return faults


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:3])), 1))
