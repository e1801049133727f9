"""LibreOffice finds wrong values in our workbooks, and calculates these formulas as Excel does."""

from __future__ import annotations

import os
import shutil
import zipfile
from typing import TYPE_CHECKING

import openpyxl
import pytest
import xlsxwriter

import recalculation
from recalculation import (
    RecalculationError,
    by_cell,
    cached_values,
    compare,
    formulas,
    plant,
    plant_everywhere,
    recalculate,
    recalculated_rows,
    soffice_or_skip,
    to_png,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


SHEET = "Sheet one"


def write(
    path: Path,
    numbers: Sequence[tuple[float, float]] = ((3, 1), (2, 5), (4, 6)),
    formulas: Sequence[tuple[str, str, object]] = (),
) -> Path:
    """A workbook of pairs in A1:B…, a defined name, and formulas given as (cell, formula, cached value)."""
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet(SHEET)
        workbook.define_name("budget", f"='{SHEET}'!$A$1")
        for row, (left, right) in enumerate(numbers):
            sheet.write_number(row, 0, left)
            sheet.write_number(row, 1, right)
        sheet.write_string("Z1", "North")
        sheet.write_string("Z2", "NORTH")
        sheet.write_string("Z3", "=not a formula")
        for cell, formula, value in formulas:
            sheet.write_formula(cell, formula, None, value)
    return path


@pytest.mark.usefixtures("libreoffice")
def test_right_value_is_reproduced(tmp_path):
    """3 + 2 + 4 is 9, in the file and after recalculation, and a third differs in its last digits only."""
    book = write(tmp_path / "book.xlsx", formulas=[("C1", "=SUM(A1:A3)", 9), ("C2", "=1/3", 1 / 3)])
    again = recalculate(book, tmp_path / "out")

    assert compare(book, again) == []
    assert cached_values(again)[SHEET, "C1"] == 9


@pytest.mark.usefixtures("libreoffice")
def test_wrong_value_is_corrected(tmp_path):
    """A planted 10 for 3 + 2 + 4 is corrected to 9 and reported with its sheet, cell, values and formula."""
    book = write(tmp_path / "book.xlsx", formulas=[("C1", "=SUM(A1:A3)", 9)])
    plant(book, SHEET, "C1", 10, tmp_path / "wrong.xlsx")
    again = recalculate(tmp_path / "wrong.xlsx", tmp_path)

    assert cached_values(tmp_path / "wrong.xlsx")[SHEET, "C1"] == 10
    assert compare(tmp_path / "wrong.xlsx", again) == ["Sheet one!C1: 10 in the file, 9 recalculated, from =SUM(A1:A3)"]
    assert compare(book, again) == []


@pytest.mark.usefixtures("libreoffice")
def test_many_workbooks_are_recalculated_at_once_with_the_kinds_of_their_values(tmp_path):
    """Each workbook has its own values again: numbers, texts that look like others, yes/no, errors and blanks."""
    formulas = [
        ("C1", "=SUM(A1:A3)", 0),
        ("C2", '="0123"', ""),
        ("C3", '="TRUE"', ""),
        ("C4", "=A1>B1", 0),
        ("C5", '=""', "wrong"),
        ("C6", "=1/0", 0),
        ("C7", "=1/3", 0),
        ("C8", '="a ""b"", "&CHAR(10)&"c"', ""),
    ]
    first = write(tmp_path / "same.xlsx", formulas=formulas)
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other" / "same.xlsx", [(1, 1)], [("C1", "=A1+B1", 0)])
    values, others = (by_cell(rows) for rows in recalculated_rows([first, other]))
    results = [values.get((SHEET, f"C{row}")) for row in range(1, 9)]

    assert results[:6] == [9, "0123", "TRUE", True, None, "#DIV/0!"]
    assert results[6] == pytest.approx(1 / 3, rel=1e-14)
    assert results[7] == 'a "b", \nc'
    assert values[SHEET, "Z3"] == "=not a formula"
    assert others[SHEET, "C1"] == 2
    assert (SHEET, "A3") not in others
    assert compare(recalculate(first, tmp_path / "out"), values) == []
    assert recalculated_rows([]) == []


@pytest.mark.usefixtures("libreoffice")
def test_a_percentage_is_read_as_the_number_that_it_is(tmp_path):
    """A third of a third, shown as 11%, is 0.111… with 14 digits."""
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as workbook:
        workbook.add_worksheet(SHEET).write_formula("A1", "=1/9", workbook.add_format({"num_format": "0%"}), 0)
    (rows,) = recalculated_rows([tmp_path / "book.xlsx"])

    assert rows[SHEET][0][0] == pytest.approx(1 / 9, rel=1e-13)


@pytest.mark.usefixtures("libreoffice")
def test_sum_over_planted_values_is_corrected(tmp_path):
    """Twice 1 to 300 adds up to 90,300, although the file has wrong values for the doubles and their sum."""
    rows = 300
    doubles = [(f"C{row}", f"=2*A{row}", 2 * row) for row in range(1, rows + 1)]
    formulas = [
        *doubles,
        ("D1", f"=SUM(C1:C{rows})", 90_300),
        ("D2", f"=SUMPRODUCT(C1:C{rows},B1:B{rows})", 0),
    ]
    book = write(tmp_path / "book.xlsx", [(row, 1) for row in range(1, rows + 1)], formulas)
    plant_everywhere(book, tmp_path / "wrong.xlsx")
    plant(tmp_path / "wrong.xlsx", SHEET, "D1", 1, tmp_path / "wronger.xlsx")
    values = cached_values(recalculate(tmp_path / "wronger.xlsx", tmp_path))

    assert values[SHEET, "D1"] == 90_300
    assert values[SHEET, "D2"] == 90_300
    assert [values[SHEET, f"C{row}"] for row in (1, 2, 300)] == [2, 4, 600]


WORKED_BY_HAND = {
    "SMALL of a union: 1, 2, 3, 4, 5, 6": ("=SMALL((A1:A3,B1:B3),2)", 2),
    "3 and 4 are above 2": ("=SUMPRODUCT(--(A1:A3>2))", 2),
    "1 times 1 and 2 times 6": ("=SUMPRODUCT((A1:A3>2)*(A1:A3-2)*B1:B3)", 13),
    "half goes away from zero": ("=ROUND(2.5,0)", 3),
    "half goes away from zero below it": ("=ROUND(-2.5,0)", -3),
    "half as written, not as stored": ("=ROUND(1.005,2)", 1.01),
    "INT goes down": ("=INT(-2.5)", -3),
    "EXACT tells case": ("=EXACT(Z1,Z2)", False),
    "EXACT of the same text": ("=EXACT(Z1,Z1)", True),
    "= does not tell case": ("=Z1=Z2", True),
    "a comparison is yes or no": ("=A1>A2", True),
    "a text": ('=IF(A1>A2,"over","under")', "over"),
    "a text that XML has to escape": ('="£ & <"&Z1&">"', "£ & <North>"),
    "a text of figures stays a text": ('="007"', "007"),
    "a defined name": ("=budget*2", 6),
    "an error": ("=1/0", "#DIV/0!"),
}


@pytest.fixture(scope="module")
def worked_out(libreoffice, tmp_path_factory):  # noqa: ARG001 - usefixtures has no effect on fixtures
    """LibreOffice's values of these formulas, from a file with a wrong value for each of them."""
    folder = tmp_path_factory.mktemp("worked-out")
    formulas = [(f"C{row}", formula, value) for row, (formula, value) in enumerate(WORKED_BY_HAND.values(), start=1)]
    original = write(folder / "right.xlsx", formulas=formulas)
    planted = folder / "wrong.xlsx"
    assert plant_everywhere(original, planted) == len(WORKED_BY_HAND)
    assert len(compare(original, planted)) == len(WORKED_BY_HAND), "each planted value is wrong"
    values = cached_values(recalculate(planted, folder))
    return {name: values[SHEET, f"C{row}"] for row, name in enumerate(WORKED_BY_HAND, start=1)}


@pytest.mark.parametrize("name", WORKED_BY_HAND)
def test_formula_is_worked_out(worked_out, name):
    """LibreOffice gives the value calculated by hand, of the same type, from a file with a wrong value."""
    value = WORKED_BY_HAND[name][1]

    assert worked_out[name] == value
    assert type(worked_out[name]) is type(value)


@pytest.mark.usefixtures("libreoffice")
def test_rank_and_countif_break_ties_by_row(tmp_path):
    """Of 5, 7, 5 the 7 comes first and the upper 5 before the lower, as one formula copied down."""
    book = write(
        tmp_path / "book.xlsx",
        [(5, 0), (7, 0), (5, 0)],
        [(f"C{row}", f"=RANK(A{row},A$1:A$3)+COUNTIF(A$1:A{row},A{row})-1", 0) for row in (1, 2, 3)],
    )
    values = cached_values(recalculate(book, tmp_path))

    assert [values[SHEET, f"C{row}"] for row in (1, 2, 3)] == [2, 1, 3]


@pytest.mark.usefixtures("libreoffice")
def test_unknown_function_is_seen(tmp_path):
    """A formula that LibreOffice does not know is a difference, not a pass on its cached value."""
    book = write(tmp_path / "book.xlsx", formulas=[("C1", "=FAIRLY(A1)", 3)])

    assert compare(book, recalculate(book, tmp_path)) == [
        "Sheet one!C1: 3 in the file, '#NAME?' recalculated, from =FAIRLY(A1)"
    ]


@pytest.mark.usefixtures("libreoffice")
def test_any_file_name_will_do(tmp_path, monkeypatch):
    """Spaces and é work in the workbook's name, its folder, the results' folder and the temporary folder."""
    folder = tmp_path / "dossier d'été, 100%"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("LC_ALL", "C")
    book = write(folder / "résultat de l'année.xlsx", formulas=[("C1", "=SUM(A1:A3)", 1)])
    again = recalculate(book, folder / "là")

    assert again == folder / "là" / "résultat de l'année-recalculated.xlsx"
    assert cached_values(again)[SHEET, "C1"] == 9
    assert cached_values(book)[SHEET, "C1"] == 1


@pytest.mark.usefixtures("libreoffice")
def test_slowness_is_an_error(tmp_path):
    """A run that takes too long is stopped, and the message has the limit."""
    book = write(tmp_path / "book.xlsx", formulas=[("C1", "=SUM(A1:A3)", 9)])
    with pytest.raises(RecalculationError, match=r"took more than 0\.01 s and was stopped"):
        recalculate(book, tmp_path, seconds=0.01)

    assert [path.name for path in tmp_path.iterdir()] == ["book.xlsx"]


@pytest.mark.usefixtures("libreoffice")
def test_no_workbook_is_an_error(tmp_path):
    """A broken zip file gives an error with its name, although LibreOffice itself reports success."""
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(RecalculationError, match=r"made nothing of broken\.xlsx"):
        recalculate(tmp_path / "broken.xlsx", tmp_path)


@pytest.mark.skipif(
    shutil.which("pdftoppm") is None and not os.environ.get("CI"), reason="needs pdftoppm, for pictures"
)
@pytest.mark.usefixtures("libreoffice")
def test_pictures_of_all_pages(tmp_path):
    """Two sheets of one page each are two pictures, in order."""
    with xlsxwriter.Workbook(tmp_path / "two.xlsx") as workbook:
        for name in ("First", "Second"):
            workbook.add_worksheet(name).write("A1", name)
    pages = to_png(tmp_path / "two.xlsx", tmp_path / "pictures")

    assert [page.name for page in pages] == ["page-1.png", "page-2.png"]
    assert all(page.read_bytes().startswith(b"\x89PNG") for page in pages)


def test_planting_changes_one_value_alone(tmp_path):
    """Number, text and yes/no can be planted; every other byte of every part stays."""
    book = write(
        tmp_path / "book.xlsx",
        formulas=[("C1", "=SUM(A1:A3)", 9), ("C2", "=A1>A2", True), ("C3", '="a"', "a"), ("C10", "=A1", 3)],
    )
    for cell, wrong in {"C1": -0.5, "C2": False, "C3": "1 < 2 & é"}.items():
        out = tmp_path / f"{cell}.xlsx"
        plant(book, SHEET, cell, wrong, out)
        planted = cached_values(out)

        assert planted[SHEET, cell] == wrong
        assert type(planted[SHEET, cell]) is type(wrong)
        assert planted == cached_values(book) | {(SHEET, cell): wrong}
        assert formulas(out) == formulas(book)
        assert _parts(out).keys() == _parts(book).keys()
        assert [name for name, data in _parts(out).items() if data != _parts(book)[name]] == [
            "xl/worksheets/sheet1.xml"
        ]


def _parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("sheet", "cell", "wrong", "message"),
    [
        ("Sheet two", "C1", 1, "has no sheet 'Sheet two'"),
        (SHEET, "A1", 1, "A1 of book.xlsx holds no formula"),
        (SHEET, "C", 1, "C of book.xlsx holds no formula"),
        (SHEET, "Z3", "x", "Z3 of book.xlsx holds no formula"),
        (SHEET, "C1", 9, "C1 holds 9 already"),
    ],
)
def test_planting_nothing_is_refused(tmp_path, sheet, cell, wrong, message):
    """A planted value that changes nothing is refused, since it would prove nothing."""
    book = write(tmp_path / "book.xlsx", formulas=[("C1", "=SUM(A1:A3)", 9)])
    with pytest.raises(ValueError, match=message):
        plant(book, sheet, cell, wrong, tmp_path / "wrong.xlsx")


