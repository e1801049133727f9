"""The workbook can be read on a screen, by ear and on paper, and is safe from accidental changes.

The rules are those of the Analysis Function's checklist for accessible spreadsheets and of the ICAEW's twenty
principles (METHOD 5.3 and 5.4), each checked in the files of several runs.
"""

from __future__ import annotations

import re
from collections import Counter

import openpyxl
import pytest
from lxml import etree
from openpyxl.utils import get_column_letter, range_boundaries

import structure
from books import CODES, NAMES, REGIONS, RUNS, Book, find, merger_run, odd_run
from gpit_fairshare.workbook.layout import sheet_name
from gpit_fairshare.workbook.result_workbook import write_workbook
from gpit_fairshare.workbook.sheets import Sheet, is_web
from gpit_fairshare.workbook.text_widths import lines_needed, text_width
from gpit_fairshare.workbook.writing import table_name
from recalculation import recalculate
from tiers import fast_but

HEADINGS = 4
FIRST = 5


@pytest.fixture(scope="module", params=fast_but(["sample", "cost above funding", "no transition"], RUNS))
def book(request, tmp_path_factory):
    """The workbook of each run in turn."""
    folder = tmp_path_factory.mktemp("accessible")
    write_workbook(RUNS[request.param](folder), folder / "out.xlsx")
    return Book(request.param, folder / "out.xlsx")


def on_sheet(problem, sheet, cell=None):
    """Return the place of a problem, for the message of an assertion."""
    return f"{sheet.title}!{cell.coordinate if cell is not None else ''}: {problem}"


# Tables -----------------------------------------------------------------------------------------------------


def test_the_file_is_built_as_the_standard_says(book):
    """Elements are in order, and every style, text, table and reference exists: Excel has nothing to repair."""
    assert structure.faults(book.path) == []


def test_every_sheet_is_one_table_that_covers_all_below_row_3(book):
    """It is an Excel table from the headings in row 4 to the last row, from column A to the last."""
    for sheet in book.sheets:
        (table,) = sheet.tables.values()
        assert range_boundaries(table.ref) == (1, HEADINGS, sheet.max_column, max(sheet.max_row, FIRST)), sheet.title


def test_tables_have_names_that_say_their_sheet(book):
    """They are unique even without capitals, have only letters that Excel allows, and are not addresses or names."""
    tables = [(sheet.title, table) for sheet in book.sheets for table in sheet.tables.values()]
    names = [table.displayName.casefold() for _, table in tables]
    defined = {name.get("name").casefold() for name in find(book.xml("xl/workbook.xml"), "definedName")}

    assert len(set(names)) == len(names)
    assert not set(names) & defined
    for title, table in tables:
        assert re.fullmatch(r"Table_\w{1,200}", table.displayName, re.ASCII), title
        first_word = re.match(r"\w*", title, re.ASCII)[0]
        assert first_word in table.displayName


def test_headings_are_unique_filled_and_equal_to_the_columns_of_the_table(book):
    """Excel repairs a table if a column and its heading have different names, for example because of a line break."""
    for number, (sheet, _) in enumerate(book.pages(), 1):
        columns = [column.get("name") for column in find(book.xml(f"xl/tables/table{number}.xml"), "tableColumn")]
        headings = [cell.value for cell in sheet[HEADINGS]]
        assert headings == columns, sheet.title
        assert all(heading == " ".join(heading.split()) and 0 < len(heading) <= 255 for heading in headings), (
            sheet.title
        )
        assert len({heading.casefold() for heading in headings}) == len(headings), sheet.title


def test_no_cell_is_merged_and_no_row_or_column_is_blank(book):
    """A screen reader that goes from cell to cell does not take a gap for the end."""
    for sheet in book.sheets:
        assert not sheet.merged_cells.ranges, sheet.title
        values = book.values[sheet.title]
        rows = list(values.iter_rows(min_row=FIRST, values_only=True))
        assert all(any(value not in (None, "") for value in row) for row in rows), sheet.title
        assert all(any(value not in (None, "") for value in column) for column in zip(*rows, strict=True)), sheet.title


def test_no_cell_of_a_table_is_empty_without_a_word_of_why(book):
    """It has a text such as none, a dash or [z], or the note of the sheet says what an empty cell means."""
    for sheet in book.sheets:
        (table,) = sheet.tables.values()
        values = book.values[sheet.title]
        empty = [cell.coordinate for row in values[table.ref] for cell in row if cell.value in (None, "")]
        assert not empty or "Empty cell = " in sheet["A2"].value, f"{sheet.title}: {empty[:5]}"


