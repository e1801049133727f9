"""Footnote marks, raised signs, words for a missing code, formulas that were never calculated, merged headings."""

import io
import zipfile

import openpyxl
import pytest
import xlsxwriter
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from folders import PEOPLE, SPEND, about, column, rezipped
from gpit_fairshare import allocate, check
from gpit_fairshare.findings import FindingCode
from gpit_fairshare.inputs.columns.cells import read_year
from gpit_fairshare.inputs.columns.marks import bare_heading, bare_text, has_mark, is_no_code
from gpit_fairshare.inputs.model import NeededColumn
from gpit_fairshare.workbook.result_workbook import write_workbook

STRICT = {
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": (
        b"http://purl.oclc.org/ooxml/officeDocument/relationships"
    ),
}


class Raised:
    """A cell with a raised or lowered part: `Raised("120000", "2")` is 120000²."""

    def __init__(self, *parts, script="superscript"):
        self.parts = parts
        self.script = script

    def runs(self):
        """Yield each part, and whether it is raised: every second part is."""
        for at, part in enumerate(self.parts):
            if part:
                yield part, at % 2 == 1


def by_xlsxwriter(rows):
    """A workbook with its texts in the list of shared strings."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Data")
        scripts = {"superscript": book.add_format({"font_script": 1}), "subscript": book.add_format({"font_script": 2})}
        for at, row in enumerate(rows):
            for index, cell in enumerate(row):
                if isinstance(cell, Raised):
                    runs = [[scripts[cell.script], text] if up else [text] for text, up in cell.runs()]
                    sheet.write_rich_string(at, index, *[piece for run in runs for piece in run])
                else:
                    sheet.write(at, index, cell)
    return data.getvalue()


def by_openpyxl(rows):
    """A workbook with its texts in the cells of the sheet."""
    data = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.title = "Data"
    for row in rows:
        book.active.append([_in_openpyxl(cell) for cell in row])
    book.save(data)
    return data.getvalue()


def _in_openpyxl(cell):
    if not isinstance(cell, Raised):
        return cell
    script = InlineFont(vertAlign=cell.script, b=True)
    return CellRichText([TextBlock(script, text) if up else text for text, up in cell.runs()])


def in_strict_open_xml(rows):
    """A workbook in the namespaces of strict Open XML."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(by_xlsxwriter(rows))) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            xml = old.read(name)
            for transitional, strict in STRICT.items():
                xml = xml.replace(transitional, strict)
            new.writestr(name, xml)
    return result.getvalue()


def without_places(rows):
    """A workbook whose cells have no addresses, which the format allows."""

    def drop(xml):
        sheet = xml.decode()
        for at, row in enumerate(rows, 1):
            for index in range(len(row)):
                sheet = sheet.replace(f' r="{chr(65 + index)}{at}"', "")
        return sheet.encode()

    return rezipped(by_xlsxwriter(rows), sheet1=drop)


SPACES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
)


