"""A Result on the screen: what `gpit allocate` says, in words and figures that need no colour.

Every text is fitted to what the console's encoding can hold before it is laid out: a report piped into a
file on Windows is cp1252, which has £ and – but no box-drawing. Texts of the inputs are never read as
markup, and whatever could move the cursor or turn the line round is replaced.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO, TypeAlias

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from gpit_fairshare.language import ORGANISATION
from gpit_fairshare.summary import BASELINE, SUPPORT, summarise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from gpit_fairshare.engine import Fund, Result
    from gpit_fairshare.errors import Finding
    from gpit_fairshare.scheme import Scheme, Value
    from gpit_fairshare.summary import Inequality, Movement, YearSummary

Advance: TypeAlias = Callable[[float, float], None]
"""Says how much is done, and of how much."""

NEED: Final = "transition_need"
"""Step whose national total is shown where a scheme has it."""

_PIPED_WIDTH: Final = 80
_NARROWEST: Final = 56
"""Narrower terminals break the lines themselves: better that than a figure cut off."""
_WIDEST: Final = 100
"""Figures stand too far from their labels on a wider screen."""
_SIDE_BY_SIDE: Final = 72
"""Width from which two years of names and figures fit beside each other."""
_MOST_YEARS: Final = 4
_NAMED: Final = 5
"""Organisations named at either end of a list."""
_FAILING: Final = 12
"""Organisations named beside a check that fails."""
_LONGEST_CODE: Final = 12
_HALF_A_PENNY: Final = 0.005
_LABEL: Final = 28
"""Columns that a label keeps before another year is put beside it."""
_PATIENCE: Final = 1.0
"""Seconds that work may last before a bar is shown."""

_PLAIN: Final = {
    "£": "GBP ",
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "─": "-",
    "×": "x",
    "÷": "/",
    "→": "->",
    "›": ">",
    "≤": "<=",
    "≥": ">=",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
"""What stands in for a character that an encoding does not hold; a question mark for the rest."""

_SETTINGS: Final = "R02"
_UNSPENT: Final = "R03"
"""Findings of the run that `show` says in words of its own."""


# Numbers and nouns ------------------------------------------------------------------------------------


def money(amount: float, digits: int = 0) -> str:
    """Write pounds: `£140,000,000`, `-£450`; halves go away from zero, as in Excel."""
    size = _digits(abs(amount), digits)
    return f"-£{size}" if amount < 0 and _is_not_nil(size) else f"£{size}"


def per_head(rate: float) -> str:
    """Write £ per head to the penny: `£2.47`."""
    return money(rate, 2)


def signed(amount: float, digits: int = 0) -> str:
    """Write a change in pounds: `+£1,230`, `-£450`; nil has no sign. With 2 digits it is £ per head."""
    text = money(amount, digits)
    return f"+{text}" if amount > 0 and _is_not_nil(text) else text


def percentage(ratio: float) -> str:
    """Write a ratio as a percentage with one decimal: 0.6634 is `66.3%`."""
    size = _digits(abs(ratio) * 100, 1)
    return f"-{size}%" if ratio < 0 and _is_not_nil(size) else f"{size}%"


def _digits(size: float, digits: int) -> str:
    # repr() is the number that people see in a sheet: 0.125 is a half, 2.675 counts as one.
    exact = Decimal(repr(float(size)))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, Context(prec=400))
    return f"{rounded:,f}"


def _is_not_nil(text: str) -> bool:
    return any(character in "123456789" for character in text)


def plural(noun: str) -> str:
    """Return the plural of an organisation's noun: `CCGs`, `practices`, `surgeries`."""
    last = noun[-1:]
    if not last.islower():
        return f"{noun}s" if noun else "rows"  # an abbreviation: ICSs
    if last == "y" and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Write a count with its noun: `1 CCG`, `211 CCGs`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def _inside(label: str) -> str:
    """Write a label inside a sentence: `historic spend`, but `GP IT spend`."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _joined(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else ""


def _span(years: Sequence[str], whole: Sequence[str] = ()) -> str:
    """Write years: `2014/15`, `2014/15 and 2015/16`, `2014/15 to 2023/24`, or `every year` of a whole."""
    if len(years) > 1 and tuple(years) == tuple(whole):
        return "every year"
    firsts = [int(year[:4]) for year in years]
    follow_on = firsts == list(range(firsts[0], firsts[0] + len(firsts))) if firsts else False
    return f"{years[0]} to {years[-1]}" if follow_on and len(years) > 2 else _joined(years)


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _number(value: float) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _or_dash(value: float | None, write: Callable[[float], str]) -> str:
    return "–" if value is None else write(value)


def _is_money(unit: str | None) -> bool:
    """Say whether to write a value as pounds; what a scheme gives no unit is taken for money."""
    return unit in ("£", None)


def _written(value: Value, unit: str | None) -> str:
    """Write a value in its unit where that loses nothing of it, else as the option wrote it."""
    number = value.value
    to_the_penny = number == round(number, 2)
    match unit:
        case "£" if to_the_penny:
            return money(number, 0 if number.is_integer() else 2)
        case "£ per head" if to_the_penny:
            return per_head(number)
        case "people" if number.is_integer():
            return _whole(number)
        case _:
            return value.written


# The console and what fits on it ----------------------------------------------------------------------


def make_console(*, stderr: bool = False) -> Console:
    """Return a console on standard output, or standard error, that cannot fail on a character.

    Colour goes to terminals alone, and not where NO_COLOR is set. Whatever is piped is plain and 80
    columns wide, or as wide as COLUMNS says; a terminal is used to 100 columns.
    """
    stream = sys.stderr if stderr else sys.stdout
    _never_fail(stream)
    terminal = stream.isatty()
    columns = os.environ.get("COLUMNS", "")
    given = int(columns) if columns.isdecimal() and int(columns) > 0 else None
    console = Console(
        file=stream,
        stderr=stderr,
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
        width=given or (None if terminal else _PIPED_WIDTH),
    )
    if given is None and terminal and console.width > _WIDEST:
        console.width = _WIDEST
    return console


def _never_fail(stream: TextIO) -> None:
    """Make a stream write a question mark for what its encoding does not hold."""
    reconfigure = getattr(stream, "reconfigure", None)
    if callable(reconfigure):
        reconfigure(errors="replace")


class _Column(NamedTuple):
    """A column of a table: its width, and whether it holds figures, which stand to the right."""

    width: int
    figures: bool = False


Cells = list[str]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a table; a heading stands above the rows indented under it."""

    cells: Cells
    heading: bool = False
    indent: int = 0


