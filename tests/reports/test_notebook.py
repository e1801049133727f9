"""What a notebook shows of results: a short text, a piece of HTML; and the files that `write` makes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from contextlib import chdir

import pytest

from gpit_fairshare import Verification, allocate, check, compare, explain
from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.verification import DifferenceKind, FileDifference
from running import ABCD_PEOPLE, ABCD_SPEND, gpit, population_file, spend_file, write_rows

HOSTILE = "<script>alert('x')</script> **b** & \"y\""
LONGEST = 300
"""Three lines of 100 characters."""


@pytest.fixture(scope="module", params=["four", pytest.param("England", marks=pytest.mark.slow)])
def run(request, tmp_path_factory):
    """The options of a run of four organisations or, in the slow tier, of 211."""
    if request.param == "England":
        return {"sample": True}
    folder = tmp_path_factory.mktemp("four")
    return {"population": population_file(folder, ABCD_PEOPLE), "spend": spend_file(folder, ABCD_SPEND)}


@pytest.fixture(scope="module")
def result(run):
    """A run, without the effects of assumptions."""
    return allocate(**run, with_effects=False)


@pytest.fixture(scope="module")
def objects(run, result):
    """One object of each class that the public calls return; that of `verify` has 2,000 differences."""
    other = allocate(**run, with_effects=False, settings={"transition_fund": 10_000})
    verification = Verification("result.xlsx", "gpit-2014-16")
    for row in range(2_000):
        verification.content.add(FileDifference(DifferenceKind.VALUE, f"2014-15!Q{row}", "Allocation", row, row + 1))
    explanation = explain(result, result.rows["org_code"][0])
    return [result, compare(result, other), explanation, check(**run), verification]


def reachable(start):
    """Every object of the package that attributes of `start` hand out, each once; texts and numbers are left out."""
    seen, waiting = {}, [start]
    while waiting:
        held = waiting.pop()
        if id(held) in seen or isinstance(held, str | int | float | bytes | type(None)):
            continue
        seen[id(held)] = held
        if isinstance(held, Mapping):
            waiting += [*held.values()][:300]
        elif isinstance(held, list | tuple | set | frozenset):
            waiting += [*held][:300]
        elif dataclasses.is_dataclass(held):
            waiting += [getattr(held, field.name) for field in dataclasses.fields(held)]
    return [held for held in seen.values() if type(held).__module__.startswith("gpit_fairshare")]


def test_each_result_prints_in_three_lines(objects):
    """The text of what a public call returns has at most 300 characters, in one line."""
    for held in objects:
        assert 0 < len(repr(held)) <= LONGEST
        assert "\n" not in repr(held)


def test_everything_that_results_hand_out_prints_in_ten_lines(objects):
    """The text of no object within a result has 1,000 characters; at first a `Side` had 217,000."""
    held = [inner for outer in objects for inner in reachable(outer)]

    assert {type(inner).__name__ for inner in held} >= {"Scheme", "Inputs", "Year", "Side", "Record", "Finding"}
    assert [type(inner).__name__ for inner in held if len(repr(inner)) > 1000] == []


def test_a_short_text_counts_what_is_long(result):
    """A year prints its name and the number of its outcomes: one for each organisation."""
    text = repr(result.years["2014/15"])

    assert text.startswith("Year(year='2014/15', ")
    assert f"outcomes=<list of {result.rows['org_code'].n_unique()}>" in text


def test_the_text_of_a_result_says_what_limits_its_use(tmp_path):
    """A fund of £400,000 pays a need of £400,000 in full, and £200,000 of it in the second year; 4 checks pass.

    Without a spend file and a transition, the draft below has no check at all; one that fails is counted.
    """
    files = {"population": population_file(tmp_path, ABCD_PEOPLE), "spend": spend_file(tmp_path, ABCD_SPEND)}
    funds = {"revenue_budget": 2_000_000, "transition_fund": 400_000}
    text = repr(allocate(**files, settings=funds, with_effects=False))
    draft = tmp_path / "draft.toml"
    draft.write_text(
        '[scheme]\nname = "draft"\ntitle = "A draft"\norganisation = "CCG"\nyears = ["2014/15"]\n'
        '[parameters.pot]\nlabel = "Pot"\nunit = "£"\n[parameters.pot.values]\nevery_year = 90\n'
        '[[steps]]\nname = "allocation"\nlabel = "Allocation"\nunit = "£"\n'
        'formula = "share_out(pot, by=registered_population)"\n',
        encoding="utf-8",
    )
    unchecked = repr(allocate(scheme=draft, population=files["population"], with_effects=False))
    strict = draft.read_text(encoding="utf-8") + (
        '[[checks]]\nname = "Nothing for A"\nformula = "allocation > 20"\n'
        '[[checks]]\nname = "All"\nformula = "allocation > 0"\n'
    )
    draft.write_text(strict, encoding="utf-8")

    assert "; all 4 checks pass; " in text
    assert "; £200,000 of transition fund unspent" in text
    assert "; no checks; " in unchecked
    assert "; DRAFT: 1 value without a source; " in unchecked
    assert "; 1 of 2 checks fails; " in repr(allocate(scheme=draft, population=files["population"], with_effects=False))


def test_a_notebook_shows_a_short_report(objects):
    """Each piece of HTML is closed, has no script, less than 60 kB, and style for nothing but itself."""
    for held in objects:
        html = held._repr_html_()
        style = re.search(r"<style>(.*)</style>", html, re.DOTALL)[1]
        selectors = [selector for rule in style.split("}") for selector in rule.partition("{")[0].strip().split(", ")]

        assert html.startswith('<div class="gpit-report">')
        assert html.count("<div") == html.count("</div>")
        assert len(html.encode()) < 60_000
        assert "<script" not in html
        assert [selector for selector in selectors[:-1] if not selector.startswith("div.gpit-report ")] == []


def test_a_notebook_shows_a_list_as_a_screen_does(objects):
    """Of 2,000 differences a notebook shows 20, as `gpit verify` does on a screen, and the number of the others."""
    html = objects[-1]._repr_html_()

    assert html.count("2014-15!Q") == 20
    assert "and 1,980 more" in html


def test_two_reports_in_a_notebook_have_different_ids(result):
    """The ladders of two CCGs have no id in common: a label would otherwise be read out with the wrong picture."""
    codes = result.rows["org_code"][:2]
    ids = [set(re.findall(r' id="([^"]+)"', explain(result, code)._repr_html_())) for code in codes]

    assert all(ids)
    assert ids[0] & ids[1] == set()


def test_names_are_never_markup_in_a_notebook(tmp_path):
    """A name with a script in it is shown as it is written, wherever it occurs."""
    population = write_rows(
        tmp_path / "population.csv",
        [{"org_code": "A", "org_name": HOSTILE, "registered_population": 9, "historic_spend": 1}],
    )
    options = {"population": population, "with_effects": False}
    result, other = (allocate(**options, settings={"revenue_budget": budget}) for budget in (100, 200))

    for held in (result, explain(result, "A"), compare(result, other), check(population=population)):
        assert "<script" not in held._repr_html_()
    assert "&lt;script&gt;" in explain(result, "A")._repr_html_()


# Files ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_write_gives_the_files_of_the_command_line(tmp_path):
    """Files of every format, and the manifests, have the bytes that `gpit allocate -o` writes."""
    names = ["a.csv", "a.json", "a.xlsx", "a.parquet", "a.html", "a.md"]
    typed, called = tmp_path / "typed", tmp_path / "called"
    typed.mkdir()
    called.mkdir()
    outputs = [part for name in names for part in ("-o", name)]
    assert gpit("allocate", "--sample", "--manifest", "-q", *outputs, folder=typed).returncode == 0

    written = allocate(sample=True).write(*(called / name for name in names), manifest=True)

    assert sorted(path.name for path in written) == sorted(path.name for path in typed.iterdir())
    assert [path.name for path in written if path.read_bytes() != (typed / path.name).read_bytes()] == []


def test_write_returns_the_files_each_manifest_after_its_table(result, tmp_path):
    """A text or a path may be given; an existing manifest is written again without being asked for."""
    first = result.write(str(tmp_path / "a.csv"), tmp_path / "a.md", manifest=True)
    again = result.write(tmp_path / "a.csv")

    assert [path.name for path in first] == ["a.csv", "a.csv.manifest.json", "a.md"]
    assert [path.name for path in again] == ["a.csv", "a.csv.manifest.json"]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "write: expected the name of a file, such as result.html"),
        (["a.pdf"], "write a.pdf: expected a name ending in .xlsx, .json, .csv, .parquet, .html or .md"),
        (["a.md", "a.md"], "write a.md: is given twice"),
        (["no/a.md"], "write no/a.md: there is no folder no; create it first"),
        (["a.csv", 5], "write 5: expected the name of a file, as a text or a path"),
    ],
    ids=["none", "ending", "twice", "folder", "number"],
)
def test_a_wrong_name_is_refused_before_anything_is_written(result, paths, message, tmp_path):
    """The error names the file, what was expected, and what to do; the folder stays empty."""
    with chdir(tmp_path), pytest.raises(UsageError) as refusal:
        result.write(*paths)

    assert str(refusal.value) == message
    assert [*tmp_path.iterdir()] == []


def test_a_manifest_needs_a_table(result, tmp_path):
    """`manifest=True` without a table is an error that names the argument, not an option of the command line."""
    with pytest.raises(UsageError, match=r"^manifest=True: needs write with a .csv or .parquet file"):
        result.write(tmp_path / "a.md", manifest=True)


def test_an_input_is_never_overwritten(tmp_path):
    """A file of the run, also a copy under another name, stays as it is, and nothing else is written."""
    population, spend = population_file(tmp_path, ABCD_PEOPLE), spend_file(tmp_path, ABCD_SPEND)
    result = allocate(population=population, spend=spend, with_effects=False)
    copies = [population, spend.rename(tmp_path / "costs.csv")]
    before = [copy.read_bytes() for copy in copies]

    for copy in copies:
        with pytest.raises(UsageError, match=r"is one of the inputs; inputs are never overwritten$"):
            result.write(tmp_path / "new.csv", copy)

    assert [copy.read_bytes() for copy in copies] == before
    assert not (tmp_path / "new.csv").exists()


def test_a_file_that_cannot_be_written_leaves_the_others_unwritten(result, tmp_path, monkeypatch):
    """If the second file fails, the first is not there either: all files or none."""
    monkeypatch.setattr("gpit_fairshare.results.writing.write_parquet", fail)

    with pytest.raises(OutputError, match=r"^b.parquet: cannot be written \(No space left on device\)"):
        result.write(tmp_path / "a.csv", tmp_path / "b.parquet")

    assert [*tmp_path.iterdir()] == []


def fail(_result, _path):
    """Fail as on a full disk."""
    raise OSError(28, "No space left on device")


def test_every_report_can_be_written(objects, tmp_path):
    """A comparison is written as JSON, CSV or a report; an explanation, a check and a verification as a report."""
    _, comparison, *others = objects

    assert [path.name for path in comparison.write(tmp_path / "c.csv", tmp_path / "c.md")] == ["c.csv", "c.md"]
    assert (tmp_path / "c.csv").read_text(encoding="utf-8").startswith("year,org_code,")
    assert (tmp_path / "c.md").read_text(encoding="utf-8") == comparison.markdown()
    for number, held in enumerate(others):
        (path,) = held.write(tmp_path / f"{number}.html")
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        with pytest.raises(UsageError, match=r"expected a name ending in .html or .md"):
            held.write(tmp_path / "a.csv")


def test_a_compared_file_is_never_overwritten(result, tmp_path):
    """A comparison is not written in place of a result that was compared."""
    (path,) = result.write(tmp_path / "old.csv")
    before = path.read_bytes()

    with pytest.raises(UsageError, match=r"old.csv: is one of the inputs; inputs are never overwritten$"):
        compare(path, result).write(path)

    assert path.read_bytes() == before
