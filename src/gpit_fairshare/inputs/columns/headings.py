"""Match each heading of a file to a column."""

from __future__ import annotations

import keyword
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from gpit_fairshare.errors import UsageError
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.cells import without_years
from gpit_fairshare.inputs.columns.column_units import ColumnUnits
from gpit_fairshare.inputs.columns.marks import bare_heading
from gpit_fairshare.inputs.columns.standard_columns import folded, is_named, standard_columns
from gpit_fairshare.inputs.columns.units import parse_unit, rate_unit, split_unit
from gpit_fairshare.words import counted, listed, nearest, parse_year, quoted_option

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from gpit_fairshare.inputs.files.reading import InputSheet
    from gpit_fairshare.inputs.model import Request, Role

STRUCTURE = ("org_code", "org_name", "year", "practice_code")
"""Columns that identify the organisation and the year of a row."""
LINE_WORDS = ("category", "cost_type", "committed", "provider", "basis")
"""Columns that describe a line of cost."""
_PRACTICE = re.compile(r"[A-Z][0-9]{5}")
"""Codes of GP practices."""
_PRACTICES_OWN = frozenset({"code", "orgcode", "organisationcode", "odscode"})
PARENT = {"org_code": "parent_code", "org_name": "parent_name"}
"""If each row is a practice: columns of the organisation that it belongs to."""
COMMISSIONER = "ccg_code"
"""The name of the practice's organisation if a step uses it."""


def plain_name(heading: str) -> str:
    """Return the name of a column with an unknown heading, without unit and marks: `Area Team (£k)` → `area_team`."""
    # Python reads names in formulas in this normal form, so the column must have it, too.
    text = unicodedata.normalize("NFKC", split_unit(bare_heading(heading))[0]).lower()
    return re.sub(r"[\W_]+", "_", text).strip("_")


def recogniser(role: Role, request: Request) -> Callable[[str], str | None]:
    """Return a function from a heading to its likely column, or None; it tells the row of headings from other rows.

    It ignores which columns other headings of the file have, so several headings may get the same column.

    Args:
        role: the option that gave the file; some words of headings.toml are only for one.
        request: the request, with `--map` and the needed columns.
    """
    layers = _heading_matchers(role, request)

    @cache
    def recognise(heading: str) -> str | None:
        """Return the likely column of a heading; only `--map` can name a column whose heading is a whole number."""
        if heading.isdigit() and heading.isascii() and not request.mapping:
            return None
        return next((name for match_heading in layers if (name := match_heading(heading))), None)

    return recognise


def _heading_matchers(role: Role, request: Request) -> list[Callable[[str], str | None]]:
    """Return functions from a heading to its column, or None, in order of certainty.

    They use, in turn: `--map`; for rows of practices, headings for the practice's code and name; the names of columns;
    the request's word for an organisation with `code` or `name`; and the aliases, weak and last headings of
    headings.toml. Columns of headings.toml that are only for files of another role are left out.
    """
    standards = {name: standard for name, standard in standard_columns().items() if standard.only in ("", role)}
    mapping = {folded(heading): column for heading, column in request.mapping.items()}
    named_for_organisation = {folded(f"{request.organisation} {part}"): f"org_{part}" for part in ("code", "name")}
    exact = {*standards, *request.counts, *request.keep_text, *(need.name for need in request.needs)}
    rows = (("practice_code", "org_code"), ("practice_name", "org_name")) if request.is_by_practice else ()
    practices = {alias: name for practice, name in rows for alias in standards[practice].aliases}
    aliases = {alias: name for name, entry in standards.items() for alias in entry.aliases}
    weak = {alias: name for name, entry in standards.items() for alias in entry.weak}
    last = {alias: name for name, entry in standards.items() for alias in entry.last}

    @cache
    def forms(heading: str) -> tuple[str, str]:
        """Return a heading, folded, with and without its unit; every table below is asked for both."""
        return folded(heading), folded(split_unit(heading)[0])

    def lookup(table: Mapping[str, str]) -> Callable[[str], str | None]:
        """Return a function from a heading, with or without its unit, to its column in a table of folded headings."""
        return lambda heading: next((table[form] for form in forms(heading) if form in table), None)

    return [
        lookup(mapping),
        lookup(practices),
        lambda heading: name if (name := plain_name(heading)) in exact else None,
        lookup(named_for_organisation),
        lookup(aliases),
        lookup(weak),
        lookup(last),
    ]


