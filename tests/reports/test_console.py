"""The screen of a run, compared with figures calculated by hand, on every kind of output stream."""

import csv
import io
import os
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from gpit_fairshare import numbers, words
from gpit_fairshare.engine import calculate
from gpit_fairshare.findings import Finding
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, packaged_crosswalk
from gpit_fairshare.reports import screen, terminal
from gpit_fairshare.reports.allocation import allocation_screen
from gpit_fairshare.reports.allocation_view import AllocationView
from gpit_fairshare.reports.document import Document, Findings
from gpit_fairshare.scheme.joining import load
from gpit_fairshare.scheme.values import Setting

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
FOUR = ("revenue_budget=2000000", "transition_fund=300000")
BOX = re.compile("[\u2500-\u259f]")


@dataclass
class Stub:
    """The part of the inputs that a run needs, without reading a file."""

    tables: dict
    columns: dict = field(default_factory=dict)
    findings: tuple = ()
    sources: tuple = ()
    origins: dict = field(default_factory=dict)
    illustrative: tuple = ()
    crosswalk: Crosswalk = field(default_factory=packaged_crosswalk)
    boundaries: date | None = None
    years: tuple = field(init=False)

    @property
    def illustrative_heading(self):
        """What the inputs call the figures that are marked illustrative."""
        return "Illustrative spend" if self.illustrative else ""

    def __post_init__(self):
        self.years = tuple(self.tables)


def table(path):
    """Columns of a sample; all but figures are texts."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figures = {"registered_population", "historic_spend", "amount"}
    return {name: [float(row[name]) if name in figures else row[name] for row in rows] for name in rows[0]}


def four(settings=FOUR, transition=None, **more):
    """The run of A, B, C and D that the samples' README calculates by hand."""
    scheme = load(transition=transition, settings=[Setting.read(text) for text in settings])
    columns = table(SAMPLES / "abcd-population.csv")
    spend = table(SAMPLES / "abcd-spend.csv")
    assert columns["org_code"] == spend["org_code"]
    columns["historic_spend"] = spend["historic_spend"]
    columns |= more.pop("columns", {})
    return calculate(scheme, Stub(dict.fromkeys(scheme.years, pl.DataFrame(columns)), **more))


@pytest.fixture(scope="module")
def abcd():
    """A, B, C and D with £2,000,000 and a fund of £300,000."""
    return four()


@pytest.fixture(scope="module")
def england():
    """The England sample, with its lines of spend added up here."""
    columns = table(SAMPLES / "england-2014-15-population.csv")
    lines = table(SAMPLES / "england-2014-15-spend.csv")
    spend = defaultdict(float)
    for code, kind, committed, amount in zip(
        lines["org_code"], lines["cost_type"], lines["committed"], lines["amount"], strict=True
    ):
        spend[code] += amount if (kind, committed) == ("revenue", "yes") else 0
    kept = ("org_code", "org_name", "area_team", "registered_population")
    frame = pl.DataFrame({name: columns[name] for name in kept})
    frame = frame.with_columns(historic_spend=pl.Series([spend[code] for code in columns["org_code"]]))
    scheme = load()
    illustrative = ("spend.csv: every row says that it is illustrative.",)
    return calculate(scheme, Stub(dict.fromkeys(scheme.years, frame), illustrative=illustrative))


def run(tmp_path, text, columns, **more):
    """Run a scheme given as text on one table, used for every year."""
    path = tmp_path / "scheme.toml"
    path.write_text(text, encoding="utf-8")
    scheme = load(str(path))
    return calculate(scheme, Stub(dict.fromkeys(scheme.years, pl.DataFrame(columns)), **more))


def piped(encoding="utf-8", width=80, **options):
    """A console that writes into bytes, and a function that reads them; encoding errors raise."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n", write_through=True)
    return Console(file=stream, width=width, **options), lambda: raw.getvalue().decode(encoding)


def shown(result, **view):
    """What the screen shows of a run with these options, 80 characters wide."""
    console = Console(file=io.StringIO(), width=80)
    screen.show(allocation_screen(result, AllocationView(**view)), console)
    return console.file.getvalue()


def details_of(result, encoding="utf-8", width=80, **more):
    """The whole screen of `--details` as text."""
    console, text = piped(encoding, width)
    screen.show(allocation_screen(result, AllocationView(details=True), **more), console)
    return text()


def figures(text, label):
    """The figures of every row with this label."""
    rows = [line for line in text.splitlines() if line.strip().startswith(label + "  ")]
    assert rows, f"no row {label!r} in\n{text}"
    return [cell for row in rows for cell in re.split(r" {2,}", row.strip())[1:]]


def flat(text):
    """The text as one line, so that line breaks do not matter."""
    return re.sub(r"\s+", " ", text)


def section(text, heading):
    """Lines from a heading to the next empty line that is followed by another heading."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading))
    in_section = [lines[start]]
    for line in lines[start + 1 :]:
        if line and not line.startswith((" ", "─", "-")):
            break
        in_section.append(line)
    return in_section