def _pair(folder: Path, left: object, right: object) -> tuple[Path, Path]:
    return (
        write(folder / "here.xlsx", formulas=[("C1", "=A1", left)]),
        write(folder / "there.xlsx", formulas=[("C1", "=A1", right)]),
    )


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1e6, 1e6 + 1e-7, True),  # 1e-13 of it
        (1e6, 1e6 + 1e-5, False),  # 1e-11 of it
        (0.001, 0.001 + 5e-10, False),  # within 1e-9, but not near 0
        (0, 5e-10, True),
        (0, 5e-9, False),
        (-5e-10, 5e-10, True),
        (True, 1, False),
        (False, 0, False),
        (False, False, True),
        ("a", "A", False),
        ("12", 12, False),
        ("a", "", False),
    ],
)
def test_comparing(tmp_path, left, right, same):
    """Numbers agree within 1e-12 of their size, or within 1e-9 near 0; other values only if they are identical."""
    assert (compare(*_pair(tmp_path, left, right)) == []) is same


def test_identical_cells_have_no_tolerance(tmp_path):
    """A cell listed as identical must agree to the last digit, and must have a formula."""
    pair = _pair(tmp_path, 1e6, 1e6 + 1e-7)

    assert compare(*pair) == []
    assert compare(*pair, relative=1e-14) != []
    assert compare(*pair, identical=[(SHEET, "C1"), (SHEET, "C2")]) == [
        "Sheet one!C2 should be identical, but holds no formula",
        "Sheet one!C1: 1000000.0 in the file, 1000000.0000001 recalculated, from =A1",
    ]


