"""The page of a run as a file: its sections, its policy, its texts, and how a run writes it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from books import bare_run, merger_run, odd_run
from gpit_fairshare.allocation import allocate
from gpit_fairshare.cli import main
from gpit_fairshare.reports.page import bundle, page_text
from gpit_fairshare.reports.page.shell import SCRIPTS, assembled
from javascript import SCRIPTS as FOLDER
from javascript import run_script
from running import ABCD_PEOPLE, ABCD_SPEND, population_file, spend_file, write_rows
from small_schemes import scheme

ORDER = [
    *("in-short", "figures", "what-if", "gains-and-losses", "everybody", "spread", "path", "organisation"),
    *("assumptions", "checks", "sources", "inputs", "cite", "differences"),
]
"""The sections in the order in which people ask."""
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> \"q\" 'p' & <!--"
VOID = {"meta", "input", "br"}


class Reader(HTMLParser):
    """Parses a page as a browser does: elements in order with their attributes, and the texts of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.contents, self.texts = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Record an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "style"):
            self.contents.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag):
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Record a text."""
        if self.open and self.open[-1] in ("script", "style"):
            tag, attributes, text = self.contents.pop()
            self.contents.append((tag, attributes, text + data))
        else:
            self.texts.append(data)


def page_of(result):
    """Return the page of a run, with a short script in place of Vega."""
    return page_text(result, vega="window.vegaEmbed = null;", notices="Vega: BSD-3-Clause")


def section(text, name):
    """Return a section of a page without its tags, on one line."""
    inside = text.partition(f'<section id="{name}"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", inside.partition(">")[2]).split())


@pytest.fixture(scope="module")
def sample():
    """The page of the sample."""
    return page_of(allocate(sample=True))


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """The run of four CCGs that share £2,000,000 by their patients, £2 a head; C gains."""
    folder = tmp_path_factory.mktemp("four")
    steps = """
        unrounded = share_out(pot, by=registered_population) # £
        allocation = rounded(unrounded)
        loss = max(0, historic_spend - unrounded) # £
    """
    return allocate(
        population=population_file(folder, ABCD_PEOPLE),
        spend=spend_file(folder, ABCD_SPEND),
        scheme=scheme(folder, steps, pot=2_000_000),
    )


# Structure -----------------------------------------------------------------------------------------------------


def test_sections_are_in_the_order_of_questions(sample):
    """The decision is first and why figures differ is last; each section has its heading as its name, below one h1."""
    reader = Reader(sample)
    sections = [attributes for tag, attributes in reader.elements if tag == "section"]
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]

    assert [attributes["id"] for attributes in sections] == ORDER
    assert all(attributes["aria-labelledby"] in ids for attributes in sections)
    assert len(ids) == len(set(ids))
    assert next(tag for tag, _ in reader.elements if re.fullmatch("h1|section", tag)) == "h1"
    assert sample.startswith('<!DOCTYPE html>\n<html lang="en-GB">')
    assert "<title>Securing Excellence in GP IT Services 2014-16</title>" in sample


def test_policy_allows_the_scripts_and_the_style_of_the_page_and_nothing_else(sample):
    """The SHA-256 of what is between the tags is in the policy, which comes before every script and style."""
    reader = Reader(sample)
    tags = [tag for tag, _ in reader.elements]
    policy = next(
        attributes["content"]
        for _, attributes in reader.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digests = {"script": [], "style": []}
    for tag, attributes, text in reader.contents:
        if attributes.get("type") != "application/json":
            digests[tag].append(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")

    assert policy == (
        f"default-src 'none'; script-src {' '.join(digests['script'])}; style-src {digests['style'][0]}; "
        "img-src data:; form-action 'none'; base-uri 'none'"
    )
    assert len(digests["script"]) == 2
    assert tags.index("meta") < min(tags.index("script"), tags.index("style"))


def test_nothing_in_the_page_needs_another_file_or_an_inline_style(sample):
    """There is no address but links, no `style=` and no `on…=`."""
    for tag, attributes in Reader(sample).elements:
        assert not {"style", "src", "srcset", "data", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert "href" not in attributes or tag == "a"


def test_page_of_england_is_small(sample):
    """The page of 211 CCGs may have 3 MB; 0.9 MB of them are Vega."""
    assert len(sample.encode()) < 2_000_000


@pytest.mark.parametrize("run", [odd_run, merger_run, bare_run])
def test_any_rule_has_a_page(run, tmp_path):
    """Rules without spend, without money, with mergers or strange names have a page; no cell of people is empty."""
    text = page_of(run(tmp_path))
    table = text.partition('<table id="organisations">')[2].partition("</table>")[0]

    assert not Reader(text).open
    assert "<td></td>" not in table
    assert '<td class="figure"></td>' not in table


def test_names_of_inputs_are_never_markup(tmp_path):
    """A name with tags and quotes is a text in HTML and in the data."""
    rows = [{"org_code": "A", "org_name": HOSTILE, "registered_population": 1}]
    rows += [{"org_code": "B", "org_name": "constructor", "registered_population": 3}]
    steps = "allocation = share_out(pot, by=registered_population) # £"
    text = page_of(allocate(population=write_rows(tmp_path / "p.csv", rows), scheme=scheme(tmp_path, steps)))
    reader = Reader(text)

    assert [tag for tag, _ in reader.elements].count("script") == 3
    assert "img" not in [tag for tag, _ in reader.elements]
    assert HOSTILE in reader.texts


def test_a_script_that_would_end_early_is_refused():
    """A script with the end of its element would run as HTML; that is a mistake in gpit."""
    with pytest.raises(ValueError, match="a script of the page has one of"):
        assembled("t", "", data={}, scripts=("'</SCRIPT>'", ""))


# Texts ---------------------------------------------------------------------------------------------------------


def test_page_says_first_whether_its_figures_are_final_and_then_the_answer(sample, four):
    """The sample's spend is illustrative and 2015/16 indicative; four CCGs with a plain rule have nothing like that."""
    assert section(sample, "in-short").startswith(
        "In short These figures are not final. "
        "Illustrative spend: do not quote any figure that uses it. Indicative: 2015/16. "
        "Every allocation, gain and loss on this page uses the illustrative spend; the fair share does not. "
        "Allocated: all £160,000,000 in 2014/15; £155,077,352 of £160,000,000 in 2015/16."
    )
    assert section(page_of(four), "in-short") == (
        "In short Nothing here is marked as draft or indicative. Allocated: all £2,000,000 in 2014/15. "
        "In 2014/15, 1 CCG gains on historic spend and 3 lose £420,000 in total. "
        "A loses most: £300,000, 60.0% of its historic spend. "
        "The scheme has no checks. No warnings, 2 notes. Checks and warnings in full"
    )