@pytest.mark.slow
def test_empty_cells_stand_where_the_inputs_are_blank_alone(tmp_path):
    """Two practices without a need index: two empty cells on Population and on each year, and no others."""
    write_workbook(odd_run(tmp_path), tmp_path / "out.xlsx")
    empty_cells = Counter(
        sheet.title
        for sheet in Book("odd", tmp_path / "out.xlsx").values.values()
        for row in sheet.iter_rows(min_row=FIRST)
        for cell in row
        if cell.value in (None, "")
    )
    assert empty_cells == {"Population": 2, "2014-15": 2, "2015-16": 2}


# Texts ------------------------------------------------------------------------------------------------------


def test_shorthand_is_explained_on_its_sheet(book):
    """The note of the sheet explains each letter in square brackets."""
    for sheet, cell, value in book.cells():
        for mark in re.findall(r"\[[a-z]\]", f"{cell.value} {value}"):
            assert f"{mark} = " in sheet["A2"].value, on_sheet(mark, sheet, cell)


def test_no_symbol_or_superscript_stands_for_a_note(book):
    """Screen readers skip daggers, stars, raised figures, and signs such as ≤."""
    for sheet, cell, value in book.cells():
        assert not re.search(r"[†‡§¶¹²³⁴≤≥≠∗]", str(value)), on_sheet(value, sheet, cell)
        assert cell.font.vertAlign is None


