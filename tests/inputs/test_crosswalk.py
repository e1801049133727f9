import csv
import re
from collections import Counter
from datetime import date
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from gpit_fairshare.inputs.columns.cells import year_start
from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk, Succession, packaged_crosswalk

SHARED = Path(__file__).parents[3] / "shared" / "data"
POPULATIONS = SHARED / "england-ccg-populations.csv"
PRACTICES = SHARED / "gp-reg-pat-prac-all-2021-01.csv"

BEGINNING = date(2014, 4, 1)
END = date(2021, 4, 1)


def crosswalk(*edges):
    """A crosswalk from `(predecessor, successor, date)` and the fraction, if there is one."""
    return Crosswalk(
        Succession(old, new, date.fromisoformat(day), fraction=Fraction(*part))
        if part
        else Succession(old, new, date.fromisoformat(day))
        for old, new, day, *part in edges
    )


def test_packaged_facts():
    """Between 2015 and 2021, 142 CCGs became 37 in six rounds, every one on a 1 April."""
    successions = packaged_crosswalk().successions

    assert len(successions) == 142
    assert len({step.successor for step in successions}) == 37
    assert Counter(step.effective for step in successions) == {
        date(2015, 4, 1): 3,
        date(2017, 4, 1): 3,
        date(2018, 4, 1): 18,
        date(2019, 4, 1): 6,
        date(2020, 4, 1): 74,
        date(2021, 4, 1): 38,
    }


def test_packaged_codes_and_names():
    """Codes have the form of the Organisation Data Service, and each successor has one name and one date."""
    successions = packaged_crosswalk().successions

    assert all(len(step.predecessor) == 3 for step in successions)
    assert all(len(step.successor) == (5 if step.effective >= END else 3) for step in successions)
    assert all((step.predecessor + step.successor).isalnum() for step in successions)
    assert len({(step.successor, step.name, step.effective) for step in successions}) == 37
    assert all(step.name.startswith("NHS ") for step in successions)


def test_no_split_and_one_chain():
    """No CCG split, and the only chain of two steps is East Berkshire into Frimley."""
    successions = packaged_crosswalk().successions
    olds = [step.predecessor for step in successions]

    assert len(set(olds)) == len(olds)
    assert {(step.predecessor, step.successor) for step in successions if step.successor in olds} == {
        ("10G", "15D"),
        ("10T", "15D"),
        ("11C", "15D"),
    }
    assert packaged_crosswalk().becomes("10G", BEGINNING, END) == "D4U1Y"


@pytest.mark.skipif(not POPULATIONS.exists(), reason="the published populations are not beside the repository")
def test_ccgs_of_each_year_follow_from_those_of_2014_15():
    """The published CCGs of each year equal those of 2014/15, followed to its first day."""
    table = pl.read_csv(POPULATIONS, infer_schema=False)
    years = sorted(set(table["year"]))
    published = {year: set(table.filter(pl.col("year") == year)["org_code"]) for year in years[:8]}
    followed = {
        year: {packaged_crosswalk().becomes(code, BEGINNING, year_start(year)) for code in published["2014/15"]}
        for year in published
    }

    assert [len(codes) for codes in published.values()] == [211, 209, 209, 207, 195, 191, 135, 106]
    assert followed == published


def test_becomes_only_between_two_days():
    """A change is used if it takes effect after the first day and no later than the last."""
    walk = crosswalk(("A", "B", "2015-04-01"))

    assert walk.becomes("A", date(2014, 4, 1), date(2015, 3, 31)) == "A"
    assert walk.becomes("A", date(2014, 4, 1), date(2015, 4, 1)) == "B"
    assert walk.becomes("A", date(2015, 4, 1), date(2016, 4, 1)) == "A"


def test_becomes_leaves_unknown_codes():
    """A code that never closed, or is not known, stays the same."""
    assert packaged_crosswalk().becomes("13T", BEGINNING, END) == "13T"
    assert packaged_crosswalk().becomes("A81001", BEGINNING, END) == "A81001"


def test_a_chain_stops_at_the_last_day():
    """A chain is followed from the first day to the last."""
    walk = packaged_crosswalk()

    assert walk.becomes("10T", BEGINNING, date(2020, 4, 1)) == "15D"
    assert walk.becomes("15D", date(2019, 4, 1), END) == "D4U1Y"
    assert walk.becomes("10T", date(2019, 4, 1), END) == "10T"


