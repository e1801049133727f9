"""People counted and weighted by organisation: totals, cells, suppression, years, mergers, and their allocations."""

from collections import Counter
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folders import repeatable
from gpit_fairshare import GpitError, InputError, UsageError, allocate, population
from gpit_fairshare.people.cells import suppressed
from oracle import rounded
from rows_of_people import WEIGHTS, counted_plainly, people_file, suppressed_plainly, weight, weights_file

SIX = [
    ("A81001", 47, "male"),
    ("A81001", 3, "female"),
    ("A81001", 3, "female"),
    ("A81002", 90, "female"),
    ("B82003", 70, "male"),
    ("B82003", 4, "male"),
]
NUMBERS = ("org_code", "age", "sex", "registered_population")


def random_people(seed, number, codes):
    """Return people of some organisations; the first have more of them."""
    draw = repeatable(seed)
    drawn = draw.choices(codes, weights=range(len(codes), 0, -1), k=number)
    return [(code, draw.randrange(111), draw.choice(["female", "male"])) for code in drawn]


# Totals ----------------------------------------------------------------------------------------------------


def test_totals_add_up_to_the_rows(tmp_path):
    """Of 6 rows, the frame and the cells have 6 people, and each organisation what a plain loop counts."""
    counted = population(people=people_file(tmp_path, SIX), weights=weights_file(tmp_path))

    assert counted.frame.rows() == counted_plainly(SIX)
    assert counted.frame.columns == ["org_code", "registered_population", "weighted_population"]
    assert (counted.row_count, counted.registered, counted.cells["registered_population"].sum()) == (6, 6, 6)
    assert counted.cells.filter(org_code="A81001").rows() == [
        ("A81001", 3, "female", 2, 1.32),
        ("A81001", 47, "male", 1, 0.54),
    ]
    assert counted.findings == ()


def test_people_are_only_counted_without_weights(tmp_path):
    """Other columns are not needed, and have no part in cells."""
    counted = population(people=people_file(tmp_path, SIX))

    assert counted.frame.rows() == counted.cells.rows() == [("A81001", 3), ("A81002", 1), ("B82003", 2)]


def test_order_of_rows_and_files_does_not_matter(tmp_path):
    """300 people give the same in one file, and shuffled in a folder within a folder."""
    rows = random_people(1, 300, ["A", "B", "C"])
    weights = weights_file(tmp_path)
    mixed = repeatable(2).sample(rows, k=300)
    for number in range(3):
        (tmp_path / "parts" / str(number)).mkdir(parents=True)
        people_file(tmp_path / "parts" / str(number), mixed[number::3])

    counted = population(people=people_file(tmp_path, rows), weights=weights)
    of_folder = population(people=tmp_path / "parts", weights=weights)

    assert counted.frame.rows() == counted_plainly(rows)
    assert counted.frame.equals(of_folder.frame)
    assert counted.cells.equals(of_folder.cells)


