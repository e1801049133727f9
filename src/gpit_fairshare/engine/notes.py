"""The notes and warnings of a run: settings, unspent and new money, allocations that cannot be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gpit_fairshare.engine.measures import MoneyAccount, account_of
from gpit_fairshare.engine.table_findings import table_findings
from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.language.plugin_functions import without_excel
from gpit_fairshare.numbers import figure
from gpit_fairshare.scheme.model import Step
from gpit_fairshare.words import joined, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpit_fairshare.engine.model import Fund, Year
    from gpit_fairshare.inputs.model import InputSource
    from gpit_fairshare.scheme.model import Check, Part, Scheme

MOST_LIVE_ROWS: Final = 2_000
"""Rows that a workbook puts in order by formulas."""


def notes_of(
    scheme: Scheme, funds: Sequence[Fund], years: Mapping[str, Year], sources: Iterable[InputSource]
) -> list[Finding]:
    """Return the notes and warnings of a run about its scheme and its money.

    They are about values that are not used, parameters set for this run, a missing `report_by` column, rows of tables
    that no organisation needs, texts that no row has, steps without a formula in a workbook, unspent and new money,
    an amount that each of several groups gets in full, allocations that cannot be paid, and a money account that does
    not balance. The `sources` are the run's files, with their columns.
    """
    notes = [Finding.note(FindingCode.VALUES_NOT_USED, note) for note in scheme.notes]
    notes += [
        Finding.note(
            FindingCode.SET_FOR_THIS_RUN, f"{name} is {value.as_written} in {year}: set for this run, not in the scheme"
        )
        for name, year, value in scheme.overridden()
    ]
    by = scheme.report_by
    if by and not any(by in year.organisations.columns for year in years.values()):
        message = f"the scheme reports by {by}, and no input file has that column: there are no totals by {by}"
        remedy = "Correct report_by in the scheme, or add the column to the population file"
        columns = [column for source in sources for _, column in source.matched]
        similar = nearest(by, columns)
        report = Finding.warning if similar else Finding.note
        notes.append(report(FindingCode.NO_COLUMN_TO_REPORT_BY, message + similar, remedy))
    notes += table_findings(scheme, [*years.values()])
    parts: list[Step | Check] = [*scheme.steps, *scheme.checks]
    for part in parts:
        if reasons := without_formula(part, years.values()):
            message = (
                f"{part.where}: {joined(reasons)} has no Excel formula: a workbook keeps the values of "
                "this run and does not recalculate them"
            )
            notes.append(Finding.note(FindingCode.NO_EXCEL_FORMULA, message))
    for fund in funds:
        unit = scheme.symbols[fund.parameter or fund.step].unit
        if fund.unspent > 1:
            notes.append(Finding.note(FindingCode.UNSPENT, _unspent_sentence(fund, unit, years[fund.year])))
        groups = len(years[fund.year].labels[fund.within]) if fund.within else 1
        if fund.new_money and groups > 1:
            message = (
                f"{fund.label} {fund.year}: each of the {groups} groups by {fund.within} gets the full amount, "
                f"{figure(fund.amount, unit)} in total"
            )
            remedy = "If it is one amount for all groups, first share it out between them"
            notes.append(Finding.warning(FindingCode.WHOLE_AMOUNT_TO_EACH_GROUP, message, remedy))
    if scheme.symbols[scheme.result].unit == "£":
        for year in years.values():
            notes += _allocation_warnings(scheme, year)
            account = account_of(scheme, year)
            notes += _account_notes(scheme, year, account) if account else []
    return notes


def without_formula(part: Part, years: Iterable[Year]) -> list[str]:
    """Return what in a step, check or outcome has no Excel formula: functions of plug-ins, or the order of many rows.

    A workbook then has values of the run. Putting rows in order takes a spreadsheet the square of their number.
    """
    reasons = [str(function) for function in without_excel(part.tree)]
    if isinstance(part, Step) and isinstance(part.tree, tree.Rank | tree.RunningTotal):
        rows = max(year.frames[part.kind].height for year in years)
        if rows > MOST_LIVE_ROWS:
            reasons.append(f"{tree.to_text(part.tree)} of {rows:,} rows (the most is {MOST_LIVE_ROWS:,})")
    return reasons


def _allocation_warnings(scheme: Scheme, year: Year) -> list[Finding]:
    """Return warnings about allocations of a year that cannot be paid: negative, or in parts of a penny."""
    values, codes = year.values(scheme.result, ORGANISATION), year.codes()
    label = scheme.labels[scheme.result]
    doubts = []
    negative = [(value, code) for value, code in zip(values, codes, strict=True) if value < 0]
    if negative:
        lowest, code = min(negative)
        organisations = f"{len(negative)} of {len(codes)}, the lowest {figure(lowest, '£')} ({code})"
        text = f"{label} {year.year} is negative for {organisations}"
        doubts.append(
            Finding.warning(FindingCode.NEGATIVE_ALLOCATION, text, "Give the rule a floor, such as max(0, …)")
        )
    if any(abs(value * 100 - round(value * 100)) > 1e-4 for value in values):
        text = f"{label} {year.year} is not in whole pence"
        doubts.append(Finding.warning(FindingCode.PARTS_OF_A_PENNY, text, "End the rule with a step rounded(…)"))
    return doubts


def _account_notes(scheme: Scheme, year: Year, account: MoneyAccount) -> list[Finding]:
    """Return notes of unspent and new money, and a warning or note if the money account does not balance.

    What a `share_out` step leaves over is not among them: it has its own note.
    """
    notes = [
        Finding.note(FindingCode.UNSPENT, f"{line.label} {year.year}: {figure(line.amount, '£')} is unspent")
        for line in account.unspent
        if line.name not in year.unspent and line.amount > 1  # what a share_out leaves over has its own note
    ]
    notes += [
        Finding.note(FindingCode.NEW_MONEY, f"{line.label} {year.year}: {figure(line.amount, '£')} is new money")
        for line in account.money_in
        if line.name in scheme.money.new_money and line.amount >= 1
    ]
    if not account.is_balanced and account.difference is not None:
        notes.append(_imbalance(scheme, year, account, account.difference))
    return notes


def _imbalance(scheme: Scheme, year: Year, account: MoneyAccount, difference: float) -> Finding:
    """Return the finding about a money account that does not balance: a warning, or in one case a note.

    It is a note of new money if more is paid than comes in, the transition allows new money, and the scheme does not
    state where its money comes from.
    """
    label, file = f"{scheme.labels[scheme.result]} {year.year}", scheme.money.file
    amount = figure(abs(difference), "£")
    message = f"{label} and unspent money add up to {amount} {'less' if difference > 0 else 'more'} than"
    if scheme.money.stated:
        known_money = "money in less money taken away" if account.taken_away else "money in"
        remedy = f"Correct the rule, or list all money in, taken away and unspent in the table [money] of {file}"
        return Finding.warning(FindingCode.MONEY_DOES_NOT_BALANCE, f"{message} {known_money}", remedy)
    remedy = f"Add a table [money] to {file}: in = […] for money in, and out_of = […] for money taken away"
    if scheme.has_new_money and difference < 0:
        message = f"{label}: {amount} of it is new money, on top of the money to share out"
        return Finding.note(FindingCode.NEW_MONEY, message, remedy)
    return Finding.warning(
        FindingCode.MONEY_DOES_NOT_BALANCE, f"{message} the money that share_out has to share", remedy
    )


def _unspent_sentence(fund: Fund, unit: str | None, year: Year) -> str:
    """Return the sentence about the unspent money of a fund, with the first groups that have some."""
    text = f"{fund.label} {fund.year}: {figure(fund.unspent, unit)} of {figure(fund.amount, unit)} is unspent"
    if not fund.within:
        return text
    amounts = zip(year.labels[fund.within], year.unspent[fund.step], strict=True)
    labels = [label for label, amount in amounts if amount > 0]
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return f"{text}, in {fund.within} {', '.join(labels[:5])}{more}"
