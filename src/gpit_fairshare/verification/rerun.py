"""Compare a result with its rerun: bytes first, then manifest and content."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import Result, versions_now
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.language.plugin_functions import find_function
from gpit_fairshare.plugins import version_of
from gpit_fairshare.results import TABLE_ENDINGS, manifest_name
from gpit_fairshare.results.agreement import OffRule, off_rule, predicates_of
from gpit_fairshare.results.reading import LARGEST_RESULT, ResultFile, open_result, read_record, readable, table_frame
from gpit_fairshare.results.writing import write_manifest, write_result
from gpit_fairshare.structured_texts import json_text, parse_json
from gpit_fairshare.verification.cells import WorkbookCells
from gpit_fairshare.verification.documents import (
    ColumnRules,
    compare_documents,
    compare_tables,
    compare_values,
    entry_key,
    row_key,
)
from gpit_fairshare.verification.figures import NOT_COMPARED, NamedFiguresComparison, find_typed_over, named_figures
from gpit_fairshare.verification.model import (
    Answer,
    DifferenceKind,
    Differences,
    FileDifference,
    ManifestChange,
    RunFile,
    Verification,
)
from gpit_fairshare.verification.wording import Wording
from gpit_fairshare.verification.workbooks import Answers, compare_books, compare_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from gpit_fairshare.verification.manifest_run import RunSpec

_LATER_KEYS: Final = frozenset(["outcomes", "draft", "rate"])
"""Keys of documents and manifests that earlier versions of gpit did not write."""
_FUNCTION: Final = "function "
"""Prefix of the name of a function among the versions."""


def other_versions(spec: RunSpec) -> tuple[ManifestChange, ...]:
    """Return gpit, libraries and plug-ins whose version has changed, and functions whose code has."""
    then, now = {"gpit": spec.gpit, **spec.libraries}, versions_now()
    changes = [ManifestChange(name, then.get(name), now.get(name)) for name in dict.fromkeys([*now, *then])]
    packages = dict.fromkeys((plugin.package, plugin.version) for plugin in spec.plugins)
    changes += [ManifestChange(f"plug-in {package}", version, version_of(package)) for package, version in packages]
    functions = [plugin for plugin in spec.plugins if plugin.kind == "function"]
    changes += [
        ManifestChange(f"{_FUNCTION}{function.name} of {function.package}", function.digest, _digest_now(function.name))
        for function in functions
    ]
    return tuple(change for change in changes if change.then != change.now)


def _digest_now(function: str) -> str | None:
    """Return the digest of the module that now defines a plug-in function; None if no plug-in has it."""
    plugin_function = find_function(function)
    return plugin_function.plugin.digest() if plugin_function else None


def with_comparison(
    file: ResultFile, verification: Verification, result: Result, folder: Path, advance: Callable[[int, int], None]
) -> Verification:
    """Write the rerun to a folder, and return the verification with everything in which the result file differs.

    The rerun gets the versions and digests recorded in the file, so that these do not differ everywhere. If the bytes
    are the same, the content is not compared. If another version of gpit wrote the file, texts that differ only in
    wording are counted as words, and of a workbook only the figures are compared, not the layout.

    Args:
        file: The result that is to be verified.
        verification: What is known without the rerun: files and versions.
        result: The rerun.
        folder: A folder to make and write in.
        advance: Called with the progress of writing a workbook.
    """
    folder.mkdir()
    rerun_file = _write_again(_with_recorded_versions(result, file.manifest), file, folder, advance)
    manifest_now = {**rerun_file.manifest, **parse_json(json_text(dict(result.manifest)))}
    content, facts = Differences(), list(verification.facts)
    is_workbook = file.path.suffix.lower() == ".xlsx"
    wording = Wording.of_run(result.rows, manifest_now["definition"]) if verification.gpit else None
    if wording:
        content.is_reworded = wording.is_entry_reworded
    is_same = file.data == rerun_file.data and file.manifest_data == rerun_file.manifest_data
    preliminary = replace(
        verification,
        files=tuple(_with_row_counts(verification.files, result)),
        parameters=tuple(_changed_parameters(file.manifest, manifest_now)),
        content=content,
        off_rule=() if is_same else _figures_off_rule(file.path),
        same_bytes=is_same and not verification.versions,
    )
    answers = Answers(file.manifest, rerun_file.manifest)
    answers.expected = _answers_by_key(result.rows, result.scheme.result)
    filled_in: Sequence[ManifestChange] = ()
    if is_same:
        answers.actual = answers.expected
    elif is_workbook and verification.gpit:
        _compare_figures(file, rerun_file, result, answers, content)
        facts.insert(0, NOT_COMPARED)
    elif is_workbook:
        filled_in = _compare_workbooks(file, rerun_file, answers, content, facts)
    else:
        _compare_other_formats(file, rerun_file, result, answers, content, facts, _rules_of(result, verification))
    manifest = []
    for entry in _manifest_changes(file, rerun_file, manifest_now, preliminary):
        if wording and wording.is_entry_reworded(entry):
            content.add(replace(entry, place=f"manifest: {entry.place}", kind=DifferenceKind.WORDS))
        else:
            manifest.append(ManifestChange(entry.place, entry.found, entry.expected))
    return replace(
        preliminary,
        manifest=tuple(manifest),
        answer=_compare_answers(answers, result),
        filled_in=tuple(filled_in),
        only_figures=is_workbook and verification.gpit is not None and not is_same,
        facts=tuple(facts),
    )


def _with_recorded_versions(result: Result, then: Mapping[str, Any]) -> Result:
    """Return the rerun with the versions and digests that the file's manifest (`then`) has.

    If they differ, `versions` and `files` report them; otherwise every cell that repeats one would report it again.
    """
    now = result.manifest
    scheme = {**now["scheme"], "digest": then["scheme"].get("digest", "")}
    scheme["files"] = _with_earlier_fields(then["scheme"]["files"], now["scheme"]["files"], ["file"], ["sha256"])
    manifest = {
        **now,
        **{key: then[key] for key in ("gpit", "libraries")},
        "plugins": _with_earlier_fields(
            then.get("plugins", []), now["plugins"], ["kind", "name", "package"], ["version", "digest"]
        ),
        "scheme": scheme,
        "inputs": _with_earlier_fields(then["inputs"], now["inputs"], ["file"], ["sha256"]),
    }
    return replace(result, scheme=replace(result.scheme, digest=str(scheme["digest"])), manifest=manifest)


def _with_earlier_fields(
    then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], keys: Sequence[str], copied_keys: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the manifest entries of now, with the values of `copied_keys` from then.

    If the two lists differ in `keys`, their entries do not match, and those of now are returned unchanged.
    """
    if [[entry[key] for key in keys] for entry in now] != [[entry[key] for key in keys] for entry in then]:
        return [dict(entry) for entry in now]
    return [{**entry, **{key: earlier[key] for key in copied_keys}} for entry, earlier in zip(now, then, strict=True)]


