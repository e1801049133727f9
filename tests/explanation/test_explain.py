"""Every line that `gpit explain` prints is worked out again from what is printed, and comes to the same."""

from __future__ import annotations

import io
import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import books
import hard_schemes as schemes
from by_hand import Reader, recomputed, unwrapped, worked
from gpit_fairshare import UsageError, allocate, explain
from gpit_fairshare.explanation.digits import Digits
from gpit_fairshare.explanation.drafts import Drafts, UnformattedLine
from gpit_fairshare.language import with_numbers
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.language.tree import to_text
from gpit_fairshare.reports.explanation import explanation_document
from gpit_fairshare.reports.screen import show
from gpit_fairshare.results import manifest_name, writing
from gpit_fairshare.workbook.result_workbook import write_workbook
from random_formulas import COLUMNS, UNDEFINED, Generator, agrees, expected, in_a_frame
from running import ROOT, SAMPLES, gpit, population_file, words, write_rows
from small_schemes import TWO, scheme
from tiers import fast_but, slow

FOUR = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
FUNDS = {"revenue_budget": 2_000_000, "transition_fund": 300_000}
PENNY = Fraction(1, 200)


def printed(explanation, width=80, encoding="utf-8"):
    """An explanation as it is printed."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n", write_through=True)
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    show(explanation_document(explanation), console)
    return raw.getvalue().decode(encoding)


def again(result, code, what=None, **options):
    """Work out every printed line of an organisation; the answers are those of the run. How many lines there were."""
    answers, count = recomputed(printed(explain(what or result, code, **options)), result.scheme.years[0])
    rows = result.rows.filter(pl.col("org_code") == code)
    for year, allocation in rows.select("year", result.scheme.result).iter_rows():
        if year in answers:
            assert abs(answers[year] - Fraction(allocation)) < PENNY, (code, year)
    assert answers
    return count


def codes_of(result):
    """Every code of a run."""
    return sorted(set(result.rows["org_code"].to_list()))


@pytest.fixture(scope="module")
def england():
    """The England sample."""
    return allocate(sample=True)


@pytest.fixture(scope="module")
def four():
    """A, B, C and D, with £2,000,000 and a fund of £300,000."""
    return allocate(**FOUR, settings=FUNDS)


# Every line can be worked out again ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("transition", ["above-average-cost", "cost-above-funding"])
def test_all_of_england_is_worked_out_again(england, transition):
    """All 211 CCGs in both years: 11 lines a year and 4 checks, or 9 and 4, to the allocation of the run."""
    result = england if transition == "above-average-cost" else allocate(sample=True, transition=transition)
    counts = {again(result, code) for code in codes_of(result)}

    assert len(codes_of(result)) == 211
    assert counts == ({2 * (11 + 2 + 4)} if transition == "above-average-cost" else {2 * (9 + 2 + 4)})


@pytest.mark.parametrize("make", [books.odd_run, books.merger_run, books.bare_run, *schemes.HARD[:5]])
def test_schemes_that_ask_much_are_worked_out_again(tmp_path, make):
    """Floors and ceilings, groups in groups, blanks, pence and hundreds, mergers, names that mean something."""
    result = make(tmp_path)

    assert all(again(result, code) for code in codes_of(result))


@pytest.mark.parametrize("make", fast_but(["nobody_there"], schemes.HARD[6:]))
def test_more_schemes_are_worked_out_again(tmp_path, make):
    """One organisation, three years, nobody there, below nil, forty columns, nothing to share."""
    result = make(tmp_path)

    assert all(again(result, code) for code in codes_of(result)[:9])


@pytest.mark.slow
def test_a_merged_england_is_worked_out_again(tmp_path):
    """On the boundaries of 2020/21 lines of spend of several CCGs make one; a few of the 135 of them."""
    result = schemes.merged_at_a_day(tmp_path)

    assert all(again(result, code) for code in codes_of(result)[::15])


LOGIC = """
    double = registered_population * 2 # people
    share = share_out(pot, by=registered_population) # £
    small = registered_population < 250 or tier == 'Capital & \\"a  b\\"'
    chosen = small and not where(given(extra), extra >= 2.5, 1 > 2)
    part = where(chosen, share * 7 / 3, -share / 3 - (-5)) # £
    least = min(part, 400, abs(part)) # £
    nearest = round(part, -1) + clip(part, 0, 100) # £
    before = previous(allocation, first=historic_spend) # £
    was = previous(chosen, first=small)
    count_small = count(small)
    unrounded = where(was, least, nearest) - 0.5 * before + count_small * pot / 1000 # £
    rate = unrounded / registered_population # £ per head
    allocation = rounded(unrounded) # £
    percent = allocation / before # %
