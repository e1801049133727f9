"""Run a case and give its verdict: figures that differ, checks that fail, errors in the case."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import chdir
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from gpit_fairshare.allocation import allocate
from gpit_fairshare.cases.comparing import FigureDifference, Kind, compare_figure
from gpit_fairshare.cases.reading import KEYS, Case, read_case, read_model
from gpit_fairshare.cases.shape import OTHER_COLUMNS
from gpit_fairshare.errors import CaseError, GpitError, InputError
from gpit_fairshare.results.writing import harmless
from gpit_fairshare.run_options import OPTIONS
from gpit_fairshare.words import nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.cases.discovery import DiscoveredFile
    from gpit_fairshare.engine import Result

Outcome = Literal["ok", "failed", "fault"]
_NAMED: Final = 3
"""Number of organisations named with a check that fails."""


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """The outcome of one case."""

    file: str
    name: str = ""
    """Empty, like title and origin, if the case cannot be read."""
    title: str = ""
    origin: str = ""
    source: str = ""
    """The publication that the figures come from."""
    outcome: Outcome = "ok"
    reasons: tuple[str, ...] = ()
    """Why the case failed or could not be run, one sentence each; `differences` has the figures."""
    differences: tuple[FigureDifference, ...] = ()
    """The worst first."""
    figures: int = 0
    """Number of figures compared."""
    rows: Literal["all", "some"] = "all"
    looked_at: int = 0
    """Number of organisations that the case compares, counted once for each of its years."""
    rows_in_result: int = 0
    """Number of organisations in the result for these years."""
    case: Case | None = None
    """None if the case cannot be read."""
    result: Result | None = None
    """Result of the run; None if the case could not be run, or the run was refused."""

    @property
    def id(self) -> str:
        """Return file and name, or only the file if the name is not known."""
        return f"{self.file}::{self.name}" if self.name else self.file


def run_case(case_file: DiscoveredFile, *, may_lack: bool = False) -> CaseVerdict:
    """Read and run a case, and return its verdict; errors in the case become its verdict and are not raised.

    Args:
        case_file: The case file.
        may_lack: Whether a file of expected figures may be missing, since it is written later.
    """
    base = CaseVerdict(case_file.name)
    try:
        model = read_model(case_file)
        head = model.case
        cited = one_line(head.source, 400) if head.source else ""
        base = CaseVerdict(case_file.name, head.name, one_line(head.title, 200), head.origin, cited, rows=head.rows)
        case = read_case(case_file, model, may_lack=may_lack)
        try:
            result = _run_allocation(case)
        except GpitError as fault:
            return _refusal_verdict(case, replace(base, case=case), fault)
        return _result_verdict(case, replace(base, case=case, result=result), result)
    except GpitError as fault:
        # The verdict already begins with the file.
        message = _message_for_case(fault).removeprefix(f"{one_line(case_file.path.name)}: ")
        return replace(base, outcome="fault", reasons=(message,))


def _message_for_case(fault: GpitError) -> str:
    """Return the message of an error, with `run › set` of the case file in place of `--set` of the command line."""
    return str(fault).replace("--set ", "run › set › ", 1) if str(fault).startswith("--set ") else str(fault)


def _run_allocation(case: Case) -> Result:
    """Allocate with the options of a case, in the folder of the case: messages then have the paths of the case file.

    The effects of assumptions are not calculated.
    """
    values = {name: getattr(case.model.run, option.key, None) for name, option in OPTIONS.items()}
    # Cases do not use the effects of assumptions, which take most of the time.
    with chdir(case.case_file.path.parent):
        return allocate(**{name: value for name, value in values.items() if value is not None}, with_effects=False)


def _refusal_verdict(case: Case, base: CaseVerdict, fault: GpitError) -> CaseVerdict:
    """Return the verdict on a run that was refused with the error `fault`.

    It is ok if the text that the case expects is in the message or a finding, failed if it is not, and an error if the
    case expects a result.
    """
    if case.head.fails is None:
        return replace(base, outcome="fault", reasons=(_message_for_case(fault),))
    expected_message = " ".join(case.head.fails.split())
    faults = fault.findings if isinstance(fault, InputError) else ()
    if any(expected_message in " ".join(text.split()) for text in (str(fault), *map(str, faults))):
        return base
    surprise = f"The run fails, but not with '{one_line(expected_message, 200)}': {_message_for_case(fault)}"
    return replace(base, outcome="failed", reasons=(surprise,))


def _result_verdict(case: Case, base: CaseVerdict, result: Result) -> CaseVerdict:
    """Return the verdict on a run that gave a result: ok if its figures, rows and checks are as the case expects.

    It fails if the case expects the run to be refused, or if its file of expected figures does not exist yet. The worst
    differences come first.

    Args:
        case: The case.
        base: The verdict so far.
        result: The result.
    """
    if case.head.fails is not None:
        surprise = f"The run should fail with '{one_line(case.head.fails, 200)}', but gives a result."
        return replace(base, outcome="failed", reasons=(surprise,))
    figures = _FigureComparison(case, result)
    differences = [*figures.row_differences(), *figures.figure_differences()]
    # Ties keep the order of the table, so that a verdict is the same on every machine.
    differences.sort(key=lambda difference: difference.key)
    differences.sort(key=lambda difference: difference.excess, reverse=True)
    reasons = [*figures.summary_sentences(differences), *unexpected_checks(case, result)]
    if case.lacking:
        reasons = [f"{one_line(case.lacking.name)} does not exist yet.", *reasons]
    return replace(
        base,
        outcome="failed" if reasons else "ok",
        reasons=tuple(reasons),
        differences=tuple(differences),
        figures=len(case.figures),
        looked_at=sum(map(len, figures.codes.values())),
        rows_in_result=sum(len(figures.rows_by_year[year]) for year in figures.codes),
    )


def unexpected_checks(case: Case, result: Result) -> Iterator[str]:
    """Yield a sentence for each check that passes but should fail, or fails but should pass.

    Raises:
        CaseError: The case names a check that the scheme does not have.
    """
    names = {check.name for check in result.scheme.checks}
    for name in case.head.checks_fail:
        if name not in names:
            raise CaseError(
                f"{one_line(case.case_file.path.name)}: case › checks_fail: the scheme has no check "
                f"'{one_line(name)}'{nearest(name, names)}"
            )
        if all(check.holds for check in result.checks if check.name == name):
            yield f"This check should fail but passes: {one_line(name, 200)}."
    for check in result.checks:
        if not check.holds and check.name not in case.head.checks_fail:
            others = len(check.failing) - _NAMED
            codes = ", ".join(one_line(code, 40) for code in check.failing[:_NAMED])
            codes += f" and {others} more" if others > 0 else ""
            yield f"A check fails in {check.year}: {one_line(check.name, 200)}{f' ({codes})' if codes else ''}."


class _FigureComparison:
    """Compares the expected figures of a case with those of its run."""

    def __init__(self, case: Case, result: Result) -> None:
        """Collect the figures of the case and of its run; years and columns that the run does not have are refused."""
        self.case = case
        self.result = result
        self.figures = case.figures
        self.codes: defaultdict[str, set[str]] = defaultdict(set)
        """Codes of the organisations that the case names, by year."""
        for figure in self.figures:
            if figure.code:
                self.codes[figure.year].add(figure.code)
        self.kinds = _column_kinds(result.rows)
        self.national_kinds = _column_kinds(result.national)
        self._refuse_unknown_names()
        self.rows_by_year = rows_by_code(result)
        self.national = {row["year"]: row for row in result.national.iter_rows(named=True)}

    def _refuse_unknown_names(self) -> None:
        """Refuse years and columns that the run does not have, in figures, tolerances and columns.

        Raises:
            CaseError: The case names one, or a tolerance for a column without numbers.
        """
        file, years = one_line(self.case.case_file.path.name), list(self.result.years)
        for figure in self.figures:
            if figure.year not in years:
                year = one_line(figure.year)
                raise CaseError(f"{figure.place}: {year} is not a year of the scheme; its years are {', '.join(years)}")
            kinds = self.kinds if figure.code else self.national_kinds
            _refuse_column(figure.column, kinds, figure.place, "" if figure.code else "national ")
        for column in self.case.model.tolerance:
            if column == OTHER_COLUMNS:
                continue
            place = f"{file}: tolerance › {one_line(column)}"
            kinds = self.kinds | self.national_kinds
            _refuse_column(column, kinds, place, "", (*kinds, OTHER_COLUMNS))
            if kinds[column] != "number":
                raise CaseError(f"{place}: the column has no numbers, so a tolerance has no effect; remove it")
        for column in self.case.head.columns:
            _refuse_column(column, self.kinds, f"{file}: case › columns", "")

    def row_differences(self) -> Iterator[FigureDifference]:
        """Yield a difference for each missing row, and if the case has all rows, for each extra row of the result."""
        for year, codes in self.codes.items():
            rows = self.rows_by_year[year]
            missing = sorted(code for code in codes if row_of(rows, code) is None)
            yield from (FigureDifference(year, code, "", "missing row", "a row", None) for code in missing)
            if self.case.head.rows == "all":
                extra = sorted({code for code in rows if code not in codes and harmless(code) not in codes})
                yield from (FigureDifference(year, code, "", "extra row", None, "a row") for code in extra)

    def figure_differences(self) -> Iterator[FigureDifference]:
        """Yield the expected figures that differ from those of the run, of organisations and national ones.

        Rows that the result lacks are left out: `row_differences` yields these.
        """
        tolerances = self.case.model.tolerance
        for figure in self.figures:
            row = row_of(self.rows_by_year[figure.year], figure.code) if figure.code else self.national[figure.year]
            kinds: Mapping[str, Kind] = self.kinds if figure.code else self.national_kinds
            actual = None if row is None else row[figure.column]
            difference = compare_figure(figure, actual, kinds[figure.column], tolerances)
            if difference and row is not None:
                yield difference

    def summary_sentences(self, differences: Sequence[FigureDifference]) -> Iterator[str]:
        """Yield sentences that count the figures that differ by column, and the rows that differ."""
        columns = Counter(difference.column for difference in differences if difference.kind == "figure")
        wrong = columns.total()
        if wrong:
            by_column = ", ".join(f"{column} {count:,}" for column, count in columns.most_common())
            columns_named = f": {by_column}" if len(columns) > 1 else ""
            yield f"{wrong:,} of {len(self.figures):,} figures differ{'s' if wrong == 1 else ''}{columns_named}."
        for kind, place in (
            ("missing row", "expected but not in the result"),
            ("extra row", "in the result but not expected"),
        ):
            count = sum(difference.kind == kind for difference in differences)
            if count:
                rows = f"{count:,} rows are" if count > 1 else "1 row is"
                yield f"{rows} {place}."


def rows_by_code(result: Result) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the rows of a result as dictionaries, by year and then by code of the organisation."""
    return {year: {row["org_code"]: row for row in result.year(year).iter_rows(named=True)} for year in result.years}


