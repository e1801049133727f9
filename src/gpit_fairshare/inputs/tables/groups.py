"""Files that belong together, the columns that each group gives, and their rows by year.

The rows of a group may be larger organisations. A scheme declares that an input column belongs to the organisations in
a text column (`of = "ccg_code"`); each practice then gets the values of its CCG. The input column may be in the file
of practices, or in a file with one row for each CCG.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FileFindings, FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.columns.headings import headings_sentence
from gpit_fairshare.inputs.columns.standard_columns import standard_columns
from gpit_fairshare.inputs.model import NeededColumn, Request, Role
from gpit_fairshare.inputs.tables.rows import CheckedValue, InputFile, InputRow
from gpit_fairshare.inputs.tables.sums import exact_total
from gpit_fairshare.words import listed, nearest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.files.reading import InputSheet


@dataclass
class Group:
    """Files that are read as one table: all of `--population`, all of `--spend`, or one of `--input`."""

    role: Role
    files: list[InputFile]
    gives: dict[str, NeededColumn] = field(default_factory=dict)
    """Columns that the tables take from these files."""
    rows: dict[str, dict[str, InputRow]] = field(default_factory=dict)
    """Rows by year of the scheme and organisation."""
    of: str = ""
    """If the rows of these files are larger organisations, the text column that names them; else empty."""

    @property
    def name(self) -> str:
        """The files, for messages."""
        return ", ".join(file.sheet.name for file in self.files)

    @property
    def request(self) -> Request:
        """The request."""
        return self.files[0].request

    @property
    def findings(self) -> FileFindings:
        """Where to report findings about all of the files together."""
        return FileFindings(self.files[0].findings.collector, self.name)

    @property
    def is_essential(self) -> bool:
        """Return whether every organisation must have a row in these files."""
        return any(not need.optional for need in self.gives.values())

    def has_column(self, column: str) -> bool:
        """Return whether any of the files gives a column."""
        return any(file.has_column(column) for file in self.files)

    def can_give(self, need: NeededColumn) -> bool:
        """Return whether rows may take a column from these files: a CCG's people are not the people of a practice."""
        return self.has_column(need.name) and (not self.of or need.of == self.of)


def make_groups(sheets: Iterable[tuple[Role, InputSheet]], request: Request) -> list[Group]:
    """Return the groups of files: all of `--population` together, all of `--spend`, and each of `--input` alone.

    Args:
        sheets: each file's sheet with its option; those of one option follow each other.
        request: what is needed.
    """
    groups: list[Group] = []
    for role, sheet in sheets:
        file = InputFile(sheet, role, request)
        if role != "input" and groups and groups[-1].role == role:
            groups[-1].files.append(file)
        else:
            groups.append(Group(role, [file], rows={year: {} for year in request.years}))
    return groups


def needed_columns(request: Request) -> tuple[list[NeededColumn], list[NeededColumn]]:
    """Return the columns that are needed, with their units, and those that are kept if a file has them.

    A column without a unit gets that of the standard column. Codes, names and years are in neither list; texts of
    `area_team` and of `request.keep_text` are kept.
    """
    standards = standard_columns()
    needed = [
        replace(need, unit=need.unit or (standards[need.name].unit if need.name in standards else ""))
        for need in request.needs
        if need.name not in ("org_code", "org_name", "year")
    ]
    names = {need.name for need in needed} | {"org_code", "org_name", "year"}
    optional = [name for name in dict.fromkeys(["area_team", *request.keep_text]) if name not in names]
    return needed, [NeededColumn(name, "text", optional=True) for name in optional]


def share_out_columns(groups: Sequence[Group], request: Request, findings: FindingCollector, *, all_read: bool) -> None:
    """Decide which group gives each column, and report columns that none or several of the groups have.

    The first group with a column gives it. A file of this group that lacks the column is an error too, if the column is
    needed. An `area_team` that the scheme does not name is never reported.

    Args:
        groups: the files; this fills their `gives`.
        request: what is needed.
        findings: where to report.
        all_read: whether every file could be read; if not, a missing column may be in an unread file.
    """
    needed, optional = needed_columns(request)
    for need in [*needed, *optional]:
        owners = _groups_with_column(need, groups)
        if not owners:
            if all_read and not need.optional:
                _report_missing_column(need, groups, request, findings)
            continue
        owners[0].gives[need.name] = need
        if len(owners) > 1 and (need in needed or need.name in request.keep_text):
            findings.error(
                FindingCode.TWO_FILES,
                Where(),
                f"{need.name} is in {listed([group.name for group in owners])}",
                "the column in one file only",
                "Delete or rename the column in the other files",
            )
        for file in owners[0].files:
            if not file.has_column(need.name) and not need.optional:
                file.findings.error(
                    FindingCode.MISSING_COLUMN,
                    f"no column {need.name}, which another file of the same option has; {_headings_of([file])}",
                    remedy=f"Name it with --map 'HEADING={need.name}'",
                )


