"""Scheme + inputs → Result: the whole calculation, year by year, every step kept.

Nothing here knows a funding rule. Steps are evaluated in the order of the scheme; Polars works out
each formula row by row, totals are taken in a way that no order of rows and no number of threads can
change, and the two kernels share and round money exactly.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.errors import CalculationError, Finding, SharingError
from gpit_fairshare.inputs import packaged_crosswalk, year_start
from gpit_fairshare.language import NATIONAL, ORGANISATION, Kind, group, names_in, to_text, walk
from gpit_fairshare.language import tree as t
from gpit_fairshare.language.in_polars import previous_column, render
from gpit_fairshare.language.units import MONEY_AND_PEOPLE
from gpit_fairshare.sharing import rounded, share_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.inputs import Inputs
    from gpit_fairshare.scheme import Check, Scheme, Step

Values = list[Any]
"""One value per row of a kind: a float, a bool, a text, or None where a blank is allowed."""

LIBRARIES: Final = ("polars", "openpyxl", "XlsxWriter")
"""Libraries whose version can change the bytes of a result."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What became of one check in one year; `failing` names organisations or groups that fail it."""

    year: str
    name: str
    formula: str
    holds: bool
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fund:
    """A national amount that a step shared out in one year: £, `amount` = `spent` + `unspent`.

    `spent` is after rounding where a step rounds the shares. `parameter` is the amount's name where
    the amount is new money, and empty where it comes from other steps.
    """

    year: str
    label: str
    parameter: str
    step: str
    amount: float
    spent: float
    unspent: float