TEN_YEARS = """
[scheme]
name = "ten"
title = "Ten years of practice IT"
organisation = "practice"
years = [{years}]

[parameters.pot]
label = "Pot"
unit = "£"
[parameters.pot.values]
every_year = {{ value = 63_400_000_000, assumption = "Made up." }}

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "share_out(pot, by=registered_population)"
"""

FLAT_RATE = """
[scheme]
name = "flat"
title = "So much a list point"
organisation = "federation"
years = ["2020/21"]
result = "payment"

[parameters.rate]
label = "Payment a point"
[parameters.rate.values]
every_year = { value = 12.5, assumption = "Made up." }

[[steps]]
name = "payment"
label = "Payment"
formula = "points * rate"
"""

SCORE = """
[scheme]
name = "score"
title = "Readiness"
organisation = "practice"
years = ["2020/21"]
result = "readiness"

[[steps]]
name = "readiness"
label = "Readiness index"
unit = "%"
formula = "met / asked"

[[checks]]
name = "No index is above one half"
formula = "readiness <= 0.5"
"""


class TestNumbers:
    """Money, rates, changes and nouns have one format."""

    @pytest.mark.parametrize(
        ("amount", "expected"),
        [
            (140_000_000, "£140,000,000"),
            (0, "£0"),
            (-0.0, "£0"),
            (-0.4, "£0"),
            (0.5, "£1"),
            (2.5, "£3"),
            (-450, "-£450"),
            (63_400_000_000, "£63,400,000,000"),
            (1e30, "£1,000,000,000,000,000,000,000,000,000,000"),
        ],
    )
    def test_money(self, amount, expected):
        """Pounds have commas and a sign before the £; halves go away from zero and 0 has no sign."""
        assert expected == numbers.money(amount)

    @pytest.mark.parametrize(
        ("rate", "expected"), [(2.4720, "£2.47"), (0.125, "£0.13"), (1234.5, "£1,234.50"), (0, "£0.00")]
    )
    def test_per_head(self, rate, expected):
        """£ per head are written to the penny."""
        assert expected == numbers.per_head(rate)

    @pytest.mark.parametrize(
        ("change", "digits", "expected"),
        [
            (1.23, 2, "+£1.23"),
            (-0.45, 2, "-£0.45"),
            (0.001, 2, "£0.00"),
            (-0.001, 2, "£0.00"),
            (1_500, 0, "+£1,500"),
        ],
    )
    def test_signed(self, change, digits, expected):
        """A change has a sign; one that rounds to 0 has none."""
        assert expected == numbers.signed(change, digits)

    @pytest.mark.parametrize(
        ("ratio", "expected"), [(0.75, "75.0%"), (1, "100.0%"), (-0.0495, "-5.0%"), (-0.0001, "0.0%")]
    )
    def test_percentage(self, ratio, expected):
        """A ratio is a percentage with one decimal."""
        assert expected == numbers.percentage(ratio)

    @pytest.mark.parametrize(
        ("number", "noun", "expected"),
        [
            (1, "CCG", "1 CCG"),
            (211, "CCG", "211 CCGs"),
            (7959, "practice", "7,959 practices"),
            (2, "GP surgery", "2 GP surgeries"),
            (2, "trust board", "2 trust boards"),
            (2, "ICS", "2 ICSs"),
            (2, "local branch", "2 local branches"),
            (0, "bay", "0 bays"),
        ],
    )
    def test_counted(self, number, noun, expected):
        """A count has its noun in the singular or plural."""
        assert expected == words.counted(number, noun)


