"""`explain`, `compare` and `verify` give one answer to whether a figure is what its rule gives."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from fractions import Fraction
from io import StringIO

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recalculation
from gpit_fairshare import allocate, compare, explain, verify
from gpit_fairshare.cli import _run
from gpit_fairshare.results import manifest_name
from gpit_fairshare.results.agreement import (
    is_same_as_calculated,
    is_same_as_written,
    is_same_remainder,
    is_same_unrounded,
    off_rule,
)
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.results.writing import write_csv, write_json, write_manifest
from gpit_fairshare.sharing import rounded
from gpit_fairshare.workbook.kernel_columns import whole_units
from gpit_fairshare.workbook.result_workbook import write_workbook
from rulebook import REPRESENTATIVE, RULES, invented
from running import write_rows
from small_schemes import HEAD
from tiers import slow, slow_but

STEPS = {
    "national_rate": ("Rate of the nation", "pot / total(registered_population)"),
    "region_people": ("People of the region", "total(registered_population, within=region)"),
    "region_share": ("Share before rounding", "national_rate * region_people"),
    "unrounded_share": ("Fair share before rounding", "share_out(pot, by=registered_population)"),
    "allocation": ("Allocation", "rounded(unrounded_share)"),
}
"""A national step, two of the regions, and two of the organisations, the last of them rounded."""
PEOPLE = {"A": ("North", 101), "B": ("North", 203), "C": ("South", 307), "D": ("South", 408)}
POT = 1_000_003
PLACES = {
    "national_rate": "nation",
    "region_share": "region North",
    "unrounded_share": "A",
    "allocation": "A",
}
"""What each step is a figure of, for organisation A."""
UNROUNDED = ("national_rate", "region_share", "unrounded_share")
RATE = Fraction(POT, sum(people for _, people in PEOPLE.values()))
BY_HAND = {
    "national_rate": RATE,
    "region_share": RATE * (101 + 203),
    "unrounded_share": RATE * 101,
    "allocation": Fraction(99_117),  # £99,117.08; the two pounds left over go to D and C, with 74p and 66p
}
"""The figures of A, its region and the nation, worked out without gpit."""


def pots_and_people(folder, people=None, pot=POT, steps=None):
    """Run the scheme on its four organisations, or another scheme on other people."""
    text = HEAD.format(years='["2014/15"]') + 'result = "allocation"\n'
    text += f'[parameters.pot]\nlabel = "Pot"\nunit = "£"\nvalues = {{ every_year = {{ value = {pot}, '
    text += 'assumption = "Made up." } }\n'
    for name, (label, formula) in (steps or STEPS).items():
        text += f'[[steps]]\nname = "{name}"\nlabel = "{label}"\nformula = "{formula}"\n'
    (folder / "scheme.toml").write_text(text, encoding="utf-8")
    rows = [
        {"org_code": code, "region": region, "registered_population": heads}
        for code, (region, heads) in (people or PEOPLE).items()
    ]
    return allocate(population=write_rows(folder / "people.csv", rows), scheme=folder / "scheme.toml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The run in three kinds of file, in the folder of its inputs."""
    folder = tmp_path_factory.mktemp("agreement")
    result = pots_and_people(folder)
    write_json(result, folder / "out.json")
    write_workbook(result, folder / "out.xlsx")
    write_csv(result, folder / "out.csv")
    write_manifest(result, folder / manifest_name(folder / "out.csv"), folder / "out.csv", "out.csv")
    return folder


def changed(folder, kind, step, change):
    """Return a copy of a result with one changed figure of A, of its region or of the nation."""
    path = folder / f"changed.{kind}"
    region = PEOPLE["A"][0]
    codes = {"A"} if PLACES[step] == "A" else set("AB") if step.startswith("region") else set("ABCD")
    if kind == "xlsx":
        places = verify_places(folder)
        if PLACES[step] == "nation":
            sheet, _, cell = next(entry["cell"] for entry in places["cells"] if entry["name"] == step).rpartition("!")
        else:
            by = "region" if step.startswith("region") else ""
            table = next(entry for entry in places["tables"] if (entry["by"] or "") == by)
            assert region == "North"  # the first row of both tables
            sheet, cell = table["sheet"], f"{table['columns'][step]}{table['first_row']}"
        sheet = sheet.strip("'")
        value = recalculation.cached_values(folder / "out.xlsx")[sheet, cell]
        recalculation.plant(folder / "out.xlsx", sheet, cell, change(value), path)
    elif kind == "json":
        document = json.loads((folder / "out.json").read_text("utf-8"))
        for row in document["rows"]:
            if row["org_code"] in codes:
                row[step] = change(row[step])
        path.write_text(json.dumps(document), encoding="utf-8")
    else:
        frame = pl.read_csv(folder / "out.csv", infer_schema=False)
        cells = [
            repr(change(float(cell))) if code in codes else cell
            for code, cell in frame.select("org_code", step).iter_rows()
        ]
        frame.with_columns(pl.Series(step, cells)).write_csv(path)
        manifest = json.loads((folder / manifest_name(folder / "out.csv")).read_text("utf-8"))
        manifest["table"] = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        (folder / manifest_name(path)).write_text(json.dumps(manifest), encoding="utf-8")
    return path