def ods(rows, position="super 58%", parent=False):
    """An .ods workbook whose raised parts have a style with a position; with `parent` it comes from another style."""
    style = '<style:style style:name="{}" style:family="text"{}>{}</style:style>'
    raise_it = f'<style:text-properties style:text-position="{position}"/>'
    own = style.format("T1", ' style:parent-style-name="Up"' if parent else "", "" if parent else raise_it)
    lines = []
    for row in rows:
        cells = "".join(map(_in_ods, row))
        lines.append(f"<table:table-row>{cells}</table:table-row>")
    body = f'<table:table table:name="Data">{"".join(lines)}</table:table>'
    content = (
        f"<office:document-content {SPACES}><office:automatic-styles>{own}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    common = style.format("Up", "", raise_it) if parent else ""
    styles = f"<office:document-styles {SPACES}><office:styles>{common}</office:styles></office:document-styles>"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
        archive.writestr("styles.xml", styles)
    return data.getvalue()


def _in_ods(cell):
    if isinstance(cell, Raised):
        runs = [f'<text:span text:style-name="T1">{text}</text:span>' if up else text for text, up in cell.runs()]
        note = "<office:annotation><text:p>a note</text:p></office:annotation>"
        return f'<table:table-cell office:value-type="string">{note}<text:p>{"".join(runs)}</text:p></table:table-cell>'
    if isinstance(cell, int):
        number = f'office:value-type="float" office:value="{cell}"'
        return f"<table:table-cell {number}><text:p>{cell}</text:p></table:table-cell>"
    if cell is None:
        return "<table:table-cell/>"
    return f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'


WRITERS = {
    "xlsxwriter.xlsx": by_xlsxwriter,
    "openpyxl.xlsx": by_openpyxl,
    "strict.xlsx": in_strict_open_xml,
    "without_places.xlsx": without_places,
    "super.ods": ods,
    "percent.ods": lambda rows: ods(rows, "33% 58%"),
    "parent.ods": lambda rows: ods(rows, parent=True),
}
HEAD = ("org_code", "org_name", "year", "registered_population")


def table(head=HEAD, cells=None):
    """Three rows and their headings, with some cells replaced by row and column."""
    rows = [list(head), *(["XA1", "Alder", "2014/15", 1000], ["XB2", "Birch", "2014/15", 2000])]
    rows.append(["XC3", "Cedar", "2014/15", 120000])
    for (row, index), cell in (cells or {}).items():
        rows[row][index] = cell
    return rows


GOOD = {"XA1": 1000.0, "XB2": 2000.0, "XC3": 120000.0}


@pytest.fixture(params=WRITERS, ids=str)
def write(request, folder):
    """A function that writes rows as a file with one of the programs, and returns its path."""
    return lambda rows: folder.file(request.param, WRITERS[request.param](rows))


@pytest.mark.parametrize(
    ("cell", "beginning"),
    [
        (Raised("120000", "2"), "'120000²'"),
        (Raised("120,000", "a"), "'120,000ᵃ'"),
        (Raised("10", "5"), "'10⁵'"),
        (Raised("£5", "99"), "'£5⁹⁹'"),
        (Raised("120000", "[1]"), "'120000[¹]'"),
        (Raised("12", "3", "000"), "'12³000'"),
        (Raised("", "1", "120000"), "'¹120000'"),
        (Raised("120000", "q"), "'120000^q'"),
        (Raised("120000", "-"), "'120000⁻'"),
    ],
)
def test_a_raised_sign_in_a_figure_is_refused(cell, beginning, write, folder):
    """A raised sign is never read as a digit of the figure before it: the cell is refused as it looks."""
    fault = folder.fault(write(table(cells={(3, 3): cell})))

    assert (fault.number, fault.place) == (FindingCode.NOT_A_NUMBER.number, "D4")
    assert fault.found.startswith(beginning)


def test_a_lowered_sign_in_a_figure_is_refused(folder):
    """A lowered sign is not read as a digit either."""
    cell = Raised("120000", "2", script="subscript")
    for name, data in (
        ("a.xlsx", by_xlsxwriter(table(cells={(3, 3): cell}))),
        ("b.xlsx", by_openpyxl(table(cells={(3, 3): cell}))),
        ("c.ods", ods(table(cells={(3, 3): cell}), "-8% 58%")),
        ("d.ods", ods(table(cells={(3, 3): cell}), "sub 58%")),
    ):
        fault = folder.fault(folder.file(name, data))
        assert fault.found.startswith("'120000₂'")


@pytest.mark.parametrize("mark", ["1", "a", "[note 1]", "1,2", "*", "†", "Q"])
def test_a_raised_sign_in_a_code_is_refused(mark, write, folder):
    """A raised sign does not make a code a different organisation: the cell is refused."""
    fault = folder.fault(write(table(cells={(3, 0): Raised("XC3", mark)})))

    assert (fault.number, fault.place) == (FindingCode.TEXT.number, "A4")
    assert "a footnote mark" in fault.found


@pytest.mark.parametrize("mark", ["1", "p", "(r)", "1,2", "[note 3]"])
def test_a_raised_mark_is_left_out_of_headings_names_and_years(mark, write, folder):
    """Headings, names and years are read without the raised mark, and each is reported."""
    cells = {(3, 1): Raised("Cedar", mark), (2, 2): Raised("2014/15", mark)}
    head = ("org_code", "org_name", "year", Raised("Patients", mark))
    inputs = folder.read(write(table(head, cells)))

    assert column(inputs, "registered_population") == GOOD
    assert list(inputs.tables["2014/15"]["org_name"]) == ["Alder", "Birch", "Cedar"]
    assert "headings read without their footnote marks: 'Patients" in about(inputs, FindingCode.HEADING)[0]
    (note,) = about(inputs, FindingCode.MARK)
    assert "removed the footnote marks from 2 cells" in note
    assert "in B4" in note
    assert "in C3" in note


def test_raised_parts_of_words_stay(write, folder):
    """The ends of 1st and EMIS™ and the c of McDonald are letters of a name, not marks."""
    cells = {(1, 1): Raised("1", "st", " Street"), (2, 1): Raised("EMIS", "TM"), (3, 1): Raised("M", "c", "Donald")}
    inputs = folder.read(write(table(cells=cells)))

    assert list(inputs.tables["2014/15"]["org_name"]) == ["1st Street", "EMISTM", "McDonald"]
    assert about(inputs, FindingCode.MARK) == []


def test_a_cell_raised_as_a_whole_is_read_as_it_is(folder):
    """A figure or code that is raised as a whole is read."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        up, sheet = book.add_format({"font_script": 1}), book.add_worksheet("Data")
        for at, row in enumerate(table()):
            sheet.write_row(at, 0, row, up if at == 3 else None)
    whole = rezipped(
        by_xlsxwriter(table(cells={(3, 3): Raised("9", "9")})),
        sharedStrings=lambda xml: xml.replace(b"<r><t>9</t></r>", b"").replace(b"<t>9</t>", b"<t>120000</t>"),
    )

    for name, content in (("style.xlsx", data.getvalue()), ("run.xlsx", whole)):
        assert column(folder.read(folder.file(name, content)), "registered_population") == GOOD


def test_a_note_next_to_a_figure_is_not_part_of_it(folder):
    """A raised sign in a comment on a cell of an .ods workbook does not affect the cell."""
    plain = ods(table(cells={(3, 1): Raised("Ced", "", "ar")}))
    data = rezipped(
        plain, content=lambda xml: xml.replace(b"a note", b'x<text:span text:style-name="T1">2</text:span>')
    )

    inputs = folder.read(folder.file("noted.ods", data))
    assert list(inputs.tables["2014/15"]["org_name"]) == ["Alder", "Birch", "Cedar"]


# Headings with a mark and without it; the last ones have no mark.
HEADINGS = {
    "Registered population [note 1]": "Registered population",
    "Historic spend (£) [note 2]": "Historic spend (£)",
    "Patients*": "Patients",
    "Spend¹": "Spend",
    "Patients²": "Patients",
    "Spend [note 2] (£000)": "Spend (£000)",
    "Spend¹ (£m)": "Spend (£m)",
    "Spend (£m)¹": "Spend (£m)",
    "Spend (£m¹)": "Spend (£m)",
    "Spend (£, note 3)": "Spend (£)",
    "Patients **": "Patients",
    "*Patients": "Patients",
    "¹ Patients": "Patients",
    "Patients†‡": "Patients",
    "Patients (see note 1)": "Patients",
    "Patients, see notes 1 and 2": "Patients",
    "Patients (footnote a)": "Patients",
    "Patients [note 1][note 2]": "Patients",
    "Patients ⁽¹⁾": "Patients",
    "Patients ¹,²": "Patients",
    "Patients^1": "Patients",
    "Registered¹ population": "Registered population",
    "Patients [r]": "Patients",
    "2014/15 [note 4]": "2014/15",
    "Area km²": "Area km²",
    "Spend (£10⁶)": "Spend (£10⁶)",
    "R²": "R²",
    "CO₂ emissions": "CO₂ emissions",
    "Patients [k]": "Patients [k]",
    "Patients [f]": "Patients [f]",
    "Patients [0-4]": "Patients [0-4]",
    "Patients (2014/15)": "Patients (2014/15)",
    "SUM*2": "SUM*2",
    "1ˢᵗ quarter": "1ˢᵗ quarter",
    "note_1": "note_1",
    "Notes": "Notes",
    "*": "*",
}


@pytest.mark.parametrize(("heading", "bare"), HEADINGS.items())
def test_mark_of_a_heading(heading, bare):
    """A footnote mark is not part of a heading; powers, units, bands and ages are."""
    assert bare_heading(heading) == bare


MARKED = [heading for heading, bare in HEADINGS.items() if bare == "Patients"]


@pytest.mark.parametrize("heading", [*MARKED, "Patients [1]", "Patients (1)", "Patients 2)"])
def test_a_mark_does_not_hide_a_heading(heading, folder):
    """A heading with a footnote mark gives the same column as without, and the finding quotes it as written."""
    inputs = folder.read(f'org_code,"{heading}"\nXA1,5\nXB2,6\n')

    assert column(inputs, "registered_population") == {"XA1": 5.0, "XB2": 6.0}
    assert f"headings read without their footnote marks: '{heading}'" in about(inputs, FindingCode.HEADING)[0]
    assert inputs.sources[0].matched[1] == (heading, "registered_population")


@pytest.mark.parametrize(
    "heading", ["Need index [note 1]", "Need index*", "Need index¹", "Need index [2]", "Need index (2)"]
)
def test_a_mark_does_not_change_the_name_of_a_column(heading, folder):
    """A column of the scheme is found by its name, with any mark in its heading."""
    need = NeededColumn("need_index", "number")
    inputs = folder.read(f"org_code,{heading}\nXA1,1.5\nXB2,2\n", needs=(need,))

    assert column(inputs, "need_index") == {"XA1": 1.5, "XB2": 2.0}


@pytest.mark.parametrize("numbers", [("(1)", "(2)"), ("[1]", "[2]"), ("", "(2)"), ("", "[2]")])
def test_numbers_that_distinguish_headings_stay(numbers, folder):
    """`Score (1)` and `Score (2)` are two columns, and so are `Score` and `Score (2)`."""
    names = [f"score{'_' if number else ''}{number.strip('()[]')}" for number in numbers]
    head = ",".join(f"Score {number}".strip() for number in numbers)
    needs = tuple(NeededColumn(name, "number") for name in names)
    inputs = folder.read(f"org_code,{head}\nXA1,1,5\nXB2,2,6\n", needs=needs)

    assert [column(inputs, name) for name in names] == [{"XA1": 1.0, "XB2": 2.0}, {"XA1": 5.0, "XB2": 6.0}]


@pytest.mark.parametrize(
    ("heading", "named"),
    [
        *(("People [note 1]", "People [note 1]"), ("People [note 1]", "People"), ("People*", "People*")),
        *(("People*", "People"), ("People¹", "People¹"), ("People¹", "People"), ("People (1)", "People (1)")),
        *(("People [1]", "People [1]"), ("People", "People*")),
    ],
)
def test_map_takes_a_heading_with_its_mark_or_without(heading, named, folder):
    """`--map` finds a heading by its text in the file, and by the text without the mark."""
    inputs = folder.read(f'org_code,"{heading}"\nXA1,5\n', mapping={named: "registered_population"})

    assert column(inputs, "registered_population") == {"XA1": 5.0}


def test_repeated_headings_with_marks_are_not_a_row(folder):
    """Headings that are repeated on a second page are left out, with or without their marks."""
    text = "org_code,Patients¹\nXA1,5\norg_code,Patients¹\nXB2,6\norg_code,Patients\nXC3,7\n"

    assert column(folder.read(text), "registered_population") == {"XA1": 5.0, "XB2": 6.0, "XC3": 7.0}


@pytest.mark.parametrize(
    "code",
    [
        *("XC3 [note 1]", "XC3*", "XC3[1]", "XC3¹", "XC3 (1)", "XC3†", "XC3 **", "XC3 [r]", "XC3 ‡", "XC3^1", "XC3#"),
        *("*XC3", "¹XC3", "[1] XC3", "(1) XC3", "• XC3", "XC3 (a)", "XC3 (see note)", "XC3 note 2", "XC3 2)", "XC3₂"),
        *(
            "XC3 (revised)",
            "XC3 [low]",
            "XC3ᵃ",
            "XC3 ¹,²",
            "XC3 {2}",
            "XC3§",
            "XC3~",
            "XC3 (note 1, 2)",
            "XC3, see note 4",
        ),
    ],
)
def test_a_code_with_a_footnote_mark_is_refused(code, folder):
    """A code with a mark is not a new organisation: its cell is refused, with any kind of mark."""
    assert has_mark(code)

    text = f'org_code,year,registered_population\nXC3,2014/15,5\n"{code}",2014/15,6\n'
    fault = folder.fault(text)
    assert (fault.number, fault.place) == (FindingCode.TEXT.number, "row 3, org_code")
    assert "a footnote mark" in fault.found


@pytest.mark.parametrize(
    "code",
    [
        "00C",
        "1E5",
        "E06000001",
        "QOQ",
        "a b",
        "A-1",
        "S08.1",
        "A&E",
        "X/1",
        "O'Neill",
        "1,5",
        "=1+1",
        "É 1",
        "Leeds (North)",
    ],
)
def test_other_codes_are_read_unchanged(code, folder):
    """Letters, digits and signs that occur in codes are not marks."""
    inputs = folder.read(f'org_code,registered_population\n"{code}",5\n')

    assert column(inputs, "registered_population") == {code: 5.0}


def test_a_practice_code_with_a_mark_is_refused(folder):
    """The code of a practice follows the same rules as that of its organisation."""
    fault = folder.fault("org_code,practice_code,registered_population\n00C,A81001,5\n00C,A81002*,6\n")

    assert (fault.number, fault.place) == (FindingCode.TEXT.number, "row 3, practice_code")


@pytest.mark.parametrize(
    "year",
    [
        *("2014/15 [p]", "2014/15¹", "2014/15*", "2014/15 (p)", "2014/15[1]", "2014-15 [note 3]", "2014/2015 †"),
        *(
            "201415^1",
            "2014/15 (1)",
            "FY2014-15 [r]",
            "2014/15 ¹,²",
            "2014/15 [low]",
            "2014/15 [note 1] [r]",
            "2014/15 2)",
        ),
    ],
)
def test_a_mark_is_left_out_of_a_year(year, folder):
    """A year with a mark is read without it, and is reported."""
    inputs = folder.read(f'org_code,year,registered_population\nXA1,2014/15,5\nXB2,"{year}",6\n')

    assert column(inputs, "registered_population") == {"XA1": 5.0, "XB2": 6.0}
    assert about(inputs, FindingCode.MARK) == [
        f"population.csv: removed the footnote marks from 1 cell: {year!r} in row 3, year."
    ]


@pytest.mark.parametrize(
    "year", ["2014/155", "2014/155)", "2014/15 p", "2014/16¹", "2014¹", "2014/15 forecast", "¹2014/15"]
)
def test_other_texts_in_the_year_are_refused(year):
    """An extra digit is not a mark, and a word may mean that the figures are different."""
    assert read_year(year).value is None


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        *(("Cedar*", "Cedar"), ("Cedar¹", "Cedar"), ("Cedar [note 1]", "Cedar"), ("Cedar [1]", "Cedar")),
        *(("Cedar (North)*", "Cedar (North)"), ("Cedar ¹ ²", "Cedar"), ("Cedar¹*", "Cedar"), ("00C†", "00C")),
        *(("Cedar (see note 2)", "Cedar"), ("yes*", "yes"), ("A*", "A*"), ("5*", "5*"), ("Grade A*", "Grade A*")),
        *(("Ward (2)", "Ward (2)"), ("Core [a]", "Core [a]"), ("area in m²", "area in m²"), ("CO₂", "CO₂")),
        *(("PIKE ROE   (Was 46)", "PIKE ROE   (Was 46)"), ("Nº 5", "Nº 5"), ("*", "*")),
    ],
)
def test_mark_of_a_text(text, bare):
    """A mark at the end of a name is removed; anything that may be part of the name is kept."""
    assert bare_text(text) == (bare, bare != text)


def test_a_mark_does_not_change_a_region(folder):
    """`North*` is in the region North, so a total within the region includes it."""
    text = "org_code,area_team,registered_population\nXA1,North,5\nXB2,North*,6\n"
    inputs = folder.read(text)

    assert list(inputs.tables["2014/15"]["area_team"]) == ["North", "North"]


@pytest.mark.parametrize(
    "figure", ["120000²", "120000¹ ²", "3,000 [note 2]", "120000ᵃ", "120000₂", "¹120000", "5*", "120000^1"]
)
def test_a_figure_with_a_mark_is_refused(figure, folder):
    """A typed mark next to a figure is refused like a raised mark, and the remedy says what to do."""
    fault = folder.fault(f'org_code,registered_population\nXA1,5\nXB2,"{figure}"\n')

    assert (fault.number, fault.place) == (FindingCode.NOT_A_NUMBER.number, "row 3, registered_population")
    assert "footnote" in fault.remedy


NO_CODES = [
    *(
        "NULL",
        "N/A",
        "None",
        "nan",
        r"\N",
        "(blank)",
        "Unknown",
        "n/k",
        "TBC",
        "Unallocated",
        "null",
        "NA",
        "#N/A",
        "<NA>",
    ),
    *(
        "not known",
        "Not Known",
        "tba",
        "TBD",
        "not applicable",
        "unassigned",
        "missing",
        "[x]",
        "0",
        "n.k.",
        "XXX",
    ),
    *("Unknown practice", "to be confirmed", "No code", "Other", "-", "?", "not-stated", "{none}", "#REF!"),
    *("Unattributed", "N / A", "not yet known", "dummy", "ＮＵＬＬ", "various"),
]


@pytest.mark.parametrize("word", NO_CODES)
def test_a_word_for_a_missing_code_is_a_missing_code(word, folder):
    """A word for a missing code gets no money: it is one finding for its cell, like a blank code."""
    fault = folder.fault(f'org_code,registered_population\nXA1,5\n"{word}",6\n')

    assert (fault.number, fault.place) == (FindingCode.BLANK_CODE.number, "row 3, org_code")


@pytest.mark.parametrize("word", ["NULL", "Unallocated", "n/k", "-"])
def test_a_row_without_a_code_can_be_left_out(word, folder):
    """`--leave-out` accepts the word, if the row is not wanted."""
    inputs = folder.read(f"org_code,registered_population\nXA1,5\n{word},6\n", leave_out=(word,))

    assert column(inputs, "registered_population") == {"XA1": 5.0}


@pytest.mark.parametrize(
    "code", ["NA1", "N", "NAB", "00N", "X", "0X", "REF", "RNK", "TBA1", "0A0", "01", "NON1", "Nantwich", "Otley"]
)
def test_codes_that_are_like_a_word_for_a_missing_one(code):
    """Real codes that begin like such a word, or consist of its letters, are codes."""
    assert not is_no_code(code)


def test_a_missing_practice_code_is_found_as_well(folder):
    """A row of patients whose practice is not known is not a practice."""
    fault = folder.fault("org_code,practice_code,registered_population\n00C,A81001,5\n00C,n/k,6\n")

    assert (fault.number, fault.place) == (FindingCode.BLANK_CODE.number, "row 3, practice_code")


# Formulas


def formulas(rows, *, value=0, calculated=False, **changes):
    """A workbook by XlsxWriter; texts that begin with = are formulas and store a value, which is 0 by default."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Data")
        for at, row in enumerate(rows):
            for index, cell in enumerate(row):
                if isinstance(cell, str) and cell.startswith("="):
                    sheet.write_formula(at, index, cell, None, value)
                else:
                    sheet.write(at, index, cell)
    if calculated:
        changes["workbook"] = lambda xml: xml.replace(b' fullCalcOnLoad="1"', b"")
    return rezipped(data.getvalue(), **changes)


