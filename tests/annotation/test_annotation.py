import copy as copying
import posixpath
import random
import re
import shutil
import struct
import warnings
import zipfile
import zlib
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from lxml import etree
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, Protection, Side
from openpyxl.worksheet.datavalidation import DataValidation

from gpit_fairshare.annotation import Mark, annotate
from gpit_fairshare.errors import GpitError, InputError, OutputError, UsageError
from gpit_fairshare.files import in_place
from recalculation import recalculate
from running import SHARED
from structure import faults

NHS = SHARED / "nhs-england-icb-allocations-2025-26.xlsx"
QUOTED = "It's 2014/15".replace("/", "-")
HEADINGS = ("Number", "Level", "Sheet", "Cell", "Finding", "What to do")


def error(sheet, cell, text="'n/a' is not a plain number", remedy="Write 0 if the figure is 0"):
    """An error in a cell."""
    return Mark(sheet, cell, "error", "I16", text, remedy)


def warning(sheet, cell, text="the figure is unusual", remedy=""):
    """A warning about a cell."""
    return Mark(sheet, cell, "warning", "I18", text, remedy)


def note(sheet, cell, text="a heading was read under another name", remedy=""):
    """A note about how a cell was read."""
    return Mark(sheet, cell, "note", "I06", text, remedy)


def png():
    """A picture of 8 by 8 red dots."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    dots = zlib.compress((b"\0" + b"\xff\0\0" * 8) * 8)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", dots) + chunk(b"IEND", b"")


def rich(path, folder):
    """A workbook by XlsxWriter with everything that finance teams send, and more."""
    (folder / "red.png").write_bytes(png())
    book = xlsxwriter.Workbook(path)
    title = book.add_format({"bold": True, "bg_color": "#1F4E78", "font_color": "white", "align": "center"})
    money = book.add_format({"num_format": "£#,##0.00", "border": 1, "italic": True, "locked": False})
    day = book.add_format({"num_format": "dd/mm/yyyy", "rotation": 45})
    returns = book.add_worksheet("Returns")
    returns.merge_range("A1:D1", "GP IT spend 2014/15", title)
    returns.write_row("A3", ["CCG Code", "Spend", "Share", "Date"])
    for row, code in enumerate(["00C", "01E", "0123", "99X"], 3):
        returns.write(row, 0, code)
        returns.write(row, 1, 1000.5 * row, money)
        returns.write_formula(row, 2, f"=B{row + 1}/SUM(B$4:B$7)", book.add_format({"num_format": "0.0%"}), 0.25 * row)
        returns.write_datetime(row, 3, date(2014, 4, row), day)
    returns.write_formula("B9", '="="&"x"', None, "=x")
    returns.write_comment("B5", "Checked by <Jo> & Sam", {"author": "Jo"})
    returns.conditional_format("B4:B7", {"type": "cell", "criteria": ">", "value": 4000, "format": title})
    returns.conditional_format("C4:C7", {"type": "data_bar", "data_bar_2010": True})
    returns.data_validation("A4:A7", {"validate": "list", "source": ["00C", "01E"]})
    returns.insert_image("F2", folder / "red.png")
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=Returns!$B$4:$B$7"})
    returns.insert_chart("F10", chart)
    returns.insert_button("K2", {"caption": "Go"})
    returns.print_area("A1:D9")
    returns.repeat_rows(0, 2)
    returns.set_column("B:B", 30)
    returns.set_row(19, 40, money)
    returns.freeze_panes(3, 1)
    returns.set_header("&L&G", {"image_left": folder / "red.png"})
    table = book.add_worksheet(QUOTED)
    table.add_table("B2:D5", {"name": "Spend", "data": [[1, 2, 3]] * 3, "total_row": False})
    table.write_url("F1", "https://example.org/")
    table.protect("secret")
    book.add_worksheet("Empty")
    hidden = book.add_worksheet("Hidden")
    hidden.hide()
    hidden.write("A1", 1)
    line = book.add_chart({"type": "line"})
    line.add_series({"values": "=Returns!$B$4:$B$7"})
    book.add_chartsheet("Chart").set_chart(line)
    book.define_name("Rate", "=Returns!$B$4")
    book.define_name("Empty!Local", "=Returns!$B$5")
    table.activate()
    book.close()
    return path


def plain(path):
    """A workbook by openpyxl, whose parts refer to each other from the root."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Spend"
    page.append(["org_code", "amount"])
    page.append(["00C", 12.5])
    page["B2"].number_format = "#,##0.00"
    page["B2"].font = Font(name="Arial", size=14, bold=True, color="FF0000FF")
    page["B2"].border = Border(left=Side(style="thin"), bottom=Side(style="double"))
    page["B2"].alignment = Alignment(horizontal="right", wrap_text=True)
    page["B2"].protection = Protection(locked=False)
    page["A2"].comment = Comment("old note", "Sam")
    page["F9"] = "=SUM(B2:B8)"
    page.merge_cells("D4:F6")
    check = DataValidation(type="whole", operator="greaterThan", formula1="0")
    check.add("B2:B9")
    page.add_data_validation(check)
    book.create_sheet("Notes").sheet_state = "veryHidden"
    book.save(path)
    return path


