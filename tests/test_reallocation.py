"""`gpit reallocate`: underspends recovered and given to others, by hand and in fractions; and what is refused."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import shlex
import tempfile
from contextlib import chdir, redirect_stdout
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from gpit_fairshare import GpitError, allocate, compare, explain, reallocate, verify
from gpit_fairshare.cli import app, main
from gpit_fairshare.reallocation import changes, letters_csv
from gpit_fairshare.reports.formats import rendered
from gpit_fairshare.reports.reallocation import letters_document, reallocation_document
from gpit_fairshare.reports.screen import show
from running import ROOT, SAMPLES, read_rows, write_rows
from tiers import slow

DOC = (ROOT / "docs" / "reallocate.md").read_text(encoding="utf-8")
YEAR = "2014/15"
ALLOCATIONS = [
    {"org_code": "A", "org_name": "Alder", "allocation": 425_000, "fair_share": 200_000, "year": YEAR},
    {"org_code": "B", "org_name": "Birch", "allocation": 475_000, "fair_share": 400_000, "year": YEAR},
    {"org_code": "C", "org_name": "Cedar", "allocation": 600_000, "fair_share": 600_000, "year": YEAR},
    {"org_code": "D", "org_name": "Damson", "allocation": 800_000, "fair_share": 800_000, "year": YEAR},
]
FORECASTS = [
    {"org_code": code, "forecast_outturn": amount}
    for code, amount in {"A": 330_000, "B": 485_000, "C": 585_000, "D": 850_000}.items()
]
"""Under the default values 86,500 of A and 3,000 of C are recovered, for pressures of 10,000 in B and 50,000 in D."""


def write_letters(result, path, ending):
    """Write the table of changes as `gpit reallocate --letters` does."""
    text = letters_csv(result) if ending == ".csv" else rendered(letters_document(result), ".md")
    path.write_text(text, encoding="utf-8")


def adjustment(code, amount, reason="Agreed", approver="J. Field"):
    """One row of an adjustments file."""
    return {"org_code": code, "amount": amount, "reason": reason, "approver": approver}


def files(folder, forecasts=FORECASTS, allocations=ALLOCATIONS, adjustments=None):
    """Write the files of a run; return the arguments of `reallocate` for them."""
    given_files = {
        "allocation": write_rows(folder / "allocations.csv", allocations),
        "forecast": write_rows(folder / "forecast.csv", forecasts),
    }
    if adjustments:
        given_files["adjustments"] = write_rows(folder / "adjustments.csv", adjustments)
    return given_files


def run(folder, forecasts=FORECASTS, allocations=ALLOCATIONS, adjustments=None, **options):
    """Reallocate the rows unchanged."""
    return reallocate(**files(folder, forecasts, allocations, adjustments), **{"with_effects": False, **options})


def column(result, name):
    """Return a column as a list, by code."""
    return result.rows[name].to_list()


def typed(command, *more, folder):
    """Run a command in a folder, in this process; return its exit code and output."""
    with chdir(folder), redirect_stdout(io.StringIO()) as printed:
        return app([*shlex.split(command)[1:], *more], standalone_mode=False), printed.getvalue()


# The worked example ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """A folder with the files that docs/reallocate.md tells its reader to save."""
    folder = tmp_path_factory.mktemp("reallocate")
    for before, text in re.findall(r"([^`]*(?:`[^`\n]+`[^`]*)*)```csv\n(.*?)```", DOC, re.DOTALL):
        (folder / re.findall(r"`([a-z-]+\.csv)`", before)[-1]).write_text(text, encoding="utf-8")
    return folder


EXAMPLES = re.findall(r"```\n(gpit reallocate [^\n]+)\n```\n\n(\| step .*?)\n\n", DOC, re.DOTALL)


@pytest.fixture(scope="module")
def examples(documented):
    """The document and the letters of each worked example, by the number of its command."""
    by_code = {}
    for number, (command, _) in enumerate(EXAMPLES):
        code, _ = typed(command, "-o", "result.json", "--letters", "letters.csv", folder=documented)
        assert code == 0
        by_code[number] = json.loads((documented / "result.json").read_text("utf-8"))
        by_code[number]["letters"] = {row["org_code"]: row for row in read_rows(documented / "letters.csv")}
    return by_code


@pytest.mark.parametrize("number", range(3), ids=["in-full", "too-small-a-pot", "adjustments"])
def test_figures_worked_by_hand(number, examples):
    """Each command gives every figure of its table in docs/reallocate.md, which is calculated by hand there."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in EXAMPLES[number][1].splitlines()]
    (national,) = examples[number]["national"]
    wrong = [
        (name, cell, row["org_code"])
        for name, *cells in rows[2:]
        for cell, row in zip(cells, examples[number]["rows"], strict=True)
        if abs(float(cell.replace(",", "")) - (row | national)[name.strip("`")]) > (0.005 if "." in cell else 0)
    ]

    assert rows[0][1:] == [row["org_code"] for row in examples[number]["rows"]]
    assert len(rows) > 6
    assert wrong == []


def test_there_are_three_worked_examples():
    """The document has a full example, one pro rata and one with adjustments."""
    assert len(EXAMPLES) == 3


def test_the_sentence_of_the_document(examples):
    """B of the last example gets the sentence that the document shows."""
    sentences = {code: row["sentence"] for code, row in examples[2]["letters"].items()}

    assert sentences["B"] in DOC
    assert sentences["A"] == (
        "Your allocation for 2014/15 changes from £425,000 to £330,500: £86,500 of forecast underspend is recovered "
        "and £8,000 is taken away by an adjustment (The project starts next year; approved by J. Field)."
    )