"""
TIERS = '[inputs.tier]\nlabel = "Tier"\ntype = "text"\n[inputs.extra]\nlabel = "Extra"\noptional = true\n'


@pytest.fixture
def logic(tmp_path):
    """Conditions of every sort, texts with two blanks, percentages, negative values, two years."""
    steps = LOGIC.replace('\\"', "~")
    tiers = ("Capital & ~a  b~", "capital", "North", "Capital & ~a  b~", "x")
    rows = [
        {**row, "tier": tier, "extra": extra}
        for row, tier, extra in zip(schemes.PEOPLE, tiers, ("", 2.5, 7, 1, ""), strict=True)
    ]
    return allocate(
        population=write_rows(tmp_path / "p.csv", rows),
        spend=write_rows(tmp_path / "s.csv", schemes.SPEND),
        scheme=scheme(tmp_path, steps, years=TWO, extra=TIERS),
    )


def test_conditions_texts_and_negative_values_are_worked_out_again(logic):
    """and, or, not, given, texts, min, clip, round, a value below nil in brackets, last year's yes/no."""
    for code in codes_of(logic):
        again(logic, code)
    text = printed(explain(logic, "A"))

    assert "'Capital & ~a  b~'" in text
    assert "is given: failed" in text
    assert re.search(r"/ \(-£[0-9]", text)


def test_lines_of_the_worked_example(four):
    """A of 2014/15 by hand: £200,000 of £2,000,000 by people, need of £300,000, half to three quarters of the fund.

    A costs £5.00 a head, the average is £2.27; A needs 500,000 - 200,000 = 300,000 and B 100,000 of the 300,000
    there are, so each gets three quarters: A £225,000, and £425,000 in all.
    """
    lines = {line.name: line for line in explain(four, "A", year="2014/15").lines}

    assert lines["unrounded_fair_share"].numbers == "£2,000,000 * 100,000 / 1,000,000"
    assert lines["cost_per_head"].result == "£5 per head"
    assert lines["average_cost_per_head"].result == "£2.27 per head"
    assert [str(test) for test in lines["above_average"].tests] == [
        "historic cost per head £5 > national average cost per head £2.27: passed"
    ]
    assert lines["transition_need"].numbers == "where(yes, 100% * max(0, £500,000 - £200,000), 0)"
    assert lines["factor(unrounded_transition_support)"].result == "0.75"
    assert lines["unrounded_transition_support"].arithmetic == (
        "min(factor(unrounded_transition_support) * transition_need, transition_need)"
    )
    assert lines["unrounded_transition_support"].numbers == "min(0.75 * £300,000, £300,000)"
    assert lines["allocation"].numbers == "£200,000 + £225,000"
    assert lines["allocation"].result == "£425,000"
    assert lines["allocation"].share == "£425,000 / £2,300,000 = 18.4782608696%"


def test_figures_say_over_how_many_they_are_taken(four, tmp_path):
    """A national figure says so; one of a group names the group and counts who is in it."""
    national = {line.name: line for line in explain(four, "A").lines}["total(historic_spend)"]
    assert (national.label, national.of) == ("total of historic spend over 4 CCGs", "nation")

    grouped = {line.name: line for line in explain(schemes.groups_of_groups(tmp_path), "P1").lines}
    larges = grouped["count(large, within=ccg)"]
    assert larges.label.startswith("number with large, of 2 CCGs of ccg")
    assert grouped["total(ccg_people, within=region)"].label == (
        "total of ccg_people over 2 groups by ccg of region North"
    )