def test_long_texts_are_wrapped_and_rows_are_high_enough(book):
    """A text wider than its column has several lines, and its row is high enough."""
    for sheet, cell, value in book.cells(FIRST):
        if not isinstance(value, str):
            continue
        width = sheet.column_dimensions[column_of(sheet, cell.column)].width
        # Small letters of Arial are four fifths as wide as a figure, capitals six fifths.
        runs = sum(1.2 if letter.isupper() else 0.8 for letter in value)
        if runs > width:
            assert cell.alignment.wrap_text, on_sheet(value, sheet, cell)
            height = sheet.row_dimensions[cell.row].height or 15
            assert height >= 12.75 * -(-runs // width) - 1, on_sheet(f"{height} for {value}", sheet, cell)


def column_of(sheet, number):
    """Return the letters under which openpyxl keeps a column's width; equal neighbours share those of the first."""
    for letters, dimension in sheet.column_dimensions.items():
        if dimension.min <= number <= dimension.max:
            return letters
    raise AssertionError(f"{sheet.title}: column {number} has no width")


def test_figures_fit_into_their_columns(book):
    """Nothing shows as ####: each formatted figure fits into its column."""
    for sheet, cell, value in book.cells(3):
        if isinstance(value, bool) or not isinstance(value, int | float) or cell.number_format == "General":
            continue
        places = len(re.match(r"[^.;%]*\.?(0*)", cell.number_format)[1])
        text = f"{value:.{places}%}" if "%" in cell.number_format else f"{abs(value):,.{places}f}"
        extra = ("£" in cell.number_format) + (value < 0 or cell.number_format.startswith("+"))
        commas = text.count(",") + text.count(".")
        width = sheet.column_dimensions[column_of(sheet, cell.column)].width
        assert len(text) - commas / 2 + extra + cell.alignment.indent <= width, on_sheet(value, sheet, cell)


def test_title_and_note_end_before_the_sheet_does(book):
    """They run over the next cells, and paper cuts them off where the columns end."""
    for sheet in book.sheets:
        across = sum(
            sheet.column_dimensions[column_of(sheet, number)].width for number in range(1, sheet.max_column + 1)
        )
        for cell, runs in ((sheet["A1"], 0.8 * 1.4 * 1.05), (book.values[sheet.title]["A2"], 0.8)):
            assert runs * len(cell.value) <= across, on_sheet(cell.value, sheet, cell)


def test_figures_and_their_headings_stand_on_the_right(book):
    """Figures, [z] and their headings are on the right; texts and their headings on the left."""
    for sheet in book.sheets:
        values = book.values[sheet.title]
        for heading in sheet[HEADINGS]:
            cells = [row[0] for row in values.iter_rows(FIRST, None, heading.column, heading.column)]
            figures = any(isinstance(cell.value, int | float) for cell in cells)
            sides = {"right"} if figures else {None, "left"}
            assert heading.alignment.horizontal in sides, on_sheet(heading.value, sheet, heading)
            for cell in cells:
                if isinstance(cell.value, int | float) or (figures and cell.value == "[z]"):
                    assert cell.alignment.horizontal == "right", on_sheet(cell.value, sheet, cell)


def test_text_widths_are_those_of_the_font():
    """Adobe's metrics of Helvetica, the same as Arial's, in thousandths: figure 556, W 944, i 222, e 556, N 722."""
    for letter, thousandths in {"0": 556, "W": 944, "i": 222, "e": 556, "N": 722, "s": 500, "m": 833, " ": 278}.items():
        assert text_width(letter * 100) == pytest.approx(100 * thousandths / 556, rel=0.1), letter


def test_capitals_take_more_lines_and_a_long_word_is_broken():
    """Twenty W are 34 figures wide: two lines in a column of 20. A word of 100 figures needs four in one of 30."""
    assert lines_needed("WWWWWWWWWW WWWWWWWWWW", 20) == 2
    assert lines_needed("1" * 100, 30) == 4
    assert lines_needed("one\ntwo", 30) == 2


@pytest.mark.slow
def test_codes_and_names_stay_texts(tmp_path):
    """0123 and 1E5 are not numbers, and texts that begin with = + - or @ are not formulas, on any sheet."""
    write_workbook(odd_run(tmp_path), tmp_path / "out.xlsx")
    book = Book("odd", tmp_path / "out.xlsx")
    texts = {*CODES, *(name for name in NAMES if name), *REGIONS, '=core "x"'}
    counts = Counter(cell.value for _, cell, _ in book.cells() if cell.data_type == "s" and cell.value in texts)
    assert set(counts) == texts
    assert not [cell.value for _, cell, _ in book.cells() if cell.data_type == "f" and cell.value in texts]
    for _, page in book.pages():
        (ignored,) = [
            ignored_error for ignored_error in find(page, "ignoredError") if ignored_error.get("numberStoredAsText")
        ]
        assert ignored.get("sqref") == "A1:XFD1048576"


# Titles, links and looks ------------------------------------------------------------------------------------


def test_titles_describe_and_differ(book):
    """A1 of each sheet has a unique title of 12 points or more that says what the sheet holds."""
    titles = [sheet["A1"].value for sheet in book.sheets]

    assert len(set(titles)) == len(titles)
    for sheet in book.sheets:
        assert sheet["A1"].font.b, sheet.title
        assert sheet["A1"].font.sz >= 12, sheet.title
        values = book.values[sheet.title]
        note = values["A2"].value
        assert note.split(".")[0] in ("Input", "Working", "Output", "Control"), sheet.title
        assert note.startswith("Output.") == (values["A3"].value == "Status: NOT FINAL. Checks: pass."), sheet.title


def test_links_lead_somewhere_and_say_where(book):
    """About links to every other sheet by its name; a web link is http(s), and its text is not an address."""
    names = [sheet.title for sheet in book.sheets]
    about = {}
    for sheet in book.sheets:
        for row in sheet.iter_rows():
            for cell in (cell for cell in row if cell.hyperlink):
                if cell.hyperlink.location:
                    to = re.fullmatch(r"'(.*)'!A1", cell.hyperlink.location)[1].replace("''", "'")
                    assert to in names, on_sheet(to, sheet, cell)
                    assert cell.value == to
                    about[to] = sheet.title
                else:
                    assert is_web(cell.hyperlink.target), on_sheet(cell.hyperlink.target, sheet, cell)
                    assert not cell.value.startswith("http"), on_sheet(cell.value, sheet, cell)
    assert about == dict.fromkeys([name for name in names if name != "About"], "About")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://a b.uk", "https://a.uk/" + "x" * 2000, ""])
def test_what_is_no_address_on_the_web_is_no_link(address):
    """Excel refuses spaces and longer addresses, and other kinds of link are not wanted in a workbook."""
    assert not is_web(address)


def test_footers_hold_the_number_of_the_page_alone(book):
    """All other information is in cells; there are no headers."""
    for sheet, page in book.pages():
        (footer,) = find(page, "headerFooter")
        assert [(etree.QName(part).localname, part.text) for part in footer] == [("oddFooter", "&C&P / &N")], (
            sheet.title
        )


def test_fonts_are_arial_upright_and_large_enough(book):
    """Arial of at least 10 points, no italics."""
    for font in find(book.xml("xl/styles.xml"), "fonts")[0]:
        assert find(font, "name")[0].get("val") == "Arial"
        assert float(find(font, "sz")[0].get("val")) >= 10
        assert not find(font, "i")


def luminance(colour):
    """Return the relative luminance of a colour, as WCAG 2.1 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_contrast_of_every_colour_of_text_is_enough():
    """Black on white is 21 to 1 and #767676, the lightest grey allowed, 4.54: the measure itself is right."""
    assert 1.05 / (luminance("000000") + 0.05) == pytest.approx(21)
    assert 1.05 / (luminance("767676") + 0.05) == pytest.approx(4.54, abs=0.01)


def test_every_text_stands_out_from_its_background(book):
    """WCAG asks for 4.5 to 1, for each pair of text and background that a cell has; white is behind most."""
    pairs = set()
    for sheet in book.sheets:
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.value is not None):
            colour = cell.font.color.rgb if cell.font.color else None
            text = colour[2:] if isinstance(colour, str) else "000000"  # a theme's colour of text is black
            behind = cell.fill.fgColor.rgb[2:] if cell.fill.patternType == "solid" else "FFFFFF"
            pairs.add((text, behind))

    assert ("FFFFFF", "005EB8") in pairs  # headings
    for text, behind in pairs:
        low, high = sorted((luminance(text), luminance(behind)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, behind)


def test_colour_never_stands_alone(book):
    """Cells coloured by a rule also say why in words; bars are in the cells of figures; blue cells are unlocked."""
    for sheet, page in book.pages():
        for rule in find(page, "cfRule"):
            if rule.get("type") == "cellIs":
                assert find(rule, "formula")[0].text.strip('"') in ("FAIL", "review")
            else:
                assert rule.get("type") == "dataBar"
        if any(not cell.protection.locked for row in sheet.iter_rows(min_row=FIRST) for cell in row):
            says_so = "in the blue cell" in sheet["A2"].value
            assert sheet["A2"].value.startswith("Input.") or sheet.title == "About" or says_so


def test_names_of_sheets_are_unique_and_short(book):
    """They have up to 31 characters, differ in more than capitals, have no blank at an end, and Excel reserves none."""
    names = [sheet.title for sheet in book.sheets]

    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= 31 and name == name.strip("' ") and name.casefold() != "history" for name in names)


