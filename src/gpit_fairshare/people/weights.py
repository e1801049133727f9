"""Cost weights: a scheme that gives the weight of one person, calculated once for each combination of values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import polars as pl

from gpit_fairshare.engine import calculate
from gpit_fairshare.engine.table_findings import values_without_row
from gpit_fairshare.errors import InputError, UsageError
from gpit_fairshare.findings import Finding, FindingCode, FindingCollector, Where
from gpit_fairshare.inputs.model import InputColumn, Inputs
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION
from gpit_fairshare.numbers import figure
from gpit_fairshare.words import joined, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.language.kinds import Symbol
    from gpit_fairshare.scheme.model import Part, Scheme

ORG_CODE: Final = "org_code"
_OF_OTHER_ROWS: Final = (tree.Kernel, tree.Figure, tree.Previous)


@dataclass(frozen=True, slots=True)
class Weights:
    """A scheme whose result is the weight of one person."""

    scheme: Scheme

    @property
    def year(self) -> str:
        """Return its only year."""
        return self.scheme.years[0]

    @property
    def columns(self) -> dict[str, Symbol]:
        """Return the columns of people that it uses, by name."""
        return {symbol.name: symbol for symbol in self.scheme.inputs}

    def check(self) -> None:
        """Check that the weight of a person depends on nothing but that person.

        Raises:
            UsageError: It has several years, its result is not a number of each person, or a step uses other rows.
        """
        scheme = self.scheme
        if len(scheme.years) > 1:
            raise UsageError(f"{scheme.name} has values for {joined(scheme.years)}; say which with --year")
        result = scheme.symbols[scheme.result]
        if result.kind != ORGANISATION or result.type != "number":
            raise UsageError(f"{scheme.name}: expected a weight of each person as its result; found {scheme.result}")
        for step in scheme.steps:
            calls = [node for node in tree.walk(step.tree) if not isinstance(node, tree.TableCall)]
            if others := [node for node in calls if isinstance(node, _OF_OTHER_ROWS)]:
                text = tree.to_text(others[0])
                raise UsageError(f"{step.where}: {text}: the weight of a person cannot depend on other people")

    def of(self, combinations: pl.DataFrame, rows: Mapping[str, Sequence[str]]) -> list[Fraction]:
        """Return the weight of each combination of values: a decimal of 15 digits, exactly.

        More digits are noise of floats: 2.45 × 1.1 is 2.6950000000000003 in floats, and 2.695 here.

        Args:
            combinations: A row for each, with the columns that the weights use, without blanks.
            rows: By column, for each combination: how many rows of people have that value of the column.

        Raises:
            UsageError: A weight is negative.
            InputError: The weights know no value for some combinations; it carries all findings.
        """
        # Messages name a combination by its values, as they name an organisation by its code.
        codes = [
            ", ".join(f"{name} {figure(value)}" for name, value in row.items())
            for row in combinations.iter_rows(named=True)
        ]
        table = combinations.with_columns(pl.Series(ORG_CODE, codes), org_name=pl.lit(""))
        columns = {
            name: InputColumn(name, "text" if symbol.type == "text" else "number", symbol.unit or "", "population", "")
            for name, symbol in self.columns.items()
        }
        inputs = Inputs(
            years=self.scheme.years,
            tables={self.year: table.select(ORG_CODE, "org_name", *columns)},
            columns=columns,
            lines=None,
            origins={
                (self.year, code, name): text for name in columns for code, text in zip(codes, rows[name], strict=True)
            },
            sources=(),
            findings=(),
            illustrative=(),
            restated=(),
        )
        faults = [*values_without_row(self.scheme, inputs), *self._unknown_texts(combinations, rows)]
        if any(fault.level == "error" for fault in faults):
            raise InputError(faults)
        result = calculate(self.scheme, inputs).years[self.year]
        values = result.values(self.scheme.result, ORGANISATION)
        if (least := min(values, default=0)) < 0:
            cell = codes[values.index(least)]
            raise UsageError(f"{self.scheme.name}: the weight of {cell} is {least:.15g}; expected 0 or more")
        return [Fraction(f"{value:.15g}") for value in values]

    def _unknown_texts(self, combinations: pl.DataFrame, rows: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        """Yield an error for each text that no comparison and no table of the weights names.

        A comparison such as `sex == "male"` would otherwise count everything else as the other sex.
        """
        findings = FindingCollector()
        for name, known in self._known_texts().items():
            for text, rows_of_text in zip(combinations[name].to_list(), rows[name], strict=True):
                if text not in known:
                    expected = f"one of {listed(sorted(known))}"
                    remedy = "Correct the rows, or add it to the weights"
                    description = f"{name} is '{text}', which the weights do not name{nearest(text, sorted(known))}"
                    findings.error(FindingCode.NO_TABLE_ROW, Where(rows_of_text), description, expected, remedy)
        yield from findings.items

    def _known_texts(self) -> Mapping[str, set[str]]:
        """Return, for each column of text that is compared with texts, those and the keys of its tables."""
        known: dict[str, set[str]] = {}
        tables: dict[str, set[str]] = {}
        open_columns = set()
        parts: tuple[Part, ...] = (*self.scheme.steps, *self.scheme.checks)
        for part in parts:
            for node in tree.walk(part.tree):
                match node:
                    case tree.ComparisonOperation(_, tree.Name(name), tree.Text(text)) | tree.ComparisonOperation(
                        _, tree.Text(text), tree.Name(name)
                    ):
                        known.setdefault(name, set()).add(text)
                    case tree.TableCall(of=of, table=table):
                        keys = self.scheme.table(table)
                        tables.setdefault(of, set()).update(map(str, keys.keys))
                        open_columns |= {of} if keys.has_otherwise else set()
        columns = {name for name, symbol in self.columns.items() if symbol.type == "text"} - open_columns
        return {name: texts | tables.get(name, set()) for name, texts in known.items() if name in columns}