def _groups_with_column(need: NeededColumn, groups: Sequence[Group]) -> list[Group]:
    """Return the groups that can give a column.

    If they all hold the same sheet, given for several options, only one is returned: that of the column's usual option,
    else the first.
    """
    owners = [group for group in groups if group.can_give(need)]
    standard = standard_columns().get(need.name)
    sheets = {(file.sheet.sha256, file.sheet.sheet) for group in owners for file in group.files}
    usual = [group for group in owners if standard and standard.option == group.role]
    return (usual or owners)[:1] if len(sheets) == 1 else owners


def place_rows_by_year(group: Group) -> None:
    """Fill the `rows` of a group by year and organisation; report repeated rows, and years that no file has.

    A row without a year is used for every year of the scheme. Of repeated rows, the first is kept. Lines of cost of one
    organisation in two files are added up instead.
    """
    request = group.request
    for file in group.files:
        for row in file.rows:
            for year in [row.year] if row.year else request.years:
                first = group.rows[year].setdefault(row.code, row)
                if first is row:
                    continue
                if first.file.has_lines and file.has_lines and first.file is not file:
                    group.rows[year][row.code] = _with_spend_added(first, row)
                else:
                    _report_repeated_row(first, row, year)
    present_years = sorted({year for file in group.files for year in file.years})
    missing = [year for year in request.years if year not in present_years]
    if present_years and missing and all(file.dated for file in group.files):
        group.findings.error(
            FindingCode.MISSING_YEAR,
            f"no rows for {listed(missing)}; the file has rows for {listed(present_years, 20)}",
            "rows for every year of the scheme, or no year column",
            "Add the rows, or choose years that the file has with --years, or a scheme for these years with --scheme"
            if request.scheme and not request.options  # verbs with their own file options choose their years
            else "Add the rows, or remove the years from the scheme",
        )


def report_case_clashes(rows: Sequence[InputRow], findings: FindingCollector) -> None:
    """Report codes of organisations, or of practices, that differ only in upper and lower case."""
    rows = rows[::-1]  # the first row of each code is kept
    organisations = {("organisation", row.code): row for row in rows}
    practices = {("practice", row.text_of("practice_code")): row for row in rows}
    spellings: defaultdict[tuple[str, str], dict[str, InputRow]] = defaultdict(dict)
    for (kind, code), row in (organisations | practices).items():
        spellings[kind, code.casefold()][code] = row
    for (kind, _), same in sorted(spellings.items()):
        if len(same) > 1:
            codes = [f"{code!r} ({row.place})" for code, row in sorted(same.items())]
            findings.error(
                FindingCode.CODE_CASE,
                Where(min(row.file.sheet.name for row in same.values()), column=kind),
                f"the {kind} codes {listed(codes)} differ only in upper and lower case",
                remedy="Write each code in one way only",
                organisation=min(same),
            )


def _report_missing_column(
    need: NeededColumn, groups: Sequence[Group], request: Request, findings: FindingCollector
) -> None:
    """Report that no file has a column.

    If no file was given with the option that usually has it, the remedy is that option. Else the message lists the
    headings of the files, with the nearest one, and the remedy is `--map`.
    """
    standard = standard_columns().get(need.name)
    option = standard.option if standard else ""
    given_with = f"--{option}" if option else request.options.get(need.name, request.options.get("", "--input"))
    files = [file for group in groups for file in group.files if option in ("", group.role)]
    label = f"{need.name} ({need.label})" if need.label and need.label != need.name else need.name
    if not files:
        findings.error(
            FindingCode.MISSING_COLUMN,
            Where(),
            f"no file gives {label}",
            remedy=f"Give a file that has it with --{option} FILE",
        )
        return
    headings = [heading for file in files for heading in file.sheet.headings if heading]
    # An unknown name may also be a misspelt step or parameter.
    suggestion = nearest_of(need.name, headings if standard else [*headings, *need.alternatives])
    if need.used_in and not standard:
        label += f", which {need.used_in} uses"
    findings.error(
        FindingCode.MISSING_COLUMN,
        Where(", ".join(file.sheet.name for file in files)),
        f"no column {label}; {_headings_of(files)}" + (f"; the nearest is '{suggestion}'" if suggestion else ""),
        remedy=("Correct the name, or name" if need.used_in and not standard else "Name")
        + f" it with --map 'HEADING={need.name}', or give a file that has it with {given_with} FILE",
    )


