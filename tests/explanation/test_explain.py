"""`gpit explain`: every line that it prints gives its value when calculated again from the printed text."""

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
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import books
import hard_schemes as schemes
from by_hand import Reader, recomputed, unwrapped, worked
from gpit_fairshare import UsageError, allocate, explain
from gpit_fairshare.explanation.digits import Digits
from gpit_fairshare.explanation.unformatted_lines import Drafts, UnformattedLine
from gpit_fairshare.language import with_numbers
from gpit_fairshare.language.parsing import parse
from gpit_fairshare.language.tree import to_text
from gpit_fairshare.magnitude import is_in_bounds
from gpit_fairshare.reports.explanation import explanation_document
from gpit_fairshare.reports.screen import show
from gpit_fairshare.results import manifest_name, writing
from gpit_fairshare.workbook.result_workbook import write_workbook
from random_formulas import COLUMNS, UNDEFINED, Generator, agrees, expected, in_a_frame
from running import ROOT, SAMPLES, gpit, population_file, spend_file, words, write_rows
from small_schemes import TWO, scheme
from tiers import fast_but, slow

FOUR = {"population": SAMPLES / "abcd-population.csv", "spend": SAMPLES / "abcd-spend.csv"}
FUNDS = {"revenue_budget": 2_000_000, "transition_fund": 300_000}
PENNY = Fraction(1, 200)


def printed(explanation, width=80, encoding="utf-8"):
    """Return an explanation as it is printed."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n", write_through=True)
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    show(explanation_document(explanation, lines=True), console)
    return raw.getvalue().decode(encoding)


def again(result, code, source=None, **options):
    """Calculate every printed line of an organisation, compare the answers with the run, and return the line count."""
    answers, count = recomputed(printed(explain(source or result, code, **options)), result.scheme.years[0])
    rows = result.rows.filter(pl.col("org_code") == code)
    for year, allocation in rows.select("year", result.scheme.result).iter_rows():
        if year in answers:
            assert abs(answers[year] - Fraction(allocation)) < PENNY, (code, year)
    assert answers
    return count


def codes_of(result):
    """Return every code of a run."""
    return sorted(set(result.rows["org_code"].to_list()))


@pytest.fixture(scope="module")
def england():
    """The England sample."""
    return allocate(sample=True)


@pytest.fixture(scope="module")
def four():
    """A, B, C and D, with £2,000,000 and a fund of £300,000."""
    return allocate(**FOUR, settings=FUNDS)


def test_rows_at_their_floor_and_ceiling_are_counted(tmp_path):
    """Each has a fair share of £300: A had £420 and keeps its floor of £378, C had £200 and gets its ceiling of £240.

    A's floor is above its fair share, so it has no weight. B and D had £300: each gets half of £1,200 - 378 - 240.
    """
    population = population_file(tmp_path, dict.fromkeys("ABCD", 100))
    spend = spend_file(tmp_path, {"A": 420, "B": 300, "C": 200, "D": 300})
    run = {"scheme": "fair-share", "transition": "floor-and-ceiling", "years": ["2025/26"]}
    result = allocate(population=population, spend=spend, **run, settings={"revenue_budget": 1200})
    text = " ".join(printed(explain(result, "B")).split())

    assert result.rows["allocation"].to_list() == [378, 291, 240, 291]
    assert "1 at the floor, 1 at the ceiling, 2 between them" in text
    assert "without a weight" not in text


def test_rows_without_a_need_are_without_a_weight(four):
    """Of A to D two need support; the other two get £0, which is no ceiling that they reached."""
    text = " ".join(printed(explain(four, "A")).split())

    assert "0 at the ceiling, 2 below it, 2 without a weight" in text


# Every line can be calculated again ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("transition", ["above-average-cost", "cost-above-funding"])
def test_all_of_england_can_be_calculated_again(england, transition):
    """All 211 CCGs in both years: 11 lines a year and 4 checks, or 9 and 4, to the allocation of the run."""
    result = england if transition == "above-average-cost" else allocate(sample=True, transition=transition)
    counts = {again(result, code) for code in codes_of(result)}

    assert len(codes_of(result)) == 211
    assert counts == ({2 * (11 + 2 + 4)} if transition == "above-average-cost" else {2 * (9 + 2 + 4)})


@pytest.mark.parametrize("make", [books.odd_run, books.merger_run, books.bare_run, *schemes.HARD[:5]])
def test_demanding_schemes_can_be_calculated_again(tmp_path, make):
    """Floors and ceilings, groups in groups, blanks, pence and hundreds, mergers, names that look like syntax."""
    result = make(tmp_path)

    assert all(again(result, code) for code in codes_of(result))


@pytest.mark.parametrize("make", fast_but(["nobody_there"], schemes.HARD[6:]))
def test_more_schemes_can_be_calculated_again(tmp_path, make):
    """One organisation, three years, no patients, negative values, forty columns, no money to share."""
    result = make(tmp_path)

    assert all(again(result, code) for code in codes_of(result)[:9])


@pytest.mark.slow
def test_every_line_of_many_bands_can_be_calculated_again(tmp_path):
    """Twenty bands: those below the number are one sum, if there are more than six."""
    bands = ", ".join(f'{{ from = {edge}, value = {edge % 7}.1, assumption = "A." }}' for edge in range(0, 200, 10))
    extra = f'[tables.t]\nlabel = "T"\nrows = [{bands}]\n[inputs.x]\nlabel = "X"\n'
    rows = [
        {"org_code": code, "registered_population": 1, "x": x}
        for code, x in zip("ABCDE", (0, 9.99, 75.5, 190, 500), strict=True)
    ]
    result = allocate(
        population=write_rows(tmp_path / "p.csv", rows),
        scheme=scheme(tmp_path, "allocation = band_sum(t, x) + band_value(t, x)", extra=extra),
    )

    assert all(again(result, code) for code in codes_of(result))


@pytest.mark.slow
def test_a_merged_england_can_be_calculated_again(tmp_path):
    """On the boundaries of 2020/21, spend of several CCGs becomes one figure; tested for a few of the 135 CCGs."""
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
    """Return a run with all kinds of conditions, texts with two spaces, percentages, negative values, two years."""
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


def test_conditions_texts_and_negative_values_can_be_calculated_again(logic):
    """This holds for and, or, not, given, texts, min, clip, round, a negative value in brackets, last year's yes/no."""
    for code in codes_of(logic):
        again(logic, code)
    text = printed(explain(logic, "A"))

    assert "'Capital & ~a  b~'" in text
    assert "is given: no" in text
    assert re.search(r"/ \(-£[0-9]", text)


