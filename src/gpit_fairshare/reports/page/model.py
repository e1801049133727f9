"""Result → what the page calculates with: the functions of its formulas, and the model and inputs as data.

`scripts/engine.js` reads both. Data has only what can be written as JSON; names of a scheme are never keys, because a
step may be called `constructor`.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gpit_fairshare.engine.organisation_years import predecessors
from gpit_fairshare.engine.year import cells_text, shown_values
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import AGGREGATES
from gpit_fairshare.language.in_javascript import row_function
from gpit_fairshare.language.kinds import NATIONAL, ORGANISATION, Kind, kind_of
from gpit_fairshare.language.plugin_functions import added_functions, partial_functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gpit_fairshare.engine import Result
    from gpit_fairshare.scheme.model import Check, Outcome, Parameter, Part, Scheme, Step


class PageModel(NamedTuple):
    """What a page calculates with."""

    formulas: str
    """A script that defines `FORMULAS`; empty if the rule has functions of plug-ins, which a page cannot calculate."""
    data: dict[str, Any]
    """For JSON: `model` and `years`."""


def page_model(result: Result) -> PageModel:
    """Return the model and the inputs of a run for its page."""
    scheme, plugins = result.scheme, functions_of_plugins(result.scheme)
    aggregates = ", ".join(f"{name}: {function.javascript}" for name, function in AGGREGATES.items())
    groups = (  # not yet: functions of plug-ins have no JavaScript
        f"{name}: [{','.join(f'{chr(10)}{{{_functions(part)}}}' for part in kind)}]"
        for name, kind in (("steps", scheme.steps), ("checks", scheme.checks), ("outcomes", scheme.outcomes))
    )
    return PageModel(
        "" if plugins else f"const FORMULAS = {{aggregates: {{{aggregates}}}, {', '.join(groups)}}};",
        {"model": {**_model(scheme), "plugins": plugins}, "years": [*_years(result)]},
    )


def functions_of_plugins(scheme: Scheme) -> list[str]:
    """Return the functions of plug-ins that a scheme uses, each once; a page has no JavaScript for them."""
    parts: tuple[Part, ...] = (*scheme.steps, *scheme.checks, *scheme.outcomes)
    return list(dict.fromkeys(str(function) for part in parts for function in added_functions(part.tree)))


def as_json(data: object) -> str:
    """Return data as JSON that can be in a page: no text of it begins a tag."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False).replace("<", r"\u003c")


# Formulas --------------------------------------------------------------------------------------------------------


def _functions(part: Part) -> str:
    """Return the functions of a formula as fields of a JavaScript object: `first`, and `later` if that differs."""
    if isinstance(part.tree, tree.Kernel):
        return ""
    fields = [f"first: {row_function(part.tree, first_year=True)}"]
    if any(isinstance(node, tree.Previous) for node in tree.walk(part.tree)):
        fields.append(f"later: {row_function(part.tree, first_year=False)}")
    return ", ".join(fields)


# The model -------------------------------------------------------------------------------------------------------


def _model(scheme: Scheme) -> dict[str, Any]:
    """Return everything about a scheme that does not depend on a year's inputs."""
    symbols, money = scheme.symbols, scheme.money
    tables = [symbol.table for symbol in symbols.values() if symbol.table is not None]
    return {
        "name": scheme.name,
        "organisation": scheme.organisation,
        "years": list(scheme.years),
        "result": scheme.result,
        "unit": symbols[scheme.result].unit,
        "reportBy": scheme.report_by,
        "indicative": list(scheme.indicative),
        "labels": [[name, label] for name, label in scheme.labels.items()],
        "units": [[name, symbol.unit] for name, symbol in symbols.items()],
        "parameters": [_parameter(parameter) for parameter in scheme.parameters.values()],
        "tables": [
            {
                "name": table.name,
                "keys": list(table.keys),
                "end": table.end,
                "hasOtherwise": table.has_otherwise,
                "rows": list(table.rows),
            }
            for table in tables
        ],
        "steps": [_step(scheme, step) for step in scheme.steps],
        "checks": [_check(scheme, check, number) for number, check in enumerate(scheme.checks)],
        "outcomes": [_outcome(scheme, outcome) for outcome in scheme.outcomes],
        "moneyIn": list(money.money_in),
        "takenAway": list(money.taken_away),
        "unspent": list(money.unspent),
        "newMoney": list(money.new_money),
        "wholeAmounts": list(money.whole_amounts),
        "moneyStated": money.stated,
        "paidFrom": scheme.paid_from,
    }


