"""Count people again as the manifest of a table of `gpit population` says, and compare the table."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import ValidationError

from gpit_fairshare.engine import versions_now
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.people.cells import PEOPLE, WEIGHTED
from gpit_fairshare.people.population import population
from gpit_fairshare.results.model import StrictModel
from gpit_fairshare.results.reading import table_frame
from gpit_fairshare.results.writing import table_manifest, write_frame, write_table
from gpit_fairshare.structured_texts import parse_json
from gpit_fairshare.verification.documents import ColumnRules, compare_tables, compare_values
from gpit_fairshare.verification.model import Answer, Differences, ManifestChange, RunFile, Verification
from gpit_fairshare.verification.searching import Digests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.people.population import Population
    from gpit_fairshare.results.reading import ResultFile
    from gpit_fairshare.verification.searching import Places


class _PeopleFile(StrictModel):
    file: str
    sha256: str | None


class _WeightsFiles(StrictModel):
    name: str
    files: list[_PeopleFile]


class _PeopleRun(StrictModel):
    people: list[str]
    weights: str | None
    year: str | None
    set: dict[str, str]
    map: dict[str, str]
    leave_out: list[str]
    boundaries: str | None


class _PeopleSpec(StrictModel):
    """What counting again needs from a manifest."""

    people: list[_PeopleFile]
    weights: _WeightsFiles | None
    crosswalk: list[_PeopleFile]
    run: _PeopleRun


def verify_people(file: ResultFile, places: Places) -> Verification:
    """Count the people of the same files again with Polars, and say what is the same and what differs.

    Raises:
        UsageError: The manifest is not as gpit writes it, files are missing, or they cannot be counted.
    """
    try:
        spec = _PeopleSpec.model_validate(dict(file.manifest))
    except ValidationError as fault:
        place = ".".join(map(str, fault.errors()[0]["loc"]))
        raise UsageError(f"{file.path.name}: its manifest is not as gpit writes it, at {place}") from None
    files = [*_found(spec, places)]
    if missing := [entry.name for entry in files if not entry.place]:
        raise UsageError(
            f"{len(missing)} of the files of the run missing: {', '.join(missing)}. gpit looked "
            f"{places.searched_places}. Add them, or their folder, to the command after the result"
        )
    of_role = {
        role: [entry.place for entry in files if entry.role == role] for role in ("people", "scheme", "crosswalk")
    }
    now = versions_now()
    changed = [ManifestChange(name, file.manifest.get(name), version) for name, version in now.items()]
    verification = Verification(
        result=file.path.name,
        scheme=spec.weights.name if spec.weights else "people without weights",
        versions=tuple(change for change in changed if change.then != change.now),
        files=tuple(entry for entry in files if entry.role != "scheme"),
        scheme_files=tuple(entry for entry in files if entry.role == "scheme"),
        facts=tuple(f"{path} was not used: no file of the run has this name or digest." for path in places.unused),
    )
    try:
        again = population(
            people=of_role["people"],
            weights=of_role["scheme"][0] if spec.weights and of_role["scheme"] else spec.run.weights,
            crosswalk=of_role["crosswalk"] or None,
            year=spec.run.year,
            settings=spec.run.set or None,
            mapping=spec.run.map or None,
            leave_out=spec.run.leave_out,
            boundaries=spec.run.boundaries,
        )
    except GpitError as fault:
        if not verification.versions and not any(entry.differs for entry in files):
            raise UsageError(f"{file.path.name}: cannot be counted again from its manifest: {fault}") from None
        return replace(verification, fault=str(fault))
    return _compared(file, verification, again)


def _found(spec: _PeopleSpec, places: Places) -> Iterator[RunFile]:
    """Yield every file of the run, found again by digest or name; one that is not found has no place."""
    roles: list[tuple[str, Sequence[_PeopleFile], Digests]] = [
        ("people", spec.people, Digests(text=False)),
        ("scheme", spec.weights.files if spec.weights else [], Digests(text=True)),
        ("crosswalk", spec.crosswalk, Digests(text=False)),
    ]
    for role, entries, digests in roles:
        for entry in entries:
            digest = entry.sha256
            if digest is None:  # an address, which only its engine can read
                yield RunFile(role, entry.file, "")
                continue
            others = {other.sha256 for other in entries if other.sha256} - {digest}
            name = Path(entry.file).name
            path = places.find(name, digests, {digest}, others)
            now = digests.of_file(path) if path else ""
            yield RunFile(role, name, "", str(path or ""), sha256_then=digest, sha256_now=now)


def _compared(file: ResultFile, verification: Verification, again: Population) -> Verification:
    """Return the verification with everything in which table and manifest differ from those that were written again."""
    ending, frame = file.path.suffix.lower(), again.frame
    with tempfile.TemporaryDirectory(prefix="gpit-verify-") as folder:
        path = Path(folder) / f"again{ending}"
        (write_table if ending == ".csv" else write_frame)(frame, path)
        data = path.read_bytes()
    text = table_manifest(_as_recorded(file, again), data, file.path.name)
    changes = compare_values(file.document, parse_json(text), ColumnRules())
    verification = replace(
        verification,
        manifest=tuple(
            ManifestChange(change.place, change.found, change.expected)
            for change in changes
            if not change.place.startswith("table.") or data == file.data
        ),
    )
    if data == file.data:
        return replace(verification, same_bytes=not verification.versions)
    actual, expected = (_keyed(table_frame(file.path.name, table, ending)) for table in (file.data, data))
    content = Differences()
    facts = compare_tables(actual, expected, _keyed(frame), ColumnRules(), content)
    name = WEIGHTED if WEIGHTED in frame.columns else PEOPLE
    of_file, now = (_figures(table, name) for table in (actual, expected))
    codes = of_file.keys() | now.keys()
    differing = sum(of_file.get(code) != now.get(code) for code in codes)
    answer = Answer(name, len(codes), differing, math.fsum(of_file.values()), math.fsum(now.values()), "people")
    return replace(verification, content=content, answer=answer, facts=(*verification.facts, *facts))


def _as_recorded(file: ResultFile, again: Population) -> dict[str, Any]:
    """Return the manifest of now, with what has lines of its own, or may have other names now, as the file has it."""
    then, now = file.manifest, again.manifest
    names = {key: then["run"][key] for key in ("people", "weights", "crosswalk") if key in then["run"]}
    recorded = {key: then[key] for key in [*versions_now(), "people", "crosswalk"] if key in then}
    return {**now, **recorded, "run": {**now["run"], **names}}


def _keyed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table with a column of years, so that its rows have the keys of a result."""
    return frame if "year" in frame.columns else frame.with_columns(pl.lit("").alias("year"))


def _figures(frame: pl.DataFrame, name: str) -> dict[str, float]:
    """Return a column of a table that was read, by the code of the organisation; without what is no number."""
    if not {"org_code", name} <= {*frame.columns}:
        return {}
    pairs = zip(frame["org_code"].to_list(), frame[name].cast(pl.Float64, strict=False).to_list(), strict=True)
    return {str(code): value for code, value in pairs if value is not None}