def test_lines_of_the_worked_example(four):
    """A of 2014/15 by hand: £200,000 of £2,000,000 by people, and three quarters of its need of £300,000.

    A costs £5.00 a head, the average is £2.27; A needs 500,000 - 200,000 = 300,000 and B needs 100,000, but the
    fund is 300,000, so each gets three quarters: A £225,000, and £425,000 in total.
    """
    lines = {line.name: line for line in explain(four, "A", year="2014/15").lines}

    assert lines["unrounded_fair_share"].numbers == "£2,000,000 * 100,000 / 1,000,000"
    assert lines["cost_per_head"].result == "£5 per head"
    assert lines["average_cost_per_head"].result == "£2.27 per head"
    assert [str(test) for test in lines["above_average"].tests] == [
        "historic cost per head £5 > national average cost per head £2.27: yes"
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


def test_figures_name_their_group_and_count_its_rows(four, tmp_path):
    """A national figure says that it is national; one of a group names the group and counts its rows."""
    national = {line.name: line for line in explain(four, "A").lines}["total(historic_spend)"]
    assert (national.label, national.of) == ("total of historic spend over 4 CCGs", "nation")

    grouped = {line.name: line for line in explain(schemes.groups_of_groups(tmp_path), "P1").lines}
    larges = grouped["count(large, within=ccg)"]
    assert larges.label.startswith("number with large, of 2 CCGs of ccg")
    assert grouped["total(ccg_people, within=region)"].label == (
        "total of ccg_people over 2 groups by ccg of region North"
    )


def test_equal_remainders_are_decided_by_code(tmp_path):
    """Of £10 for three equal practices, each has 3 1/3: the pound that is left goes to A, the first by code."""
    people = population_file(tmp_path, dict.fromkeys("ABC", 7))
    result = allocate(population=people, scheme=scheme(tmp_path, schemes.SPREAD, pot=10))
    tests = {code: [str(test) for test in explain(result, code).lines[-1].tests] for code in "ABC"}

    assert tests["A"] == [
        "remainder 0.333333 > 0.333333: no",
        "place 1 by code among the 3 with remainder 0.333333 <= 1: yes",
    ]
    assert tests["C"][1] == "place 3 by code among the 3 with remainder 0.333333 <= 1: no"
    assert [explain(result, code).years[0].answer for code in "ABC"] == ["£4", "£3", "£3"]


def test_ranks_say_how_many_are_ahead_and_who_is_equal(tmp_path):
    """Of scores 5, 7, 5 and 5, C is 3rd: one is larger, and C is 2nd of three by code; £10, £20 and £10 come before."""
    rows = [
        {"org_code": code, "registered_population": 1, "score": score, "bid": bid}
        for code, score, bid in (("A", 5, 10), ("B", 7, 20), ("C", 5, 30), ("D", 5, 40))
    ]
    steps = """
        place = rank(score)
        so_far = running_total(bid, by=place) # £
        allocation = so_far * 1 # £
    """
    extra = '[inputs.score]\nlabel = "Priority score"\n[inputs.bid]\nlabel = "Bid"\nunit = "£"\n'
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps, extra=extra))
    lines = {line.name: line for line in explain(result, "C").lines}

    assert lines["ahead(place)"].label == "number with a larger priority score, of 4 CCGs"
    assert (lines["place"].arithmetic, lines["place"].numbers, lines["place"].result) == (
        "ahead(place) + 2",
        "1 + 2",
        "3",
    )
    assert lines["place"].notes == ("3rd of 4 CCGs by priority score: 5; 2nd by code of the 3 with this value",)
    assert lines["place"].uses == (lines["ahead(place)"].number,)
    assert lines["ahead(so_far)"].result == "£30"
    assert lines["ahead(so_far)"].label == "total of bid before this one, in the order of place"
    assert (lines["so_far"].numbers, lines["so_far"].result) == ("£30 + £30", "£60")
    assert lines["so_far"].uses == (lines["ahead(so_far)"].number, lines["bid"].number)
    assert {line.name: line for line in explain(result, "B").lines}["place"].notes == (
        "1st of 4 CCGs by priority score: 7",
    )