def _headings_of(files: Sequence[InputFile]) -> str:
    """Return the sentence that lists all headings of some files, for a message."""
    return headings_sentence([heading for file in files for heading in file.sheet.headings])


def _with_spend_added(first: InputRow, more: InputRow) -> InputRow:
    """Return the first row with the historic spend of a second row, from another file of lines, added.

    If either has no spend, the first row is returned unchanged.
    """
    values = dict(first.values)
    mine, theirs = first.number_of("historic_spend"), more.number_of("historic_spend")
    if mine is not None and theirs is not None:
        origin = f"{values['historic_spend'].origin} and {more.values['historic_spend'].origin}"
        values["historic_spend"] = CheckedValue(exact_total([mine, theirs]), origin)
    return replace(first, values=values)


def _report_repeated_row(first: InputRow, repeated: InputRow, year: str) -> None:
    """Report the second row of an organisation in a year as an error.

    The message names the figures that differ from the first row, or states that all are the same.
    """
    of_year = f" for {year}" if repeated.year or first.year else ""
    before, after = ({name: value.value for name, value in row.values.items()} for row in (first, repeated))
    differing = [name for name in before if name in after and before[name] != after[name]]
    same = "" if before.keys() != after.keys() else ", with the same figures"
    comparison = f", with a different {listed(differing)}" if differing else same
    repeated.file.findings.error(
        FindingCode.DUPLICATE_ROW,
        f"{repeated.code} is already in {first.place}{of_year}{comparison}",
        "one row for each code and year",
        "Delete one of the rows. Lines of cost need a column amount; rows of practices need a column practice_code",
        at=repeated.where("org_code"),
    )


def mark_parent_groups(groups: Sequence[Group], needs: Sequence[NeededColumn]) -> None:
    """Set `of` for each group of `--input` whose rows are larger organisations.

    Such a group has a column that `needs` takes from larger organisations, and none of its codes is in the first group.
    If a file has no column of codes but the column of larger organisations, such as `CCG Code`, that column becomes its
    codes.
    """
    for group in groups[1:]:
        parent_column = next((need.of for need in needs if need.of and group.has_column(need.name)), "")
        if group.role == "input" and parent_column:
            for file in group.files:
                if "org_code" not in file.columns and parent_column in file.columns:
                    file.columns["org_code"] = file.columns.pop(parent_column)
            if not _codes_as_written(groups[0]) & _codes_as_written(group):
                group.of = parent_column


def _codes_as_written(group: Group) -> set[str]:
    """Return the codes in a group's files as they are written, before anything is checked."""
    places = [(file, file.columns.get("org_code")) for file in group.files]
    return {str(row[index]).strip() for file, index in places if index is not None for _, row in file.sheet.rows}


def give_parent_rows(group: Group, belonging: Mapping[str, Mapping[str, InputRow]]) -> None:
    """Replace the rows of a group by those of its members: each organisation gets the row of its larger organisation.

    Larger organisations without a row are reported, as an error if every organisation needs a row, else as a warning.
    Rows that no member names are a warning. If no row is used at all, there is one error about that only.

    Args:
        group: Files of larger organisations; their rows by year and code are replaced.
        belonging: By year and code, the rows that name their larger organisation.
    """
    findings = group.findings
    lacking: set[str] = set()
    strange: set[str] = set()
    for year, rows_of_year in belonging.items():
        rows, parents = group.rows[year], {code: row.text_of(group.of) for code, row in rows_of_year.items()}
        lacking |= set(filter(None, parents.values())) - rows.keys()
        strange |= rows.keys() - set(parents.values())
        group.rows[year] = {code: rows[parent] for code, parent in parents.items() if parent in rows}
    if strange and not any(group.rows.values()):
        findings.error(
            FindingCode.ONE_SIDED,
            f"none of its codes, such as {min(strange)}, is the {group.of} of any row",
            f"codes that are in the column {group.of}, or the codes of the rows",
            "Correct the codes",
        )
        return
    if lacking:
        report = findings.error if group.is_essential else findings.warning
        message = f"no row for {listed(sorted(lacking))}, which the column {group.of} names"
        report(FindingCode.ONE_SIDED, message, remedy="Add the rows; without them, their members get no values")
    if strange:
        message = f"{listed(sorted(strange))} is left out: no row has this {group.of}"
        findings.warning(FindingCode.ONE_SIDED, message)
