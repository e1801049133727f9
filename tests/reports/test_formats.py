"""A document as a file: all texts of the screen at full width; texts of inputs are never markup."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from gpit_fairshare import allocate, compare
from gpit_fairshare.findings import Finding
from gpit_fairshare.reports.comparison import comparison_document
from gpit_fairshare.reports.document import (
    Address,
    Beside,
    Block,
    Calculation,
    Code,
    Column,
    Document,
    Findings,
    Heading,
    Item,
    Listing,
    OnScreen,
    Paragraph,
    Role,
    Row,
    Table,
    Title,
    Tone,
    Verbatim,
)
from gpit_fairshare.reports.formats import FORMATS, rendered, write_file
from gpit_fairshare.reports.formats.html import render as html
from gpit_fairshare.reports.formats.md import render as markdown
from gpit_fairshare.reports.screen import show
from gpit_fairshare.results import RESULT_ENDINGS
from running import gpit

HOSTILE = "<script>alert('x')</script> | `a` **b** @nhs #12 ![p](http://q) \x1b[31m\u202e &amp; \"y\""
VOID = {"meta", "br", "input"}


class Reader(HTMLParser):
    """Parses a page as a browser does: elements in order, texts, and whether each element is closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts, self.attributes = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Record an element."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close an element; it must be the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Record a text."""
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        """All texts."""
        return " ".join(" ".join(self.texts).split())


def every_block(text):
    """A document with every kind of block, in which every text is the same."""
    columns = [Column(text, Role.CODE), Column(text, Role.NAME), Column("Sum")]
    table = Table(columns, [Row([text, "", ""], heading=True), Row([text, text, "£1"], below=text)], caption=text)
    return Document(
        [
            Title([text, text]),
            Heading(text, Tone.BAD),
            Paragraph(text, Tone.WARNING, "Old  "),
            Item(text, "1. ", text, [Item(Code(text), "old "), Item(text)]),
            Listing([Item(text), Item(text)], most=1),
            Heading(text, of_part=True),
            Calculation(text, text, text, 7, [("formula", Code(text)), ("note", text)]),
            Calculation(text, tone=Tone.STRONG),
            table,
            Beside([table, table]),
            Findings([Finding("I16", "error", text, "C5", text, text, text)]),
            Verbatim(text, "json"),
        ]
    )


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_takes_every_block(ending, tmp_path):
    """Each format renders every kind of block: each text occurs as often as in the document."""
    write_file(every_block("quince"), tmp_path / "x", ending)
    text = (tmp_path / "x").read_text(encoding="utf-8")
    body = text.partition("<body>")[2] or text  # the title of a page is said twice

    assert body.count("quince") == every_block_count()


def every_block_count():
    """How often `every_block` has the text, counted by hand above: 7 times in a table, 4 in a finding."""
    return 2 + 1 + 1 + 4 + 2 + 1 + 5 + 1 + 3 * 7 + 4 + 1


def test_html_is_well_formed_and_runs_nothing():
    """Elements are closed in order, and a text of an input adds neither an element nor an attribute."""
    plain, hostile = (Reader(html(every_block(text))) for text in ("quince", HOSTILE))

    assert hostile.open == []
    assert hostile.tags == plain.tags
    assert hostile.attributes == plain.attributes
    assert "script" not in hostile.tags
    assert not {"\x1b", "\u202e"} & set(html(every_block(HOSTILE)))


def test_html_shows_texts_as_they_are():
    """A reader sees the exact text, with escapes for invisible characters."""
    page_text = Reader(html(Document([Paragraph(HOSTILE)]))).text

    assert page_text == "gpit " + HOSTILE.replace("\x1b", r"\u001b").replace("\u202e", r"\u202e")


def test_markdown_reads_no_text_as_markup():
    """No text opens an element, a code, a mention, an issue or another cell, and tables keep their cells."""
    text = markdown(every_block(HOSTILE))
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)

    assert not re.search(r"[<>`]|@nhs|#12(?!\d*;)|(?<!\\)!\[", outside_code)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