class TestFour:
    """The figures of A, B, C and D match those calculated by hand in the samples' README."""

    def test_first_line(self, abcd):
        """The screen begins with unspent money, limits and settings; then the answer, the checks and the files."""
        text = details_of(abcd, file_names=["out.xlsx", "out.csv"])

        expected = (
            "Unspent transition fund (R03): £100,000 in 2015/16.\n"
            "Indicative: 2015/16.\n"
            "Set for this run, not in the scheme: National GP IT revenue funding\n"
            "(revenue_budget): £140,000,000 → £2,000,000 in every year; Transition fund\n"
            "(transition_fund): £20,000,000 → £300,000 in every year.\n"
            "Securing Excellence in GP IT Services 2014-16: 4 CCGs, 2014/15 and 2015/16.\n"
            "Allocated: all £2,300,000 in 2014/15; £2,200,000 of £2,300,000 in 2015/16.\n"
            "In 2015/16, 1 CCG gains on historic spend and 3 lose £220,000 in total.\n"
            "Alder (A) loses most: £150,000, 30.0% of its historic spend.\n"
            "All 4 checks pass. No warnings, 1 note.\n"
            "Written: out.xlsx, out.csv\n"
        )
        assert flat(text).startswith(flat(expected))

    @pytest.mark.parametrize(
        ("label", "expected"),
        [
            ("National GP IT revenue funding", ["£2,000,000", "£2,000,000"]),
            ("Transition fund", ["£300,000", "£300,000"]),
            ("Total in", ["£2,300,000", "£2,300,000"]),
            ("Total allocation", ["£2,300,000", "£2,200,000"]),
            ("Transition fund, unspent", ["£0", "£100,000"]),
            ("Difference (in − taken away − out − unspent)", ["£0", "£0"]),
            ("Transition need", ["£400,000", "£200,000"]),
            ("Support given", ["£300,000", "£200,000"]),
            ("Share of need paid", ["75.0%", "100.0%"]),
            ("CCGs that get support", ["2", "2"]),
            ("Historic spend", ["£2,270,000", "£2,270,000", "£1.50", "£5.00", "0.430", "0.192"]),
            ("CCGs that gain", ["1", "1"]),
            ("CCGs that lose", ["3", "3"]),
            # A 75,000 + B 25,000 + D 20,000, then A 150,000 + B 50,000 + D 20,000.
            ("Total of reductions", ["£120,000", "£220,000"]),
            # £ per head 4.25, 2.375, 2 and 2 of mean 2.30, then 3.50, 2.25, 2 and 2 of mean 2.20.
            ("Allocation 2014/15", ["£2.00", "£4.25", "0.290", "0.108"]),
            ("Allocation 2015/16", ["£2.00", "£3.50", "0.202", "0.075"]),
        ],
    )
    def test_figures(self, abcd, label, expected):
        """Each row has the figure of each year that was calculated by hand."""
        assert expected == figures(details_of(abcd), label)

    def test_below_spend(self, abcd):
        """In the last year the allocations of A, B and D are below their spend, listed by pounds."""
        text = section(details_of(abcd), "Allocation below")

        assert text[0] == "Allocation below historic spend in 2015/16: 3 CCGs"
        assert [line.split() for line in text[3:6]] == [
            ["A", "Alder", "£150,000", "£1.50"],
            ["B", "Birch", "£50,000", "£0.25"],
            ["D", "Damson", "£20,000", "£0.05"],
        ]

    def test_movements(self, abcd):
        """C gains 50p a head; A, B and D lose, the largest first; the first year is left of the last."""
        text = section(details_of(abcd), "Largest gains and losses per head")

        assert [line.split() for line in text[3:] if line] == [
            ["C", "Cedar", "+£0.50", "C", "Cedar", "+£0.50"],
            ["A", "Alder", "-£0.75", "A", "Alder", "-£1.50"],
            ["B", "Birch", "-£0.13", "B", "Birch", "-£0.25"],
            ["D", "Damson", "-£0.05", "D", "Damson", "-£0.05"],
        ]

    def test_settings(self, abcd):
        """Values set for this run are listed once for each parameter, and not repeated as findings."""
        text = flat(details_of(abcd))

        assert "Set for this run, not in the scheme" in text
        assert "(revenue_budget): £140,000,000 → £2,000,000 in every year" in text
        assert "(transition_fund): £20,000,000 → £300,000 in every year" in text
        assert "R02" not in text

    def test_setting_of_one_year(self):
        """A setting of one year names that year, and a share is shown in its unit, however it was typed."""
        text = flat(details_of(four((*FOUR, "support_share@2015/16=1/4"))))

        assert "(support_share): 50% → 25% in 2015/16" in text

    @pytest.mark.parametrize(
        ("as_written", "expected"),
        [
            ("2e6", "£2,000,000"),
            ("2000000.5", "£2,000,000.50"),
            ("2000000.125", "£2,000,000.125"),
            ("2000000/3", "2000000/3"),
        ],
    )
    def test_setting_loses_no_digits(self, as_written, expected):
        """A setting is shown as money with all its digits, and a fraction as typed."""
        text = flat(details_of(four((f"revenue_budget={as_written}", FOUR[1]))))

        assert f"(revenue_budget): £140,000,000 → {expected} in every year" in text

    def test_assumptions(self, abcd):
        """Assumptions are numbered as in the scheme, with their years."""
        text = flat(details_of(abcd))

        assert f"{len(abcd.scheme.assumptions)} assumptions" in text
        for assumption in abcd.scheme.assumptions:
            assert f"{assumption.number}. {assumption.about} (" in text
            assert assumption.text in text

    def test_checks_that_pass_are_counted(self, abcd):
        """Checks that pass in every year are counted, not listed."""
        text = details_of(abcd)

        assert text.count("All 4 checks pass.") == 1
        for check in abcd.scheme.checks:
            assert check.name not in flat(text)

    def test_nothing_is_illustrative(self, abcd):
        """Nothing is called illustrative if no file says so."""
        assert "illustrative" not in details_of(abcd).lower()