def test_no_answer_as_the_document_says(documented):
    """A's adjustment of -9,000 is above the £8,500 that is left: check, year, code and row are named."""
    command = next(
        command_line
        for command_line in re.findall(r"```\n(gpit reallocate [^\n]+)\n```", DOC)
        if "too-much" in command_line
    )
    message = re.search(r"`(check Adjustments take [^`]+)`", DOC)
    with pytest.raises(GpitError, match=re.escape(message[1])) as fault:
        typed(command, "-o", "none.csv", folder=documented)

    assert fault.value.exit_code == 2
    assert not (documented / "none.csv").exists()


# The rule ----------------------------------------------------------------------------------------------------


def whole_pounds(shares):
    """Whole pounds by largest remainder; they add up to the total of the shares; ties go to the earlier row."""
    pounds = [math.floor(share) for share in shares]
    order = sorted(range(len(shares)), key=lambda row: (pounds[row] - shares[row], row))
    for row in order[: int(sum(shares)) - sum(pounds)]:
        pounds[row] += 1
    return pounds


def pro_rata(amount, weights):
    """The amount by weight, in whole pounds; 0 if there is no weight."""
    whole = sum(weights)
    return whole_pounds([amount * weight / whole if whole else Fraction(0) for weight in weights])


def oracle(rows, tolerance, kept, share, receive):
    """The rule of docs/reallocate.md, step by step in fractions; rows are dicts of whole numbers or halves."""
    under = [max(Fraction(0), row["now"] - row["forecast"]) for row in rows]
    free = [tolerance * row["now"] for row in rows]
    recovered = [math.floor(share * (u - kept * f)) if u > f else 0 for u, f in zip(under, free, strict=True)]
    taken_away = [max(0, -row["adjustment"]) for row in rows]
    added = [max(0, row["adjustment"]) for row in rows]
    left = sum(recovered) + sum(taken_away) - sum(added)
    if left < 0 or any(r + t > u for r, t, u in zip(recovered, taken_away, under, strict=True) if t):
        return None
    line = [row["may"] and not r and not t for row, r, t in zip(rows, recovered, taken_away, strict=True)]
    got = [[0] * len(rows) for _ in range(3)]
    have = list(added)
    for turn, name in enumerate(("pressures", "unmet-need")):
        want = [
            math.floor(
                max(Fraction(0), row["forecast"] - row["now"] - h if turn == 0 else row["need"] - row["support"] - h)
            )
            if ok
            else 0
            for row, ok, h in zip(rows, line, have, strict=True)
        ]
        if name in receive:
            got[turn] = pro_rata(Fraction(min(left, sum(want))), want)
            left -= sum(got[turn])
            have = [h + g for h, g in zip(have, got[turn], strict=True)]
    if "everybody" in receive:
        got[2] = pro_rata(Fraction(left), [row["fair"] if ok else 0 for row, ok in zip(rows, line, strict=True)])
        left -= sum(got[2])
    after = [
        row["now"] - r - t + a + sum(parts)
        for row, r, t, a, *parts in zip(rows, recovered, taken_away, added, *got, strict=True)
    ]
    return {"recovered": recovered, "got": got, "left": left, "after": after, "under": under}


HALF_POUNDS = st.integers(0, 4_000).map(lambda number: Fraction(number, 2))
"""Halves are exact as floats, so engine and fractions use the same number."""
CASES = st.lists(
    st.fixed_dictionaries(
        {
            "now": st.integers(0, 2_000),
            "forecast": HALF_POUNDS,
            "need": HALF_POUNDS,
            "support": st.integers(0, 500),
            "fair": st.integers(0, 1_000),
            "adjustment": st.sampled_from([0, 0, 0, 0, 7, 40, -1, -30]),
            "may": st.sampled_from([True, True, True, False]),
        }
    ),
    min_size=1,
    max_size=6,
)


def as_files(rows):
    """The rows of a case as those of the three files, codes in order."""
    codes = [f"X{number:02}" for number in range(len(rows))]
    allocations = [
        {
            "org_code": code,
            "allocation": row["now"],
            "transition_need": float(row["need"]),
            "transition_support": row["support"],
            "fair_share": row["fair"],
        }
        for code, row in zip(codes, rows, strict=True)
    ]
    forecasts = [
        {"org_code": code, "forecast_outturn": float(row["forecast"]), "may_receive": "" if row["may"] else "no"}
        for code, row in zip(codes, rows, strict=True)
    ]
    by_hand = [adjustment(code, row["adjustment"]) for code, row in zip(codes, rows, strict=True) if row["adjustment"]]
    return forecasts, allocations, by_hand