@pytest.mark.parametrize(
    ("url", "link"), [("https://example.org/a?b=1&c", True), ("javascript:alert(1)", False), ("https://a b", False)]
)
def test_only_addresses_of_the_web_are_links(url, link):
    """Other addresses are shown as code."""
    document = Document([Item(Address(url))])

    assert ("a" in Reader(html(document)).tags) is link
    assert (f"<{url}>" in markdown(document)) is link


def test_what_is_about_the_screen_is_in_no_file():
    """Only the screen lists the files written; a file lists in full what the screen counts."""
    items = [Item(f"item {number}") for number in range(30)]
    document = Document([OnScreen([Paragraph("Written: x.md")]), Listing(items, most=3)])

    for ending in FORMATS:
        text = rendered(document, ending)
        assert "Written" not in text
        assert "item 29" in text
        assert "more" not in text
    stream = io.StringIO()
    show(document, Console(file=stream, width=80))
    assert stream.getvalue().splitlines() == ["Written: x.md", "  item 0", "  item 1", "  item 2", "  … and 27 more"]


def test_items_that_are_not_kept_are_counted():
    """For 9 items with 4 kept, a file says that there are 5 more; the screen, which shows 3, says 6."""
    document = Document([Listing([Item(f"item {number}") for number in range(4)], most=3, count=9)])

    for ending in FORMATS:
        assert "… and 5 more" in rendered(document, ending)


def test_numbered_items_keep_their_numbers():
    """A list that begins with 3 does so in every format."""
    document = Document([Item("third", "3. "), Item("tenth", "10. ")])

    assert markdown(document) == "3. third\n10. tenth\n"
    assert '<ol>\n<li value="3">third</li>\n<li value="10">tenth</li>\n</ol>' in html(document)


def test_sections_of_a_part_are_below_it():
    """A heading after that of a part is one level lower."""
    blocks: list[Block] = [Title(["T"]), Heading("A"), Heading("2014/15", of_part=True), Heading("Steps")]
    tags = [tag for tag in Reader(html(Document(blocks))).tags if re.fullmatch("h[1-6]", tag)]

    assert markdown(Document(blocks)) == "# T\n\n## A\n\n## 2014/15\n\n### Steps\n"
    assert tags == ["h1", "h2", "h2", "h3"]


def test_markdown_keeps_to_its_longest():
    """Rows that do not fit are counted, and sections that do not fit are named."""
    rows = [Row([str(number), "x" * 50]) for number in range(100)]
    table = Table([Column("Code", Role.CODE), Column("Name", Role.NAME)], rows)
    text = markdown(Document([Title(["T"]), Heading("Rows"), table, Heading("After"), Item("last")], longest=2000))
    row_count = text.count("x" * 50)

    assert len(text) <= 2000
    assert 10 < row_count < 100
    assert f"… and {100 - row_count} more that do not fit here.\n" in text
    assert text.endswith("\nLeft out because they do not fit: After. The JSON document has everything.\n")
    assert "last" not in text


def test_markdown_counts_rows_at_every_length():
    """Rows without room are counted even if the rows before them, or the heading, fill the room exactly."""
    table = Table([Column("Code", Role.CODE)], [Row([f"R{number}"]) for number in range(9)])
    blocks: list[Block] = [Title(["T"]), Heading("Rows"), table, Heading("After"), Item("last")]
    for longest in range(410, 500):
        text = markdown(Document(blocks, longest=longest))
        row_count = len(re.findall(r"R\d", text))

        assert len(text) <= longest
        assert (
            row_count == 9
            or "## Rows" not in text
            or re.search(rf"… and {9 - row_count if row_count else '(9|10|11)'} more", text)
        )