def _write_again(result: Result, file: ResultFile, folder: Path, advance: Callable[[int, int], None]) -> ResultFile:
    """Write the rerun to a folder in the format of the result file, and return the file written.

    A table gets a manifest, with the table's name in the original manifest.
    """
    path = folder / f"again{file.path.suffix.lower()}"
    write_result(result, path, path.suffix, advance)
    if path.suffix in TABLE_ENDINGS:
        table = file.document.get("table")
        name = str(table.get("file", "")) if isinstance(table, dict) else ""
        write_manifest(result, path.with_name(manifest_name(path)), path, name)
    return open_result(path)


# Manifest -------------------------------------------------------------------------------------------------


def _changed_parameters(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[ManifestChange]:
    """Yield parameters that differ from the rerun: the written value, its number, or whether it was set for the run.

    Args:
        then: The manifest of the file.
        now: The manifest of the rerun.
    """
    old, new = (_parameter_values(manifest.get("parameters")) for manifest in (then, now))
    for name in dict.fromkeys([*new, *old]):
        was, is_now = old.get(name, (None,)), new.get(name, (None,))
        if was != is_now:
            yield ManifestChange(name, was[0], is_now[0])


def _parameter_values(parameters: Any) -> dict[str, tuple[Any, ...]]:
    """Return, by parameter and year, the written value, its number, and whether it was set for the run."""
    entries = [entry for entry in parameters if isinstance(entry, dict)] if isinstance(parameters, list) else []
    return {
        f"{entry.get('name')}@{entry.get('year')}": tuple(entry.get(key) for key in ("written", "value", "overridden"))
        for entry in entries
    }


def _manifest_changes(
    file: ResultFile, rerun_file: ResultFile, now: Mapping[str, Any], verification: Verification
) -> Iterator[FileDifference]:
    """Yield the entries of the manifest that differ and that files, parameters and versions do not report.

    Keys that only one of two versions of gpit writes are left out, but not entries of lists, such as steps, checks and
    findings. For a table, its digest is yielded too if it is neither that of the file nor that of the rerun.

    Args:
        file: The result file.
        rerun_file: The rerun, written in the same format.
        now: The manifest of the rerun.
        verification: What files, parameters and versions report.
    """
    differing = [run_file for run_file in verification.all_files if run_file.differs]
    digests = {digest for run_file in differing for digest in (run_file.sha256_then, run_file.sha256_now)}
    rows = {run_file.rows_then for run_file in differing if run_file in verification.files}
    other_function = any(version.name.startswith(_FUNCTION) for version in verification.versions)
    for entry in compare_values(file.manifest, now, ColumnRules(**_of_versions(verification))):
        head, name = entry.place.split("[")[0].split(".")[0], entry.place.rpartition(".")[2].partition("[")[0]
        is_reported = (
            head in ("gpit", "libraries")
            or (name == "sha256" and {entry.found, entry.expected} <= digests)
            or (head == "inputs" and name == "rows" and entry.found in rows)
            or (head == "parameters" and name in ("written", "value", "overridden") and verification.parameters)
            or (entry.place == "scheme.digest" and (digests or verification.parameters or other_function))
            # Another version of gpit may have keys that this one lacks, and the other way round.
            or (
                verification.gpit
                and entry.kind in (DifferenceKind.ADDED, DifferenceKind.REMOVED)
                and not entry.place.endswith("]")
            )
            # Where figures are in a workbook of another version; the figures there are compared.
            or (verification.gpit and head == "workbook")
            # Versions and digests of plug-ins are reported with those of the libraries, and of their files.
            or (head == "plugins" and name in ("version", "digest"))
        )
        if not is_reported:
            yield entry
    if rerun_file.manifest_data:
        table = file.document.get("table")
        then = table.get("sha256") if isinstance(table, dict) else None
        digest, digest_now = (hashlib.sha256(side.data).hexdigest() for side in (file, rerun_file))
        if then not in (digest, digest_now):
            yield FileDifference(DifferenceKind.VALUE, "table.sha256", "", then, digest_now)


def _with_row_counts(files: Sequence[RunFile], result: Result) -> Iterator[RunFile]:
    """Yield each input file with the number of rows that the rerun read of it; None if it read none."""
    unread = list(result.inputs.sources)
    for file in files:
        source = next((source for source in unread if (source.role, source.file) == (file.role, file.name)), None)
        if source is not None:
            unread.remove(source)
        yield replace(file, rows_now=source.rows if source else None)


# Content --------------------------------------------------------------------------------------------------


def _compare_workbooks(
    file: ResultFile, rerun_file: ResultFile, answers: Answers, content: Differences, facts: list[str]
) -> Sequence[ManifestChange]:
    """Compare two workbooks, adding to `answers` and `content`, and return the fields that were filled in.

    If the file was saved without values, a sentence that says so is added to `facts`.
    """
    with readable(file.path.name):
        actual, expected = (WorkbookCells(side.data, LARGEST_RESULT) for side in (file, rerun_file))
        comparison = compare_books(actual, expected, answers, content)
    if comparison.has_no_values:
        facts.append("It was saved without values, so only its formulas were compared.")
    return comparison.filled_in


def _compare_figures(
    file: ResultFile, rerun_file: ResultFile, result: Result, answers: Answers, content: Differences
) -> None:
    """Compare the figures of two workbooks of different versions; set the file's answers, and add to `content`.

    Raises:
        UsageError: The file was saved without values.
    """
    name = file.path.name
    with readable(name):
        book, book_now = (WorkbookCells(side.data, LARGEST_RESULT) for side in (file, rerun_file))
        actual = named_figures(book, file.manifest, name)
        if actual.has_no_values:
            raise UsageError(
                f"{name}: was saved without values, and of a workbook of another version only values can be compared. "
                "Open it in Excel or LibreOffice, let it recalculate, and save it"
            )
        compare_settings(book, book_now, content)
        NamedFiguresComparison(result.scheme, content).compare(
            actual, named_figures(book_now, rerun_file.manifest, name)
        )
        find_typed_over(book, content)
    answers.actual = _with_repeats(actual.answers(result.scheme.result))


def _rules_of(result: Result, verification: Verification) -> ColumnRules:
    """Return how the figures of a run are compared, by name of column."""
    units = {name: symbol.unit for name, symbol in result.scheme.symbols.items()}
    return ColumnRules(units, predicates_of(result.scheme), **_of_versions(verification))


def _of_versions(verification: Verification) -> dict[str, Any]:
    """Return the rules for documents of another version of gpit: lists in another order, and keys that it lacks.

    Findings are matched by number and file, and checks by year and formula. Empty if this version wrote the file.
    """
    if not verification.gpit:
        return {}
    keys = {"findings": ("number", "file", "sheet"), "checks": ("year", "formula")}
    by_key = {path: partial(entry_key, names=names) for path, names in keys.items()}
    return {"row_keys": {"rows": row_key, **by_key}, "later_keys": _LATER_KEYS}


def _compare_other_formats(
    file: ResultFile,
    rerun_file: ResultFile,
    result: Result,
    answers: Answers,
    content: Differences,
    facts: list[str],
    rules: ColumnRules,
) -> None:
    """Compare two JSON documents, or two tables and their manifests; set the file's answers, and add to `content`.

    For a table, `facts` gets a sentence if it changed after its manifest was written, or if rows or columns are in
    another order.
    """
    ending, name = file.path.suffix.lower(), ""
    answer, rows = result.scheme.result, result.rows
    if ending == ".json":
        answers.actual = {row_key(row): row.get(answer) for row in file.document["rows"] if isinstance(row, dict)}
    else:
        name = manifest_name(file.path)
        table = file.document.get("table")
        if isinstance(table, dict) and table.get("sha256") != hashlib.sha256(file.data).hexdigest():
            facts.insert(0, f"The table has changed since {name} was written: its digest differs.")
        actual, expected = (table_frame(side.path.name, side.data, ending) for side in (file, rerun_file))
        facts += compare_tables(actual, expected, rows, rules, content)
        answers.actual = _answers_by_key(actual, answer)
    compare_documents(file.document, rerun_file.document, rules, content, name=name)


def _figures_off_rule(path: Path) -> tuple[OffRule, ...]:
    """Return the figures of a result file that its own rule does not give; none if the rule cannot be calculated."""
    try:
        record = read_record(path)
        return off_rule(record, record.calculate())
    except GpitError:
        return ()


def _answers_by_key(frame: pl.DataFrame, answer: str) -> dict[tuple[str, ...], Any]:
    """Return the answer of each row by year and code; empty if the table lacks one of these columns."""
    if not {"year", "org_code", answer} <= set(frame.columns):
        return {}
    return _with_repeats(frame.select("year", "org_code", answer).iter_rows())


def _with_repeats(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, ...], Any]:
    """Return values by year and code, from rows of year, code and value; ` again` is added to a code that repeats."""
    answers: dict[tuple[str, ...], Any] = {}
    for year, code, value in rows:
        key = str(year), str(code)
        while key in answers:  # a repeated row counts each time
            key = key[0], f"{key[1]} again"
        answers[key] = value
    return answers


def _compare_answers(answers: Answers, result: Result) -> Answer | None:
    """Return how many answers differ between file and rerun, and both totals; None if the file has no answers."""
    actual = {key: _as_number(value) for key, value in answers.actual.items()}
    if not any(value is not None for value in actual.values()):
        return None
    keys = dict.fromkeys([*answers.expected, *actual])
    is_same = predicates_of(result.scheme)[result.scheme.result]
    differing = [key for key in keys if not is_same(actual.get(key), answers.expected.get(key))]
    totals = [math.fsum(value for value in side.values() if value is not None) for side in (actual, answers.expected)]
    name = result.scheme.result
    return Answer(name, len(keys), len(differing), totals[0], totals[1], result.scheme.symbols[name].unit)


def _as_number(value: Any) -> float | None:
    """Return a value as a finite number; None if it is not one."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