@pytest.fixture(scope="module")
def workbook(request, tmp_path_factory):
    """A workbook by each kind of program."""
    folder = tmp_path_factory.mktemp("written")
    if request.param == "nhs":
        if not NHS.exists():
            pytest.skip("the published workbook, which is not part of this repository, is not beside it")
        return Path(shutil.copy(NHS, folder))
    if request.param == "openpyxl":
        return plain(folder / "plain.xlsx")
    original = rich(folder / "rich.xlsx", folder)
    if request.param == "libreoffice":
        request.getfixturevalue("libreoffice")
        return recalculate(original, folder / "converted")
    return original


every_workbook = pytest.mark.parametrize(
    "workbook",
    ["xlsxwriter", "openpyxl", pytest.param("libreoffice", marks=pytest.mark.libreoffice), "nhs"],
    indirect=True,
)

MARKED = {
    "rich.xlsx": [
        error("Returns", "B4"),
        note("Returns", "B4"),
        warning("Returns", "B5"),
        error("Returns", "A1"),
        error("Returns", "C8", remedy=""),
        error("Returns", "Z20"),
        note(QUOTED, "C3"),
        error("Empty", "C5"),
        warning("Hidden", "A1"),
        note("Chart", ""),
        warning("", ""),
    ],
    "plain.xlsx": [error("Spend", "B2"), warning("Spend", "A2"), note("Spend", "C1"), error("Notes", "A1")],
    NHS.name: [
        error("PMC Allocation 2025-26", "E8"),
        warning("PMC Allocation 2025-26", "A1"),
        note("ICB Core Baseline 2025-26", "V60"),
        error("ICB running cost allowance", "C6"),
    ],
}
MARKED["rich-recalculated.xlsx"] = MARKED["rich.xlsx"]


def annotated(original, marks=None, **options):
    """The annotated copy of a workbook, in a separate folder next to it."""
    copy = original.parent / "annotated" / original.name
    copy.parent.mkdir(exist_ok=True)
    annotate(original, copy, MARKED[original.name] if marks is None else marks, **options)
    return copy


def loaded(path, *, data_only=False):
    """The workbook as openpyxl reads it, without its warnings about features that it does not know."""
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(stream, data_only=data_only)


def parts(path):
    """Name, kind of compression, date and bytes of each part, in order."""
    with zipfile.ZipFile(path) as archive:
        return [
            (entry.filename, entry.compress_type, entry.date_time, archive.read(entry)) for entry in archive.infolist()
        ]


def content(cell):
    """The contents of a cell."""
    return cell.value, cell.data_type, cell.hyperlink and cell.hyperlink.location


def look(cell):
    """The format of a cell, without its fill."""
    styles = (cell.font, cell.border, cell.alignment, cell.protection)
    return cell.number_format, *map(copying.copy, styles)


# Everything else is unchanged ---------------------------------------------------------------------------------


@every_workbook
def test_copy_follows_the_standard(workbook):
    """The copy follows the standard, except where the original did not."""
    before = faults(workbook)

    assert [fault for fault in faults(annotated(workbook)) if fault not in before] == []
    assert [fault for fault in before if "shape_0 twice" not in fault] == []  # LibreOffice gives all boxes one name


def rewritten(original, path, changes):
    """The workbook with changed parts: for the end of a part's name, a function from the old bytes to the new."""
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            for ending, change in changes.items():
                if name.endswith(ending):
                    data = change(data)
            target.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("part", "pattern", "wrong"),
    [
        ("styles.xml", rb'(<cellXfs count=)"\d+"', rb'\1"1"'),
        ("styles.xml", rb'(<xf [^>]*fillId=)"\d+"', rb'\1"99"'),
        ("sheet1.xml", rb'(<c r="B2" s=)"\d+"', rb'\1"999"'),
        ("sheet1.xml", rb'<c r="A2"', rb'<c r="C2"'),
        ("sheet1.xml", rb'<row r="2"', rb'<row r="1"'),
        ("sheet1.xml", rb"(<pageMargins.*)(<legacyDrawing[^>]*/>)", rb"\2\1"),
        ("sheet1.xml.rels", rb'Target="[^"]*comment', rb'Target="nowhere'),
        ("comment1.xml", rb'authorId="1"', rb'authorId="7"'),
        ("comment1.xml", rb'ref="A2"', rb'ref="C9"'),
        (".vml", rb"Row>1<", rb"Row>5<"),
        ("[Content_Types].xml", rb'PartName="/xl/worksheets/sheet3.xml"', rb'PartName="/x.xml"'),
        ("workbook.xml", rb'name="Findings"', rb'name="SPEND"'),
        ("workbook.xml", rb'localSheetId="2"', rb'localSheetId="3"'),
    ],
)
def test_planted_errors_are_detected(part, pattern, wrong, tmp_path):
    """The checks that all copies pass fail for each of these errors, added to a copy."""
    copy = annotated(plain(tmp_path / "plain.xlsx"))
    planted = []

    def plant(data):
        data, count = re.subn(pattern, wrong, data, count=1, flags=re.DOTALL)
        planted.append(count)
        return data

    hurt = rewritten(copy, tmp_path / "hurt.xlsx", {part: plant})

    assert 1 in planted
    assert faults(copy) == []
    assert faults(hurt) != []