@pytest.mark.slow
@settings(deadline=None, max_examples=8)
@given(
    rows=CASES,
    tolerance=st.sampled_from([Fraction(0), Fraction(1, 64), Fraction(1, 4)]),
    kept=st.sampled_from([0, 1]),
    share=st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3, 4)]),
    receive=st.lists(st.sampled_from(["pressures", "unmet-need", "everybody"]), min_size=1, max_size=3, unique=True),
)
@example(
    # 1,000.5 is recovered as 1,000; pressures of 700.5 and 600 count 700 and 600: 538.46 and 461.54.
    rows=[
        {"now": 2_000, "forecast": Fraction(1_999, 2), "need": Fraction(0), "support": 0, "fair": 1, "adjustment": 0}
        | {"may": True},
        {"now": 0, "forecast": Fraction(1_401, 2), "need": Fraction(0), "support": 0, "fair": 1, "adjustment": 0}
        | {"may": True},
        {"now": 0, "forecast": Fraction(600), "need": Fraction(0), "support": 0, "fair": 1, "adjustment": 0}
        | {"may": True},
    ],
    tolerance=Fraction(0),
    kept=1,
    share=Fraction(1),
    receive=["pressures"],
)
def test_reallocate__control_total_is_kept(rows, tolerance, kept, share, receive):
    """To the penny: what is recovered, who receives, what is left; no loss exceeds the forecast underspend."""
    expected = oracle(rows, tolerance, kept, share, receive)
    options = {"year": YEAR, "tolerance": str(tolerance), "recover": str(share), "receive": receive}
    with tempfile.TemporaryDirectory() as folder:
        if expected is None:
            with pytest.raises(GpitError, match="check Adjustments"):
                run(Path(folder), *as_files(rows), settings={"tolerance_kept": kept}, **options)
            return
        result = run(Path(folder), *as_files(rows), settings={"tolerance_kept": kept}, **options)

    names = ("received_for_pressures", "received_for_unmet_need", "received_by_fair_share")
    losses = [row["now"] - after for row, after in zip(rows, column(result, "revised_allocation"), strict=True)]
    assert result.agrees
    assert column(result, "recovered") == expected["recovered"]
    assert [column(result, name) for name in names] == expected["got"]
    assert result.national["unallocated"][0] == expected["left"]
    assert column(result, "revised_allocation") == expected["after"]
    assert sum(column(result, "revised_allocation")) + expected["left"] == sum(row["now"] for row in rows)
    assert all(loss <= under for loss, under in zip(losses, expected["under"], strict=True))


def test_reallocate__row_order_is_kept(tmp_path):
    """Four CCGs in any order give the same rows; B and D tie for a pound of £3 at £1.50 each, and B is first."""
    allocations = [dict(row, allocation=1_000, fair_share=1) for row in ALLOCATIONS]
    outturn = {"A": 997, "B": 1_002, "C": 1_000, "D": 1_002}
    forecasts = [{"org_code": code, "forecast_outturn": amount} for code, amount in outturn.items()]
    first = run(tmp_path, forecasts, allocations, tolerance="0%")
    random.Random(1).shuffle(allocations)
    random.Random(2).shuffle(forecasts)

    assert column(first, "received_for_pressures") == [0, 2, 0, 1]
    assert run(tmp_path, forecasts, allocations, tolerance="0%").rows.equals(first.rows)


def test_reallocate__rising_target_is_kept(tmp_path):
    """After pressures B and D get £29,500 by fair share; as B's fair share rises, so does its part."""
    parts = []
    for fair_share in (400_000, 400_001, 900_000):
        rows = [dict(row, fair_share=fair_share) if row["org_code"] == "B" else row for row in ALLOCATIONS]
        result = run(tmp_path, allocations=rows, receive=["pressures", "everybody"])
        parts.append(column(result, "received_by_fair_share"))

    # 29,500 × 4/12 and × 8/12; the others in the same way.
    assert parts[0] == [0, 9_833, 0, 19_667]
    assert [part[1] for part in parts] == sorted(part[1] for part in parts)


def test_reallocate__bounds_is_kept(tmp_path):
    """Recovery of £1,000.50 and an adjustment take £1,000 in total: losing the odd 50p would be losing more."""
    forecasts = [{"org_code": code, "forecast_outturn": amount} for code, amount in (("A", 8_999.5), ("B", 10_001))]
    allocations = [{"org_code": code, "allocation": 10_000} for code in "AB"]
    result = run(tmp_path, forecasts, allocations, [adjustment("A", -500)], tolerance="0%", recover="50%", year=YEAR)

    # Half of £1,000.50 is £500.25, of which £500 are recovered; the adjustment takes the other £500.
    assert column(result, "recovered") == [500, 0]
    assert column(result, "revised_allocation") == [9_000, 10_001]
    with pytest.raises(GpitError, match="check Adjustments take no more than the remaining underspend"):
        run(tmp_path, forecasts, allocations, [adjustment("A", -501)], tolerance="0%", recover="50%", year=YEAR)


def test_reallocate__mergers_is_broken(tmp_path):
    """A with £100 over and B with £100 short move £100 to B and C; as one, A and B have nothing over, and C gets 0.

    Apart: £100 for pressures of £100 in B and £300 in C, so B gets £25 and C £75; A and B together have 900 + 1,025.
    Merged: an allocation of £2,000 and a forecast of £2,000; nothing is recovered.
    """
    apart = {"A": (1_000, 900), "B": (1_000, 1_100), "C": (1_000, 1_300)}
    merged = {"AB": (2_000, 2_000), "C": (1_000, 1_300)}
    after = []
    for members in (apart, merged):
        allocations = [{"org_code": code, "allocation": now} for code, (now, _) in members.items()]
        forecasts = [{"org_code": code, "forecast_outturn": then} for code, (_, then) in members.items()]
        result = run(tmp_path, forecasts, allocations, tolerance=0, year=YEAR)
        after.append(column(result, "revised_allocation"))

    assert after == [[900, 1_025, 1_075], [2_000, 1_000]]


def test_the_whole_underspend_once_it_is_beyond_the_tolerance(tmp_path):
    """With tolerance_kept at 0 A loses its £95,000 and C its £15,000, which is above £12,000."""
    result = run(tmp_path, settings={"tolerance_kept": 0})

    assert column(result, "recovered") == [95_000, 0, 15_000, 0]