def verify_places(folder):
    """Where the workbook has its figures."""
    return read_record(folder / "out.xlsx").manifest["workbook"]


def answers(folder, path, code="A"):
    """Return the figures that each verb finds off their rule in one file, and whether it exits with 0."""
    explained = explain(path, code)
    compared = compare(folder / "out.json", path)
    verified = verify(path, [folder])
    places = [
        [(figure.of, figure.year, figure.name) for figure in figures]
        for figures in (
            (*explained.differences, *explained.others_differ),
            compared.new.off_rule,
            verified.off_rule,
        )
    ]
    return places, [explained.sound, compared.agrees, verified.verified]


@pytest.mark.parametrize("step", BY_HAND)
def test_the_figures_are_those_worked_out_by_hand(folder, step):
    """A's figures are those of plain fractions, so that the figures changed below were right before."""
    row = json.loads((folder / "out.json").read_text("utf-8"))["rows"][0]

    assert row[step] == pytest.approx(float(BY_HAND[step]), rel=1e-15)


@pytest.mark.parametrize("kind", ["json", "xlsx", "csv"])
@pytest.mark.parametrize("step", slow_but(["unrounded_share", "national_rate"], PLACES))
@pytest.mark.parametrize("code", ["A", slow("D")])
def test_all_three_verbs_name_one_figure_that_was_changed(folder, kind, step, code):
    """All three name a figure that is 5e-11 of itself too large, or a rounded one by £1, by code, year and step."""
    by = (lambda value: value + 1) if step == "allocation" else (lambda value: value * (1 + 5e-11))
    places, content = answers(folder, changed(folder, kind, step, by), code)

    assert places == [[(PLACES[step], "2014/15", step)]] * 3
    assert content == [False] * 3


@pytest.mark.parametrize("kind", slow_but(["json"], ["json", "xlsx", "csv"]))
@pytest.mark.parametrize("step", UNROUNDED)
def test_what_a_program_that_recalculates_may_do_is_accepted_by_all_three(folder, kind, step):
    """All three verbs accept 9e-13 of a figure that no step rounds, as the order of a sum can cause."""
    places, content = answers(folder, changed(folder, kind, step, lambda value: value * (1 + 9e-13)))

    assert (places, content) == ([[]] * 3, [True] * 3)


@pytest.mark.parametrize("kind", slow_but(["json"], ["json", "xlsx", "csv"]))
@pytest.mark.parametrize("step", UNROUNDED)
def test_just_beyond_is_refused_by_all_three(folder, kind, step):
    """All three verbs refuse 1.1e-12 of a figure that no step rounds."""
    places, content = answers(folder, changed(folder, kind, step, lambda value: value * (1 - 1.1e-12)))

    assert places == [[(PLACES[step], "2014/15", step)]] * 3
    assert content == [False] * 3


def test_figures_with_the_fifteen_digits_that_spreadsheets_save_are_accepted(folder):
    """All three verbs accept every figure cut to 15 digits, as Excel and LibreOffice save it."""
    for step in PLACES:
        places, content = answers(folder, changed(folder, "json", step, lambda value: float(f"{value:.15g}")))
        assert (places, content) == ([[]] * 3, [True] * 3)