def test_equal_remainders_say_whose_place_decides(tmp_path):
    """Of £10 for three equal practices each has 3 1/3: the one left over goes to the first by code, A."""
    people = population_file(tmp_path, dict.fromkeys("ABC", 7))
    result = allocate(population=people, scheme=scheme(tmp_path, schemes.SPREAD, pot=10))
    said = {code: [str(test) for test in explain(result, code).lines[-1].tests] for code in "ABC"}

    assert said["A"] == [
        "remainder 0.333333 > 0.333333: failed",
        "place 1 by code among the 3 with remainder 0.333333 <= 1: passed",
    ]
    assert said["C"][1] == "place 3 by code among the 3 with remainder 0.333333 <= 1: failed"
    assert [explain(result, code).years[0].answer for code in "ABC"] == ["£4", "£3", "£3"]


def test_enough_for_everybody_is_said(four):
    """In 2015/16 half of the need, £150,000 and £50,000, is less than the fund: £100,000 is unspent."""
    lines = {line.name: line for line in explain(four, "A", year="2015/16").lines}

    assert lines["unspent(unrounded_transition_support)"].result == "£100,000"
    assert (
        "£300,000 shared out over 4 CCGs: £200,000 spent, £100,000 unspent"
        in lines["unspent(unrounded_transition_support)"].origin
    )
    assert lines["unrounded_transition_support"].numbers == "£150,000"
    assert "everybody gets at most transition_need" in lines["unrounded_transition_support"].notes[0]


def test_the_year_before_is_a_sum_over_a_merger(tmp_path):
    """13T has £100, £200 and £300 of 00F, 00G and 00H; in the first year `previous` is its `first`."""
    result = books.merger_run(tmp_path)
    lines = {line.name: line for line in explain(result, "13T").lines}
    first = {line.name: line for line in explain(result, "00F").lines}

    assert lines["previous(allocation)"].numbers == "£100 + £200 + £300"
    assert lines["previous(allocation)"].result == "£600"
    assert first["before"].numbers == "0"
    assert first["before"].notes == ("first year: previous(allocation) is 0",)


def test_a_comparison_that_few_digits_hide_gets_more(tmp_path):
    """1/3 and 1/3 + 1e-11 differ in the twelfth digit at most; what is printed shows that one is above."""
    steps = """
        third = registered_population / 3
        more = registered_population / 3 + 0.000000000005
        above = more > third
        allocation = where(above, pot, 0)
    """
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 2}), scheme=scheme(tmp_path, steps))
    lines = {line.name: line for line in explain(result, "A").lines}
    left, right = lines["above"].numbers.split(" > ")

    assert lines["above"].value is True
    assert Fraction(left) - Fraction(right) > Fraction(1, 10**12)
    assert (lines["more"].result, lines["third"].result) == (f"{left} people", f"{right} people")
    again(result, "A")


def test_a_side_of_a_test_is_what_the_printed_numbers_give(tmp_path):
    """By hand 4,000,000.55 - 4,000,000 is 0.55; in floating point it is 0.549999999814."""
    steps = """
        spent = pot * registered_population / registered_population + 0.55 # £
        over = abs(spent - pot) <= 3
        allocation = where(over, spent, 0) # £
    """
    result = allocate(
        population=population_file(tmp_path, {"A": 1, "B": 2}), scheme=scheme(tmp_path, steps, pot=4_000_000)
    )
    (test,) = next(line.tests for line in explain(result, "A").lines if line.name == "over")

    assert str(test) == "abs(spent - pot) = £0.55 <= 3: passed"
    again(result, "A")


