"""What a run says besides its rows: money in and out, notes, the tidy table and the manifest."""

from __future__ import annotations

import math
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.engine.model import Fund, figure
from gpit_fairshare.errors import Finding
from gpit_fairshare.language import ORGANISATION, names_in, without_excel
from gpit_fairshare.language import tree as t
from gpit_fairshare.scheme import definition
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine.model import CheckResult, Year
    from gpit_fairshare.inputs import Inputs
    from gpit_fairshare.scheme import Check, Scheme, Step

LIBRARIES: Final = ("polars", "python-calamine", "XlsxWriter")
"""Libraries whose version can change the bytes of a result."""

FAIR_SHARE: Final = "fair_share"


def funds_of(scheme: Scheme, year: Year) -> list[Fund]:
    """Return the money that came in or was shared out, and what was left of each amount."""
    rounding = {step.tree.of.name: step.name for step in scheme.steps if isinstance(step.tree, t.Rounded)}
    funds = []
    for step in scheme.steps:
        tree = step.tree
        if not isinstance(tree, t.ShareOut):
            continue
        name = tree.amount.name if isinstance(tree.amount, t.Name) else ""
        # The kernel is exact: what everybody gets and what is left make up the amount, or those of all groups.
        left = sum(year.unspent[step.name])
        amount = float(sum(year.exact[step.name]) + left)
        spent = math.fsum(year.values(rounding.get(step.name, step.name), step.kind))
        funds.append(
            Fund(
                year=year.year,
                label=scheme.labels.get(name, step.label),
                parameter=name if name in scheme.parameters else "",
                step=step.name,
                amount=amount,
                spent=spent,
                # Where the kernel spent everything, a difference is rounding and nobody's money to spend.
                unspent=max(0.0, math.fsum((amount, -spent))) if left else 0.0,
                new_money=not name or name in scheme.parameters,
                within=tree.within or "",
            )
        )
    return [*_follows_from_people(scheme, year), *funds]


def _follows_from_people(scheme: Scheme, year: Year) -> list[Fund]:
    """Return the fair shares as money that comes in, where they are a rate or given and no budget is shared out."""
    symbol = scheme.symbols.get(FAIR_SHARE)
    if not symbol or symbol.role != "step" or symbol.kind != ORGANISATION or symbol.unit != "£":
        return []
    resting = {FAIR_SHARE}
    for step in reversed(scheme.steps):
        if step.name in resting:
            if isinstance(step.tree, t.ShareOut):
                return []
            resting.update(name for name, _ in names_in(step.tree))
    amount = math.fsum(year.values(FAIR_SHARE, ORGANISATION))
    return [Fund(year.year, scheme.labels[FAIR_SHARE], "", FAIR_SHARE, amount, amount, 0.0, new_money=True)]


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
            notes += _doubts(scheme, year, [fund for fund in funds if fund.year == year.year])
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


def _doubts(scheme: Scheme, year: Year, funds: Sequence[Fund]) -> list[Finding]:
    """Return warnings of allocations that no finance team would pay: negative, in parts of a penny, unbalanced."""
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
    new = [fund for fund in funds if fund.new_money]
    rounding = math.fsum(abs(fund.amount - fund.spent - fund.unspent) for fund in funds)
    # The same parameter shared out twice is the same money.
    coming = {fund.parameter or fund.step: fund.amount for fund in new}
    left = {fund.parameter or fund.step: fund.unspent for fund in funds}
    beyond = math.fsum((*values, *left.values(), *(-amount for amount in coming.values())))
    if new and abs(beyond) > 1 + rounding:
        more = "more" if beyond > 0 else "less"
        text = (
            f"{label} {year.year} and what is unspent come to {figure(abs(beyond), '£')} {more} than the money that "
            "share_out has to give"
        )
        remedy = "Share the budget out with share_out(…), or make sure that the difference is meant"
        if scheme.takes_new_money and beyond > 0:
            text = f"{label} {year.year}: {figure(beyond, '£')} of it is new money, beyond what there is to share out"
            found.append(Finding("R09", "note", "", "", text))
        else:
            found.append(Finding("R07", "warning", "", "", text, remedy=remedy))
    return found


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
