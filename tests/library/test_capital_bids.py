"""The scheme of scored bids: what is funded, the marginal bid and its name, against bids funded one by one in pence."""

from __future__ import annotations

import csv
import io
import re
from fractions import Fraction

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import oracle
from gpit_fairshare import CalculationError, GpitError, allocate, explain
from gpit_fairshare.reports.allocation import allocation_screen
from gpit_fairshare.reports.screen import show
from gpit_fairshare.workbook.result_workbook import write_workbook
from recalculation import by_cell, cached_values, compare, plant_everywhere, recalculated_rows
from running import ROOT, write_rows

SCHEME = "gp-it-capital-2014-15"
BIDS = ROOT / "examples" / "capital-bids" / "bids.csv"
CASE = {"A": (40, 70), "B": (30, 85), "C": (50, 70), "D": (20, 60), "E": (0, 75)}
"""Bid and score: in order B 30, E 0, A 40, C 50, D 20; down to each 30, 30, 70, 120, 140."""


def funded(folder, bids, fund, *, in_part=1):
    """Run the scheme on bids, given as {code: (bid, score)}."""
    rows = [{"org_code": code, "capital_bid": bid, "priority_score": score} for code, (bid, score) in bids.items()]
    values = {"capital_fund": fund, "fund_last_bid_in_part": in_part}
    inputs = [write_rows(folder / "bids.csv", rows)]
    return allocate(scheme=SCHEME, inputs=inputs, settings=values, with_effects=False)


def awards(result):
    """The award of each bid, by code."""
    return dict(result.rows.select("org_code", "award").rows())


def outcomes(result):
    """The outcome of each bid, by code."""
    year = result.years["2014/15"]
    return dict(zip(year.codes(), year.outcomes, strict=True))


@pytest.mark.parametrize(
    ("fund", "in_part", "by_hand", "unspent"),
    [
        (100, 1, {"A": 40, "B": 30, "C": 30, "D": 0, "E": 0}, 0),
        # C gets nothing of the £30 that are left, and D, whose £20 would fit, is not funded before C.
        (100, 0, {"A": 40, "B": 30, "C": 0, "D": 0, "E": 0}, 30),
        # Spent to the pound by B and A: no bid is funded in part.
        (70, 1, {"A": 40, "B": 30, "C": 0, "D": 0, "E": 0}, 0),
        (29, 1, {"A": 0, "B": 29, "C": 0, "D": 0, "E": 0}, 0),
        (29, 0, {"A": 0, "B": 0, "C": 0, "D": 0, "E": 0}, 29),
        (140, 1, {"A": 40, "B": 30, "C": 50, "D": 20, "E": 0}, 0),
        (150, 1, {"A": 40, "B": 30, "C": 50, "D": 20, "E": 0}, 10),
        (0, 1, {"A": 0, "B": 0, "C": 0, "D": 0, "E": 0}, 0),
    ],
)
def test_bids_are_funded_in_order(tmp_path, fund, in_part, by_hand, unspent):
    """£30, £40, £50 and £20 in order of score: what the fund pays, and what stays unspent and is reported."""
    result = funded(tmp_path, CASE, fund, in_part=in_part)
    (year,) = result.measures()

    assert awards(result) == by_hand
    assert [line.amount for line in year.money.unspent] == [unspent]
    assert year.money.difference == 0
    assert result.agrees


@pytest.mark.parametrize(
    ("fund", "in_part", "by_hand"),
    [
        # A and C have one score; the fund pays A in full and part of C.
        (
            100,
            1,
            {"A": "funded in full, tied", "B": "funded in full", "C": "marginal bid, tied", "D": "below the line"},
        ),
        (100, 0, {"C": "marginal bid, not funded, tied", "D": "below the line"}),
        # Spent to the pound by B and A: C has nothing left, and there is no marginal bid.
        (70, 1, {"A": "funded in full, tied", "C": "below the line, tied", "D": "below the line"}),
        (40, 1, {"A": "marginal bid, tied", "C": "below the line, tied"}),
        # Nothing is left for A and C, or enough for both: their codes decide nothing.
        (30, 1, {"B": "funded in full", "A": "below the line", "C": "below the line"}),
        (130, 1, {"A": "funded in full", "C": "funded in full", "D": "marginal bid"}),
        (130, 0, {"A": "funded in full", "C": "funded in full", "D": "marginal bid, not funded"}),
        (140, 1, {"A": "funded in full", "C": "funded in full", "D": "funded in full"}),
    ],
)
def test_each_bid_has_its_outcome(tmp_path, fund, in_part, by_hand):
    """B, then A and C with one score, then D: an outcome says so where only the codes decide what the fund pays."""
    case = {**CASE, "F": (0, 70)}  # of the same score, but no bid: it decides nothing
    by_hand = {code: f"{label} at the line" if "tied" in label else label for code, label in by_hand.items()}

    found = outcomes(funded(tmp_path, case, fund, in_part=in_part))

    assert {code: found[code] for code in by_hand} == by_hand
    assert (found["E"], found["F"]) == ("no bid", "no bid")


