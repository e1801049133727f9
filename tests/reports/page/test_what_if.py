"""The what-if in Chromium: a move of a control gives the figures of `gpit allocate` with that setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from browser import accessibility_faults, opened
from gpit_fairshare.allocation import allocate
from gpit_fairshare.engine.organisation_years import organisation_years
from gpit_fairshare.errors import GpitError
from gpit_fairshare.numbers import money
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.page import page_text
from running import write_rows
from small_schemes import scheme

if TYPE_CHECKING:
    from pathlib import Path

    from gpit_fairshare.engine import Result

pytestmark = pytest.mark.slow

BUDGET, FUND, SHARE_1, SHARE_2 = "#setting-1", "#setting-2", "#setting-3-2014-15", "#setting-3-2015-16"
SLIDER = "[data-name=revenue_budget] input[type=range]"
PAUSE = 700
"""Milliseconds after which a move is announced."""


def run(**options: Any) -> Result:
    """Return a run on the sample."""
    return allocate(sample=True, with_effects=False, **options)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the default scheme on the sample, without the drawing library."""
    path: Path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page_text(run(), vega="", notices=""), encoding="utf-8", newline="\n")
    return path


def results_on_page(page: Any) -> dict[str, str]:
    """Return the result of each organisation that the table shows, by code."""
    index = page.locator("#organisations thead th").all_text_contents()
    column = next(place for place, text in enumerate(index) if text.startswith("Allocation"))
    script = "(rows, column) => rows.map((row) => [row.dataset.code, row.cells[column].textContent])"
    pairs: list[list[str]] = page.locator("#organisations tbody tr[data-code]").evaluate_all(script, column)
    return dict(pairs)


def expected_results(result: Result) -> dict[str, str]:
    """Return the results of the last year as the table writes them."""
    rows = organisation_years(result, [*result.years][-1])
    return {row.code: money(row.allocation) for row in rows}


def plain_sentences(result: Result) -> list[str]:
    """Return the sentences of the answer on what is allocated, who gains and who loses."""
    opening = Opening(result, full=True, with_codes=False)
    return [block.text for block in (*opening.allocated(), *opening.gains_and_losses())]


def losing_more_than_a_twentieth(result: Result) -> int:
    """Return how many organisations lose more than 5% of their historic spend in the last year."""
    return sum((row.change_ratio or 0) < -0.05 for row in Opening(result).organisations)


def followers(page: Any) -> str:
    """Return the HTML of the parts that follow a run, and the text of the table of organisations."""
    script = """() => [...["what-if-banner", "answer", "status", "national-figures"].map((id) =>
      document.getElementById(id).outerHTML), document.getElementById("organisations").textContent].join()"""
    text: str = page.evaluate(script)
    return text


def test_a_typed_value_changes_every_figure(page_file: Path) -> None:
    """Sentences, table, banner, announcement and address are those of a run with the budget 3% lower."""
    expected = run(settings={"revenue_budget": "135800000"})
    with opened(page_file) as page:
        page.fill(BUDGET, "135800000")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)

        assert results_on_page(page) == expected_results(expected)
        assert page.locator("#answer p:not([class])").all_inner_texts() == plain_sentences(expected)
        assert "£140,000,000 → £135,800,000 in every year" in page.inner_text("#what-if-banner")
        assert "3.0% less" in page.inner_text(f"{BUDGET}-change")
        assert "do not quote" in page.inner_text("#status")  # as in the run as written
        losing, published = map(losing_more_than_a_twentieth, (expected, run()))
        assert page.inner_text("#announcement") == (
            f"{losing} CCGs now lose more than 5% in 2015/16; {published} as reported. {plain_sentences(expected)[0]}"
        )
        assert page.evaluate("location.hash") == "#revenue_budget=135800000"
        assert accessibility_faults(page) == []


def test_the_keyboard_moves_a_slider(page_file: Path) -> None:
    """End is a fifth more; the page then has the figures of that budget, and the box its number."""
    with opened(page_file) as page:
        page.focus(SLIDER)
        page.keyboard.press("End")
        page.wait_for_timeout(PAUSE)

        assert page.input_value(BUDGET) == "168000000"
        assert results_on_page(page) == expected_results(run(settings={"revenue_budget": 168_000_000}))

        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(PAUSE)
        budget = page.input_value(BUDGET)
        assert 112e6 < float(budget) < 168e6
        assert results_on_page(page) == expected_results(run(settings={"revenue_budget": budget}))