def test_a_note_says_that_there_is_enough_for_everyone(four):
    """In 2015/16 half of the need, £150,000 and £50,000, is less than the fund: £100,000 is unspent."""
    lines = {line.name: line for line in explain(four, "A", year="2015/16").lines}

    assert lines["unspent(unrounded_transition_support)"].result == "£100,000"
    assert (
        "£300,000 shared out over 4 CCGs: £200,000 spent, £100,000 unspent"
        in lines["unspent(unrounded_transition_support)"].origin
    )
    assert lines["unrounded_transition_support"].numbers == "£150,000"
    assert (
        "everyone gets the maximum, transition_need: there is enough" in lines["unrounded_transition_support"].notes[0]
    )


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
    """1/3 and 1/3 + 1e-11 differ in the twelfth digit at most; the printed numbers show which is larger."""
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

    assert str(test) == "abs(spent - pot) = £0.55 <= 3: yes"
    again(result, "A")


# Random formulas -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_numbers_put_in_give_the_value(choose, yes_no, first_year):
    """The printed numbers of a formula give its value, with zeros, blanks, ties, texts and numbers of many digits."""
    generator = Generator(choose)
    tree = generator.yes_no(3) if yes_no else generator.number(3)
    row = generator.row()
    for name in ("a", "b", "total(a)", "previous(a)"):
        if choose.random() < 0.5:
            row[name] = choose.uniform(-1, 1) * 10 ** choose.randint(-6, 12)
            assume(is_in_bounds(row[name]))  # other inputs are refused
    ((value, defined),) = in_a_frame(tree, [row], first_year=first_year)
    exact = expected(tree, row | {"first year": first_year})
    if exact is None or exact is UNDEFINED or not defined:
        return
    units = {"a": "£", "b": "%", "c": "people", "total(a)": "£", "previous(a)": "£"}
    year = Drafts("2014/15", first_year, {name: row[name] for name in (*COLUMNS, "region", "flag")}, {"region"}, units)
    year.add(UnformattedLine("step", "answer", "Answer", "A", None, value, formula=to_text(tree), tree=tree))
    numbers = with_numbers.render(tree, Digits([year]).texts(year, tree), first_year=first_year)
    recalculated = worked(Reader(numbers).whole())

    assert agrees(value, exact)
    if isinstance(value, bool):
        assert recalculated is value, numbers
    else:
        assert abs(recalculated - exact.value) <= exact.error + abs(exact.value) * Fraction(1, 10**11), numbers


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
    """Values have at most 12 digits, pence only if needed, and commas for thousands; they can be read back."""
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
def test_numbers_are_put_into_the_formula(formula, numbers):
    """Operators and functions stay; a negative value after an operator is in brackets."""
    texts = {"a": "1,234", "b": "-£5", "flag": "yes", "o": "blank", "region": '"O\'Neill"'}

    assert with_numbers.render(parse(formula), texts, first_year=True) == numbers