TOTALS = [
    ["org_code", "core", "extra", "historic_spend"],
    *([code, 200, 30, f"=B{row}+C{row}"] for row, code in enumerate(("XA1", "XB2", "XC3", "XD4", "XE5"), 2)),
]
LINES = [
    ["org_code", "category", "cost_type", "committed", "amount"],
    *([code, "core", "revenue", "yes", f"=5*{row}"] for row, code in enumerate(("XA1", "XB2"), 2)),
]
DATED = [["org_code", "year", "historic_spend"], ["XA1", "=A9", 5], ["XB2", "=A9", 6]]
CODED = [["org_code", "historic_spend"], ["=A9", 5], ["=A9", 6]]
ONE_FORMULA = [["org_code", "historic_spend"], ["XA1", 5], ["XB2", "=5+1"], ["XC3", 7]]


def replaced(old, new):
    """A change to a part of a workbook."""
    return lambda xml: xml.replace(old, new)


@pytest.mark.parametrize(
    ("data", "place", "count"),
    [
        (formulas(TOTALS), "D2", "5 formulas of historic_spend (D2, D3, D4 and 2 more)"),
        (formulas(TOTALS, sheet1=replaced(b"<v>0</v>", b"<v>0.0</v>")), "D2", "5 formulas"),
        (formulas(TOTALS, sheet1=replaced(b"<v>0</v>", b"<v>-0</v>")), "D2", "5 formulas"),
        (formulas(TOTALS, sheet1=replaced(b"<v>0</v>", b"<v> 0E0 </v>")), "D2", "5 formulas"),
        (formulas(TOTALS, sheet1=replaced(b"<f>", b'<f t="shared" ref="D2:D6" si="0">')), "D2", "5 formulas"),
        (formulas(TOTALS, sheet1=replaced(b"<f>", b'<f t="array" ref="D2">')), "D2", "5 formulas"),
        (formulas(TOTALS, workbook=replaced(b'fullCalcOnLoad="1"', b'fullCalcOnLoad="true"')), "D2", "5 formulas"),
        (formulas(TOTALS, workbook=replaced(b'calcId="124519" ', b"")), "D2", "5 formulas"),
        (formulas([["Spend, 2014/15"], [], *TOTALS]), "D4", "5 formulas"),
        (formulas([["=1+1"], *TOTALS]), "D3", "5 formulas"),
        (formulas(LINES), "E2", "2 formulas of amount (E2 and E3)"),
        (formulas(DATED), "B2", "2 formulas of year"),
        (formulas(CODED), "A2", "2 formulas of org_code"),
        (formulas(ONE_FORMULA), "B3", "1 formula of historic_spend (B3) shows 0"),
    ],
)
def test_formulas_that_no_program_calculated(data, place, count, folder):
    """A used column of formulas that all store 0, if the workbook asks to be calculated, is one error with a count."""
    fault = folder.fault(spend=folder.file("spend.xlsx", data))

    assert (fault.number, fault.place) == (FindingCode.NOT_CALCULATED.number, place)
    assert fault.found.startswith(count)
    assert fault.remedy == "Open the workbook in Excel, calculate it, and save it"