@dataclass(slots=True)
class Year:
    """Every value of one year. Frames have one row per organisation (sorted by code), group or nation."""

    year: str
    frames: dict[Kind, pl.DataFrame]
    membership: dict[str, list[int]] = field(default_factory=dict)
    """For each text column that groups: the group's number, from 0, of every organisation."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """For each text column that groups: its values, sorted."""
    exact: dict[str, list[Fraction]] = field(default_factory=dict)
    """Steps of the kernels before they became floats, so that rounding sees no noise."""
    unspent: dict[str, list[Fraction]] = field(default_factory=dict)
    """For each `share_out`: what is left, nationally or by group."""
    predecessors: list[list[int]] = field(default_factory=list)
    """For each organisation: rows of the year before that became it; filled where `previous` is used."""

    @property
    def organisations(self) -> pl.DataFrame:
        """Return the frame with one row per organisation."""
        return self.frames[ORGANISATION]

    def values(self, name: str, kind: Kind) -> Values:
        """Return a column of the frame of a kind."""
        return self.frames[kind][name].to_list()

    def national(self, name: str) -> Any:
        """Return one national figure."""
        return self.frames[NATIONAL][name][0]

    def codes(self) -> list[str]:
        """Return the organisations' codes, sorted."""
        return self.organisations["org_code"].to_list()

    def put(self, name: str, kind: Kind, values: Values, dtype: pl.DataType | type[pl.DataType]) -> None:
        """Add a column, repeated on the rows of every finer frame."""
        self._add(kind, name, values, dtype)
        if kind == NATIONAL:
            for other, frame in self.frames.items():
                if other != NATIONAL:
                    self._add(other, name, values * frame.height, dtype)
        elif kind.column is not None:
            rows = self.membership[kind.column]
            self._add(ORGANISATION, name, [values[index] for index in rows], dtype)

    def _add(self, kind: Kind, name: str, values: Values, dtype: pl.DataType | type[pl.DataType]) -> None:
        self.frames[kind] = self.frames[kind].with_columns(pl.Series(name, values, dtype=dtype))


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run. `rows` is the tidy table: one row per year and organisation, by year and code."""

    scheme: Scheme
    inputs: Inputs
    years: Mapping[str, Year]
    checks: tuple[CheckResult, ...]
    funds: tuple[Fund, ...]
    findings: tuple[Finding, ...]
    rows: pl.DataFrame
    manifest: Mapping[str, Any]

    @property
    def agrees(self) -> bool:
        """Return whether every check holds in every year."""
        return all(check.holds for check in self.checks)

    def year(self, year: str) -> pl.DataFrame:
        """Return the tidy rows of one year, such as `2014/15`."""
        return self.rows.filter(pl.col("year") == year)

    @property
    def national(self) -> pl.DataFrame:
        """Return the national figures: one row per year, a column per national step."""
        names = [step.name for step in self.scheme.steps if step.kind == NATIONAL]
        return pl.DataFrame(
            [
                {"year": year, **{name: one.national(name) for name in names}}
                for year, one in self.years.items()
            ]
        )


def calculate(scheme: Scheme, inputs: Inputs) -> Result:
    """Run a scheme over checked inputs.

    Raises:
        CalculationError: A step is undefined for an organisation and year, money cannot be shared out
            as the scheme asks, or a value of the year before cannot be had.
    """
    years: dict[str, Year] = {}
    checks: list[CheckResult] = []
    before: Year | None = None
    for year in scheme.years:
        run = _Run(scheme, inputs, year, before)
        for step in scheme.steps:
            run.step(step)
        checks += [run.check(check) for check in scheme.checks]
        years[year] = before = run.now
    funds = tuple(fund for year in years.values() for fund in _funds(scheme, year))
    findings = (*inputs.findings, *_notes(scheme, funds))
    rows = _tidy(scheme, years)
    manifest = _manifest(scheme, inputs, findings, checks)
    return Result(scheme, inputs, years, tuple(checks), funds, findings, rows, manifest)


class _Run:
    """One year of a scheme: fills a `Year`, step by step."""

    def __init__(self, scheme: Scheme, inputs: Inputs, year: str, before: Year | None) -> None:
        self.scheme = scheme
        self.year = year
        self.before = before
        table = inputs.tables[year]
        blanks = [symbol for symbol in scheme.inputs if symbol.name not in table.columns]
        table = table.with_columns(
            pl.lit(None, dtype=pl.String if symbol.type == "text" else pl.Float64).alias(symbol.name)
            for symbol in blanks
        )
        self.now = Year(year, {NATIONAL: pl.DataFrame({"year": [year]}), ORGANISATION: table})
        for column in _grouping_columns(scheme):
            self._group_by(column)
        for name, parameter in scheme.parameters.items():
            self.now.put(name, NATIONAL, [parameter.values[year].value], pl.Float64)

    def _group_by(self, column: str) -> None:
        texts = self.now.values(column, ORGANISATION)
        labels = sorted(set(texts))
        folded: dict[str, str] = {}
        for label in labels:
            other = folded.setdefault(label.casefold(), label)
            if other != label:
                # Excel's SUMIFS would take the two for one group.
                raise CalculationError(
                    f"{column} in {self.year}: {other!r} and {label!r} differ in case alone; write both alike"
                )
        number = {label: index for index, label in enumerate(labels)}
        self.now.labels[column] = labels
        self.now.membership[column] = [number[text] for text in texts]
        self.now.frames[group(column)] = pl.DataFrame({column: labels}, schema={column: pl.String})

    # Steps --------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        self._prepare(step.tree, step.where)
        match step.tree:
            case t.ShareOut():
                self._share_out(step, step.tree)
            case t.Rounded():
                self._rounded(step, step.tree)
            case _:
                values = self._formula(step.tree, step.kind, step.where)
                dtype = pl.Boolean if step.type == "yes/no" else pl.Float64
                self.now.put(step.name, step.kind, values, dtype)

    def check(self, check: Check) -> CheckResult:
        self._prepare(check.tree, check.where)
        kind = self._kind_of(check.tree)
        values = self._formula(check.tree, kind, check.where)
        names = self._row_names(kind)
        failing = tuple(name for name, holds in zip(names, values, strict=True) if not holds)
        return CheckResult(self.year, check.name, check.formula, holds=not failing, failing=failing)

    def _kind_of(self, tree: t.Expression) -> Kind:
        kinds = {self.scheme.symbols[name].kind for name, _ in names_in(tree)}
        for node in walk(tree):
            if isinstance(node, t.Figure):
                kinds.discard(self.scheme.symbols[node.of].kind)
                kinds.add(group(node.within) if node.within else NATIONAL)
        bare = {node.name for node in walk(tree) if isinstance(node, t.Name | t.Given)}
        kinds |= {self.scheme.symbols[name].kind for name in bare}
        kinds.discard(NATIONAL)
        return NATIONAL if not kinds else kinds.pop() if len(kinds) == 1 else ORGANISATION

    def _formula(self, tree: t.Expression, kind: Kind, where: str) -> Values:
        rendered = render(tree, first_year=self.before is None)
        frame = self.now.frames[kind].select(value=rendered.value, defined=rendered.defined)
        # A formula of numbers alone has one row; its frame may have many.
        frame = pl.concat([frame] * self.now.frames[kind].height) if frame.height == 1 else frame
        values = frame["value"].to_list()
        for row, (value, defined) in enumerate(zip(values, frame["defined"].to_list(), strict=True)):
            if not defined or value is None or (isinstance(value, float) and not math.isfinite(value)):
                raise CalculationError(self._undefined(tree, kind, row, where))
        return [value + 0.0 if isinstance(value, float) else value for value in values]

    def _undefined(self, tree: t.Expression, kind: Kind, row: int, where: str) -> str:
        """Say why a value is undefined: the figures that went into it, for this organisation and year."""
        whose = self._row_names(kind)[row]
        parts = []
        for name in dict.fromkeys(name for name, _ in names_in(tree)):
            column = next(
                (one for one in (name, previous_column(name)) if one in self.now.frames[kind].columns), None
            )
            if column:
                value = self.now.frames[kind][column][row]
                parts.append(f"{name} = {'blank' if value is None else _figure(value)}")
        why = "a division by zero, a blank cell or a number too large"
        return f"{where}, {self.year}, {whose}: {to_text(tree)} is undefined: {why} ({', '.join(parts[:6])}); shut the case out with where(…)"

    def _row_names(self, kind: Kind) -> list[str]:
        if kind == NATIONAL:
            return ["national"]
        if kind.column is not None:
            return self.now.labels[kind.column]
        return self.now.codes()

    # Figures over rows and values of the year before ---------------------------------------------

    def _prepare(self, tree: t.Expression, where: str) -> None:
        for node in walk(tree):
            if isinstance(node, t.Figure):
                self._figure(node, where)
            elif isinstance(node, t.Previous) and self.before is not None:
                self._previous(node, where)

    def _figure(self, node: t.Figure, where: str) -> None:
        name = to_text(node)
        if name in self.now.frames[NATIONAL].columns or name in self.now.organisations.columns:
            return
        kind = self.scheme.symbols[node.of].kind
        values = self.now.values(node.of, kind)
        for row, value in enumerate(values):
            if value is None:
                raise CalculationError(
                    f"{where}, {self.year}, {self._row_names(kind)[row]}: {node.of} is blank, and {name} needs it; "
                    f"make a step of it with where(given({node.of}), …)"
                )
        if node.within is None:
            self.now.put(name, NATIONAL, [_summary(node.function, values)], pl.Float64)
            return
        members = self._members(kind, node.within, where)
        rows: list[Values] = [[] for _ in self.now.labels[node.within]]
        for value, index in zip(values, members, strict=True):
            rows[index].append(value)
        self.now.put(name, group(node.within), [_summary(node.function, one) for one in rows], pl.Float64)

    def _members(self, kind: Kind, within: str, where: str) -> list[int]:
        """Return the number of the group, from 0, that each row of a kind belongs to."""
        rows = self.now.membership[within]
        if kind.column is None:
            return rows
        if kind.column == within:
            return list(range(len(self.now.labels[within])))
        found: dict[int, int] = {}
        for inner, outer in zip(self.now.membership[kind.column], rows, strict=True):
            if found.setdefault(inner, outer) != outer:
                label = self.now.labels[kind.column][inner]
                raise CalculationError(
                    f"{where}, {self.year}: {kind.column} {label} lies in more than one {within}"
                )
        return [found[index] for index in range(len(self.now.labels[kind.column]))]

    def _previous(self, node: t.Previous, where: str) -> None:
        name = previous_column(node.of)
        symbol = self.scheme.symbols[node.of]
        before = self.before
        if before is None or name in self.now.frames[symbol.kind].columns:
            return
        old = before.values(node.of, symbol.kind)
        dtype = pl.Boolean if symbol.type == "yes/no" else pl.Float64
        if symbol.kind == NATIONAL:
            self.now.put(name, NATIONAL, old, dtype)
        elif symbol.kind.column is not None:
            there = dict(zip(before.labels[symbol.kind.column], old, strict=True))
            for label in self.now.labels[symbol.kind.column]:
                if label not in there:
                    raise CalculationError(
                        f"{where}, {self.year}: {symbol.kind.column} {label} has no value in {before.year}"
                    )
            self.now.put(
                name, symbol.kind, [there[label] for label in self.now.labels[symbol.kind.column]], dtype
            )
        else:
            self.now.put(name, ORGANISATION, self._carried(node.of, old, where), dtype)

    def _carried(self, name: str, old: Values, where: str) -> Values:
        """Carry last year's values to this year's organisations, summing money and people over mergers."""
        before = self.before
        assert before is not None  # noqa: S101  # only called with a year before
        if not self.now.predecessors:
            self.now.predecessors = self._find_predecessors(before, where)
        unit = self.scheme.symbols[name].unit
        values: Values = []
        for code, rows in zip(self.now.codes(), self.now.predecessors, strict=True):
            if len(rows) == 1:
                values.append(old[rows[0]])
                continue
            merged = ", ".join(before.codes()[row] for row in rows)
            if unit not in MONEY_AND_PEOPLE:
                raise CalculationError(
                    f"{where}, {self.year}, {code}: previous({name}) would add up {unit or 'values without a unit'} of {merged}, "
                    "which merged; only £ and people are summed over a merger, so work it out from those"
                )
            if any(old[row] is None for row in rows):
                raise CalculationError(
                    f"{where}, {self.year}, {code}: {name} of {merged} is blank in {before.year}"
                )
            values.append(math.fsum(old[row] for row in rows))
        return values

    def _find_predecessors(self, before: Year, where: str) -> list[list[int]]:
        now = {code: row for row, code in enumerate(self.now.codes())}
        rows: list[list[int]] = [[] for _ in now]
        crosswalk = packaged_crosswalk()
        for row, code in enumerate(before.codes()):
            successor = (
                code
                if code in now
                else crosswalk.becomes(code, year_start(before.year), year_start(self.year))
            )
            if successor not in now:
                raise CalculationError(
                    f"{where}, {self.year}: {code} was there in {before.year} and has no successor in {self.year}; "
                    "its money would be lost"
                )
            rows[now[successor]].append(row)
        for code, found in zip(now, rows, strict=True):
            if not found:
                raise CalculationError(
                    f"{where}, {self.year}: {code} has no predecessor in {before.year}, and previous(…) needs one"
                )
        return rows

    # Kernels --------------------------------------------------------------------------------------

    def _leaf(self, leaf: t.Name | t.Number | None, kind: Kind, where: str) -> Values | None:
        """Return a kernel's argument with a value for every row of a kind, exact where it is known exactly."""
        if leaf is None:
            return None
        height = self.now.frames[kind].height
        if isinstance(leaf, t.Number):
            return [leaf.value] * height
        symbol = self.scheme.symbols[leaf.name]
        exact = self.now.exact.get(leaf.name)
        if exact is not None and symbol.kind == kind:
            return list(exact)
        values = self.now.values(leaf.name, kind)
        for row, value in enumerate(values):
            if value is None:
                raise CalculationError(
                    f"{where}, {self.year}, {self._row_names(kind)[row]}: {leaf.name} is blank"
                )
        return values

    def _share_out(self, step: Step, tree: t.ShareOut) -> None:
        kind = step.kind
        members = self._members(kind, tree.within, step.where) if tree.within else None
        amounts = self._amounts(step, tree, members)
        arguments = {
            key: self._leaf(getattr(tree, key), kind, step.where) for key in ("base", "at_least", "at_most")
        }
        weights = self._leaf(tree.by, kind, step.where)
        try:
            shares = share_out(amounts, weights or [], groups=members, **arguments)
        except SharingError as fault:
            raise CalculationError(self._unshareable(step, tree, fault)) from None
        self.now.put(step.name, kind, shares.values, pl.Float64)
        self.now.exact[step.name] = shares.exact
        self.now.unspent[step.name] = shares.unspent

    def _amounts(self, step: Step, tree: t.ShareOut, members: Sequence[int] | None) -> Values:
        """Return the amount of each group, or the one national amount."""
        if isinstance(tree.amount, t.Number) or self.scheme.symbols[tree.amount.name].kind == NATIONAL:
            amount = self._leaf(tree.amount, NATIONAL, step.where) or []
            return amount * (len(self.now.labels[tree.within]) if tree.within else 1)
        if members is None or tree.within is None:  # pragma: no cover - refused when the scheme is read
            raise AssertionError
        symbol = self.scheme.symbols[tree.amount.name]
        if symbol.kind == group(tree.within):
            return self._leaf(tree.amount, symbol.kind, step.where) or []
        found: dict[int, Any] = {}
        for row, (value, index) in enumerate(
            zip(self._leaf(tree.amount, step.kind, step.where) or [], members, strict=True)
        ):
            if found.setdefault(index, value) != value:
                label = self.now.labels[tree.within][index]
                whose = self._row_names(step.kind)[row]
                raise CalculationError(
                    f"{step.where}, {self.year}, {whose}: {tree.amount.name} differs within {tree.within} {label} "
                    f"({_figure(found[index])} and {_figure(value)}); it is one amount for each {tree.within}"
                )
        return [found[index] for index in range(len(self.now.labels[tree.within]))]

    def _unshareable(self, step: Step, tree: t.ShareOut, fault: SharingError) -> str:
        place = f"{step.where}, {self.year}"
        if tree.within:
            place += f", {tree.within} {self.now.labels[tree.within][fault.group]}"
        if fault.row is not None:
            place += f", {self._row_names(step.kind)[fault.row]}"
        amount = t.to_text(tree.amount)
        match fault.reason:
            case "negative_weight":
                return f"{place}: the weight {to_text(tree.by)} is below 0; weights are 0 or more"
            case "crossed_bounds":
                low, high = (to_text(leaf) if leaf else "" for leaf in (tree.at_least, tree.at_most))
                return f"{place}: at_least ({low}) is above at_most ({high}); no amount fits both"
            case "nothing_to_share_by":
                return f"{place}: every weight {to_text(tree.by)} is 0 and there is {_figure(fault.amount)} to share out; give somebody a weight, or say at_most"
            case _:
                floors = to_text(tree.at_least or tree.base or t.Number(0))
                return (
                    f"{place}: {floors} needs {_figure(fault.least)} in all and {amount} is {_figure(fault.amount)}, "
                    f"{_figure((fault.least or 0) - (fault.amount or 0))} too little; lower the floor or raise the amount"
                )

    def _rounded(self, step: Step, tree: t.Rounded) -> None:
        values = self._leaf(tree.of, step.kind, step.where) or []
        members = self._members(step.kind, tree.within, step.where) if tree.within else None
        result = rounded(values, to=tree.to, groups=members)
        self.now.put(step.name, step.kind, result.values, pl.Float64)
        self.now.exact[step.name] = result.exact