def test_comparing_nothing_is_no_pass(tmp_path):
    """A workbook without formulas, or without cached values, does not count as agreement."""
    book = write(tmp_path / "book.xlsx")
    assert compare(book, book) == ["book.xlsx holds no formula: nothing was compared"]

    unworked = openpyxl.Workbook()
    unworked.active.title = SHEET
    unworked.active["C1"] = "=A1"
    unworked.save(tmp_path / "unworked.xlsx")
    valued = write(tmp_path / "valued.xlsx", formulas=[("C1", "=A1", 3)])
    assert compare(tmp_path / "unworked.xlsx", valued) == ["Sheet one!C1: None in the file, 3 recalculated, from =A1"]


def test_text_that_looks_like_a_formula_is_none(tmp_path):
    """A text beginning with = is a value; only formulas are formulas."""
    book = write(tmp_path / "book.xlsx", formulas=[("C1", "=A1", 3)])

    assert formulas(book) == {(SHEET, "C1"): "=A1"}
    assert cached_values(book)[SHEET, "Z3"] == "=not a formula"


def test_libreoffice_is_for_tests_with_its_marker():
    """A test without the marker `libreoffice`, such as this one, fails if it uses LibreOffice."""
    with pytest.raises(pytest.fail.Exception, match="mark it"):
        recalculation.find_soffice()


def test_absence_is_no_pass_on_a_build_machine(monkeypatch):
    """Without LibreOffice a test is skipped on a desktop and fails on a build machine, which sets CI."""
    monkeypatch.setattr(recalculation, "find_soffice", lambda: None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have LibreOffice"):
        soffice_or_skip()

    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="needs LibreOffice"):
        soffice_or_skip()
