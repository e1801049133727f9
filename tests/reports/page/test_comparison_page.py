"""The page of a comparison: sections, texts and charts of every kind of comparison; in Chromium in the slow tier."""

from __future__ import annotations

import re
import sys

import pytest

from browser import accessibility_faults, opened
from gpit_fairshare import allocate, compare
from gpit_fairshare.cli import main
from gpit_fairshare.errors import OutputError, UsageError
from gpit_fairshare.presentation import Page
from gpit_fairshare.reports.comparison import comparison_document
from gpit_fairshare.reports.formats import rendered
from gpit_fairshare.reports.page import bundle
from gpit_fairshare.reports.page.comparison import comparison_page
from running import population_file, read_rows, write_rows
from small_schemes import TWO, people_by_year, scheme

FOUR = {"A": 100, "B": 200, "C": 300, "D": 400}
SHARE = "allocation = share_out(pot, by=registered_population) # £"
SQUARES = """
    weight = registered_population * registered_population
    allocation = share_out(pot, by=weight) # £
"""
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"q\" 'p' & <!--"


def run(folder, steps=SHARE, *, people=None, years='["2014/15"]', **options):
    """Run a scheme for four CCGs with 1,000 people, or for people by year."""
    options = {"population": people or population_file(folder, FOUR), **options}
    return allocate(scheme=scheme(folder, steps, years), with_effects=False, **options)


def page_of(old, new):
    """Return the page of a comparison, with a short script in place of Vega."""
    return comparison_page(compare(old, new), vega="window.vegaEmbed = null;", notices="Vega: BSD-3-Clause")


