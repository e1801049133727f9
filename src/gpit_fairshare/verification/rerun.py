"""A run again beside the file that is to be verified: bytes first, then manifest and content."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import versions_now
from gpit_fairshare.errors import GpitError
from gpit_fairshare.inputs import Unreadable
from gpit_fairshare.language.plugin_functions import plugged
from gpit_fairshare.plugins import version_of
from gpit_fairshare.results.agreement import OffRule, off_rule, predicates_of
from gpit_fairshare.results.reading import LARGEST_RESULT, ResultFile, open_result, read_record, table_frame, unreadable
from gpit_fairshare.results.writing import TABLE_ENDINGS, manifest_name, write_manifest, write_result
from gpit_fairshare.structured_texts import json_text, parse_json
from gpit_fairshare.verification.cells import Book
from gpit_fairshare.verification.documents import compare_documents, entries
from gpit_fairshare.verification.model import Answer, Change, Differences, FileSeen, Kind, Verification
from gpit_fairshare.verification.tables import compare_tables
from gpit_fairshare.verification.workbooks import Answers, compare_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from gpit_fairshare.engine import Result
    from gpit_fairshare.verification.asked import Asked
    from gpit_fairshare.verification.documents import Entry

_FUNCTION: Final = "function "
"""Begins the name of a function among the versions."""
_Key = tuple[str, str]
"""Year and code."""


def other_versions(asked: Asked) -> tuple[Change, ...]:
    """Return gpit, the libraries and the plug-ins whose version was another, and functions whose text was."""
    now = versions_now()
    names = dict.fromkeys([*now, *asked.versions])
    pairs = [Change(name, asked.versions.get(name), now.get(name)) for name in names]
    packages = dict.fromkeys((one.package, one.version) for one in asked.plugins)
    pairs += [Change(f"plug-in {package}", version, version_of(package)) for package, version in packages]
    functions = [one for one in asked.plugins if one.kind == "function"]
    pairs += [Change(f"{_FUNCTION}{one.name} of {one.package}", one.digest, _digest_now(one.name)) for one in functions]
    return tuple(one for one in pairs if one.then != one.now)


def _digest_now(function: str) -> str | None:
    """Return the digest of the module that has a function now; None where no plug-in has it."""
    one = plugged(function)
    return one.plugin.digest() if one else None


def compared(
    file: ResultFile, found: Verification, result: Result, room: Path, advance: Callable[[int, int], None]
) -> Verification:
    """Return a verification with all that the run again says.

    Args:
        file: The result that is to be verified.
        found: What is known without the run: files and versions.
        result: The run again.
        room: A folder to write in that is not there yet.
        advance: Is told how far the writing of a workbook has come.

    Raises:
        UsageError: The result is damaged.
    """
    room.mkdir()
    again = _written(_as_then(result, file.manifest), file, room, advance)
    now = {**again.manifest, **parse_json(json_text(dict(result.manifest)))}
    content, facts = Differences(), list(found.facts)
    same = file.data == again.data and file.beside == again.beside
    files = tuple(_with_rows(found.files, result))
    parameters = tuple(_parameters(file.manifest, now))
    mine = Answers(file.manifest, again.manifest)
    mine.expected = _answers(result.rows, result.scheme.result)
    filled: Sequence[Change] = ()
    if same:
        mine.found = mine.expected
    elif file.path.suffix.lower() == ".xlsx":
        filled = _workbook(file, again, mine, content, facts)
    else:
        _others(file, again, result, mine, content, facts)
    said = _Said(
        {
            digest
            for one in (*files, *found.scheme_files)
            if one.differs
            for digest in (one.sha256_then, one.sha256_now)
        },
        {one.rows_then for one in files if one.differs},
        parameters=bool(parameters),
        gpit=any(one.name == "gpit" for one in found.versions),
        functions=any(one.name.startswith(_FUNCTION) for one in found.versions),
    )
    return found.but(
        files=files,
        parameters=parameters,
        manifest=tuple(_entries(file, again, now, said)),
        answer=_answer(mine, result),
        content=content,
        off_rule=() if same else _off_rule(file.path),
        filled_in=tuple(filled),
        same_bytes=same and not found.versions,
        facts=tuple(facts),
    )


def _as_then(result: Result, then: Mapping[str, Any]) -> Result:
    """Return the run with the versions and digests that the file's manifest has.

    Where these are others they are told as such, and each would be told again with every cell that repeats it.
    """
    scheme = {**result.manifest["scheme"], "digest": then["scheme"].get("digest", "")}
    scheme["files"] = _with_digests(scheme["files"], then["scheme"]["files"])
    own = {"scheme": scheme, "inputs": _with_digests(result.manifest["inputs"], then["inputs"])}
    versions = {key: then[key] for key in ("gpit", "libraries")}
    versions["plugins"] = _as_those(result.manifest["plugins"], then.get("plugins", []))
    return replace(
        result,
        scheme=replace(result.scheme, digest=str(scheme["digest"])),
        manifest={**result.manifest, **versions, **own},
    )


def _as_those(now: Sequence[Mapping[str, Any]], then: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return plug-ins with the versions and digests of then, if the same things come from the same packages."""
    keys = ("kind", "name", "package")
    alike = [[one[key] for key in keys] for one in now] == [[one[key] for key in keys] for one in then]
    return [dict(one) for one in (then if alike else now)]