ZEROS = [[cell if index < 4 else "=0*1" for index, cell in enumerate((*row, 0))] for row in TOTALS]
SOME = [*TOTALS[:2], *([code, 0, 0, 0] for code in ("XB2", "XC3"))]


@pytest.mark.parametrize(
    ("data", "figure"),
    [
        (formulas(TOTALS, calculated=True), 0.0),
        (formulas(TOTALS, workbook=replaced(b'fullCalcOnLoad="1"', b'fullCalcOnLoad="0"')), 0.0),
        (
            formulas(
                TOTALS, workbook=replaced(b'<calcPr calcId="124519" fullCalcOnLoad="1"/>', b'<calcPr iterate="0"/>')
            ),
            0.0,
        ),
        (formulas(TOTALS, value=230), 230.0),
        (formulas(SOME, value=230), 230.0),
        (formulas([*TOTALS[:1], ["XA1", 0, 0, 0], *TOTALS[2:]], value=230), 0.0),
        (
            formulas(TOTALS, value=230, sheet1=replaced(b"<f>B2+C2</f><v>230</v>", b"<f>B2+C2</f><v>0</v>")),
            0.0,
        ),
        (
            formulas([[*row[:3], 230 if at else row[3], "=1+1" if at else "unused"] for at, row in enumerate(TOTALS)]),
            230.0,
        ),
    ],
)
def test_formulas_with_their_values_are_read(data, figure, folder):
    """Real zeros saved by Excel or LibreOffice, zeros among other values and unused columns are not errors."""
    inputs = folder.read(spend=folder.file("spend.xlsx", data))

    assert column(inputs, "historic_spend")["XA1"] == figure


