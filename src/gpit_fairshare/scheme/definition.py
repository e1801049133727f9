"""A scheme as one table: every step, check and value that its files came to, so that a result can carry its rule.

Whoever has a result has no files any more. `definition` writes down all that decides the result, in the
shape of a scheme file with steps of its own; `defined` makes the same scheme of it again, through the
same checks as a file's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from gpit_fairshare.errors import SchemeError
from gpit_fairshare.scheme.faults import first_of, of_shape, one_line
from gpit_fairshare.scheme.files import Read
from gpit_fairshare.scheme.findings import Faults
from gpit_fairshare.scheme.joining import Joined, complete
from gpit_fairshare.scheme.model import Assumption, Source
from gpit_fairshare.scheme.naming import IN_EVERY_TABLE
from gpit_fairshare.scheme.parts import gather
from gpit_fairshare.scheme.shape import CheckEntry, SchemeFile, StepEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.scheme.model import Parameter, Scheme, Value

_HEAD: Final = ("name", "title", "organisation", "years", "indicative", "formula", "transition", "result")
_PARAMETER: Final = ("name", "label", "unit", "minimum", "maximum", "note")
_STEP: Final = ("name", "label", "unit", "kind", "formula", "note", "non_recurrent", "where")
_INPUT: Final = ("label", "unit", "type", "optional", "of", "signed")
_CHECK: Final = ("name", "formula", "note", "stops", "where")
"""Attributes of the model that are keys of the table, in its order."""


def definition(scheme: Scheme) -> dict[str, Any]:
    """Return a scheme as one table of plain values, ready for JSON; `defined` reads it back.

    Values stand as the files or `--set` wrote them, so that fractions stay exact.
    """
    keys = _source_keys(scheme)
    return {
        **_plain(scheme, *_HEAD, "report_by", "paid_from"),
        "money": asdict(scheme.money),
        "counts": {column: list(words) for column, words in scheme.counts.items()},
        "sources": [{**asdict(source), "key": key} for source, key in keys.items()],
        "parameters": [
            {
                **_plain(parameter, *_PARAMETER),
                "values": {year: _value(value, keys) for year, value in parameter.values.items()},
            }
            for parameter in scheme.parameters.values()
        ],
        "inputs": [
            {
                "name": symbol.name,
                "label": scheme.labels[symbol.name],
                **_plain(symbol, "unit", "type", "optional"),
                # Only where a column has it, so that what other schemes write stays as it was.
                **({"of": symbol.of} if symbol.of else {}),
                **({"signed": True} if symbol.signed else {}),
            }
            for symbol in dict.fromkeys((*scheme.inputs, *scheme.symbols.values()))
            if symbol.role == "input"
        ],
        "steps": [{**_plain(step, *_STEP), "kind": str(step.kind)} for step in scheme.steps],
        "checks": [_plain(check, *_CHECK) for check in scheme.checks],
        "assumptions": [{**asdict(one), "years": list(one.years)} for one in scheme.assumptions],
    }


def _plain(item: object, *names: str) -> dict[str, Any]:
    """Return some attributes by name, tuples as the lists that JSON has."""
    values = {name: getattr(item, name) for name in names}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _source_keys(scheme: Scheme) -> dict[Source, str]:
    """Return every source with a key of its own: two files may give one key to two publications."""
    found = dict.fromkeys(scheme.sources)
    for parameter in scheme.parameters.values():
        found.update(dict.fromkeys(value.source for value in parameter.values.values() if value.source))
    keys: dict[Source, str] = {}
    for source in found:
        key, count = source.key, 2
        while key in keys.values():
            key, count = f"{source.key}-{count}", count + 1
        keys[source] = key
    return keys


def _value(value: Value, keys: Mapping[Source, str]) -> dict[str, Any]:
    upkeep = {key: text for key, text in asdict(value.upkeep).items() if text} if value.upkeep else {}
    origin = {"source": keys[value.source]} if value.source else {"assumption": value.assumption}
    return {"value": value.written, **origin, **upkeep, "overridden": value.overridden}


def defined(table: Mapping[str, Any], files: tuple[tuple[str, str], ...], digest: str, file: str) -> Scheme:
    """Return the scheme that `definition` wrote down, ready to run.

    Args:
        table: What `definition` returned, perhaps through JSON.
        files: Base name and SHA-256 of each file that the scheme was read from at the time.
        digest: The scheme's digest at the time.
        file: What to call the place in messages.

    Raises:
        SchemeError: The table is no scheme, or is not as gpit writes it.
    """
    try:
        data = _as_file(table)
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise SchemeError(f"{file}: the scheme in it is not as gpit writes it ({one_line(fault)})") from None
    try:
        model = SchemeFile.model_validate(data)
    except ValidationError as fault:
        raise SchemeError(f"{file}: the scheme in it: {first_of(of_shape(fault, data, SchemeFile))}") from None
    sources = {one["key"]: Source(**one) for one in table["sources"]}
    read = Read(file, digest, None, model, sources)
    raised = Faults()
    joined = Joined(read, table["formula"], table["transition"], paid_from=table["paid_from"])
    joined.draft.add(gather(read, raised), raised)
    complete(joined, raised)
    scheme = joined.scheme
    if scheme is None:  # pragma: no cover - whatever there is no scheme for was raised
        raise SchemeError(f"{file}: the scheme in it cannot be read")
    places = {one["name"]: str(one["where"]) for one in (*table["steps"], *table["checks"])}
    return replace(
        scheme,
        steps=tuple(replace(one, where=places[one.name]) for one in scheme.steps),
        checks=tuple(replace(one, where=places[one.name]) for one in scheme.checks),
        parameters={
            one["name"]: _overridden(scheme.parameters[one["name"]], one["values"]) for one in table["parameters"]
        },
        counts={column: tuple(words) for column, words in table["counts"].items()},
        # What one file alone cannot say: which file decided, and which steps came from a transition.
        money=replace(
            scheme.money,
            new_money=tuple(table["money"]["new_money"]),
            whole_amounts=tuple(table["money"]["whole_amounts"]),
            file=str(table["money"]["file"]),
        )
        if "money" in table
        else scheme.money,
        assumptions=tuple(Assumption(**{**one, "years": tuple(one["years"])}) for one in table["assumptions"]),
        sources=tuple(sources.values()),
        digest=digest,
        files=files,
    )


def _as_file(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table as a scheme file would have it."""
    head = _some(table, *(key for key in _HEAD if key not in ("formula", "transition")))
    head |= {key: table[key] for key in ("report_by", "paid_from") if table[key]}
    return {
        "scheme": {**head, "sources": [source["key"] for source in table["sources"]]},
        "sources": {
            source["key"]: _some(source, "title", "publisher", "url", "note") | _dated(source)
            for source in table["sources"]
        },
        "parameters": {
            parameter["name"]: {
                **_some(parameter, "label", "unit", "note"),
                **{key: parameter[key] for key in ("minimum", "maximum") if parameter[key]},
                "values": {
                    year: {key: text for key, text in value.items() if key != "overridden"} | _dated(value)
                    for year, value in parameter["values"].items()
                },
            }
            for parameter in table["parameters"]
        },
        "inputs": {
            column["name"]: {key: column[key] for key in _INPUT if key in column}
            for column in table["inputs"]
            if column["name"] not in IN_EVERY_TABLE
        },
        "steps": [_some(step, *StepEntry.model_fields) for step in table["steps"]],
        "checks": [_some(check, *CheckEntry.model_fields) for check in table["checks"]],
        **_money(table),
    }


def _some(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: entry[key] for key in keys}


def _money(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table `[money]` of a file; nothing where none stated it."""
    money = table.get("money", {})
    if not money.get("stated"):
        return {}
    return {"money": {"in": money["money_in"], "out_of": money["taken_away"], "unspent": money["unspent"]}}


def _dated(entry: Mapping[str, Any]) -> dict[str, dt.date]:
    """Return the date of an entry as a scheme file has it; nothing where it has none."""
    return {"date": dt.date.fromisoformat(entry["date"])} if entry.get("date") else {}


def _overridden(parameter: Parameter, values: Mapping[str, Any]) -> Parameter:
    marked = {
        year: replace(value, overridden=True, upkeep=None) if values[year]["overridden"] else value
        for year, value in parameter.values.items()
    }
    return replace(parameter, values=marked)
