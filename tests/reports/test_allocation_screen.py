"""The screen of `gpit allocate`: the answer in ten lines, `--table`, `--details`, `-q`, and the document for files.

Expected figures are added up here from the sample's CSV files and the rows of the result.
"""

import io
import math
import re
import shlex
from collections import defaultdict

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from gpit_fairshare import allocate
from gpit_fairshare.cli import app
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports import screen
from gpit_fairshare.reports.allocation import allocation_document, allocation_screen
from gpit_fairshare.reports.allocation_view import SORTS, AllocationView
from gpit_fairshare.reports.document import Document
from gpit_fairshare.reports.formats import rendered
from gpit_fairshare.reports.organisation_table import SORT_KEYS
from icb_floor_and_ceiling import icb_options
from running import SAMPLES, gpit, population_file, read_rows, spend_file, write_rows

LAST = "2015/16"
FOUR = {"population": str(SAMPLES / "abcd-population.csv"), "spend": str(SAMPLES / "abcd-spend.csv")}
MONEY = re.compile(r"[-+]?£[\d,]+")


@pytest.fixture(scope="module")
def sample():
    """The run of the England sample, with the effects of its assumptions."""
    return allocate(sample=True)


@pytest.fixture(scope="module")
def changes(sample):
    """Change of each CCG in the last year: its allocation less its committed revenue spend, added up from the file."""
    spend = defaultdict(float)
    for row in read_rows(SAMPLES / "england-2014-15-spend.csv"):
        if (row["cost_type"], row["committed"]) == ("revenue", "yes"):
            spend[row["org_code"]] += float(row["amount"])
    rows = sample.year(LAST)
    return {
        code: (allocation - spend[code], allocation / spend[code] - 1)
        for code, allocation in zip(rows["org_code"], rows["allocation"], strict=True)
    }


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    """England's 42 ICBs with a floor of 4.2% and a ceiling of 5.8%."""
    return allocate(**icb_options(tmp_path_factory.mktemp("icb")), with_effects=False)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Three CCGs, of which A loses most; names and areas look like markup, or are missing."""
    rows = [
        {"org_code": code, "org_name": name, "area_team": area, "registered_population": 100, "historic_spend": spend}
        for code, name, area, spend in (
            ("A", "[red]x[/red] Łódź", "[i]West[/i]", 90),
            ("B", ":smile:", "", 9),
            ("C", "", "", 9),
        )
    ]
    people = write_rows(tmp_path_factory.mktemp("hostile") / "people.csv", rows)
    settings = {"revenue_budget": 150, "transition_fund": 0}
    return allocate(population=people, spend=people, settings=settings, with_effects=False)


def text_of(report, width=80):
    """A document as text of a screen."""
    stream = io.StringIO()
    screen.show(report, Console(file=stream, width=width))
    return stream.getvalue()


def shown(result, width=80, **view):
    """The screen of a result, as text; the options of its run are those of the sample."""
    return text_of(allocation_screen(result, AllocationView(**view), typed_options="--sample"), width)


def run_words(options):
    """The options of a run as words of the command line."""
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def flat(text):
    """The text as one line, so that line breaks do not matter."""
    return " ".join(text.split())


def without_warnings(text):
    """The lines of a screen without those of its warnings, and without the blank line above them."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if re.fullmatch(r"\d+ warnings?", line))
    end = next(number for number in range(start, len(lines)) if not lines[number])
    return [*lines[: start - 1], *lines[end:]]


def pounds(text):
    """The amounts of money in a text, as numbers."""
    return [int(re.sub("[£,+]", "", amount)) for amount in MONEY.findall(text)]


def codes_of(text):
    """The codes at the start of the rows of a table."""
    return re.findall(r"(?m)^  ([0-9][0-9A-Z]{2})  ", text)