def test_a_sheet_is_cut_before_its_year_and_ends_in_no_quotation_mark():
    """Excel refuses a name that ends in an apostrophe, and two years of one long label need different names."""
    used_names: set[str] = set()
    names = [sheet_name("Clinical commissioning group's list", used_names, year) for year in ("2014-15", "2015-16")]

    assert names == ["Clinical commissioning 2014-15", "Clinical commissioning 2015-16"]
    assert sheet_name("By Clinical commissioning group's", set()) == "By Clinical commissioning group"
    assert sheet_name("x" * 30 + "'s", set()) == "x" * 30


def test_tables_do_not_share_a_name():
    """É and È both become an underscore in a table's name, and defined names are taken too."""
    used_names = {"table_2014_15"}

    assert [table_name(name, used_names) for name in ("Area é", "Area è", "2014-15")] == [
        "Table_Area_",
        "Table_Area__2",
        "Table_2014_15_2",
    ]


def test_the_workbook_opens_in_a1_of_its_first_sheet(book):
    """Column A holds the title and the first column; nothing is hidden, and no other sheet is open."""
    (view,) = find(book.xml("xl/workbook.xml"), "workbookView")
    assert view.get("activeTab", "0") == "0"
    for number, (sheet, page) in enumerate(book.pages()):
        (view_of_sheet,) = find(page, "sheetView")
        assert view_of_sheet.get("tabSelected", "0") == str(int(number == 0)), sheet.title
        selected = [(each.get("pane"), each.get("activeCell", "A1")) for each in find(view_of_sheet, "selection")]
        frozen = find(view_of_sheet, "pane")
        assert frozen or selected in ([], [(None, "A1")]), sheet.title
        assert sheet.sheet_state == "visible"
        assert not [row for row in find(page, "row") if row.get("hidden")], sheet.title
        assert not [column for column in find(page, "col") if column.get("hidden")], sheet.title
        assert sheet["A1"].value
        assert sheet["A4"].value


def test_the_document_has_a_title_and_a_language(book):
    """Screen readers take their voice from the language: British English."""
    core = book.xml("docProps/core.xml")

    assert book.sheets[0]["A1"].value == f"{find(core, 'title')[0].text}: summary"
    assert [language.text for language in find(core, "language")] == ["en-GB"]