def test_reset_restores_the_page_exactly(page_file: Path) -> None:
    """After moves of several controls, Reset with the keyboard leaves no trace in the page or its address."""
    with opened(page_file) as page:
        before = followers(page)
        address = page.url
        page.fill(BUDGET, "*0.9")
        page.fill(SHARE_2, "10%")
        page.wait_for_timeout(PAUSE)
        assert followers(page) != before

        page.focus("#reset")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)
        assert followers(page) == before
        assert page.url == address
        assert [page.input_value(box) for box in (BUDGET, FUND, SHARE_1, SHARE_2)] == [
            "140000000",
            "20000000",
            "100%",
            "50%",
        ]


@pytest.mark.parametrize(
    ("typed", "setting"),
    [
        ("-5", {"revenue_budget": "-5"}),
        ("lots", {"revenue_budget": "lots"}),
        ("1,000", {"revenue_budget": "1,000"}),
        ("*-2", {"revenue_budget": "*-2"}),
        ("1e60", {"revenue_budget": "1e60"}),
    ],
    ids=str,
)
def test_an_impossible_value_keeps_the_last_figures(page_file: Path, typed: str, setting: dict[str, str]) -> None:
    """The box says why in gpit's words, is marked as invalid, and the figures stay those of the last possible value."""
    with pytest.raises(GpitError) as refused:
        run(settings=setting)
    with opened(page_file) as page:
        page.fill(BUDGET, "150000000")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)
        possible = followers(page)

        page.fill(BUDGET, typed)
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)

        assert followers(page) == possible
        assert page.get_attribute(BUDGET, "aria-invalid") == "true"
        problem = page.inner_text(f"{BUDGET}-problem")
        reason, _, figures = problem.removeprefix("Not possible: ").partition(". The figures shown are still ")
        assert str(refused.value).endswith(reason)
        assert figures == "those of National GP IT revenue funding: £140,000,000 → £150,000,000 in every year."
        assert page.inner_text("#announcement") == problem
        assert page.evaluate("location.hash") == "#revenue_budget=150000000"


def test_a_refusal_of_the_engine_is_beside_the_box(tmp_path: Path) -> None:
    """Floors that need more than the budget are refused with the amounts, as the command line refuses them."""
    path = tmp_path / "floors.html"
    path.write_text(page_text(run(transition="floor-and-ceiling"), vega="", notices=""), encoding="utf-8")
    with pytest.raises(GpitError) as refused:
        run(transition="floor-and-ceiling", settings={"floor_growth": "5%"})
    with opened(path) as page:
        page.fill("[data-name=floor_growth] input[type=text]", "5%")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)

        assert str(refused.value) in page.inner_text("[data-name=floor_growth] .setting-problem")
        assert page.is_hidden("#what-if-banner")


def test_an_address_opens_a_what_if(page_file: Path) -> None:
    """A link shows the figures of its settings, one year only where it says so, and names what it cannot use."""
    expected = run(settings={"revenue_budget": "-3%", "support_share@2015/16": "0.4"})
    fragment = "revenue_budget=-3%25&support_share@2015/16=0.4&constructor=5&%E0%A4%A=1&figures"
    with opened(page_file, fragment=fragment) as page:
        page.wait_for_timeout(PAUSE)

        assert results_on_page(page) == expected_results(expected)
        assert [page.input_value(box) for box in (BUDGET, SHARE_1, SHARE_2)] == ["-3%", "100%", "0.4"]
        banner = page.inner_text("#what-if-banner")
        assert "50% → 40% in 2015/16" in banner
        assert "this page has no such setting: constructor and %E0%A4%A." in banner


def test_an_impossible_address_shows_the_reported_figures(page_file: Path) -> None:
    """The banner says why, and the figures are those of the run as written."""
    with opened(page_file, fragment="revenue_budget=-5") as page:
        page.wait_for_timeout(PAUSE)

        assert "Not possible: revenue_budget is -5 in 2014/15; its minimum is 0" in page.inner_text("#what-if-banner")
        assert results_on_page(page) == expected_results(run())
        page.click("#what-if-banner button")
        assert page.is_hidden("#what-if-banner")


