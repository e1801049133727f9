"""What a run says besides its rows: notes, the tidy table and the manifest."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.engine.measures import account_of
from gpit_fairshare.engine.model import figure
from gpit_fairshare.errors import Finding
from gpit_fairshare.language import ORGANISATION, without_excel
from gpit_fairshare.scheme import definition
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine.measures import MoneyAccount
    from gpit_fairshare.engine.model import CheckResult, Fund, Year
    from gpit_fairshare.inputs import Inputs
    from gpit_fairshare.scheme import Check, Scheme, Step

LIBRARIES: Final = ("polars", "python-calamine", "XlsxWriter")
"""Libraries whose version can change the bytes of a result."""


def notes_of(scheme: Scheme, funds: Sequence[Fund], years: Mapping[str, Year]) -> list[Finding]:
    """Return what a reader of the result must know: left-aside values, settings, unspent money."""
    notes = [Finding("R01", "note", "", "", note) for note in scheme.notes]
    notes += [
        Finding("R02", "note", "", "", f"{name} is {value.written} in {year}: set for this run, not in the scheme")
        for name, year, value in scheme.overridden()
    ]
    by = scheme.report_by
    if by and not any(by in year.organisations.columns for year in years.values()):
        found = f"no input file has a column {by}, by which the scheme reports: there are no totals by it"
        remedy = "Correct report_by in the scheme, or add the column to the population"
        notes.append(Finding("R08", "note", "", "", found, remedy=remedy))
    notes += [Finding("R10", "note", "", "", said) for said in _fixed(scheme)]
    for fund in funds:
        unit = scheme.symbols[fund.parameter or fund.step].unit
        if fund.unspent > 1:
            notes.append(Finding("R03", "note", "", "", _unspent(fund, unit, years[fund.year])))
        groups = len(years[fund.year].labels[fund.within]) if fund.within else 1
        if fund.new_money and groups > 1:
            found = (
                f"{fund.label} {fund.year}: each of the {groups} groups by {fund.within} gets the whole amount, "
                f"{figure(fund.amount, unit)} in all"
            )
            remedy = "If it is one amount for all, share it out to the groups first"
            notes.append(Finding("R04", "warning", "", "", found, remedy=remedy))
    if scheme.symbols[scheme.result].unit == "£":
        for year in years.values():
            notes += _doubts(scheme, year)
            account = account_of(scheme, year)
            notes += _account_notes(scheme, year, account) if account else []
    return notes


def _fixed(scheme: Scheme) -> list[str]:
    """Say of which steps and checks a workbook holds values, since a function has no Excel formula."""
    parts: list[Step | Check] = [*scheme.steps, *scheme.checks]
    return [
        f"{one.where}: {joined([str(function) for function in functions])} has no Excel formula: a workbook holds "
        "what the run gave, and does not work it out again"
        for one in parts
        if (functions := without_excel(one.tree))
    ]


def _doubts(scheme: Scheme, year: Year) -> list[Finding]:
    """Return warnings of allocations that no finance team would pay: negative, or in parts of a penny."""
    values, codes = year.values(scheme.result, ORGANISATION), year.codes()
    label = scheme.labels[scheme.result]
    found = []
    negative = [(value, code) for value, code in zip(values, codes, strict=True) if value < 0]
    if negative:
        lowest, code = min(negative)
        who = f"{len(negative)} of {len(codes)}, the lowest {figure(lowest, '£')} ({code})"
        text = f"{label} {year.year} is below nil for {who}"
        found.append(Finding("R05", "warning", "", "", text, remedy="Give the rule a floor, such as max(0, …)"))
    if any(abs(value * 100 - round(value * 100)) > 1e-4 for value in values):
        text = f"{label} {year.year} is not in whole pence"
        found.append(Finding("R06", "warning", "", "", text, remedy="End the rule with a step rounded(…)"))
    return found


def _account_notes(scheme: Scheme, year: Year, account: MoneyAccount) -> list[Finding]:
    """Return what is unspent and what is new money, and a warning where the money account does not balance."""
    notes = [
        Finding("R03", "note", "", "", f"{line.label} {year.year}: {figure(line.amount, '£')} is unspent")
        for line in account.unspent
        if line.name not in year.unspent and line.amount > 1  # what a share_out leaves over is said with its amount
    ]
    new = [line for line in account.money_in if line.name in scheme.money.new_money and line.amount >= 1]
    notes += [
        Finding("R09", "note", "", "", f"{line.label} {year.year}: {figure(line.amount, '£')} is new money")
        for line in new
    ]
    if account.balances or account.difference is None:
        return notes
    label, file = f"{scheme.labels[scheme.result]} {year.year}", scheme.money.file
    beyond = figure(abs(account.difference), "£")
    found = f"{label} and what is unspent come to {beyond} {'less' if account.difference > 0 else 'more'} than "
    takes_more = not scheme.money.stated and scheme.takes_new_money and account.difference < 0
    if scheme.money.stated:
        found += "money in, less what is taken away" if account.taken_away else "money in"
        remedy = f"Correct the rule, or name in the table [money] of {file} all that comes in, is taken away or is left"
    else:
        found += "the money that share_out has to give"
        remedy = f"Add to {file} a table [money] with in = […], and out_of = […] for what is taken away"
    if takes_more:
        found = f"{label}: {beyond} of it is new money, beyond what there is to share out"
        return [*notes, Finding("R09", "note", "", "", found, remedy=remedy)]
    return [*notes, Finding("R07", "warning", "", "", found, remedy=remedy)]


def _unspent(fund: Fund, unit: str | None, year: Year) -> str:
    """Say what is left of a fund, and in which groups."""
    text = f"{fund.label} {fund.year}: {figure(fund.unspent, unit)} of {figure(fund.amount, unit)} is unspent"
    if not fund.within:
        return text
    left = zip(year.labels[fund.within], year.unspent[fund.step], strict=True)
    named = [label for label, one in left if one > 0]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return f"{text}, in {fund.within} {', '.join(named[:5])}{more}"


def tidy(scheme: Scheme, years: Mapping[str, Year]) -> pl.DataFrame:
    """Return one row per year and organisation: inputs used, every step in order, the answer last."""
    columns = ["org_code", "org_name"]
    columns += [scheme.report_by] if scheme.report_by else []
    columns += [symbol.name for symbol in scheme.inputs if symbol.name not in columns]
    columns += [step.name for step in scheme.steps if step.name != scheme.result]
    columns.append(scheme.result)
    parts = []
    for name, year in years.items():
        there = [column for column in columns if column in year.organisations.columns]
        parts.append(year.organisations.select(pl.lit(name).alias("year"), *there))
    return pl.concat(parts, how="diagonal").select(
        ["year", *[column for column in columns if any(column in part.columns for part in parts)]]
    )


def versions_now() -> dict[str, str]:
    """Return the versions of gpit and of the libraries that can change a result."""
    return {"gpit": metadata.version("gpit-fairshare"), **{name: metadata.version(name) for name in LIBRARIES}}


def manifest_of(
    scheme: Scheme, inputs: Inputs, findings: Sequence[Finding], checks: Sequence[CheckResult]
) -> dict[str, Any]:
    """Return what is needed to run again and get the same bytes: no clock, no path of the machine."""
    versions = versions_now()
    return {
        "gpit": versions["gpit"],
        "libraries": {name: versions[name] for name in LIBRARIES},
        "scheme": {
            "name": scheme.name,
            "title": scheme.title,
            "formula": scheme.formula,
            "transition": scheme.transition,
            "years": list(scheme.years),
            "digest": scheme.digest,
            "files": [{"file": file, "sha256": digest} for file, digest in scheme.files],
        },
        "plugins": [asdict(one) for one in scheme.plugins],
        "parameters": [
            {
                "name": name,
                "year": year,
                "value": value.value,
                "written": value.written,
                "source": str(value.source) if value.source else None,
                "assumption": value.assumption or None,
                "overridden": value.overridden,
            }
            for name, parameter in scheme.parameters.items()
            for year, value in parameter.values.items()
        ],
        "inputs": [
            {
                "role": source.role,
                "file": source.file,
                "sheet": source.sheet,
                "sha256": source.sha256,
                "rows": source.rows,
                "units": [unit._asdict() for unit in source.units],
            }
            for source in inputs.sources
        ],
        "columns": [
            {"name": one.name, "kind": one.kind, "unit": one.unit, "table": one.table, "file": one.file}
            for one in inputs.columns.values()
        ],
        "boundaries": inputs.boundaries.isoformat() if inputs.boundaries else None,
        "crosswalk": inputs.crosswalk.added(),
        "illustrative": list(inputs.illustrative),
        "definition": definition(scheme),
        "findings": [finding.entry() for finding in findings],
        "checks": [
            {
                "year": one.year,
                "name": one.name,
                "formula": one.formula,
                "holds": one.holds,
                "failing": list(one.failing),
            }
            for one in checks
        ],
    }