def test_a_rounded_figure_has_no_tolerance(folder):
    """All three verbs refuse a hundred-millionth of a pound more on an allocation in whole pounds."""
    places, content = answers(folder, changed(folder, "json", "allocation", lambda value: value + 1e-8))

    assert places == [[("A", "2014/15", "allocation")]] * 3
    assert content == [False] * 3


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.sampled_from(list(PLACES)), st.floats(1e-15, 1e-2), st.sampled_from([-1, 1]), st.sampled_from("AD"))
def test_all_three_verbs_agree_on_any_change(folder, step, size, sign, code):
    """For any change of a figure, all three verbs name the same figures and have the same outcome."""
    path = changed(folder, "json", step, lambda value: value * (1 + sign * size))
    places, content = answers(folder, path, code)

    assert places[0] == places[1] == places[2]
    assert content in ([True] * 3, [False] * 3)
    assert content[0] == (not places[0])


# Messages ---------------------------------------------------------------------------------------------------


def said_by(folder, *arguments):
    """Run a verb in this process: its exit code, and what it printed at 80 columns."""
    printed = StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(printed), redirect_stderr(printed):
        patch.setattr(sys, "argv", ["gpit", *map(str, arguments)])
        patch.setenv("COLUMNS", "80")
        code = _run()
    return code, printed.getvalue()


@pytest.mark.parametrize("verb", ["explain", "compare", "verify"])
@pytest.mark.parametrize("step", slow_but(["unrounded_share"], ["unrounded_share", "national_rate"]))
def test_each_verb_says_it_in_one_sentence_and_ends_with_1(folder, verb, step):
    """The sentence has organisation, year, label and name, both figures with enough digits to differ; so has JSON."""
    changed(folder, "json", step, lambda value: value * (1 + 5e-11))
    arguments = {
        "explain": ("explain", "D", "--result", "changed.json"),
        "compare": ("compare", "out.json", "changed.json"),
        "verify": ("verify", "changed.json"),
    }[verb]
    code, printed = said_by(folder, *arguments)
    pattern = rf"Differs from its rule.*: {PLACES[step]} 2014/15 {STEPS[step][0]} \({step}\): "
    pattern += r"the file says £?([\d,]+\.\d+)[^;]*?, its rule gives £?([\d,]+\.\d+)"
    sentence = re.search(pattern, " ".join(printed.split()))
    figures = [Fraction(text.replace(",", "")) for text in sentence.groups()]

    assert code == 1
    assert max(map(len, printed.splitlines())) <= 80
    assert figures[0] != figures[1]
    assert [float(figure / BY_HAND[step]) for figure in figures] == pytest.approx([1 + 5e-11, 1], rel=1e-11)

    path = folder / "changed.json"
    documents = {"explain": explain(path, "D"), "compare": compare(folder / "out.json", path), "verify": verify(path)}
    document = json.loads(json.dumps(documents[verb].document()))
    entries = document.get("off_rule") or [*document["differences"], *document["others_differ"]]
    assert [(entry["of"], entry["year"], entry["name"], entry["label"]) for entry in entries] == [
        (PLACES[step], "2014/15", step, STEPS[step][0])
    ]
    assert entries[0]["found"] != entries[0]["expected"]


def test_a_result_compared_with_itself_is_held_to_its_own_rule(folder):
    """Two copies of a changed result agree in every figure, and exit with 1; with a tolerance only money counts."""
    path = changed(folder, "json", "unrounded_share", lambda value: value * (1 + 5e-11))
    comparison = compare(path, path)

    assert comparison.same
    assert not comparison.agrees
    assert len(comparison.off_rule) == 2
    assert compare(path, path, tolerance=1).agrees


def test_the_first_figure_is_named_and_the_others_are_counted(folder):
    """Three weights are off: `explain` names all of one organisation, the others name the first of the three."""
    document = json.loads((folder / "out.json").read_text("utf-8"))
    for row in document["rows"][1:]:
        row["unrounded_share"] += 1
    (folder / "three.json").write_text(json.dumps(document), encoding="utf-8")
    figures = explain(folder / "three.json", "C")

    assert [figure.of for figure in figures.differences] == ["C"]
    assert [figure.of for figure in figures.others_differ] == ["B", "D"]
    printed = " ".join(said_by(folder, "verify", "three.json")[1].split())
    assert "Differs from its rule: B 2014/15" in printed
    assert "; and 2 more." in printed