class TestOpening:
    """The first ten lines say how much, what is left over, who loses most, and whether anything is wrong."""

    @pytest.mark.parametrize("width", [80, 120])
    def test_length(self, sample, width):
        """Without its warnings the screen of the sample has at most 30 lines, none wider than the screen."""
        text = shown(sample, width)

        assert len(without_warnings(text)) <= 30
        assert max(map(cell_len, text.splitlines())) <= width

    def test_ten_lines(self, sample, changes):
        """£20m of £20m and £15.08m of support are spent: £4.92m is left; 69 CCGs lose, most of all Oxfordshire."""
        opening = flat("\n".join(shown(sample).splitlines()[:10]))
        losses = {code: change for code, (change, _) in changes.items() if change <= -1}
        most = min(losses, key=losses.__getitem__)
        total, largest = (f"£{-amount:,.0f}" for amount in (math.fsum(losses.values()), losses[most]))

        assert most == "10Q"
        assert opening.startswith("Unspent transition fund (R03): £4,922,648 in 2015/16. Illustrative spend:")
        assert "211 CCGs, 2014/15 and 2015/16." in opening
        assert "all £160,000,000 in 2014/15; £155,077,352 of £160,000,000 in 2015/16" in opening
        assert f"142 CCGs gain on historic spend and {len(losses)} lose {total} in total" in opening
        assert f"Oxfordshire (10Q) loses most: {largest}, {-changes[most][1]:.1%} of its historic spend." in opening
        assert "All 4 checks pass. 13 warnings, 7 notes." in opening

    def test_new_money(self):
        """A loss of 7% at most leaves A and B with £465,000 each, £330,000 above the budget: that is said first."""
        settings = {"revenue_budget": 2_000_000}
        result = allocate(**FOUR, transition="annual-loss-cap", settings=settings, with_effects=False)
        text = shown(result)

        # C and D have £600,000 and £800,000 by people; 93% of £500,000 is £465,000, and of that again £432,450.
        assert text.startswith("New money (R09): £330,000 in 2014/15 and £264,900 in 2015/16.\n")
        assert "Allocated: £2,330,000 in 2014/15; £2,264,900 in 2015/16.\n" in text
        assert shown(result, quiet=True).endswith("£594,900 of new money\n")

    def test_a_failed_check_comes_first(self, tmp_path):
        """A check that fails is the first line, with its year and organisations; then how many fail."""
        scheme = tmp_path / "strict.toml"
        scheme.write_text(
            '[scheme]\nname = "strict"\ntitle = "Strict"\norganisation = "CCG"\nyears = ["2014/15"]\n'
            '[parameters.pot]\nlabel = "Pot"\nunit = "£"\n'
            '[parameters.pot.values]\nevery_year = { value = 1000, assumption = "Made up." }\n'
            '[[steps]]\nname = "allocation"\nlabel = "Allocation"\nunit = "£"\n'
            'formula = "share_out(pot, by=registered_population)"\n'
            '[[checks]]\nname = "No CCG gets more than £400"\nformula = "allocation <= 400"\n'
            '[[checks]]\nname = "All is given"\nformula = "total(allocation) == pot"\n',
            encoding="utf-8",
        )
        people = population_file(tmp_path, {"A": 1, "B": 2, "C": 1})
        result = allocate(scheme=str(scheme), population=people)
        text = shown(result)

        assert text.startswith("Check fails in 2014/15 (B): No CCG gets more than £400.\n")
        assert "1 of 2 checks fails." in text
        assert "1 of 2 checks fails; " in shown(result, quiet=True)

    def test_many_failed_checks_leave_room_for_the_answer(self, tmp_path):
        """Two of five failed checks are named and three counted, so that the money stays within ten lines."""
        checks = "".join(
            f'[[checks]]\nname = "Limit {limit}"\nformula = "allocation <= {limit}"\n' for limit in range(1, 6)
        )
        scheme = tmp_path / "strict.toml"
        scheme.write_text(
            '[scheme]\nname = "strict"\ntitle = "Strict"\norganisation = "CCG"\nyears = ["2014/15"]\n'
            '[parameters.pot]\nlabel = "Pot"\nunit = "£"\n'
            '[parameters.pot.values]\nevery_year = { value = 1000, assumption = "Made up." }\n'
            '[[steps]]\nname = "allocation"\nlabel = "Allocation"\nunit = "£"\n'
            f'formula = "share_out(pot, by=registered_population)"\n{checks}',
            encoding="utf-8",
        )
        result = allocate(scheme=str(scheme), population=population_file(tmp_path, {"A": 1, "B": 3}))
        opening = shown(result).splitlines()[:10]

        assert opening[2] == "3 more checks fail: --details"
        assert any(line.startswith("Allocated: all £1,000") for line in opening)
        details = shown(result, details=True)
        assert all(f": Limit {limit}." in details for limit in range(1, 6))

    def test_settings_name_the_parameter_and_its_value(self):
        """The opening has each parameter set for this run, its old and new value, and the year if not all have it."""
        settings = {"revenue_budget": 2_000_000, "transition_fund@2015/16": 300_000}
        text = flat(shown(allocate(**FOUR, settings=settings, with_effects=False)))

        expected = "revenue_budget £140,000,000 → £2,000,000; transition_fund £20,000,000 → £300,000 in 2015/16."
        assert f"Set for this run, not in the scheme: {expected}" in text

    def test_everyone_loses(self, tmp_path):
        """Spend of £3,000 each against a fair share of £1,000 and £2,000: 2 CCGs lose £3,000 together, A most."""
        people = population_file(tmp_path, {"A": 100, "B": 200})
        spend = spend_file(tmp_path, {"A": 3_000, "B": 3_000})
        result = allocate(population=people, spend=spend, settings={"revenue_budget": 3_000, "transition_fund": 0})
        text = shown(result)

        assert "In 2015/16, 2 CCGs lose £3,000 on historic spend in total.\n" in text
        assert "A loses most: £2,000, 66.7% of its historic spend.\n" in text
        assert "Largest losses on historic spend in 2015/16" in text

    @pytest.mark.parametrize(
        ("spend", "expected"),
        [
            ({"A": 1_000, "B": 2_000, "C": 3_000}, "3 CCGs do not change."),
            ({"A": 900, "B": 2_000, "C": 3_000}, "1 CCG gains on historic spend, none loses and 2 do not change."),
            ({"A": 900, "B": 1_900, "C": 2_000}, "3 CCGs gain on historic spend and none loses."),
            (
                {"A": 900, "B": 2_000, "C": 3_100},
                "1 CCG gains on historic spend, 1 loses £100 and 1 does not change. C loses most: £100, 3.2%",
            ),
            ({"A": 1_000.6, "B": 2_000, "C": 2_999.1}, "3 CCGs do not change."),
        ],
    )
    def test_who_gains_and_loses(self, tmp_path, spend, expected):
        """Fair shares are £1,000, £2,000 and £3,000; a difference of less than £1 is no change."""
        people = population_file(tmp_path, {"A": 100, "B": 200, "C": 300})
        settings = {"revenue_budget": 6_000, "transition_fund": 0}
        result = allocate(population=people, spend=spend_file(tmp_path, spend), settings=settings, with_effects=False)

        assert f"In 2015/16, {expected}" in flat(shown(result))

    def test_one_organisation(self, tmp_path):
        """One CCG is not compared with others: no spread per head and no largest changes."""
        people, spend = population_file(tmp_path, {"A": 100}), spend_file(tmp_path, {"A": 3_000})
        result = allocate(population=people, spend=spend, settings={"revenue_budget": 1_000, "transition_fund": 0})
        text = shown(result)

        assert "1 CCG loses £2,000 on historic spend." in text
        assert not re.search(r"loses most|Largest|per head", text)

    def test_no_spend(self, tmp_path):
        """Without historic spend there are no gains and losses."""
        result = allocate(population=population_file(tmp_path, {"A": 100, "B": 300}), transition="none")
        text = shown(result)

        assert "Allocated: all £140,000,000 in 2014/15; all £140,000,000 in 2015/16." in text
        assert "Allocation per head" in text
        assert not re.search(r"gain|lose|historic|before", text.split("Next")[0], re.IGNORECASE)


