"""The private members of XlsxWriter that the workbook overrides exist in the tested version."""

from __future__ import annotations

import ast
import inspect
import io
import re
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import xlsxwriter

import gpit_fairshare
from gpit_fairshare.workbook import xlsxwriter_internals as internals
from gpit_fairshare.workbook.sheets import Chart, Sheet
from gpit_fairshare.workbook.writing import write_sheets

TRIED = "3.3.1"
"""The newest XlsxWriter with which the whole test suite, LibreOffice's part included, was run."""
CLASSES = [
    value for value in vars(internals).values() if inspect.isclass(value) and value.__module__ == internals.__name__
]
DERIVED = [made for made in CLASSES if any(base.__module__.startswith("xlsxwriter") for base in made.__mro__)]
OVERRIDES = [
    (made, name)
    for made in DERIVED
    for name, member in vars(made).items()
    if inspect.isfunction(member) and name.startswith("_") and not name.startswith("__")
]
OWN = {"_xlsxwriter_cell", "_cell_element"}
"""Private members of our own, which XlsxWriter does not have and must not get."""


def base_of(made):
    """The class of XlsxWriter that one of our classes extends."""
    return next(base for base in made.__mro__ if base.__module__.startswith("xlsxwriter"))


def numbers(text):
    """A version as numbers: `3.10.0` is newer than `3.9`."""
    return [int(part) for part in text.split(".")]


def test_xlsxwriter_is_no_newer_than_the_one_that_was_tried():
    """A newer XlsxWriter may work differently inside: test it, then change TRIED here."""
    installed = version("XlsxWriter")
    assert numbers(installed) <= numbers(TRIED), (
        f"XlsxWriter {installed} is newer than {TRIED}, with which workbook/xlsxwriter_internals.py was tried: run "
        "the whole test suite, compare the bytes of workbooks, then set TRIED in this file"
    )


@pytest.mark.parametrize(("made", "name"), OVERRIDES, ids=lambda value: getattr(value, "__name__", value))
def test_private_members_are_those_of_xlsxwriter(made, name):
    """XlsxWriter has the members that we override, with the same arguments, and none with the names that we add."""
    base = base_of(made)
    if name in OWN:
        assert not hasattr(base, name), f"XlsxWriter {version('XlsxWriter')} has a {name} of its own in {base.__name__}"
        return
    assert hasattr(base, name), f"XlsxWriter {version('XlsxWriter')} has no {base.__name__}.{name} to override"
    theirs, ours = (list(inspect.signature(getattr(owner, name)).parameters) for owner in (base, made))
    assert len(ours) == len(theirs), f"{base.__name__}.{name} takes {theirs} in XlsxWriter {version('XlsxWriter')}"


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (xlsxwriter.worksheet.Worksheet, ["_check_dimensions"]),
        (xlsxwriter.format.Format, ["_get_xf_index"]),
        (xlsxwriter.core.Core, ["_set_properties", "_set_xml_writer", "_assemble_xml_file"]),
        (xlsxwriter.packager.Packager, ["_filename"]),
        (xlsxwriter.sharedstrings.SharedStringTable, ["_get_shared_string_index", "_sort_string_data"]),
    ],
    ids=["worksheet", "format", "core", "packager", "texts"],
)
def test_private_members_that_are_called_are_there(owner, names):
    """XlsxWriter has every private member that `xlsxwriter_internals` calls."""
    assert [name for name in names if not hasattr(owner, name)] == []


def test_attributes_that_are_read_are_there():
    """The attributes of a workbook and a sheet that `xlsxwriter_internals` reads have the expected content."""
    book = xlsxwriter.Workbook(io.BytesIO(), {"in_memory": True})
    page = book.add_worksheet()
    page.write_string(0, 0, "a heading")
    page.add_table(0, 0, 1, 0, {"columns": [{"header": "a heading"}]})
    assert isinstance(page.tables[-1], dict)
    assert page.table_cells
    assert page.table[0][0].string == 0
    assert page.str_table is book.str_table
    assert isinstance(book.filename, io.BytesIO)
    assert book.doc_properties == {}
    assert isinstance(book.tmpdir, str | None)
    book.close()


def test_a_chart_holds_the_figures_of_its_sheet(tmp_path):
    """Until a spreadsheet program draws a chart again, it shows the values of the cells below the headings."""
    sheet = Sheet("S", "T")
    names = sheet.add_column("Name", 9, ["A", "B"])
    figures = sheet.add_column("Figure", 9, [1.5, 2.5])
    series = {"Figure": sheet.column_range(figures)}
    sheet.charts = [Chart("column", "T", "Name", "£", sheet.column_range(names), series, "Two columns.", "£")]
    write_sheets(tmp_path / "b.xlsx", [sheet], {}, lambda _done, _total: None)

    with zipfile.ZipFile(tmp_path / "b.xlsx") as package:
        chart = package.read("xl/charts/chart1.xml").decode()
    assert re.findall("<c:pt [^>]*><c:v>(.*?)</c:v>", chart) == ["A", "B", "1.5", "2.5"]


def test_no_other_module_touches_private_members():
    """Only one module extends classes of XlsxWriter, and only there may ruff allow calls of private members."""
    root = Path(gpit_fairshare.__file__).parent
    others = [path for path in root.rglob("*.py") if path.stem != internals.__name__.rpartition(".")[2]]
    texts = {path.name: path.read_text(encoding="utf-8") for path in others}
    assert len(others) > 100
    assert [name for name, text in texts.items() if "noqa: SLF001" in text] == []
    derived = []
    for name, text in texts.items():
        nodes = list(ast.walk(ast.parse(text))) if "xlsxwriter" in text else []
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        theirs = {alias.name for node in imports if (node.module or "")[:10] == "xlsxwriter" for alias in node.names}
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        derived += [
            f"{name}: {node.name}" for node in classes if theirs & {getattr(base, "id", "") for base in node.bases}
        ]
    assert derived == []