def test_nothing_reaches_out_of_the_workbook(book):
    """No macros, links to other files, pictures or comments: only sheets, tables, charts, texts and formats."""
    kinds = {re.sub(r"\d+", "", name.rpartition("/")[2]) for name in book.parts}

    assert kinds <= {
        *("[Content_Types].xml", ".rels", "app.xml", "core.xml", "workbook.xml", "workbook.xml.rels", "theme.xml"),
        *("styles.xml", "sharedStrings.xml", "sheet.xml", "sheet.xml.rels", "table.xml"),
        *("drawing.xml", "drawing.xml.rels", "chart.xml", "metadata.xml"),
    }
    for name, data in book.parts.items():
        if name.endswith(".rels"):
            for relationship in find(etree.fromstring(data), "Relationship"):
                assert relationship.get("TargetMode") != "External" or is_web(relationship.get("Target")), name


def test_charts_say_what_they_show(book):
    """They have a title, axis titles with units, and an alternative text that names the sheet with the figures."""
    names = [sheet.title for sheet in book.sheets]
    drawings = [book.xml(name) for name in book.parts if re.fullmatch(r"xl/drawings/drawing\d+.xml", name)]
    for frame in (frame for drawing in drawings for frame in find(drawing, "graphicFrame")):
        says = find(frame, "cNvPr")[0].get("descr")
        assert re.search(r"The figures are on the sheet (.*)\.$", says)[1] in names
    charts = [book.xml(name) for name in book.parts if name.startswith("xl/charts/")]
    assert len(charts) == {"sample": 6, "cost above funding": 6, "no transition": 4, "odd": 6, "merger": 3}.get(
        book.name, 0
    )
    for chart in charts:
        texts = ["".join(run.text for run in find(title, "t")) for title in find(chart, "title")]
        assert len(texts) == 3
        assert all(texts)
        assert any("£" in text or "Number of" in text for text in texts[1:]), texts
        for cells in (formula.text for formula in find(chart, "f")):
            sheet, _, place = cells.rpartition("!")
            assert re.fullmatch(r"'.*'|\w+", sheet), cells
            assert sheet.strip("'").replace("''", "'") in names, cells
            assert range_boundaries(place)


PRINTED = ("Summary", "Allocations", "Charts", "One organisation", "About", "Checks", "Assumptions")


def test_sheets_print_whole_with_their_titles(book):
    """A4 or A3 landscape, one page wide, title and headings on every page; sheets with charts are portrait.

    Charts that do not fit on one page are printed at the scale of the page's width. What nobody prints has an empty
    cell as its print range, so that it takes no page.
    """
    titles, ranges = (
        {
            int(name.get("localSheetId")): name.text
            for name in find(book.xml("xl/workbook.xml"), "definedName")
            if name.get("name") == kind
        }
        for kind in ("_xlnm.Print_Titles", "_xlnm.Print_Area")
    )
    for number, (sheet, page) in enumerate(book.pages()):
        (setup,) = find(page, "pageSetup")
        charts = bool(find(page, "drawing"))
        assert setup.get("orientation") == ("portrait" if charts else "landscape"), sheet.title
        assert setup.get("paperSize") in ("8", "9")
        if find(page, "rowBreaks"):
            assert charts, sheet.title
            assert int(setup.get("scale")) >= 50, sheet.title
        else:
            assert find(page, "pageSetUpPr")[0].get("fitToPage") == "1"
            assert setup.get("fitToWidth", "1") == "1"
        height = setup.get("fitToHeight", "1")
        assert height == "1" if charts else height == "0" or sheet.max_row <= 66, sheet.title
        assert charts or titles[number].endswith("!$1:$4"), sheet.title
        first, _, last = ranges[number].rpartition("!")[2].replace("$", "").partition(":")
        if any(sheet.title.startswith(name) for name in PRINTED):
            assert first == "A1"
            assert range_boundaries(f"{first}:{last}")[3] >= sheet.max_row, sheet.title
        else:
            assert not last
            assert sheet[first].value is None, sheet.title


# Formulas ---------------------------------------------------------------------------------------------------

# Functions of the workbook that Excel 2010 has; MAXIFS and MINIFS came in 2019 and have their prefix.
FUNCTIONS = (
    "ABS AND AVERAGE COUNT COUNTBLANK COUNTIF COUNTIFS EXACT IF IFERROR INDEX INT ISBLANK ISNUMBER LARGE LOWER "
    "MATCH MAX MEDIAN MIN NA NOT NPV OR PERCENTILE QUARTILE RANK ROUND ROW ROWS SMALL SUM SUMIF SUMIFS SUMPRODUCT "
    "TEXT UPPER _xlfn.MAXIFS _xlfn.MINIFS"
)