def test_answer_has_its_reasons(sample):
    """The parts of £160m, why £4.9m is unspent, why Oxfordshire loses £1.9m, and that West Essex loses a larger part.

    The need of 2015/16 is £15,077,352 of a fund of £20,000,000. West Essex: £1,190,843 of £3,115,981 is 38.2%.
    """
    text = section(sample, "in-short")

    assert "Money in (every year): £140,000,000 national GP IT revenue funding and £20,000,000 transition fund." in text
    assert (
        "In 2015/16, part of the transition fund is unspent: "
        "no CCG gets more than its transition need, and all of that is paid." in text
    )
    assert "Why Oxfordshire (10Q) loses most: its historic spend is £5,551,175; its fair share is £1,748,100" in text
    assert "As a percentage, West Essex (07H) loses most: 38.2% of its historic spend." in text


@pytest.mark.parametrize(
    ("transition", "expected"),
    [
        (
            "minimum-per-head",
            "Every gain and loss on historic spend uses the illustrative spend; the allocation does not.",
        ),
        ("none", "These figures are not final. Indicative: 2015/16. Allocated"),
    ],
)
def test_page_says_which_figures_use_illustrative_spend(transition, expected):
    """A minimum per head depends on patients only, so spend matters for changes; a fair share alone has no spend."""
    page = page_of(allocate(sample=True, transition=transition, with_effects=False))

    assert expected in section(page, "in-short")
    assert "unspent" not in section(page, "in-short")


def test_marks_and_meanings_are_beside_the_figures(sample):
    """Charts and the table say that they use illustrative spend, which is among what is assumed; Gini has a meaning."""
    for name in ("gains-and-losses", "everybody", "spread", "path"):
        assert "(uses illustrative spend)" in section(sample, name)
    assert "1,486 of 1,486 rows are marked illustrative" in section(sample, "assumptions")
    assert "measure differences in £ per head; 0 is none" in section(sample, "spread")


def test_everybody_is_in_the_table_largest_loss_first(four):
    """At £2 a head A gets £200,000 for £500,000, B £400,000 for £500,000, C £600,000 for £450,000, D £800,000."""
    text = page_of(four)
    table = text.partition("<tbody>\n<tr data-code")[2].partition("</tbody>")[0]
    rows = [re.findall(r">([^<>]+)</t[hd]>", row) for row in table.split("</tr>")]

    assert rows[:4] == [
        ["A", "A", "£500,000", "£200,000", "-£300,000", "-60.0%", "£2.00", "loses"],
        ["B", "B", "£500,000", "£400,000", "-£100,000", "-20.0%", "£2.00", "loses"],
        ["D", "D", "£820,000", "£800,000", "-£20,000", "-2.4%", "£2.00", "loses"],
        ["C", "C", "£450,000", "£600,000", "+£150,000", "+33.3%", "£2.00", "gains"],
    ]
    assert 'data-key="spendChange" class="figure" aria-sort="ascending"' in text


def test_organisation_that_loses_most_is_explained_without_scripts(sample):
    """Oxfordshire loses most; its sentences of both years and the amounts of its ladders are in the page."""
    text = section(sample, "organisation")

    assert "Oxfordshire (10Q)" in text
    assert "Oxfordshire gets £4,270,476 in 2014/15, £1,280,699 (23.1%) less than its historic spend." in text
    assert "Transition support +£2,522,376" in text