# Formulas at random ----------------------------------------------------------------------------------------------


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_numbers_put_in_give_the_value(choose, yes_no, first_year):
    """Any formula over zeros, blanks, ties, texts and numbers of many digits: its numbers give its value again."""
    generator = Generator(choose)
    tree = generator.yes_no(3) if yes_no else generator.number(3)
    row = generator.row()
    for name in ("a", "b", "total(a)", "previous(a)"):
        if choose.random() < 0.5:
            row[name] = choose.uniform(-1, 1) * 10 ** choose.randint(-6, 12)
    ((value, defined),) = in_a_frame(tree, [row], first_year=first_year)
    exact = expected(tree, row | {"first year": first_year})
    if exact is None or exact is UNDEFINED or not defined:
        return
    units = {"a": "£", "b": "%", "c": "people", "total(a)": "£", "previous(a)": "£"}
    year = Drafts("2014/15", first_year, {name: row[name] for name in (*COLUMNS, "region", "flag")}, {"region"}, units)
    year.add(UnformattedLine("step", "answer", "Answer", "A", None, value, formula=to_text(tree), tree=tree))
    numbers = with_numbers.render(tree, Digits([year]).texts(year, tree), first_year=first_year)
    found = worked(Reader(numbers).whole())

    assert agrees(value, exact)
    if isinstance(value, bool):
        assert found is value, numbers
    else:
        assert abs(found - exact.value) <= exact.error + abs(exact.value) * Fraction(1, 10**11), numbers


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (294_000.0, "£", "£294,000"),
        (-450.5, "£", "-£450.50"),
        (2.47, "£ per head", "£2.47"),
        (1 / 3, "£", "£0.333333333333"),
        (2 / 3, None, "0.666666666667"),
        (0.5, "%", "50%"),
        (1 / 3, "%", "33.3333333333%"),
        (106_613.0, "people", "106,613"),
        (12_345_678_901_234.0, "£", "£12,345,678,901,234"),
        (12_345_678_901.256, "£", "£12,345,678,901.26"),
        (-0.0, None, "0"),
        (1e22, None, "1e+22"),
        (2.5e-12, None, "2.5e-12"),
        (True, "yes/no", "yes"),
        (None, "£", "blank"),
        ("O'Neill", None, '"O\'Neill"'),
    ],
)
def test_values_are_written_for_people(value, unit, text):
    """12 digits and no more, whole pounds whole, pence in pairs, thousands parted; and each can be read back."""
    assert with_numbers.value_text(value, unit) == text
    read = with_numbers.read(text)
    assert read == value or abs(float(read) - value) <= abs(value) * 1e-11


@pytest.mark.parametrize(
    ("formula", "numbers"),
    [
        ("max(0, a - b)", "max(0, 1,234 - (-£5))"),
        ("-b * 2", "-(-£5) * 2"),
        ("b * 2 - 1000000", "-£5 * 2 - 1,000,000"),
        ("where(flag and given(o), a, b)", "where(yes and given(blank), 1,234, -£5)"),
        ("(a + b) / (a - 1)", "(1,234 + -£5) / (1,234 - 1)".replace("+ -£5", "+ (-£5)")),
        ("region == 'x y'", "\"O'Neill\" == 'x y'"),
        ("previous(a, first=b) - 1", "-£5 - 1"),
        ("round(a, -2)", "round(1,234, -2)"),
    ],
)
def test_numbers_stand_in_the_language_of_the_formula(formula, numbers):
    """Operators and functions stay; a negative value behind an operator is in brackets."""
    texts = {"a": "1,234", "b": "-£5", "flag": "yes", "o": "blank", "region": '"O\'Neill"'}

    assert with_numbers.render(parse(formula), texts, first_year=True) == numbers


# Result files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(england, tmp_path_factory):
    """The England sample as result files of every kind."""
    folder = tmp_path_factory.mktemp("files")
    writing.write_json(england, folder / "out.json")
    write_workbook(england, folder / "out.xlsx")
    for name, write in (("out.csv", writing.write_csv), ("out.parquet", writing.write_parquet)):
        write(england, folder / name)
        writing.write_manifest(england, export_path(folder, name), folder / name, name)
    return folder


def export_path(folder, name):
    """Where the manifest of a table stands."""
    return folder / manifest_name(folder / name)


@pytest.mark.parametrize("name", ["out.json", slow("out.xlsx"), slow("out.csv"), slow("out.parquet")])
def test_result_files_explain_as_the_run(england, files, name):
    """A file says what the run says, line by line, but for where it was read from."""
    for code in ("00C", "05F", "99M"):
        record, run = explain(files / name, code), explain(england, code)
        again(england, code, what=files / name)

        assert [(one.number, one.numbers, one.result) for one in record.lines] == [
            (one.number, one.numbers, one.result) for one in run.lines
        ]
        assert record.lines[0].origin == run.lines[0].origin
        assert record.sound
        assert f"Worked out again from {name}." in printed(record)