def test_formulas_have_no_numbers_but_0_and_1(book):
    """ICAEW 14: a number that may change is in its own cell, with a name."""
    for sheet, cell, tokens in book.formulas:
        numbers = {token.value for token in tokens if token.type == "OPERAND" and token.subtype == "NUMBER"}
        assert numbers <= {"0", "1"}, on_sheet(cell.value, sheet, cell)


def test_formulas_are_short_and_plain(book):
    """ICAEW 13 and 16: none is longer than 500 characters, and no IF is nested more than once.

    A search within groups names up to ten ranges, each by its two ends, and has up to 800.
    """
    for sheet, cell, tokens in book.formulas:
        most = 800 if "'Order 20" in cell.value else 500
        assert len(cell.value) <= most + 1, on_sheet(f"{len(cell.value)} characters", sheet, cell)
        calls: list[str] = []
        for token in tokens:
            if token.type == "FUNC" and token.subtype == "OPEN":
                calls.append(token.value.rstrip("("))
                assert calls.count("IF") <= 2, on_sheet(cell.value, sheet, cell)
                assert calls[-1].lstrip(":") in FUNCTIONS.split(), on_sheet(calls[-1], sheet, cell)
            elif token.type == "FUNC":
                calls.pop()
            elif token.type == "OPERAND" and token.subtype == "TEXT":
                assert len(token.value) <= 257, on_sheet(token.value, sheet, cell)  # Excel takes 255 between quotes