def headings_sentence(headings: Iterable[str]) -> str:
    """List the headings of a file in a sentence, for a message about a missing one; explain headings that are years."""
    unique_headings = list(dict.fromkeys(heading for heading in headings if heading))
    sentence = f"the headings are {listed([repr(heading) for heading in unique_headings], 30)}"
    years = [heading for heading in unique_headings if parse_year(heading)]
    if years:
        sentence += f"; {listed(years)} are years: use one column, year, with a row for each organisation and year"
    return sentence


def check_mapping(request: Request) -> None:
    """Check the names of columns that `--map` gives to headings, and the units that `--unit` gives to them.

    Raises:
        UsageError: a formula cannot use a column's name, or a unit is not known.
    """
    for heading, column in request.mapping.items():
        if not column.isidentifier() or keyword.iskeyword(column):
            raise UsageError(
                f"--map '{heading}={column}': '{column}' cannot be the name of a column; "
                "use letters, digits and _, such as need_index"
            )
    for heading, unit in request.units.items():
        if not (parse_unit(unit) or rate_unit(unit)):
            raise UsageError(
                f"--unit '{heading}={unit}': '{unit}' is not a known unit; "
                "write £, £000, £m, people or 000 people (GBP, GBP 000 and GBP m where £ cannot be typed), "
                "or % or ratio for a rate"
            )


def check_named_headings(request: Request, sheets: Iterable[InputSheet]) -> None:
    """Check that some file has each heading that the user named with --map or --unit.

    Raises:
        UsageError: no file has the heading; the message suggests similar ones.
    """
    headings = [heading for sheet in sheets for heading in sheet.headings if heading]
    for flag, named in (("--map", request.mapping), ("--unit", request.units)):
        for heading, value in named.items():
            if not any(is_named(file_heading, heading) for file_heading in headings):
                raise UsageError(
                    f"{flag} '{heading}={value}': no file has the heading '{heading}'"
                    f"{nearest(heading, headings) or f'; the headings are {listed(headings)}'}"
                )


