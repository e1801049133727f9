"""What a run says besides its rows: money in and out, notes, the tidy table and the manifest."""

from __future__ import annotations

import math
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.engine.model import Fund, figure
from gpit_fairshare.errors import Finding
from gpit_fairshare.language import tree as t

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine.model import CheckResult, Year
    from gpit_fairshare.inputs import Inputs
    from gpit_fairshare.scheme import Scheme, Step

LIBRARIES: Final = ("polars", "openpyxl", "XlsxWriter")
"""Libraries whose version can change the bytes of a result."""


def funds_of(scheme: Scheme, year: Year) -> list[Fund]:
    """Return the national amounts that were shared out, and what was left of each."""
    rounding = {step.tree.of.name: step.name for step in scheme.steps if isinstance(step.tree, t.Rounded)}
    funds = []
    for step in scheme.steps:
        tree = step.tree
        if not isinstance(tree, t.ShareOut) or tree.within is not None:
            continue
        final = rounding.get(step.name, step.name)
        spent = math.fsum(year.values(final, step.kind))
        if isinstance(tree.amount, t.Number):
            amount, name = tree.amount.value, ""
        else:
            amount, name = year.national(tree.amount.name), tree.amount.name
        parameter = name if name in scheme.parameters else ""
        # Where the kernel spent everything, a difference is rounding and nobody's money to spend.
        unspent = max(0.0, math.fsum((amount, -spent))) if year.unspent[step.name][0] else 0.0
        label = scheme.labels.get(name, step.label)
        new_money = bool(parameter) or not name
        funds.append(Fund(year.year, label, parameter, step.name, amount, spent, unspent, new_money))
    return funds


def notes_of(scheme: Scheme, funds: Sequence[Fund], years: Mapping[str, Year]) -> list[Finding]:
    """Return what a reader of the result must know: left-aside values, settings, unspent money."""
    said = list(scheme.notes)
    notes = [Finding("R01", "note", "", "", note) for note in said]
    notes += [
        Finding("R02", "note", "", "", f"{name} is {value.written} in {year}: set for this run, not in the scheme")
        for name, year, value in scheme.overridden()
    ]
    unspent = [
        f"{fund.label} {fund.year}: {figure(fund.unspent)} of {figure(fund.amount)} is unspent"
        for fund in funds
        if fund.unspent > 1
    ]
    for step in scheme.steps:
        if isinstance(step.tree, t.ShareOut) and step.tree.within:
            unspent += [_unspent_in_groups(step, step.tree.within, year) for year in years.values()]
    return notes + [Finding("R03", "note", "", "", text) for text in unspent if text]


def _unspent_in_groups(step: Step, within: str, year: Year) -> str:
    """Say what a step left unspent in its groups, or nothing where that is no more than a pound."""
    left = year.unspent[step.name]
    named = [label for label, one in zip(year.labels[within], left, strict=True) if one > 1]
    if not named:
        return ""
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return f"{step.label} {year.year}: {figure(sum(left))} is unspent, in {within} {', '.join(named[:5])}{more}"


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


def manifest_of(
    scheme: Scheme, inputs: Inputs, findings: Sequence[Finding], checks: Sequence[CheckResult]
) -> dict[str, Any]:
    """Return what is needed to run again and get the same bytes: no clock, no path of the machine."""
    return {
        "gpit": metadata.version("gpit-fairshare"),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "scheme": {
            "name": scheme.name,
            "title": scheme.title,
            "formula": scheme.formula,
            "transition": scheme.transition,
            "years": list(scheme.years),
            "digest": scheme.digest,
            "files": [{"file": file, "sha256": digest} for file, digest in scheme.files],
        },
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
            {"role": one.role, "file": one.file, "sheet": one.sheet, "sha256": one.sha256, "rows": one.rows}
            for one in inputs.sources
        ],
        "illustrative": list(inputs.illustrative),
        "findings": [finding_entry(finding) for finding in findings],
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


def finding_entry(finding: Finding) -> dict[str, str]:
    """Return a finding with stable, documented keys."""
    return {key: getattr(finding, key) for key in ("number", "level", "file", "place", "found", "expected", "remedy")}