class TestEngland:
    """The screen of the England sample has the figures of its README."""

    def test_cases(self, england):
        """142 CCGs gain, 54 get support, needs are £30.15m and £15.08m, and £4.92m is unspent."""
        text = details_of(england)

        assert figures(text, "CCGs that gain") == ["142", "142"]
        assert figures(text, "CCGs that get support") == ["54", "54"]
        assert [cell[:6] for cell in figures(text, "Transition need")] == ["£30,15", "£15,07"]
        assert figures(text, "Transition fund, unspent")[1].startswith("£4,92")
        assert figures(text, "National GP IT revenue funding") == ["£140,000,000"] * 2

    def test_illustrative(self, england):
        """The warning is above all figures, and every table that uses spend is marked."""
        text = details_of(england)

        assert text.index("Illustrative spend: do not quote any figure that uses it") < text.index("£140")
        assert "spend.csv: every row says that it is illustrative." in flat(text)
        for heading in ("Money out", "Transition support", "Gains and losses", "Largest gains"):
            (line,) = (line for line in text.splitlines() if line.startswith(heading))
            assert "(uses illustrative spend)" in line
        assert "Spread of funding per head (population-weighted, uses illustrative spend)" in text
        assert "Allocation below historic spend in 2015/16: 69 CCGs (uses illustrative spend)" in text

    def test_fair_shares_have_their_rate(self, england):
        """£140,000,000 for 56,633,982 patients is £2.47 a head in both years."""
        assert "Fair share per head: £2.47 in 2014/15 and £2.47 in 2015/16." in flat(details_of(england))

    def test_the_real_extremes_come_first(self, england):
        """Wiltshire gains most per head and West Essex loses most, as in the published rates."""
        text = section(details_of(england), "Largest gains and losses")
        rows = [line.split() for line in text[3:] if line]

        assert len(rows) == 10
        assert rows[0][:2] == ["99N", "Wiltshire"]
        assert rows[5][:3] == ["07H", "West", "Essex"]

    def test_the_rest_is_counted(self, england):
        """Five of those below spend are named; the others are counted."""
        text = section(details_of(england), "Allocation below")
        short = int(re.search(r"(\d+) CCGs", text[0])[1])

        assert f"… and {short - 5} more" in "\n".join(text)

    @pytest.mark.parametrize("width", [56, 60, 72, 80, 100, 250])
    def test_width(self, england, width):
        """No line is wider than the console, nor than 120 columns, and no figure is cut off."""
        text = details_of(england, width=width)

        assert max(cell_len(line) for line in text.splitlines()) <= min(width, 120)
        assert not re.search(r"[£\d,]…", text)
        for figure in ("£140,000,000", "£155,07", "£30,15"):
            assert figure in text

    def test_a_very_narrow_console(self, england):
        """Below 56 columns the terminal breaks the lines; no figure is lost."""
        assert details_of(england, width=56) == details_of(england, width=20)

    def test_no_blanks_at_the_end_of_lines(self, england):
        """A copied screen has no trailing blanks."""
        assert not [line for line in details_of(england).splitlines() if line != line.rstrip()]

    def test_length(self, england):
        """Without the other findings all figures fit 80 lines."""
        assert len(details_of(england).splitlines()) <= 80