# What the verbs write -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written_files(tmp_path_factory):
    """The documents of four verbs on the sample, in both formats, and their screens."""
    folder = tmp_path_factory.mktemp("written")
    screens = {}
    for verb, words in {
        "allocate": ("allocate", "--sample", "-o", "old.json"),
        "check": ("check", "--sample"),
        "explain": ("explain", "00C", "--sample"),
        "compare": ("compare", "gpit-2014-16", "gpit-2014-16-cost-above-funding", "--sample", "--details"),
    }.items():
        done = gpit(*words, "-o", f"{verb}.md", "-o", f"{verb}.html", folder=folder, env={"COLUMNS": "100"})
        screens[verb] = done.stdout.decode()
        assert done.returncode == (1 if verb == "compare" else 0), done.stderr
    # The page of a comparison shows one choice of years at a time; without the extra it is this document.
    old, new = (allocate(sample=True, scheme=name) for name in ("gpit-2014-16", "gpit-2014-16-cost-above-funding"))
    write_file(comparison_document(compare(old, new)), folder / "compare.html", ".html")
    return folder, screens


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["allocate", "check", "explain", "compare"])
def test_files_have_the_texts_of_the_screen(verb, written_files):
    """Every figure in pounds of the screen is in both files, and so is the warning; files cut nothing to add up."""
    folder, screens = written_files
    page = Reader((folder / f"{verb}.html").read_text("utf-8")).text
    plain = re.sub(r"&#8203;|\\(?=[*_\[\]~!${}])", "", (folder / f"{verb}.md").read_text("utf-8"))
    uncut = re.sub(r"(?m)^.* shown; others: .*$", "", screens[verb])
    pounds = set(re.findall(r"£[\d,.]*\d", uncut))

    assert len(pounds) > 3
    for text in (page, plain):
        assert {amount for amount in pounds if amount not in text} == set()
        assert verb == "check" or "rows are marked illustrative" in text
        assert "Written" not in text


@pytest.mark.slow
def test_documents_of_a_result_say_where_the_manifest_is(written_files):
    """A page has the manifest of the JSON document below its figures; Markdown names the files that have it."""
    folder, _ = written_files
    manifest = json.loads((folder / "old.json").read_text("utf-8"))["manifest"]
    text = (folder / "allocate.md").read_text("utf-8")
    page = Reader((folder / "allocate.html").read_text("utf-8"))

    assert text.endswith("## Manifest\n\nA workbook (.xlsx) or a JSON document of this run has its manifest.\n")
    assert "sha256" not in text
    assert json.loads(next(text for text in page.texts if text.startswith("{"))) == manifest
    assert "Eastbourne, Hailsham and Seaford" in text


@pytest.mark.slow
def test_documents_of_a_result_list_its_sources(written_files):
    """Each publication is listed once, with its address and what it is cited for: £140m of revenue is of April 2014."""
    folder, _ = written_files
    text = (folder / "allocate.md").read_text("utf-8").partition("## Sources\n")[2].partition("\n## ")[0]
    page = Reader((folder / "allocate.html").read_text("utf-8"))
    address = "https://www.digitalhealth.net/2014/04/plans-for-230m-gp-it-spend-released/"

    assert text.count(address) == 1
    item = text[text.index("* Digital Health, Plans for £230m GP IT spend released, 2014-04-03.") :].split("\n* ")[0]
    assert "Cited for National GP IT revenue funding and Transition fund." in item
    assert address in item
    assert address in page.text


@pytest.mark.slow
def test_names_of_organisations_are_escaped(tmp_path):
    """A script as an organisation's name is a text in every document."""
    name = "<script>alert(1)</script>"
    (tmp_path / "people.csv").write_text(f"org_code,org_name,registered_population\nA,{name},10\nB,b,20\n", "utf-8")
    run = ("--population", "people.csv", "--transition", "none")
    outputs = ("-o", "x.md", "-o", "x.html")
    for words, scripts in ((("allocate", *run), 3), (("explain", "A", *run), 0), (("check", *run[:2]), 0)):
        assert gpit(*words, *outputs, folder=tmp_path).returncode == 0
        assert "<script" not in (tmp_path / "x.md").read_text("utf-8")
        # The page to share has its data, and two scripts of its own.
        assert Reader((tmp_path / "x.html").read_text("utf-8")).tags.count("script") == scripts
        assert name not in (tmp_path / "x.html").read_text("utf-8")


def test_no_ending_is_of_a_result_and_of_a_document():
    """The ending of a name decides what is written: rows that gpit can read back, or a document for people."""
    assert set(FORMATS).isdisjoint(RESULT_ENDINGS)