def test_who_may_receive(tmp_path):
    """D may not: only B's pressure is met, and £79,500 is left; a manual adjustment still goes to D."""
    forecasts = [dict(row, may_receive={"B": "yes", "D": "no"}.get(row["org_code"], "")) for row in FORECASTS]
    result = run(tmp_path, forecasts, adjustments=[adjustment("D", 500)])

    assert column(result, "received_for_pressures") == [0, 10_000, 0, 0]
    assert column(result, "revised_allocation")[3] == 800_500
    assert result.national["unallocated"][0] == 79_000


def test_headings_of_ones_own(tmp_path):
    """A heading may be the name in the document or the name in the scheme."""
    rows = [{"Code": row["org_code"], "Budget": row["allocation"], "FY": YEAR} for row in ALLOCATIONS]
    for name in ("allocation", "current_allocation"):
        result = run(tmp_path, allocations=rows, mapping={"Budget": name})

        assert column(result, "revised_allocation") == [338_500, 485_000, 597_000, 850_000]


def merged(folder, adjustments):
    """The run of 13T in 2015/16, whose predecessors 00F, 00G and 00H have an adjustments file: a list of rows."""
    allocations = [{"org_code": code, "allocation": 100_000} for code in ("00A", "13T")]
    forecasts = [{"org_code": "00A", "forecast_outturn": 100_000}, {"org_code": "13T", "forecast_outturn": 90_000}]
    return run(folder, forecasts, allocations, adjustments, year="2015/16", tolerance="100%")


def test_adjustments_of_merged_organisations_are_added_up(tmp_path):
    """Three CCGs that became 13T lose £100 each: it loses £300, not the £100 that the three figures agree on."""
    by_hand = [adjustment(code, -100) for code in ("00F", "00G", "00H")]

    assert column(merged(tmp_path, by_hand), "revised_allocation") == [100_000, 99_700]


@pytest.mark.parametrize("amounts", [(-100, 100, -300), (100, -300, -100)])
def test_adjustments_of_merged_organisations_of_both_signs(amounts, tmp_path):
    """A pound taken from one predecessor and one given to another cancel out: -£300 in all."""
    by_hand = [adjustment(code, amount) for code, amount in zip(("00F", "00G", "00H"), amounts, strict=True)]

    assert column(merged(tmp_path, by_hand), "revised_allocation") == [100_000, 99_700]


def test_the_unit_in_a_title_holds_for_adjustments(tmp_path):
    """Under a title that says thousands, -8 takes £8,000 of A's £8,500, as for any money."""
    folder = files(tmp_path)
    text = "All figures in £000,,,\norg_code,amount,reason,approver\nA,-8,Agreed,J. Field\n"
    (tmp_path / "adjustments.csv").write_text(text, encoding="utf-8")
    result = reallocate(**folder, adjustments=tmp_path / "adjustments.csv", with_effects=False)

    assert column(result, "adjustment_taken") == [8_000, 0, 0, 0]


def test_totals_of_adjustments_are_checked(tmp_path):
    """-8,000 and 5,000 add up to -3,000: a total of -3,000 is skipped, and one of -2,000 is refused."""
    rows = [adjustment("A", -8_000), adjustment("D", 5_000)]
    result = run(tmp_path, adjustments=[*rows, adjustment("Total", -3_000, "", "")])

    assert column(result, "adjustment_given") == [0, 0, 0, 5_000]
    with pytest.raises(GpitError, match=r"the row 'Total' has -2,000 as adjustment, but its 2 rows add up to -3,000"):
        run(tmp_path, adjustments=[*rows, adjustment("Total", -2_000, "", "")])


def test_other_years_than_the_schemes_own(tmp_path):
    """A table of 2015/16 is reallocated in 2015/16, and its sentences say so."""
    result = run(tmp_path, allocations=[dict(row, year="2015-16") for row in ALLOCATIONS])

    assert list(result.years) == ["2015/16"]
    assert changes(result)[0].sentence.startswith("Your allocation for 2015/16 changes from £425,000 to £338,500: ")


def test_pence_stay_where_they_are(tmp_path):
    """An allocation of £1,000.50 and a forecast of £900.25 leave £100.25; £100 is recovered, £900.50 stays."""
    result = run(
        tmp_path,
        [{"org_code": "A", "forecast_outturn": 900.25}],
        [{"org_code": "A", "allocation": 1_000.5}],
        tolerance=0,
        year=YEAR,
    )
    (change,) = changes(result)
    write_letters([change], tmp_path / "letters.csv", ".csv")

    assert (change.recovered, change.allocation_after) == (100, 900.5)
    assert read_rows(tmp_path / "letters.csv")[0]["allocation_after"] == "900.50"
    assert "from £1,000.50 to £900.50: £100 of" in change.sentence


def test_pence_bring_no_noise(tmp_path):
    """£100.10 less £64 and £50.30 plus £64: £36.10 and £114.30, though binary sums have 36.099999999999994.

    2% of £100.10 are £2.002; £66.90 less that are £64.898, of which £64 are recovered for a pressure of £99.
    """
    forecasts = [{"org_code": "A", "forecast_outturn": 33.2}, {"org_code": "B", "forecast_outturn": 150}]
    allocations = [{"org_code": "A", "allocation": 100.1}, {"org_code": "B", "allocation": 50.3}]
    result = run(tmp_path, forecasts, allocations, year=YEAR)

    assert column(result, "revised_allocation") == [36.1, 114.3]