# Result files ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(england, tmp_path_factory):
    """Write the England sample as result files of every kind."""
    folder = tmp_path_factory.mktemp("files")
    writing.write_json(england, folder / "out.json")
    write_workbook(england, folder / "out.xlsx")
    for name, write in (("out.csv", writing.write_csv), ("out.parquet", writing.write_parquet)):
        write(england, folder / name)
        writing.write_manifest(england, export_path(folder, name), folder / name, name)
    return folder


def export_path(folder, name):
    """Return the path of a table's manifest."""
    return folder / manifest_name(folder / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.json", slow("out.xlsx"), slow("out.csv"), slow("out.parquet")])
def test_result_files_explain_as_the_run(england, files, name):
    """A file and its run have the same lines; only the source of the figures differs."""
    for code in ("00C", "05F", "99M"):
        record, run = explain(files / name, code), explain(england, code)
        again(england, code, source=files / name)

        assert [(line.number, line.numbers, line.result) for line in record.lines] == [
            (line.number, line.numbers, line.result) for line in run.lines
        ]
        assert record.lines[0].origin == run.lines[0].origin
        assert record.sound
        assert f"Calculated again from {name}." in printed(record)


@pytest.mark.slow
def test_an_allocation_changed_by_hand_is_reported(files, tmp_path):
    """If 00C has £1,000 more in the file than its rule gives, the report begins with that; the exit code is 1."""
    document = json.loads((files / "out.json").read_text(encoding="utf-8"))
    row = next(row for row in document["rows"] if row["org_code"] == "00C")
    row["allocation"] += 1_000
    (tmp_path / "typed.json").write_text(json.dumps(document), encoding="utf-8")
    ran = gpit("explain", "00C", "--result", "typed.json", folder=tmp_path)
    other = gpit("explain", "00D", "--result", "typed.json", folder=tmp_path)

    assert ran.returncode == other.returncode == 1
    assert (
        "Differs from its rule: 00C 2014/15 Allocation (allocation): the file says £264,549, its rule gives £263,549."
        in words(ran.stdout)[:600]
    )
    assert "Differs from its rule, for others: 00C 2014/15 Allocation (allocation):" in words(other.stdout)[:600]


@pytest.mark.slow
def test_a_cell_changed_by_hand_is_reported(files, tmp_path):
    """The same holds in a workbook; a table that does not match its manifest is refused."""
    # The file as a program saves it that keeps only values, the changed one among them.
    values = openpyxl.load_workbook(files / "out.xlsx", data_only=True)
    sheet = values["2014-15"]
    column = next(cell.column for cell in sheet[4] if str(cell.value).startswith("Allocation ("))
    sheet.cell(5, column).value = 1
    values.save(tmp_path / "typed.xlsx")
    explanation = explain(tmp_path / "typed.xlsx", "00C")
    assert [str(difference) for difference in explanation.differences] == [
        "00C 2014/15 Allocation (allocation): the file says £1, its rule gives £263,549"
    ]

    text = (files / "out.csv").read_text(encoding="utf-8")
    shutil.copy(export_path(files, "out.csv"), tmp_path)
    (tmp_path / "out.csv").write_text(text.replace(",263549\n", ",263548\n", 1), encoding="utf-8")
    with pytest.raises(UsageError, match="Run gpit verify to see what differs"):
        explain(tmp_path / "out.csv", "00C")


@pytest.mark.slow
def test_a_parameter_changed_in_the_workbook_is_not_a_setting_of_the_run(files, tmp_path):
    """A budget changed to 70,000,000 in the workbook is reported as changed there: no run had that setting."""
    values = openpyxl.load_workbook(files / "out.xlsx", data_only=True)
    cell = next(row[3] for row in values["Parameters"].iter_rows(min_row=5) if row[1].value == "revenue_budget")
    cell.value = 70_000_000
    values.save(tmp_path / "changed.xlsx")
    explanation = explain(tmp_path / "changed.xlsx", "00C", year="2014/15")

    assert explanation.settings == ()
    assert [setting.partition(" (revenue_budget) ")[2] for setting in explanation.changed] == [
        "2014/15: £140,000,000 → £70,000,000"
    ]
    assert "Changed in the workbook since the run" in printed(explanation)
    assert "Set for this run" not in printed(explanation)
    assert "## Changed in the workbook since the run\n" in explanation.markdown()


@pytest.mark.slow
def test_an_input_changed_in_the_workbook_is_reported_at_the_top(files, tmp_path):
    """One more patient of Darlington, in the sheet of inputs and those of the years: its report says so first."""
    values = openpyxl.load_workbook(files / "out.xlsx", data_only=True)
    for name in ("Population", "2014-15", "2015-16"):
        sheet = values[name]
        headings = [cell.value for cell in sheet[4]]
        code, people = headings.index("Code"), headings.index("Registered population (people)")
        next(row for row in sheet.iter_rows(min_row=5) if row[code].value == "00C")[people].value = 106_614
    values.save(tmp_path / "changed.xlsx")
    changed, unchanged = (explain(tmp_path / "changed.xlsx", code, year="2014/15") for code in ("00C", "00D"))

    assert changed.changed == ("Registered population (registered_population) 2014/15: 106,614",)
    assert unchanged.changed == ()


@pytest.mark.slow
def test_a_table_without_its_manifest_cannot_be_explained(england, tmp_path):
    """Such a table has no rule: the exit code is 2, and the message says what to give instead."""
    writing.write_csv(england, tmp_path / "alone.csv")
    ran = gpit("explain", "00C", "--result", "alone.csv", folder=tmp_path)

    assert ran.returncode == 2
    assert ran.stdout == b""
    assert "alone.csv: has rows, but not the rule that gives them" in words(ran.stderr)


# Which organisation, year and step -------------------------------------------------------------------------------


@pytest.mark.parametrize("code_or_name", ["00C", "00c", "Darlington", "dARLINGTON", " Darlington "])
def test_an_organisation_is_found_by_code_and_by_name(england, code_or_name):
    """Capitals and spaces around a code or a name make no difference."""
    assert explain(england, code_or_name).code == "00C"


@pytest.mark.parametrize(
    ("code_or_name", "parts"),
    [
        ("00ZZ", "there is no CCG 00ZZ; did you mean"),
        ("Darlingtn", "00C (Darlington)"),
        ("Newcastle", "00G (Newcastle North and East), 00H (Newcastle West)"),
        ("13T", "there is no CCG 13T"),
        ("qqqqqqqqqqq", "there is no CCG qqqqqqqqqqq; give a code such as "),
    ],
)
def test_an_unknown_organisation_gets_suggestions(england, code_or_name, parts):
    """The message names similar codes and names."""
    with pytest.raises(UsageError) as caught:
        explain(england, code_or_name)

    assert any(part in str(caught.value) for part in parts.split("|")), str(caught.value)


def test_a_name_that_several_have_lists_their_codes(tmp_path):
    """If two practices are called The Surgery, the message lists their codes."""
    rows = [{"org_code": code, "org_name": "The Surgery", "registered_population": 5} for code in ("P1", "P2")]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, schemes.SPREAD))
    with pytest.raises(UsageError, match=r"the surgery may be P1 or P2; give the exact code"):
        explain(result, "the surgery")