def test_money_of_years_that_are_not_shown_follows_too(tmp_path: Path) -> None:
    """Of more than four years the line below the table adds up the others: 3 of £10 are £30, 3 of £20 are £60."""
    path = tmp_path / "six.html"
    years = [f"{2014 + number}/{15 + number}" for number in range(6)]
    result = allocate(
        population=write_rows(tmp_path / "p.csv", [{"org_code": "A", "registered_population": 5}]),
        scheme=scheme(tmp_path, "allocation = share_out(pot, by=registered_population) # £", years=str(years), pot=10),
    )
    path.write_text(page_text(result, vega="", notices=""), encoding="utf-8")
    with opened(path) as page:
        note = page.locator("#national-note")
        assert note.inner_text() == "3 of 6 years shown; in the other 3: £30 allocated, £0 unspent."
        page.fill("[data-name=pot] input[type=text]", "20")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)

        assert note.inner_text() == "3 of 6 years shown; in the other 3: £60 allocated, £0 unspent."
        page.click("#reset")
        page.wait_for_timeout(PAUSE)
        assert "£30" in note.inner_text()


def test_failed_checks_are_shown_with_the_exit_code(tmp_path: Path) -> None:
    """A check that fails does not stop a run: the banner and the checks say so, and that gpit would exit with 1."""
    path = tmp_path / "damping.html"
    file = tmp_path / "mine.toml"
    file.write_text(CHECKED_SCHEME, encoding="utf-8")
    path.write_text(page_text(run(scheme=str(file)), vega="", notices=""), encoding="utf-8")
    with opened(path) as page:
        page.fill("[data-name=budget] input[type=text]", "90")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)

        assert "1 of 1 check fails: gpit would exit with 1." in page.inner_text("#what-if-banner")
        assert "gpit would exit with 1" in page.inner_text("#agreement")
        assert "Check fails in 2014/15 (national): the budget is at least 100." in page.inner_text("#answer")


CHECKED_SCHEME = """
[scheme]
name = "mine"
title = "Mine"
organisation = "CCG"
years = ["2014/15"]

[parameters.budget]
label = "Budget"
unit = "£"

[values.budget]
"2014/15" = { value = 1000, assumption = "For a test." }

[[steps]]
name = "allocation"
label = "Allocation"
unit = "£"
formula = "share_out(budget, by=registered_population)"

[[checks]]
name = "the budget is at least 100"
formula = "budget >= 100"
"""


def test_the_command_is_copied(page_file: Path) -> None:
    """The command has the settings of the page; where copying is not allowed, it is selected."""
    with opened(page_file) as page:
        page.fill(BUDGET, "-3%")
        page.keyboard.press("Enter")
        page.wait_for_timeout(PAUSE)
        page.click("summary:has-text('The same figures with gpit')")
        assert page.input_value("#command") == "gpit allocate --sample --set revenue_budget=-3%"

        page.select_option("#command-shell", "powershell")
        assert page.input_value("#command") == "gpit allocate --sample --set 'revenue_budget=-3%'"

        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click("#copy-command")
        page.wait_for_timeout(100)
        assert page.inner_text("#command-copied") == "Copied."
        assert page.evaluate("navigator.clipboard.readText()") == page.input_value("#command")

        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        page.click("#copy-command")
        page.wait_for_timeout(100)
        assert page.evaluate("document.activeElement.id") == "command"
        assert page.evaluate("getSelection().toString()") == page.input_value("#command")


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_controls_fit_every_width(page_file: Path, width: int) -> None:
    """Nothing scrolls sideways, and axe finds nothing, while a what-if and a refusal are shown."""
    with opened(page_file, width=width, fragment="transition_fund=10000000") as page:
        page.fill(BUDGET, "lots")
        page.wait_for_timeout(PAUSE)

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert accessibility_faults(page) == []


def test_random_settings_give_the_figures_of_runs(page_file: Path) -> None:
    """Both bounds, typed values and settings by year, one after another: each time the table is that of the run."""
    moves = [(BUDGET, "revenue_budget", text) for text in ("0", "112000000", "168e6", "1/3", "-100%", "140000000.37")]
    moves += [(FUND, "transition_fund", text) for text in ("0", "24000000", "*1.5")]
    moves += [(SHARE_1, "support_share@2014/15", text) for text in ("0", "1", "37.5%")]
    moves += [(SHARE_2, "support_share@2015/16", text) for text in ("0%", "100%", "1/7")]
    settings: dict[str, str] = {}
    with opened(page_file) as page:
        for box, name, text in moves:
            settings[name] = text
            page.fill(box, text)
            page.keyboard.press("Enter")
            page.wait_for_timeout(300)  # off the window the table is drawn once moves pause

            assert results_on_page(page) == expected_results(run(settings=settings)), settings