def test_scores_of_zero_are_tied_only_at_the_line(tmp_path):
    """Two bids with a score of 0, both paid, are no tie; nor is a line at a single bid with that score."""
    assert set(outcomes(funded(tmp_path, {"A": (40, 0), "B": (30, 0)}, 70)).values()) == {"funded in full"}
    assert outcomes(funded(tmp_path, {"A": (40, 0), "B": (30, 5)}, 50))["A"] == "marginal bid"


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=15)
@given(
    bids=st.lists(
        st.tuples(st.integers(0, 10**7), st.sampled_from([1, 2, 2.5, 1.1 * 1.1, 1.21])), min_size=1, max_size=9
    ),
    fund=st.integers(0, 4 * 10**7),
    in_part=st.sampled_from([0, 1]),
)
def test_awards_are_those_of_bids_funded_one_by_one(tmp_path_factory, bids, fund, in_part):
    """Bids in pence are paid one after the other from a purse, until one cannot be paid in full."""
    codes = [f"B{place}" for place in range(len(bids))]
    case = {code: (f"{bid / 100:.2f}", f"{score:.17f}") for code, (bid, score) in zip(codes, bids, strict=True)}
    places = oracle.ranks([float(score) for _, score in case.values()])
    left, by_hand, closed = fund, dict.fromkeys(codes, Fraction(0)), False
    for _, code, (bid, _) in sorted(zip(places, codes, bids, strict=True)):
        if closed or bid > left:
            by_hand[code] = Fraction(0 if closed else left * in_part, 100)
            closed = True
        else:
            by_hand[code], left = Fraction(bid, 100), left - bid

    result = funded(tmp_path_factory.mktemp("bids"), case, f"{fund / 100:.2f}", in_part=in_part)

    assert {code: round(100 * award) for code, award in awards(result).items()} == {
        code: 100 * award for code, award in by_hand.items()
    }


def test_noise_of_large_sums_takes_no_penny(tmp_path):
    """£66m less bids of £3,000,000.10 and £62,999,999.70 is 20p: floats make it a little less."""
    case = {"A": ("3000000.10", 9), "B": ("62999999.70", 8), "C": ("100", 7)}

    assert awards(funded(tmp_path, case, "66000000")) == {"A": 3000000.1, "B": 62999999.7, "C": 0.2}


@pytest.mark.parametrize("value", ["0.5", "0.99"])
def test_a_part_of_what_is_left_is_refused(tmp_path, value):
    """The marginal bid gets what is left or nothing: half of it is an error that says what to set."""
    with pytest.raises(CalculationError, match="set fund_last_bid_in_part to 1 or 0"):
        funded(tmp_path, CASE, 100, in_part=value)


def test_a_bid_without_a_score_is_refused(tmp_path):
    """A blank score has no rank: the run stops and names the bid."""
    with pytest.raises(GpitError, match=r"priority_score.*blank|priority_score.*empty|no priority_score"):
        funded(tmp_path, {**CASE, "F": (10, "")}, 100)


def rows_of_the_example():
    """The rows of the file below its title, as texts."""
    with BIDS.open(encoding="utf-8", newline="") as stream:
        next(stream)
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def example():
    """The result of the 30 invented bids."""
    return allocate(scheme=SCHEME, inputs=[BIDS], with_effects=False)


def test_the_example_has_one_marginal_bid(example):
    """The first 19 of the 30 take £64,466,000, so the 20th, BID12, gets £1,534,000; added up here from the file."""
    rows = rows_of_the_example()
    order = sorted(rows, key=lambda row: (-float(row["priority_score"]), row["org_code"]))
    spent = sum(int(row["capital_bid"]) for row in order[:19])

    assert (spent, order[19]["org_code"]) == (64_466_000, "BID12")
    assert awards(example)["BID12"] == 66_000_000 - spent
    assert list(outcomes(example).values()).count("marginal bid, tied at the line") == 1


def screen(result):
    """The text of the screen of a run."""
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    show(allocation_screen(result), console)
    return console.file.getvalue()


def test_the_marginal_bid_is_named(example, tmp_path):
    """The screen, the sheet Summary and the sentences of `explain` name it."""
    name = "Larkhall: printers (BID12)"
    write_workbook(example, tmp_path / "book.xlsx")
    summary = openpyxl.load_workbook(tmp_path / "book.xlsx", data_only=True)["Summary"]
    figures = {row[0]: row[1] for row in summary.iter_rows(5, values_only=True)}

    assert f"Marginal bid, tied at the line          1 bid\n    {name}\n" in screen(example)
    assert figures["Bids: marginal bid, tied at the line (name)"] == name
    assert figures["Bids: marginal bid, tied at the line"] == 1
    sentences = " ".join(explain(example, "BID12").years[0].sentences)
    assert "It is the marginal bid: £1,534,000 of the fund was left for its bid of £2,284,000;" in sentences