def test_a_name_that_thousands_have_lists_twelve_codes(tmp_path):
    """Of 40 practices with one name, 12 are listed and 28 counted."""
    codes = [f"P{number:02}" for number in range(40)]
    rows = [{"org_code": code, "org_name": "The Surgery", "registered_population": 5} for code in codes]
    result = allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, schemes.SPREAD))
    with pytest.raises(UsageError, match=r"may be P00, P01, .*, P11 or 28 more; give the exact code"):
        explain(result, "The Surgery")


def test_an_organisation_of_one_year_says_what_it_became(tmp_path):
    """00F became part of 13T on 1 April 2015: its own year is explained, the other year is refused with a reason."""
    result = books.merger_run(tmp_path)
    sentence = "00F does not exist in 2015/16: 00F, 00G and 00H became 13T on 1 April 2015"

    assert explain(result, "00F").became == (sentence,)
    assert [year.year for year in explain(result, "00F").years] == ["2014/15"]
    assert explain(result, "13T").became == (
        "13T does not exist in 2014/15: 00F, 00G and 00H became 13T on 1 April 2015",
    )
    with pytest.raises(UsageError, match=rf"--year 2015/16: 00F exists in 2014/15 only; {sentence}"):
        explain(result, "00F", year="2015-16")


def test_a_step_has_the_lines_that_it_depends_on_and_no_others(four):
    """The average cost per head depends on the totals of spend and people, not on fair shares or the fund."""
    explanation = explain(four, "B", step="average_cost_per_head", year="2014/15")

    assert [line.name for line in explanation.lines] == [
        "registered_population",
        "historic_spend",
        "total(historic_spend)",
        "total(registered_population)",
        "average_cost_per_head",
    ]
    assert recomputed(printed(explain(four, "B", step="transition_need")), "2014/15")[1] == 2 * 8
    assert explanation.years[0].answer_line is None


