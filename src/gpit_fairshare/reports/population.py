"""The report of `gpit population`: how many people and weighted people, and where a person weighs most and least."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.numbers import decimals, whole
from gpit_fairshare.people.cells import PEOPLE, SUPPRESSED, WEIGHTED
from gpit_fairshare.people.weights import ORG_CODE
from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.results.writing import table_manifest, write_frame, write_table
from gpit_fairshare.structured_texts import json_text
from gpit_fairshare.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gpit_fairshare.people.population import Population

_MOST: Final = 5
"""Organisations at each end that the screen lists."""
JSON_SCHEMA: Final = "gpit-population/1"


def population_document(population: Population, *, file_names: Sequence[str] = ()) -> document.Document:
    """Return the report of counted people; `file_names` are those of the files that were written."""
    frame = population.frame
    people = f"{whole(population.registered)} {'person' if population.registered == 1 else 'people'}"
    rows = "" if population.row_count == population.registered else f" from {counted(population.row_count, 'row')}"
    return document.Document(
        [
            document.Title([f"{people} in {counted(frame.height, 'organisation')}{rows}"], Tone.STRONG),
            *(document.Paragraph(text) for text in _sentences(population)),
            *document.written_line(file_names),
            *_table(frame),
            document.Findings(population.findings),
        ]
    )


def _sentences(population: Population) -> Iterator[str]:
    """Yield the weighted population, and what is hidden."""
    if population.weights:
        weighted = float(population.frame[WEIGHTED].sum())
        each = decimals(weighted / population.registered, 4) if population.registered else "–"
        name = population.weights.scheme.name
        yield f"Weighted population by {name}: {weighted:,.1f}, {each} for each person."
    if SUPPRESSED in population.cells.columns:
        hidden, counts = int((population.cells[SUPPRESSED] == "yes").sum()), population.cells.height
        yield f"{hidden:,} of {counted(counts, 'count')} by cell are hidden. Totals of organisations are not."


def _table(frame: pl.DataFrame) -> Iterator[document.Block]:
    """Yield the organisations whose people weigh most and least; all, if they are few."""
    if WEIGHTED not in frame.columns:
        return
    people = frame.filter(pl.col(PEOPLE) > 0).with_columns(each=pl.col(WEIGHTED) / pl.col(PEOPLE))
    ranked = people.sort(["each", ORG_CODE], descending=[True, False])
    rows = [
        document.Row([str(row[ORG_CODE]), whole(row[PEOPLE]), f"{row[WEIGHTED]:,.1f}", decimals(row["each"], 4)])
        for row in ranked.iter_rows(named=True)
    ]
    columns = [
        document.Column("Organisation", Role.CODE),
        *(document.Column(heading) for heading in ("Registered", "Weighted", "For each person")),
    ]
    if len(rows) > 2 * _MOST:
        yield document.Heading(f"Where a person weighs most, and least ({_MOST} each)")
        yield document.Table(columns, rows[:_MOST], more_rows=rows[-_MOST:])
    elif rows:
        yield document.Heading("By organisation")
        yield document.Table(columns, rows)


def entries(population: Population) -> dict[str, Any]:
    """Return the whole answer with stable keys, for JSON."""
    return {
        "schema": JSON_SCHEMA,
        "rows_read": population.row_count,
        "registered_population": population.registered,
        "rows": population.frame.to_dicts(),
        "findings": [finding.entry() for finding in population.findings],
        "manifest": dict(population.manifest),
    }


def writers(
    population: Population, outputs: Sequence[Path], manifests: Mapping[Path, Path], cells: Path | None
) -> dict[Path, Callable[[Path], object]]:
    """Return, for each file, a function that writes it to a draft.

    Args:
        population: The counted people.
        outputs: The files with totals.
        manifests: The place of the manifest of a table.
        cells: The file with counts by cell; None if there is none.
    """
    own: dict[str, Callable[[Path], object]] = {
        ".csv": partial(write_table, population.frame),
        ".parquet": partial(write_frame, population.frame),
        ".json": lambda draft: draft.write_bytes(json_text(entries(population)).encode()),
    }
    of_files: dict[Path, Callable[[Path], object]] = {path: own[path.suffix.lower()] for path in outputs}
    of_files |= {place: partial(_write_manifest, population, table, own) for table, place in manifests.items()}
    if cells:
        write = write_table if cells.suffix.lower() == ".csv" else write_frame
        of_files[cells] = partial(write, population.cells)
    return of_files


def _write_manifest(
    population: Population, table: Path, own: Mapping[str, Callable[[Path], object]], draft: Path
) -> None:
    """Write the manifest of a table to a draft, with the digest of the table as it is written."""
    own[table.suffix.lower()](draft)
    draft.write_bytes(table_manifest(population.manifest, draft.read_bytes(), table.name).encode())