def test_rows_for_several_people(tmp_path):
    """A row with a number counts as often: 20 men of 47 weigh 20 × 0.54 = 10.8, and 0 women nothing."""
    rows = [("A", 47, "male", 20), ("A", 30, "female", 0), ("B", 90, "female", "3"), ("B", 90, "female", "4.0")]

    counted = population(people=people_file(tmp_path, rows, NUMBERS), weights=weights_file(tmp_path))

    assert counted.frame.rows() == [("A", 20, 10.8), ("B", 7, 18.865)]  # 7 × 2.695
    assert (counted.row_count, counted.registered) == (4, 27)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_random_cells_are_those_of_fractions(data, tmp_path_factory):
    """For random weights and numbers of people, a weighted population is the float nearest to the exact fraction."""
    decimals = st.decimals("0.001", "99.999", places=3)
    bands = data.draw(st.lists(decimals, min_size=4, max_size=4))
    sexes = data.draw(st.lists(decimals, min_size=2, max_size=2))
    text = WEIGHTS
    for known, drawn in zip(
        ("= 1.2,", "= 0.6,", "= 1.9,", "= 2.45,", "= 1.1,", "= 0.9,"), (*bands, *sexes), strict=True
    ):
        text = text.replace(f"value {known}", f"value = {drawn},")
    row = st.tuples(st.sampled_from("ABC"), st.integers(0, 119), st.booleans(), st.integers(0, 10**7))
    rows = [
        (code, age, ("female", "male")[is_male], number)
        for code, age, is_male, number in data.draw(st.lists(row, min_size=1, max_size=30))
    ]
    folder = tmp_path_factory.mktemp("cells")

    counted = population(people=people_file(folder, rows, NUMBERS), weights=weights_file(folder, text))

    exact = Counter()
    for code, age, sex, number in rows:
        of_age = Fraction(bands[(age >= 5) + (age >= 65) + (age >= 85)])
        exact[code] += of_age * Fraction(sexes[sex == "male"]) * number
    assert dict(zip(counted.frame["org_code"], counted.frame["weighted_population"], strict=True)) == {
        code: float(value) for code, value in exact.items()
    }
    assert counted.registered == sum(number for *_, number in rows)


# Weights ---------------------------------------------------------------------------------------------------


def test_a_parameter_of_the_weights_is_set(tmp_path):
    """With 2 as the weight from 85 on, a woman of 90 weighs 2 × 1.1 = 2.2."""
    options = {"people": people_file(tmp_path, SIX), "weights": weights_file(tmp_path)}

    counted = population(**options, settings={"age_weight[85]": 2})

    assert counted.frame.row(1) == ("A81002", 1, 2.2)


def test_where_needs_every_sex_by_name(tmp_path):
    """A comparison must not count everything that is not male as female: the weights name both, or it is refused."""
    rows = people_file(tmp_path, [("A", 47, "male"), ("A", 47, "female")])
    both = r"where(sex == \"male\", 0.9, where(sex == \"female\", 1.1, 0))"
    one = r"where(sex == \"male\", 0.9, 1.1)"

    counted = population(people=rows, weights=weights_file(tmp_path, WEIGHTS.replace("lookup(sex_weight, sex)", both)))
    assert counted.frame.rows() == [("A", 2, 1.2)]  # 0.6 × 0.9 + 0.6 × 1.1

    with pytest.raises(InputError, match=r"1 person of 1 organisation .A.: sex is 'female', which the weights do not"):
        population(people=rows, weights=weights_file(tmp_path, WEIGHTS.replace("lookup(sex_weight, sex)", one)))


def test_texts_with_otherwise_are_open(tmp_path):
    """A table with `otherwise` says what others weigh: 0.6 × 1."""
    otherwise = '\notherwise = { value = 1, source = "made-up" }\n\n[[steps]]'
    text = WEIGHTS.replace("\n[[steps]]", otherwise)

    counted = population(people=people_file(tmp_path, [("A", 47, "x")]), weights=weights_file(tmp_path, text))

    assert counted.frame.rows() == [("A", 1, 0.6)]


# Suppression -----------------------------------------------------------------------------------------------


def test_small_counts_are_hidden(tmp_path):
    """Of A's counts 1 is hidden, and 6 as the next smallest, which the total would give away; B's 2 and 3, no more."""
    counts = {("A", 1): 1, ("A", 2): 6, ("A", 3): 20, ("B", 1): 2, ("B", 2): 3, ("B", 3): 5, ("C", 1): 9}
    rows = [(code, age, "male", number) for (code, age), number in counts.items()]
    options = {"people": people_file(tmp_path, rows, NUMBERS), "weights": weights_file(tmp_path)}

    counted = population(**options, suppress=5)

    shown = counted.cells.select("org_code", "age", "registered_population", "suppressed").rows()
    hidden = {("A", 1), ("A", 2), ("B", 1), ("B", 2)}
    assert shown == [
        (*cell, None, "yes") if cell in hidden else (*cell, number, "no") for cell, number in counts.items()
    ]
    assert counted.frame.equals(population(**options).frame)
    assert counted.registered == 46