def text_of(html):
    """Return a piece of HTML without its tags, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def section(page, name):
    """Return the text of a section."""
    return text_of(page.partition(f'<section id="{name}"')[2].partition(">")[2].partition("</section>")[0])


def sections(page):
    """Return the ids of the sections."""
    return re.findall(r'<section id="([a-z-]+)"', page)


@pytest.fixture
def halved(tmp_path):
    """The page of £1,000 by patients, and of £500: A has £100 and then £50."""
    return page_of(run(tmp_path), run(tmp_path, settings={"pot": 500}))


# Sections ------------------------------------------------------------------------------------------------------


def test_what_changes_is_first_and_both_results_are_last(halved):
    """The pot is halved: all lose half. Sections are in the order of questions."""
    answer = text_of(halved.partition('<div id="answer">')[2].partition("</div>")[0])

    assert answer == "The total falls by £500 (50.0%) to £500; all 4 CCGs lose."
    assert sections(halved) == [
        *("in-short", "figures", "why", "gains-and-losses", "everybody", "organisation", "differences", "sides")
    ]
    assert "<h1>What changes: Test " in halved
    assert "script-src 'sha256-" in halved


def test_a_waterfall_leads_from_the_old_total_to_the_new_one(halved):
    """£1,000 less £500 by the pot is £500."""
    assert (
        "From the old total to the new one, 2014/15: £1,000 in the old result; -£500 Pot; £500 in the new result."
    ) in halved


def test_everybody_who_changes_is_in_the_table_largest_loss_first(halved):
    """D loses £200 of £400, A £50 of £100; the reason of each is the pot."""
    rows = re.findall(r'<tr data-code="(.)">(.*?)</tr>', halved)

    assert [code for code, _ in rows] == ["D", "C", "B", "A"]
    assert text_of(rows[0][1]) == "D D £400 £200 -£200 -50.0% Pot"


def test_one_organisation_has_its_causes(halved):
    """The largest loss is that of D: £400 less £200 by the pot is £200."""
    lines = "Old £400 Pot -£200 New £200 Change -£200 Change in % -50.0%"

    assert section(halved, "organisation").endswith(f"D 2014/15 {lines}")


def test_sentences_are_those_of_the_plain_report(tmp_path):
    """Each sentence, cause, difference and fact of the plain report is on the page."""
    comparison = compare(run(tmp_path), run(tmp_path, SQUARES, settings={"pot": 500}))
    page = text_of(comparison_page(comparison, vega="", notices="").partition("<footer>")[0])
    plain = rendered(comparison_document(comparison), ".html")
    tags = re.findall(r"<(p|li)\b[^>]*>(.*?)</\1>", plain, re.DOTALL)

    assert len(tags) > 8
    assert [text_of(text) for _, text in tags if text_of(text) not in page] == []


# Every kind of comparison --------------------------------------------------------------------------------------


def test_the_same_results_have_a_short_page(tmp_path):
    """Nothing differs: there is no table and no chart, and the page says so."""
    page = page_of(run(tmp_path), run(tmp_path))

    assert sections(page) == ["in-short", "differences", "sides"]
    assert "No differences: all 4 rows have the same figures." in section(page, "in-short")
    assert "Both have the same rule, values and input files." in section(page, "differences")


def test_money_that_moves_and_those_who_keep_theirs_are_told(tmp_path):
    """A gives £10 to B; C and D keep what they have: by hand, from 100, 200, 300 and 400 to 90, 210, 300 and 400."""
    page = page_of(
        run(tmp_path),
        run(tmp_path, people=population_file(tmp_path, {"A": 90, "B": 210, "C": 300, "D": 400}, "q.csv")),
    )

    assert "£10 (1.0%) moves between 2 CCGs; the total is unchanged at £1,000." in section(page, "in-short")
    assert "chart-waterfall" not in page
    assert "2 CCGs do not change (2014/15) and do not appear here." in section(page, "everybody")


def test_answers_that_are_not_money_have_no_charts(tmp_path):
    """Rates cannot be added up: the table is for the last year, and there is no waterfall."""
    people = people_by_year(tmp_path, {"2014/15": FOUR, "2015/16": FOUR})
    rate = "allocation = {} / registered_population # £ per head"
    old, new = (run(tmp_path, rate.format(pot), people=people, years=TWO) for pot in ("pot", "(pot * 2)"))
    page = page_of(old, new)

    assert 'class="chart"' not in page
    assert "figures" not in sections(page)
    assert "Allocation (£ per head): 2015/16" in section(page, "everybody")
    assert '<span id="organisations-year">2015/16</span>' in page
    assert re.findall(r"<option[^>]*>([^<]*)", page) == ["2015/16", "2014/15"]
    assert "Moves" not in section(page, "why")


def test_years_are_added_up_first_and_each_can_be_chosen(tmp_path):
    """£1,000 in each of two years, then £500: £2,000 falls to £1,000 over both."""
    people = people_by_year(tmp_path, {"2014/15": FOUR, "2015/16": FOUR})
    old, new = (run(tmp_path, people=people, years=TWO, settings={"pot": pot}) for pot in (1000, 500))
    page = page_of(old, new)

    assert re.findall(r"<option[^>]*>([^<]*)", page) == ["Both years together", "2015/16", "2014/15"]
    assert "both years together: £2,000 in the old result; -£1,000 Pot; £1,000 in the new result." in page


def test_an_organisation_of_one_side_has_a_dash_on_the_other(tmp_path):
    """E is new and A is gone: their amounts count, and the other side has a dash, not £0."""
    others = population_file(tmp_path, {"B": 200, "C": 300, "D": 400, "E": 100}, "q.csv")
    page = page_of(run(tmp_path), run(tmp_path, people=others))
    rows = {code: text_of(line) for code, line in re.findall(r'<tr data-code="(.)">(.*?)</tr>', page)}

    assert rows == {
        "A": "A A £100 – -£100 – Only in the old result",
        "E": "E E – £100 +£100 – Only in the new result",
    }


def test_tables_without_a_rule_say_why_there_are_no_causes(tmp_path):
    """Two tables of figures have changes, but no causes: no waterfall, no column of causes."""
    paths = [
        write_rows(tmp_path / f"{name}.csv", [{"year": "2014/15", "org_code": "A", "allocation": amount}])
        for name, amount in (("old", 10), ("new", 12))
    ]
    page = page_of(*paths)

    assert section(page, "why").startswith("Why The causes are not known: ")
    assert "chart-waterfall" not in page
    assert "Main cause" not in page
    assert section(page, "organisation").endswith("Old £10 New £12 Change +£2 Change in % +20.0%")


def test_causes_that_cannot_be_separated_are_one(tmp_path):
    """Results of other years have one cause, everything: the chart and the table say so."""
    people = people_by_year(tmp_path, {"2014/15": FOUR, "2015/16": FOUR})
    page = page_of(run(tmp_path), run(tmp_path, people=people, years=TWO, settings={"pot": 500}))

    assert "-£500 Everything" in page
    assert "the years differ" in section(page, "why")
    assert "Only the new result has 2015/16, with £500." in section(page, "in-short")


def test_names_of_organisations_are_never_markup(tmp_path):
    """A name with tags and quotes is a text in HTML and in the data."""
    rows = [{"org_code": "A", "org_name": HOSTILE, "registered_population": 1}]
    rows += [{"org_code": "constructor", "org_name": "", "registered_population": 3}]
    people = write_rows(tmp_path / "p.csv", rows)
    page = page_of(run(tmp_path, people=people), run(tmp_path, people=people, settings={"pot": 500}))

    assert page.count("<script") == 3
    assert "<img" not in page
    assert not re.search(r"<[a-z]+ [^>]*\b(style|on[a-z]+)=", page)


# Files and notebooks -------------------------------------------------------------------------------------------


def test_without_the_extra_the_plain_page_names_what_is_missing(tmp_path, monkeypatch, capsys):
    """The file has the plain report and the sentence, which is printed as well; a notebook gets an error with it."""
    monkeypatch.setattr(bundle, "find_spec", lambda _name: None)
    comparison = compare(run(tmp_path), run(tmp_path, settings={"pot": 500}))
    table = write_rows(tmp_path / "old.csv", [{"year": "2014/15", "org_code": "A", "allocation": 10}])
    other = write_rows(tmp_path / "new.csv", [{"year": "2014/15", "org_code": "A", "allocation": 12}])

    monkeypatch.setattr(sys, "argv", ["gpit", "compare", str(table), str(other), "-o", str(tmp_path / "x.html")])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "pip install 'gpit-fairshare[report]'" in capsys.readouterr().err
    html = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "gpit-fairshare[report]" in html
    for held in (comparison, run(tmp_path)):
        with pytest.raises(UsageError, match=r"type: pip install 'gpit-fairshare\[report\]'"):
            held.report()


def test_a_page_in_a_notebook_is_in_a_frame_of_its_own(tmp_path):
    """Scripts run in the frame, but not with the rights of the notebook; the text of the page is one attribute."""
    page = Page('<p title="x">&amp;</p>', "a <b>")

    assert page._repr_html_().startswith(
        '<iframe sandbox="allow-scripts allow-downloads" srcdoc="&lt;p title=&quot;x&quot;&gt;&amp;amp;&lt;/p&gt;" '
        'title="a &lt;b&gt;" '
    )
    assert "allow-same-origin" not in page._repr_html_()
    assert repr(page) == "<Page of a <b>, 0.0 MB; see .html, .write(path)>"
    assert page.write(tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(UsageError, match=r"expected a name ending in \.html"):
        page.write(tmp_path / "page.md")
    with pytest.raises((UsageError, OutputError)):
        page.write(tmp_path / "nowhere" / "page.html")


# In Chromium ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def england(tmp_path_factory):
    """The pages of England's run, and of the run against one with £145m and half the transition fund."""
    result = allocate(sample=True, with_effects=False)
    settings = {"revenue_budget": 145_000_000, "transition_fund": 10_000_000}
    comparison = compare(result, allocate(inputs_of=result, with_effects=False, settings=settings))
    folder = tmp_path_factory.mktemp("england")
    comparison.write(folder / "comparison.html")
    for name, held in (("run", result), ("compared", comparison)):
        frame = held.report()._repr_html_()
        head = '<!DOCTYPE html><html lang="en"><title>Notebook</title><meta charset="utf-8">'
        (folder / f"notebook-{name}.html").write_text(f"{head}<main>{frame}</main></html>", encoding="utf-8")
    return folder, comparison