class TestTables:
    """The compact tables of the short screen."""

    def test_money_by_year(self, sample):
        """In each year money in is allocated or unspent."""
        text = shown(sample)
        money_in, allocated, unspent = (
            pounds(next(line for line in text.splitlines() if line.startswith(f"  {label}  ")))
            for label in ("Money in", "Allocated", "Unspent")
        )

        assert money_in == [160_000_000, 160_000_000]
        assert [one + other for one, other in zip(allocated, unspent, strict=True)] == money_in

    def test_outcomes(self, sample, changes):
        """Each CCG has one outcome: 54 receive support, 15 spend above their fair share without it, 142 spend less."""
        text = shown(sample)
        counts = {label: int(number) for label, number in re.findall(r"(?m)^  (\w[\w, ]+?)  .* (\d+) CCGs$", text)}

        gaining = sum(change >= 1 for change, _ in changes.values())
        support = sum(amount > 0 for amount in sample.year(LAST)["transition_support"])
        assert counts == {
            "Receives support": support,
            "Below spend, no support": 69 - support,
            "Above spend": gaining,
        }

    def test_spread_per_head(self, sample):
        """Lowest and highest £ per head are those of the rows of each year."""
        text = shown(sample)
        for name, label in (("historic_spend", "Historic spend per head"), ("allocation", "Allocation per head")):
            cells = []
            for year in sample.scheme.years:
                rows = sample.year(year)
                rates = (rows[name] / rows["registered_population"]).to_list()
                cells.append(f"£{min(rates):.2f} to £{max(rates):.2f}")
            assert flat(f"{label} {' '.join(cells)}") in flat(text)

    def test_largest_gains_and_losses(self, sample, changes):
        """Three gains and three losses by pounds, and the totals of the others."""
        text = shown(sample)
        ranked = sorted(changes, key=lambda code: -changes[code][0])
        gains = [code for code in ranked if changes[code][0] >= 1]
        losses = [code for code in reversed(ranked) if changes[code][0] <= -1]
        other_gains, other_losses = (math.fsum(changes[code][0] for code in codes[3:]) for codes in (gains, losses))

        assert codes_of(text) == [*gains[:3], *losses[:3]]
        assert (
            f"3 of 142 gains and 3 of 69 losses shown; others: +£{other_gains:,.0f} and -£{-other_losses:,.0f}." in text
        )
        for code in codes_of(text):
            row = next(line for line in text.splitlines() if line.startswith(f"  {code}  "))
            before, after, change = pounds(row)
            assert abs(after - before - change) <= 1
            assert row.endswith(f"{changes[code][1]:+.1%}")

    def test_fifty_years(self, tmp_path):
        """Of fifty years the first and the last two are shown; the amounts of the other 47 are added up."""
        years = ", ".join(f'"{year}/{(year + 1) % 100:02}"' for year in range(2014, 2064))
        scheme = tmp_path / "fifty.toml"
        scheme.write_text(
            f'[scheme]\nname = "fifty"\ntitle = "Fifty"\norganisation = "CCG"\nyears = [{years}]\n'
            '[parameters.pot]\nlabel = "Pot"\nunit = "£"\n'
            '[parameters.pot.values]\nevery_year = { value = 1000, assumption = "Made up." }\n'
            '[parameters.rate]\nlabel = "Rate"\nunit = "£ per head"\n'
            '[parameters.rate.values]\nevery_year = { value = 1, assumption = "Made up." }\n'
            '[[steps]]\nname = "limit"\nlabel = "Limit"\nunit = "£"\nformula = "registered_population * rate"\n'
            '[[steps]]\nname = "allocation"\nlabel = "Allocation"\nunit = "£"\n'
            'formula = "share_out(pot, by=registered_population, at_most=limit)"\n',
            encoding="utf-8",
        )
        result = allocate(scheme=str(scheme), population=population_file(tmp_path, {"A": 100, "B": 300}))
        text = shown(result)

        assert "Allocated: £20,000 of £50,000 in 50 years; £400 of £1,000 in 2063/64.\n" in text
        assert "Unspent pot (R03): £600 in 2014/15, £600 in 2015/16, £600 in 2016/17, £600 in\n2017/18 and" in text
        assert "£27,600 in 46 later years" in flat(text)
        assert "3 of 50 years shown; in the other 47: £18,800 allocated, £28,200 unspent.\n" in text
        assert len(text.splitlines()) <= 30

    def test_boards(self, boards):
        """42 ICBs between a floor and a ceiling: the outcomes add up to 42 and the screen has at most 30 lines."""
        text = shown(boards)
        labels = "At the floor|At the ceiling|Between floor and fair share"
        outcomes = dict(re.findall(rf"(?m)^  ({labels}) +(\d+) ICBs$", text))

        at_floor = sum(
            allocation < floor + 1  # rounding to whole pounds adds less than £1
            for allocation, floor in zip(boards.rows["allocation"], boards.rows["floor"], strict=True)
        )
        assert int(outcomes["At the floor"]) == at_floor
        assert sum(map(int, outcomes.values())) == 42
        assert len(text.splitlines()) <= 30