def test_a_workbook_of_gpit_is_read_with_its_true_zeros(tmp_path):
    """A workbook of gpit stores the value of every formula, so a column of zeros in it is real."""
    people, spend = tmp_path / "people.csv", tmp_path / "spend.csv"
    people.write_text("org_code,registered_population\nXA1,100\nXB2,200\n", encoding="utf-8")
    spend.write_text("org_code,historic_spend\nXA1,0\nXB2,0\n", encoding="utf-8")
    write_workbook(allocate(population=people, spend=spend), tmp_path / "out.xlsx")
    data = (tmp_path / "out.xlsx").read_bytes()
    (tmp_path / "other.xlsx").write_bytes(rezipped(data, core=replaced(b"<dc:creator>gpit", b"<dc:creator>ours")))

    def uncalculated(name):
        findings = check(inputs=f"{tmp_path / name}:2014-15").findings
        return [finding.place for finding in findings if finding.number == FindingCode.NOT_CALCULATED.number]

    assert uncalculated("out.xlsx") == []
    assert "D5" in uncalculated("other.xlsx")  # historic_spend


# Merged headings and blank columns


def merged(rows, *ranges):
    """A workbook with merged ranges such as B1:C1."""
    data = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.title = "Data"
    for row in rows:
        book.active.append(row)
    for text in ranges:
        book.active.merge_cells(text)
    book.save(data)
    return data.getvalue()