@pytest.mark.slow
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(england, width):
    """The page is in one file, with everything unfolded, on a telephone and on a desk."""
    with opened(england[0] / "comparison.html", width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        page.wait_for_selector("#chart-waterfall svg")

        assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_years_change_table_and_charts(england):
    """Figures of 2014/15 are those of its own rows: the waterfall ends at their total, the largest loss is first."""
    folder, comparison = england
    changes = sorted(comparison.changes_by_year["2014/15"], key=lambda row: row.change)
    with opened(folder / "comparison.html") as page:
        page.wait_for_selector("#chart-waterfall svg")
        both = page.locator("#chart-waterfall").get_attribute("aria-label")
        page.select_option("#table-year", label="2014/15")
        chosen = page.locator("#chart-waterfall").get_attribute("aria-label")
        first = page.locator("#organisations tbody tr").first
        cells = first.locator("td").all_text_contents()
        title = page.locator("figure:has(#chart-gains-and-losses) figcaption").inner_text()

        assert both.startswith(
            "From the old total to the new one, both years together: £315,077,352 in the old result;"
        )
        assert chosen.startswith("From the old total to the new one, 2014/15: £160,000,000 in the old result;")
        assert chosen.endswith("£155,000,000 in the new result.")
        assert cells[0] == changes[0].code
        assert cells[3] == f"-£{-changes[0].change:,.0f}"
        assert title == "Change of allocation, 2014/15"


@pytest.mark.slow
def test_searching_sorting_choosing_and_saving(england, tmp_path):
    """A search leaves one row; its causes are shown; the file has its figures without a format."""
    folder, comparison = england
    change = next(row.change for row in comparison.changes_by_year["2014/15"] if row.code == "10Q")
    change += next(row.change for row in comparison.changes_by_year["2015/16"] if row.code == "10Q")
    with opened(folder / "comparison.html") as page:
        page.click("#organisations thead th[data-key=code] button")
        codes = page.locator("#organisations tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.code)")
        page.fill("#table-search", "wandsworth")
        page.click("#organisations tbody button")
        heading = page.locator("#organisation-name").inner_text()
        lines = page.locator("#organisation-lines tbody td:first-child").all_text_contents()
        page.fill("#table-search", "10q")
        with page.expect_download() as download:
            page.click("#table-download")
        download.value.save_as(tmp_path / "changes.csv")

    assert len(codes) == 211
    assert codes == sorted(codes)
    assert heading == "Wandsworth (08X)"
    assert lines == [
        *("Old", "National GP IT revenue funding", "Transition fund", "Rounding", "New", "Change", "Change in %")
    ]
    rows = read_rows(tmp_path / "changes.csv")
    assert [(row["Code"], float(row["Change"])) for row in rows] == [("10Q", float(change))]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "compared"])
def test_a_notebook_shows_the_page_and_is_out_of_its_reach(england, name):
    """In a sandboxed frame the page draws, sorts, goes to its sections and saves; it cannot read the notebook."""
    with opened(england[0] / f"notebook-{name}.html") as page:
        frame = page.frames[1]
        frame.wait_for_selector("#chart-gains-and-losses svg")
        frame.click("#organisations thead th[data-key=code] button")
        frame.click("nav a[href='#everybody']")
        with page.expect_download() as download:
            frame.click("#table-download")
        reach = frame.evaluate("() => { try { return parent.document.title } catch (error) { return error.name } }")

        assert download.value.suggested_filename.endswith(".csv")
        assert frame.url == "about:srcdoc"
        assert frame.locator("#organisations tbody tr").count() == 211
        assert reach == "SecurityError"
