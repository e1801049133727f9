"""A run again beside the file that is to be verified: bytes first, then manifest and content."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import Result, versions_now
from gpit_fairshare.errors import GpitError
from gpit_fairshare.language.plugin_functions import plugged
from gpit_fairshare.plugins import version_of
from gpit_fairshare.results import TABLE_ENDINGS, manifest_name
from gpit_fairshare.results.agreement import OffRule, off_rule, predicates_of
from gpit_fairshare.results.reading import LARGEST_RESULT, ResultFile, open_result, read_record, readable, table_frame
from gpit_fairshare.results.writing import write_manifest, write_result
from gpit_fairshare.structured_texts import json_text, parse_json
from gpit_fairshare.verification.cells import WorkbookCells
from gpit_fairshare.verification.documents import ColumnRules, compare_documents, compare_tables, entries, row_key
from gpit_fairshare.verification.model import (
    Answer,
    DifferenceKind,
    Differences,
    FileSeen,
    ManifestChange,
    Verification,
)
from gpit_fairshare.verification.workbooks import Answers, compare_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from gpit_fairshare.verification.manifest_run import RunSpec

_FUNCTION: Final = "function "
"""Begins the name of a function among the versions."""


def other_versions(spec: RunSpec) -> tuple[ManifestChange, ...]:
    """Return gpit, the libraries and the plug-ins whose version was another, and functions whose text was."""
    then, now = {"gpit": spec.gpit, **spec.libraries}, versions_now()
    pairs = [ManifestChange(name, then.get(name), now.get(name)) for name in dict.fromkeys([*now, *then])]
    packages = dict.fromkeys((one.package, one.version) for one in spec.plugins)
    pairs += [ManifestChange(f"plug-in {package}", version, version_of(package)) for package, version in packages]
    functions = [one for one in spec.plugins if one.kind == "function"]
    pairs += [
        ManifestChange(f"{_FUNCTION}{one.name} of {one.package}", one.digest, _digest_now(one.name))
        for one in functions
    ]
    return tuple(one for one in pairs if one.then != one.now)


def _digest_now(function: str) -> str | None:
    """Return the digest of the module that has a function now; None where no plug-in has it."""
    one = plugged(function)
    return one.plugin.digest() if one else None


def compared(
    file: ResultFile, verification: Verification, result: Result, folder: Path, advance: Callable[[int, int], None]
) -> Verification:
    """Return a verification with all that the run again says.

    Args:
        file: The result that is to be verified.
        verification: What is known without the run: files and versions.
        result: The run again.
        folder: A folder to write in that is not there yet.
        advance: Is told how far the writing of a workbook has come.

    Raises:
        UsageError: The result is damaged.
    """
    folder.mkdir()
    again = _written(_as_then(result, file.manifest), file, folder, advance)
    now = {**again.manifest, **parse_json(json_text(dict(result.manifest)))}
    content, facts = Differences(), list(verification.facts)
    same = file.data == again.data and file.beside == again.beside
    known = replace(
        verification,
        files=tuple(_with_rows(verification.files, result)),
        parameters=tuple(_parameters(file.manifest, now)),
        content=content,
        off_rule=() if same else _off_rule(file.path),
        same_bytes=same and not verification.versions,
    )
    answers = Answers(file.manifest, again.manifest)
    answers.expected = _answers(result.rows, result.scheme.result)
    filled_in: Sequence[ManifestChange] = ()
    if same:
        answers.found = answers.expected
    elif file.path.suffix.lower() == ".xlsx":
        filled_in = _workbook(file, again, answers, content, facts)
    else:
        _others(file, again, result, answers, content, facts)
    return replace(
        known,
        manifest=tuple(_entries(file, again, now, known)),
        answer=_answer(answers, result),
        filled_in=tuple(filled_in),
        facts=tuple(facts),
    )


def _as_then(result: Result, then: Mapping[str, Any]) -> Result:
    """Return the run with the versions and digests that the file's manifest has.

    Where these are others they are told as such, and each would be told again with every cell that repeats it.
    """
    now = result.manifest
    scheme = {**now["scheme"], "digest": then["scheme"].get("digest", "")}
    scheme["files"] = _with_those_of(then["scheme"]["files"], now["scheme"]["files"], ["file"], ["sha256"])
    manifest = {
        **now,
        **{key: then[key] for key in ("gpit", "libraries")},
        "plugins": _with_those_of(
            then.get("plugins", []), now["plugins"], ["kind", "name", "package"], ["version", "digest"]
        ),
        "scheme": scheme,
        "inputs": _with_those_of(then["inputs"], now["inputs"], ["file"], ["sha256"]),
    }
    return replace(result, scheme=replace(result.scheme, digest=str(scheme["digest"])), manifest=manifest)


def _with_those_of(
    then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], keys: Sequence[str], taken: Sequence[str]
) -> list[dict[str, Any]]:
    """Return entries with the versions or digests that those of then have, if `keys` say that they are of the same."""
    if [[entry[key] for key in keys] for entry in now] != [[entry[key] for key in keys] for entry in then]:
        return [dict(entry) for entry in now]
    return [{**entry, **{key: old[key] for key in taken}} for entry, old in zip(now, then, strict=True)]


def _written(result: Result, file: ResultFile, folder: Path, advance: Callable[[int, int], None]) -> ResultFile:
    """Write the run again as the file was written, and return it."""
    path = folder / f"again{file.path.suffix.lower()}"
    write_result(result, path, path.suffix, advance)
    if path.suffix in TABLE_ENDINGS:
        table = file.document.get("table")
        name = str(table.get("file", "")) if isinstance(table, dict) else ""
        write_manifest(result, path.with_name(manifest_name(path)), path, name)
    return open_result(path)


# Manifest -------------------------------------------------------------------------------------------------


def _parameters(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[ManifestChange]:
    """Yield parameters whose value in the manifest is not that of the run again."""
    old, new = (_values(manifest.get("parameters")) for manifest in (then, now))
    for name in dict.fromkeys([*new, *old]):
        was, is_now = old.get(name, (None,)), new.get(name, (None,))
        if was != is_now:
            yield ManifestChange(name, was[0], is_now[0])


def _values(parameters: Any) -> dict[str, tuple[Any, ...]]:
    """Return for each parameter and year what is written, its number, and whether it was set for the run."""
    entries = [one for one in parameters if isinstance(one, dict)] if isinstance(parameters, list) else []
    return {
        f"{one.get('name')}@{one.get('year')}": tuple(one.get(key) for key in ("written", "value", "overridden"))
        for one in entries
    }


def _entries(
    file: ResultFile, again: ResultFile, now: Mapping[str, Any], known: Verification
) -> Iterator[ManifestChange]:
    """Yield the entries of the manifest that differ, but for what files, parameters and versions say already."""
    differing = [seen for seen in known.all_files if seen.differs]
    digests = {digest for seen in differing for digest in (seen.sha256_then, seen.sha256_now)}
    rows = {seen.rows_then for seen in differing if seen in known.files}
    other_gpit = any(version.name == "gpit" for version in known.versions)
    other_rule = digests or known.parameters or any(one.name.startswith(_FUNCTION) for one in known.versions)
    for entry in entries(file.manifest, now, ColumnRules()):
        head, name = entry.place.split("[")[0].split(".")[0], entry.place.rpartition(".")[2].partition("[")[0]
        is_known = (
            head in ("gpit", "libraries")
            or (name == "sha256" and {entry.found, entry.expected} <= digests)
            or (head == "inputs" and name == "rows" and entry.found in rows)
            or (head == "parameters" and name in ("written", "value", "overridden") and known.parameters)
            or (entry.place == "scheme.digest" and other_rule)
            # Another gpit may have entries that this one has not, and the other way round.
            or (other_gpit and entry.kind in (DifferenceKind.ADDED, DifferenceKind.REMOVED))
            # Versions and digests of plug-ins are told with those of the libraries, and of their files.
            or (head == "plugins" and name in ("version", "digest"))
        )
        if not is_known:
            yield ManifestChange(entry.place, entry.found, entry.expected)
    if again.beside:
        table = file.document.get("table")
        then = table.get("sha256") if isinstance(table, dict) else None
        own, expected = (hashlib.sha256(one.data).hexdigest() for one in (file, again))
        if then not in (own, expected):
            yield ManifestChange("table.sha256", then, expected)


def _with_rows(files: Sequence[FileSeen], result: Result) -> Iterator[FileSeen]:
    """Yield the files with the number of rows that were read of each now."""
    left = list(result.inputs.sources)
    for file in files:
        source = next((source for source in left if (source.role, source.file) == (file.role, file.name)), None)
        if source is not None:
            left.remove(source)
        yield replace(file, rows_now=source.rows if source else None)


# Content --------------------------------------------------------------------------------------------------


def _workbook(
    file: ResultFile, again: ResultFile, answers: Answers, content: Differences, facts: list[str]
) -> Sequence[ManifestChange]:
    """Compare two workbooks, and return what was filled in."""
    with readable(file.path.name):
        found, expected = (WorkbookCells(one.data, LARGEST_RESULT) for one in (file, again))
        comparison = compare_books(found, expected, answers, content)
    if comparison.without_values:
        facts.append("It was saved without values, so that formulas alone were compared.")
    return comparison.filled_in


def _others(
    file: ResultFile, again: ResultFile, result: Result, answers: Answers, content: Differences, facts: list[str]
) -> None:
    """Compare two JSON documents, or two tables with the manifests beside them."""
    ending, name = file.path.suffix.lower(), ""
    answer, rows = result.scheme.result, result.rows
    units = {name: symbol.unit for name, symbol in result.scheme.symbols.items()}
    rules = ColumnRules(units, predicates_of(result.scheme))
    if ending == ".json":
        answers.found = {row_key(row): row.get(answer) for row in file.document["rows"] if isinstance(row, dict)}
    else:
        name = manifest_name(file.path)
        table = file.document.get("table")
        if isinstance(table, dict) and table.get("sha256") != hashlib.sha256(file.data).hexdigest():
            facts.insert(0, f"The table was changed since {name} was written: it has another digest.")
        found, expected = (table_frame(one.path.name, one.data, ending) for one in (file, again))
        facts += compare_tables(found, expected, rows, rules, content)
        answers.found = _answers(found, answer)
    compare_documents(file.document, again.document, rules, content, name=name)


def _off_rule(path: Path) -> tuple[OffRule, ...]:
    """Return the figures that the own rule of a file does not give; none where that cannot be worked out."""
    try:
        record = read_record(path)
        return off_rule(record, record.calculate())
    except GpitError:
        return ()


def _answers(frame: pl.DataFrame, answer: str) -> dict[tuple[str, ...], Any]:
    """Return the answer of each year and code."""
    if not {"year", "org_code", answer} <= set(frame.columns):
        return {}
    found: dict[tuple[str, ...], Any] = {}
    for year, code, value in frame.select("year", "org_code", answer).iter_rows():
        key = str(year), str(code)
        while key in found:  # a row that stands there twice counts twice
            key = key[0], f"{key[1]} again"
        found[key] = value
    return found


def _answer(answers: Answers, result: Result) -> Answer | None:
    """Return how the answers differ; None where the file holds none."""
    found = {key: _as_number(value) for key, value in answers.found.items()}
    if not any(value is not None for value in found.values()):
        return None
    keys = dict.fromkeys([*answers.expected, *found])
    same = predicates_of(result.scheme)[result.scheme.result]
    differing = [key for key in keys if not same(found.get(key), answers.expected.get(key))]
    totals = [math.fsum(value for value in side.values() if value is not None) for side in (found, answers.expected)]
    name = result.scheme.result
    return Answer(name, len(keys), len(differing), totals[0], totals[1], result.scheme.symbols[name].unit)


def _as_number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