def _with_digests(now: Sequence[Mapping[str, Any]], then: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return entries of files with the digests that those of then have, if they are of the same files."""
    if [one["file"] for one in now] != [one["file"] for one in then]:
        return [dict(one) for one in now]
    return [{**one, "sha256": old["sha256"]} for one, old in zip(now, then, strict=True)]


def _written(result: Result, file: ResultFile, room: Path, advance: Callable[[int, int], None]) -> ResultFile:
    """Write the run again as the file was written, and return it."""
    path = room / f"again{file.path.suffix.lower()}"
    write_result(result, path, path.suffix, advance)
    if path.suffix in TABLE_ENDINGS:
        table = file.document.get("table")
        name = str(table.get("file", "")) if isinstance(table, dict) else ""
        write_manifest(result, path.with_name(manifest_name(path)), path, name)
    return open_result(path)


# Manifest -------------------------------------------------------------------------------------------------


def _parameters(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Yield parameters whose value in the manifest is not that of the run again."""
    old, new = (_values(manifest.get("parameters")) for manifest in (then, now))
    for name in dict.fromkeys([*new, *old]):
        if old.get(name) != new.get(name):
            yield Change(name, *(side[name][0] if name in side else None for side in (old, new)))


def _values(parameters: Any) -> dict[str, tuple[Any, ...]]:
    """Return for each parameter and year what is written, its number, and whether it was set for the run."""
    entries = [one for one in parameters if isinstance(one, dict)] if isinstance(parameters, list) else []
    return {
        f"{one.get('name')}@{one.get('year')}": tuple(one.get(key) for key in ("written", "value", "overridden"))
        for one in entries
    }


@dataclass(frozen=True, slots=True)
class _Said:
    """What files, parameters and versions say already."""

    digests: set[str | None]
    rows: set[int | None]
    """Rows that the files that differ had then."""
    parameters: bool
    gpit: bool
    functions: bool
    """Whether the text of a plug-in's function is another."""

    def says(self, one: Entry) -> bool:
        """Return whether an entry of the manifest says it again."""
        head = one.path.split("[")[0].split(".")[0]
        files = (one.key == "sha256" and {one.found, one.expected} <= self.digests) or (
            head == "inputs" and one.key == "rows" and one.found in self.rows
        )
        values = self.parameters and head == "parameters" and one.key in ("written", "value", "overridden")
        digest = one.path == "scheme.digest" and bool(self.digests or self.parameters or self.functions)
        # Another gpit may have entries that this one has not, and the other way round.
        other = self.gpit and one.kind in (Kind.ADDED, Kind.REMOVED)
        # Versions and digests of plug-ins are told with those of the libraries, and of their files.
        plugged_in = head == "plugins" and one.key in ("version", "digest")
        return files or values or digest or other or plugged_in or head in ("gpit", "libraries")


def _entries(file: ResultFile, again: ResultFile, now: Mapping[str, Any], said: _Said) -> Iterator[Change]:
    """Yield the entries of the manifest that differ, but for those that are said already."""
    for one in entries(file.manifest, now):
        if not said.says(one):
            yield Change(one.path, one.found, one.expected)
    if again.beside:
        table = file.document.get("table")
        then = table.get("sha256") if isinstance(table, dict) else None
        digests = [hashlib.sha256(one.data).hexdigest() for one in (file, again)]
        if then not in digests:
            yield Change("table.sha256", then, digests[1])


def _with_rows(files: Sequence[FileSeen], result: Result) -> Iterator[FileSeen]:
    """Yield the files with the number of rows that were read of each now."""
    left = list(result.inputs.sources)
    for one in files:
        source = next((source for source in left if (source.role, source.file) == (one.role, one.name)), None)
        if source is not None:
            left.remove(source)
        yield replace(one, rows_now=source.rows if source else None)


# Content --------------------------------------------------------------------------------------------------


def _workbook(
    file: ResultFile, again: ResultFile, answers: Answers, content: Differences, facts: list[str]
) -> Sequence[Change]:
    """Compare two workbooks, and return what was filled in."""
    try:
        found, expected = (Book(one.data, LARGEST_RESULT) for one in (file, again))
        done = compare_books(found, expected, answers, content)
    except Unreadable as fault:
        raise unreadable(file.path.name, fault) from None
    if done.without_values:
        facts.append("It was saved without values, so that formulas alone were compared.")
    return done.filled_in


def _others(
    file: ResultFile,
    again: ResultFile,
    result: Result,
    answers: Answers,
    content: Differences,
    facts: list[str],
) -> None:
    """Compare two JSON documents, or two tables with the manifests beside them."""
    ending, name = file.path.suffix.lower(), ""
    answer, rows = result.scheme.result, result.rows
    units = {name: symbol.unit for name, symbol in result.scheme.symbols.items()}
    same = predicates_of(result.scheme)
    if ending == ".json":
        answers.found = {
            (str(row.get("year")), str(row.get("org_code"))): row.get(answer)
            for row in file.document["rows"]
            if isinstance(row, dict)
        }
    else:
        name = manifest_name(file.path)
        table = file.document.get("table")
        if isinstance(table, dict) and table.get("sha256") != hashlib.sha256(file.data).hexdigest():
            facts.insert(0, f"The table was changed since {name} was written: it has another digest.")
        found, expected = (table_frame(one.path.name, one.data, ending) for one in (file, again))
        facts += compare_tables(found, expected, rows, units, same, content)
        answers.found = _answers(found, answer)
    compare_documents(file.document, again.document, units, same, content, name=name)


def _off_rule(path: Path) -> tuple[OffRule, ...]:
    """Return the figures that the own rule of a file does not give; none where that cannot be worked out."""
    try:
        record = read_record(path)
        return off_rule(record, record.calculate())
    except GpitError:
        return ()


def _answers(frame: pl.DataFrame, answer: str) -> dict[_Key, Any]:
    if not {"year", "org_code", answer} <= set(frame.columns):
        return {}
    found: dict[_Key, Any] = {}
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
