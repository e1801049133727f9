"""Count people again as the manifest of a table of `gpit population` says, and compare the table."""

from __future__ import annotations

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
from gpit_fairshare.results.writing import write_frame, write_table
from gpit_fairshare.verification.documents import ColumnRules, compare_tables
from gpit_fairshare.verification.model import Answer, Differences, ManifestChange, RunFile, Verification
from gpit_fairshare.verification.searching import Digests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.results.reading import ResultFile
    from gpit_fairshare.verification.searching import Places


class _PeopleFile(StrictModel):
    file: str
    sha256: str | None


class _WeightsFiles(StrictModel):
    name: str
    files: list[_PeopleFile]


class _PeopleRun(StrictModel):
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
    return _compared(file, verification, again.frame)


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


def _compared(file: ResultFile, verification: Verification, again: pl.DataFrame) -> Verification:
    """Return the verification with everything in which the table differs from the one that was written again."""
    ending = file.path.suffix.lower()
    with tempfile.TemporaryDirectory(prefix="gpit-verify-") as folder:
        path = Path(folder) / f"again{ending}"
        (write_table if ending == ".csv" else write_frame)(again, path)
        data = path.read_bytes()
    if data == file.data:
        return replace(verification, same_bytes=not verification.versions)
    actual, expected = (_keyed(table_frame(file.path.name, table, ending)) for table in (file.data, data))
    content = Differences()
    facts = compare_tables(actual, expected, _keyed(again), ColumnRules(), content)
    name = WEIGHTED if WEIGHTED in again.columns else PEOPLE
    differing = sum(difference.place.endswith(f", {name}") for difference in content.kept)
    found = _total(actual, name)
    answer = Answer(name, again.height, differing, found, float(again[name].sum()), "people")
    return replace(verification, content=content, answer=answer, facts=(*verification.facts, *facts))


def _keyed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table with a column of years, so that its rows have the keys of a result."""
    return frame if "year" in frame.columns else frame.with_columns(pl.lit("").alias("year"))


def _total(frame: pl.DataFrame, name: str) -> float:
    """Return the total of a column of a table that was read; 0 without it."""
    values: Sequence[Any] = frame[name].cast(pl.Float64, strict=False).to_list() if name in frame.columns else []
    return float(sum(value for value in values if value is not None))