@every_workbook
def test_other_parts_keep_their_bytes(workbook):
    """Only sheets with marked cells, their notes, the styles and the lists of parts change; order and dates stay."""
    before = parts(workbook)
    after = parts(annotated(workbook))
    changed = [old[0] for old, new in zip(before, after, strict=False) if old != new]
    with zipfile.ZipFile(workbook) as archive:
        sheets = sheet_parts(archive)
    marked = {sheets[mark.sheet] for mark in MARKED[workbook.name] if mark.cell}
    allowed = marked | {f"{posixpath.dirname(part)}/_rels/{posixpath.basename(part)}.rels" for part in marked}
    allowed |= {"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"}
    allowed |= {"docProps/app.xml"}

    assert [old[:3] for old in before] == [new[:3] for new in after[: len(before)]]
    assert [name for name in changed if name not in allowed and not re.search(r"comments|vmlDrawing", name)] == []
    assert {"xl/styles.xml", "xl/workbook.xml", *marked} <= set(changed)
    assert {new[2] for new in after[len(before) :]} == {(1980, 1, 1, 0, 0, 0)}


def sheet_parts(archive):
    """The part of each sheet, by its name."""
    targets = {
        entry.get("Id"): posixpath.join("xl", entry.get("Target").removeprefix("/xl/"))
        for entry in etree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    }
    root = etree.fromstring(archive.read("xl/workbook.xml"))
    return {
        entry.get("name"): next(targets[value] for key, value in entry.attrib.items() if key.endswith("}id"))
        for entry in root.iter("{*}sheet")
    }


@every_workbook
@pytest.mark.parametrize("data_only", [False, True])
def test_cells_stay_as_they_were(workbook, data_only):
    """A marked cell gets only a fill and a note; other cells keep their value, format, font and border."""
    before = loaded(workbook, data_only=data_only)
    copy = annotated(workbook)
    after = loaded(copy, data_only=data_only)
    marked = {(mark.sheet, mark.cell) for mark in MARKED[workbook.name]}
    same = {}
    compared = 0

    assert after.sheetnames == [*before.sheetnames, "Findings"]
    assert after.active.title == before.active.title
    assert dict(after.defined_names.items()).keys() == dict(before.defined_names.items()).keys()
    for old in before.worksheets:
        new, present = after[old.title], set(old._cells)
        for row, column in sorted({*present, *new._cells}):
            cell, marked_cell = old.cell(row, column), new.cell(row, column)
            where = (old.title, cell.coordinate)
            if (row, column) in present:
                compared += 1
                assert content(cell) == content(marked_cell), where
                styles = (*cell._style, *marked_cell._style)
                if styles not in same:
                    same[styles] = (
                        look(cell) == look(marked_cell),
                        copying.copy(cell.fill) == copying.copy(marked_cell.fill),
                    )
                assert same[styles] == (True, where not in marked), where
            else:  # it has the style of its row or column, which openpyxl does not report
                assert marked_cell.value is None, where
            if where not in marked:
                assert (cell.comment and cell.comment.text) == (marked_cell.comment and marked_cell.comment.text), where
    assert compared > 5


@every_workbook
def test_sheets_stay_as_they_were(workbook):
    """In a sheet's XML, only the styles of marked cells, its size, its drawing of notes and new blank cells differ."""
    copy = annotated(workbook)
    with zipfile.ZipFile(workbook) as before, zipfile.ZipFile(copy) as after:
        for name, part in sheet_parts(before).items():
            old, new = (etree.fromstring(archive.read(part)) for archive in (before, after))
            marked = {mark.cell for mark in MARKED[workbook.name] if mark.sheet == name}
            assert without_marks(new, marked, old) == without_marks(old, marked, old)


def without_marks(root, marked, original):
    """The XML of a sheet in its canonical form, without the changes that marking a cell makes."""
    present = {cell.get("r") for cell in original.iter("{*}c")}
    for cell in list(root.iter("{*}c")):
        if cell.get("r") in marked:
            cell.attrib.pop("s", None)
            if cell.get("r") not in present:
                assert len(cell) == 0
                cell.getparent().attrib.pop("spans", None)
                cell.getparent().remove(cell)
    rows = {row.get("r") for row in original.iter("{*}row")}
    for row in list(root.iter("{*}row")):
        if {re.sub("[A-Z]", "", cell) for cell in marked} & {row.get("r")}:
            row.attrib.pop("spans", None)
        if row.get("r") not in rows:
            assert len(row) == 0
            row.getparent().remove(row)
    for kind in ("dimension", "legacyDrawing"):
        for element in list(root.iter(f"{{*}}{kind}")):
            root.remove(element)
    return etree.tostring(root, method="c14n")


@pytest.mark.parametrize("workbook", ["xlsxwriter", "openpyxl"], indirect=True)
def test_original_is_never_touched(workbook):
    """The original keeps its bytes; the same marks give the same copy, byte for byte."""
    before = workbook.read_bytes()
    first = annotated(workbook).read_bytes()

    assert annotated(workbook).read_bytes() == first
    assert workbook.read_bytes() == before