def _kind(kind: Kind) -> str:
    """Return a kind as the page writes it."""
    return f"by {kind.column}" if kind.column else kind.level


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter with its bounds as written and its values by year, each as a number and as written."""
    return {
        "name": parameter.name,
        "label": parameter.label,
        "unit": parameter.unit,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "values": [[year, value.value, value.as_written] for year, value in parameter.values.items()],
    }


def _step(scheme: Scheme, step: Step) -> dict[str, Any]:
    """Return a step: what it is called, its kernel or what its formula uses."""
    return {
        **_uses(scheme, step),
        "name": step.name,
        "label": step.label,
        "unit": step.unit,
        "kind": _kind(step.kind),
        "type": step.type,
        "formula": step.formula,
        "kernel": _kernel(step.tree),
    }


def _check(scheme: Scheme, check: Check, number: int) -> dict[str, Any]:
    """Return a check; `number` is its place among the checks."""
    return {
        **_uses(scheme, check),
        "number": number,
        "name": check.name,
        "kind": _kind(kind_of(check.tree, scheme.symbols)),
        "formula": check.formula,
        "note": check.note,
        "stops": check.stops,
    }


def _outcome(scheme: Scheme, outcome: Outcome) -> dict[str, Any]:
    """Return an outcome of the rule."""
    return {**_uses(scheme, outcome), "label": outcome.label, "formula": outcome.formula}


def _uses(scheme: Scheme, part: Part) -> dict[str, Any]:
    """Return what a formula needs besides the columns of its names, and what its messages say."""
    nodes = [*tree.walk(part.tree)]
    return {
        "where": part.where,
        "text": tree.to_text(part.tree),
        "aggregates": [
            {"text": tree.to_text(node), "function": node.function, "of": node.of, "within": node.within}
            for node in nodes
            if isinstance(node, tree.AggregateCall)
        ],
        "rates": [
            {
                "text": tree.to_text(node),
                "step": node.step,
                "kind": _kind(scheme.symbols[node.step].rate_kind or NATIONAL),
            }
            for node in nodes
            if isinstance(node, tree.RateOf)
        ],
        "lookups": [
            {"text": tree.to_text(node), "function": node.function, "table": node.table, "of": node.of}
            for node in nodes
            if isinstance(node, tree.TableCall)
        ],
        "previous": [node.of for node in nodes if isinstance(node, tree.Previous)],
        "shown": [*shown_values(part.tree, scheme.symbols)],
        "partial": partial_functions(part.tree),
    }


def _kernel(expression: tree.Expression) -> dict[str, Any] | None:
    """Return a kernel with its arguments as names or numbers; None for a formula."""

    def leaf(argument: tree.Name | tree.Number | None) -> str | float | None:
        return argument.value if isinstance(argument, tree.Number) else argument.name if argument else None

    match expression:
        case tree.ShareOut(amount, by, base, at_least, at_most, within):
            bounds = {"by": by, "base": base, "atLeast": at_least, "atMost": at_most}
            leaves = {"amount": amount, **bounds}
            texts = {name: tree.to_text(argument) if argument else "" for name, argument in leaves.items()}
            arguments = {name: leaf(argument) for name, argument in leaves.items()}
            return {"function": "share_out", "within": within, **arguments, "texts": texts}
        case tree.Rounded(of, to, within):
            ratio = [str(part) for part in Fraction(str(to)).as_integer_ratio()]
            return {"function": "rounded", "of": of.name, "to": ratio, "within": within}
        case tree.Rank(of, within):
            return {"function": "rank", "of": of.name, "within": within}
        case tree.RunningTotal(of, by, within):
            return {"function": "running_total", "of": of.name, "by": by.name, "within": within}
        case _:
            return None


# Inputs by year --------------------------------------------------------------------------------------------------

_SAME: Final = "same"
"""In place of a list that is that of the year before."""


def _years(result: Result) -> Iterator[dict[str, Any]]:
    """Yield the inputs of each year: codes, names, columns, groups, and rows of the year before by organisation.

    What is as in the year before is written as `same`.
    """
    before: dict[str, Any] = {}
    for year, columns in result.years.items():
        frame = columns.organisations
        names = [symbol.name for symbol in result.scheme.inputs]
        names += [name for name in [result.scheme.report_by] if name and name in frame.columns and name not in names]
        row_of = {code: row for row, code in enumerate(before.get("codes", ()))}
        codes_before = predecessors(result, year)
        now = {
            "year": year,
            "codes": columns.codes(),
            "names": [name or "" for name in frame["org_name"].to_list()],
            "columns": [[name, frame[name].to_list()] for name in names],
            "groups": [
                {"column": column, "labels": labels, "members": columns.membership[column]}
                for column, labels in columns.labels.items()
            ],
            "predecessors": [[row_of[code] for code in codes_before.get(code, ())] for code in columns.codes()]
            if before
            else None,
            "cells": [*_cells(result, year, columns.codes())],
        }
        yield _without_repeats(now, before)
        before = now


def _without_repeats(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a year with `same` in place of what is as in the year before; of columns one by one."""
    if not before:
        return dict(now)
    old = dict(before["columns"])
    columns = [[name, _SAME if old.get(name) == values else values] for name, values in now["columns"]]
    same = {key: _SAME for key in ("codes", "names", "groups") if now[key] == before[key]}
    identity = [[row] for row in range(len(now["codes"]))]
    if now["predecessors"] == identity:
        same["predecessors"] = _SAME
    return {**now, "columns": columns, **same}


def _cells(result: Result, year: str, codes: Iterable[str]) -> Iterator[list[str] | None]:
    """Yield for each check that stops a run the cells that it uses, by organisation, as its message names them."""
    symbols = result.scheme.symbols
    for check in result.scheme.checks:
        if not check.stops or kind_of(check.tree, symbols) != ORGANISATION:
            yield None
            continue
        yield [cells_text(result.inputs, check.tree, year, code) for code in codes]
