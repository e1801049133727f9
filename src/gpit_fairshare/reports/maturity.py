"""The report of `gpit maturity`: CCGs and practices by rank, and the assumptions of the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gpit_fairshare.findings import FindingCode
from gpit_fairshare.numbers import decimals, or_dash, per_head, percentage, whole
from gpit_fairshare.reports import document
from gpit_fairshare.reports.document import Role, Tone
from gpit_fairshare.words import counted, plural

if TYPE_CHECKING:
    import polars as pl

    from gpit_fairshare.maturity import Maturity

_EITHER_END: Final = 10
"""CCGs or practices shown at each end of the ranking."""
_MOST_PER_KIND: Final = 3
"""Findings of one kind that a screen shows."""
_FAILING: Final = 12


def maturity_document(maturity: Maturity, *, file_names: Sequence[str] = ()) -> document.Document:
    """Return the verdict, the CCGs and the practices by rank, the assumptions and the findings.

    Args:
        maturity: The index of CCGs and practices.
        file_names: Names of the files that were written.
    """
    return document.Document([*_blocks(maturity, file_names)])


def _blocks(maturity: Maturity, file_names: Sequence[str]) -> Iterator[document.Block]:
    """Yield the verdict, the answers, CCGs and practices by rank, the assumptions, findings and failing checks."""
    yield _verdict(maturity)
    yield from document.written_line(file_names)
    yield from _settings(maturity)
    yield from _answered(maturity)
    yield from _ranking("CCG", maturity.ccgs, _CCG)
    if maturity.rank_correlation is not None:
        yield document.Paragraph(
            f"Rank correlation of index and funding per head: {decimals(maturity.rank_correlation, 2)}. "
            "Negative: the less mature CCGs have more per head. Positive: they have less.",
            blank_before=True,
        )
    yield from _ranking("practice", maturity.practices, _PRACTICE)
    yield from _assumptions(maturity)
    findings = [finding for finding in maturity.findings if finding.number != FindingCode.SET_FOR_THIS_RUN]
    yield document.Findings(findings, most_per_kind=_MOST_PER_KIND)
    for check in maturity.result.checks:
        if not check.holds:
            yield document.Heading(f"FAIL: {check.name}", Tone.BAD)
            yield document.Item(f"{check.formula}: {', '.join(check.failing[:_FAILING]) or 'national'}")


def _verdict(maturity: Maturity) -> document.Title:
    """Return the title: the scheme, the number of practices and CCGs, the year, and how many checks fail."""
    result = maturity.result
    failing = len({check.name for check in result.checks if not check.holds})
    number = len(result.scheme.checks)
    checks = f"{failing} of {number} checks fail{'s' if failing == 1 else ''}" if failing else "all checks pass"
    organisations = f"{counted(maturity.practices.height, 'practice')} of {counted(maturity.ccgs.height, 'CCG')},"
    pieces = [f"{result.scheme.title}:", organisations, f"{maturity.year},", f"{checks}."]
    return document.Title(pieces, Tone.STRONG if result.agrees else Tone.BAD)


def _settings(maturity: Maturity) -> Iterator[document.Block]:
    """Yield the parameters that were set for this run; nothing if there are none."""
    scheme = maturity.result.scheme
    overridden = scheme.overridden()
    if overridden:
        yield document.Heading("Set for this run, not in the scheme", Tone.WARNING)
    for name, _, value in overridden:
        yield document.Item(f"{scheme.labels[name]} ({name}): {value.change_text(scheme.parameters[name].unit)}")


def _answered(maturity: Maturity) -> Iterator[document.Block]:
    """Yield the index of all practices, the number of answers, and the practices and CCGs without an index."""
    asked = maturity.indicators_asked
    most = asked * maturity.practices.height
    share = percentage(maturity.answered / most) if most else "none"
    yield document.Paragraph(
        f"Index of all practices, weighted by list size: {or_dash(maturity.index, decimals)}. "
        f"Answered: {maturity.answered:,} of {most:,} ({share}), {counted(asked, 'indicator')} for each practice.",
        blank_before=True,
    )
    silent = maturity.practices.filter(maturity.practices["maturity_index"].is_null())
    if silent.height:
        is_single = silent.height == 1
        consequence = "has no index and is" if is_single else "have no index and are"
        practices = f"{counted(silent.height, 'practice')} that gave no answers {consequence} in no average"
        yield document.Paragraph(f"{practices}: {_codes(silent)}.")
    without = maturity.ccgs.filter(maturity.ccgs["maturity_index"].is_null())
    answered = without["practices_with_index"] > 0
    silent, no_patients = without.filter(~answered), without.filter(answered)
    if silent.height:
        yield document.Paragraph(f"{counted(silent.height, 'CCG')} with no practice that answered: {_codes(silent)}.")
    if no_patients.height:
        ccgs = f"{counted(no_patients.height, 'CCG')} without an index"
        yield document.Paragraph(
            f"{ccgs}, because the practices that answered have no patients: {_codes(no_patients)}."
        )


def _codes(table: pl.DataFrame) -> str:
    """Return the codes of a table as one text: the first ten, and how many more there are."""
    codes = table["org_code"].to_list()
    more = f" and {len(codes) - _EITHER_END:,} more" if len(codes) > _EITHER_END else ""
    return ", ".join(codes[:_EITHER_END]) + more


def _with_index(row: dict[str, Any]) -> str:
    """Return how many practices of a CCG have an index: `40`, or `38 of 40` if not all have one."""
    with_index, practices = row["practices_with_index"], row["practices"]
    return f"{with_index:,}" if with_index == practices else f"{with_index:,} of {practices:,}"


def _name(row: dict[str, Any]) -> str:
    """Return the name of a CCG without `NHS` and `CCG`."""
    return (row["org_name"] or "–").removeprefix("NHS ").removesuffix(" CCG")


_Columns: TypeAlias = tuple[tuple[document.Column, Callable[[dict[str, Any]], str]], ...]
"""Columns of a table, each with a function that returns the cell of a row; narrow screens drop spare columns."""

_NAME_COLUMNS: Final[_Columns] = (
    (document.Column("Rank"), lambda row: whole(row["rank"])),
    (document.Column("Code", Role.CODE), lambda row: row["org_code"]),
    (document.Column("Name", Role.NAME, least=12), _name),
)
_CCG: Final[_Columns] = (
    *_NAME_COLUMNS,
    (document.Column("Index"), lambda row: decimals(row["maturity_index"])),
    (document.Column("Answered"), lambda row: percentage(row["answered_share"])),
    (document.Column("Practices", spare=1), _with_index),
    (document.Column("List size", spare=2), lambda row: whole(row["ccg_population"])),
    (document.Column("£/head"), lambda row: or_dash(row["allocation_per_head"], per_head)),
)
_PRACTICE: Final[_Columns] = (
    *_NAME_COLUMNS,
    (document.Column("CCG"), lambda row: row["ccg_code"]),
    (document.Column("Index"), lambda row: decimals(row["maturity_index"])),
    (document.Column("Answered"), lambda row: whole(row["indicators_answered"])),
    (document.Column("List size", spare=2), lambda row: whole(row["registered_population"])),
)


def _ranking(noun: str, table: pl.DataFrame, columns: _Columns) -> Iterator[document.Block]:
    """Yield a table of the ten CCGs or practices with the highest index and one of the ten with the lowest.

    Up to 20 are in a single table. Those without an index are left out, and so is £ per head if there is none.

    Args:
        noun: `CCG` or `practice`.
        table: All of them by rank.
        columns: Columns of the table, each with a function that returns the cell of a row.
    """
    rows = table.drop_nulls("maturity_index").to_dicts()
    if all(row.get("allocation_per_head") is None for row in rows):
        columns = tuple(column for column in columns if column[0].heading != "£/head")
    many = plural(noun)
    parts = [(f"{many[:1].upper()}{many[1:]} by maturity index", rows)]
    if len(rows) > 2 * _EITHER_END:
        parts = [
            (f"The {_EITHER_END} {many} with the highest index", rows[:_EITHER_END]),
            (f"The {_EITHER_END} {many} with the lowest index", rows[-_EITHER_END:]),
        ]
    for title, part in parts:
        if part:
            yield document.Heading(title)
            table_rows = [document.Row([write(row) for _, write in columns]) for row in part]
            yield document.Table([column for column, _ in columns], table_rows, inset=False)


def _assumptions(maturity: Maturity) -> Iterator[document.Block]:
    """Yield the assumptions, each text once with its count; the workbook and the JSON document list them all."""
    assumptions = maturity.result.scheme.assumptions
    yield document.Heading(counted(len(assumptions), "assumption"))
    for text, number in Counter(assumption.text for assumption in assumptions).items():
        yield document.Item(f"{number} × {text}")
