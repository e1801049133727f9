"""A case run, and its verdict: what differs, which checks do not hold, what could not be run at all."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import chdir
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from gpit_fairshare.allocation import allocate
from gpit_fairshare.cases.comparing import FigureDifference, Kind, compare
from gpit_fairshare.cases.reading import KEYS, Case, read_case, read_model
from gpit_fairshare.cases.shape import OTHER_COLUMNS
from gpit_fairshare.errors import CaseError, GpitError, InputError
from gpit_fairshare.results.writing import harmless
from gpit_fairshare.run_options import OPTIONS
from gpit_fairshare.words import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.cases.discovery import Found
    from gpit_fairshare.engine import Result

Outcome = Literal["ok", "failed", "fault"]
_NAMED: Final = 3
"""Organisations named beside a check that does not hold."""


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """What became of one case."""

    file: str
    name: str = ""
    """Empty, like title and origin, where the case cannot be read."""
    title: str = ""
    origin: str = ""
    source: str = ""
    """Where the figures were published."""
    outcome: Outcome = "ok"
    said: tuple[str, ...] = ()
    """Why it failed or could not be run, a sentence each; the figures that differ are beside it."""
    differences: tuple[FigureDifference, ...] = ()
    """The worst first."""
    figures: int = 0
    """How many figures were compared."""
    rows: Literal["all", "some"] = "all"
    looked_at: int = 0
    """Organisations of the years of the case that it looks at, once for each year."""
    there: int = 0
    """Organisations of these years that there are."""
    case: Case | None = None
    """What was read; None where the case cannot be read."""
    result: Result | None = None
    """What the run gave; None where it could not be run, or was refused."""

    @property
    def id(self) -> str:
        """Return file and name, or the file alone where the name is not known."""
        return f"{self.file}::{self.name}" if self.name else self.file


def run_case(found: Found, *, may_lack: bool = False) -> CaseVerdict:
    """Read and run a case; faults of the case are its verdict and are not raised.

    Args:
        found: The case file.
        may_lack: Whether a file of expected figures may still have to be written.
    """
    base = CaseVerdict(found.file)
    try:
        model = read_model(found)
        head = model.case
        cited = one_line(head.source, 400) if head.source else ""
        base = CaseVerdict(found.file, head.name, one_line(head.title, 200), head.origin, cited, rows=head.rows)
        case = read_case(found, model, may_lack=may_lack)
        try:
            result = _result(case)
        except GpitError as fault:
            return _of_refusal(case, replace(base, case=case), fault)
        return _of_result(case, replace(base, case=case, result=result), result)
    except GpitError as fault:
        # The verdict begins with the file already.
        said = _in_words(fault).removeprefix(f"{one_line(found.path.name)}: ")
        return replace(base, outcome="fault", said=(said,))


def _in_words(fault: GpitError) -> str:
    """Return a message as the author of a case knows its parts."""
    return str(fault).replace("--set ", "run › set › ", 1) if str(fault).startswith("--set ") else str(fault)


def _result(case: Case) -> Result:
    """Run a case in its folder, so that paths and messages are as the case writes them."""
    values = {name: getattr(case.model.run, option.key, None) for name, option in OPTIONS.items()}
    # What an assumption is worth is left out: no case looks at it, and it takes most of the time.
    with chdir(case.found.path.parent):
        return allocate(**{name: value for name, value in values.items() if value is not None}, with_effects=False)


def _of_refusal(case: Case, base: CaseVerdict, fault: GpitError) -> CaseVerdict:
    """Judge a run that was refused: it may be what the case expects."""
    if case.head.fails is None:
        return replace(base, outcome="fault", said=(_in_words(fault),))
    wanted = " ".join(case.head.fails.split())
    faults = fault.findings if isinstance(fault, InputError) else ()
    if any(wanted in " ".join(text.split()) for text in (str(fault), *map(str, faults))):
        return base
    surprise = f"The run fails, but not with '{one_line(wanted, 200)}': {_in_words(fault)}"
    return replace(base, outcome="failed", said=(surprise,))


def _of_result(case: Case, base: CaseVerdict, result: Result) -> CaseVerdict:
    if case.head.fails is not None:
        surprise = f"The run should fail with '{one_line(case.head.fails, 200)}', and gives a result."
        return replace(base, outcome="failed", said=(surprise,))
    figures = _Figures(case, result)
    differences = [*figures.rows(), *figures.compared()]
    # Ties in the order of the table, so that the same case says the same on every machine.
    differences.sort(key=lambda one: (one.year, one.code, one.column))
    differences.sort(key=lambda one: one.beyond, reverse=True)
    said = [*figures.in_short(differences), *checks_said(case, result)]
    if case.lacking:
        said = [f"{one_line(case.lacking.name)} is still to be written.", *said]
    return replace(
        base,
        outcome="failed" if said else "ok",
        said=tuple(said),
        differences=tuple(differences),
        figures=len(case.figures),
        looked_at=sum(map(len, figures.codes.values())),
        there=sum(len(figures.known[year]) for year in figures.codes),
    )


def checks_said(case: Case, result: Result) -> Iterator[str]:
    """Yield a sentence for each check that holds or fails where it should not."""
    names = {check.name for check in result.scheme.checks}
    for name in case.head.checks_fail:
        if name not in names:
            raise CaseError(
                f"{one_line(case.found.path.name)}: case › checks_fail: the scheme has no check "
                f"'{one_line(name)}'{nearest(name, names)}"
            )
        if all(check.holds for check in result.checks if check.name == name):
            yield f"This check should fail, and holds: {one_line(name, 200)}."
    for check in result.checks:
        if not check.holds and check.name not in case.head.checks_fail:
            more = len(check.failing) - _NAMED
            who = ", ".join(one_line(code, 40) for code in check.failing[:_NAMED])
            who += f" and {more} more" if more > 0 else ""
            yield f"A check does not hold in {check.year}: {one_line(check.name, 200)}{f' ({who})' if who else ''}."


class _Figures:
    """The figures of a case beside those of its run."""

    def __init__(self, case: Case, result: Result) -> None:
        self.case = case
        self.result = result
        self.figures = case.figures
        self.codes: defaultdict[str, set[str]] = defaultdict(set)
        """Organisations that the case names, by year."""
        for figure in self.figures:
            if figure.code:
                self.codes[figure.year].add(figure.code)
        self.kinds = _kinds(result.rows)
        self.national_kinds = _kinds(result.national)
        self._refuse_unknown()
        self.known = rows_by_code(result)
        self.national = {row["year"]: row for row in result.national.iter_rows(named=True)}

    def _refuse_unknown(self) -> None:
        """Refuse years and columns that the run does not have, in figures, tolerances and columns."""
        file, years = one_line(self.case.found.path.name), list(self.result.years)
        for figure in self.figures:
            if figure.year not in years:
                year = one_line(figure.year)
                raise CaseError(f"{figure.place}: {year} is no year of the scheme; there are {', '.join(years)}")
            kinds = self.kinds if figure.code else self.national_kinds
            _refuse_column(figure.column, kinds, figure.place, "" if figure.code else "national ")
        for column in self.case.model.tolerance:
            if column == OTHER_COLUMNS:
                continue
            place = f"{file}: tolerance › {one_line(column)}"
            kinds = self.kinds | self.national_kinds
            _refuse_column(column, kinds, place, "", (*kinds, OTHER_COLUMNS))
            if kinds[column] != "number":
                raise CaseError(f"{place}: the column holds no numbers; it is compared as it is, without a tolerance")
        for column in self.case.head.columns:
            _refuse_column(column, self.kinds, f"{file}: case › columns", "")

    def rows(self) -> Iterator[FigureDifference]:
        """Yield the rows that are missing, and those too many where the case has all."""
        for year, codes in self.codes.items():
            there = self.known[year]
            lost = sorted(code for code in codes if row_of(there, code) is None)
            yield from (FigureDifference(year, code, "", "missing row", "a row", None) for code in lost)
            if self.case.head.rows == "all":
                more = sorted({code for code in there if code not in codes and harmless(code) not in codes})
                yield from (FigureDifference(year, code, "", "extra row", None, "a row") for code in more)

    def compared(self) -> Iterator[FigureDifference]:
        """Yield the figures that are not as expected, of rows that are there."""
        tolerances = self.case.model.tolerance
        for figure in self.figures:
            row = row_of(self.known[figure.year], figure.code) if figure.code else self.national[figure.year]
            kinds: Mapping[str, Kind] = self.kinds if figure.code else self.national_kinds
            got = None if row is None else row[figure.column]
            difference = compare(figure, got, kinds[figure.column], tolerances)
            if difference and row is not None:
                yield difference

    def in_short(self, differences: Sequence[FigureDifference]) -> Iterator[str]:
        """Yield how many figures, of which columns, and rows differ."""
        columns = Counter(one.column for one in differences if one.what == "figure")
        wrong = columns.total()
        if wrong:
            by_column = ", ".join(f"{column} {count:,}" for column, count in columns.most_common())
            which = f": {by_column}" if len(columns) > 1 else ""
            yield f"{wrong:,} of {len(self.figures):,} figures differ{'s' if wrong == 1 else ''}{which}."
        for what, where in (
            ("missing row", "expected, and not in the result"),
            ("extra row", "in the result, and not expected"),
        ):
            count = sum(one.what == what for one in differences)
            if count:
                rows = f"{count:,} rows are" if count > 1 else "1 row is"
                yield f"{rows} {where}."


def rows_by_code(result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of a result by year and code."""
    return {year: {row["org_code"]: row for row in result.year(year).iter_rows(named=True)} for year in result.years}


def row_of(rows: Mapping[str, dict[str, Any]], code: str) -> dict[str, Any] | None:
    """Return the row of a code, which a CSV file may hold with an apostrophe in front."""
    return rows.get(code) or next((rows[one] for one in (code[1:],) if one in rows and harmless(one) == code), None)


def _kinds(frame: pl.DataFrame) -> dict[str, Kind]:
    """Return the kind of every column that figures may stand in."""
    words: dict[Any, Kind] = {pl.Boolean: "yes/no", pl.String: "text"}
    return {name: words.get(dtype, "number") for name, dtype in frame.schema.items() if name not in KEYS}


def _refuse_column(column: str, known: Mapping[str, Kind], place: str, what: str, hints: Sequence[str] = ()) -> None:
    if column not in known:
        there = nearest(column, hints or known) or f"; there are {', '.join(known) or 'none'}"
        raise CaseError(f"{place}: the result has no {what}column {one_line(column) or '(empty)'}{there}")
