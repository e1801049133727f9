"""A scheme as one table of every step, check and value, so that a result can carry its rule.

A reader of a result may not have the scheme files. `definition` writes everything that decides the result, in the
shape of a scheme file with its own steps. `defined` rebuilds the same scheme from it and checks it like a file.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from gpit_fairshare.errors import SchemeError
from gpit_fairshare.scheme import shape
from gpit_fairshare.scheme.faults import Faults, first_error, shape_errors
from gpit_fairshare.scheme.files import LoadedFile
from gpit_fairshare.scheme.joining import Joined, complete
from gpit_fairshare.scheme.model import (
    NOT_RECORDED,
    Assumption,
    Money,
    Parameter,
    ParameterValue,
    Part,
    Scheme,
    Source,
    table_of,
)
from gpit_fairshare.scheme.naming import IN_EVERY_TABLE
from gpit_fairshare.scheme.parts import load_module
from gpit_fairshare.scheme.written_numbers import as_percentage, number, percentage_problem
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


_HEAD: Final = (
    *("name", "title", "organisation", "years", "indicative"),
    *("formula", "transition", "result", "report_by", "paid_from"),
)
"""Attributes of a scheme that are copied to the table unchanged."""


def definition(scheme: Scheme) -> dict[str, Any]:
    """Return a scheme as one table of plain values, ready for JSON; `defined` reads it back.

    Values are written as in the files or in `--set`, so that fractions stay exact. Input columns that the scheme uses
    come first, then those that are only declared.
    """
    keys = _source_keys(scheme)
    return {
        **_plain(scheme, *_HEAD),
        "money": asdict(scheme.money),
        "counts": {column: list(words) for column, words in scheme.counts.items()},
        **({"has_draft_counts": True} if scheme.has_draft_counts else {}),
        "sources": [{**asdict(source), "key": key} for source, key in keys.items()],
        # Only for schemes with tables, so that the results of other schemes do not change.
        **({"tables": tables} if (tables := _recorded_tables(scheme)) else {}),
        "parameters": [
            {
                **_recorded_fields(parameter),
                "values": {year: _recorded_value(value, keys) for year, value in parameter.values.items()},
            }
            for parameter in scheme.parameters.values()
        ],
        "inputs": [
            {
                "name": symbol.name,
                "label": scheme.labels[symbol.name],
                **_plain(symbol, "unit", "type", "optional"),
                # Only for columns that have it, so that the tables of other schemes do not change.
                **({"of": symbol.of} if symbol.of else {}),
                **({"signed": True} if symbol.signed else {}),
            }
            for symbol in dict.fromkeys((*scheme.inputs, *scheme.symbols.values()))
            if symbol.role == "input"
        ],
        "steps": [{**_recorded_fields(step), "kind": str(step.kind)} for step in scheme.steps],
        "checks": [_recorded_fields(check) for check in scheme.checks],
        "outcomes": [_recorded_fields(outcome) for outcome in scheme.outcomes],
        "assumptions": [{**asdict(assumption), "years": list(assumption.years)} for assumption in scheme.assumptions],
    }


def _plain(part: object, *names: str) -> dict[str, Any]:
    """Return the named attributes of an object, by name; tuples become lists, as JSON has them."""
    values = {name: getattr(part, name) for name in names}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _recorded_fields(part: Parameter | Part) -> dict[str, Any]:
    """Return the fields of a part that a result records, by name, in the order of its class."""
    return {field.name: getattr(part, field.name) for field in fields(part) if field.metadata != NOT_RECORDED}


def _recorded_tables(scheme: Scheme) -> list[dict[str, Any]]:
    """Return the tables of a scheme with their keys; the values of the rows are among the parameters."""
    return [
        {
            **asdict(symbol.table),
            "keys": list(symbol.table.keys),
            "label": scheme.labels[symbol.name],
            "unit": symbol.unit,
        }
        for symbol in scheme.symbols.values()
        if symbol.table
    ]


def _source_keys(scheme: Scheme) -> dict[Source, str]:
    """Return every source of a scheme with its key, made unique: two files may use one key for two publications.

    The second publication with a key gets `-2` after it, the third `-3`. Sources of single values are included.
    """
    sources = dict.fromkeys(scheme.sources)
    for parameter in scheme.parameters.values():
        sources.update(dict.fromkeys(value.source for value in parameter.values.values() if value.source))
    keys: dict[Source, str] = {}
    for source in sources:
        key, count = source.key, 2
        while key in keys.values():
            key, count = f"{source.key}-{count}", count + 1
        keys[source] = key
    return keys


def _recorded_value(value: ParameterValue, keys: Mapping[Source, str]) -> dict[str, Any]:
    """Return a parameter's value as a result records it: as written, and whether it was set for one run.

    It has the key of its source, or else its assumption, and the details that the file gives about the assumption. If
    it was set and the scheme has a value of its own, it also has that.
    """
    upkeep = {key: text for key, text in asdict(value.upkeep).items() if text}
    origin = {"source": keys[value.source]} if value.source else {"assumption": value.assumption}
    own = {"replaces": value.replaces.as_written} if value.replaces else {}
    return {"value": value.as_written, **origin, **upkeep, "overridden": value.overridden, **own}


def defined(table: Mapping[str, Any], files: tuple[tuple[str, str], ...], digest: str, file: str) -> Scheme:
    """Return the scheme, ready to run, of a table that `definition` wrote.

    The table is read and checked like a scheme file. What such a file cannot show is taken from the table: places of
    steps and checks, values set for the run, the money account, what counts as spend, sources and assumptions.

    Args:
        table: What `definition` returned, perhaps through JSON.
        files: Base name and SHA-256 of each file that the scheme was read from at the time.
        digest: The scheme's digest at the time.
        file: Name of the file for messages.

    Raises:
        SchemeError: The table is not a scheme, or not as gpit writes it.
    """  # noqa: DOC502 - raised by `_joined`
    joined = _joined(table, digest, file)
    scheme = joined.scheme
    if scheme is None:  # pragma: no cover - every error was raised before
        raise SchemeError(f"{file}: the scheme in it cannot be read")
    places = {entry["name"]: str(entry["where"]) for entry in (*table["steps"], *table["checks"])}
    outcome_places = {entry["label"]: str(entry["where"]) for entry in table.get("outcomes", ())}
    recorded_values = {entry["name"]: entry["values"] for entry in table["parameters"]}
    return replace(
        scheme,
        steps=tuple(replace(step, where=places[step.name]) for step in scheme.steps),
        checks=tuple(replace(check, where=places[check.name]) for check in scheme.checks),
        outcomes=tuple(
            replace(outcome, where=outcome_places.get(outcome.label, outcome.where)) for outcome in scheme.outcomes
        ),
        parameters={
            name: replace(
                parameter,
                values={
                    year: replace(value, **_run_fields(recorded_values[name][year]))
                    for year, value in parameter.values.items()
                },
            )
            for name, parameter in scheme.parameters.items()
        },
        counts={column: tuple(words) for column, words in table["counts"].items()},
        has_draft_counts=bool(table.get("has_draft_counts")),
        # A single file does not show which file decides the account, nor which steps came from a transition.
        money=TypeAdapter(Money).validate_python(table["money"]) if "money" in table else scheme.money,
        assumptions=TypeAdapter(tuple[Assumption, ...]).validate_python(table["assumptions"]),
        sources=tuple(joined.read.sources.values()),
        digest=digest,
        files=files,
    )


def _joined(table: Mapping[str, Any], digest: str, file: str) -> Joined:
    """Return the joined files of a table that `definition` wrote, complete; arguments and errors are as of `defined`.

    Raises:
        SchemeError: The table is not a scheme, or not as gpit writes it.
    """
    try:
        data = _as_file(table)
        parameters = data["parameters"]
        row_values = {
            name: shape.ParameterEntry.model_validate(parameters.pop(name)) for name in [*parameters] if table_of(name)
        }
        model = shape.SchemeFile.model_validate(data)
    except ValidationError as fault:
        first = first_error(shape_errors(fault, data, shape.SchemeFile))
        raise SchemeError(f"{file}: the scheme in it: {first}") from None
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise SchemeError(f"{file}: the scheme in it is not in the form that gpit writes ({one_line(fault)})") from None
    sources = TypeAdapter(tuple[Source, ...]).validate_python(table["sources"])
    read = LoadedFile(file, digest, None, model, {source.key: source for source in sources})
    faults = Faults()
    joined = Joined(read, table["formula"], table["transition"], paid_from=table["paid_from"])
    joined.draft.add(load_module(read, faults), faults)
    rows = {name: (entry, read) for name, entry in row_values.items()}
    declared = {**joined.draft.parameters, **rows}  # a row of a table may have been set for one year
    parameters = {parameter["name"]: declared.pop(parameter["name"]) for parameter in table["parameters"]}
    if declared:
        raise SchemeError(f"{file}: the scheme in it has a table without a value for {one_line(next(iter(declared)))}")
    joined.draft.parameters = parameters
    complete(joined, faults)
    return joined


def _run_fields(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a recorded value that a file cannot have: whether it was set, and what it replaces."""
    own = recorded.get("replaces")
    return {
        "overridden": recorded["overridden"],
        "replaces": None if own is None else ParameterValue(number(own), own),
    }