@pytest.mark.parametrize("seed", range(5))
def test_random_small_counts_are_hidden(seed):
    """A plain loop hides the same cells; a count of 0 is not hidden."""
    draw = repeatable(seed)
    counts = {(code, f"{age:02}"): draw.choice([0, 1, 3, 4, 5, 5, 6, 40]) for code in "ABCDEFGH" for age in range(4)}
    rows = [(*cell, number) for cell, number in counts.items()]
    cells = pl.DataFrame(rows, ["org_code", "age", "registered_population"], orient="row")

    hidden = suppressed(cells, 5).filter(suppressed="yes")

    assert {*hidden.select("org_code", "age").iter_rows()} == suppressed_plainly(counts, 5)
    assert hidden["registered_population"].null_count() == hidden.height


# Years, organisations and mergers --------------------------------------------------------------------------


def test_only_people_of_the_year_count(tmp_path):
    """Rows of another year are left out, which a note counts; the frame says the year."""
    rows = [("A", 47, "male", "2014/15"), ("A", 3, "male", "2013-14"), ("B", 90, "male", "2014-15")]
    options = {"people": people_file(tmp_path, rows, ("org_code", "age", "sex", "year")), "year": "2014/15"}

    counted = population(**options, weights=weights_file(tmp_path))

    assert counted.frame.rows() == [("2014/15", "A", 1, 0.54), ("2014/15", "B", 1, 2.205)]  # 2.45 × 0.9
    assert [finding.found for finding in counted.findings] == ["1 row of other years than 2014/15 was left out"]


def test_an_organisation_is_left_out(tmp_path):
    """It is in no total."""
    counted = population(people=people_file(tmp_path, SIX), leave_out="A81001")

    assert counted.frame.rows() == [("A81002", 1), ("B82003", 2)]


def test_organisations_that_merged_are_one(tmp_path):
    """00F, 00G and 00H became 13T on 1 April 2015: their people are added up, and cells keep their codes."""
    rows = [("00F", 47, "male"), ("00F", 3, "female"), ("00G", 90, "female"), ("00H", 70, "male"), ("00C", 4, "male")]
    path = people_file(tmp_path, rows, ("org_code", "age", "sex"))

    counted = population(people=path, weights=weights_file(tmp_path), boundaries="2015/16")

    assert counted.frame["org_code"].to_list() == ["00C", "13T"]
    assert counted.frame["registered_population"].to_list() == [1, 4]
    merged = sum(weight(age, sex) for _, age, sex in rows[:4])
    assert counted.frame["weighted_population"].to_list() == [1.08, pytest.approx(float(merged), rel=1e-15)]
    assert {*counted.cells["org_code"]} == {"00C", "00F", "00G", "00H"}


def test_heading_of_another_name(tmp_path):
    """`mapping` names a heading that is not recognised."""
    path = people_file(tmp_path, SIX, ("Surgery", "Age in years", "sex"))
    mapping = {"Surgery": "org_code", "Age in years": "age"}

    counted = population(people=path, weights=weights_file(tmp_path), mapping=mapping)

    assert counted.frame.rows() == counted_plainly(SIX)


# From people to allocation ---------------------------------------------------------------------------------


def test_people_become_allocations(tmp_path):
    """£1,000 for A (0.54 + 1.32 = 1.86) and B (2.695) of 4.555: 408.34 and 591.66, so £408 and £592."""
    rows = [("A", 47, "male"), ("A", 3, "female"), ("B", 90, "female")]
    counted = population(people=people_file(tmp_path, rows), weights=weights_file(tmp_path))

    result = allocate(
        population=counted.frame,
        scheme="fair-share",
        formula="weighted-population",
        years=["2014/15"],
        settings={"revenue_budget": 1000},
    )

    assert result.rows["allocation"].to_list() == [408, 592]