@pytest.mark.slow
def test_an_allocation_typed_over_is_said(files, tmp_path):
    """A thousand pounds more in the file of 00C than its rule gives is said at the top, and ends with 1."""
    document = json.loads((files / "out.json").read_text(encoding="utf-8"))
    row = next(one for one in document["rows"] if one["org_code"] == "00C")
    row["allocation"] += 1_000
    (tmp_path / "typed.json").write_text(json.dumps(document), encoding="utf-8")
    ran = gpit("explain", "00C", "--result", "typed.json", folder=tmp_path)
    other = gpit("explain", "00D", "--result", "typed.json", folder=tmp_path)

    assert ran.returncode == other.returncode == 1
    assert (
        "Not what its rule gives: 00C 2014/15 Allocation (allocation): the file says £264,549, its rule gives £263,549."
        in words(ran.stdout)[:600]
    )
    assert "Not what its rule gives, for others: 00C 2014/15 Allocation (allocation):" in words(other.stdout)[:600]


@pytest.mark.slow
def test_a_cell_typed_over_is_said(files, tmp_path):
    """The same in a workbook; a table that is not the one of its manifest is refused."""
    # As a program leaves it that keeps values alone: what was typed over stands there with all the rest.
    values = openpyxl.load_workbook(files / "out.xlsx", data_only=True)
    sheet = values["2014-15"]
    column = next(cell.column for cell in sheet[4] if str(cell.value).startswith("Allocation ("))
    sheet.cell(5, column).value = 1
    values.save(tmp_path / "typed.xlsx")
    found = explain(tmp_path / "typed.xlsx", "00C")
    assert [str(one) for one in found.differences] == [
        "00C 2014/15 Allocation (allocation): the file says £1, its rule gives £263,549"
    ]

    text = (files / "out.csv").read_text(encoding="utf-8")
    shutil.copy(export_path(files, "out.csv"), tmp_path)
    (tmp_path / "out.csv").write_text(text.replace(",263549\n", ",263548\n", 1), encoding="utf-8")
    with pytest.raises(UsageError, match="gpit verify says what differs"):
        explain(tmp_path / "out.csv", "00C")


@pytest.mark.slow
def test_a_parameter_changed_in_the_workbook_is_not_said_to_be_set_for_the_run(files, tmp_path):
    """Whoever typed 70,000,000 over a budget changed the workbook: no run was ever set so."""
    values = openpyxl.load_workbook(files / "out.xlsx", data_only=True)
    cell = next(row[3] for row in values["Parameters"].iter_rows(min_row=5) if row[1].value == "revenue_budget")
    cell.value = 70_000_000
    values.save(tmp_path / "changed.xlsx")
    found = explain(tmp_path / "changed.xlsx", "00C", year="2014/15")

    assert found.settings == ()
    assert [one.partition(" (revenue_budget) ")[2] for one in found.changed] == ["2014/15: £70,000,000"]
    assert "Changed in the workbook since the run" in printed(found)
    assert "Set for this run" not in printed(found)
    assert "## Changed in the workbook since the run\n" in found.markdown()


@pytest.mark.slow
def test_rows_alone_cannot_be_explained(england, tmp_path):
    """A table without its manifest says nothing of the rule: exit code 2, and what to give instead."""
    writing.write_csv(england, tmp_path / "alone.csv")
    ran = gpit("explain", "00C", "--result", "alone.csv", folder=tmp_path)

    assert ran.returncode == 2
    assert ran.stdout == b""
    assert "alone.csv: has rows, but not the rule that gives them" in words(ran.stderr)


# Which organisation, year and step -------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["00C", "00c", "Darlington", "dARLINGTON", " Darlington "])
def test_an_organisation_is_found_by_code_and_by_name(england, wanted):
    """Capitals and blanks make no difference to a code or a name."""
    assert explain(england, wanted).code == "00C"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("00ZZ", "there is no CCG 00ZZ; did you mean"),
        ("Darlingtn", "00C (Darlington)"),
        ("Newcastle", "00G (Newcastle North and East), 00H (Newcastle West)"),
        ("13T", "there is no CCG 13T"),
        ("qqqqqqqqqqq", "there is no CCG qqqqqqqqqqq"),
    ],
)
def test_an_unknown_organisation_gets_its_nearest(england, wanted, said):
    """Codes and names that are near are named."""
    with pytest.raises(UsageError) as caught:
        explain(england, wanted)

    assert any(one in str(caught.value) for one in said.split("|")), str(caught.value)