class TestOtherSchemes:
    """The screen works for schemes of any kind."""

    def test_ten_years(self, tmp_path):
        """Ten years are shown in tables of at most four years, one below the other, each year once."""
        years = ", ".join(f'"{year}/{(year + 1) % 100:02}"' for year in range(2014, 2024))
        columns = {"org_code": ["A", "B"], "org_name": ["", ""], "registered_population": [1.0, 3.0]}
        text = details_of(run(tmp_path, TEN_YEARS.format(years=years), columns))

        assert text.splitlines()[0] == "Ten years of practice IT: 2 practices, 2014/15 to 2023/24."
        heads = [line.split() for line in text.splitlines() if re.fullmatch(r"\s+20../..(\s+20../..)*", line)]
        assert [year for head in heads for year in head] == [
            f"{year}/{(year + 1) % 100:02}" for year in range(2014, 2024)
        ]
        assert max(map(len, heads)) <= 4
        assert figures(text, "Pot") == ["£63,400,000,000"] * 10
        assert max(map(cell_len, text.splitlines())) <= 80

    def test_one_practice_and_one_year(self, tmp_path):
        """One organisation is written in the singular; without spend there are no gains or losses."""
        columns = {"org_code": ["A81001"], "org_name": ["The Surgery"], "registered_population": [4_000.0]}
        text = details_of(run(tmp_path, TEN_YEARS.format(years='"2014/15"'), columns))

        assert "1 practice, 2014/15" in text
        assert figures(text, "Total allocation") == ["£63,400,000,000"]
        for word in ("Gains", "gain", "below", "reductions", "support", "need"):
            assert word not in text

    def test_one_year_with_spend(self, tmp_path):
        """For a single year the largest changes are in pounds and per head."""
        columns = {"org_code": ["A", "B"], "org_name": ["Ash", "Beech"]}
        columns |= {"registered_population": [100.0, 300.0], "historic_spend": [1_600.0, 2_200.0]}
        text = TEN_YEARS.format(years='"2014/15"').replace("63_400_000_000", "4_000")
        text = section(details_of(run(tmp_path, text, columns)), "Largest gains and losses per head")

        assert text[1].split() == ["2014/15", "Change", "Per", "head"]
        assert [line.split() for line in text[3:] if line] == [
            ["B", "Beech", "+£800", "+£2.67"],
            ["A", "Ash", "-£600", "-£6.00"],
        ]

    def test_no_funds_and_no_population(self, tmp_path):
        """Without a fund and without people only money out is shown, in the scheme's own words."""
        columns = {"org_code": ["X", "Y"], "org_name": [None, None], "points": [4.0, 8.0]}
        text = details_of(run(tmp_path, FLAT_RATE, columns))

        assert "So much a list point: 2 federations, 2020/21." in flat(text)
        assert "The scheme has no checks." in text
        assert figures(text, "Total payment") == ["150"]
        assert "Money in" not in text
        assert "per head" not in text

    def test_an_answer_without_a_unit_has_no_pound_sign(self, tmp_path):
        """A payment of 12.50 a point has no unit: 4 + 8 points are 150, and £150 once the rule says that it is in £."""
        columns = {"org_code": ["X", "Y"], "org_name": [None, None], "points": [4.0, 8.0]}
        texts = [shown(run(tmp_path, FLAT_RATE, columns), **{view: True}) for view in ("table", "details", "quiet")]

        assert all("150" in text and "£" not in text for text in texts)
        assert "£150 total payment" in shown(run(tmp_path, f'{FLAT_RATE}unit = "£"\n', columns), quiet=True)

    def test_an_answer_that_is_not_money(self, tmp_path):
        """A score is not called money: its lowest and highest are shown."""
        columns = {"org_code": ["X", "Y"], "org_name": ["", ""], "met": [1.0, 3.0], "asked": [4.0, 4.0]}
        text = details_of(run(tmp_path, SCORE, columns))

        assert figures(text, "Lowest") == ["25.0%"]
        assert figures(text, "Highest") == ["75.0%"]
        assert "£" not in text

    def test_a_check_that_fails(self, tmp_path):
        """A failing check is in the first line and at the end, with its year, organisations and formula."""
        columns = {"org_code": ["X", "Y"], "org_name": ["", ""], "met": [1.0, 3.0], "asked": [4.0, 4.0]}
        text = details_of(run(tmp_path, SCORE, columns))

        assert text.splitlines()[0] == "Check fails in 2020/21 (Y): No index is above one half."
        assert "1 of 1 check fails. No warnings.\n" in text
        assert text.splitlines()[-3:] == [
            "1 of 1 check fails",
            "  FAIL in 2020/21 (Y): No index is above one half",
            "    readiness <= 0.5",
        ]

    def test_many_organisations_fail_a_check(self, tmp_path):
        """Twelve of the organisations that fail a check are named; the others are counted."""
        codes = [f"P{number:02}" for number in range(20)]
        columns = {"org_code": codes, "org_name": codes, "met": [3.0] * 20, "asked": [4.0] * 20}

        assert "P10, P11 and 8 more)" in flat(details_of(run(tmp_path, SCORE, columns)))

    def test_without_transition(self):
        """A scheme without a transition has no support; its reductions are those of the fair shares."""
        text = details_of(four(settings=FOUR[:1], transition="none"))

        for label in ("Transition", "support  ", "get support", "Transition fund"):
            assert label not in text
        # A 300,000 + B 100,000 + D 20,000 above £2.00 a head, in both years.
        assert figures(text, "Total of reductions") == ["£420,000", "£420,000"]

    def test_no_allocation_below_spend(self):
        """If no allocation is below spend, the screen says so."""
        text = details_of(four(columns={"historic_spend": [1.0, 1.0, 1.0, 1.0]}))

        assert "Allocation below historic spend in 2015/16: none" in text
        assert "Below by" not in text

    def test_changes_of_nothing(self):
        """An allocation that differs from spend only by rounding is not a change."""
        text = details_of(four(columns={"historic_spend": [425_000.3, 474_999.8, 600_000.0, 800_000.0]}))

        assert "£0.00" not in "\n".join(section(text, "Largest gains and losses per head"))

    def test_organisations_that_change(self, abcd):
        """If the number of organisations changes, the first line has both numbers."""
        scheme = load(settings=[Setting.read(text) for text in FOUR])
        whole = abcd.years["2014/15"].organisations.select(
            "org_code", "org_name", "registered_population", "historic_spend"
        )
        text = details_of(calculate(scheme, Stub({"2014/15": whole, "2015/16": whole.head(3)})))

        assert "4 CCGs in 2014/15 and 3 in 2015/16." in flat(text)

    def test_boundaries(self):
        """The boundaries of all figures are shown below the verdict, but only if a run asks for them."""
        sentence = "All figures are for the CCGs of 1 April 2021."

        assert sentence in flat(details_of(four(boundaries=date(2021, 4, 1))))
        assert "All figures are for" not in flat(details_of(four()))

    def test_money_that_comes_from_no_fund(self, tmp_path):
        """If allocations are more than the funds, the difference is shown and explained."""
        text = TEN_YEARS.format(years='"2014/15"').replace("share_out(pot, by=registered_population)", "shared + 250")
        step = '[[steps]]\nname = "shared"\nlabel = "Shared"\nunit = "£"\n'
        step += 'formula = "share_out(pot, by=registered_population)"\n\n[[steps]]\nname = "allocation"'
        text = text.replace('[[steps]]\nname = "allocation"', step).replace("63_400_000_000", "1_000")
        columns = {"org_code": ["A", "B"], "org_name": ["", ""], "registered_population": [1.0, 3.0]}
        text = details_of(run(tmp_path, text, columns))

        assert figures(text, "Pot") == ["£1,000"]
        assert figures(text, "Total allocation") == ["£1,500"]
        assert figures(text, "Difference (in − taken away − out − unspent)") == ["-£500"]
        assert "Add a table [money] to scheme.toml: in = […]" in flat(text)