def test_a_split_goes_on_in_a_chain():
    """Of A, 2/5 go to B and 3/5 to C; B later splits in halves, so D and E each have 1/5 of A."""
    walk = crosswalk(
        ("A", "B", "2016-04-01", "2/5"),
        ("A", "C", "2016-04-01", "3/5"),
        ("B", "D", "2020-04-01", "1/2"),
        ("B", "E", "2020-04-01", "1/2"),
    )

    assert walk.shares("A", BEGINNING, date(2016, 4, 1)) == {"B": Fraction(2, 5), "C": Fraction(3, 5)}
    assert walk.shares("A", BEGINNING, END) == {"C": Fraction(3, 5), "D": Fraction(1, 5), "E": Fraction(1, 5)}
    assert walk.shares("B", BEGINNING, END) == {"D": Fraction(1, 2), "E": Fraction(1, 2)}
    assert walk.route("A", END) == {"B", "C", "D", "E"}


def test_parts_that_meet_again_are_whole():
    """Both parts of A end in D, so that all of A does."""
    walk = crosswalk(
        ("A", "B", "2016-04-01", "1/3"),
        ("A", "C", "2016-04-01", "2/3"),
        ("B", "D", "2020-04-01"),
        ("C", "D", "2020-04-01"),
    )

    assert walk.shares("A", BEGINNING, END) == {"D": 1}
    assert walk.becomes("A", BEGINNING, END) == "D"


def test_a_split_has_no_one_successor():
    """After A split, asking for its successor raises an error: there is more than one."""
    walk = crosswalk(("A", "B", "2016-04-01", "1/2"), ("A", "C", "2016-04-01", "1/2"))

    with pytest.raises(ValueError, match="A split into B and C"):
        walk.becomes("A", BEGINNING, END)


@pytest.mark.parametrize(
    ("edges", "fault"),
    [
        ([("A", "B", "2015-04-01"), ("A", "C", "2015-04-01")], "the fractions of A in B and C add up to 2, not 1"),
        ([("A", "B", "2015-04-01", "1/3"), ("A", "C", "2015-04-01", "1/3")], "add up to 2/3, not 1"),
        ([("A", "B", "2015-04-01", "3/2"), ("A", "C", "2015-04-01", "-1/2")], "a fraction of A is not above 0"),
        (
            [("A", "B", "2015-04-01", "1/2"), ("A", "C", "2016-04-01", "1/2")],
            "A closes on 1 April 2015 and 1 April 2016",
        ),
        ([("A", "B", "2015-04-01", "1/2"), ("A", "B", "2015-04-01", "1/2")], "A goes twice into the same successor"),
        ([("A", "A", "2015-04-01")], "A is its own successor"),
        (
            [("A", "B", "2015-04-01"), ("B", "C", "2016-04-01"), ("C", "A", "2017-04-01")],
            "A becomes B becomes C becomes A again",
        ),
        (
            [("A", "B", "2016-04-01"), ("B", "C", "2015-04-01")],
            "A goes into B on 1 April 2016, but B closes on 1 April 2015",
        ),
        ([("A", "B", "2016-04-01"), ("B", "C", "2016-04-01")], "closes on 1 April 2016, which is not later"),
    ],
)
def test_contradictions(edges, fault):
    """A crosswalk with contradicting rows is refused, and the error says why."""
    with pytest.raises(ValueError, match=re.escape(fault)):
        crosswalk(*edges)


def test_which_organisations_exist_on_a_day():
    """CCGs began on 1 April 2013; a successor exists from its first day, when its predecessors no longer exist."""
    walk = packaged_crosswalk()
    eve, day = date(2015, 3, 31), date(2015, 4, 1)

    assert (walk.opened("00F"), walk.opened("13T")) == (date(2013, 4, 1), day)
    assert [walk.is_open(code, eve) for code in ("00F", "13T", "00C")] == [True, False, True]
    assert [walk.is_open(code, day) for code in ("00F", "13T", "00C")] == [False, True, True]
    assert walk.is_formed_by_merger("13T")
    assert not walk.is_formed_by_merger("00F")


# Codes


def test_packaged_organisations():
    """There were 248 CCGs, 211 from the first day; each of the 265 ONS codes belongs to one and is well-formed."""
    organisations = packaged_crosswalk().organisations
    codes = [code for organisation in organisations.values() for code in organisation.ons_codes]

    assert len(organisations) == 248
    assert sum(organisation.opened == date(2013, 4, 1) for organisation in organisations.values()) == 211
    assert all(re.fullmatch("[0-9A-Z]{3}|[0-9A-Z]{5}", code) for code in organisations)
    assert sorted(codes) == [f"E38{number:06}" for number in range(1, 266)]
    assert all(
        organisation.ons_codes and re.fullmatch("NHS .+ CCG", organisation.name)
        for organisation in organisations.values()
    )