def row_of(rows: Mapping[str, dict[str, Any]], code: str) -> dict[str, Any] | None:
    """Return the row of an organisation, or None; the code may begin with the apostrophe that a CSV file adds."""
    bare = code[1:]
    return rows.get(code) or (rows.get(bare) if harmless(bare) == code else None)


def _column_kinds(frame: pl.DataFrame) -> dict[str, Kind]:
    """Return the kind of each column of figures: yes/no, text or number; year and code are left out."""
    words: dict[Any, Kind] = {pl.Boolean: "yes/no", pl.String: "text"}
    return {name: words.get(dtype, "number") for name, dtype in frame.schema.items() if name not in KEYS}


def _refuse_column(column: str, kinds: Mapping[str, Kind], place: str, scope: str, hints: Sequence[str] = ()) -> None:
    """Refuse a column that the result does not have.

    Args:
        column: The column that the case names.
        kinds: The columns of the result.
        place: Where the case names it, for the message.
        scope: `national ` or empty, for the message.
        hints: Names to suggest; those of `kinds` if there are none.

    Raises:
        CaseError: The result does not have the column.
    """
    if column not in kinds:
        hint = nearest(column, hints or kinds) or f"; it has {', '.join(kinds) or 'none'}"
        raise CaseError(f"{place}: the result has no {scope}column {one_line(column) or '(empty)'}{hint}")