class TestHostileNames:
    """Names are data: never markup, never commands to the terminal, never an error."""

    NAMES = ("[red]x[/red]", "=cmd|' /C calc'!A0", ":smile: \x1b[31m\x07bold", "Łódź \u202eabc\n中文中文中文")

    @pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "cp437", "ascii", "utf-16"])
    def test_names(self, encoding):
        """Brackets, formulas and emoji codes stay unchanged; control characters are shown as escapes."""
        text = details_of(four(columns={"org_name": list(self.NAMES)}), encoding=encoding)

        assert "[red]x[/red]" in text
        assert "=cmd|' /C calc'!A0" in text
        assert r":smile: \u001b[31m" in text
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
        assert max(map(cell_len, text.splitlines())) <= 80

    def test_characters_that_cannot_be_encoded(self):
        """A character that the encoding lacks becomes a question mark; others stay."""
        text = details_of(four(columns={"org_name": ["Łódź", "Café", "C", "D"]}), encoding="cp1252")

        assert "?ód?" in text
        assert "Café" in text

    def test_long_names_and_codes(self):
        """A name too long for its column ends in an ellipsis; the figures next to it stay whole."""
        names = ["A very long name that goes on and on " * 4, "x" * 200, "中" * 90, "D"]
        codes = ["A" * 40, "B", "C", "D"]
        for encoding, dots in (("utf-8", "…"), ("ascii", "...")):
            text = details_of(four(columns={"org_name": names, "org_code": codes}), encoding=encoding)

            assert dots in text
            assert max(map(cell_len, text.splitlines())) <= 80
            assert text.count("-GBP 1.50" if encoding == "ascii" else "-£1.50") == 1

    def test_scheme_texts(self, tmp_path):
        """Title, labels and nouns of a scheme are data too."""
        hostile = FLAT_RATE.replace("So much a list point", "[bold]So {much}[/bold]").replace(
            '"Payment"', '"[red]Payment {}"'
        )
        columns = {"org_code": ["X"], "org_name": ["[/]"], "points": [4.0]}
        text = details_of(run(tmp_path, hostile, columns))

        assert text.startswith("[bold]So {much}[/bold]: 1 federation")
        assert figures(text, "Total [red]Payment {}") == ["50"]


class TestEncodings:
    """Piped text fits the encoding of the pipe."""

    @pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp437", "utf-8"])
    def test_plain(self, england, encoding):
        """A pipe gets no escape sequence and no character that its encoding lacks."""
        text = details_of(england, encoding=encoding)

        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 80
        if encoding in ("cp1252", "ascii", "latin-1"):
            assert not BOX.search(text)
            assert "-----" in text
        assert "?" not in text

    def test_cp1252(self, england):
        """A pipe on Windows has the pound sign and the ellipsis."""
        text = details_of(england, encoding="cp1252")

        assert "£140,000,000" in text
        assert "… and " in text

    def test_ascii(self, england):
        """Without a pound sign money is written as GBP, and columns stay aligned."""
        text = details_of(england, encoding="ascii")
        rows = [line for line in text.splitlines() if "GBP 140,000,000  GBP 140,000,000" in line]

        assert len(rows) == 1
        widths = {len(line) for line in text.splitlines() if line.startswith("  CCGs that ")}
        assert widths == {len(rows[0])}
        assert screen.ScreenLayout(piped("ascii")[0]).fit("£ per head") == "GBP per head"

    def test_utf8(self, england):
        """If the encoding has box-drawing characters, a line is drawn under the headings."""
        assert "─────" in details_of(england)