class TestBelow:
    """Warnings, assumptions and what to type next."""

    def test_every_kind_of_warning_once(self, sample):
        """The first warning of each kind is in full; the others are counted, and --details has them all."""
        text, details = flat(shown(sample)), flat(shown(sample, details=True))
        warnings = [finding for finding in sample.findings if finding.level == "warning"]
        assert len(warnings) == 13
        assert {finding.number for finding in warnings} == {"I49"}

        assert f"I49 {warnings[0]} I49 … and 12 more like this: --details" in text
        assert str(warnings[1]) not in text
        for finding in warnings:
            assert str(finding) in details

    def test_assumptions_are_counted(self, sample):
        """The short screen counts the assumptions; --details lists them, with the effect of each."""
        text = flat(shown(sample))

        assert "4 assumptions: see --details." in text
        for assumption in sample.scheme.assumptions:
            assert assumption.text not in text
            assert assumption.text in flat(shown(sample, details=True))

    def test_details_say_nothing_twice(self, sample):
        """With --details unspent money, the warning on spend and the verdict are printed once."""
        text = shown(sample, details=True)

        for part in ("Unspent transition fund", "do not quote", "All 4 checks pass", "Securing Excellence"):
            assert text.count(part) == 1

    def test_next_command_runs(self, tmp_path, monkeypatch, capsys):
        """The last line is a command that explains who loses most, with the options of this run, quoted for a shell."""
        monkeypatch.chdir(tmp_path)
        people = population_file(tmp_path, {"A": 100, "B": 300}, "my people.csv")
        spend = spend_file(tmp_path, {"A": 300, "B": 900})
        settings = ("--set", "revenue_budget=1000", "--set", "transition_fund=0")
        words = ("--population", people.name, "--spend", spend.name, *settings)
        assert app(["allocate", *words, "--top", "1"], standalone_mode=False) == 0
        command = capsys.readouterr().out.splitlines()[-1].strip()

        expected = "gpit explain B --population 'my people.csv' --spend spend.csv"
        assert command == f"{expected} {' '.join(settings)}"
        assert app(shlex.split(command)[1:], standalone_mode=False) == 0