def merged_ods(rows, across):
    """An .ods workbook with the second heading merged over columns."""
    span = f'<table:table-cell table:number-columns-spanned="{across}" office:value-type="string"><text:p>Registered'
    plain = '<table:table-cell office:value-type="string"><text:p>Registered'
    return rezipped(ods(rows), content=replaced(plain.encode(), span.encode()))


HEADS = ["org_code", "Registered patients", None, "org_name"]
TWO = [HEADS, ["XA1", 100, 55, "Alder"], ["XB2", 200, 66, "Birch"], ["XC3", 300, 77, "Cedar"]]
AT_END = [[row[0], row[3], *row[1:3]] for row in TWO]
SPENDS = [["org_code", "Spend", None], ["XA1", 5.5, 6], ["XB2", 7, 8]]


@pytest.mark.parametrize(
    ("option", "data", "place", "columns"),
    [
        ("population", merged(TWO, "B1:C1"), "B1", "B and C"),
        ("population", merged(AT_END, "C1:D1"), "C1", "C and D"),
        ("population", merged([["Patients, 2014"], [], *TWO], "A1:D1", "B3:C3"), "B3", "B and C"),
        ("population", merged([["Patients, 2014"], *TWO], "A1:D1", "B2:C2"), "B2", "B and C"),
        ("population", merged([[*row[:3], 9 * at, row[3]] for at, row in enumerate(TWO)], "B1:D1"), "B1", "B, C and D"),
        ("population", merged([*TWO[:1], ["XA1", "1,000", "£55", "A"], *TWO[2:]], "B1:C1"), "B1", "B and C"),
        (
            "population",
            merged([*TWO[:1], ["XA1", 100, None, "A"], ["XB2", 200, "p", "B"], *TWO[3:]], "B1:C1"),
            "B1",
            "B and C",
        ),
        ("population", merged_ods(TWO, 2), "B1", "B and C"),
        ("spend", merged(SPENDS, "B1:C1"), "B1", "B and C"),
        ("spend", merged([["org_code", "GP IT spend (£)", None], *SPENDS[1:]], "B1:C1"), "B1", "B and C"),
        ("spend", merged([["org_code", "Spend*", None], *SPENDS[1:]], "B1:C1"), "B1", "B and C"),
        (
            "spend",
            merged([["org_code", None, "Spend", None], *([row[0], 1, *row[1:]] for row in SPENDS[1:])], "C1:D1"),
            "C1",
            "C and D",
        ),
    ],
)
def test_a_heading_merged_over_two_columns_of_figures(option, data, place, columns, folder):
    """One heading over several columns of figures is ambiguous: an error that names the columns."""
    suffix = "ods" if data[30:38] == b"mimetype" else "xlsx"
    fault = folder.fault(**{option: folder.file(f"merged.{suffix}", data)})

    assert (fault.number, fault.place) == (FindingCode.MERGED.number, place)
    assert f"is merged over columns {columns}, which all have figures" in fault.found


