"""The page of a run in Chromium: reading, sorting, searching, choosing, saving, printing; also without scripts."""

from __future__ import annotations

import csv
import io
import re

import pytest

from browser import accessibility_faults, opened
from gpit_fairshare.allocation import allocate
from gpit_fairshare.reports.page import page_text
from gpit_fairshare.reports.page.bundle import notices, vega_script
from plugging import HALVED, package
from running import population_file, write_rows
from small_schemes import scheme

pytestmark = pytest.mark.slow


def written(folder, result):
    """Write the page of a run and return its path."""
    path = folder / "page.html"
    path.write_text(page_text(result, vega=vega_script(), notices=notices()), encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def england(tmp_path_factory):
    """The page of the sample: 211 CCGs in two years."""
    return written(tmp_path_factory.mktemp("england"), allocate(sample=True))


@pytest.fixture(scope="module")
def practices(tmp_path_factory):
    """The page of 2,500 practices, Y0000 to Y2499, that share £2,500,000 by patients; odd ones have twice as many."""
    folder = tmp_path_factory.mktemp("practices")
    rows = [
        {"org_code": f"Y{number:04}", "org_name": f"Surgery {number}", "registered_population": 1000 * (1 + number % 2)}
        for number in range(2500)
    ]
    steps = "allocation = share_out(pot, by=registered_population) # £"
    result = allocate(
        population=write_rows(folder / "p.csv", rows), scheme=scheme(folder, steps, pot=3_750_000), with_effects=False
    )
    return written(folder, result)


def codes(page):
    """Return the codes of the rows of the table, from the top."""
    return page.locator("#organisations tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.code)")


# Reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing(england, width):
    """axe-core finds no fault on a telephone and on a desk, with everything unfolded."""
    with opened(england, width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")

        assert accessibility_faults(page) == []


@pytest.mark.parametrize("width", [320, 375, 640, 1280, 1600])
def test_page_never_scrolls_sideways(england, width):
    """Wide tables scroll in their own region; 320 pixels are a window of 1,280 at 400%."""
    with opened(england, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_reads_without_scripts(england):
    """Without scripts there are the decision, 211 rows, sentences and a description of each chart, and no control."""
    with opened(england, java_script_enabled=False) as page:
        assert "£155,077,352 of £160,000,000" in page.locator("#in-short").inner_text()
        assert page.locator("#organisations tbody tr").count() == 211
        assert "Oxfordshire gets £4,270,476" in page.locator("#organisation").inner_text()
        assert "must run scripts" in page.locator("#chart-gains-and-losses").inner_text()
        assert not [control for control in page.locator("input, select, button").all() if control.is_visible()]


def test_script_writes_the_figures_that_were_there_without_it(england):
    """With scripts every cell of the table has the text that Python wrote."""
    cells = "rows => rows.map((row) => [row.dataset.code, ...[...row.cells].map((cell) => cell.textContent)])"
    with opened(england, java_script_enabled=False) as page:
        before = page.locator("#organisations tbody tr").evaluate_all(cells)
    with opened(england) as page:
        assert page.locator("#organisations tbody tr").evaluate_all(cells) == before


def test_links_of_the_contents_keep_the_address(england):
    """The address holds the values of a what-if, so a link to a section scrolls and leaves it as it is."""
    with opened(england) as page:
        address = page.url
        page.get_by_role("link", name="Sources").click()

        assert page.url == address
        assert page.evaluate("document.activeElement.id") == "sources"


# The table -----------------------------------------------------------------------------------------------------


def test_headings_sort_and_say_so(england):
    """A heading sorts from the smallest, then from the largest; its state and a status line say so; Enter works."""
    with opened(england) as page:
        heading = page.locator("th[data-key=result]")
        assert codes(page)[0] == "10Q"  # Oxfordshire loses most
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        smallest = codes(page)[0]

        assert heading.get_attribute("aria-sort") == "ascending"
        assert page.locator("th[data-key=spendChange]").get_attribute("aria-sort") == "none"
        assert page.locator("#table-order").text_content() == "Sorted by Allocation: smallest or A first"
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == "descending"
        assert codes(page)[-1] == smallest
        amounts = page.locator("#organisations tbody tr td:nth-child(6)").all_inner_texts()
        pounds = [int(re.sub(r"\D", "", amount)) for amount in amounts]
        assert pounds == sorted(pounds, reverse=True)


def test_search_and_area_choose_rows(england):
    """`oxf` finds Oxfordshire, `10q` too; Thames Valley has ten CCGs in 2014; a line counts them."""
    with opened(england) as page:
        page.locator("#table-search").fill("oxf")
        assert codes(page) == ["10Q"]
        assert page.locator("#table-count").inner_text() == "1 of 211 CCGs shown"
        page.locator("#table-search").fill("10q ")
        assert codes(page) == ["10Q"]
        page.locator("#table-search").fill("")
        page.get_by_label("Area team").select_option("Thames Valley")
        assert set(page.locator("#organisations tbody tr td:nth-child(3)").all_inner_texts()) == {"Thames Valley"}
        assert page.locator("#table-count").inner_text() == f"{len(codes(page))} of 211 CCGs shown"


def test_another_year_can_be_chosen(england):
    """Oxfordshire gets £4,270,476 in the first year, as its sentence says."""
    with opened(england) as page:
        page.get_by_label("Year", exact=True).select_option("2014/15")

        assert "£4,270,476" in page.locator("tr[data-code='10Q']").text_content()
        assert page.locator("#organisations caption").text_content() == "CCGs in 2014/15 (uses illustrative spend)"


def test_csv_has_what_is_shown(england):
    """The file has a row for each CCG that is shown, in this order, with figures that a program reads."""
    with opened(england) as page:
        page.get_by_label("Area team").select_option("Thames Valley")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as CSV").click()
        text = download.value.path().read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text)))

        assert download.value.suggested_filename == "gpit-2014-16-2015-16.csv"
        assert [row["Code"] for row in rows] == codes(page)
        assert (rows[0]["Year"], rows[0]["CCG"]) == ("2015/16", "Oxfordshire")
        assert float(rows[0]["Allocation"]) == 3_649_637
        assert float(rows[0]["Change"]) == pytest.approx(-1_901_538, abs=1)