def test_many_people_become_allocations(tmp_path):
    """The allocations of 12 organisations are those of exact fractions, and add up to the budget."""
    rows = random_people(3, 2_000, [f"A{number:05}" for number in range(12)])
    counted = population(people=people_file(tmp_path, rows), weights=weights_file(tmp_path), year="2014/15")

    result = allocate(
        population=counted.frame,
        scheme="fair-share",
        formula="weighted-population",
        years=["2014/15"],
        settings={"revenue_budget": 5_000_000},
    )

    weighted = Counter()
    for code, age, sex in rows:
        weighted[code] += weight(age, sex)
    codes = sorted(weighted)
    exact = [5_000_000 * weighted[code] / sum(weighted.values()) for code in codes]
    assert result.rows["allocation"].to_list() == rounded(exact)
    assert result.rows["allocation"].sum() == 5_000_000


def test_the_same_file_twice_is_refused(tmp_path):
    """A copy under another name has the same bytes, and its people would count twice."""
    path = people_file(tmp_path, [("A", 3, "male")])
    (tmp_path / "copy.csv").write_bytes(path.read_bytes())
    with pytest.raises(UsageError, match=r"copy\.csv and people\.csv have the same bytes"):
        population(people=[path, tmp_path / "copy.csv"])


def test_negative_weights_are_refused(tmp_path):
    """A weight below 0 would take people away from an organisation."""
    path, weights = people_file(tmp_path, [("A", 3, "male")]), weights_file(tmp_path)
    with pytest.raises(UsageError, match=r"the weight of age 3, sex male is -1\.2; expected 0 or more"):
        population(people=path, weights=weights, settings={"sex_weight[male]": -1})


def test_other_files_of_a_folder_are_named(tmp_path):
    """A workbook among the rows is not read, and a note says so."""
    people_file(tmp_path, [("A", 3, "male")])
    (tmp_path / "more.xlsx").write_bytes(b"")
    (note,) = population(people=tmp_path).findings
    assert (note.level, note.found) == ("note", "other files in the folders were not read: more.xlsx")


def test_numbers_of_people_that_are_added_up_are_named(tmp_path):
    """Without weights, rows of one organisation may be totals of others, such as all ages."""
    path = people_file(tmp_path, [("A", "ALL", 5), ("A", "3", 5)], ("org_code", "age", "registered_population"))
    answer = population(people=path)
    assert answer.registered == 10
    assert [finding.found for finding in answer.findings] == ["2 rows were added up to 1 organisation"]


def test_an_organisation_called_total_is_not_left_out(tmp_path):
    """Totals of organisations add up to the rows, or nothing is written."""
    rows = [("A", 3, "male"), ("B", 3, "male"), ("Total", 3, "male"), ("Total", 4, "male")]
    with pytest.raises(GpitError, match="Total"):
        population(people=people_file(tmp_path, rows))


def test_all_unknown_values_are_listed_at_once(tmp_path):
    """An age that is no number does not hide an age outside the bands."""
    path = people_file(tmp_path, [("A", "47y", "male"), ("A", 130, "male"), ("A", 3, "male")])
    with pytest.raises(InputError) as caught:
        population(people=path, weights=weights_file(tmp_path))
    text = " ".join(map(str, caught.value.findings))
    assert "'47y'" in text
    assert "age is 130" in text


def test_a_combination_without_a_weight_is_named_by_its_values(tmp_path):
    """A weight that divides by 0 is undefined for people of 40."""
    path = people_file(tmp_path, [("A", 40, "male")])
    weights = weights_file(tmp_path, WEIGHTS.replace("lookup(sex_weight, sex)", "lookup(sex_weight, sex) / (age - 40)"))
    with pytest.raises(GpitError, match="age 40, sex male"):
        population(people=path, weights=weights)


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_cells_need_commas(tmp_path, mark, name):
    """A file with other separators has one heading, and the message says which separators they are."""
    path = tmp_path / "people.csv"
    path.write_text(f"org_code{mark}age\nA{mark}3\n", encoding="utf-8")
    with pytest.raises(UsageError, match=f"separated by {name}: expected commas"):
        population(people=path)