@pytest.mark.usefixtures("libreoffice")
@every_workbook
def test_libreoffice_opens_the_copy(workbook, tmp_path):
    """LibreOffice reads the copy and finds each note, each value and the sheet of findings."""
    copy = annotated(workbook)
    before = loaded(recalculate(workbook, tmp_path / "before"), data_only=True)
    after = loaded(recalculate(copy, tmp_path / "after"), data_only=True)

    assert after.sheetnames[-1] == "Findings"
    assert [row.value for row in after["Findings"][1]] == list(HEADINGS)
    for mark in MARKED[workbook.name]:
        if mark.cell:
            assert mark.text in after[mark.sheet][mark.cell].comment.text
    for page in before.worksheets:
        for cell in (cell for row in page.iter_rows() for cell in row if cell.value is not None):
            assert after[page.title][cell.coordinate].value == cell.value


@every_workbook
def test_calamine_reads_the_copy(workbook):
    """Another reader finds the same values in every sheet of the copy as in the original."""
    calamine = pytest.importorskip("python_calamine", reason="python-calamine is not installed")
    copy = annotated(workbook)
    before = calamine.CalamineWorkbook.from_path(workbook)
    after = calamine.CalamineWorkbook.from_path(copy)

    assert after.sheet_names == [*before.sheet_names, "Findings"]
    for name in loaded(workbook).sheetnames:
        if name != "Chart":
            old = before.get_sheet_by_name(name).to_python(skip_empty_area=True)
            assert after.get_sheet_by_name(name).to_python(skip_empty_area=True) == old
    assert after.get_sheet_by_name("Findings").to_python()[0] == list(HEADINGS)


# Marked cells -------------------------------------------------------------------------------------------------


@every_workbook
def test_marked_cells_are_filled_and_noted(workbook):
    """Each marked cell has a fill and a note with the finding and its row; an old note comes first."""
    before = loaded(workbook)
    after = loaded(annotated(workbook))
    for row, mark in enumerate(MARKED[workbook.name], 2):
        if not mark.cell:
            continue
        old, new = before[mark.sheet][mark.cell], after[mark.sheet][mark.cell]
        words = new.comment.text
        assert new.fill.patternType == "solid"
        assert copying.copy(new.fill) != copying.copy(old.fill)
        assert f"{mark.level.capitalize()} {mark.number}: {mark.text}." in words
        assert mark.remedy in words
        assert f"(Sheet Findings, row {row})" in words
        if old.comment:
            assert words.startswith(old.comment.text)
            assert words.index("gpit:") > len(old.comment.text)
            assert new.comment.author == old.comment.author
        else:
            assert new.comment.author == "gpit"


def test_the_most_serious_finding_decides_the_fill(tmp_path):
    """If a cell has a note, an error and a warning, the error decides the fill and comes first in the single note."""
    original = plain(tmp_path / "plain.xlsx")
    marks = [note("Spend", "B2"), error("Spend", "B2"), warning("Spend", "B2"), error("Spend", "A1")]
    after = loaded(annotated(original, marks))["Spend"]
    words = after["B2"].comment.text

    assert copying.copy(after["B2"].fill) == copying.copy(after["A1"].fill)
    assert words.index("Error I16") < words.index("Warning I18") < words.index("Note I06")