def test_parts_of_a_penny_stay_where_they_are(tmp_path):
    """An allocation of £100.125 that nothing happens to is not rounded: no allocation changes by half a penny."""
    forecasts = [{"org_code": "A", "forecast_outturn": 100.125}]
    result = run(tmp_path, forecasts, [{"org_code": "A", "allocation": 100.125}], year=YEAR)

    assert column(result, "revised_allocation") == [100.125]
    assert result.agrees


@settings(deadline=None, max_examples=1)
@given(pence=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=100, max_size=100))
def test_every_answer_is_the_nearest_float_of_its_pence(pence):
    """For a hundred allocations and forecasts in pence, every revised allocation has two decimal places."""
    allocations = [{"org_code": f"X{at:03}", "allocation": amount / 100} for at, (amount, _) in enumerate(pence)]
    forecasts = [{"org_code": f"X{at:03}", "forecast_outturn": amount / 100} for at, (_, amount) in enumerate(pence)]
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), forecasts, allocations, year=YEAR)
    answers = column(result, "revised_allocation")
    before = sum(Fraction(amount, 100) for amount, _ in pence)

    assert [float(f"{amount:.2f}") for amount in answers] == answers
    assert sum(Fraction(f"{amount:.2f}") for amount in answers) + int(result.national["unallocated"][0]) == before


# What is refused ---------------------------------------------------------------------------------------------


def without(rows, name):
    """Rows without a column."""
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def changed(rows, code, **values):
    """Rows with other values for one code."""
    return [{**row, **values} if row["org_code"] == code else row for row in rows]