class TestEveryone:
    """`--table`, `--sort` and `--top`."""

    def test_everyone_is_there(self, sample, changes):
        """All 211 CCGs are in the table, with the totals of England: £148m before and £155,077,352 after."""
        text = shown(sample, 120, table=True)

        assert sorted(codes_of(text)) == sorted(changes)
        total = next(line for line in text.splitlines() if line.strip().startswith("Total of 211"))
        assert pounds(total)[:3] == [148_000_000, 155_077_352, 7_077_352]
        assert text.count("receives support") == 54

    def test_money_and_outcomes_are_above_the_table(self, sample):
        """£160m come in each year; the counts of 2015/16 are those of the table: 54 CCGs get support."""
        above = shown(sample, table=True).partition("CCGs in 2015/16: before is")[0]

        assert re.search(r"(?m)^ *Money in +£160,000,000 +£160,000,000$", above)
        assert re.search(r"(?m)^ *Receives support +[0-9]+ CCGs +54 CCGs$", above)

    def test_subtotals_by_area(self, sample):
        """Each area team has its heading, its CCGs and a subtotal of their allocations."""
        text = shown(sample, 120, table=True)
        rows = sample.year(LAST).group_by("area_team").agg(pl.col("allocation").sum(), pl.col("org_code").len())

        assert rows.height == 25
        for area, allocated, number in rows.iter_rows():
            part = text[text.index(f"\n{area}\n") :]
            subtotal = next(line for line in part.splitlines() if line.strip().startswith("Total of"))
            assert subtotal.split()[:3] == ["Total", "of", str(number)]
            assert pounds(subtotal)[1] == allocated

    @pytest.mark.parametrize("sort", SORTS)
    def test_sort(self, sample, changes, sort):
        """Texts are in order from A, money from the largest, changes from the largest loss."""
        rows = sample.year(LAST)
        by_code = {row["org_code"]: row for row in rows.iter_rows(named=True)}
        keys = {
            "code": lambda code: code,
            "name": lambda code: by_code[code]["org_name"].lower(),
            "area": lambda code: by_code[code]["area_team"].lower(),
            "before": lambda code: -by_code[code]["historic_spend"],
            "after": lambda code: -by_code[code]["allocation"],
            "change": lambda code: changes[code][0],
            "percent": lambda code: changes[code][1],
            "per-head": lambda code: -by_code[code]["allocation"] / by_code[code]["registered_population"],
            "outcome": lambda code: (
                "receives" if by_code[code]["transition_support"] else "above" if changes[code][0] > 0 else "below"
            ),
        }
        text = text_of(Document(allocation_screen(sample, AllocationView(sort=sort)).blocks))

        assert codes_of(text) == sorted(sorted(changes), key=keys[sort])

    def test_top(self, sample, changes):
        """The four largest losses are shown, and the other 207 CCGs are added up: nothing of the total is lost."""
        text = shown(sample, sort="change", top=4)
        worst = sorted(changes, key=lambda code: changes[code][0])[:4]
        lines = text.splitlines()
        others, total = (next(line for line in lines if name in line) for name in ("Other 207", "Total of 211"))
        table = [line for line in lines if re.match(r"  [0-9][0-9A-Z]{2}  ", line)]

        assert codes_of(text) == worst
        assert "4 of 211 CCGs shown." in text
        columns = zip(*map(pounds, (*table, others)), strict=True)
        for amounts, whole in zip(columns, pounds(total), strict=True):
            assert abs(sum(amounts) - whole) <= 5

    def test_totals_by_area_when_rows_are_not_in_that_order(self, sample):
        """Sorted by change, the areas follow in a table of their own, and add up to England."""
        text = shown(sample, 120, sort="change", top=1)
        part = text[text.index("Totals by area team") :].split("\n\n")[0].splitlines()[3:]

        assert len(part) == 25
        assert sum(pounds(line)[1] for line in part) == 155_077_352

    def test_areas_that_differ_in_capitals_only(self, tmp_path):
        """`North` and `north` are two areas, each with one subtotal, whatever the order of codes."""
        rows = [
            {"org_code": code, "area_team": area, "registered_population": heads, "historic_spend": 10}
            for code, area, heads in (("A", "north", 1), ("B", "North", 2), ("C", "north", 3), ("D", "North", 4))
        ]
        people = write_rows(tmp_path / "people.csv", rows)
        settings = {"revenue_budget": 100, "transition_fund": 0}
        text = shown(allocate(population=people, spend=people, settings=settings, with_effects=False), table=True)

        # £10 a head: B and D have £60, A and C £40.
        lines = [line.split() for line in text.splitlines()]
        assert [line for line in lines if line and line[0] in ("North", "north")] == [["North"], ["north"]]
        totals = [line[3:5] for line in lines if line[:2] == ["Total", "of"]]
        assert totals == [["£20", "£60"], ["£20", "£40"], ["£40", "£100"]]

    def test_a_narrow_screen_says_what_it_leaves_out(self, sample):
        """At 80 columns there is no room for two columns, and a line says so; at 120 columns all are there."""
        assert "Not shown, because the screen is too narrow: Per head, Outcome." in shown(sample, table=True)
        assert "Not shown" not in shown(sample, 120, table=True)

    def test_a_result_without_spend(self, tmp_path):
        """Without historic spend the table has no change, and cannot be sorted by it."""
        result = allocate(population=population_file(tmp_path, {"A": 100, "B": 300}), transition="none")
        text = shown(result, table=True)

        assert "Change" not in text
        assert "£35,000,000" in text
        for sort in ("before", "change", "percent", "area"):
            with pytest.raises(UsageError, match=f"--sort {sort}: this result has no such column"):
                shown(result, sort=sort)

    def test_every_order_has_its_key(self):
        """The orders that the help names are those that can be used."""
        assert tuple(SORT_KEYS) == SORTS