def test_names_that_several_have_are_listed(tmp_path):
    """Two practices called The Surgery: their codes are given to choose from."""
    rows = [{"org_code": code, "org_name": "The Surgery", "registered_population": 5} for code in ("P1", "P2")]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, schemes.SPREAD))
    with pytest.raises(UsageError, match=r"the surgery may be P1 or P2; give the code"):
        explain(result, "the surgery")


def test_a_name_that_thousands_have_lists_twelve_codes(tmp_path):
    """Of 40 practices of one name 12 are given, and 28 counted."""
    codes = [f"P{number:02}" for number in range(40)]
    rows = [{"org_code": code, "org_name": "The Surgery", "registered_population": 5} for code in codes]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, schemes.SPREAD))
    with pytest.raises(UsageError, match=r"may be P00, P01, .*, P11 or 28 more; give the code"):
        explain(result, "The Surgery")


def test_an_organisation_of_one_year_says_what_became_of_it(tmp_path):
    """00F went into 13T on 1 April 2015: its years are explained, and the other year is refused with why."""
    result = books.merger_run(tmp_path)
    said = "00F is not there in 2015/16: 00F, 00G and 00H became 13T on 1 April 2015"

    assert explain(result, "00F").became == (said,)
    assert [year.year for year in explain(result, "00F").years] == ["2014/15"]
    assert explain(result, "13T").became == (
        "13T is not there in 2014/15: 00F, 00G and 00H became 13T on 1 April 2015",
    )
    with pytest.raises(UsageError, match=rf"--year 2015/16: 00F is there in 2014/15 only; {said}"):
        explain(result, "00F", year="2015-16")


def test_a_step_brings_what_it_rests_on_and_nothing_else(four):
    """The average cost per head rests on the totals of spend and people, not on fair shares or the fund."""
    found = explain(four, "B", step="average_cost_per_head", year="2014/15")

    assert [line.name for line in found.lines] == [
        "registered_population",
        "historic_spend",
        "total(historic_spend)",
        "total(registered_population)",
        "average_cost_per_head",
    ]
    assert recomputed(printed(explain(four, "B", step="transition_need")), "2014/15")[1] == 2 * 8
    assert found.years[0].answer_line is None


def test_a_step_rests_on_the_year_before(tmp_path):
    """What `previous` takes is explained in its own year, and not in the last, where nothing rests on it."""
    result = books.odd_run(tmp_path)
    found = explain(result, "P1", step="floor")
    names = {year.year: [line.name for line in year.lines] for year in found.years}

    assert names["2015/16"] == ["floor_growth", "previous(allocation)", "baseline", "floor"]
    assert {"allocation", "unrounded", "region_money", "baseline", "floor"} <= set(names["2014/15"])
    assert again(result, "P1", step="floor")


def test_unknown_years_and_steps_are_refused_with_those_there_are(four):
    """The years of the scheme and its steps are listed, and the nearest step is named."""
    with pytest.raises(UsageError, match=r"--year 2016/17: the scheme has the years 2014/15, 2015/16"):
        explain(four, "A", year="2016/17")
    with pytest.raises(
        UsageError, match=r"--step fair_shar: there is no such step; did you mean fair_share .*; there are"
    ):
        explain(four, "A", step="fair_shar")


# On paper --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [slow(56), 80, slow(100), slow(200)])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_it_fits_every_console(logic, encoding, width):
    """No line is wider than the console or 100 columns; what was wrapped can be put together and worked out."""
    text = printed(explain(logic, "B"), width, encoding)

    assert max(cell_len(line) for line in text.splitlines()) <= min(width, 100)
    assert recomputed(text, "2014/15")[1] == recomputed(printed(explain(logic, "B")), "2014/15")[1]


