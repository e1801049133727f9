"""The folder of `gpit init` for a transition, an organisation or years that the user names: its templates, filled in.

The formula is that of the scheme `fair-share`. Each value is a plain number, an example or its default, so that the
scheme is a draft. Expected figures of the first case come from a run of the folder.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.allocation import allocate
from gpit_fairshare.errors import UsageError
from gpit_fairshare.scheme.faults import Faults
from gpit_fairshare.scheme.joining import Joined, join, load
from gpit_fairshare.scheme.library import library_names
from gpit_fairshare.scheme.model import table_of
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.templates.workbooks import POPULATION, Template, TemplateColumn, workbook
from gpit_fairshare.words import nearest, one_line, parse_year, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.language.kinds import Symbol

_STANDARD: Final = frozenset((*(column.name for column in POPULATION.columns), "historic_spend"))
_EXAMPLES: Final = {"£": 100_000, "£ per head": 2, "people": 100_000, "%": 0.02}
"""A figure of a further column that a rule needs, by unit; in any other unit it is 1."""
_VALUES_BEGIN: Final = "# The transition may also be"
_SPEND_BEGIN: Final = "# The lines of spend.xlsx"
_SPEND_SOURCE: Final = 'source = "worked-example"'
_DRAFTS: Final = """\
# Plain numbers are drafts: every result says DRAFT until each has its source, or an assumption, such as
#   revenue_budget = { value = 2_300_000, assumption = "As agreed by the board in May." }
# A value here is that of every year; a table [values.NAME] has one for each year.
[values]
"""
_SPEND_ASSUMED: Final = 'assumption = "An example: committed revenue cost of every category."\n'


def filled_in(
    templates: Mapping[str, bytes], transition: str, organisation: str, years: Sequence[str]
) -> dict[str, bytes]:
    """Return the contents of the folder's files, by name, with the choices of the user in place of the examples.

    What is empty stays as in the templates; without a transition every allocation is the fair share.

    Raises:
        UsageError: There is no such transition, or a parameter of it has neither default nor example.
    """
    years = [parse_year(year) or year for year in years]
    transition, names = transition or "none", library_names("transition")
    if transition not in names:
        hint = nearest(transition, names)
        raise UsageError(f"--transition {one_line(transition)}: not in the library{hint}; it has {', '.join(names)}")
    joined = join("fair-share", Faults(), transition=transition)
    values = {name: _first_value(joined, name) for name in joined.draft.parameters if not table_of(name)}
    settings = [Setting(name, None, str(value)) for name, value in values.items()]
    if years:  # refused here rather than in the scheme that is written
        load("fair-share", transition=transition, years=years, settings=settings)
    inputs = joined.scheme.inputs if joined.scheme else ()
    columns = [_column(symbol, joined) for symbol in inputs if symbol.name not in _STANDARD]
    cells = [_example(symbol) for symbol in inputs if symbol.name not in _STANDARD]
    head = {
        "title": f"Fair shares of four example {plural(organisation or 'organisation')}",
        "organisation": organisation,
        "years": list(years),
        "formula": "registered-population",
        "transition": transition,
    }
    files = {name: data for name, data in templates.items() if name != "my-formula.toml"}
    files["scheme.toml"] = _scheme(files["scheme.toml"].decode(), head, _value_lines(joined, values)).encode()
    files["population.xlsx"] = workbook(_with_columns(POPULATION, columns, cells))
    files["cases/first-case-population.csv"] = _with_cells(files["cases/first-case-population.csv"], columns, cells)
    return {
        **files,
        "cases/first-case.toml": files["cases/first-case.toml"] + _run_and_expected(files, values).encode(),
    }


def _first_value(joined: Joined, name: str) -> int | float | str:
    """Return the value of a parameter with which a scheme starts: its example, or else its default.

    Raises:
        UsageError: It has neither.
    """
    entry, read = joined.draft.parameters[name]
    value = entry.example_ if entry.example_ is not None or not entry.default else entry.default.value
    if value is None:
        raise UsageError(f"{read.file}: parameters › {name}: there is neither default nor example; add example = 5")
    return value


def _toml(value: Any) -> str:
    """Return a text, a number or a list of texts as TOML."""
    return f"{value:_}" if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _value_lines(joined: Joined, values: Mapping[str, Any]) -> str:
    """Return the values as lines of a table of TOML, each with its label and unit as a comment."""
    lines = []
    for name, value in values.items():
        entry, _ = joined.draft.parameters[name]
        lines.append(f"{name} = {_toml(value)}  # {entry.label}{f', {entry.unit}' if entry.unit else ''}\n")
    return "".join(lines)


def _scheme(text: str, head: Mapping[str, Any], value_lines: str) -> str:
    """Return the template of the scheme with other keys in its head, where they are not empty, and other values."""
    start, _, after = text.partition(_VALUES_BEGIN)
    for key, value in head.items():
        if value:
            line = re.search(rf'^{key} = ("[^"]*"|\[[^\]]*\]) *', start, re.MULTILINE)
            assert line, key  # the template has every key  # noqa: S101
            gap = " " * line[0].endswith(" ")  # before a comment, which stays in its column
            filled = f"{key} = {_toml(value)}{gap}"
            start = start.replace(line[0], filled.ljust(len(line[0])) if gap else filled, 1)
    spend = after.partition(_SPEND_BEGIN)[2].partition(_SPEND_SOURCE)[0]
    return f"{start}{_DRAFTS}{value_lines}\n{_SPEND_BEGIN}{spend}{_SPEND_ASSUMED}"


def _column(symbol: Symbol, joined: Joined) -> TemplateColumn:
    """Return the column of the population for a further input of a transition."""
    entry = joined.draft.inputs[symbol.name][0]
    holds = (
        f"{(entry.label or symbol.name.replace('_', ' ')).strip('.')}. {'Optional' if symbol.optional else 'Required'}."
    )
    if symbol.type == "text":
        return TemplateColumn(symbol.name, 26, holds, "A text on one line, such as yes or no.")
    return TemplateColumn(symbol.name, 20, holds, "A number, with no text.", kind="number")


def _example(symbol: Symbol) -> str | float:
    """Return the cell of a further input: empty if it may be, or else an example."""
    if symbol.optional:
        return ""
    return "yes" if symbol.type == "text" else _EXAMPLES.get(symbol.unit or "", 1)


def _with_columns(template: Template, columns: list[TemplateColumn], cells: list[str | float]) -> Template:
    """Return a template with further columns on the right, and the same cells in every row."""
    rows = tuple((*row, *cells) for row in template.rows)
    return replace(template, columns=(*template.columns, *columns), rows=rows)


def _with_cells(table: bytes, columns: list[TemplateColumn], cells: list[str | float]) -> bytes:
    """Return a CSV table with further columns on the right, and the same cells in every row."""
    heading, *rows = table.decode().splitlines()
    names = [column.name for column in columns]
    lines = [",".join([heading, *names]), *(",".join([row, *map(str, cells)]) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def _run_and_expected(files: Mapping[str, bytes], values: Mapping[str, Any]) -> str:
    """Return the settings of the first case, and what the folder gives for its inputs, which is what it expects."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cases").mkdir()
        for file, data in files.items():
            (folder / file).write_bytes(data)
        result = allocate(
            population=folder / "cases/first-case-population.csv",
            spend=folder / "cases/first-case-spend.csv",
            scheme=folder / "scheme.toml",
            with_effects=False,
        )
    lines = [
        f"years = {_toml(list(result.years))}",
        "\n[run.set]",
        *(f"{name} = {_toml(value)}" for name, value in values.items()),
    ]
    for year in result.years:
        lines += ["", f'[expected."{year}"]']
        for row in result.year(year).iter_rows(named=True):
            amounts = [(key, row[key]) for key in ("fair_share", "allocation")]
            figures = (f"{key} = {_toml(int(amount) if amount.is_integer() else amount)}" for key, amount in amounts)
            lines.append(f"{row['org_code']} = {{ {', '.join(figures)} }}")
    return "\n".join([*lines, ""])