class TestEveryScreen:
    """Narrow screens, other encodings and names that look like markup."""

    VIEWS = ({}, {"table": True}, {"sort": "percent", "top": 3}, {"details": True})

    @pytest.mark.parametrize("view", VIEWS, ids=str)
    @pytest.mark.parametrize("width", [56, 72, 200])
    def test_width(self, sample, view, width):
        """No line is wider than the screen, nor than 120 columns, and no figure is cut."""
        text = shown(sample, width, **view)

        assert max(map(cell_len, text.splitlines())) <= min(width, 120)
        assert not re.search(r"[£\d,]…", text)
        assert not [line for line in text.splitlines() if line != line.rstrip()]

    @pytest.mark.parametrize("view", [*VIEWS, {"quiet": True}], ids=str)
    def test_hostile_names(self, hostile, view):
        """Markup in names, areas and options is shown as text, and an escape code as its number, in ASCII too."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        report = allocation_screen(hostile, AllocationView(**view), typed_options="--map '\x1b[31m=x'")
        screen.show(report, Console(file=stream, width=80, markup=False))
        stream.flush()
        text = stream.buffer.getvalue().decode("ascii")

        assert "\x1b" not in text
        if not view.get("quiet") and not view.get("details"):
            assert "[red]x[/red] ??d?" in text
            assert r"--map '\u001b[31m=x'" in text
        if view.get("table"):
            assert "\n[i]West[/i]\n" in text
            assert "\nnot given\n" in text


class TestQuiet:
    """`-q` prints one line."""

    @pytest.mark.parametrize("width", [56, 80])
    def test_one_line(self, sample, width):
        """Scheme, £315,077,352 in both years, failed checks, warnings and £4,922,648 unspent are in one line."""
        (line,) = shown(sample, width, quiet=True).splitlines()

        assert line.startswith("Securing Excellence in GP IT Services 2014-16: £315,077,352 allocated in 2014/15 and")
        assert line.endswith(
            "; all 4 checks pass; 13 warnings; £4,922,648 of transition fund unspent; illustrative spend"
        )

    def test_nothing_is_unspent(self, boards):
        """Without unspent money the line does not name any."""
        (line,) = shown(boards, quiet=True).splitlines()

        assert line.endswith("£101,260,118,997 allocated in 2023/24; all 4 checks pass; 0 warnings")


class TestCommandLine:
    """The options on the command line."""

    @pytest.mark.parametrize(
        ("view", "message"),
        [
            ({"sort": "chnge"}, "--sort chnge: expected code, name, .* or outcome; did you mean change?"),
            ({"quiet": True, "table": True}, "-q: prints one line, so it cannot be used with --table"),
            ({"quiet": True, "top": 3, "details": True}, "cannot be used with --top and --details"),
        ],
    )
    def test_contradictions(self, view, message):
        """An order that does not exist, and -q with more to print, are refused with what to do."""
        with pytest.raises(UsageError, match=message):
            AllocationView(**view)

    @pytest.mark.parametrize("words", [("--sort", "nonsense"), ("--top", "0"), ("--table", "-q")])
    def test_wrong_options(self, tmp_path, words):
        """A wrong option ends with exit code 2 and one line of error; nothing is written."""
        done = gpit("allocate", "--sample", *words, "-o", "x.csv", folder=tmp_path)

        assert (done.returncode, done.stdout) == (2, b"")
        assert re.fullmatch(rb"gpit: error: .*\n", done.stderr)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("outputs", "command"),
        [
            ("-o paper.md -o my.csv -o my.json -o my.xlsx", "explain A --result my.json"),
            ("-o my.csv --manifest", "explain A --result my.csv"),
            ("-o my.csv", "explain A --population population.csv --transition none"),
        ],
    )
    def test_the_next_command_reads_the_file_that_was_written(self, tmp_path, monkeypatch, capsys, outputs, command):
        """The command below the screen works as printed: a table without its manifest cannot be explained."""
        monkeypatch.chdir(tmp_path)
        people = population_file(tmp_path, {"A": 100, "B": 300})
        words = ["allocate", "--population", people.name, "--transition", "none", *outputs.split()]
        app(words, standalone_mode=False)

        assert f"gpit {command}\n" in capsys.readouterr().out
        assert app(command.split(), standalone_mode=False) == 0

    def test_an_order_that_the_result_does_not_have(self, tmp_path, monkeypatch):
        """Without areas there is no order by area: nothing is printed and no file is left."""
        monkeypatch.chdir(tmp_path)
        people = population_file(tmp_path, {"A": 100, "B": 300})
        words = ["allocate", "--population", people.name, "--transition", "none", "--sort", "area", "-o", "x.csv"]

        with pytest.raises(UsageError, match="--sort area: this result has no such column"):
            app(words, standalone_mode=False)
        assert [path.name for path in tmp_path.iterdir()] == [people.name]

    @pytest.mark.slow
    def test_json_is_the_same_document(self, capsysbinary):
        """`--json` prints the same bytes with and without options of the screen, so no manifest has them."""
        printed = []
        for words in ((), ("--top", "2", "--details"), ("-q",)):
            app(["allocate", *run_words(FOUR), "--json", *words], standalone_mode=False)
            printed.append(capsysbinary.readouterr().out)

        assert printed[0].startswith(b"{")
        assert printed[1:] == printed[:1] * 2

    def test_a_file_has_everything(self, sample):
        """A document has its title first, all 211 CCGs, and the details."""
        text = rendered(allocation_document(sample), ".md")

        assert text.startswith("# Securing Excellence in GP IT Services 2014-16: 211 CCGs, 2014/15 and 2015/16.\n")
        table = text[text.index("## CCGs in 2015/16") : text.index("## Year by year")]
        assert len(re.findall(r"(?m)^\| [0-9][0-9A-Z]{2} \|", table)) == 211
        assert "Coefficient of variation" in text
        assert text.count("I49: ") == 13
