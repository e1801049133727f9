"""The function `population`: registered and weighted population by organisation, from rows of people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence  # noqa: TC003  # the signature of `population` reads them
from dataclasses import dataclass, replace
from datetime import date  # noqa: TC003  # as above
from functools import cached_property
from pathlib import Path  # noqa: TC003  # as above
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.allocation import base_name, load_scheme, reading, recorded
from gpit_fairshare.engine import versions_now
from gpit_fairshare.errors import GpitError, InputError, UsageError
from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.checked_tables import read_inputs
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR
from gpit_fairshare.inputs.columns.headings import check_mapping, headings_sentence, recogniser
from gpit_fairshare.inputs.columns.standard_columns import is_named
from gpit_fairshare.inputs.model import NeededColumn, Request
from gpit_fairshare.people.cells import (
    PEOPLE,
    WEIGHTED,
    in_words,
    read_cells,
    suppressed,
    totals_of,
    weighted_totals,
    weights_of,
)
from gpit_fairshare.people.engines import ROWS, count_rows, open_rows
from gpit_fairshare.people.sources import PeopleFiles, check_files, find_files, unreadable
from gpit_fairshare.people.weights import ORG_CODE, Weights
from gpit_fairshare.plugins import allowed
from gpit_fairshare.run_options import Files, InputFrame, RunOptions, called_with
from gpit_fairshare.words import counted, joined, listed, nearest, parse_year

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpit_fairshare.findings import Finding
    from gpit_fairshare.inputs.model import Inputs, InputSource

_TOTALS: Final = "totals of people"
"""How messages name the totals by organisation, which are checked as a file of population would be."""
_YEAR: Final = "year"


@dataclass(frozen=True, kw_only=True)
class PopulationOptions:
    """The options of `population`.

    Attributes:
        people: Files with a row for each person, or for each practice and cell with a number of people; a folder means
            all Parquet or CSV files in it.
        weights: A scheme file whose result is the weight of one person; without it, people are only counted.
        year: The financial year of the rows, and the year of the weights if these have several.
        engine: What reads and counts the rows: `polars`, `duckdb` or `spark`.
        suppress: Hide counts of people below this in `cells`.
        settings: Values of parameters of the weights: `{"age_weight[65]": 2.1}`.
        mapping: Headings of the rows that are not recognised: `{"Heading": "column"}`.
        leave_out: Code or codes of organisations to leave out of the totals.
        boundaries: Restate the totals to the organisations of this day: a date, `2020-04-01`, or `2020/21` for its
            first day.
        crosswalk: File or files of mergers and splits to add to the built-in ones of CCGs.
        plugins: Whether functions and files of installed packages may be used.
    """

    people: str | Path | Sequence[str | Path]
    weights: str | Path | None = None
    year: str | None = None
    engine: str = "polars"
    suppress: int | None = None
    settings: Mapping[str, float | str] | None = None
    mapping: Mapping[str, str] | None = None
    leave_out: str | Sequence[str] = ()
    boundaries: str | date | None = None
    crosswalk: Files = None
    plugins: bool = True

    @property
    def run(self) -> RunOptions:
        """Return the options that a run has, too."""
        return RunOptions(
            settings=self.settings,
            mapping=self.mapping,
            leave_out=self.leave_out,
            boundaries=self.boundaries,
            crosswalk=self.crosswalk,
        )


@dataclass(frozen=True)
class Population:
    """Registered and weighted population by organisation."""

    frame: pl.DataFrame
    """A row for each organisation, sorted: `year` if it was given, `org_code`, `registered_population`, and
    `weighted_population` if there are weights. `gpit allocate --population` reads it."""
    cells: pl.DataFrame
    """A row for each organisation and combination of the columns of the weights: people, and their weight. Counts that
    are suppressed are null. Organisations are those of the rows, before `boundaries`."""
    row_count: int
    """The rows that were read."""
    weights: Weights | None
    """The scheme that weighs a person; None if people were only counted."""
    findings: tuple[Finding, ...]
    """Warnings and notes; errors are raised."""
    manifest: Mapping[str, Any]
    """Versions, files, options and findings: what `gpit verify` needs to count again."""

    def __repr__(self) -> str:
        return f"<Population of {self.frame.height:,} organisations from {self.row_count:,} rows; see .frame, .cells>"

    @cached_property
    def registered(self) -> int:
        """Return the number of people in all organisations."""
        return int(self.frame[PEOPLE].sum())


@called_with(PopulationOptions)
def population(options: PopulationOptions) -> Population:
    """Count people by organisation, and weight them by age, sex or anything else that their rows have.

    Rows are counted by the engine; counts are whole numbers, so every engine gives the same digits. The totals are then
    checked as a file of population is, and restated on boundaries if that is asked for.

    Returns:
        A `Population`.

    Raises:
        UsageError: An option cannot be used.
        InputError: The rows have values that are blank or not known; it carries all findings with their counts.
        GpitError: Something else is wrong; its text is one line.
    """  # noqa: DOC502 - some raised by what it calls
    if options.suppress is not None and options.suppress < 1:
        raise UsageError(f"--suppress {options.suppress}: expected a number of people from 1")
    year = parse_year(options.year) if options.year else None
    if options.year and not year:
        raise UsageError(f"--year {options.year}: expected a financial year such as 2014/15")
    files = find_files(options.people)
    with allowed(options.plugins):
        weights = _load_weights(options, year)
        request = _request(options, weights, year)
        columns = _PeopleColumns(request, weights)
        if files.is_local:
            check_files(files, columns.find)
        digests = files.digests()
        of_columns, counts = _count(files, options.engine, columns)
        findings = FindingCollector()
        if files.others:
            description = f"other files in the folders were not read: {listed(files.others)}"
            findings.note(FindingCode.UNUSED, Where(), description)
        has_people = PEOPLE in of_columns
        counts = _of_year(counts, year, findings) if _YEAR in of_columns else counts
        row_count = int(counts[ROWS].sum())
        cells = read_cells(counts, weights.columns if weights else {}, findings, has_people=has_people)
        is_added_up = has_people and not weights and row_count > counts[ORG_CODE].n_unique()
        del counts  # as large as the cells
        if findings.errors:
            raise InputError([*findings.items, *_unknown_values(cells, weights)])
        if not cells.height:
            raise UsageError(f"{files.name(files.paths[0])}: there are no rows of people")
        cells, totals = weighted_totals(cells, weights) if weights else (cells, totals_of(cells))
        if is_added_up:
            description = f"{row_count:,} rows were added up to {counted(totals.height, 'organisation')}"
            remedy = "Leave out rows that are totals of others, such as those of all ages"
            findings.warning(FindingCode.PRACTICES, Where(), description, remedy=remedy)
        inputs = _checked(totals, request)
    frame = inputs.tables[request.years[0]].drop("org_name")
    frame = frame.with_columns(pl.col(PEOPLE).cast(pl.Int64))
    if year:
        frame = frame.select(pl.lit(year).alias(_YEAR), pl.all())
    all_findings = (
        *findings.items,
        *_with_counts((finding for finding in inputs.findings if finding.number != FindingCode.EVERY_YEAR), totals),
    )
    return Population(
        frame,
        suppressed(cells, options.suppress) if options.suppress else cells,
        row_count,
        weights,
        all_findings,
        _manifest(options, files, digests, weights, all_findings, inputs.sources[1:], dict(of_columns)),
    )


def _unknown_values(cells: pl.DataFrame, weights: Weights | None) -> Sequence[Finding]:
    """Return what the weights do not know of the values that can be read, so that all problems are listed at once."""
    try:
        if weights and cells.height:
            weights_of(cells, weights)
    except InputError as fault:
        return fault.findings
    return ()


def _checked(totals: pl.DataFrame, request: Request) -> Inputs:
    """Return totals read and restated as a file of population is, with all people but those left out on purpose.

    Raises:
        InputError: They cannot be read.
        UsageError: An organisation was taken for something else, such as a row of totals.
    """
    try:
        inputs = read_inputs(replace(request, population=(InputFrame(_TOTALS, totals),), mapping={}))
    except InputError as fault:
        raise InputError([*_with_counts(fault.findings, totals)]) from None
    table, wanted = inputs.tables[request.years[0]], totals.filter(~pl.col(ORG_CODE).is_in([*request.leave_out]))
    if int(table[PEOPLE].sum()) != int(wanted[PEOPLE].sum()):
        missing = wanted.filter(~pl.col(ORG_CODE).is_in(table[ORG_CODE].implode()))[ORG_CODE].to_list()
        raise UsageError(f"{listed(missing)}: expected codes of organisations; correct the rows, or use --leave-out")
    return inputs


def _count(files: PeopleFiles, engine: str, columns: _PeopleColumns) -> tuple[Mapping[str, str], pl.DataFrame]:
    """Return the heading of each column, and how many rows have each combination of values.

    Raises:
        InputError: A local file cannot be read; it is named.
        GpitError: Another file cannot be read.
    """
    rows = open_rows(files.paths, files.ending, engine)
    of_columns = columns.find(rows.collect_schema().names())
    try:
        return of_columns, count_rows(rows, of_columns)
    except GpitError:
        if not files.is_local:
            raise
        findings = FindingCollector()
        for path in files.paths:
            try:
                count_rows(open_rows([path], files.ending, engine), of_columns)
            except GpitError as fault:
                unreadable(findings, Where(files.name(path)), fault.__cause__ or fault)
        if findings.errors:
            raise InputError(findings.items) from None
        raise


def _with_counts(findings: Iterable[Finding], totals: pl.DataFrame) -> Iterator[Finding]:
    """Yield findings about totals; those about a row say instead how many people of which organisation it is for."""
    for finding in findings:
        if row := re.match(r"row ([0-9]+)", finding.place):
            code, people, *_ = totals.row(int(row[1]) - 1)
            yield replace(finding, file=in_words(people, [code], "person"), place="")
        else:
            yield finding


def _load_weights(options: PopulationOptions, year: str | None) -> Weights | None:
    """Return the weights; None if there are none.

    Raises:
        UsageError: Parameters are set without weights.
    """
    if options.weights is None:
        if options.settings:
            raise UsageError("--set: there are no --weights to set a parameter of")
        return None
    rule = replace(options.run, scheme=options.weights)
    scheme = load_scheme(rule)
    if year and year in scheme.years and len(scheme.years) > 1:
        scheme = load_scheme(replace(rule, years=[year]))
    if year and year not in scheme.years:
        raise UsageError(f"--year {year}: {scheme.name} has values for {joined(scheme.years)}")
    weights = Weights(scheme)
    weights.check()
    return weights


def _request(options: PopulationOptions, weights: Weights | None, year: str | None) -> Request:
    """Return the request to check the totals, as those of a file of population."""
    needs = [NeededColumn(PEOPLE, "number", "people")]
    if weights:
        needs.append(NeededColumn(WEIGHTED, "number", "people"))
    request = Request(
        **reading(options.run, ([], [], [])),
        years=(year or EVERY_YEAR,),
        needs=tuple(needs),
        organisation="organisation",
    )
    check_mapping(request)
    return request


class _PeopleColumns:
    """The columns of people, found by the headings of a file."""

    def __init__(self, request: Request, weights: Weights | None) -> None:
        """Take the columns of the weights, and what `--map` says."""
        self.columns = [*weights.columns] if weights else []
        self.mapping = request.mapping
        needs = tuple(NeededColumn(name, "text") for name in self.columns)
        self.recognise = recogniser("population", replace(request, needs=(*request.needs, *needs)))

    def find(self, headings: Sequence[str]) -> dict[str, str]:
        """Return the heading of each column: of the organisation, of the weights, and of people and year if there are.

        Where rows have both, the organisation is that of `org_code`, and else the practice.

        Raises:
            UsageError: `--map` names a heading that is not there, or cells are not separated by commas.
            InputError: A heading is missing, or two are for one column.
        """
        for named, target in self.mapping.items():
            if not any(is_named(heading, named) for heading in headings):
                hint = nearest(named, headings) or f"; {headings_sentence(headings)}"
                raise UsageError(f"--map '{named}={target}': the rows have no heading '{named}'{hint}")
        if len(headings) == 1 and (separator := next((mark for mark in ";\t|" if mark in headings[0]), "")):
            named = {";": "semicolons", "\t": "tabs", "|": "bars"}[separator]
            raise UsageError(
                f"the cells are separated by {named}: expected commas; save the rows again as CSV with commas"
            )
        findings = FindingCollector()
        of_columns: dict[str, list[str]] = {}
        for heading in headings:
            if column := self.recognise(heading):
                of_columns.setdefault(column, []).append(heading)
        if ORG_CODE not in of_columns and "practice_code" in of_columns:
            of_columns[ORG_CODE] = of_columns["practice_code"]
        columns = [ORG_CODE, *self.columns, *(name for name in (PEOPLE, _YEAR) if name in of_columns)]
        for name in dict.fromkeys(columns):
            if len(own_headings := of_columns.get(name, [])) > 1:
                texts = [f"'{heading}'" for heading in own_headings]
                description, remedy = f"{joined(texts)} are all {name}", "Say which with --map HEADING=COLUMN"
                if len({*own_headings}) < len(own_headings):
                    remedy = "Rename or delete the others"
                findings.error(FindingCode.DUPLICATE_HEADING, Where(), description, "one column", remedy)
            elif not own_headings:
                used = ", which the weights use" if name in self.columns else ""
                hint = nearest(name, headings)
                description = f"no column {name}{used}{hint}; {headings_sentence(headings)}"
                remedy = f"Use --map 'HEADING={name}'{', or correct the weights' if used else ''}"
                findings.error(FindingCode.MISSING_COLUMN, Where(), description, f"a column {name}", remedy)
        if findings.errors:
            raise InputError(findings.items)
        return {name: of_columns[name][0] for name in dict.fromkeys(columns)}


def _of_year(counts: pl.DataFrame, year: str | None, findings: FindingCollector) -> pl.DataFrame:
    """Return the counts of the year that was asked for, or of the only one.

    Raises:
        UsageError: The rows are of several years, and none was asked for; or none is of that year.
    """
    years = {text: parse_year(text) for text in counts[_YEAR].unique().to_list()}
    known = sorted({value for value in years.values() if value})
    if year is None and len(known) > 1:
        raise UsageError(f"the rows are of {joined(known)}; say which year with --year")
    if year and year not in known:
        raise UsageError(f"--year {year}: no row is of that year; the rows are of {joined(known) or 'no year'}")
    for text, value in sorted(years.items(), key=str):
        if value is None:
            rows = int(counts.filter(pl.col(_YEAR).eq_missing(pl.lit(text)))[ROWS].sum())
            problem = "is blank" if text is None else f"is {text!r}"
            where = Where(counted(rows, "row"))
            expected = "a financial year such as 2014/15"
            findings.error(FindingCode.YEAR, where, f"year {problem}", expected, "Correct the rows")
    wanted = [text for text, value in years.items() if value == (year or known[0] if known else None)]
    left_out = int(counts.filter(~pl.col(_YEAR).is_in(wanted))[ROWS].sum())
    if left_out and not findings.errors:
        verb = "was" if left_out == 1 else "were"
        text = f"{counted(left_out, 'row')} of other years than {year} {verb} left out"
        findings.note(FindingCode.OTHER_YEARS, Where(), text)
    return counts.filter(pl.col(_YEAR).is_in(wanted)).drop(_YEAR)


def _manifest(
    options: PopulationOptions,
    files: PeopleFiles,
    digests: Sequence[Mapping[str, str | None]],
    weights: Weights | None,
    findings: Sequence[Finding],
    crosswalks: Sequence[InputSource],
    headings: Mapping[str, str],
) -> dict[str, Any]:
    """Return what identifies the rows and weights, ready for JSON; the engine is no part of it: all give the same."""
    scheme = weights.scheme if weights else None
    return {
        **versions_now(),
        "people": [*digests],
        "weights": {
            "name": scheme.name,
            "digest": scheme.digest,
            "year": scheme.years[0],
            "files": [{"file": file, "sha256": digest} for file, digest in scheme.files],
        }
        if scheme
        else None,
        "crosswalk": [source.entry() for source in crosswalks],
        "headings": dict(headings),
        "run": {
            "people": [base_name(path) for path in files.sources],
            "weights": base_name(options.weights) if options.weights else None,
            "year": options.year,
            **{key: recorded(options.run)[key] for key in ("set", "map", "leave_out", "boundaries", "crosswalk")},
        },
        "findings": [finding.entry() for finding in findings],
    }