def test_a_tie_at_the_line_is_explained(example):
    """BID05, BID12 and BID16 have the score 51.5: one is paid, one in part, one not, by the order of their codes."""
    sentences = {code: " ".join(explain(example, code).years[0].sentences) for code in ("BID05", "BID12", "BID16")}

    assert "of the 3 bids with its score of 51.50 not all are, and its code comes earlier" in sentences["BID05"]
    assert "of the 3 bids with its score of 51.50 its code alone makes it the marginal one" in sentences["BID12"]
    assert "of the 3 bids with its score of 51.50 its code comes later" in sentences["BID16"]
    assert "It is number 26 in order, with a score of 47" in " ".join(explain(example, "BID02").years[0].sentences)


def test_a_marginal_bid_that_gets_nothing_says_why(tmp_path):
    """£10 are left for D, which bids £20: with fund_last_bid_in_part = 0 it gets none of them."""
    result = funded(tmp_path, CASE, 130, in_part=0)

    sentences = " ".join(explain(result, "D").years[0].sentences)
    assert "The marginal bid gets nothing in this run: £10 of the fund was left for its bid of £20." in sentences


def test_the_screen_names_a_bid_at_the_line_to_explain(example):
    """Bids have no gains and losses: `explain` is shown for a bid that is alone with its outcome, not for the first."""
    assert "gpit explain BID16" in screen(example)


def test_the_example_has_illustrative_figures(example, tmp_path):
    """A bid is no spend: the screen, `explain` and the workbook call its figures illustrative."""
    book = tmp_path / "book.xlsx"
    write_workbook(example, book)

    caution = "Illustrative figures: do not quote any figure that uses them"
    assert screen(example).startswith(f"{caution}.")
    assert caution in explain(example, "BID12").markdown()
    assert openpyxl.load_workbook(book)["2014-15"]["A2"].value.startswith("Working. Illustrative figures. ")


def test_a_switch_is_not_moved():
    """A check allows 0 and 1 only, so neither 0.9 nor 1.1 is tried: one short reason instead of an error."""
    result = allocate(scheme=SCHEME, inputs=[BIDS])

    assert {effect.said for effect in result.effects} == {"other values were not tried: it is a switch"}


def test_an_outcome_of_several_names_none(tmp_path):
    """Two bids are below the line: their outcome is a number without a name."""
    text = screen(funded(tmp_path, {**CASE, "F": (5, 1)}, 100))

    assert re.search(r"1 bid\n    C\n  Below the line +2 bids\n\n", text)


@pytest.mark.usefixtures("libreoffice")
def test_the_workbook_is_recalculated(example, tmp_path):
    """LibreOffice finds every value of the workbook again from its formulas, with a wrong value planted behind each."""
    book, planted = tmp_path / "book.xlsx", tmp_path / "planted.xlsx"
    write_workbook(example, book)
    plant_everywhere(book, planted)

    assert compare(book, by_cell(recalculated_rows([planted])[0]), relative=1e-9) == []


@pytest.mark.usefixtures("libreoffice")
def test_the_workbook_follows_a_changed_score(example, tmp_path):
    """With a score of 100 in the workbook BID23 is first and gets its £6,242,000; another bid is the marginal one."""
    book, changed = tmp_path / "book.xlsx", tmp_path / "changed.xlsx"
    write_workbook(example, book)
    cells = openpyxl.load_workbook(book)
    (place,) = [
        (sheet.title, row[0].row)
        for sheet in (cells["Other inputs"],)
        for row in sheet.iter_rows(5)
        if any(cell.value == "BID23" for cell in row)
    ]
    heading = next(cell.column for cell in cells[place[0]][4] if str(cell.value).startswith("Priority score"))
    cells[place[0]].cell(place[1], heading, 100)
    cells.save(changed)
    again = by_cell(recalculated_rows([changed])[0])

    rows = [{**row, "priority_score": 100} if row["org_code"] == "BID23" else row for row in rows_of_the_example()]
    run = allocate(scheme=SCHEME, inputs=[write_rows(tmp_path / "bids.csv", rows)], with_effects=False)
    headings = {address: text for (sheet, address), text in cached_values(book).items() if sheet == "2014-15"}
    column = next(address[:-1] for address, text in headings.items() if address.endswith("4") and text == "Award (£)")
    awarded = [again["2014-15", f"{column}{row}"] for row in range(5, 35)]
    assert awarded == list(awards(run).values())
    assert awards(run)["BID23"] == 6_242_000
    assert awards(run)["BID12"] == 0