def test_long_table_keeps_one_page_of_rows(practices):
    """Of 2,500 practices 100 are in the page; rows have their place among all; a printer gets all of them."""
    with opened(practices) as page:
        table = page.locator("#organisations")
        assert codes(page) == [f"Y{number:04}" for number in range(100)]
        assert table.get_attribute("aria-rowcount") == "2501"
        page.get_by_role("button", name="Next page").click()
        assert codes(page)[0] == "Y0100"
        assert table.locator("tbody tr").first.get_attribute("aria-rowindex") == "102"
        assert "rows 101 to 200 on this page" in page.locator("#table-count").inner_text()
        page.locator("th[data-key=result] button").click()
        page.locator("th[data-key=result] button").click()
        assert codes(page)[:2] == ["Y0001", "Y0003"]
        page.locator("#table-search").fill("surgery 24")
        assert page.locator("#table-count").inner_text().startswith("111 of 2,500 CCGs shown")
        page.locator("#table-search").fill("")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert table.locator("tbody tr").count() == 2500
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert table.locator("tbody tr").count() == 100
        assert accessibility_faults(page) == []


def test_page_of_8000_practices_is_under_12_mb(practices):
    """The page of 2,500 practices has a 3.2nd of the rows of 8,000."""
    vega = len(vega_script())

    assert (practices.stat().st_size - vega) * 3.2 + vega < 12_000_000


# One organisation ----------------------------------------------------------------------------------------------


def test_organisation_is_chosen_in_the_table_and_by_name(england):
    """A name in the table, a code, a name or a part of one shows sentences, bars and every line; others are refused."""
    with opened(england) as page:
        name = page.locator("#organisation-name")
        page.locator("tr[data-code='99N'] button").click()
        assert name.inner_text() == "Wiltshire (99N)"
        assert page.evaluate("document.activeElement.id") == "organisation-name"
        assert "Wiltshire gets £1,188,255 in 2015/16" in page.locator("#organisation-sentences").inner_text()
        lines = page.locator("#organisation-lines tbody tr").all_inner_texts()
        assert any(line.startswith("Allocation") and line.count("£1,188,255") == 2 for line in lines)
        for typed in ("10q", "Oxfordshire", "xfordshi"):
            page.locator("#organisation-field").fill(typed)
            page.keyboard.press("Enter")
            assert name.inner_text() == "Oxfordshire (10Q)"
        assert page.locator("#organisation-sentences .ladder li").count() > 4
        page.locator("#organisation-field").fill("Atlantis")
        page.get_by_role("button", name="Show").click()
        assert "No CCG has the code or name “Atlantis”" in page.get_by_role("alert").inner_text()
        assert name.inner_text() == "Oxfordshire (10Q)"


# A rule that the page cannot calculate -------------------------------------------------------------------------


def test_functions_of_plug_ins_have_figures_and_a_reason(monkeypatch, tmp_path):
    """With a function of a plug-in the page has every figure of the run, and names what keeps it from calculating."""
    monkeypatch.syspath_prepend(tmp_path / "site")
    package(tmp_path / "site", HALVED, halved="HALVED")
    steps = """
        weight = halved(registered_population)
        allocation = share_out(pot, by=weight) # £
    """
    result = allocate(population=population_file(tmp_path, {"A": 1, "B": 3}), scheme=scheme(tmp_path, steps))
    with opened(written(tmp_path, result)) as page:
        reason = page.locator("#what-if").inner_text()
        assert "This page cannot recalculate: the rule uses the function halved of the plug-in" in reason
        second = page.locator("#organisations tbody tr").nth(1).locator("th, td")
        assert second.all_text_contents() == ["B", "B", "£750", "£250.00"]
        assert not page.locator("#table-search").is_visible()
        assert accessibility_faults(page) == []


# On paper ------------------------------------------------------------------------------------------------------


def test_paper_has_tables_and_charts_and_no_controls(england):
    """Printed, tables are not cut, charts are there, controls are not; what is folded is unfolded, but no manifest."""
    with opened(england) as page:
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")

        assert not page.locator("#table-search").is_visible()
        assert not page.locator("nav").is_visible()
        assert page.locator("#chart-gains-and-losses svg").is_visible()
        assert page.locator("#assumptions details").get_attribute("open") is not None
        assert page.locator("footer details[open]").count() == 0
        assert page.locator(".whole").evaluate("(place) => place.scrollHeight <= place.clientHeight")
        assert len(page.pdf()) > 50_000