def _grouping_columns(scheme: Scheme) -> list[str]:
    found = [
        node.within
        for part in (*scheme.steps, *scheme.checks)
        for node in walk(part.tree)
        if isinstance(node, t.Figure | t.ShareOut | t.Rounded) and node.within
    ]
    return list(dict.fromkeys(found))


def _summary(function: str, values: Values) -> float:
    """Return a figure over rows; `fsum` is exact, so the order of rows cannot change it."""
    match function:
        case "total":
            return math.fsum(values)
        case "count":
            return float(sum(values))
        case "largest":
            return max(values)
        case _:
            return min(values)


def _figure(value: Any) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return f"{float(value):,.2f}".removesuffix(".00")


# What a run says besides its rows ---------------------------------------------------------------------


def _funds(scheme: Scheme, year: Year) -> list[Fund]:
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
        # Rounding to whole pounds may move a fraction of a pound in or out; what is left is never below 0.
        unspent = max(0.0, math.fsum((amount, -spent)))
        label = scheme.labels.get(name, step.label)
        funds.append(Fund(year.year, label, parameter, step.name, amount, spent, unspent))
    return funds


def _notes(scheme: Scheme, funds: Sequence[Fund]) -> list[Finding]:
    """Return what a reader of the result must know: left-aside values, settings, unspent money."""
    notes = [Finding("R01", "note", "", "", note) for note in scheme.notes]
    notes += [
        Finding(
            "R02", "note", "", "", f"{name} is {value.written} in {year}: set for this run, not in the scheme"
        )
        for name, year, value in scheme.overridden()
    ]
    notes += [
        Finding(
            "R03",
            "note",
            "",
            "",
            f"{fund.label} {fund.year}: {_figure(fund.unspent)} of {_figure(fund.amount)} pounds is unspent",
        )
        for fund in funds
        if fund.unspent > 1
    ]
    return notes


def _tidy(scheme: Scheme, years: Mapping[str, Year]) -> pl.DataFrame:
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


def _manifest(
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
    return {
        key: getattr(finding, key)
        for key in ("number", "level", "file", "place", "found", "expected", "remedy")
    }


def digest_of(manifest: Mapping[str, Any]) -> str:
    """Return one digest over a manifest."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
