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
from gpit_fairshare.scheme.shape import SchemeFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.scheme.model import Parameter, Scheme, Value

_UPKEEP: Final = ("owner", "date", "quality", "impact")


def definition(scheme: Scheme) -> dict[str, Any]:
    """Return a scheme as one table of plain values, ready for JSON; `defined` reads it back.

    Values stand as the files or `--set` wrote them, so that fractions stay exact.
    """
    keys = _source_keys(scheme)
    return {
        "name": scheme.name,
        "title": scheme.title,
        "organisation": scheme.organisation,
        "years": list(scheme.years),
        "indicative": list(scheme.indicative),
        "formula": scheme.formula,
        "transition": scheme.transition,
        "result": scheme.result,
        "report_by": scheme.report_by,
        "paid_from": scheme.paid_from,
        "money": asdict(scheme.money),
        "counts": {column: list(words) for column, words in scheme.counts.items()},
        "sources": [
            {
                "key": keys[source],
                "title": source.title,
                "publisher": source.publisher,
                "url": source.url,
                "date": source.date,
                "note": source.note,
            }
            for source in keys
        ],
        "parameters": [_parameter(one, keys) for one in scheme.parameters.values()],
        "inputs": [
            {
                "name": one.name,
                "label": scheme.labels[one.name],
                "unit": one.unit,
                "type": one.type,
                "optional": one.optional,
                # Only where a column has it, so that what other schemes write stays as it was.
                **({"of": one.of} if one.of else {}),
                **({"signed": True} if one.signed else {}),
            }
            for one in dict.fromkeys((*scheme.inputs, *scheme.symbols.values()))
            if one.role == "input"
        ],
        "steps": [
            {
                "name": step.name,
                "label": step.label,
                "unit": step.unit,
                "kind": str(step.kind),
                "formula": step.formula,
                "note": step.note,
                "non_recurrent": step.non_recurrent,
                "where": step.where,
            }
            for step in scheme.steps
        ],
        "checks": [
            {"name": one.name, "formula": one.formula, "note": one.note, "stops": one.stops, "where": one.where}
            for one in scheme.checks
        ],
        "assumptions": [{**asdict(one), "years": list(one.years)} for one in scheme.assumptions],
    }


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


def _parameter(parameter: Parameter, keys: Mapping[Source, str]) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "label": parameter.label,
        "unit": parameter.unit,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "note": parameter.note,
        "values": {year: _value(value, keys) for year, value in parameter.values.items()},
    }


def _value(value: Value, keys: Mapping[Source, str]) -> dict[str, Any]:
    upkeep = value.upkeep
    said = {name: getattr(upkeep, name) for name in _UPKEEP if getattr(upkeep, name)} if upkeep else {}
    origin = {"source": keys[value.source]} if value.source else {"assumption": value.assumption}
    return {"value": value.written, **origin, **said, "overridden": value.overridden}


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
    head = {key: table[key] for key in ("name", "title", "organisation", "years", "indicative", "result")}
    head |= {key: table[key] for key in ("report_by", "paid_from") if table[key]}
    step_keys = ("name", "label", "formula", "unit", "note", "non_recurrent")
    return {
        "scheme": {**head, "sources": [one["key"] for one in table["sources"]]},
        "sources": {
            one["key"]: {key: one[key] for key in ("title", "publisher", "url", "note")} | _dated(one)
            for one in table["sources"]
        },
        "parameters": {
            one["name"]: {
                **{key: one[key] for key in ("label", "unit", "note")},
                **{key: one[key] for key in ("minimum", "maximum") if one[key]},
                "values": {
                    year: {key: said for key, said in value.items() if key != "overridden"} | _dated(value)
                    for year, value in one["values"].items()
                },
            }
            for one in table["parameters"]
        },
        "inputs": {
            one["name"]: {key: one[key] for key in ("label", "unit", "type", "optional", "of", "signed") if key in one}
            for one in table["inputs"]
            if one["name"] not in IN_EVERY_TABLE
        },
        "steps": [{key: one[key] for key in step_keys} for one in table["steps"]],
        "checks": [{key: one[key] for key in ("name", "formula", "note", "stops")} for one in table["checks"]],
        **_money(table),
    }


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