def test_a_step_depends_on_the_year_before(tmp_path):
    """A value taken by `previous` is explained in its own year, but not in the last year, where nothing uses it."""
    result = books.odd_run(tmp_path)
    explanation = explain(result, "P1", step="floor")
    names = {year.year: [line.name for line in year.lines] for year in explanation.years}

    assert names["2015/16"] == ["floor_growth", "previous(allocation)", "baseline", "floor"]
    assert {"allocation", "unrounded", "region_money", "baseline", "floor"} <= set(names["2014/15"])
    assert again(result, "P1", step="floor")


def test_unknown_years_and_steps_are_refused_with_a_list(four):
    """The message lists the years or steps of the scheme, and names the nearest step."""
    with pytest.raises(UsageError, match=r"--year 2016/17: the scheme has the years 2014/15, 2015/16"):
        explain(four, "A", year="2016/17")
    with pytest.raises(
        UsageError, match=r"--step fair_shar: there is no such step; did you mean fair_share .*; the steps are"
    ):
        explain(four, "A", step="fair_shar")


# On paper --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [slow(56), 80, slow(100), slow(200)])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_it_fits_every_console(logic, encoding, width):
    """No line is wider than the console or 100 columns; wrapped lines can be joined and calculated again."""
    text = printed(explain(logic, "B"), width, encoding)

    assert max(cell_len(line) for line in text.splitlines()) <= min(width, 120)
    assert recomputed(text, "2014/15")[1] == recomputed(printed(explain(logic, "B")), "2014/15")[1]