def luminance(colour):
    """Luminance of a colour such as `FFFFC7CE`, as the accessibility guidelines (WCAG 2.1) define it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (2, 4, 6)]
    linear = [share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("text", ["FF000000", "FFFFFFFF"])
def test_text_on_each_fill_can_be_read(text, tmp_path):
    """Black and white text on each of their three fills has more contrast than the strictest guideline asks: 7 to 1."""
    original = tmp_path / "text.xlsx"
    book = openpyxl.Workbook()
    for cell in ("A1", "B1", "C1"):
        book.active[cell] = "CCG Code"
        book.active[cell].font = Font(color=text, bold=True)
    book.save(original)
    marks = [error("Sheet", "A1"), warning("Sheet", "B1"), note("Sheet", "C1")]
    page = loaded(annotated(original, marks))["Sheet"]
    colours = {page[cell].fill.fgColor.rgb for cell in ("A1", "B1", "C1")}

    assert len(colours) == 3
    for colour in colours:
        low, high = sorted((luminance(colour), luminance(text)))
        assert (high + 0.05) / (low + 0.05) > 7


def test_a_blank_cell_looks_like_its_row_or_column(tmp_path):
    """A cell that is not in the file gets the format of its row, else of its column."""
    original = tmp_path / "blank.xlsx"
    book = xlsxwriter.Workbook(original)
    page = book.add_worksheet("Spend")
    page.set_column("C:D", 12, book.add_format({"num_format": "0.000"}))
    page.set_row(6, None, book.add_format({"num_format": "0%"}))
    page.write("B2", 1)
    page.write("E2", 1)
    book.close()
    copy = annotated(original, [error("Spend", cell) for cell in ("C2", "D7", "C1", "A9", "G2")])
    after = loaded(copy)["Spend"]

    assert faults(copy) == []
    assert [after[cell].number_format for cell in ("C2", "D7", "C1", "A9")] == ["0.000", "0%", "0.000", "General"]
    assert after.dimensions == "A1:G9"


def test_a_cell_inside_a_merged_range_is_marked_where_the_range_shows(tmp_path):
    """E5 is hidden in the merged D4:F6: D4 gets fill and note, the note names E5, and the list links to E5."""
    original = plain(tmp_path / "plain.xlsx")
    after = loaded(annotated(original, [error("Spend", "E5"), error("Spend", "D4", "the other fault")]))
    words = after["Spend"]["D4"].comment.text

    assert after["Spend"]["D4"].fill.patternType == "solid"
    assert "Error I16: E5: 'n/a' is not a plain number." in words
    assert "Error I16: the other fault." in words
    assert after["Findings"]["D2"].hyperlink.location == "'Spend'!E5"
    assert str(next(iter(after["Spend"].merged_cells.ranges))) == "D4:F6"


def test_a_button_on_the_sheet_stays(tmp_path):
    """The drawing of a sheet with a button keeps all its bytes in order; boxes are added at its end."""
    original = rich(tmp_path / "rich.xlsx", tmp_path)
    old = {name: data for name, _, _, data in parts(original)}
    new = {name: data for name, _, _, data in parts(annotated(original))}
    (name,) = [name for name, data in old.items() if b'ObjectType="Button"' in data]
    start = old[name].removesuffix(b"</xml>").split(b"/></o:shapelayout>")[1] if b"/>" in old[name] else b""

    assert start
    assert start.strip() in new[name]
    assert new[name].count(b'ObjectType="Note"') == old[name].count(b'ObjectType="Note"') + 4


def test_an_annotated_copy_is_annotated_again(tmp_path):
    """A second run adds a sheet with another name, and adds to the existing note."""
    original = plain(tmp_path / "plain.xlsx")
    first = annotated(original)
    second, third = tmp_path / "second.xlsx", tmp_path / "third.xlsx"
    annotate(first, second, [warning("Spend", "B2", "still there")])
    annotate(second, third, [])
    after = loaded(third)

    assert faults(third) == []
    assert after.sheetnames[-3:] == ["Findings", "Findings (gpit)", "Findings (gpit 2)"]
    assert "n/a" in after["Spend"]["B2"].comment.text
    assert "still there. (Sheet Findings (gpit), row 2)" in after["Spend"]["B2"].comment.text
    assert after["Findings (gpit 2)"]["E2"].value == "No findings."


# The sheet of findings ----------------------------------------------------------------------------------------


@every_workbook
def test_findings_are_listed_with_links(workbook):
    """There is a row for each finding in the given order; the cell links to its cell, with the sheet's name quoted."""
    page = loaded(annotated(workbook))["Findings"]
    marks = MARKED[workbook.name]

    assert [cell.value for cell in page[1]] == list(HEADINGS)
    assert page.max_row == 1 + len(marks)
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == f"A1:F{1 + len(marks)}"
    for row, mark in enumerate(marks, 2):
        values = [cell.value or "" for cell in page[row]]
        ends = [f"{text}." if text else "" for text in (mark.text, mark.remedy)]
        assert values == [mark.number, mark.level, mark.sheet, mark.cell, *ends]
        quoted = mark.sheet.replace("'", "''")
        link = page[row][3].hyperlink
        assert (link and link.location) == (f"'{quoted}'!{mark.cell}" if mark.cell else None)
        assert page[row][5].alignment.wrap_text


def test_rows_of_findings_are_as_tall_as_their_texts(tmp_path):
    """A text of three lines in its column of 70 has a row of three lines, 15 points each; the tallest has 409."""
    original = plain(tmp_path / "plain.xlsx")
    marks = [error("Spend", "B1", "short"), error("Spend", "B2", "word " * 40), error("Spend", "B3", "word " * 4_000)]
    page = loaded(annotated(original, marks))["Findings"]

    assert [page.row_dimensions[row].height for row in (2, 3, 4)] == [15, 45, 409]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("=1+1", "=1+1."),
        ("@SUM(A1)", "@SUM(A1)."),
        (" two\nlines\r\n", "two\nlines."),
        ("a\x00b\x1fc\ud800d\ufffe", "a\ufffdb\ufffdc\ufffdd\ufffd."),
        ('<b> & "quoted" ]]>', '<b> & "quoted" ]]>.'),
        ("is it?", "is it?"),
    ],
)
def test_texts_are_texts(text, read, tmp_path):
    """A text that looks like a formula or XML stays a text; characters that XML cannot hold are replaced."""
    original = plain(tmp_path / "plain.xlsx")
    copy = annotated(original, [error("Spend", "B1", text)])
    after = loaded(copy)

    assert faults(copy) == []
    assert after["Findings"]["E2"].value == read
    assert after["Findings"]["E2"].data_type in ("s", "inlineStr")
    assert read in after["Spend"]["B1"].comment.text


def test_a_text_like_an_escape_is_shown_unchanged(tmp_path):
    """Excel would read `_x0041_` as A: the standard's escape of the underscore, `_x005F_`, prevents it."""
    copy = annotated(plain(tmp_path / "plain.xlsx"), [error("Spend", "B1", "code _x0041_")])
    sheet = next(data for name, _, _, data in parts(copy) if name == "xl/worksheets/sheet3.xml")

    assert b"code _x005F_x0041_." in sheet