ONE_COLUMN = [*TWO[:1], *([row[0], row[1], "[p]", row[3]] for row in TWO[1:])]
FIRST_BLANK = [*TWO[:1], *([row[0], None, row[1], row[3]] for row in TWO[1:])]
GROUPED = [[None, "2014/15", None], ["org_code", "Patients", "Spend"], *([row[0], row[1], 5] for row in TWO[1:])]


@pytest.mark.parametrize(
    "data",
    [
        merged(ONE_COLUMN, "B1:C1"),
        merged([*ONE_COLUMN[:1], *([*row[:2], None, row[3]] for row in ONE_COLUMN[1:])], "B1:C1"),
        merged(FIRST_BLANK, "B1:C1"),
        merged([["Patients"], *[[row[0], row[1]] for row in TWO]], "A1:B1"),
        merged(GROUPED, "B1:C1"),
        merged([["Patients by CCG", None, None, None], *[[*row[:2], "x", row[3]] for row in TWO]], "A1:D1"),
        merged([["org_code", "Patients", "Score", None], *TWO[1:]], "C1:D1"),
        merged([["org_code", "Patients", "Score", None], *([*row[:3], 9] for row in TWO[1:])], "C1:D1"),
    ],
)
def test_merged_cells_that_are_unambiguous(data, folder):
    """Titles, headings of groups, columns of flags, and unused headings may be merged."""
    inputs = folder.read(folder.file("merged.xlsx", data))

    assert column(inputs, "registered_population") == {"XA1": 100.0, "XB2": 200.0, "XC3": 300.0}


