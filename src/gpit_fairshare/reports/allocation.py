"""What `gpit allocate` says of a result, part by part."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from gpit_fairshare.engine.measures import BASELINE, DIFFERENCE, SUPPORT
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs import day_in_words
from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.numbers import money, or_dash, per_head, percentage, plain_number, signed, whole, written_value
from gpit_fairshare.reports.checking import show_findings
from gpit_fairshare.reports.terminal import Cells, Column, Page, Row
from gpit_fairshare.words import counted, inside, is_money, joined, plural, sentence, span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from gpit_fairshare.engine import Effect, Result
    from gpit_fairshare.engine.measures import Inequality, MoneyAccount, MoneyLine, Movement, YearMeasures
    from gpit_fairshare.scheme import Scheme

NEED: Final = "transition_need"
"""Step whose national total is shown where a scheme has it."""
_SIDE_BY_SIDE: Final = 72
"""Width from which two years of names and figures fit beside each other."""
_MOST_YEARS: Final = 4
_NAMED: Final = 5
"""Organisations named at either end of a list."""
_FAILING: Final = 12
"""Organisations named beside a check that fails."""
_LONGEST_CODE: Final = 12
_HALF_A_PENNY: Final = 0.005
_HALF_A_POUND: Final = 0.5
_LABEL: Final = 28
"""Columns that a label keeps before another year is put beside it."""
_ALIKE: Final = 3
"""Findings of one kind that stand below a result; `gpit check` shows more."""


def show(result: Result, console: Console, *, written: Sequence[str] = ()) -> None:
    """Print what a run comes to: verdict, money, gains and losses, inequality, assumptions, findings, checks.

    Args:
        result: A finished run.
        console: Where to print; the layout needs 56 columns and uses 100 at most.
        written: Names of the files that the result was written to.
    """
    screen = Screen(Page(console), result, result.measures())
    screen.verdict(written)
    screen.boundaries()
    screen.illustrative()
    screen.settings()
    screen.year_by_year()
    if screen.in_money:
        screen.inequality()
        screen.not_at_parity()
        screen.movements()
    screen.assumptions()
    shown_above = {FindingCode.SET_FOR_THIS_RUN}
    if screen.in_money and screen.says_all_unspent:
        shown_above.add(FindingCode.UNSPENT)
    show_findings([one for one in result.findings if one.number not in shown_above], console, alike=_ALIKE)
    screen.checks()


class Screen:
    """One run and the page that it is shown on, section by section."""

    def __init__(self, page: Page, result: Result, years: Sequence[YearMeasures]) -> None:
        self.page = page
        self.result = result
        self.scheme: Scheme = result.scheme
        self.years = years
        self.one = self.scheme.organisation
        self.in_money = is_money(self.scheme.symbols[self.scheme.result].unit)
        self.has_spend = any(year.baseline is not None for year in years)
        self.has_support = SUPPORT in self.scheme.symbols
        rests_on_spend = self.has_spend or BASELINE in self.scheme.symbols
        self.mark = " (illustrative spend)" if result.inputs.illustrative and rests_on_spend else ""
        """What the heading of every section that rests on spend ends in."""

    def label(self, name: str) -> str:
        """Return the scheme's label of a name."""
        return self.scheme.labels.get(name, name.replace("_", " ").capitalize())

    # What a reader must know first

    def verdict(self, written: Sequence[str]) -> None:
        """Print the line that says it all: scheme, organisations, years, whether the checks hold."""
        agrees = self.result.agrees
        who = counted(self.years[0].organisations, self.one)
        if len({year.organisations for year in self.years}) > 1:
            who += f" in {self.years[0].year} and {self.years[-1].organisations:,} in {self.years[-1].year}"
        years = span([year.year for year in self.years])
        pieces = [f"{self.scheme.title}:", f"{who},", f"{years},", f"{self._agreement()}."]
        self.page.packed(pieces, "bold" if agrees else "bold red")
        self._unspent()
        if written:
            self.page.paragraph(f"Written: {', '.join(written)}")

    def _unspent(self) -> None:
        """Print finding R03 in one line: what stays unspent, year by year, all kinds together."""
        totals = {year.year: math.fsum(line.amount for line in year.money.unspent) for year in self.years if year.money}
        unspent = [(year, amount) for year, amount in totals.items() if amount >= _HALF_A_POUND]
        amounts = [f"{money(amount)} in {year}" for year, amount in unspent[:_MOST_YEARS]]
        if len(unspent) > _MOST_YEARS:
            more = money(math.fsum(amount for _, amount in unspent[_MOST_YEARS:]))
            amounts.append(f"{more} in {counted(len(unspent) - _MOST_YEARS, 'later year')}")
        if amounts:
            self.page.paragraph(f"Unspent ({FindingCode.UNSPENT}): {joined(amounts)}{self.mark}.")

    @property
    def says_all_unspent(self) -> bool:
        """Return whether the line of unspent money covers all that any step leaves over."""
        covered = set(self.scheme.money.unspent)
        return all(fund.step in covered or fund.unspent < 1 for fund in self.result.funds)

    def boundaries(self) -> None:
        """Print on whose boundaries all figures are, where that was asked for."""
        day = self.result.inputs.boundaries
        if day:
            self.page.paragraph(f"All figures are those of the {plural(self.one)} of {day_in_words(day)}.")

    def _agreement(self) -> str:
        """Say whether the checks hold: `all 4 checks hold`, `1 of 4 checks fails`."""
        number = len(self.scheme.checks)
        failing = len({(check.name, check.formula) for check in self.result.checks if not check.holds})
        if failing:
            return f"{failing} of {counted(number, 'check')} {'fails' if failing == 1 else 'fail'}"
        if number > 1:
            return f"all {number} checks hold"
        return "1 check holds" if number else "there are no checks"

    def illustrative(self) -> None:
        """Print the banner over figures that nobody may quote."""
        if self.result.inputs.illustrative:
            self.page.heading("Illustrative spend: no figure that rests on it may be quoted", "bold yellow")
            for sentence in self.result.inputs.illustrative:
                self.page.paragraph(sentence, lead="  ")

    def settings(self) -> None:
        """Print what was set for this run alone, a line for each parameter and value."""
        found: dict[tuple[str, str], list[str]] = {}
        for name, year, value in self.scheme.overridden():
            found.setdefault(
                (name, written_value(value.value, self.scheme.parameters[name].unit, value.written)), []
            ).append(year)
        if found:
            self.page.heading("Set for this run, not in the scheme", "bold yellow")
        for (name, written), years in found.items():
            self.page.paragraph(
                f"{self.label(name)} ({name}): {written} in {span(years, self.scheme.years)}", lead="  "
            )

    # Figures year by year

    def year_by_year(self) -> None:
        """Print one table with a column a year, or as many tables as the years need."""
        rows = [*self._money_rows(), *self._support_rows(), *self._change_rows()]
        rows = rows if self.in_money else self._other_rows()
        names = [year.year for year in self.years]
        figure = self.page.figures([*names, *(cell for row in rows for cell in row.cells[1:])])
        longest = max(cell_len(self.page.fit(row.cells[0])) + row.indent for row in rows)
        room = (self.page.width - min(longest, _LABEL)) // (figure.width + 2)
        most = max(1, min(room, _MOST_YEARS))
        for start in range(0, len(names), most):
            shown = slice(start, start + most)
            columns = [figure] * len(names[shown])
            label = max(1, min(longest, self.page.width - len(columns) * (figure.width + 2)))
            self.page.blank()
            self.page.table(
                [Column(label), *columns],
                [Row([row.cells[0], *row.cells[1:][shown]], row.heading, row.indent) for row in rows],
                ["", *names[shown]],
            )
        accounts = [year.money for year in self.years if year.money and year.money.balances]
        if any(abs(account.difference or 0.0) >= _HALF_A_POUND for account in accounts):
            rounding = money(max(account.rounding for account in accounts))
            self.page.paragraph(f"Rounding can move the difference by {rounding} at most.")

    def _row(self, label: str, cells: Sequence[str]) -> Row:
        return Row([label, *cells], indent=2)

    def _heading(self, label: str) -> Row:
        return Row([label, *("" for _ in self.years)], heading=True)

    def _money_rows(self) -> list[Row]:
        accounts = [year.money for year in self.years if year.money]
        if not accounts:
            return []

        def lines(which: Callable[[MoneyAccount], Sequence[MoneyLine]]) -> list[Row]:
            by_year = [which(account) for account in accounts]
            return [
                self._row(in_years[0].label, [money(line.amount) for line in in_years])
                for in_years in zip(*by_year, strict=True)
            ]

        money_in, taken_away = lines(lambda account: account.money_in), lines(lambda account: account.taken_away)
        rows = [self._heading("Money in"), *money_in] if money_in else []
        if len(money_in) > 1:
            sums = [math.fsum(line.amount for line in account.money_in) for account in accounts]
            rows.append(self._row("Total in", [money(amount) for amount in sums]))
        rows += [self._heading("Taken away"), *taken_away] if taken_away else []
        unspent = lines(lambda account: account.unspent)
        rows.append(self._heading(f"Money out{' and unspent' if unspent else ''}{self.mark}"))
        total = f"Total {inside(self.label(self.scheme.result))}"
        rows.append(self._row(total, [money(account.out.amount) for account in accounts]))
        for row in unspent:
            rows.append(replace(row, cells=[f"{row.cells[0]}, unspent", *row.cells[1:]]))
        differences = [account.difference for account in accounts]
        if money_in:
            rows.append(self._row(DIFFERENCE, [or_dash(amount, money) for amount in differences]))
        return rows

    def _support_rows(self) -> list[Row]:
        needs = self._needs()
        if not needs and not self.has_support:
            return []
        rows = [self._heading(f"{self.label(SUPPORT) if self.has_support else 'Need'}{self.mark}")]
        if needs:
            rows.append(self._row(self.label(NEED), [money(need) for need in needs]))
        if not self.has_support:
            return rows
        support = [year.support for year in self.years]
        rows.append(self._row("Support given", [or_dash(one, money) for one in support]))
        if needs:
            shares = [
                one / need if one is not None and need > 0 else None for one, need in zip(support, needs, strict=True)
            ]
            rows.append(self._row("Share of the need that is met", [or_dash(one, percentage) for one in shares]))
        drawing = [or_dash(year.supported, whole) for year in self.years]
        rows.append(self._row(f"{plural(self.one)} that draw support", drawing))
        return rows

    def _needs(self) -> list[float]:
        """Return the national total of the need, year by year; nothing where there is no such step."""
        symbol = self.scheme.symbols.get(NEED)
        if symbol is None or symbol.kind != ORGANISATION or symbol.type != "number":
            return []
        columns = [year.organisations[NEED].to_list() for year in self.result.years.values()]
        return [] if any(None in column for column in columns) else [math.fsum(column) for column in columns]

    def _change_rows(self) -> list[Row]:
        if not self.has_spend:
            return []
        many = plural(self.one)
        rows = [
            self._heading(f"Gains and losses{self.mark}"),
            self._row(self.label(BASELINE), [or_dash(year.baseline, money) for year in self.years]),
            self._row(f"{many} that gain", [or_dash(year.gain, whole) for year in self.years]),
            self._row(f"{many} that lose", [or_dash(year.lose, whole) for year in self.years]),
        ]
        same = [
            None if year.gain is None or year.lose is None else year.organisations - year.gain - year.lose
            for year in self.years
        ]
        if any(same):
            rows.append(self._row(f"{many} that stay as they are", [or_dash(one, whole) for one in same]))
        short = [year.shortfall.total if year.shortfall else None for year in self.years]
        if any(one is not None for one in short):
            label = "Shortfall left after support" if self.has_support else "Shortfall"
            rows.append(self._row(label, [or_dash(one, money) for one in short]))
        return rows

    def _other_rows(self) -> list[Row]:
        """Return what can be said of an answer that is not money: a score, a share."""
        symbol = self.scheme.symbols[self.scheme.result]
        columns = [year.organisations[symbol.name].to_list() for year in self.result.years.values()]
        write = percentage if symbol.unit == "%" else plain_number
        return [
            self._heading(self.label(symbol.name)),
            self._row("Lowest", [write(min(column)) for column in columns]),
            self._row("Highest", [write(max(column)) for column in columns]),
        ]

    # Per head

    def inequality(self) -> None:
        """Print how unequal £ per head is before and after, a row for each."""
        before = [(year.year, year.before) for year in self.years if year.before]
        after = [(year.year, year.after) for year in self.years if year.after]
        if not after:
            return
        lines: list[tuple[str, Inequality]] = []
        if before and all(one == before[0][1] for _, one in before):
            lines.append((self.label(BASELINE), before[0][1]))
        else:
            lines += [(f"{self.label(BASELINE)} {year}", one) for year, one in before]
        lines += [(f"{self.label(self.scheme.result)} {year}", one) for year, one in after]
        rows = []
        for name, one in lines:
            spread = [per_head(one.lowest), per_head(one.highest), f"{one.variation:.3f}", f"{one.gini:.3f}"]
            rows.append(Row([name, *spread], indent=2))
        longest = max(cell_len(self.page.fit(row.cells[0])) for row in rows) + 2
        pounds = [self.page.figures(["Highest", *(row.cells[cell] for row in rows)]) for cell in (1, 2)]
        others = [Column(12, figures=True), Column(6, figures=True)]
        label = min(longest, self.page.width - sum(column.width + 2 for column in (*pounds, *others)))
        self.page.heading(f"Inequality of £ per head, each person counted once{self.mark}")
        self.page.table(
            [Column(label), *pounds, *others],
            rows,
            ["", "Lowest", "Highest", "Coefficient of variation", "Gini"],
        )

    def not_at_parity(self) -> None:
        """Print whose spend is still above the allocation in the last year, the largest amounts first."""
        last = self.years[-1]
        if last.shortfall is None:
            return
        short = last.shortfall.organisations
        spend = "illustrative spend" if self.mark else inside(self.label(BASELINE))
        result = inside(self.label(self.scheme.result))
        if not short:
            self.page.heading(f"At parity in {last.year}: no {self.one} with {spend} above {result}")
            return
        who = counted(len(short), self.one)
        self.page.heading(f"Not at parity in {last.year}: {who} with {spend} above {result}")
        rows = [[*self._names(one), money(-one.change), self._rate(one)] for one in short[:_NAMED]]
        self._named(rows, ["Short by", "Per head"])
        if len(short) > _NAMED:
            rest = money(math.fsum(-one.change for one in short[_NAMED:]))
            self.page.paragraph(f"… and {len(short) - _NAMED:,} more, short by {rest} together", lead="  ")

    def _rate(self, one: Movement) -> str:
        """Return the shortfall per head, a dash where there are no people to divide it by."""
        return "–" if one.per_head is None else per_head(-one.per_head)

    def movements(self) -> None:
        """Print the largest changes per head of the first year and of the last, up and down."""
        ends = [self.years[0], *self.years[1:][-1:]]
        if not any(part for year in ends for part in _extremes(year.movements)):
            return
        self.page.heading(f"Largest gains and losses per head{self.mark}")
        if len(ends) > 1 and self.page.width >= _SIDE_BY_SIDE:
            self._beside(ends)
            return
        for number, year in enumerate(ends):
            if number:
                self.page.blank()
            up, down = _extremes(year.movements)
            rows = [self._row_of(one) for one in up]
            rows += [[""] * 4] if up and down else []
            rows += [self._row_of(one) for one in down]
            self._named(rows, ["Change", "Per head"], year.year)

    def _row_of(self, one: Movement) -> Cells:
        return [*self._names(one), signed(one.change), signed(one.per_head or 0.0, 2)]

    def _names(self, one: Movement) -> Cells:
        return [self.page.cut(one.code, _LONGEST_CODE), one.name]

    def _named(self, rows: Sequence[Cells], heads: Cells, title: str = "") -> None:
        """Print rows of code, name and two figures; names are cut to what is left of the width."""
        code = self.page.figures([row[0] for row in rows])
        figures = [self.page.figures([head, *(row[cell] for row in rows)]) for cell, head in enumerate(heads, start=2)]
        room = self.page.width - 4 - code.width - sum(one.width + 2 for one in figures)
        name = min(max(room, 1), max(cell_len(self.page.fit(name)) for name in (title, *(row[1] for row in rows))))
        self.page.table(
            [Column(code.width + 2), Column(name), *figures],
            [Row([row[0], self.page.cut(row[1], name), *row[2:]], indent=2) for row in rows],
            ["", title, *heads],
        )

    def _beside(self, ends: Sequence[YearMeasures]) -> None:
        """Print two years beside each other: code, name and change per head of each."""
        halves = [_extremes(year.movements) for year in ends]
        height = [max(len(half[part]) for half in halves) for part in (0, 1)]
        columns: list[Column] = []
        rows: list[Cells] = [[] for _ in range(sum(height) + 1)]
        heads: Cells = []
        for year, (up, down) in zip(ends, halves, strict=True):
            whole = [*up, *[None] * (height[0] - len(up)), None, *down, *[None] * (height[1] - len(down))]
            cells = [[*self._names(one), signed(one.per_head or 0.0, 2)] if one else [""] * 3 for one in whole]
            code = self.page.figures([cell[0] for cell in cells]).width + 2
            figure = self.page.figures(["Per head", *(cell[2] for cell in cells)])
            name = (self.page.width - 2) // 2 - code - figure.width - 4
            columns += [Column(code), Column(name), figure]
            heads += ["", year.year, "Per head"]
            for row, cell in zip(rows, cells, strict=True):
                row += [f"  {cell[0]}", self.page.cut(cell[1], name), cell[2]]
        self.page.table(columns, [Row(row) for row in rows], heads)

    # What it rests on

    def assumptions(self) -> None:
        """Print what was taken without a source, numbered as everywhere else."""
        assumptions = self.scheme.assumptions
        if not assumptions:
            return
        self.page.heading(counted(len(assumptions), "assumption").capitalize())
        for one in assumptions:
            years = f" ({span(one.years, self.scheme.years)})" if one.years else ""
            number = f"{one.number}.".rjust(len(str(len(assumptions))) + 1)
            self.page.paragraph(f"{one.about}{years}: {one.text}", lead=f"  {number} ")
            moved = [effect for effect in self.result.effects if effect.assumption == one.number]
            if moved:
                told = [f"a tenth {'less' if one.change < 0 else 'more'}: {self._effect(one)}" for one in moved]
                self.page.paragraph(sentence("; ".join(told)) + ".", lead=" " * (len(number) + 3))

    def _effect(self, effect: Effect) -> str:
        """Say what an assumption's move does to the result."""
        if effect.total is None or effect.organisations is None:
            return effect.said
        if not effect.organisations:
            return "nothing changes"
        who = counted(effect.organisations, self.one)
        return f"{signed(effect.total) if self.in_money else plain_number(effect.total)} in all, {who} affected"

    def checks(self) -> None:
        """Print each check that fails, in which year and for whom, and count those that hold."""
        failing = [check for check in self.result.checks if not check.holds]
        if not self.result.checks:
            return
        self.page.heading(sentence(self._agreement()), "bold red" if failing else "bold")
        for check in failing:
            who = [*check.failing[:_FAILING]]
            if len(check.failing) > _FAILING:
                who.append(f"{len(check.failing) - _FAILING:,} more")
            self.page.paragraph(f"fails in {check.year} ({joined(who)}): {check.name}", lead="  ")
            self.page.paragraph(check.formula, lead="    ")


def _extremes(movements: Sequence[Movement]) -> tuple[list[Movement], list[Movement]]:
    """Return the largest gains per head and the largest losses, the largest first, none below a penny."""
    up = [one for one in movements[:_NAMED] if (one.per_head or 0.0) >= _HALF_A_PENNY]
    down = [one for one in reversed(movements[-_NAMED:]) if (one.per_head or 0.0) <= -_HALF_A_PENNY]
    return up, down