def test_long_texts_are_cut(tmp_path):
    """A cell holds 32,767 characters as Excel counts them, an emoji as two; a note says where the rest is."""
    copy = annotated(plain(tmp_path / "plain.xlsx"), [error("Spend", "B1", "\N{GRINNING FACE}" * 40_000)])
    after = loaded(copy)
    text, words = after["Findings"]["E2"].value, after["Spend"]["B1"].comment.text

    assert len(text.encode("utf-16-le")) // 2 == 32_767
    assert set(text) == {"\N{GRINNING FACE}", "…"}
    assert len(words) < 2_000
    assert words.endswith("… (Sheet Findings, row 2)")


def test_many_findings_on_a_cell_are_counted(tmp_path):
    """A note with too many findings says how many more there are, and in which row they begin."""
    marks = [error("Spend", "B1", f"fault {number} {'x' * 200}") for number in range(30)]
    copy = annotated(plain(tmp_path / "plain.xlsx"), marks)
    words = loaded(copy)["Spend"]["B1"].comment.text
    count = words.count("Error I16")

    assert 3 < count < 10
    assert words.endswith(f"And {30 - count} more: see the sheet Findings from row {count + 2}.")


@pytest.mark.slow
def test_thousands_of_findings(tmp_path):
    """2,100 marked cells in one sheet: shapes are numbered in blocks of 1,024 that no other drawing uses."""
    original = rich(tmp_path / "rich.xlsx", tmp_path)
    marks = [error("Returns", f"{column}{row}") for row in range(10, 430) for column in "ABCDE"]
    copy = annotated(original, [*marks, error("Empty", "A1")])
    theirs = [blocks(data) for name, _, _, data in parts(original) if name.endswith(".vml")]
    drawings = [data for name, _, _, data in parts(copy) if name.endswith(".vml")]
    ours = [block for data in drawings for block in blocks(data) if not any(block in listed for listed in theirs)]

    assert faults(copy) == []
    assert (
        len(ours) == len(set(ours)) == 4
    )  # three times 1,023 boxes have room for 2,100 cells; and one block for the one cell
    for data in drawings:
        assert {int(number) // 1024 for number in re.findall(rb'id="_x0000_s(\d+)"', data)} <= set(blocks(data))


def blocks(drawing):
    """The blocks of 1,024 numbers that a drawing declares."""
    return [int(number) for number in re.search(rb'idmap[^>]*data="([\d,]*)"', drawing)[1].split(b",")]


# Workbooks of other programs ----------------------------------------------------------------------------------

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
HANDMADE = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{TYPE}worksheet+xml"/><!-- by ending -->'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="a" Type="{OFFICE}/officeDocument" Target="/xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<x:workbook xmlns:x="{MAIN}" xmlns:rel="{OFFICE}"><x:sheets>'
    '<x:sheet name="findings" sheetId="65534" rel:id="RID1"/></x:sheets><x:calcPr calcId="0"/></x:workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="RID1" Type="{OFFICE}/worksheet" Target="/xl/my%20sheets/one.xml"/></Relationships>',
    "xl/my sheets/one.xml": f'<?xml version="1.0"?>\n<x:worksheet xmlns:x="{MAIN}" xmlns:y="urn:y" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="y">\n'
    "<x:sheetData>\n<x:row><x:c><x:v>1</x:v></x:c><x:c><x:v>2</x:v></x:c></x:row>"
    '<x:row y:of="mine"><x:c/><x:c r="D2"><x:v>3</x:v></x:c></x:row>\n</x:sheetData>'
    '<mc:AlternateContent><mc:Choice Requires="y"><x:controls/></mc:Choice></mc:AlternateContent>'
    "<x:extLst/></x:worksheet>",
}