REFUSED = {
    "several years": ({"allocations": [*ALLOCATIONS, {**ALLOCATIONS[0], "year": "2015/16"}]}, r"--year 2014/15"),
    "no year": ({"allocations": without(ALLOCATIONS, "year")}, r"no file has a year; give it with --year"),
    "another year": ({"year": "2016/17"}, r"--year 2016/17: the files have 2014/15"),
    "no such year": ({"year": "2014"}, r"--year 2014: is not a financial year"),
    "no forecast of D": ({"forecasts": FORECASTS[:3]}, r"allocations\.csv: row 5.*D\) is not in forecast\.csv"),
    "a forecast of an unknown code": (
        {"forecasts": [*FORECASTS, {"org_code": "E", "forecast_outturn": 1}]},
        r"forecast\.csv: row 6.*E is not in allocations\.csv",
    ),
    "a negative forecast": (
        {"forecasts": changed(FORECASTS, "A", forecast_outturn=-1)},
        r"forecast\.csv: row 2.*negative",
    ),
    "a forecast that is no number": (
        {"forecasts": changed(FORECASTS, "C", forecast_outturn="unknown")},
        r"forecast\.csv: row 4.*'unknown' is not a plain number",
    ),
    "no column of forecasts": (
        {"forecasts": without([dict(row, note=1) for row in FORECASTS], "forecast_outturn")},
        r"no column forecast_outturn .* or give a file that has it with --forecast FILE",
    ),
    "no allocation": (
        {"allocations": without(ALLOCATIONS, "allocation")},
        r"no column current_allocation .* or give a file that has it with --allocation FILE",
    ),
    "another word": (
        {"forecasts": changed([dict(row, may_receive="") for row in FORECASTS], "B", may_receive="maybe")},
        r"check may_receive is yes or no, 2014/15, B \(forecast\.csv row 3\)",
    ),
    "no reason": (
        {"adjustments": [adjustment("B", 1), adjustment("D", 1, reason="")]},
        r"check Every adjustment has a reason and an approver, 2014/15, D \(adjustments\.csv row 3\)",
    ),
    "no approver": (
        {"adjustments": [adjustment("B", 1, approver=" ")]},
        r"check Every adjustment has a reason and an approver, 2014/15, B \(adjustments\.csv row 2\)",
    ),
    "no column of approvers": (
        {"adjustments": without([adjustment("B", 1)], "approver")},
        r"check Every adjustment has a reason and an approver, 2014/15, B \(adjustments\.csv row 2\)",
    ),
    "no amount": (
        {"adjustments": [adjustment("B", ""), adjustment("D", 1)]},
        r"check Every reason and approver belongs to an adjustment, 2014/15, B \(adjustments\.csv row 2\)",
    ),
    "pence": (
        {"adjustments": [adjustment("B", 1.5)]},
        r"check Adjustments are in whole pounds, 2014/15, B \(adjustments\.csv row 2\)",
    ),
    "more than is left": (
        # 95,000 - 86,500 = 8,500.
        {"adjustments": [adjustment("A", -8_501)]},
        r"check Adjustments take no more .*A \(adjustments\.csv row 2\).*underspend = £95,000",
    ),
    "from one that overspends": (
        {"adjustments": [adjustment("D", -1)]},
        r"check Adjustments take no more .*D \(adjustments\.csv row 2\)",
    ),
    "more than the pot": (
        # 86,500 + 3,000 = 89,500.
        {"adjustments": [adjustment("B", 89_501)]},
        r"check Adjustments give no more than the pot holds.*89,501.*89,500",
    ),
    "an adjustment of an unknown code": (
        {"adjustments": [adjustment("E", 1)]},
        r"adjustments\.csv: row 2.*E is not in allocations\.csv",
    ),
    "two adjustments of one": (
        {"adjustments": [adjustment("B", 1), adjustment("B", 2)]},
        r"adjustments\.csv: row 3.*B is already in adjustments\.csv row 2",
    ),
    "an adjustment that is no number": (
        {"adjustments": [adjustment("B", "some")]},
        r"adjustments\.csv: row 2.*'some' is not a plain number",
    ),
    "need that is not there": (
        {"receive": ["unmet-need"]},
        r"need is given if unmet need gets .*, A and 3 more.*add the column transition_need to the allocations or the",
    ),
    "fair shares that are not there": (
        {"allocations": without(ALLOCATIONS, "fair_share"), "receive": ["everybody"]},
        r"check Fair share is given if everybody gets money, 2014/15, A and 3 more",
    ),
    "a table of its own": (
        {"allocations": [dict(row, revised_allocation=1) for row in ALLOCATIONS]},
        r"is a table of gpit reallocate .*revised_allocation",
    ),
    "an unknown receiver": ({"receive": ["pressure"]}, r"--receive pressure: .* did you mean pressures"),
    "two tolerances": ({"tolerance": "1%", "settings": {"tolerance": "2%"}}, r"--tolerance gives tolerance already"),
    "a tolerance above one": ({"tolerance": "200%"}, r"tolerance is 200%"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(case, tmp_path):
    """Each is an error with exit code 2 that names the file and row to correct."""
    options, message = case
    with pytest.raises(GpitError, match=message) as fault:
        run(tmp_path, **options)

    assert fault.value.exit_code == 2


def test_the_most_that_adjustments_may_do(tmp_path):
    """-8,500 takes all that is left of A's underspend, and 98,000 gives all of the pot: both limits are allowed."""
    result = run(tmp_path, adjustments=[adjustment("A", -8_500), adjustment("B", 98_000)])

    assert column(result, "revised_allocation") == [330_000, 573_000, 597_000, 800_000]
    assert result.national["unallocated"][0] == 0


@pytest.mark.parametrize(
    ("words_typed", "message"),
    [
        (["--letters", "letters.xlsx"], "--letters letters.xlsx: expected a name ending in"),
        (["--letters", "forecast.csv"], "--letters forecast.csv: is one of the inputs"),
        (["--letters", "a.csv", "-o", "a.csv"], "--letters a.csv: is already an output"),
        (["-o", "allocations.csv"], "-o allocations.csv: is one of the inputs"),
    ],
)
def test_files_that_are_not_written(words_typed, message, tmp_path):
    """Letters have two endings; no input is overwritten and no file is written twice."""
    files(tmp_path)
    with pytest.raises(GpitError, match=re.escape(message)):
        typed("gpit reallocate --allocation allocations.csv --forecast forecast.csv", *words_typed, folder=tmp_path)


def test_the_command_ends_with_2_and_one_line(tmp_path, monkeypatch, capsys):
    """An error on the command line: exit code 2, nothing on standard output, no traceback, no file."""
    folder = files(tmp_path, adjustments=[adjustment("B", 1, reason="")])
    options = [word for name, path in folder.items() for word in (f"--{name}", path.name)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["gpit", "reallocate", *options, "-o", "out.csv", "--letters", "letters.md"])
    with pytest.raises(SystemExit) as leaving:
        main()
    output = capsys.readouterr()

    assert leaving.value.code == 2
    assert output.out == ""
    assert output.err.startswith("gpit: error: reallocate.toml, check Every adjustment has a reason")
    assert output.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adjustments.csv", "allocations.csv", "forecast.csv"]


# Files of gpit, and its other verbs ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def after_allocate(tmp_path_factory):
    """A folder in which `gpit allocate` wrote two years of A to D, and `gpit reallocate` every kind of file of one."""
    folder = tmp_path_factory.mktemp("verbs")
    population, spend = (SAMPLES / f"abcd-{name}.csv" for name in ("population", "spend"))
    result = allocate(
        population=population, spend=spend, settings={"revenue_budget": 2_000_000, "transition_fund": 300_000}
    )
    from gpit_fairshare.results.writing import write_csv

    write_csv(result, folder / "out.csv")
    write_rows(folder / "forecast.csv", FORECASTS)
    write_rows(folder / "adjustments.csv", [adjustment("A", -8_000, "=HYPERLINK(1)", "@x")])
    code, message = typed(
        "gpit reallocate --allocation out.csv --forecast forecast.csv --adjustments adjustments.csv --year 2014/15 "
        "--tolerance 2% --recover 100% --receive pressures --receive unmet-need --receive everybody "
        "-o r.xlsx -o r.csv -o r.parquet -o r.json --manifest --letters letters.csv",
        folder=folder,
    )
    assert code == 0
    return folder, message


@pytest.fixture(scope="module")
def book(after_allocate):
    """The workbook of two years of A to D; its years have different allocations."""
    from gpit_fairshare.workbook.result_workbook import write_workbook

    population, spend = (SAMPLES / f"abcd-{name}.csv" for name in ("population", "spend"))
    settings = {"revenue_budget": 2_000_000, "revenue_budget@2015/16": 2_400_000, "transition_fund": 300_000}
    write_workbook(allocate(population=population, spend=spend, settings=settings), after_allocate[0] / "book.xlsx")
    return after_allocate[0] / "book.xlsx"


@pytest.mark.slow
def test_a_workbook_of_gpit_needs_its_year_alone(book):
    """The sheet of the year is read, named or not; without --year a named sheet decides the year."""
    forecast = book.parent / "forecast.csv"
    runs = [
        reallocate(allocation=f"{book}{sheet}", forecast=forecast, year=year, with_effects=False)
        for sheet, year in (("", "2014-15"), (":2014-15", "2014/15"), (":2014-15", None))
    ]

    assert [column(result, "current_allocation") for result in runs] == [[425_000, 475_000, 600_000, 800_000]] * 3
    assert [list(result.years) for result in runs] == [[YEAR]] * 3
    # 2,400,000 by 1, 2, 3 and 4 patients of 10; the year has no transition fund.
    later = reallocate(allocation=book, forecast=forecast, year="2015/16", with_effects=False)
    assert column(later, "fair_share") == [240_000, 480_000, 720_000, 960_000]


@pytest.mark.slow
def test_verify_finds_the_sheet_of_the_year(book):
    """A run that read a workbook without naming its sheet gives the same bytes again."""
    code, _ = typed(
        "gpit reallocate --allocation book.xlsx --forecast forecast.csv --year 2014/15 -o book-result.json",
        folder=book.parent,
    )

    assert code == 0
    assert verify(book.parent / "book-result.json").verified


@pytest.mark.parametrize(
    ("sheet", "year", "message"),
    [
        slow(":2015-16", YEAR, r"book\.xlsx:2015-16: this is the sheet of 2015/16, but --year is 2014/15"),
        ("", None, r"book\.xlsx has 2014/15 and 2015/16; choose one, such as --year 2014/15"),
        ("", "2016/17", r"the workbook has 2014/15 and 2015/16, but --year is 2016/17"),
        slow(":Allocations", YEAR, r"read from its sheet of a year, 2014-15 or .*book\.xlsx --year 2014/15"),
    ],
)
def test_a_sheet_of_another_year_is_refused(sheet, year, message, book):
    """Rows of a year's sheet have no year, so the sheet gives it; published figures are not a table of steps."""
    with pytest.raises(GpitError, match=message):
        reallocate(allocation=f"{book}{sheet}", forecast=book.parent / "forecast.csv", year=year)


def one_sheet(path, name, title, rows):
    """Write a workbook that is not from gpit: a title, and rows below it."""
    made = openpyxl.Workbook()
    made.active.title = name
    for row in ([title], [], list(rows[0]), *(list(row.values()) for row in rows)):
        made.active.append(row)
    made.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "title", "refused"),
    [
        ("2015-16", "Allocations", True),
        ("Sheet1", "CCG allocations 2015/16", True),
        ("Sheet1", "Allocations for 2014/15, on the spend of 2013/14", False),
        ("Sheet1", "Allocations of 5 May 2015", False),
    ],
)
def test_a_title_of_another_year_is_refused(name, title, refused, tmp_path):
    """If rows have no year, the name of the sheet or a title with only other years contradicts --year."""
    path = one_sheet(tmp_path / "own.xlsx", name, title, without(ALLOCATIONS, "year"))
    options = {"allocation": path, "forecast": files(tmp_path)["forecast"], "year": YEAR, "with_effects": False}
    if refused:
        with pytest.raises(GpitError, match=r"own\.xlsx: says '.*2015.16', but the year of the run is 2014/15"):
            reallocate(**options)
    else:
        assert column(reallocate(**options), "revised_allocation") == [338_500, 485_000, 597_000, 850_000]