class TestFindings:
    """Findings are sorted by level, and a long list is cut."""

    @staticmethod
    def findings_text(findings, **more):
        """The findings as text."""
        console, text = piped()
        screen.show(Document([Findings(findings, **more)]), console)
        return text()

    def test_levels(self):
        """Errors come first, then warnings, then notes, each counted and with its number and place."""
        findings = [
            Finding("I22", "note", "a.csv", "", "rows have no year"),
            Finding(
                "I16",
                "error",
                "b.xlsx:Spend",
                "C5",
                "n/a is not a number",
                "pounds",
                "Write 0 or leave [it] out",
            ),
            Finding("I23", "warning", "a.csv", "row 7", "00C is in no other file"),
            Finding("I17", "error", "a.csv", "row 5, org_name", "is blank"),
        ]

        assert self.findings_text(findings).splitlines() == [
            "",
            "2 errors",
            "  I16  b.xlsx:Spend: C5: n/a is not a number; expected pounds. Write 0 or leave",
            "       [it] out.",
            "  I17  a.csv: row 5, org_name: is blank.",
            "",
            "1 warning",
            "  I23  a.csv: row 7: 00C is in no other file.",
            "",
            "1 note",
            "  I22  a.csv: rows have no year.",
        ]

    def test_limit(self):
        """After twenty findings the others are counted, and errors are shown before notes."""
        notes = [Finding("I22", "note", "n.csv", "", f"note {number}") for number in range(15)]
        errors = [Finding("I16", "error", "e.csv", "", f"error {number}") for number in range(1_208)]
        text = self.findings_text([*notes, *errors])

        assert text.count("e.csv: error") == 20
        assert "n.csv: note" not in text
        assert "1,208 errors" in text
        assert "  I16  … and 1,188 more" in text
        assert text.endswith("\n15 notes\n  I22  … 15 of these\nSome are not shown: --json lists them all.\n")

    def test_no_kind_hides_another(self):
        """Two kinds of error are both shown, no matter how many there are of the first."""
        many = [Finding("I16", "error", "e.csv", "", f"error {number}") for number in range(100)]
        few = [Finding("I17", "error", "e.csv", "", f"blank {number}") for number in range(3)]
        text = self.findings_text([*many, *few])

        assert text.count("error ") == 17
        assert text.count("blank ") == 3

    def test_exactly_the_limit(self):
        """Twenty findings are all shown, without a count of others."""
        text = self.findings_text([Finding("I22", "note", "n.csv", "", f"note {number}") for number in range(20)])

        assert text.count("I22") == 20
        assert "more" not in text

    def test_nothing(self):
        """Without findings nothing is printed."""
        assert self.findings_text([]) == ""

    def test_a_path_without_blanks(self):
        """A word wider than the screen is folded, not cut off."""
        text = self.findings_text([Finding("I01", "error", "x" * 300, "", "cannot be read")])

        assert text.count("x") == 300
        assert max(map(len, text.splitlines())) <= 80

    def test_in_a_run(self, abcd):
        """The findings of the inputs are on the screen of a run."""
        text = details_of(four(findings=(Finding("I23", "warning", "a.csv", "", "E is in no other file"),)))

        assert "1 warning\n  I23  a.csv: E is in no other file.\n" in text
        assert "No warnings" in details_of(abcd)


class Terminal(io.TextIOWrapper):
    """A stream that is a terminal."""

    def isatty(self):
        """Say yes."""
        return True


@pytest.fixture
def streams(monkeypatch):
    """Replace sys.stdout and sys.stderr by a pipe or terminal of an encoding, and read their output."""
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def unknown(*_):
        raise OSError

    monkeypatch.setattr(os, "get_terminal_size", unknown)

    def make(kind=io.TextIOWrapper, encoding="utf-8"):
        raws = {}
        for name in ("stdout", "stderr"):
            raws[name] = io.BytesIO()
            stream = kind(raws[name], encoding=encoding, newline="\n", write_through=True)
            monkeypatch.setattr(f"sys.{name}", stream)
        return SimpleNamespace(
            out=lambda: raws["stdout"].getvalue().decode(encoding),
            err=lambda: raws["stderr"].getvalue().decode(encoding),
        )

    return make