def test_first_ons_codes_run_in_the_order_of_names():
    """The Office for National Statistics numbered the 211 CCGs of 2013 by the alphabet."""
    first = [
        organisation
        for organisation in packaged_crosswalk().organisations.values()
        if organisation.opened == date(2013, 4, 1)
    ]
    by_name = sorted(first, key=lambda organisation: re.sub("[^a-z ]", "", organisation.name.lower().replace("-", " ")))

    assert [organisation.ons_codes[0] for organisation in by_name] == [f"E38{number:06}" for number in range(1, 212)]


def test_ons_codes_of_successors_are_those_of_the_list_of_mergers():
    """The list of mergers, another source, has the same name and first ONS code for each of the 37 successors."""
    text = files("gpit_fairshare.inputs.mergers").joinpath("ccg-successors.csv").read_text(encoding="utf-8")
    rows = {
        (row["successor_code"], row["successor_name"], row["successor_ons_code"])
        for row in csv.DictReader(text.splitlines())
    }
    organisations = packaged_crosswalk().organisations

    assert rows == {(code, organisations[code].name, organisations[code].ons_codes[0]) for code, _, _ in rows}
    assert len(rows) == 37


def test_an_ons_code_may_change_while_the_ods_code_stays():
    """Boundaries of Fylde and Wyre, Greater Preston and Morecambe Bay moved in 2018: three new ONS codes."""
    walk = packaged_crosswalk()
    new = {"E38000226": "02M", "E38000227": "01E", "E38000228": "01K"}
    old = {"E38000060": "02M", "E38000065": "01E", "E38000093": "01K"}

    assert {code: walk.ods_code(code) for code in {**new, **old}} == {**new, **old}
    assert walk.ods_code("E380002220") is None


@pytest.mark.skipif(not PRACTICES.exists(), reason="the published practices are not beside the repository")
def test_ons_codes_as_published():
    """In January 2021 NHS Digital published 135 CCGs with both codes: these are the known pairs."""
    table = pl.read_csv(PRACTICES, infer_schema=False)
    pairs = set(table.select("ONS_CCG_CODE", "CCG_CODE").iter_rows())

    assert len(pairs) == 135
    assert pairs == {(ons, packaged_crosswalk().ods_code(ons)) for ons, _ in pairs}


# Sentences


def test_merger_sentence():
    """The sentence about a merger has its codes and its day."""
    sentence = packaged_crosswalk().merger_sentence("13T", BEGINNING, date(2015, 4, 1))

    assert sentence == "00F, 00G and 00H became 13T on 1 April 2015"


def test_merger_sentence_with_names():
    """Names come before the codes if they are known."""
    walk = crosswalk(("A", "C", "2015-04-01"), ("B", "C", "2015-04-01"))

    sentence = walk.merger_sentence("C", BEGINNING, END, {"A": "Alder", "C": "Cedar"})

    assert sentence == "Alder (A) and B became Cedar (C) on 1 April 2015"


def test_merger_sentence_of_a_chain():
    """The sentence about a chain starts at its beginning, with one clause for each merger."""
    sentence = packaged_crosswalk().merger_sentence("D4U1Y", BEGINNING, END)

    assert sentence == ("10G, 10T and 11C became 15D on 1 April 2018; 10C, 15D and 99M became D4U1Y on 1 April 2021")


def test_merger_sentence_of_a_split():
    """The sentence about an organisation that split says how much went where."""
    walk = crosswalk(
        ("A", "C", "2015-04-01", "0.4"),
        ("A", "D", "2015-04-01", "0.6"),
        ("B", "C", "2015-04-01"),
        ("E", "C", "2015-04-01", "1/3"),
        ("E", "F", "2015-04-01", "2/3"),
    )

    assert walk.merger_sentence("C", BEGINNING, END) == "40% of A, B and 1/3 of E became C on 1 April 2015"
    assert walk.merger_sentence("D", BEGINNING, END) == "60% of A became D on 1 April 2015"


def test_merger_sentence_of_nothing():
    """An organisation that did not merge between the two days has no sentence."""
    assert packaged_crosswalk().merger_sentence("13T", date(2015, 4, 1), END) == ""
    assert packaged_crosswalk().merger_sentence("00C", BEGINNING, date(2019, 4, 1)) == ""


def test_splits_that_meet_again_take_no_time():
    """Two organisations swap thirds for forty years: each year's shares follow only from the next year's."""
    walk = crosswalk(
        *(
            (f"{old}{year}", f"{new}{year + 1}", f"{2000 + year}-04-01", 1 if old == new else 2, 3)
            for year in range(40)
            for old in "ab"
            for new in "ab"
        )
    )
    shares = walk.shares("a0", date(1999, 1, 1), date(2050, 1, 1))

    assert sum(shares.values()) == 1
    assert set(shares) == {"a40", "b40"}
    assert "a40" in walk.route("a0", date(2050, 1, 1))