def _as_file(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table that `definition` wrote as the data of a scheme file, with the tables and keys of such a file.

    Columns that every table has are left out. The table `[money]` is there only if the scheme stated its money account.
    """
    money, tables = table.get("money", {}), table.get("tables", ())
    stated = {"in": money["money_in"], "out_of": money["taken_away"], "unspent": money["unspent"]} if money else {}
    return {
        "scheme": _entry(table, shape.SchemeHeader) | {"sources": [source["key"] for source in table["sources"]]},
        "sources": {source["key"]: _entry(source, shape.SourceEntry) for source in table["sources"]},
        "parameters": {
            parameter["name"]: _readable_percentages(_entry(parameter, shape.ParameterEntry), parameter)
            | {
                "values": {
                    year: _readable_percentages(_entry(value, shape.ValueEntry), parameter)
                    for year, value in parameter["values"].items()
                }
            }
            for parameter in table["parameters"]
        },
        **({"tables": {entry["name"]: _table_entry(entry) for entry in tables}} if tables else {}),
        "inputs": {
            column["name"]: _entry(column, shape.InputEntry)
            for column in table["inputs"]
            if column["name"] not in IN_EVERY_TABLE
        },
        "steps": [_entry(step, shape.StepEntry) for step in table["steps"]],
        "checks": [_entry(check, shape.CheckEntry) for check in table["checks"]],
        "outcomes": [_entry(outcome, shape.OutcomeEntry) for outcome in table.get("outcomes", ())],
        **({"money": stated} if money.get("stated") else {}),
    }


def _table_entry(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recorded table as the entry of a file; the values of its rows are added later, from the parameters."""
    keys, end = record["keys"], record["end"]
    rows: list[dict[str, Any]] = [{"key" if isinstance(key, str) else "from": key, "value": 0} for key in keys]
    for last in rows[-1:] if end is not None else ():
        last["up_to"] = end
    otherwise = {"otherwise": {"value": 0}} if record["has_otherwise"] else {}
    return {**_entry(record, shape.TableEntry), "rows": rows, **otherwise}


def _readable_percentages(entry: dict[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with its numbers and percentages as this version reads them; earlier ones read more of them."""
    rewritten = as_percentage if parameter["unit"] == "%" else lambda text: repr(number(text))
    changed = {
        key: rewritten(str(entry[key]))
        for key in ("value", "minimum", "maximum")
        if percentage_problem(parameter["name"], str(entry.get(key, "")), parameter["unit"])
    }
    return {**entry, **changed}


def _entry(record: Mapping[str, Any], model: type[shape.Entry]) -> dict[str, Any]:
    """Return a record as the entry of a file: only the keys that its `model` has, without None and empty texts.

    A date becomes a date instead of a text.
    """
    entry = {key: record[key] for key in model.model_fields if record.get(key) not in (None, "")}
    return entry | ({"date": dt.date.fromisoformat(entry["date"])} if "date" in entry else {})