def test_a_table_of_gpit_needs_no_mapping(after_allocate):
    """Allocations of £425,000, £475,000, £600,000, £800,000; 97,500 − 60,000 − 15,000 leave 22,500 by 4 to 8."""
    rows = {row["org_code"]: row for row in read_rows(after_allocate[0] / "r.csv")}

    assert [rows[code]["revised_allocation"] for code in "ABCD"] == ["330500", "507500", "597000", "865000"]


@pytest.mark.parametrize("name", [slow("r.xlsx"), "r.csv", slow("r.parquet"), slow("r.json")])
def test_verify_runs_it_again(name, after_allocate):
    """The manifest has the options, with year and headings: running it again gives the same bytes."""
    assert verify(after_allocate[0] / name).verified


def test_explain_and_compare_take_its_results(after_allocate, tmp_path):
    """B's £507,500 is explained from the file; with half of it recovered A keeps £43,250 more."""
    explained = explain(after_allocate[0] / "r.json", "B")
    compared = compare(run(tmp_path), run(tmp_path, recover="50%"))

    assert explained.years[0].answer == "£507,500"
    assert {change.code: change.change for change in compared.changes}["A"] == 43_250


def test_the_workbook_is_live(after_allocate):
    """The revised allocation is a formula, and a reason that looks like one is a text."""
    book = openpyxl.load_workbook(after_allocate[0] / "r.xlsx")
    cells = [cell for row in book["2014-15"].iter_rows() for cell in row]
    inputs = [cell for row in book["Other inputs"].iter_rows() for cell in row]

    assert sum(cell.data_type == "f" for cell in cells) > 4 * 20
    assert [cell.data_type for cell in inputs if cell.value == "=HYPERLINK(1)"] == ["s"]


def test_the_screen(after_allocate):
    """80 columns: where the pot comes from, who receives it, what is left, the largest changes and the checks."""
    screen = " ".join(after_allocate[1].split())

    assert max(map(len, after_allocate[1].splitlines())) <= 80
    for text in (
        "Recovered £89,500 2 CCGs",
        "Taken away by adjustment £8,000 1 CCG",
        "Total pot £97,500",
        "By adjustment £0 –",
        "For pressures £60,000 2 CCGs",
        "For unmet transition need £15,000 1 CCG",
        "To everyone by fair share £22,500 2 CCGs",
        "Unallocated £0",
        "Current allocations £2,300,000 Revised allocations + unallocated £2,300,000",
        "A Alder £425,000 -£94,500 £330,500",
        "All 14 checks pass.",
        "Written: r.xlsx, r.csv, r.csv.manifest.json, r.parquet, r.parquet.manifest.json, r.json, letters.csv",
    ):
        assert text in screen