def handmade(path, changes=()):
    """The smallest possible workbook: prefixes, no styles, rows and cells without numbers."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**HANDMADE, **dict(changes)}.items():
            if text is not None:
                archive.writestr(name, text)
    return path


def strict(text):
    """The same in the strict dialect, which has other namespaces."""
    return text.replace(MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main").replace(
        OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships"
    )


@pytest.mark.parametrize("dialect", [str, strict])
def test_a_workbook_of_another_program(dialect, tmp_path):
    """Prefixes, missing styles, rows and cells without numbers, and targets from the root work in both dialects."""
    original = handmade(tmp_path / "made.xlsx", {name: dialect(text) for name, text in HANDMADE.items()})
    copy = annotated(original, [error("Findings", cell) for cell in ("B1", "C2", "B5", "E1", "C1")])
    with zipfile.ZipFile(copy) as archive:
        sheet = archive.read("xl/my sheets/one.xml").decode()
        texts = [archive.read(name).decode() for name in archive.namelist()]
    rows = re.findall(r"<x:row.*?</x:row>", sheet, re.DOTALL)

    assert faults(copy) == []
    assert [re.findall(r' r="([A-Z]+\d+)"', row) for row in rows] == [
        ["A1", "B1", "C1", "E1"],
        ["A2", "C2", "D2"],
        ["B5"],
    ]
    assert 'mc:Ignorable="y"' in sheet
    assert 'xmlns:y="urn:y"' in sheet
    assert sheet.index("legacyDrawing") < sheet.index("mc:AlternateContent")
    assert 'name="Findings (gpit)" sheetId="1"' in next(text for text in texts if "<x:workbook" in text)
    assert (dialect is strict) == (not any(MAIN in text or f"{OFFICE}/" in text for text in texts))


def test_styles_without_counts_and_fills(tmp_path):
    """A styles part with less than Excel writes gets everything that Excel expects, with correct counts."""
    looks = '<fills><fill><patternFill patternType="none"/></fill></fills><cellXfs><xf numFmtId="9"/></cellXfs>'
    reference = f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>'
    original = handmade(
        tmp_path / "made.xlsx",
        {
            "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{looks}</styleSheet>',
            "xl/_rels/workbook.xml.rels": HANDMADE["xl/_rels/workbook.xml.rels"].replace("</Relationships>", reference),
            "[Content_Types].xml": HANDMADE["[Content_Types].xml"].replace(
                "</Types>", f'<Override PartName="/xl/styles.xml" ContentType="{TYPE}styles+xml"/></Types>'
            ),
        },
    )
    copy = annotated(original, [error("findings", "A1")])

    assert faults(copy) == []
    content = {name: etree.fromstring(data) for name, _, _, data in parts(copy) if name.endswith(".xml")}
    look = int(next(content["xl/my sheets/one.xml"].iter("{*}c")).get("s"))

    assert content["xl/styles.xml"].find("{*}cellXfs")[look].get("numFmtId") == "9"


def test_a_threaded_comment_stays(tmp_path):
    """A threaded comment keeps its part, its bytes and the author that Excel finds it with."""
    original = plain(tmp_path / "plain.xlsx")
    author, thread = "tc={00000000-0000-4000-8000-000000000001}", b"<ThreadedComments/>"
    threaded = rewritten(
        original,
        tmp_path / "threaded.xlsx",
        {"comment1.xml": lambda data: data.replace(b"<author>Sam</author>", f"<author>{author}</author>".encode())},
    )
    with zipfile.ZipFile(threaded, "a") as archive:
        archive.writestr("xl/threadedComments/threadedComment1.xml", thread)
    copy = annotated(threaded, [error("Spend", "A2"), error("Spend", "B2")])
    after = loaded(copy)["Spend"]

    assert (after["A2"].comment.author, after["B2"].comment.author) == (author, "gpit")
    assert after["A2"].comment.text.startswith("old note\n\ngpit:\nError I16")
    assert {name: data for name, _, _, data in parts(copy)}["xl/threadedComments/threadedComment1.xml"] == thread


def test_a_drawing_that_is_not_xml_gets_boxes(tmp_path):
    """Excel writes `<br>` into drawings without closing it; such a drawing keeps its bytes too."""
    original = plain(tmp_path / "plain.xlsx")
    loose = rewritten(
        original, tmp_path / "loose.xlsx", {".vml": lambda data: data.replace(b"</xml>", b"<!--x--><br></xml>\n")}
    )
    copy = annotated(loose, [error("Spend", "B2")])
    drawing = next(data for name, _, _, data in parts(copy) if name.endswith("vml"))

    assert faults(copy) == []
    assert drawing.count(b"<br>") == 1
    assert drawing.endswith(b"</xml>\n")


def test_notes_without_a_drawing_get_one(tmp_path):
    """Some programs write notes without boxes, which Excel needs: old notes get theirs together with the new ones."""
    bare = rewritten(
        plain(tmp_path / "plain.xlsx"),
        tmp_path / "bare.xlsx",
        {"sheet1.xml": lambda data: re.sub(rb"<legacyDrawing[^>]*>", b"", data)},
    )
    copy = annotated(bare, [error("Spend", "B2")])

    assert any("no drawing" in fault for fault in faults(bare))
    assert faults(copy) == []
    assert loaded(copy)["Spend"]["A2"].comment.text == "old note"


def test_a_damaged_reference_to_the_drawing_is_refused(tmp_path):
    """Notes are not put where Excel would not look for them."""
    hurt = rewritten(
        plain(tmp_path / "plain.xlsx"),
        tmp_path / "hurt.xlsx",
        {"sheet1.xml": lambda data: re.sub(rb'(<legacyDrawing[^>]*id=")', rb"\1none", data)},
    )

    assert "refers to a drawing that is not in the workbook" in refused(hurt, [error("Spend", "B2")])


# Refused files ------------------------------------------------------------------------------------------------


def refused(original, marks=(), kind=InputError, **options):
    """The message of a refusal: one line that begins with the file's name; no incomplete file is left behind."""
    with pytest.raises(kind) as caught:
        annotate(original, original.with_name("copy.xlsx"), marks, **options)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(original.name)
    return str(caught.value)


def test_marks_outside_the_workbook_are_refused(tmp_path):
    """A sheet or a cell that does not exist is an error that names it, and suggests a similar name."""
    original = rich(tmp_path / "rich.xlsx", tmp_path)

    assert "no sheet 'Retuns'; did you mean Returns?" in refused(original, [error("Retuns", "A1")], UsageError)
    assert "'row 5' is not a cell" in refused(original, [error("Returns", "row 5")], UsageError)
    assert "'A1048577' is not a cell" in refused(original, [error("Returns", "A1048577")], UsageError)
    assert "'XFE1' is not a cell" in refused(original, [error("Returns", "XFE1")], UsageError)
    assert "'Chart' is a chart" in refused(original, [error("Chart", "A1")], UsageError)


def test_the_last_cell_of_a_sheet_is_marked(tmp_path):
    """XFD1048576 is a cell, and the box of its note stays on the sheet."""
    copy = annotated(plain(tmp_path / "plain.xlsx"), [error("Spend", "XFD1048576")])

    assert faults(copy) == []