class Headings:
    """The headings of one file, matched to columns; the most certain matches come first."""

    def __init__(self, sheet: InputSheet, role: Role, request: Request) -> None:
        self.sheet = sheet
        self.role = role
        self.request = request
        self.findings = sheet.findings
        self.needed_columns = {need.name for need in request.needs} | set(request.keep_text)
        if "historic_spend" in self.needed_columns and role == "spend":
            self.needed_columns.add("amount")
        self.used = self.needed_columns | set(standard_columns()) | set(request.counts)
        self.columns: dict[str, int] = {}
        self.repeats: dict[str, list[int]] = {}
        self._names: dict[int, str] = {}
        self._filled = [index for index, heading in enumerate(sheet.headings) if heading and sheet.is_filled(index)]
        self._blank_repeats: dict[int, str] = {}
        """Blank columns with the name of a filled column, and that name."""
        self.lines_of_code: dict[str, list[int]] = {}
        """If a heading for totals is above lines of cost: the rows of each code that has several."""
        self._match_headings()
        self.units = ColumnUnits(sheet, self.columns, request)

    @property
    def has_lines(self) -> bool:
        """Return whether each row is a line of cost, not the total of an organisation or a practice."""
        return self.role == "spend" and "amount" in self.columns and "historic_spend" not in self.columns

    @property
    def matched(self) -> tuple[tuple[str, str], ...]:
        """Each heading of the file that was read as a column, with the column, from left to right."""
        pairs = sorted((index, name) for name, index in self.columns.items())
        return tuple((self.sheet.marked.get(index, self.sheet.headings[index]), name) for index, name in pairs)

    def _quote_heading(self, index: int) -> str:
        """Return a heading with its place, for a message: `'Patients' (column C)`."""
        return f"'{self.sheet.headings[index]}' ({self.sheet.column_in_words(index)})"

    def title(self, column: str) -> str:
        """Return the heading of a column as the file has it, without footnote marks."""
        return self.sheet.headings[self.columns[column]]

    def _match_headings(self) -> None:
        """Assign the headings to columns: the most certain matches first, and filled columns before blank ones.

        Headings named with `--map` come first, whether filled or blank. An unknown heading becomes a column of its own.
        """
        mapped, *layers = _heading_matchers(self.role, self.request)
        # The user's headings may match blank columns, too; otherwise filled columns come first.
        self._claim_columns(mapped, range(len(self.sheet.headings)))
        for match_heading in layers:
            self._claim_columns(match_heading, self._filled)
        self._claim_practices()
        self._claim_columns(self._match_commissioner, self._filled)
        self._claim_headings_with_year(layers)
        self._claim_columns(self._name_unknown, self._filled)
        blank = [index for index in range(len(self.sheet.headings)) if index not in self._filled]
        for match_heading in (*layers, self._match_commissioner, self._name_unknown):
            self._claim_columns(match_heading, blank)
        self._take_total_for_amount()

    def _claim_headings_with_year(self, layers: Sequence[Callable[[str], str | None]]) -> None:
        """Read a heading such as `GP IT spend 2024/25 (£m)` as its column without the year, if a run needs the column.

        If unused headings name several years, or rows have a year, each heading may be about another year of the run,
        and none is read.
        """
        needed = {need.name for need in self.request.needs if not need.optional} - self.columns.keys()
        texts = {index: without_years(self.sheet.headings[index]) for index in self._filled if index not in self._names}
        if "year" in self.columns or len(frozenset[str]().union(*(years for _, years in texts.values()))) != 1:
            return
        dated = {self.sheet.headings[index]: text for index, (text, years) in texts.items() if years}
        for match_heading in layers:
            names = {heading: name for heading, text in dated.items() if (name := match_heading(text)) in needed}
            self._claim_columns(names.get, self._filled)

    def _take_total_for_amount(self) -> None:
        """Read a total as the amount of a line of cost if the rows of a spend file can only be lines.

        The rows are stored in `lines_of_code`, and `report` adds an error. The same run then finds other errors in the
        lines, and no errors that only result from this one.
        """
        if self.role == "spend" and "historic_spend" in self.columns and "amount" not in self.columns:
            self.lines_of_code = self._rows_that_are_lines()
        if self.lines_of_code:
            index = self.columns["amount"] = self.columns.pop("historic_spend")
            self._names[index] = "amount"

    def _rows_that_are_lines(self) -> dict[str, list[int]]:
        """Return the row numbers of each code that has several kinds of cost; empty if the rows are not lines of cost.

        Kinds are separated by texts such as category and provider, within one year and one practice. The rows are
        lines if more than half of them belong to such codes. A single duplicate row is a different error.
        """
        columns = self.columns
        words = [columns[name] for name in LINE_WORDS if name in columns and name != "basis"]
        keys = [columns[name] for name in STRUCTURE if name in columns and name != "org_name"]
        if not words or "org_code" not in columns:
            return {}
        kinds: dict[tuple[str, ...], dict[int, tuple[str, ...]]] = {}
        for number, row in self.sheet.rows:
            if isinstance(row[columns["org_code"]], str) and row[columns["org_code"]].strip():
                key = tuple(str(row[index]).strip() for index in keys)
                kinds.setdefault(key, {})[number] = tuple(folded(str(row[index])) for index in words)
        lines: dict[str, list[int]] = {}
        for key, rows in kinds.items():
            if len(set(rows.values())) > 1:
                lines.setdefault(key[0], []).extend(rows)
        return lines if sum(map(len, lines.values())) * 2 > len(self.sheet.rows) else {}

    def _claim_practices(self) -> None:
        """Read the first unused heading such as `CODE` as practice codes, if all values of its column are such codes.

        Only a file with a column for organisation codes and none yet for practice codes is searched, and none if each
        row of the tables is a practice.
        """
        if self.request.is_by_practice or "practice_code" in self.columns or "org_code" not in self.columns:
            return
        for index, heading in enumerate(self.sheet.headings):
            if index not in self._names and folded(heading) in _PRACTICES_OWN and self._has_practices(index):
                self.columns["practice_code"] = index
                self._names[index] = "practice_code"
                return

    def _has_practices(self, index: int) -> bool:
        """Return whether a column has values, and all of them are codes of GP practices."""
        cells = [row[index] for _, row in self.sheet.rows if row[index] is not None]
        return bool(cells) and all(isinstance(cell, str) and _PRACTICE.fullmatch(cell.strip()) for cell in cells)

    def _claim_columns(self, match_heading: Callable[[str], str | None], places: Sequence[int]) -> None:
        """Assign headings to the columns that they match, except columns that other headings already have.

        If several headings match one column, the first is used, and `repeats` records all of them. A blank column whose
        name a filled column already has is recorded in `_blank_repeats` and is not used.

        Args:
            match_heading: returns the column of a heading, or None.
            places: indices of the headings to match.
        """
        claims: dict[str, list[int]] = {}
        for index in places:
            heading = self.sheet.headings[index]
            column = match_heading(heading) if heading and index not in self._names else None
            if column and column not in self.columns:
                claims.setdefault(column, []).append(index)
            elif column and index not in self._filled and self.columns[column] in self._filled:
                # A filled column already has the name of this blank one.
                self._names[index] = ""
                self._blank_repeats[index] = column
        for column, indices in claims.items():
            self.columns.setdefault(column, indices[0])
            self._names.update(dict.fromkeys(indices, column))
            if len(indices) > 1:
                self.repeats[column] = indices

    def _match_commissioner(self, heading: str) -> str | None:
        """Return `ccg_code` for a second heading for organisation codes, or None.

        Only if each row of the tables is a practice, and a step uses the column `ccg_code`.
        """
        has_step = any(need.name == COMMISSIONER for need in self.request.needs)
        is_commissioner = has_step and self.request.is_by_practice and "org_code" in self.columns
        return COMMISSIONER if is_commissioner and folded(heading) in standard_columns()["org_code"].aliases else None

    def _name_unknown(self, heading: str) -> str | None:
        """Return the name of the column for an unknown heading; None if it gives no name, or the name is in use.

        If each row is a practice, a second code or name is that of its parent organisation.
        """
        name = plain_name(heading)
        if name not in self.columns:
            return name or None
        return PARENT.get(name) if self.request.is_by_practice else None

    def report(self) -> None:
        """Report headings that are repeated, merged over columns, replaced by `--map`, or read under another name.

        Names that no formula can use, the units of the columns, and a heading for totals above lines of cost are
        reported, too. A repeated heading is an error for a column that may be used, else a warning.
        """
        for column, indices in self.repeats.items():
            titles = listed([self._quote_heading(index) for index in indices])
            if column in self.used:
                has_repeats = len({folded(self.sheet.headings[index]) for index in indices}) < len(indices)
                self.findings.error(
                    FindingCode.DUPLICATE_HEADING,
                    f"{titles} would each be read as {column}",
                    remedy="Rename those that should not be used, or put each year or table in a separate file; "
                    "--map cannot tell identical headings apart"
                    if has_repeats
                    else f"Name the right one with --map 'HEADING={column}', or rename the others",
                )
            else:
                self.findings.warning(FindingCode.DUPLICATE_HEADING, f"{titles} have the same name; none is used")
        for index, column in self._blank_repeats.items():
            filled = self._quote_heading(self.columns[column])
            message = f"{self._quote_heading(index)} is blank and not used; {filled} is read as {column}"
            self.findings.note(FindingCode.DUPLICATE_HEADING, message)
        self._report_spread()
        for index, column in self._displaced_headings().items():
            self.findings.warning(
                FindingCode.DUPLICATE_HEADING,
                f"--map reads {self._quote_heading(self.columns[column])} as {column}; {self._quote_heading(index)}, "
                f"which would otherwise be {column}, is not used",
                remedy=f"If the second is right, remove --map '{self.title(column)}={column}'",
            )
        for heading, column in self.matched:
            if keyword.iskeyword(column):
                self.findings.warning(
                    FindingCode.KEYWORD,
                    f"the heading '{heading}' becomes {column}, a name that no formula can use",
                    remedy=f"Rename it with --map '{heading}=ANOTHER_NAME'",
                )
        self.units.report(self.needed_columns, {*self.request.essential, "amount"})
        if self.lines_of_code:
            self._report_total_over_lines()
        renamed = [
            f"'{heading}' as {column}"
            for heading, column in self.matched
            if column in self.used and heading != column and not (column == "amount" and self.lines_of_code)
        ]
        if renamed:
            self.findings.note(FindingCode.HEADING, f"read {listed(renamed, most=40)}")

    def _report_spread(self) -> None:
        """Report headings that are merged over several columns of figures, if the run may use the heading's column.

        This is an error, or a warning for a column that is needed only as `lenient`.
        """
        lenient = {need.name for need in self.request.needs if need.lenient}
        for index, columns in self.sheet.spread.items():
            name = self._names.get(index, "")
            if name not in self.used:
                continue
            places = listed([self.sheet.column_in_words(column).removeprefix("column ") for column in columns])
            report = self.findings.warning if name in lenient else self.findings.error
            report(
                FindingCode.MERGED,
                f"the heading '{self.sheet.headings[index]}' is merged over columns {places}, which all have figures, "
                f"but only one can be {name}",
                "a heading for each column",
                "Unmerge the heading and give each column its own",
                at=self.sheet.where(self.sheet.heading_row, index),
            )

    def report_unused(self, columns_read: Collection[str]) -> None:
        """Note columns with values that the run does not use, except those reported as repeated or replaced by `--map`.

        Args:
            columns_read: names of the columns that are read from the file.
        """
        used = {index for name, index in self.columns.items() if name in {"org_code", "year", *columns_read}}
        used_or_reported = used.union(*self.repeats.values(), self._displaced_headings())
        unused = [
            f"{self.sheet.headings[index]} ({self.sheet.column_in_words(index)})"
            for index in self._filled
            if index not in used_or_reported
        ]
        if unused:
            self.findings.note(FindingCode.UNUSED, f"not used: {listed(unused)}")

    def _report_total_over_lines(self) -> None:
        """Report as an error that a heading for totals is above lines of cost; the message names the first code."""
        code, rows = next(iter(self.lines_of_code.items()))
        words = [self.title(name) for name in LINE_WORDS if name in self.columns and name != "basis"]
        others = counted(len(self.lines_of_code) - 1, "other code")
        heading = self.title("amount")
        self.findings.error(
            FindingCode.DUPLICATE_ROW,
            f"{code} has {len(rows):,} rows that differ in {listed([repr(word) for word in words])}, like lines of cost"
            f"{f' ({others} too)' if len(self.lines_of_code) > 1 else ''}; "
            f"but '{heading}' is read as historic_spend, the total of an organisation",
            remedy=f"If it is the amount of each line, say so with {quoted_option('--map', heading, 'amount')}; "
            "if it is a total, give one row for each code",
            at=self.sheet.where(rows[1], self.columns["org_code"]),
        )

    def _displaced_headings(self) -> dict[int, str]:
        """Return the index and column of each heading that is unused because `--map` gave its column to another."""
        exchanged = {
            column
            for column, index in self.columns.items()
            if column in self.used and any(is_named(self.sheet.headings[index], name) for name in self.request.mapping)
        }
        return {
            index: name
            for index, heading in enumerate(self.sheet.headings)
            if heading and index not in self._names and (name := plain_name(heading)) in exchanged
        }