def test_defined_names_lead_to_filled_cells_and_do_not_look_like_cells(book):
    """Names are unique even without capitals, are not addresses, and each refers to one cell with a value."""
    entries = [entry for entry in find(book.xml("xl/workbook.xml"), "definedName") if not entry.get("localSheetId")]
    names = [entry.get("name") for entry in entries]

    assert len({name.casefold() for name in names}) == len(names)
    for entry in entries:
        name = entry.get("name")
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,254}", name), name
        assert not re.fullmatch(r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*([Cc][0-9]*)?|[Cc][0-9]*", name), name
        sheet, cell = re.fullmatch(r"(?:'(.*)'|\w+)!(\$[A-Z]+\$[0-9]+)", entry.text).group(0).rsplit("!", 1)
        target = book.values[sheet.strip("'").replace("''", "'")][cell.replace("$", "")]
        kind = str if name in ("final_or_not", "status_of_checks") else int | float
        assert isinstance(target.value, kind), f"{name} is {target.value!r}"


def test_names_in_formulas_are_defined(book):
    """A name without a cell would show as #NAME?."""
    defined = {name.get("name") for name in find(book.xml("xl/workbook.xml"), "definedName")}
    for sheet, cell, tokens in book.formulas:
        for token in tokens:
            place = token.type != "OPERAND" or token.subtype != "RANGE" or "!" in token.value or "$" in token.value
            if not place and not re.fullmatch(r"[A-Z]{1,3}[0-9]+(:[A-Z]{1,3}[0-9]+)?", token.value):
                assert token.value in defined, on_sheet(token.value, sheet, cell)


# Headings of counts, ranks and yes/no have no unit; on the sheets BY_ROW a column or the text of the row has it.
UNITLESS = (
    "Number|Rank|Position|Position among all rows|Number of the group|Round|Lowest rank|Highest rank|Rank tried"
    "|Need index|Row of the file"
)
BY_ROW = ("Summary", "One organisation", "Parameters", "National figures", "Constants")


def test_every_heading_of_figures_has_a_unit(book):
    """£, people, % or the thing counted: in brackets after the heading, or on the row of the figure."""
    for sheet in book.sheets:
        values = book.values[sheet.title]
        for cell in sheet[HEADINGS]:
            column = [row[0].value for row in values.iter_rows(FIRST, None, cell.column, cell.column)]
            figures = [value for value in column if isinstance(value, int | float) and not isinstance(value, bool)]
            heading = re.sub(r" \[note \d\]$", "", cell.value)
            if not figures or sheet.title in BY_ROW or re.fullmatch(UNITLESS, heading):
                continue
            counts = re.search(
                r": number( of the group)?$|^(CCG|practice)s 20|^Rank by|^Row order$|^(First|Last) position"
                r"|: whole pounds$|smallest remainder that is rounded up$|: weight$|the last one rounded up$",
                heading,
            )
            stands = re.search(r"\(.*\w*.*\)$", heading)
            assert stands or counts or heading == "Allocation", on_sheet(cell.value, sheet, cell)
    summary = next(sheet for sheet in book.sheets if sheet.title == "Summary")
    for (label,) in summary.iter_rows(FIRST, None, 1, 1, values_only=True):
        assert (
            label.endswith("(£)")
            or re.search(r"that (gain|lose)|^(CCG|Practice)s: |(gain|loss) on historic spend$", label)
            or book.name == "bare"
        ), label


# Protection -------------------------------------------------------------------------------------------------

UNLOCKED = {
    "sample": {
        "About": {"Details"},
        "Parameters": {"Value"},
        "Population": {"Registered population (people)"},
        "Spend lines": {"Amount (£)", "Cost type", "Committed"},
    },
    "odd": {
        "About": {"Details"},
        "Parameters": {"Value"},
        "Population": {
            "Registered population (people)",
            "Need index (ratio)",
            'Region <of> the "North & South" of England',
            "Clinical commissioning group's",
        },
        "Spend lines": {"Amount (£)", "Cost type", "Committed"},
    },
    "merger": {
        "About": {"Details"},
        "Parameters": {"Value"},
        "Population": {"Registered population (people)"},
    },
    "bare": {"About": {"Details"}, "Population": {"Registered population (people)"}},
}
UNLOCKED["cost above funding"] = UNLOCKED["sample"]
UNLOCKED["no transition"] = {name: headings for name, headings in UNLOCKED["sample"].items() if name != "Spend lines"}
UNLOCKED = {name: {**sheets, "One organisation": {"2014/15 firm"}} for name, sheets in UNLOCKED.items()}
CODE_LISTS = {
    "odd": "'2015-16'!$A$5:$A$12",
    "merger": "'Codes'!$A$5:$A$9",  # no year has them all
    "bare": "'2014-15'!$A$5:$A$5",
    "sample": "'2015-16'!$A$5:$A$215",
}


def test_sheets_are_protected_without_a_password_and_inputs_alone_unlocked(book):
    """ICAEW 20: only the columns listed here may be changed, and no cell with a formula."""
    unlocked: dict[str, set[str]] = {}
    for sheet, page in book.pages():
        (protection,) = find(page, "sheetProtection")
        assert protection.get("sheet") == "1", sheet.title
        assert not {"password", "hashValue", "algorithmName"} & set(protection.attrib), sheet.title
        for row in sheet.iter_rows():
            for cell in row:
                if not cell.protection.locked:
                    unlocked.setdefault(sheet.title, set()).add(sheet.cell(HEADINGS, cell.column).value)
                    assert cell.data_type != "f", on_sheet(cell.value, sheet, cell)
    assert unlocked == UNLOCKED[book.name]


def rule_of(sheet, cell):
    """Return the data validation of a cell."""
    rules = [rule for rule in sheet.data_validations.dataValidation if cell.coordinate in rule.sqref]
    assert len(rules) <= 1, on_sheet("two rules", sheet, cell)
    return rules[0] if rules else None


def test_every_unlocked_figure_has_a_rule_that_refuses_what_gpit_refuses(book):
    """Only numbers; people and pounds of inputs from 0; parameters within their limits; blanks if optional."""
    for sheet in book.sheets:
        values = book.values[sheet.title]
        for row in values.iter_rows(min_row=FIRST):
            for cell in row:
                source = sheet[cell.coordinate]
                if source.protection.locked or isinstance(cell.value, str):
                    continue
                rule = rule_of(sheet, cell)
                heading = sheet.cell(HEADINGS, cell.column).value
                assert (rule.type, rule.operator or "between") == ("decimal", "between"), on_sheet(heading, sheet, cell)
                assert rule.showErrorMessage
                assert rule.errorStyle in (None, "stop")
                assert bool(rule.allowBlank) == heading.startswith("Need index"), on_sheet(heading, sheet, cell)
                if sheet.title != "Parameters":
                    assert float(rule.formula1) == (-1e15 if "(ratio)" in heading else 0), on_sheet(
                        heading, sheet, cell
                    )
                    continue
                year = sheet.cell(cell.row, 3).value.replace("/", "_")
                for bound, column, open_ in ((rule.formula1, 7, -1e15), (rule.formula2, 8, 1e15)):
                    limit = sheet.cell(cell.row, column).value
                    if limit == "no limit":
                        assert float(bound) == open_
                    elif isinstance(limit, str):
                        assert bound == f"{limit}_{year}"
                    else:
                        assert bound == f"${get_column_letter(column)}{cell.row}"


def test_words_are_chosen_from_lists(book):
    """Yes or no, revenue or capital, final or not; a group that no sheet has a row for would lose its money."""
    lists = {
        (sheet.title, sheet.cell(HEADINGS, min(cells.min_col for cells in rule.sqref.ranges)).value): rule.formula1
        for sheet in book.sheets
        for rule in sheet.data_validations.dataValidation
        if rule.type == "list"
    }
    codes = CODE_LISTS.get(book.name, "'2015-16'!$A$5:$A$16")
    expected = {("About", "Details"): '"Not final,Final"', ("One organisation", "2014/15 firm"): codes}
    if "Spend lines" in UNLOCKED[book.name]:
        expected[("Spend lines", "Cost type")] = '"revenue,capital"'
        expected[("Spend lines", "Committed")] = '"yes,no"'
    if book.name == "odd":
        expected[("Population", 'Region <of> the "North & South" of England')] = (
            "'By Region <of> the \"North & Sou'!$A$5:$A$7"
        )
        expected[("Population", "Clinical commissioning group's")] = "'Clinical commissioning 2014-15'!$A$5:$A$10"
    assert lists == expected


def test_rules_keep_to_what_excel_takes(book):
    """Titles of 32 characters, messages and lists of 255: beyond this Excel calls the file damaged."""
    for _, page in book.pages():
        for rule in find(page, "dataValidation"):
            assert len(rule.get("promptTitle", "")) <= 32
            assert len(rule.get("errorTitle", "")) <= 32
            assert len(rule.get("prompt", "")) <= 255
            assert len(rule.get("error", "")) <= 255
            assert all(len(formula.text) <= 255 for formula in find(rule, "formula1") + find(rule, "formula2"))


# The rest ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes(tmp_path):
    """Also with odd names, groups and a search: nothing depends on a clock or a changing order."""
    result = odd_run(tmp_path)
    write_workbook(result, tmp_path / "one.xlsx")
    write_workbook(odd_run(tmp_path), tmp_path / "two.xlsx")

    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


def test_a_change_of_inputs_is_said_on_constants_and_about(book):
    """Constants compares the totals of the run with the totals now; all agree when the workbook is written."""
    constants = book.values["Constants"]
    states = {row[0]: row[3] for row in constants.iter_rows(FIRST, values_only=True)}
    about = {row[0]: row[1] for row in book.values["About"].iter_rows(FIRST, values_only=True)}

    assert {state for name, state in states.items() if name.startswith("as_read_")} == {"control total"}
    assert {state for name, state in states.items() if not name.startswith("as_read_")} == {"fixed"}
    assert about["Changed since the run"] == "Parameters: 0. Inputs: none."


@pytest.mark.usefixtures("libreoffice")
@pytest.mark.filterwarnings("ignore:.*extension is not supported")  # LibreOffice writes bars in two ways
def test_about_says_which_inputs_were_changed(tmp_path):
    """Two swapped figures of patients keep their total, and a word has no amount: both count as changes."""
    write_workbook(merger_run(tmp_path), tmp_path / "out.xlsx")
    changed = openpyxl.load_workbook(tmp_path / "out.xlsx")
    people = changed["Population"]
    column = [cell.value for cell in people[HEADINGS]].index("Registered population (people)") + 1
    first, second = people.cell(FIRST, column), people.cell(FIRST + 1, column)
    first.value, second.value = second.value, first.value
    changed["Parameters"].cell(FIRST, 4).value = "much"
    changed.save(tmp_path / "changed.xlsx")
    again = openpyxl.load_workbook(recalculate(tmp_path / "changed.xlsx", tmp_path), data_only=True)

    states = {row[0]: row[3] for row in again["Constants"].iter_rows(FIRST, values_only=True)}
    about = dict(row[:2] for row in reversed(list(again["About"].iter_rows(FIRST, values_only=True))))
    assert states["as_read_registered_population"] == "control total"
    assert states["as_read_registered_population_in_order"] == "control total: changed"
    assert about["Changed since the run"] == "Parameters: 1. Inputs: yes."
    assert about["Checks"] == "FAIL"


def test_a_table_without_rows_says_none():
    """Without it, a table with only headings would have one empty row in Excel."""
    sheet = Sheet("Sources", "Sources")
    for heading in ("Name", "Title"):
        sheet.add_heading(heading)
    sheet.fill_rows([])
    sheet.finish()

    assert [sheet.value(FIRST, column) for column in (1, 2)] == ["none", "none"]