class _Page:
    """A console with the two things that are laid out on it: paragraphs and tables."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.encoding = console.encoding
        try:
            "".encode(self.encoding)
        except LookupError:
            self.encoding = "ascii"
        self.width = min(max(console.width, _NARROWEST), _WIDEST)
        line = self.fit("─")
        # Marked as ASCII whatever the line: Rich would put a grid of + and | in the place of another.
        self.box = Box(f"    \n    \n {line}{line} \n    \n    \n    \n    \n    \n", ascii=True)

    def fit(self, text: str) -> str:
        """Return a text that the encoding can hold, without anything that is not to be seen."""
        fitted = "".join(self._fit(character) for character in text)
        return fitted if "£" in fitted else fitted.replace("GBP  ", "GBP ")  # `£ per head`

    def _fit(self, character: str) -> str:
        if not character.isprintable():
            return " " if character.isspace() else "?"
        try:
            character.encode(self.encoding)
        except UnicodeEncodeError:
            return _PLAIN.get(character, "?")
        return character

    def cut(self, text: str, width: int) -> str:
        """Return a text of at most `width` columns; a longer one ends in an ellipsis."""
        text = self.fit(text)
        if cell_len(text) <= width:
            return text
        dots = self.fit("…")
        text = text[: 4 * width]  # no need to go through a whole novel
        while text and cell_len(text) + cell_len(dots) > width:
            text = text[:-1]
        return text.rstrip(" ,") + dots

    def blank(self) -> None:
        """Leave a line empty."""
        self.console.print()

    def paragraph(self, text: str, style: str = "", *, lead: str = "") -> None:
        """Print a text; its second and further lines stand under its first, right of `lead`."""
        lead = self.fit(lead)
        hang = cell_len(lead)
        lines = Text(self.fit(text), style=style).wrap(self.console, self.width - hang, overflow="fold")
        for number, line in enumerate(lines):
            line.rstrip()
            self._line(Text.assemble(" " * hang if number else lead, line))

    def heading(self, text: str, style: str = "bold") -> None:
        """Print the heading of a section, a line apart from what stands above."""
        self.blank()
        self.paragraph(text, style)

    def packed(self, pieces: Sequence[str], style: str = "bold") -> None:
        """Print pieces in as few lines as they need, breaking between them where that can be."""
        line = ""
        for piece in pieces:
            longer = f"{line} {piece}" if line else piece
            if line and cell_len(self.fit(longer)) > self.width:
                self.paragraph(line, style)
                longer = piece
            line = longer
        self.paragraph(line, style)

    def figures(self, texts: Sequence[str]) -> _Column:
        """Return a column as wide as its figures: a figure is never cut off."""
        return _Column(max((cell_len(self.fit(text)) for text in texts), default=0), figures=True)

    def table(self, columns: Sequence[_Column], rows: Sequence[_Row], head: Cells | None = None) -> None:
        """Print a table of fixed widths, two columns apart."""
        table = Table(box=self.box, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.show_header = head is not None
        for number, column in enumerate(columns):
            table.add_column(
                Text(self.fit(head[number]) if head else ""),
                width=column.width,
                justify="right" if column.figures else "left",
                vertical="bottom" if column.figures else "top",
                overflow="fold",
                header_style="bold",
            )
        for row in rows:
            style = "bold" if row.heading else ""
            cells: list[RenderableType] = [Text(self.fit(cell), style=style) for cell in row.cells]
            if row.indent:
                cells[0] = Padding(cells[0], (0, 0, 0, row.indent))
            table.add_row(*cells)
        width = sum(column.width for column in columns) + 2 * (len(columns) - 1)
        options = self.console.options.update(width=max(width, self.width))
        for segments in self.console.render_lines(table, options, pad=False):
            self._line(Segments(_stripped(segments)))

    def _line(self, line: RenderableType) -> None:
        self.console.print(line, soft_wrap=True)


def _stripped(segments: Sequence[Segment]) -> list[Segment]:
    """Leave out the blanks at the end of a line: they only get in the way of whoever copies it."""
    kept = list(segments)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return [*kept, Segment.line()]


# The screen -------------------------------------------------------------------------------------------


def show(result: Result, console: Console, *, written: Sequence[str] = ()) -> None:
    """Print what a run comes to: verdict, money, gains and losses, inequality, assumptions, findings, checks.

    Args:
        result: A finished run.
        console: Where to print; the layout needs 56 columns and uses 100 at most.
        written: Names of the files that the result was written to.
    """
    screen = _Screen(_Page(console), result, summarise(result))
    screen.verdict(written)
    screen.illustrative()
    screen.settings()
    screen.year_by_year()
    if screen.in_money:
        screen.inequality()
        screen.not_at_parity()
        screen.movements()
    screen.assumptions()
    said = {_SETTINGS, _UNSPENT} if screen.in_money else {_SETTINGS}
    show_findings([one for one in result.findings if one.number not in said], console)
    screen.checks()


def show_findings(findings: Sequence[Finding], console: Console, limit: int = 20) -> None:
    """Print findings by level, errors first; after `limit` of them the rest is counted."""
    page = _Page(console)
    left = limit
    for level, style in (("error", "bold red"), ("warning", "bold yellow"), ("note", "bold")):
        there = [finding for finding in findings if finding.level == level]
        if not there or left <= 0:
            continue
        page.heading(counted(len(there), level).capitalize(), style)
        for finding in there[:left]:
            page.paragraph(str(finding), lead=f"  {finding.number}  ")
        left -= len(there)
    if len(findings) > limit:
        page.paragraph(f"… and {len(findings) - limit:,} more; --json gives all")


class _Screen:
    """One run and the page that it is shown on, section by section."""

    def __init__(self, page: _Page, result: Result, years: Sequence[YearSummary]) -> None:
        self.page = page
        self.result = result
        self.scheme: Scheme = result.scheme
        self.years = years
        self.one = self.scheme.organisation
        self.in_money = _is_money(self.scheme.symbols[self.scheme.result].unit)
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
        years = _span([year.year for year in self.years])
        pieces = [f"{self.scheme.title}:", f"{who},", f"{years},", f"{self._agreement()}."]
        self.page.packed(pieces, "bold" if agrees else "bold red")
        if written:
            self.page.paragraph(f"Written: {', '.join(written)}")

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
            found.setdefault((name, _written(value, self.scheme.parameters[name].unit)), []).append(year)
        if found:
            self.page.heading("Set for this run, not in the scheme", "bold yellow")
        for (name, written), years in found.items():
            span = _span(years, self.scheme.years)
            self.page.paragraph(f"{self.label(name)} ({name}): {written} in {span}", lead="  ")

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
                [_Column(label), *columns],
                [_Row([row.cells[0], *row.cells[1:][shown]], row.heading, row.indent) for row in rows],
                ["", *names[shown]],
            )
        if self.in_money and any(abs(one) >= 0.5 for one in self._differences()):
            self.page.paragraph(
                "Where money in is not money out and unspent, "
                "rounding or steps other than these funds make the difference."
            )

    def _row(self, label: str, cells: Sequence[str]) -> _Row:
        return _Row([label, *cells], indent=2)

    def _heading(self, label: str) -> _Row:
        return _Row([label, *("" for _ in self.years)], heading=True)

    def _funds(self, year: YearSummary) -> dict[str, Fund]:
        """Return what was shared out, by parameter or, where the money comes from other steps, by step.

        Where several steps share out one parameter it is the same money, and the last of them says
        what is left of it.
        """
        unit = {name: symbol.unit for name, symbol in self.scheme.symbols.items()}
        return {fund.parameter or fund.step: fund for fund in year.funds if _is_money(unit[fund.step])}

    def _differences(self) -> list[float]:
        """Return money in less money out and unspent, year by year; nothing where no money comes in."""
        differences = []
        for year in self.years:
            funds = self._funds(year).values()
            coming = [fund.amount for fund in funds if fund.parameter]
            if coming:
                differences.append(math.fsum((*coming, -year.allocated, *(-fund.unspent for fund in funds))))
        return differences

    def _money_rows(self) -> list[_Row]:
        by_year = [self._funds(year) for year in self.years]
        funds = {key: fund for funds in by_year for key, fund in funds.items()}
        new = {key: fund for key, fund in funds.items() if fund.parameter}
        rows = []
        if new:
            rows.append(self._heading("Money in"))
            rows += [self._row(new[key].label, [money(one[key].amount) for one in by_year]) for key in new]
        if len(new) > 1:
            sums = [math.fsum(one[key].amount for key in new) for one in by_year]
            rows.append(self._row("Total in", [money(one) for one in sums]))
        rows.append(self._heading(f"Money out{self.mark}"))
        rows.append(
            self._row(
                f"Total {_inside(self.label(self.scheme.result))}",
                [money(one.allocated) for one in self.years],
            )
        )
        for key, fund in funds.items():
            left = [one[key].unspent for one in by_year]
            if fund.parameter or any(one >= 0.5 for one in left):
                rows.append(self._row(f"{fund.label}, unspent", [money(one) for one in left]))
        if new:
            rows.append(self._row("In less out and unspent", [money(one) for one in self._differences()]))
        return rows

    def _support_rows(self) -> list[_Row]:
        needs = self._needs()
        if not needs and not self.has_support:
            return []
        rows = [self._heading(f"{self.label(SUPPORT) if self.has_support else 'Need'}{self.mark}")]
        if needs:
            rows.append(self._row(self.label(NEED), [money(need) for need in needs]))
        if not self.has_support:
            return rows
        support = [year.support for year in self.years]
        rows.append(self._row("Support given", [_or_dash(one, money) for one in support]))
        if needs:
            shares = [
                one / need if one is not None and need > 0 else None
                for one, need in zip(support, needs, strict=True)
            ]
            rows.append(
                self._row("Share of the need that is met", [_or_dash(one, percentage) for one in shares])
            )
        drawing = [_or_dash(year.supported, _whole) for year in self.years]
        rows.append(self._row(f"{plural(self.one)} that draw support", drawing))
        return rows

    def _needs(self) -> list[float]:
        """Return the national total of the need, year by year; nothing where there is no such step."""
        symbol = self.scheme.symbols.get(NEED)
        if symbol is None or symbol.kind != ORGANISATION or symbol.type != "number":
            return []
        columns = [year.organisations[NEED].to_list() for year in self.result.years.values()]
        return [] if any(None in column for column in columns) else [math.fsum(column) for column in columns]

    def _change_rows(self) -> list[_Row]:
        if not self.has_spend:
            return []
        many = plural(self.one)
        rows = [
            self._heading(f"Gains and losses{self.mark}"),
            self._row(self.label(BASELINE), [_or_dash(year.baseline, money) for year in self.years]),
            self._row(f"{many} that gain", [_or_dash(year.gain, _whole) for year in self.years]),
            self._row(f"{many} that lose", [_or_dash(year.lose, _whole) for year in self.years]),
        ]
        same = [
            None if year.gain is None or year.lose is None else year.organisations - year.gain - year.lose
            for year in self.years
        ]
        if any(same):
            rows.append(self._row(f"{many} that stay as they are", [_or_dash(one, _whole) for one in same]))
        short = [year.shortfall.total if year.shortfall else None for year in self.years]
        if any(one is not None for one in short):
            label = "Shortfall left after support" if self.has_support else "Shortfall"
            rows.append(self._row(label, [_or_dash(one, money) for one in short]))
        return rows

    def _other_rows(self) -> list[_Row]:
        """Return what can be said of an answer that is not money: a score, a share."""
        symbol = self.scheme.symbols[self.scheme.result]
        columns = [year.organisations[symbol.name].to_list() for year in self.result.years.values()]
        write = percentage if symbol.unit == "%" else _number
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
            rows.append(_Row([name, *spread], indent=2))
        longest = max(cell_len(self.page.fit(row.cells[0])) for row in rows) + 2
        pounds = [self.page.figures(["Highest", *(row.cells[cell] for row in rows)]) for cell in (1, 2)]
        others = [_Column(12, figures=True), _Column(6, figures=True)]
        label = min(longest, self.page.width - sum(column.width + 2 for column in (*pounds, *others)))
        self.page.heading(f"Inequality of £ per head, each person counted once{self.mark}")
        self.page.table(
            [_Column(label), *pounds, *others],
            rows,
            ["", "Lowest", "Highest", "Coefficient of variation", "Gini"],
        )

    def not_at_parity(self) -> None:
        """Print whose spend is still above the allocation in the last year, the largest amounts first."""
        last = self.years[-1]
        if last.shortfall is None:
            return
        short = last.shortfall.organisations
        spend = "illustrative spend" if self.mark else _inside(self.label(BASELINE))
        result = _inside(self.label(self.scheme.result))
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
        """Return the shortfall per head; where it is nil there are no people to divide it by."""
        return per_head(-one.per_head) if one.per_head else "–"

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
        return [*self._names(one), signed(one.change), signed(one.per_head, 2)]

    def _names(self, one: Movement) -> Cells:
        return [self.page.cut(one.code, _LONGEST_CODE), one.name]

    def _named(self, rows: Sequence[Cells], heads: Cells, title: str = "") -> None:
        """Print rows of code, name and two figures; names are cut to what is left of the width."""
        code = self.page.figures([row[0] for row in rows])
        figures = [
            self.page.figures([head, *(row[cell] for row in rows)])
            for cell, head in enumerate(heads, start=2)
        ]
        room = self.page.width - 4 - code.width - sum(one.width + 2 for one in figures)
        name = min(
            max(room, 1), max(cell_len(self.page.fit(name)) for name in (title, *(row[1] for row in rows)))
        )
        self.page.table(
            [_Column(code.width + 2), _Column(name), *figures],
            [_Row([row[0], self.page.cut(row[1], name), *row[2:]], indent=2) for row in rows],
            ["", title, *heads],
        )

    def _beside(self, ends: Sequence[YearSummary]) -> None:
        """Print two years beside each other: code, name and change per head of each."""
        halves = [_extremes(year.movements) for year in ends]
        height = [max(len(half[part]) for half in halves) for part in (0, 1)]
        columns: list[_Column] = []
        rows: list[Cells] = [[] for _ in range(sum(height) + 1)]
        heads: Cells = []
        for year, (up, down) in zip(ends, halves, strict=True):
            whole = [*up, *[None] * (height[0] - len(up)), None, *down, *[None] * (height[1] - len(down))]
            cells = [[*self._names(one), signed(one.per_head, 2)] if one else [""] * 3 for one in whole]
            code = self.page.figures([cell[0] for cell in cells]).width + 2
            figure = self.page.figures(["Per head", *(cell[2] for cell in cells)])
            name = (self.page.width - 2) // 2 - code - figure.width - 4
            columns += [_Column(code), _Column(name), figure]
            heads += ["", year.year, "Per head"]
            for row, cell in zip(rows, cells, strict=True):
                row += [f"  {cell[0]}", self.page.cut(cell[1], name), cell[2]]
        self.page.table(columns, [_Row(row) for row in rows], heads)

    # What it rests on

    def assumptions(self) -> None:
        """Print what was taken without a source, numbered as everywhere else."""
        assumptions = self.scheme.assumptions
        if not assumptions:
            return
        self.page.heading(counted(len(assumptions), "assumption").capitalize())
        for one in assumptions:
            years = f" ({_span(one.years, self.scheme.years)})" if one.years else ""
            number = f"{one.number}.".rjust(len(str(len(assumptions))) + 1)
            self.page.paragraph(f"{one.about}{years}: {one.text}", lead=f"  {number} ")

    def checks(self) -> None:
        """Print each check that fails, in which year and for whom, and count those that hold."""
        failing = [check for check in self.result.checks if not check.holds]
        if not self.result.checks:
            return
        self.page.heading(_sentence(self._agreement()), "bold red" if failing else "bold")
        for check in failing:
            who = [*check.failing[:_FAILING]]
            if len(check.failing) > _FAILING:
                who.append(f"{len(check.failing) - _FAILING:,} more")
            self.page.paragraph(f"fails in {check.year} ({_joined(who)}): {check.name}", lead="  ")
            self.page.paragraph(check.formula, lead="    ")


def _extremes(movements: Sequence[Movement]) -> tuple[list[Movement], list[Movement]]:
    """Return the largest gains per head and the largest losses, the largest first, none below a penny."""
    up = [one for one in movements[:_NAMED] if one.per_head >= _HALF_A_PENNY]
    down = [one for one in reversed(movements[-_NAMED:]) if one.per_head <= -_HALF_A_PENNY]
    return up, down


# While it lasts ---------------------------------------------------------------------------------------


@contextmanager
def progress(console: Console, label: str) -> Iterator[Advance]:
    """Show on a terminal how far work has come, once it has lasted a second; else show nothing.

    Yields:
        A function to call with how much is done, and of how much.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _done, _total: None
        return
    # Standard output stays as it is: results may be on their way to a file through it.
    bar = Progress(
        SpinnerColumn("line"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    task = bar.add_task(_Page(console).fit(label), total=None)
    state = threading.Lock()
    over = False

    def begin() -> None:
        with state:
            if not over:
                bar.start()

    def advance(done: float, total: float) -> None:
        bar.update(task, completed=done, total=total)

    timer = threading.Timer(_PATIENCE, begin)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        with state:
            over = True
            bar.stop()
        timer.join()