def test_wrapping_is_undone_by_its_rule(tmp_path):
    """Joined lines of 56 columns equal those of 100 columns; the parts of a long word end in backslashes."""
    result = books.odd_run(tmp_path)
    narrow, wide = (unwrapped(printed(explain(result, "P2"), width)) for width in (56, 100))
    start = narrow.index("2014/15")

    assert [line for line in narrow[start:] if "─" not in line] == [
        line for line in wide[wide.index("2014/15") :] if "─" not in line
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
    """Markup, control characters and escape sequences in a name do not move the cursor or end a table."""
    people = population_file(tmp_path, {"A": 3})
    plain = explain(allocate(population=people, scheme=scheme(tmp_path, schemes.SPREAD)), "A")
    hostile = replace(plain, name="[red]x[/] \x1b[31m\n\u202e| `a` <b>")
    text, document = printed(hostile), hostile.markdown()

    assert not set("\x1b\u202e") & set(text + document)
    assert "[red]x[/]" in text
    assert r"&#124; &#96;a&#96; &#60;b&#62;" in document.splitlines()[0]


def test_markdown_has_every_line(four):
    """Markdown has every line with its number, and its formula and numbers as code."""
    explanation = explain(four, "A")
    text = explanation.markdown(lines=True)

    assert text.startswith("# Alder (A): Allocation, line by line\n")
    for line in explanation.lines:
        assert f"\n**{line.number}. " in text, line
        assert not line.numbers or f"`{line.numbers}`" in text
    assert "* answer: £425,000\n" in text


def test_markdown_begins_as_the_screen_does(files, tmp_path):
    """Both begin with the file, the scheme's name, the step that was chosen, and a failing check."""
    text = '[[checks]]\nname = "Small"\nformula = "registered_population < 2"\n'
    path = scheme(tmp_path, schemes.SPREAD)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    failed = explain(allocate(population=population_file(tmp_path, {"A": 1, "B": 2}), scheme=path), "A")
    failing = failed.markdown(lines=True)
    stored = explain(files / "out.json", "00C", step="fair_share").markdown()

    assert "**A check fails in this run: see the checks of each year.**\n" in failing
    assert "**A check fails in this run: --lines shows the checks of each year.**\n" in failed.markdown()
    assert "check fails" not in stored
    assert "Calculated again from out.json.\n\nOnly `fair_share` and the lines that it depends on.\n" in stored
    assert " (gpit-2014-16). " in stored.split("\n")[2]


def test_the_document_has_full_figures(england):
    """The JSON document has values in full precision, both sides of each test, and the lines that each line uses."""
    document = explain(england, "00C").document()
    lines = {line["name"]: line for line in document["years"][0]["lines"]}
    numbers = {line["number"]: line["name"] for line in document["years"][0]["lines"]}
    row = england.year("2014/15").row(0, named=True)

    assert document["schema"] == "gpit-explanation/1"
    assert all(lines[name]["value"] == row[name] for name in row if name in lines)
    assert [numbers[number] for number in lines["allocation"]["uses"]] == ["fair_share", "transition_support"]
    assert lines["above_average"]["tests"][0]["passed"] is False
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_illustrative_spend_and_settings_are_marked(england):
    """The report begins with a warning, the line of spend is marked, and so is a parameter set for the run."""
    explanation = explain(allocate(**FOUR, settings={**FUNDS, "transition_fund@2015/16": "1/3"}), "A")
    lines = [line for line in explanation.lines if line.name == "transition_fund"]

    assert "Illustrative spend" in printed(explain(england, "00C"))
    assert explain(england, "00C").lines[1].origin.endswith("; illustrative")
    assert lines[0].origin == "set for this run, not in the scheme"
    assert lines[1].origin == "set for this run, not in the scheme; written as 1/3"
    assert "Set for this run, not in the scheme" in printed(explanation)


# The command ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_printed_report_can_be_calculated_again(england, files):
    """This holds for a run and for a file, piped; the same input gives the same bytes."""
    ran = gpit("explain", "05f", "--sample", "--lines", folder=files)
    twice = gpit("explain", "05F", "--sample", "--lines", folder=files)
    filed = gpit("explain", "05F", "--result", "out.xlsx", "--lines", folder=files)

    assert ran.returncode == filed.returncode == 0
    assert ran.stdout == twice.stdout
    assert ran.stderr == b""
    for run in (ran, filed):
        answers, _ = recomputed(run.stdout.decode(), "2014/15")
        rows = england.rows.filter(pl.col("org_code") == "05F")
        assert answers == dict(rows.select("year", "allocation").iter_rows())


@pytest.mark.slow
def test_the_command_in_other_forms(files):
    """--json prints one document, --format markdown another; both are UTF-8 on any console."""
    env = {"PYTHONIOENCODING": "ascii"}
    as_json = gpit("explain", "00C", "--sample", "--json", "--year", "2014/15", folder=files, env=env)
    document = json.loads(as_json.stdout)
    stored = ("explain", "00C", "--result", "out.json", "--lines")
    markdown = gpit(*stored, "--format", "markdown", folder=files, env=env)
    plain = gpit(*stored, folder=files, env=env)

    assert [year["year"] for year in document["years"]] == ["2014/15"]
    assert markdown.stdout.decode("utf-8").startswith("# Darlington (00C): Allocation, line by line")
    assert "GBP 263,549" in plain.stdout.decode("ascii")
    assert recomputed(plain.stdout.decode("ascii"), "2014/15")[1] == 34


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["00C", "--result", "out.json", "--sample"],
            "--result out.json has its own inputs and scheme; leave",
        ),
        (["00C", "--result", "out.json", "--set", "a=1", "--max-size", "5"], "leave out --set, --max-size"),
        (["00C"], "nothing to explain; give --result FILE"),
        (["00C", "--sample", "--format", "markdwn"], "expected text or markdown; did you mean markdown?"),
        slow(["00C", "--result", "nowhere.json"], "nowhere.json: there is no such file"),
        slow(["ZZZ", "--sample"], "there is no CCG ZZZ"),
        slow(["00C", "--sample", "--step", "nope"], "--step nope: there is no such step"),
        slow(["00C", "--sample", "--year", "1999/00"], "--year 1999/00: the scheme has the years"),
    ],
)
def test_wrong_options_are_refused(files, arguments, message):
    """The exit code is 2, with a message on standard error and nothing on standard output."""
    ran = gpit("explain", *arguments, folder=files)

    assert ran.returncode == 2
    assert ran.stdout == b""
    assert message in words(ran.stderr)
    assert "Traceback" not in ran.stderr.decode()


