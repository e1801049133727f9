"""Read input files into checked tables: all steps, in order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.findings import FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.cells import EVERY_YEAR, year_start
from gpit_fairshare.inputs.columns.headings import Headings, check_mapping, check_named_headings, recogniser
from gpit_fairshare.inputs.files.grids import ReadOptions
from gpit_fairshare.inputs.files.reading import InputSheet, locate_file, read_sheet
from gpit_fairshare.inputs.mergers.checks import check_codes, merger_hint, report_code_changes
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, packaged_crosswalk
from gpit_fairshare.inputs.mergers.crosswalk_file import read_crosswalks
from gpit_fairshare.inputs.mergers.other_codes import counterparts, translate_ons_codes
from gpit_fairshare.inputs.mergers.restating import lines_on_boundaries, restate_on_boundaries, restate_year
from gpit_fairshare.inputs.model import InputColumn, Inputs, NeededColumn, Request, Restated, Role
from gpit_fairshare.inputs.tables.groups import (
    Group,
    give_parent_rows,
    make_groups,
    mark_parent_groups,
    needed_columns,
    place_rows_by_year,
    report_case_clashes,
    share_out_columns,
)
from gpit_fairshare.inputs.tables.inspection import ColumnSummary, needs_of, report_lacking, summarise_columns, years_of
from gpit_fairshare.inputs.tables.plausibility import (
    PlacedFigure,
    check_movements,
    check_per_head,
    check_whole_people,
    check_years_and_codes,
)
from gpit_fairshare.inputs.tables.rows import InputFile, InputRow, RowReader
from gpit_fairshare.inputs.tables.spend import SpendLine, line_needs, lines_table, sum_lines
from gpit_fairshare.inputs.tables.sums import join_rows, sum_practices
from gpit_fairshare.words import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from gpit_fairshare.run_options import InputFrame

Rows = dict[str, dict[str, "InputRow"]]
"""Rows of one group by year and organisation."""
_NAME = NeededColumn("org_name", "text", optional=True)


def read_inputs(request: Request) -> Inputs:
    """Read and check all input files, and return their tables.

    Raises:
        InputError: the files have errors; it carries all findings, including notes and warnings.
    """
    findings = FindingCollector()
    sheets, all_read = _read_sheets(request, findings)
    inputs = _build_inputs(request, make_groups(sheets, request), findings, all_read=all_read)
    if findings.errors:
        raise InputError(findings.items)
    return inputs


def inspect_inputs(request: Request) -> tuple[Request, Inputs, list[ColumnSummary]]:
    """Read and check input files without stopping at errors in them, so that all contents can be shown.

    If the request names no years, the years of the files are used; if they have none, the rows are for every year. If
    it needs no columns, patients, spend and other columns of numbers are checked, and files for patients or spend
    without such a column are reported.

    Returns:
        The completed request; the tables without the parts that have errors, with all findings; the columns of numbers.
    """
    findings = FindingCollector()
    sheets, all_read = _read_sheets(request, findings)
    files = [Headings(sheet, role, request) for role, sheet in sheets]
    if not request.years:
        request = replace(request, years=years_of(files) or (EVERY_YEAR,))
    if not request.needs:
        request = replace(request, needs=needs_of(files))
        report_lacking(files)
    groups = make_groups(sheets, request)
    inputs = _build_inputs(request, groups, findings, all_read=all_read)
    return request, inputs, summarise_columns(inputs, groups)


def _build_inputs(request: Request, groups: Sequence[Group], findings: FindingCollector, *, all_read: bool) -> Inputs:
    """Read the rows of all files, restate and check them, and return the tables with all findings.

    Rows are restated for the day of `--boundaries`, if it is given, and for the organisations of the first group. If a
    crosswalk file has errors, only the first group goes into the tables.

    Args:
        request: the files and what the scheme needs from them.
        groups: groups of files; the files of a group are read as one table.
        findings: collects the findings.
        all_read: whether the cells of every file could be read.
    """
    mark_parent_groups(groups, request.needs)
    files = [file for group in groups for file in group.files]
    for file in files:
        file.report()
    share_out_columns(groups, request, findings, all_read=all_read)
    crosswalk, crosswalk_sources = read_crosswalks(request.crosswalk, findings, ReadOptions(largest=request.largest))
    file_sources = [
        file.sheet.describe(file.role, file.matched, file.units.applied_units(file.needed_columns)) for file in files
    ]
    builder = _TableBuilder(request, groups, crosswalk or packaged_crosswalk(), findings)
    builder.read_rows()
    if crosswalk is None:
        # Without the crosswalk gpit cannot tell which organisations belong together, so it does not compare the files.
        builder.groups = groups[:1]
    elif request.boundaries is not None:
        builder.restate_on_boundaries(request.boundaries)
    builder.restate_years()
    tables = {year: builder.build_table(year) for year in request.years}
    builder.check_patients()
    builder.check_plausible()
    return Inputs(
        years=request.years,
        tables=tables,
        columns=builder.columns,
        lines=lines_table(builder.lines) if builder.lines is not None else None,
        origins=builder.origins,
        sources=(*file_sources, *crosswalk_sources),
        findings=tuple(findings.items),
        illustrative=tuple(builder.illustrative),
        restated=tuple(sorted(builder.restated)),
        crosswalk=builder.crosswalk,
        boundaries=request.boundaries,
        undated=frozenset(builder.undated),
        request=request,
    )


def _read_sheets(request: Request, findings: FindingCollector) -> tuple[list[tuple[Role, InputSheet]], bool]:
    """Check the options and read the cells of every file; return the role and sheet of each that is readable.

    The second value says whether all could be read. Headings that `--map` or `--unit` names are looked for only if
    all files could be read.

    Raises:
        UsageError: no file is given.
    """
    check_mapping(request)
    for year in request.years:
        year_start(year)
    options: dict[Role, tuple[str | InputFrame, ...]] = {
        "population": request.population,
        "spend": request.spend,
        "input": request.extra,
    }
    # All files are located before the first is read, so that a misspelt name is reported at once.
    targets = [(role, locate_file(text)) for role, texts in options.items() for text in texts]
    if not targets:
        raise UsageError("no input file is given; use --population FILE and --spend FILE, or --sample")
    outcomes = [
        (role, read_sheet(target, findings, ReadOptions(largest=request.largest, recognise=recogniser(role, request))))
        for role, target in targets
    ]
    sheets = [(role, sheet) for role, sheet in outcomes if sheet is not None]
    all_read = len(sheets) == len(targets)
    if all_read:
        check_named_headings(request, [sheet for _, sheet in sheets])
    return sheets, all_read


@dataclass
class _TableBuilder:
    """Builds the table of each year from the groups of files, step by step."""

    request: Request
    groups: Sequence[Group]
    crosswalk: Crosswalk
    findings: FindingCollector
    lines: list[SpendLine] | None = None
    illustrative: list[str] = field(default_factory=list)
    restated: list[Restated] = field(default_factory=list)
    origins: dict[tuple[str, str, str], str] = field(default_factory=dict)
    undated: set[tuple[str, str, str]] = field(default_factory=set)
    columns: dict[str, InputColumn] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """For each year, the name of each organisation by code; empty if no file has it."""

    def read_rows(self) -> None:
        """Read the rows of each file, combine lines of cost and practices to organisations, and place the rows by year.

        ONS codes become ODS codes. Lines of cost are also kept in `lines`, and remarks on illustrative figures in
        `illustrative`. A group that gives no column is only reported, unless it is the first.

        Raises:
            UsageError: a code that `--leave-out` names is in no row.
        """
        rows: list[InputRow] = []
        left_out: set[str] = set()
        for group in self.groups:
            if not group.gives and group is not self.groups[0]:
                # Errors in an unused file do not matter, but the user may want to know that it is unused.
                group.findings.note(FindingCode.UNUSED, "no column of this file is used")
                continue
            dropped: set[str] = set()
            for file in group.files:
                needs = self._columns_to_read(group, file)
                RowReader(file).read(needs)
                translate_ons_codes(file, self.crosswalk, strict=self.request.boundaries is not None)
                if self.request.scheme:
                    check_years_and_codes(file)
                    file.report_unused({need.name for need in needs})
                rows += file.rows
                left_out |= file.left_out
                self._note_illustrative(file)
                self._sum_rows(group, file)
                dropped |= file.dropped
            group.gives = {name: need for name, need in group.gives.items() if name not in dropped}
            place_rows_by_year(group)
        report_case_clashes(rows, self.findings)
        unknown = [code for code in self.request.leave_out if code not in left_out]
        if unknown:
            suggestion = nearest(unknown[0], {row.code for row in rows})
            raise UsageError(f"--leave-out {unknown[0]}: no file has a row with this code{suggestion}")

    def restate_on_boundaries(self, day: date) -> None:
        """Restate the rows of all years, and the lines of cost, for the organisations of the requested day.

        The amounts that moved are stored in `restated`.
        """
        self.restated = restate_on_boundaries(self.groups, self.lines or [], day, self.crosswalk, self.findings)
        if self.lines is not None:
            self.lines = lines_on_boundaries(self.lines, self.crosswalk, day)

    def restate_years(self) -> None:
        """Match all groups with the organisations of the first group, by year; report those that one group lacks.

        Rows of closed organisations that have no year are counted with their successors, and the amounts added to
        `restated`, unless `--boundaries` has restated all rows before. Organisations get the values of their larger
        organisations. Changes of organisations between years are reported, and names that are needed but blank. Also
        fills `names` and `columns`.
        """
        if not self.groups:
            return
        years_as_read = self.request.years if self.request.boundaries is None else ()
        for group in self.groups:
            for year in years_as_read:
                check_codes(group.rows[year], year, self.crosswalk, self.findings)
        for group in (group for group in self.groups[1:] if not group.of):
            for year in years_as_read:
                codes_of_year = self.groups[0].rows[year]
                group.rows[year], moved = restate_year(group, year, codes_of_year, self.crosswalk)
                self.restated += moved
            self._report_one_sided(group)
        for group in self.groups:
            if group.of and group.gives:
                rows_of_years = {year: self._rows_with_column(group.of, year) for year in self.request.years}
                give_parent_rows(group, rows_of_years)
        self.names = {year: self._names(year) for year in self.request.years}
        report_code_changes(self.names, self.crosswalk, self.groups[0].findings)
        self._report_blank_names()
        self._describe_columns()

    def build_table(self, year: str) -> pl.DataFrame:
        """Return the table of one year, with a row for each organisation of the first group, sorted by code.

        The origin of each value is stored in `origins`, and the cells of rows that are used for every year in
        `undated`.
        """
        codes = sorted(self._codes(year))
        series = [
            pl.Series("org_code", codes, pl.String),
            pl.Series("org_name", [self.names[year][code] for code in codes], pl.String),
        ]
        for name, column in self.columns.items():
            rows = self._rows_with_column(name, year)
            cells = [rows[code].values.get(name) if code in rows else None for code in codes]
            values = [cell.value if cell else None for cell in cells]
            series.append(pl.Series(name, values, pl.Float64 if column.kind == "number" else pl.String))
            self.origins |= {(year, code, name): cell.origin for code, cell in zip(codes, cells, strict=True) if cell}
            self.undated |= {(year, code, name) for code, row in rows.items() if not row.year}
        return pl.DataFrame(series)

    def check_patients(self) -> None:
        """Report organisations without patients in a year: an error for each that has spend in that year.

        All others are in one warning.
        """
        empty: defaultdict[str, dict[str, InputRow]] = defaultdict(dict)
        for year in self.request.years:
            rows_of_year = self._rows_with_column("registered_population", year)
            without = [code for code, row in rows_of_year.items() if row.number_of("registered_population") == 0]
            for code in sorted(without):
                empty[code][year] = rows_of_year[code]
        spend = {year: self._rows_with_column("historic_spend", year) for year in self.request.years}
        without_patients = []
        for code, rows in empty.items():
            funded = [year for year in rows if code in spend[year] and spend[year][code].number_of("historic_spend")]
            if not funded:
                without_patients.append(code)
                continue
            self.findings.error(
                FindingCode.NO_PATIENTS,
                rows[funded[0]].where("registered_population"),
                f"{code} has no patients but has a historic_spend in {funded[0]} "
                f"({self.origins.get((funded[0], code, 'historic_spend'), '')})",
                remedy="Correct the population, or move the spend to the organisation that has the patients",
                organisation=code,
            )
        if without_patients:
            self.groups[0].findings.warning(FindingCode.NO_PATIENTS, f"no patients in {listed(without_patients)}")

    def check_plausible(self) -> None:
        """Report unlikely figures: parts of a person, large changes in patients between years, unusual spend per head.

        Spend per head is not checked again in a year with the same spend and patients as the year before.
        """
        years = self.request.years
        people, spend = (self._placed_figures(column) for column in ("registered_population", "historic_spend"))
        for figures in people.values():
            check_whole_people(figures, self.findings)
        check_movements(people, self.request.moved_share, self.findings)
        previous = None
        for year in years:
            heads = {code: figure.value for code, figure in people[year].items()}
            if (spend[year], heads) != previous:  # rows without a year are used for all years, and reported once
                period = year if len(years) > 1 else ""
                check_per_head(spend[year], heads, period, self.request.organisation, self.findings)
            previous = spend[year], heads

    def _placed_figures(self, column: str) -> dict[str, dict[str, PlacedFigure]]:
        """Return the figures of a column by year and organisation, each with its cell; blank cells are left out.

        Spend summed from lines of cost has only its file. No place names a column, so that each figure is reported by
        itself.
        """
        figures: dict[str, dict[str, PlacedFigure]] = {}
        placed: dict[str, PlacedFigure] = {}
        rows: dict[str, InputRow] | None = None
        for year in self.request.years:
            before, rows = rows, self._rows_with_column(column, year)
            if rows != before:  # rows without a year are used for all years
                placed = {}
                for code, row in rows.items():
                    if (value := row.number_of(column)) is not None:
                        sheet, index = row.file.sheet, row.file.columns.get(column)
                        # A sum of several lines has no single cell.
                        place = "" if index is None else sheet.where(row.number, index).place
                        # Unlikely figures of two organisations have no common cause, so no column groups them.
                        placed[code] = PlacedFigure(value, Where(sheet.name, place))
            figures[year] = placed
        return figures

    def _columns_to_read(self, group: Group, file: InputFile) -> list[NeededColumn]:
        """Return the columns to read from a file: those that its group gives, the name, and further ones.

        `basis` is added, which marks illustrative figures. If the spend is summed from lines of cost, their amount and
        words are added; for rows of practices, the practice's code.
        """
        needs = [*group.gives.values(), _NAME]
        if file.has_lines and "historic_spend" in group.gives:
            return [*needs, *line_needs(self.request)]
        if file.is_by_practice and not file.has_lines:
            needs.append(NeededColumn("practice_code", "text"))
        return [*needs, NeededColumn("basis", "text", optional=True)]

    def _note_illustrative(self, file: InputFile) -> None:
        """Add a sentence to `illustrative` if the column `basis` marks rows so, or else if a title above them does."""
        marked = sum("illustrative" in row.text_of("basis").casefold() for row in file.rows)
        if marked:
            self.illustrative.append(
                f"{file.sheet.name}: {marked:,} of {len(file.rows):,} rows are marked illustrative."
            )
        elif any("illustrative" in title.casefold() for title in file.sheet.titles):
            self.illustrative.append(f"{file.sheet.name}: a title above the table says that figures are illustrative.")

    def _sum_rows(self, group: Group, file: InputFile) -> None:
        """Replace the rows of `file`, in place, by one for each organisation if they are lines of cost or practices.

        `group` only says which columns are needed. If `historic_spend` is summed from lines, all of them, counted or
        not, are also added to `lines`. If the file gives `historic_spend` itself but the
        scheme counts only some lines, a note says that this cannot be checked.
        """
        needs = [need for need in (*group.gives.values(), _NAME) if need.name in file.columns]
        if not file.keyed:
            return
        if file.has_lines and "historic_spend" in group.gives:
            self.lines = [*(self.lines or []), *sum_lines(file, needs)]
        elif file.has_lines:
            join_rows(file, needs)
        elif file.is_by_practice:
            sum_practices(file, needs)
        if "historic_spend" in file.columns and "historic_spend" in group.gives and self.request.counts:
            rules = [f"{column} {' or '.join(words)}" for column, words in self.request.counts.items()]
            file.findings.note(
                FindingCode.TOTALS_GIVEN,
                f"historic_spend is used as given; gpit cannot check that it covers only {listed(rules)}",
            )

    def _report_one_sided(self, group: Group) -> None:
        """Report organisations that only this group or only the first group has.

        One that this group lacks is an error, and is reported only if every organisation must be in this group. One
        that the first group lacks is an error if every organisation must be in the first group, else a warning that it
        is left out. Nothing is compared if this group gives no column, or if the rows of a file could not be read.
        """
        first, rows = self.groups[0], group.rows
        if not group.gives or not all(file.keyed for file in [*first.files, *group.files]):
            return
        lacking, strange = _years_alone(first.rows, rows), _years_alone(rows, first.rows)
        for code, years in sorted(lacking.items()) if group.is_essential else []:
            self._report_one_sided_row(first.rows[years[0]][code], group, years, strange, fatal=True)
        for code, years in sorted(strange.items()):
            self._report_one_sided_row(rows[years[0]][code], first, years, lacking, fatal=first.is_essential)

    def _report_blank_names(self) -> None:
        """Report organisations without a name in some year as an error, if the scheme needs the names."""
        is_needed = any(need.name == "org_name" and not need.optional for need in self.request.needs)
        blank = sorted({code for of_year in self.names.values() for code, name in of_year.items() if not name})
        if blank and is_needed:
            message = f"no org_name for {listed(blank)}"
            self.groups[0].findings.error(FindingCode.BLANK, message, "a name for each code")

    def _report_one_sided_row(
        self, row: InputRow, other: Group, years: Sequence[str], alone: Mapping[str, Sequence[str]], *, fatal: bool
    ) -> None:
        """Report an organisation that another group of files lacks, as an error or as a warning that it is left out.

        The message names a merger that explains it or, if there is none, similar organisations of the other group.

        Args:
            row: the organisation.
            other: the group that lacks it.
            years: years in which it is lacking.
            alone: organisations that only the other group has, with their years.
            fatal: whether it is an error.
        """
        suggestion = _similar_organisations(row, years, other.rows, alone)
        name = row.text_of("org_name")
        label = f"{name} ({row.code})" if name else row.code
        period = "" if len(years) == len(self.request.years) else f" for {listed(years)}"
        hint = merger_hint(row.code, years[0], other.rows[years[0]], self.crosswalk)
        message = f"{label} is not in {other.name}{period}" + (f" ({hint})" if hint else "")
        report = self.findings.error if fatal else self.findings.warning
        expected = remedy = ""
        if not fatal:
            message += " and is left out"
        if suggestion and not hint:
            message += f"; did you mean {suggestion}?"
            remedy = "If it is the same organisation, write the code the same way in both files"
        elif fatal:
            expected = "the same organisations in both files"
            remedy = f"Add the code to {other.name}, or remove it here"
        report(FindingCode.ONE_SIDED, row.where("org_code"), message, expected, remedy, organisation=row.code)

    def _describe_columns(self) -> None:
        """Fill `columns` with the kind, unit and files of each column that the scheme needs, even if no file has it.

        Further text columns are added if a file has them.
        """
        needed, optional = needed_columns(self.request)
        for need in [*needed, *optional]:
            owner = next((group for group in self.groups if need.name in group.gives), None)
            if owner or need in needed:
                files = ", ".join(file.sheet.file for file in owner.files) if owner else ""
                role = owner.role if owner else "input"
                self.columns[need.name] = InputColumn(need.name, need.kind, need.unit, role, files)

    def _codes(self, year: str) -> Collection[str]:
        """Return the codes of the organisations in a year: those of the first group; empty without a group."""
        return self.groups[0].rows[year] if self.groups else ()

    def _rows_with_column(self, column: str, year: str) -> dict[str, InputRow]:
        """Return the rows that give a column in a year, by organisation; only organisations of the first group."""
        rows = next((group.rows[year] for group in self.groups if column in group.gives), {})
        codes = self._codes(year)
        return rows if rows is codes else {code: rows[code] for code in codes if code in rows}

    def _names(self, year: str) -> dict[str, str]:
        """Return the name of each organisation in a year from the first group that has one; empty if none has.

        Groups whose files list larger organisations are passed over.
        """
        names = dict.fromkeys(self._codes(year), "")
        for group in (group for group in reversed(self.groups) if not group.of):
            for code, row in group.rows[year].items():
                if code in names and (name := row.text_of("org_name")):
                    names[code] = name
        return names


def _years_alone(rows: Rows, others: Rows) -> dict[str, list[str]]:
    """Return the organisations in `rows` that `others` lacks, each with the years in which it does.

    A year without any rows in `others` is passed over; it is reported elsewhere.

    Args:
        rows: rows of one group by year and organisation.
        others: those of the group that it is compared with.
    """
    alone: defaultdict[str, list[str]] = defaultdict(list)
    for year in rows:
        for code in rows[year].keys() - others[year].keys() if others[year] else ():
            alone[code].append(year)
    return alone


def _similar_organisations(row: InputRow, years: Sequence[str], rows: Rows, alone: Mapping[str, Sequence[str]]) -> str:
    """Return the organisations of another file that may be one that it lacks, for a message; empty if there are none.

    They have the same name or, if none has, a code that differs in one letter or digit and no clearly different name.

    Args:
        row: the organisation.
        years: years in which the other file lacks it.
        rows: the rows of the other file, by year and organisation.
        alone: organisations that only the other file has, with their years; only those of the same years are compared.
    """
    names = {
        code: rows[years_alone[0]][code].text_of("org_name")
        for code, years_alone in alone.items()
        if not set(years_alone).isdisjoint(years)
    }
    likely = counterparts(row.code, row.text_of("org_name"), names)
    return " or ".join(f"{code} ({names[code]})" if names[code] else code for code in likely)