def test_wrapping_is_undone_by_its_rule(tmp_path):
    """What is printed in 56 columns is, put together, what is printed in 100; a long word ends in backslashes."""
    result = books.odd_run(tmp_path)
    narrow, wide = (unwrapped(printed(explain(result, "P2"), width)) for width in (56, 100))
    start = narrow.index("2014/15")

    assert [one for one in narrow[start:] if "─" not in one] == [
        one for one in wide[wide.index("2014/15") :] if "─" not in one
    ]
    rows = [{"org_code": "A", "registered_population": 1, "tier": "x" * 300 + "  y\\ z"}]
    extra = '[inputs.tier]\nlabel = "Tier"\ntype = "text"\n'
    steps = "allocation = where(tier == 'x', 1, 2) * registered_population"
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps, extra=extra))
    text = printed(explain(result, "A"))
    assert "\\\n" in text
    assert any(repr("x" * 300 + "  y\\ z") in line for line in unwrapped(text))
    again(result, "A")


def test_hostile_texts_stay_texts(tmp_path):
    """A name with markup, control characters and an escape sequence neither moves the cursor nor ends a table."""
    people = population_file(tmp_path, {"A": 3})
    plain = explain(allocate(population=people, scheme=scheme(tmp_path, schemes.SPREAD)), "A")
    hostile = replace(plain, name="[red]x[/] \x1b[31m\n\u202e| `a` <b>")
    text, document = printed(hostile), hostile.markdown()

    assert not set("\x1b\u202e") & set(text + document)
    assert "[red]x[/]" in text
    assert r"&#124; &#96;a&#96; &#60;b&#62;" in document.splitlines()[0]


def test_markdown_has_every_line(four):
    """Every line is under its number, its formula and numbers as code."""
    found = explain(four, "A")
    text = found.markdown()

    assert text.startswith("# Alder (A): Allocation, line by line\n")
    for line in found.lines:
        assert f"\n**{line.number}. " in text, line
        assert not line.numbers or f"`{line.numbers}`" in text
    assert "* answer: £425,000\n" in text


def test_markdown_says_at_its_head_what_the_screen_says(files, tmp_path):
    """The file, the scheme's name, the step that was asked for, and that a check does not hold."""
    text = '[[checks]]\nname = "Small"\nformula = "registered_population < 2"\n'
    path = scheme(tmp_path, schemes.SPREAD)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    failing = explain(allocate(population=population_file(tmp_path, {"A": 1, "B": 2}), scheme=path), "A").markdown()
    stored = explain(files / "out.json", "00C", step="fair_share").markdown()

    assert "**A check does not hold in this run: see the checks of each year.**\n" in failing
    assert "does not hold" not in stored
    assert "Worked out again from out.json.\n\nOnly `fair_share` and what it rests on.\n" in stored
    assert " (gpit-2014-16). " in stored.split("\n")[2]


def test_the_document_has_full_figures(england):
    """Values stand in full precision, tests with both sides, and each line says which lines it uses."""
    found = explain(england, "00C").document()
    lines = {line["name"]: line for line in found["years"][0]["lines"]}
    numbers = {line["number"]: line["name"] for line in found["years"][0]["lines"]}
    row = england.year("2014/15").row(0, named=True)

    assert found["schema"] == "gpit-explanation/1"
    assert all(lines[name]["value"] == row[name] for name in row if name in lines)
    assert [numbers[one] for one in lines["allocation"]["uses"]] == ["fair_share", "transition_support"]
    assert lines["above_average"]["tests"][0]["passed"] is False
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_illustrative_spend_and_settings_are_marked(england):
    """The banner stands on top, the line of spend is marked, a parameter set for the run says so."""
    found = explain(allocate(**FOUR, settings={**FUNDS, "transition_fund@2015/16": "1/3"}), "A")
    lines = [line for line in found.lines if line.name == "transition_fund"]

    assert "Illustrative spend" in printed(explain(england, "00C"))
    assert explain(england, "00C").lines[1].origin.endswith("; illustrative")
    assert lines[0].origin == "set for this run, not in the scheme"
    assert lines[1].origin == "set for this run, not in the scheme; written 1/3"
    assert "Set for this run, not in the scheme" in printed(found)


# The command ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_prints_what_can_be_worked_out(england, files):
    """As a process, piped, by run and by file; bytes are the same for the same input."""
    ran = gpit("explain", "05f", "--sample", folder=files)
    twice = gpit("explain", "05F", "--sample", folder=files)
    filed = gpit("explain", "05F", "--result", "out.xlsx", folder=files)

    assert ran.returncode == filed.returncode == 0
    assert ran.stdout == twice.stdout
    assert ran.stderr == b""
    for one in (ran, filed):
        answers, _ = recomputed(one.stdout.decode(), "2014/15")
        rows = england.rows.filter(pl.col("org_code") == "05F")
        assert answers == dict(rows.select("year", "allocation").iter_rows())