def test_errors_are_json_if_json_was_chosen(tmp_path):
    """The error is the one document on standard output; two formats at once are refused."""
    ran = gpit("explain", "00C", "--sample", "--format", "markdown", "--json", folder=tmp_path)

    assert ran.returncode == 2
    assert json.loads(ran.stdout)["error"] == "--json and --format markdown: give only one of them"


@pytest.mark.slow
def test_a_check_that_fails_ends_with_1(tmp_path):
    """If B fails a check, every explanation ends with 1: B's has FAIL, and A's says that it fails for one CCG."""
    text = '[[checks]]\nname = "Small"\nformula = "registered_population < 2"\n'
    path = scheme(tmp_path, schemes.SPREAD)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    population_file(tmp_path, {"A": 1, "B": 2})
    ran = {
        code: gpit("explain", code, "--population", "population.csv", "--scheme", path.name, "--lines", folder=tmp_path)
        for code in "AB"
    }

    assert [run.returncode for run in ran.values()] == [1, 1]
    assert "it fails for 1 CCG" in words(ran["A"].stdout)
    assert "registered population 2 < 2: no result FAIL" in words(ran["B"].stdout)
    assert recomputed(ran["B"].stdout.decode(), "2014/15")[1] == 4


# The document ------------------------------------------------------------------------------------------------------

GUIDE = ROOT / "docs" / "explain.md"


@pytest.mark.slow
def test_the_examples_of_the_guide_are_the_real_output():
    """Both blocks in docs/explain.md are the output of their commands; the lines can be calculated again."""
    text = GUIDE.read_text(encoding="utf-8")
    examples = re.findall(r"```\n(gpit explain [^\n]* --year [^\n]*)\n```\n.*?```text\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 2
    for command, output in examples:
        ran = gpit(*command.split()[1:], folder=ROOT)
        assert (ran.returncode, output) == (0, ran.stdout.decode())
    assert recomputed(examples[1][1], "2014/15")[1] == 11