def test_a_heading_merged_over_a_blank_column_belongs_to_the_other(folder):
    """If only one column under a merged heading has values, it is read, and the note says so."""
    inputs = folder.read(folder.file("merged.xlsx", merged(FIRST_BLANK, "B1:C1")))

    (note,) = about(inputs, FindingCode.MERGED)
    assert "'Registered patients' is merged over a blank column (B); it is read as the heading of column C" in note


@pytest.mark.parametrize(
    ("blank", "filled"),
    [
        ("Patients", "Number of patients"),
        ("registered_population", "Patients"),
        ("Registered population", "Population"),
        ("List size", "List size"),
        ("Number of registered patients", "population"),
        ("Patients*", "Patients"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_blank_column_never_wins_over_a_filled_one(blank, filled, first, folder):
    """Of two headings for one column, the one with figures is read, and a note names the other."""
    rows = [[blank, filled], [" ", "5"], ["", "6"]]
    text = "".join(
        f"{code},{','.join(row if first else row[::-1])}\n"
        for code, row in zip(("org_code", "XA1", "XB2"), rows, strict=True)
    )
    inputs = folder.read(text)

    assert column(inputs, "registered_population") == {"XA1": 5.0, "XB2": 6.0}
    assert any("is blank and not used" in note for note in about(inputs, FindingCode.DUPLICATE_HEADING))


def test_a_blank_column_of_codes_is_ignored(folder):
    """A blank column of ODS codes does not hide the ONS codes next to it."""
    inputs = folder.read("CCG Code,ONS Code,Patients\n,E38000042,5\n,E38000043,6\n")

    assert set(column(inputs, "registered_population").values()) == {5.0, 6.0}


def test_two_filled_columns_are_still_refused(folder):
    """Two headings with figures for one column are an error, with or without a blank column."""
    fault = folder.fault("org_code,Patients,List size,Reg pop\nXA1,5,7,\nXB2,6,8,\n")

    assert fault.number == FindingCode.DUPLICATE_HEADING.number


def test_map_chooses_a_blank_column(folder):
    """A blank column that the user names with --map is read: its blank cells are errors."""
    faults = folder.faults("org_code,List,Patients\nXA1,,5\n", mapping={"List": "registered_population"})

    assert [fault.number for fault in faults] == [FindingCode.BLANK.number]


def test_a_blank_column_alone_is_still_missing_its_figures(folder):
    """If no other heading gives the column, a blank column is read and refused cell by cell."""
    faults = folder.faults("org_code,Patients\nXA1,\nXB2,\n")

    assert [fault.number for fault in faults] == [FindingCode.BLANK.number, FindingCode.BLANK.number]


def test_needs_of_both_files(folder):
    """Marks in the spend file are treated as in the population file."""
    spend = 'org_code,Historic spend (£) [note 2]\nXA1,10\n"XB2 [note 1]",20\n'
    fault = folder.fault("org_code,Patients\nXA1,5\n", spend, needs=(PEOPLE, SPEND))

    assert (fault.number, fault.place) == (FindingCode.TEXT.number, "row 3, org_code")