def test_assumptions_checks_and_sources_are_named(sample):
    """Each assumption says what hangs on it; each check has its formula; each input has its digest."""
    assert "no figure was found for 2015/16" in section(sample, "assumptions").lower()
    assert "At 45% (10% smaller): total allocation falls by £1,507,736, 54 CCGs affected" in section(
        sample, "assumptions"
    )
    assert section(sample, "checks").count("Passes") == 4
    assert "https://" in section(sample, "sources")
    assert re.search(r"england-2014-15-population.csv 211 .* [0-9a-f]{64}", section(sample, "inputs"))


def test_citation_and_differences_are_facts_of_the_run(sample, four):
    """The page names version and digest, and only reasons for differences that the run has."""
    assert re.search(r"Calculated by gpit-fairshare \d+\.\d+\.\d+\..* [0-9a-f]{64}", section(sample, "cite"))
    assert "Indicative: 2015/16 may change" in section(sample, "differences")
    assert "Indicative" not in section(page_of(four), "differences")
    assert "multiples of £1," in section(page_of(four), "differences")


def test_settings_of_the_run_are_in_the_status():
    """A value that was set for this run makes its figures not final, and is named."""
    text = section(page_of(allocate(sample=True, settings={"transition_fund": 0}, with_effects=False)), "in-short")

    assert "These figures are not final." in text
    assert (
        "Set for this run, not in the scheme: Transition fund (transition_fund): £20,000,000 → £0 in every year" in text
    )


# Scripts -------------------------------------------------------------------------------------------------------


def test_scripts_have_no_name_twice_and_build_nodes_only():
    """All files are one script, so a name is defined once; texts never become markup or code."""
    texts = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in (*SCRIPTS, "page")]
    names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", "\n".join(texts), re.MULTILINE)

    assert sorted(names) == sorted(set(names))
    for text in texts:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function|document\.write|\(\?<", text
        )


def test_csv_holds_figures_without_format_and_texts_that_no_spreadsheet_runs():
    """A text that begins as a formula gets an apostrophe; -5 is a number; quotes are doubled; nothing is empty."""
    rows = [["=1+1", "+44", "-Minus", "@home", "\tTab"], [-5, 0.25, None, 'a "b", c', "O'Neill"]]
    text = run_script("return csvText(DATA);", data=rows, scripts=("table.js",))

    assert text == "'=1+1,'+44,'-Minus,'@home,'\tTab\n-5,0.25,,\"a \"\"b\"\", c\",O'Neill\n"


def test_rows_are_sorted_by_value_and_ties_by_code():
    """9 is before 10; equal values are in the order of codes; none is last both ways; 😀 is after ｚ, by code point."""
    rows = [("B", 10, "z"), ("A", 10, "😀"), ("D", None, ""), ("C", 9, "ｚ")]
    data = [{"code": code, "change": change, "name": name} for code, change, name in rows]
    ways = [["change", True], ["change", False], ["name", True]]
    body = "return DATA.ways.map(([key, way]) => sortedRows(DATA.rows, key, way).map((row) => row.code).join(''));"
    scripts = ("numbers.js", "words.js", "measures.js", "table.js")

    assert run_script(body, data={"rows": data, "ways": ways}, scripts=scripts) == ["CABD", "ABCD", "BCAD"]


# Writing -------------------------------------------------------------------------------------------------------


def test_without_the_extra_the_plain_page_says_what_is_missing(monkeypatch, tmp_path, four):
    """The plain page has no script, and names what to type; no error is raised."""
    monkeypatch.setattr(bundle, "is_available", lambda: False)
    (path,) = four.write(tmp_path / "plain.html")
    text = path.read_text(encoding="utf-8")

    assert "<script" not in text
    assert "pip install &#x27;gpit-fairshare[report]&#x27;" in text


def test_result_writes_the_page(monkeypatch, tmp_path, four):
    """`Result.write` writes the page; its lines end as its digests need on any system."""
    monkeypatch.setattr(bundle, "vega_script", lambda: "window.vegaEmbed = null;")
    (path,) = four.write(tmp_path / "page.html")

    assert b'<section id="in-short"' in path.read_bytes()
    assert b"\r" not in path.read_bytes()


def test_command_line_says_on_one_line_what_is_missing(monkeypatch, capfd, tmp_path):
    """Without the extra `gpit allocate -o x.html` succeeds, and standard error has one line with what to type."""
    monkeypatch.setattr(bundle, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["gpit", "allocate", "--sample", "-o", str(tmp_path / "x.html"), "-q"])
    with pytest.raises(SystemExit) as done:
        main()

    assert done.value.code == 0
    assert capfd.readouterr().err.splitlines() == [bundle.MISSING]
    assert "pip install 'gpit-fairshare[report]'" in bundle.MISSING