def test_names_of_sheets_ignore_case(tmp_path):
    """For Excel, `SPEND` is the sheet `Spend`; the list has the name as the workbook writes it."""
    after = loaded(annotated(plain(tmp_path / "plain.xlsx"), [error("SPEND", "A1")]))

    assert after["Findings"]["C2"].value == "Spend"


def test_files_that_are_not_plain_workbooks_are_refused(tmp_path):
    """Wrong endings, missing, damaged and protected files, macros, document types and repeated parts are refused."""
    text = tmp_path / "a.csv"
    text.write_text("x", encoding="utf-8")
    assert "only .xlsx" in refused(text, kind=UsageError)
    assert "there is no such file" in refused(tmp_path / "none.xlsx", kind=UsageError)
    book = tmp_path / "book.xlsx"
    book.write_bytes(b"no archive")
    assert "damaged" in refused(book)
    book.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))
    assert "protected by a password" in refused(book)
    types = HANDMADE["[Content_Types].xml"]
    macros = types.replace(f"{TYPE}sheet.main+xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml")
    assert "has macros" in refused(handmade(book, {"[Content_Types].xml": macros}))
    assert "has macros" in refused(handmade(book, {"xl/vbaProject.bin": "x"}))
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]>' + HANDMADE["xl/workbook.xml"]
    assert "document type" in refused(handmade(book, {"xl/workbook.xml": bomb}))
    assert "document type" in refused(handmade(book, {"xl/workbook.xml": bomb.encode("utf-16")}))
    assert "twice" in refused(handmade(book, {"XL/Workbook.xml": "x"}))
    sheet = "xl/my sheets/one.xml"
    assert f"{sheet}: a part is damaged" in refused(handmade(book, {sheet: "<x"}), [error("findings", "A1")])
    assert "a part that it does not contain" in refused(handmade(book, {sheet: None}))


def test_protected_archives_are_refused(tmp_path):
    """A part that is marked as encrypted is refused before it is read."""
    book = handmade(tmp_path / "book.xlsx")
    data = bytearray(book.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    book.write_bytes(data)

    assert "protected by a password" in refused(book)


def test_large_workbooks_are_refused_before_they_are_unpacked(tmp_path):
    """The limit applies to the unpacked XML; pictures may have four times as much."""
    book = handmade(tmp_path / "book.xlsx")
    with zipfile.ZipFile(book) as archive:
        size = sum(part.file_size for part in archive.infolist())

    annotate(book, tmp_path / "copy.xlsx", [], largest=size)
    assert "unpacks to" in refused(book, largest=size - 1)
    assert "unpacks to" in refused(handmade(book, {"a.png": bytes(3 * size + 1)}), kind=GpitError, largest=size)


def test_the_copy_is_never_the_original(tmp_path):
    """The original is refused as the place of its copy, with any path or link to it."""
    original = plain(tmp_path / "plain.xlsx")
    (tmp_path / "folder").mkdir()
    linked = tmp_path / "linked.xlsx"
    linked.hardlink_to(original)
    before = original.read_bytes()
    for copy in (original, tmp_path / "folder" / ".." / "plain.xlsx", linked):
        with pytest.raises(UsageError, match="never overwrites"):
            annotate(original, copy, [])

    assert original.read_bytes() == before


def test_a_copy_that_cannot_be_written(tmp_path):
    """If the folder does not exist, the error names the requested file; a damaged file leaves nothing behind."""
    original = plain(tmp_path / "plain.xlsx")
    with pytest.raises(OutputError, match=r"^copy\.xlsx: cannot"), in_place(tmp_path / "none" / "copy.xlsx") as draft:
        annotate(original, draft, [])
    with pytest.raises(UsageError), in_place(tmp_path / "copy.xlsx") as draft:
        annotate(original, draft, [error("none", "A1")])
    with in_place(tmp_path / "whole.xlsx") as draft:
        annotate(original, draft, [error("Spend", "A1")])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.xlsx", "whole.xlsx"]
    assert faults(tmp_path / "whole.xlsx") == []


@pytest.mark.slow
def test_damage_never_shows_a_traceback(tmp_path):
    """A workbook with any byte of its XML lost or changed is annotated, or refused in one line."""
    original = plain(tmp_path / "plain.xlsx")
    whole = [(name, data) for name, _, _, data in parts(original)]
    chance = random.Random(2014)
    refusals = []
    for _ in range(400):
        at = chance.randrange(len(whole))
        name, data = whole[at]
        place = chance.randrange(len(data))
        swap = chance.choice([b"", b"0", b"x", b"-", b'"', b"<", b"\xff"])
        hurt = data[:place] + swap + data[place + chance.choice([1, 1, 8]) :]
        book = tmp_path / "hurt.xlsx"
        with zipfile.ZipFile(book, "w") as archive:
            for other, bytes_ in whole:
                archive.writestr(other, hurt if other == name else bytes_)
        try:
            annotate(book, tmp_path / "copy.xlsx", MARKED["plain.xlsx"])
        except GpitError as fault:
            refusals.append(str(fault))

    assert [text for text in refusals if "\n" in text] == []
    assert 50 < len(refusals) < 350