def test_a_table_without_a_new_digest_is_refused_by_two_and_named_by_verify(folder, tmp_path):
    """With another digest than in the manifest, `explain` exits with 2, and `verify` with 1 and the figure."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "out.csv").read_text("utf-8")
    (tmp_path / "out.csv").write_text(text.replace("99117.", "99118.", 1), encoding="utf-8")

    assert said_by(tmp_path, "explain", "A", "--result", "out.csv")[0] == 2
    code, printed = said_by(tmp_path, "verify", "out.csv")
    assert code == 1
    assert "2014/15 A, unrounded_share" in printed


# The tolerances -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        (263548.83541, 263548.83539709426, False),  # 5e-11 of it
        (1e6 * (1 + 9e-13), 1e6, True),
        (1e6 * (1 + 1.1e-12), 1e6, False),
        (8.71 * (1 + 5e-11), 8.71, False),  # small figures need as many digits
        (5e10 + 0.0009, 5e10, True),  # below a tenth of a penny, though 1e-12 would allow 5p
        (5e9 + 0.002, 5e9, False),
        (1e15 + 50, 1e15, True),  # 5e-14: what the order of a sum can do
        (9e-10, -9e-10, True),  # the difference of two equal sums
        (3e-9, 0.0, False),
        (True, True, True),
        (True, 1.0, False),
        (None, 1.0, False),
        (math.nan, 1.0, False),
    ],
)
def test_a_figure_that_no_step_rounds(actual, expected, same):
    """1e-12 of its size, up to a tenth of a penny, or 1e-13; near 0 a billionth. Other types are other values."""
    assert is_same_unrounded(actual, expected) is same
    assert not same or is_same_as_calculated(actual, expected)


@given(st.floats(-1e300, 1e300), st.floats(-1e-8, 1e-8))
def test_a_cell_of_a_workbook_has_more_tolerance_than_a_figure(number, part):
    """Every difference that is accepted for a figure is accepted for its cell."""
    other = number * (1 + part)

    assert not is_same_unrounded(other, number) or is_same_as_calculated(other, number)


@pytest.mark.parametrize("same", [is_same_unrounded, is_same_as_calculated, is_same_remainder])
def test_a_number_too_long_for_a_float_is_no_other_number(same):
    """10^400 is itself, and neither £404,872 nor 2 × 10^400."""
    assert same(10**400, 10**400)
    assert not same(10**400, 404_872.0)
    assert not same(404_872.0, -(10**400))
    assert not same(10**400, 2 * 10**400)


def test_fifteen_digits_may_be_rounded_in_either_way():
    """LibreOffice saves 200222799762.9675 as …968, though the float is just below the half."""
    assert is_same_as_written(200222799762.968, 200222799762.9675)
    assert is_same_as_written(float(f"{200222799762.9675:.15g}"), 200222799762.9675)
    assert not is_same_as_written(0.123456789012346, 0.123456789012345)
    assert not is_same_as_written(263549.01, 263549.0)
    assert not is_same_as_written("a", "A")


def test_a_remainder_is_held_to_a_thousandth_of_a_unit():
    """0.3335 for 0.333 is the same remainder of a large number, and 0.3345 is another."""
    assert is_same_remainder(0.3335, 0.333)
    assert not is_same_remainder(0.3345, 0.333)


# Units that are too small ----------------------------------------------------------------------------------------

IN_PENCE = {
    "unrounded_share": ("Share before rounding", "share_out(pot, by=registered_population)"),
    "allocation": ("Allocation", "rounded(unrounded_share, to=0.01)"),
}
HUGE = {"A": ("North", 86774122528), "B": ("North", 52911738004), "C": ("South", 60929514418)}
"""Each gets a third of a penny a head of £668,717,916.50, so that all three remainders are a third of a penny."""


def warnings(result):
    """The warnings about units that are too small."""
    return [finding.found for finding in result.findings if finding.number == "R11"]


def test_equal_remainders_beyond_floats_are_warned_of(tmp_path):
    """The warning names step, year, unit and the largest figure; one penny goes to A, the first by code."""
    result = pots_and_people(tmp_path, HUGE, "668717916.50", IN_PENCE)

    assert result.rows["allocation"].to_list() == [289247075.10, 176372460.01, 203098381.39]
    (warning,) = warnings(result)
    assert warning.startswith("Allocation 2014/15: £0.01 is too small a unit for figures of up to £289")


@pytest.mark.usefixtures("libreoffice")
def test_a_workbook_in_which_libreoffice_gives_the_penny_to_another_says_why(tmp_path):
    """LibreOffice gives the left-over penny to C: all three verbs name A and C and the unit, and exit with 1."""
    result = pots_and_people(tmp_path, HUGE, "668717916.50", IN_PENCE)
    write_workbook(result, tmp_path / "out.xlsx")
    again = recalculation.recalculate(tmp_path / "out.xlsx", tmp_path)
    write_json(result, tmp_path / "out.json")
    places, content = answers(tmp_path, again)

    assert places == [[("A", "2014/15", "allocation"), ("C", "2014/15", "allocation")]] * 3
    assert content == [False] * 3
    for arguments in (("explain", "A", "--result", again.name), ("compare", "out.json", again.name)):
        assert "£0.01 is too small a unit here" in " ".join(said_by(tmp_path, *arguments)[1].split())
    assert "£0.01 is too small a unit here" in " ".join(said_by(tmp_path, "verify", again.name)[1].split())


@pytest.mark.parametrize(("amount", "is_explained"), [(0.01, True), (0.02, False), (1.0, False)])
def test_a_change_by_hand_is_not_put_down_to_the_unit(tmp_path, amount, is_explained):
    """Only one unit may be a left-over penny: no message names the unit if a figure is further off."""
    write_json(pots_and_people(tmp_path, HUGE, "668717916.50", IN_PENCE), tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text("utf-8"))
    document["rows"][1]["allocation"] += amount
    (tmp_path / "typed.json").write_text(json.dumps(document), encoding="utf-8")
    record = read_record(tmp_path / "typed.json")
    (figure,) = off_rule(record, record.calculate())

    assert ("too small a unit" in str(figure)) is is_explained


@pytest.mark.parametrize(("units", "certain"), [(370_000_000, True), (380_000_000, False)])
def test_thirds_part_from_2_to_the_51_sixths_of_a_millionth_on(units, certain):
    """Remainders of a third are 1/6 of a millionth from the next rounding point: 2^51 / 6,000,000 is 375 million."""
    figures = [Fraction(3 * units + 1, 3)] * 3

    assert rounded(figures).certain is certain


@pytest.mark.parametrize(("total", "certain"), [(10**8, True), (10**10, False)])
def test_a_total_of_half_a_unit(total, certain):
    """Floats may round down half a pound on £10bn, but not half a pound on £100m."""
    assert rounded([Fraction(total, 4), Fraction(3 * total, 4) + Fraction(1, 2)]).certain is certain


@given(
    st.integers(5, 11),
    st.sampled_from([3, 7, 9, 11, 13, 128]),
    st.integers(1, 127),
    st.lists(st.floats(0.2, 1), min_size=3, max_size=3),
)
def test_where_floats_give_a_unit_to_another_row_the_run_is_not_certain(size, parts, remainder, shares):
    """For figures of any size with equal remainders, the run warns if a workbook would differ from exact fractions."""
    weights = [parts * int(10**size * share) + remainder % parts for share in shares]
    pot = sum(weights) // parts / 100
    exact = [Fraction(str(pot)) * weight / sum(weights) for weight in weights]
    # As a spreadsheet does it, in floats from the start.
    figures = [pot * weight / float(sum(weights)) for weight in weights]
    wholes, remainders = whole_units(figures, Fraction(1, 100))
    left = math.floor(round(math.fsum(figures) * 100, 6) + 0.5) - sum(wholes)
    served = sorted(range(3), key=lambda row: (-remainders[row], row))[:left]
    in_floats = [whole + (row in served) for row, whole in enumerate(wholes)]
    in_fractions = rounded(exact, to=0.01)

    assert in_floats == [figure * 100 for figure in in_fractions.exact] or not in_fractions.certain


@pytest.mark.parametrize("rule", slow_but(REPRESENTATIVE, RULES), ids=str)
def test_no_rule_of_the_library_is_warned_of(rule, tmp_path):
    """No rule of the library has a unit that is too small for twelve organisations' sums."""
    assert warnings(allocate(**rule.options(), **invented(rule, tmp_path), with_effects=False)) == []


def test_the_sample_and_billions_in_whole_pounds_are_not_warned_of(tmp_path):
    """The sample, and £84bn in whole pounds among 211 CCGs of different sizes, give no such warning."""
    people = {f"{number:03}": ("North", 100_003 + 7_919 * number) for number in range(211)}
    pounds = {**IN_PENCE, "allocation": ("Allocation", "rounded(unrounded_share)")}

    assert warnings(allocate(sample=True)) == []
    assert warnings(pots_and_people(tmp_path, people, 84_000_000_000, pounds)) == []
