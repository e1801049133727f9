from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from gpit_fairshare.inputs import Crosswalk, Succession, packaged_crosswalk, year_start

SHARED = Path(__file__).parents[2] / "shared" / "data"
POPULATIONS = SHARED / "england-ccg-populations.csv"

BEGINNING = date(2014, 4, 1)
END = date(2021, 4, 1)


def crosswalk(*edges):
    """A crosswalk of `(predecessor, successor, date)`."""
    return Crosswalk(Succession(old, new, date.fromisoformat(day)) for old, new, day in edges)


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
    """Codes are those of the Organisation Data Service, and each successor has one name and one date."""
    successions = packaged_crosswalk().successions

    assert all(len(step.predecessor) == 3 for step in successions)
    assert all(len(step.successor) == (5 if step.effective >= END else 3) for step in successions)
    assert all((step.predecessor + step.successor).isalnum() for step in successions)
    assert len({(step.successor, step.name, step.effective) for step in successions}) == 37
    assert all(step.name.startswith("NHS ") for step in successions)


def test_no_split_and_one_chain():
    """No CCG split, and the only chain of two steps is that of East Berkshire into Frimley."""
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
    """The published CCGs of each year are those of 2014/15 followed to its first day."""
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
    """A change counts if it takes effect after the first day and no later than the last."""
    walk = crosswalk(("A", "B", "2015-04-01"))

    assert walk.becomes("A", date(2014, 4, 1), date(2015, 3, 31)) == "A"
    assert walk.becomes("A", date(2014, 4, 1), date(2015, 4, 1)) == "B"
    assert walk.becomes("A", date(2015, 4, 1), date(2016, 4, 1)) == "A"


def test_becomes_leaves_unknown_codes():
    """A code that never closed, or is not known, stays as it is."""
    assert packaged_crosswalk().becomes("13T", BEGINNING, END) == "13T"
    assert packaged_crosswalk().becomes("A81001", BEGINNING, END) == "A81001"


def test_a_chain_stops_at_the_last_day():
    """A chain is followed as far as the last day reaches, and from where the first day stands."""
    walk = packaged_crosswalk()

    assert walk.becomes("10T", BEGINNING, date(2020, 4, 1)) == "15D"
    assert walk.becomes("15D", date(2019, 4, 1), END) == "D4U1Y"
    assert walk.becomes("10T", date(2019, 4, 1), END) == "10T"


def test_a_split_is_refused():
    """Two successors of one organisation would need shares of its people, so they are refused."""
    with pytest.raises(ValueError, match="A has two successors"):
        crosswalk(("A", "B", "2015-04-01"), ("A", "C", "2015-04-01"))


def test_merger_sentence():
    """A merger is told with its codes and its day."""
    sentence = packaged_crosswalk().merger_sentence("13T", BEGINNING, date(2015, 4, 1))

    assert sentence == "00F, 00G and 00H became 13T on 1 April 2015"


def test_merger_sentence_with_names():
    """Names come before the codes where they are known."""
    walk = crosswalk(("A", "C", "2015-04-01"), ("B", "C", "2015-04-01"))

    sentence = walk.merger_sentence("C", BEGINNING, END, {"A": "Alder", "C": "Cedar"})

    assert sentence == "Alder (A) and B became Cedar (C) on 1 April 2015"


def test_merger_sentence_of_a_chain():
    """A chain is told from its beginning, one clause for each merger."""
    sentence = packaged_crosswalk().merger_sentence("D4U1Y", BEGINNING, END)

    assert sentence == ("10G, 10T and 11C became 15D on 1 April 2018; 10C, 15D and 99M became D4U1Y on 1 April 2021")


def test_merger_sentence_of_nothing():
    """What did not merge between the two days has no sentence."""
    assert packaged_crosswalk().merger_sentence("13T", date(2015, 4, 1), END) == ""
    assert packaged_crosswalk().merger_sentence("00C", BEGINNING, date(2019, 4, 1)) == ""