# Letters and hostile names ---------------------------------------------------------------------------------------

HOSTILE = {
    "A": "=1+1|<b>x</b>",
    "B": "[bold]B[/bold] `code`",
    "C": "@SUM(A1) *x*",
    "D": "-2+3 | # D www.evil.com and @octocat $x^2$ http://e.com #1",
}


@pytest.fixture
def hostile(tmp_path):
    """A run whose names, reasons and approvers would have an effect if read as more than text."""
    rows = [dict(row, org_name=HOSTILE[row["org_code"]]) for row in ALLOCATIONS]
    return run(tmp_path, allocations=rows, adjustments=[adjustment("B", 10, "=cmd|' /C calc'!A0", "+44|x")])


def test_letters_as_csv_hold_no_formula(hostile, tmp_path):
    """No cell begins like a formula; after an apostrophe every text is whole; amounts are plain numbers."""
    write_letters(changes(hostile), tmp_path / "letters.csv", ".csv")
    with (tmp_path / "letters.csv").open(encoding="utf-8", newline="") as stream:
        heads, *rows = csv.reader(stream)
    by_code = {row[1]: dict(zip(heads, row, strict=True)) for row in rows}

    assert [by_code[code]["org_name"].removeprefix("'") for code in "ABCD"] == list(HOSTILE.values())
    assert by_code["B"]["reason"] == "'=cmd|' /C calc'!A0"
    assert by_code["A"]["change"] == "-86500"
    texts = [cell for row in by_code.values() for name, cell in row.items() if name != "change"]
    assert [cell for cell in texts if cell.startswith(("=", "+", "-", "@"))] == []


def test_letters_as_markdown_keep_their_table(hostile, tmp_path):
    """Each row has thirteen cells for any name, and no character of a name is markup or makes a link."""
    write_letters(changes(hostile), tmp_path / "letters.md", ".md")
    lines = (tmp_path / "letters.md").read_text(encoding="utf-8").splitlines()

    assert [len(re.split(r"(?<!\\)\|", line)) for line in lines] == [15] * 6
    assert "=1+1&#124;&#60;b&#62;x&#60;/b&#62;" in lines[2]
    assert r"\[bold\]B\[/bold\] &#96;code&#96;" in lines[3]
    # What GitHub would take for addresses, a name, a number of an issue and a formula.
    for text in ("www.evil.com", "@octocat", " $x", "http://", " #1"):
        assert text not in lines[5]


@pytest.mark.parametrize("basis", ["Illustrative", "audited"])
def test_letters_say_that_money_is_illustrative(basis, tmp_path):
    """If a file is marked illustrative, each row of the letters is too, and so is a line above them."""
    result = run(tmp_path, allocations=[dict(row, basis=basis) for row in ALLOCATIONS])
    for ending in (".csv", ".md"):
        write_letters(changes(result), tmp_path / f"letters{ending}", ending)
    bases = {row["basis"] for row in read_rows(tmp_path / "letters.csv")}
    above, _ = (tmp_path / "letters.md").read_text(encoding="utf-8").split("| year", 1)

    if basis == "audited":
        assert (bases, above) == ({""}, "")
    else:
        assert bases == {"allocations.csv: 4 of 4 rows are marked illustrative."}
        assert above.startswith("**Illustrative figures.** allocations.csv: 4 of 4 rows are marked")


def test_a_workbook_carries_the_illustrative_mark(tmp_path):
    """The sheet of a year is marked illustrative above its table, and so are results made from it."""
    title = "Working. Illustrative spend. One row per CCG, one column per step"
    path = one_sheet(tmp_path / "own.xlsx", "2014-15", title, without(ALLOCATIONS, "year"))
    forecast = files(tmp_path)["forecast"]
    result = reallocate(allocation=path, forecast=forecast, year=YEAR, with_effects=False)

    note = "own.xlsx:2014-15: a title above the table says that figures are illustrative."
    assert result.manifest["illustrative"] == [note]


def test_the_screen_takes_names_for_text(hostile):
    """Markup in a name is printed unchanged, in lines of 80 columns."""
    stream = io.StringIO()
    show(reallocation_document(hostile, changes(hostile)), Console(file=stream, width=80, markup=False))

    assert "[bold]B[/bold] `code`" in stream.getvalue()
    assert max(map(len, stream.getvalue().splitlines())) <= 80


def test_only_those_that_money_moves_for_get_a_letter(tmp_path):
    """C forecasts its allocation: no letter. B gets £8,000 by a manual adjustment and the others get nothing."""
    forecasts = changed(changed(FORECASTS, "C", forecast_outturn=600_000), "D", forecast_outturn=800_000)
    result = run(tmp_path, forecasts, adjustments=[adjustment("B", 8_000)], settings={"receive_pressures": 0})

    assert [(change.org_code, change.change) for change in changes(result)] == [("A", -86_500), ("B", 8_000)]


def test_nothing_to_move(tmp_path):
    """If every forecast equals the allocation, there are only headings and no changes, and the screen says so."""
    forecasts = [{"org_code": row["org_code"], "forecast_outturn": row["allocation"]} for row in ALLOCATIONS]
    result = run(tmp_path, forecasts, receive=["pressures", "everybody"])
    write_letters(changes(result), tmp_path / "letters.csv", ".csv")
    stream = io.StringIO()
    show(reallocation_document(result, changes(result)), Console(file=stream, width=80))

    assert changes(result) == []
    assert len((tmp_path / "letters.csv").read_text(encoding="utf-8").splitlines()) == 1
    assert "No allocation changes" in stream.getvalue()