@pytest.mark.slow
def test_the_command_in_other_forms(files):
    """--json prints one document, --format markdown another; both in UTF-8 whatever the console."""
    env = {"PYTHONIOENCODING": "ascii"}
    as_json = gpit("explain", "00C", "--sample", "--json", "--year", "2014/15", folder=files, env=env)
    document = json.loads(as_json.stdout)
    markdown = gpit("explain", "00C", "--result", "out.json", "--format", "markdown", folder=files, env=env)
    plain = gpit("explain", "00C", "--result", "out.json", folder=files, env=env)

    assert [year["year"] for year in document["years"]] == ["2014/15"]
    assert markdown.stdout.decode("utf-8").startswith("# Darlington (00C): Allocation, line by line")
    assert "GBP 263,549" in plain.stdout.decode("ascii")
    assert recomputed(plain.stdout.decode("ascii"), "2014/15")[1] == 34


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["00C", "--result", "out.json", "--sample"],
            "--result out.json has its own inputs and scheme; leave",
        ),
        (["00C", "--result", "out.json", "--set", "a=1", "--max-size", "5"], "leave out --set, --max-size"),
        (["00C"], "nothing to explain; give --result FILE"),
        (["00C", "--sample", "--format", "markdwn"], "expected text or markdown; did you mean markdown?"),
        slow(["00C", "--result", "nowhere.json"], "nowhere.json: cannot be read"),
        slow(["ZZZ", "--sample"], "there is no CCG ZZZ"),
        slow(["00C", "--sample", "--step", "nope"], "--step nope: there is no such step"),
        slow(["00C", "--sample", "--year", "1999/00"], "--year 1999/00: the scheme has the years"),
    ],
)
def test_what_cannot_be_is_refused(files, arguments, said):
    """Exit code 2, one line on standard error, nothing on standard output."""
    ran = gpit("explain", *arguments, folder=files)

    assert ran.returncode == 2
    assert ran.stdout == b""
    assert said in words(ran.stderr)
    assert "Traceback" not in ran.stderr.decode()


def test_errors_come_in_json_where_that_was_asked_for(tmp_path):
    """One document in place of the explanation; two forms at once are one too many."""
    ran = gpit("explain", "00C", "--sample", "--format", "markdown", "--json", folder=tmp_path)

    assert ran.returncode == 2
    assert json.loads(ran.stdout)["error"] == "--json and --format markdown: give only one of them"


@pytest.mark.slow
def test_a_check_that_fails_ends_with_1(tmp_path):
    """A check that B fails: 1 for everybody, failed on B's page, and on A's it fails for one CCG."""
    text = '[[checks]]\nname = "Small"\nformula = "registered_population < 2"\n'
    path = scheme(tmp_path, schemes.SPREAD)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    population_file(tmp_path, {"A": 1, "B": 2})
    ran = {
        code: gpit("explain", code, "--population", "population.csv", "--scheme", path.name, folder=tmp_path)
        for code in "AB"
    }

    assert [one.returncode for one in ran.values()] == [1, 1]
    assert "it fails for 1 CCG" in words(ran["A"].stdout)
    assert "registered population 2 < 2: failed result failed" in words(ran["B"].stdout)
    assert recomputed(ran["B"].stdout.decode(), "2014/15")[1] == 4


# The document ------------------------------------------------------------------------------------------------------

GUIDE = ROOT / "docs" / "explain.md"


def test_the_example_of_the_guide_is_what_is_printed():
    """The block of docs/explain.md is what its command prints, and can be worked out again."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.search(r"```\n(gpit explain .*?)\n```\n.*?```text\n(.*?)```", text, re.DOTALL)
    assert found
    ran = gpit(*found[1].split()[1:], folder=ROOT)

    assert ran.returncode == 0
    assert found[2] == ran.stdout.decode()
    assert recomputed(found[2], "2014/15")[1] == 11