class TestMakeConsole:
    """The console adapts to its stream."""

    def test_piped(self, streams, england, monkeypatch):
        """A pipe gets plain text of 80 columns, even with FORCE_COLOR."""
        captured = streams()
        monkeypatch.setenv("FORCE_COLOR", "1")
        console = terminal.make_console()
        screen.show(allocation_screen(england, AllocationView(details=True)), console)

        assert console.width == 80
        assert "Securing Excellence" in captured.out()
        assert "\x1b" not in captured.out()
        assert captured.err() == ""

    def test_standard_error(self, streams):
        """A console on standard error writes nothing to standard output."""
        captured = streams()
        terminal.make_console(stderr=True).print("a message")

        assert (captured.out(), captured.err()) == ("", "a message\n")

    @pytest.mark.parametrize("columns", ["60", "132"])
    def test_columns(self, streams, monkeypatch, columns):
        """COLUMNS sets the width of piped text."""
        streams()
        monkeypatch.setenv("COLUMNS", columns)

        assert terminal.make_console().width == int(columns)

    @pytest.mark.parametrize("columns", ["", "0", "wide", "-5"])
    def test_columns_that_make_no_sense(self, streams, monkeypatch, columns):
        """A COLUMNS that is not a width is ignored."""
        streams()
        monkeypatch.setenv("COLUMNS", columns)

        assert terminal.make_console().width == 80

    @pytest.mark.parametrize(("actual", "expected"), [(200, 120), (90, 90), (50, 50)])
    def test_terminal_width(self, streams, monkeypatch, actual, expected):
        """A terminal is used to 120 columns, so that figures stay near their labels."""
        streams(Terminal)
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((actual, 50)))

        assert expected == terminal.make_console().width

    def test_terminal_has_colour(self, streams, england):
        """A terminal gets colour for important lines."""
        captured = streams(Terminal)
        screen.show(allocation_screen(england, AllocationView(details=True)), terminal.make_console())

        assert re.search(r"\x1b\[[\d;]*3\d[\d;]*m", captured.out())

    def test_no_color(self, streams, england, monkeypatch):
        """NO_COLOR removes colour on a terminal; the words stay the same."""
        captured = streams(Terminal)
        screen.show(allocation_screen(england, AllocationView(details=True)), terminal.make_console())
        coloured = captured.out()
        monkeypatch.setenv("NO_COLOR", "1")
        captured = streams(Terminal)
        screen.show(allocation_screen(england, AllocationView(details=True)), terminal.make_console())
        plain = captured.out()

        assert not re.search(r"\x1b\[[\d;]*[34]\d[\d;]*m", plain)
        assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == re.sub(r"\x1b\[[\d;]*m", "", plain)

    def test_same_words_piped_as_on_a_terminal(self, streams, england):
        """A terminal shows the same words as a pipe: colour carries no information of its own."""
        captured = streams(Terminal)
        screen.show(allocation_screen(england, AllocationView(details=True)), terminal.make_console())

        assert re.sub(r"\x1b\[[\d;]*m", "", captured.out()) == details_of(england)

    @pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
    def test_anything_can_be_printed(self, streams, encoding):
        """A character that the encoding lacks is not an error, and markup in a text has no effect."""
        captured = streams(encoding=encoding)
        terminal.make_console().print("[red]Łódź ─ :smile: \udc80")

        assert captured.out() == {"cp1252": "[red]?ód? ? :smile: ?\n", "ascii": "[red]??d? ? :smile: ?\n"}[encoding]


class TestProgress:
    """A progress bar is shown only on a terminal, and only for long work."""

    def test_piped(self, streams, monkeypatch):
        """If messages are piped, nothing is written and no thread starts."""
        monkeypatch.setattr(terminal, "_PATIENCE", 0.0)
        captured = streams()
        before = set(threading.enumerate())
        with terminal.progress(terminal.make_console(stderr=True), "Reading") as advance:
            advance(1, 2)
            assert not set(threading.enumerate()) - before

        assert (captured.out(), captured.err()) == ("", "")

    def test_quick_work(self, streams):
        """Work of less than a second shows no bar."""
        captured = streams(Terminal)
        with terminal.progress(terminal.make_console(stderr=True), "Reading") as advance:
            advance(1, 2)

        assert (captured.out(), captured.err()) == ("", "")

    def test_long_work(self, streams, monkeypatch):
        """Longer work shows its label and progress, and standard output stays clean."""
        monkeypatch.setattr(terminal, "_PATIENCE", 0.01)
        captured = streams(Terminal)
        with terminal.progress(terminal.make_console(stderr=True), "Reading [bold] {files}") as advance:
            advance(1, 4)
            print("a result")  # noqa: T201  # as a verb might write while the bar is there
            until = time.monotonic() + 10
            while "25%" not in captured.err() and time.monotonic() < until:
                time.sleep(0.01)

        assert "Reading [bold] {files}" in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", captured.err())
        assert "25%" in captured.err()
        assert captured.out() == "a result\n"
        assert captured.err().rindex("\x1b[?25h") > captured.err().rindex("\x1b[?25l")  # the cursor is back

    def test_an_error_in_the_work(self, streams, monkeypatch):
        """An error passes through, and no thread remains."""
        monkeypatch.setattr(terminal, "_PATIENCE", 0.01)
        streams(Terminal)
        before = set(threading.enumerate())

        def work():
            with terminal.progress(terminal.make_console(stderr=True), "x"):
                time.sleep(0.1)
                raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            work()
        until = time.monotonic() + 10
        while set(threading.enumerate()) - before and time.monotonic() < until:
            time.sleep(0.01)

        assert not set(threading.enumerate()) - before


def test_new_money_stands_under_money_in():
    """A loss of at most 7% leaves A with £465,000 and B with £465,000: £330,000 more than the budget of £2,000,000."""
    text = details_of(four(("revenue_budget=2000000",), transition="annual-loss-cap"))

    # C and D have £600,000 and £800,000 by people; 93% of £500,000 is £465,000.
    assert figures(text, "Top-up")[0] == "£330,000"
    assert figures(text, "Total in")[0] == "£2,330,000"
    assert figures(text, "Difference (in − taken away − out − unspent)") == ["£0", "£0"]
