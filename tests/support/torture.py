"""Damaged files, one for each hazard: their contents, and the expected outcome.

Each `Case` says what the reader must find and, where it may accept the file, the figures that the
generator put there. Nothing here looks at the package: figures are read from the texts by hand.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from warnings import catch_warnings, simplefilter

import polars as pl
import xlsxwriter

HEAD = ("org_code", "org_name", "registered_population")
ROWS = (("00C", "Darlington", 106613), ("01E", "Preston", 212044), ("1E5", "Odd", 5043), ("0123", "Zeros", 70001))
GOOD = {code: float(people) for code, _, people in ROWS}


@dataclass
class Case:
    """A file, or one for each option, and the expected outcome."""

    name: str
    files: dict[str, tuple[str, bytes]]
    """By option: name and content, or a function that makes the content if that takes time."""
    finds: set[str] = field(default_factory=set)
    """Codes of findings that the run must have."""
    figures: dict[str, float] | None = None
    """Figures that must be read from the first file, by code; None if it must be refused."""
    column: str = "registered_population"
    sheet: str = ""
    options: dict = field(default_factory=dict)


def text(rows, separator=",", end="\n"):
    """Rows as text; cells that contain the separator are quoted."""
    return "".join(separator.join(_quoted(str(cell), separator) for cell in row) + end for row in rows)


def _quoted(cell, separator):
    return f'"{cell}"' if separator in cell else cell


def book(rows, *, after=None, before=None, name="Data"):
    """An .xlsx workbook in bytes; cells that are tuples `("formula", text, value)` are formulas."""
    data = io.BytesIO()
    with xlsxwriter.Workbook(data, {"in_memory": True, "nan_inf_to_errors": True}) as workbook:
        workbook.set_properties({"created": datetime(2014, 4, 1)})  # noqa: DTZ001 – Excel knows no time zones
        day = workbook.add_format({"num_format": "dd/mm/yyyy"})
        if before:
            before(workbook)
        sheet = workbook.add_worksheet(name)
        for at, row in enumerate(rows):
            for index, cell in enumerate(row):
                if isinstance(cell, tuple):
                    sheet.write_formula(at, index, cell[1], None, cell[2])
                elif isinstance(cell, bool):
                    sheet.write_boolean(at, index, cell)
                elif isinstance(cell, date | datetime):
                    sheet.write_datetime(at, index, cell, day)
                elif isinstance(cell, int | float):
                    sheet.write_number(at, index, cell)
                elif cell is not None and cell != "":
                    sheet.write_string(at, index, cell)
        if after:
            after(workbook, sheet)
    return data.getvalue()


def rezipped(data, changes=None, *, extra=(), drop=(), method=zipfile.ZIP_DEFLATED):
    """A zip archive with some parts changed, more parts, or fewer."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(result, "w", method) as new, catch_warnings():
        simplefilter("ignore")  # two parts with one name are intended
        for name in old.namelist():
            if name not in drop:
                content = old.read(name)
                new.writestr(name, changes[name](content) if changes and name in changes else content)
        for name, content in extra:
            new.writestr(name, content)
    return result.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def parquet(columns):
    """A Parquet file in bytes."""
    data = io.BytesIO()
    pl.DataFrame(columns).write_parquet(data)
    return data.getvalue()


def population(name, content, finds=(), figures=None, **more):
    """A case with one population file; its name has the file's ending."""
    data = content.encode() if isinstance(content, str) else content
    return Case(name, {"population": (name, data)}, set(finds), figures, **more)


# Numbers as finance writes them, and their values by hand; None if there is no single meaning.
NUMBERS = {
    "1234": 1234.0,
    "1,234": 1234.0,
    "£1,234": 1234.0,
    "£ 1,234.50": 1234.5,
    "GBP 12": 12.0,
    "1\u00a0234": 1234.0,
    "1\u2009234\u2009567": 1234567.0,
    "1\u202f234": 1234.0,
    "1\u2007234": 1234.0,
    "(1,234)": -1234.0,
    "(£1,234)": -1234.0,
    "£(1,234)": -1234.0,
    "−5": -5.0,
    "–5": -5.0,
    "-£5": -5.0,
    "£-5": -5.0,
    "5-": -5.0,
    "-": None,
    "–": None,
    "—": None,
    "£-": None,
    "£4.2m": 4200000.0,
    "£4.2M": 4200000.0,
    "0.35k": 350.0,
    "£1.5bn": 1500000000.0,
    "£3 million": 3000000.0,
    "12.5%": 0.125,
    "+7": 7.0,
    ".5": 0.5,
    "007": 7.0,
    "1.234,56": None,
    "12/13": None,
    "1,23": None,
    "1,2345": None,
    "1 234": None,
    "1'234": None,
    "1,23,456": None,
    "£": None,
    "n/a": None,
    "N/A": None,
    "nil": None,
    "TBC": None,
    "..": None,
    "[x]": None,
    "5*": None,
    "5 CR": None,
    "(5": None,
    "5)": None,
    "-(5)": None,
    "--5": None,
    "1e5": None,
    "1E+05": None,
    "1e400": None,
    "nan": None,
    "NaN": None,
    "inf": None,
    "-inf": None,
    "Infinity": None,
    "0x10": None,
    "1_000": None,
    "٣": None,
    "１２": None,
    "$5": None,
    "€5": None,
    "#N/A": None,
    "#REF!": None,
    "#DIV/0!": None,
    "TRUE": None,
    "2014-04-01": None,
    "01/04/2014": None,
    "=1+1": None,
    "=cmd|' /C calc'!A0": None,
    "@SUM(1)": None,
    "1.2.3": None,
    "5 5": None,
    "£4.2mm": None,
    "12.5%%": None,
}


def notations():
    """Each notation in a text file and as a text cell of a workbook, in a required column without a unit."""
    for number, (cell, value) in enumerate(NUMBERS.items()):
        rows = [["org_code", "change"], ["00C", "1"], ["00D", cell]]
        figures = None if value is None else {"00C": 1.0, "00D": value}
        finds = {"I16"} if value is None else set()
        common = {"column": "change", "options": {"plain": "change"}}
        yield population(f"notation-{number}.csv", text(rows), finds, figures, **common)
        loose = finds or {"I36"}
        cells = [["org_code", "change"], ["00C", 1], ["00D", cell]]
        yield population(f"notation-{number}.xlsx", book(cells), loose, figures, **common)


def encodings():
    """The same table in each encoding and with each separator."""
    rows = [HEAD, *((code, f"{name} é", people) for code, name, people in ROWS)]
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        for mark, separator in ((",", ","), (";", ";"), ("tab", "\t"), ("pipe", "|")):
            finds = ({"I02"} if encoding[:5] != "utf-8" else set()) | ({"I05"} if separator != "," else set())
            name = f"{encoding}-{'comma' if mark == ',' else 'semicolon' if mark == ';' else mark}.csv"
            yield population(name, text(rows, separator).encode(encoding), finds, GOOD)
    yield population("sep-line.csv", "sep=;\n" + text(rows, ";"), {"I05"}, GOOD)
    yield population("sep-line-quoted.csv", '"sep=|"\r\n' + text(rows, "|", "\r\n"), {"I05"}, GOOD)
    yield population("crlf.csv", text(rows, end="\r\n"), (), GOOD)
    yield population("tabs.tsv", text(rows, "\t"), (), GOOD)
    yield population("commas.tsv", text(rows), {"I05"}, GOOD)
    yield population("two-encodings.csv", text(rows).encode() + b"\xe9,x,5\n", {"I02"})
    yield population("no-encoding.csv", text(rows).encode("cp1252") + b"\x81,x,5\n", {"I02"})
    yield population("zero-byte.csv", text(rows).encode() + b"99A,\x00,5\n", {"I02"})
    yield population("utf16-cut.csv", text(rows).encode("utf-16")[:-1], {"I02"})
    yield population("open-quote.csv", text(rows) + '99A,"open,5\n99B,x,6\n', {"I05"})
    yield population("comma-in-number.csv", text(rows) + "99A,x,1,234\n", {"I05"})
    yield population("long-field.csv", text(rows) + f'99A,"{"x" * 200_000}",5\n', {"I05"})
    yield population("empty.csv", b"", {"I03"})
    yield population("blanks.csv", b",,\n \n,,\n", {"I03"})
    yield population("only-headings.csv", text([HEAD]), {"I03"})
    yield population("sep-odd.csv", "sep=#\n" + text(rows, "#"), {"I05"})


def around():
    """Rows around tables: titles, notes, sections, units, totals, further tables."""
    table = [HEAD, *ROWS]
    total = sum(GOOD.values())
    whole = int(total)
    layouts = {
        "title": ([["Table 1: registered patients"], [], *table], {"I39"}, GOOD),
        "titles-of-several-cells": ([["GP IT", "", "2014/15"], ["Draft", "v2"], *table], {"I39"}, GOOD),
        "source": ([*table, [], ["Source: NHS Digital"]], {"I40"}, GOOD),
        "notes": ([*table, ["Notes:"], ["1. Lists at 1 April"], ["* provisional, subject to change"]], {"I40"}, GOOD),
        "section": ([HEAD, ["North of England"], *ROWS[:2], ["South"], *ROWS[2:]], {"I40"}, GOOD),
        "repeated-headings": ([*table[:3], HEAD, *table[3:]], {"I40"}, GOOD),
        "second-table": (
            [*table, [], ("org_code", "region", "registered_population"), ("Y63", "North", 1)],
            {"I41"},
            GOOD,
        ),
        "second-table-aside": ([*table, [], ["", "Region", *HEAD[2:]], ["", "North", 7]], {"I41"}, GOOD),
        "units-row": ([HEAD, ("", "", "people"), *ROWS], {"I40"}, GOOD),
        "total": ([*table, ("Total", "", whole)], {"I42"}, GOOD),
        "england": ([*table, ("England", "", whole)], {"I42"}, GOOD),
        "ons-england": ([*table, ("E92000001", "England", whole)], {"I42"}, GOOD),
        "total-first": ([HEAD, ("Total", "", whole), *ROWS], {"I42"}, GOOD),
        "total-in-name": ([*table, ("Q44", "AT total", whole)], {"I42"}, GOOD),
        "total-without-code": ([*table, ("", "", whole)], {"I42"}, GOOD),
        "total-without-figure": ([*table, ("", "Grand total", "")], {"I42"}, GOOD),
        "subtotals": (
            [
                HEAD,
                *ROWS[:2],
                ("", "Sub-total", 106613 + 212044),
                *ROWS[2:],
                ("", "Sub-total", 5043 + 70001),
                ("", "Total", whole),
            ],
            {"I42"},
            GOOD,
        ),
        "total-rounded": ([*table, ("Total", "", whole + 1)], {"I42"}, GOOD),
        "total-wrong": ([*table, ("Total", "", whole + 100)], {"I42"}, None),
        "control-total-wrong": ([*table, ("", "Control total", 1)], {"I42"}, None),
        "subtotal-in-disguise": ([HEAD, *ROWS[:2], ("Q44", "Lancashire", 318657), *ROWS[2:]], {"I43"}, None),
        "subtotal-first-in-disguise": ([HEAD, ("Q44", "Lancashire", whole), *ROWS], {"I43"}, None),
        "trailing-columns": ([[*row, "", "", ""] for row in table], set(), GOOD),
        "padded-headings": ([["  org code ", " Org-Name", " REGISTERED   POPULATION "], *ROWS], {"I06"}, GOOD),
        "heading-with-line-break": ([["org_code", "org_name", "registered\npopulation"], *ROWS], set(), GOOD),
        "misspelt-heading": ([["org_code", "org_name", "registred_populatoin"], *ROWS], {"I09"}, None),
        "no-code": ([["place", "org_name", "registered_population"], *ROWS], {"I09"}, None),
        "duplicated-heading": ([[*HEAD, "registered_population"], *((*row, 1) for row in ROWS)], {"I07"}, None),
        "keyword-heading": ([[*HEAD, "class"], *((*row, 1) for row in ROWS)], {"I08"}, GOOD),
        "thousands": (
            [["org_code", "org_name", "registered population (000s)"], *((c, n, p / 1000) for c, n, p in ROWS)],
            {"I44"},
            GOOD,
        ),
        "people-in-pounds": ([["org_code", "org_name", "registered population (£k)"], *ROWS], {"I44"}, None),
        "two-tables-side-by-side": ([[*row, "", *row] for row in table], {"I07"}, None),
    }
    for name, (rows, finds, figures) in layouts.items():
        if name != "heading-with-line-break":
            yield population(f"{name}.csv", text(rows), finds, figures)
        yield population(f"{name}.xlsx", book(rows), finds, figures)


def money():
    """Money in thousands or millions, as headings, titles and unit rows state it."""
    pounds = {"00C": 1234500.0, "00D": 50000.0}
    rows = [["00C", "1234.5"], ["00D", "50"]]
    for number, heading in enumerate(
        ["Spend (£'000)", "Spend £000", "Spend (£k)", "Spend, £ thousands", "£000 Spend", "Spend (£000s)", "Spend [£k]"]
    ):
        yield spend(f"unit-{number}.csv", text([["org_code", heading], *rows]), {"I44"}, pounds)
    millions = [["00C", "1.2345"], ["00D", "0.05"]]
    for number, heading in enumerate(["Spend (£m)", "Spend £ million", "Spend (£ millions)", "Spend £mn"]):
        yield spend(f"million-{number}.csv", text([["org_code", heading], *millions]), {"I44"}, pounds)
    head = ["org_code", "Spend"]
    yield spend("title-unit.csv", text([["GP IT spend, £'000"], head, *rows]), {"I44", "I39"}, pounds)
    yield spend("title-million.csv", text([["All in £m"], head, *millions]), {"I44", "I39"}, pounds)
    yield spend("unit-row.csv", text([head, ["", "£'000"], *rows]), {"I44"}, pounds)
    yield spend("unit-row-above.csv", text([["", "£000"], head, *rows]), {"I44"}, pounds)
    yield spend("vague-title.csv", text([["Figures in thousands"], head, *rows]), {"I44"})
    yield spend("two-units.csv", text([["Spend £m"], ["or £000"], head, *rows]), {"I44"})
    yield spend("cell-and-heading.csv", text([["org_code", "Spend (£k)"], ["00C", "£4.2m"]]), {"I16"})
    yield spend("pounds.csv", text([["org_code", "Spend (£)"], ["00C", "£5"]]), (), {"00C": 5.0})
    dashes = [["00C", "-"], ["00D", "–"], ["00E", "£-"], ["00F", "—"]]
    yield spend("dashes.csv", text([head, *dashes]), {"I51"}, dict.fromkeys(("00C", "00D", "00E", "00F"), 0.0))
    yield spend("too-large.csv", text([["org_code", "Spend (£m)"], ["00C", "9999999999"]]), {"I16"})
    yield spend("negative.csv", text([head, ["00C", "(5)"]]), {"I18"})
    yield spend("credit.csv", text([head, ["00C", "5 CR"]]), {"I16"})


def spend(name, content, finds=(), figures=None, **more):
    """A case with one spend file."""
    data = content.encode() if isinstance(content, str) else content
    return Case(name, {"spend": (name, data)}, set(finds), figures, column="historic_spend", **more)


def cells():
    """Codes and figures that a spreadsheet has changed, lost or never stored."""

    def with_row(*cells):
        return book([HEAD, *ROWS, cells])

    yield population("code-number.xlsx", with_row(7, "x", 5), {"I11"})
    yield population("code-1e5-as-number.xlsx", with_row(100000.0, "x", 5), {"I11"})
    yield population("code-date.xlsx", with_row(date(2015, 3, 1), "x", 5), {"I11"})
    yield population("code-yes.xlsx", with_row(True, "x", 5), {"I11"})
    yield population("code-error.xlsx", with_row(("formula", "=NA()", "#N/A"), "x", 5), {"I11"})
    yield population("code-scientific.csv", text([HEAD, *ROWS, ("1E+05", "x", 5)]), {"I11"})
    yield population("code-scientific.xlsx", with_row("1.2E+05", "x", 5), {"I11"})
    yield population("code-blank.xlsx", with_row("", "x", 5), {"I12"})
    yield population("code-spaces.csv", text([HEAD, *((f" {c}\u00a0", n, p) for c, n, p in ROWS)]), {"I35"}, GOOD)
    yield population("code-case.csv", text([HEAD, *ROWS, ("00c", "x", 5)]), {"I14"})
    yield population("code-long.csv", text([HEAD, *ROWS, ("X" * 101, "x", 5)]), {"I13"})
    yield population("code-zero-width.csv", text([HEAD, *ROWS, ("99\u200bA", "x", 5)]), {"I13"})
    yield population("code-control.xlsx", with_row("99A\x07", "x", 5), {"I13"})
    yield population("code-escaped-return.xlsx", with_row("99A_x000D_", "x", 5), {"I35"}, GOOD | {"99A": 5.0})
    yield population("code-formula-text.csv", text([HEAD, *ROWS, ("=1+1", "x", 5)]), (), GOOD | {"=1+1": 5.0})
    yield population("name-cmd.csv", text([HEAD, *ROWS, ("99A", "=cmd|' /C calc'!A0", 5)]), (), GOOD | {"99A": 5.0})
    yield population("name-control.csv", text([HEAD, *ROWS, ("99A", "a\x1b[2Jb", 5)]), {"I13"})
    yield population("name-10000.csv", text([HEAD, *ROWS, ("99A", "n" * 10_000, 5)]), {"I13"})
    yield population("heading-10000.csv", text([[*HEAD, "h" * 10_000], *((*row, 1) for row in ROWS)]), (), GOOD)
    yield population("figure-error.xlsx", with_row("99A", "x", ("formula", "=NA()", "#N/A")), {"I16"})
    yield population("figure-div.xlsx", with_row("99A", "x", ("formula", "=1/0", "#DIV/0!")), {"I16"})
    yield population("figure-never-stored.xlsx", with_row("99A", "x", ("formula", "=1+1", "")), {"I16"})
    stored = GOOD | {"99A": 5.0}
    yield population("figure-stored.xlsx", with_row("99A", "x", ("formula", "=2+3", 5)), (), stored)
    yield population("figure-date.xlsx", with_row("99A", "x", date(2014, 4, 1)), {"I16"})
    yield population("figure-yes.xlsx", with_row("99A", "x", True), {"I16"})
    yield population("figure-blank.xlsx", with_row("99A", "x", None), {"I17"})
    yield population("figure-blank.csv", text([HEAD, *ROWS, ("99A", "x", "")]), {"I17"})
    yield population("figure-negative.xlsx", with_row("99A", "x", -5), {"I18"})
    yield population("figure-huge.xlsx", with_row("99A", "x", 1e300), {"I16"})
    many = [(f"A{number:04}", "x", 10) for number in range(1100)]
    yield population("late-text.xlsx", book([HEAD, *many, ("B0001", "x", "n/a")]), {"I16"})
    yield population("late-text.csv", text([HEAD, *many, ("B0001", "x", "n/a")]), {"I16"})
    yield population("same-row-twice.csv", text([HEAD, *ROWS, ROWS[0]]), {"I15"})
    yield population("conflicting-rows.csv", text([HEAD, *ROWS, ("00C", "x", 5)]), {"I15"})
    yield population("nan.parquet", parquet({"org_code": ["00C"], HEAD[2]: [float("nan")]}), {"I16"})
    yield population("inf.parquet", parquet({"org_code": ["00C"], HEAD[2]: [float("inf")]}), {"I16"})
    yield population("codes-int.parquet", parquet({"org_code": [7], HEAD[2]: [5]}), {"I11"})
    yield population("nested.parquet", parquet({"org_code": ["00C"], HEAD[2]: [[5]]}), {"I16"})
    yield population("bytes.parquet", parquet({"org_code": ["00C"], HEAD[2]: [b"5"]}), {"I16"})
    columns = {name: [row[at] for row in ROWS] for at, name in enumerate(HEAD)}
    yield population("good.parquet", parquet(columns), (), GOOD)
    yield population("damaged.parquet", parquet(columns)[:-9], {"I01"})
    yield population("not.parquet", b"PAR1 not", {"I01"})


def marks():
    """Footnote marks, words for a missing code, and a formula that no program calculated."""

    def with_row(*cells):
        return book([HEAD, *ROWS, cells])

    yield population("figure-never-calculated.xlsx", with_row("99A", "x", ("formula", "=2+3", 0)), {"I60"})
    yield population("figure-marked.xlsx", with_row("99A", "x", "5²"), {"I16"})
    yield population("name-marked.csv", text([HEAD, *ROWS, ("99A", "Cedar²", 5)]), {"I59"}, GOOD | {"99A": 5.0})
    yield population("code-marked.csv", text([HEAD, *ROWS, ("00C [note 1]", "x", 5)]), {"I13"})
    yield population("code-null.csv", text([HEAD, *ROWS, ("NULL", "x", 5)]), {"I12"})


def workbooks():
    """Workbooks as people make them."""
    plain = book([HEAD, *ROWS])

    def other_sheet(name, rows):
        def write(workbook):
            sheet = workbook.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)

        return write

    def merged_title(workbook, sheet):
        sheet.merge_range("A1:C1", "Table 1: patients", workbook.add_format({"bold": True}))

    def hide(_workbook, sheet):
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column("B:B", None, None, {"hidden": True})

    def merge_down(workbook, sheet):
        sheet.merge_range("B2:B3", "Darlington", workbook.add_format())

    yield population("merged-title.xlsx", book([[], HEAD, *ROWS], after=merged_title), {"I39"}, GOOD)
    yield population("hidden.xlsx", book([HEAD, *ROWS], after=hide), {"I45"}, GOOD)
    yield population("merged-cells.xlsx", book([HEAD, *ROWS], after=merge_down), {"I46"}, GOOD)
    front = other_sheet("Contents", [["Contents"], ["Data: the data"]])
    yield population("contents-sheet.xlsx", book([HEAD, *ROWS], before=front), {"I04"}, GOOD)
    second = other_sheet("Old", [HEAD, ROWS[0]])
    yield population("two-tables.xlsx", book([HEAD, *ROWS], before=second), {"I04"})
    yield population("named-sheet.xlsx", book([HEAD, *ROWS], before=second), (), GOOD, sheet="Data")
    yield population("no-such-sheet.xlsx", plain, {"I04"}, sheet="Dta")
    yield population("right-of-table.xlsx", book([HEAD, (*ROWS[0], None, "see note"), *ROWS[1:]]), {"I05"}, GOOD)


def hostile():
    """Files that are not workbooks, and workbooks that are damaged or hostile."""
    plain = book([HEAD, *ROWS])
    yield population("password.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, {"I01"})
    yield population("text-called-xlsx.xlsx", text([HEAD, *ROWS]), {"I01"})
    yield population("empty.xlsx", b"", {"I01"})
    yield population("nothing-in-it.xlsx", book([]), {"I03"})
    yield population("cut.xlsx", plain[: len(plain) // 2], {"I01"})
    yield population("cut-sheet.xlsx", rezipped(plain, {SHEET: lambda part: part[:-60]}), {"I01"})
    yield population("no-sheet.xlsx", rezipped(plain, drop={SHEET}), {"I01"})
    yield population("no-workbook.xlsx", rezipped(plain, drop={"xl/workbook.xml"}), {"I01"})
    yield population("no-relations.xlsx", rezipped(plain, drop={"xl/_rels/workbook.xml.rels"}), {"I01"})
    yield population("no-texts.xlsx", rezipped(plain, drop={"xl/sharedStrings.xml"}), {"I01"})
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    for part in (SHEET, "xl/workbook.xml", "xl/sharedStrings.xml"):
        evil = rezipped(plain, {part: lambda xml: re.sub(rb"(\?>\s*)", rb"\1" + laughs, xml, count=1)})
        yield population(f"entities-{Path(part).stem}.xlsx", evil, {"I01"})
    slip = [("../../evil.xml", "<x/>")]
    yield population("zip-slip.xlsx", rezipped(plain, extra=slip), {"I01"})
    yield population("absolute-part.xlsx", rezipped(plain, extra=[("/etc/evil.xml", "<x/>")]), {"I01"})
    yield population("same-part-twice.xlsx", rezipped(plain, extra=[(SHEET, "<worksheet/>")]), {"I01"})
    links = [("xl/externalLinks/externalLink1.xml", "<externalLink/>")]
    yield population("external-links.xlsx", rezipped(plain, extra=links), {"I47"}, GOOD)
    deep = [("xl/deep.xml", b"<a>" * 100_000 + b"</a>" * 100_000)]
    yield population("deep-part.xlsx", rezipped(plain, extra=deep), (), GOOD)
    nest = {SHEET: lambda part: part.replace(b"<sheetData>", b"<a>" * 50_000 + b"</a>" * 50_000 + b"<sheetData>")}
    yield population("deep-sheet.xlsx", rezipped(plain, nest), (), GOOD)
    for part in (SHEET, "xl/sharedStrings.xml"):
        yield population(f"bomb-{Path(part).stem}.xlsx", partial(bomb, plain, part), {"I01"})
    yield population("million-blank-rows.xlsx", partial(million_rows, plain), (), GOOD)
    styled = b'<row r="1048576">' + b'<c r="XFD1048576" s="0"/></row>'
    yield population("blank-last-cell.xlsx", rezipped(plain, {SHEET: _into_sheet(styled)}), (), GOOD)
    last = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    yield population("last-cell.xlsx", rezipped(plain, {SHEET: _into_sheet(last)}), {"I01"})
    wide = [[*HEAD, *(f"h{number}" for number in range(16_381))], *ROWS]
    yield population("16384-columns.xlsx", partial(book, wide), (), GOOD)
    prefixed = {SHEET: _prefixed}
    yield population("prefixed.xlsx", rezipped(plain, prefixed), (), GOOD)
    lying = _with_size(plain, 10)
    yield population("lying-size.xlsx", lying, {"I01"})
    yield population("macro-text.xlsx", book([HEAD, *ROWS, ("99A", '=HYPERLINK("x")', 5)]), (), GOOD | {"99A": 5.0})


def bomb(plain, part):
    """A small workbook with one part that unpacks to 147 MB."""
    return rezipped(plain, {part: lambda xml: xml + b" " * 147_000_000})


def million_rows(plain):
    """A workbook with the most rows possible, nearly all with only a style."""
    rows = b"".join(b'<row r="%d" s="5" customFormat="1"/>' % number for number in range(6, 1_048_577))
    return rezipped(plain, {SHEET: _into_sheet(rows)})


def _into_sheet(row):
    return lambda part: part.replace(b"</sheetData>", row + b"</sheetData>")


def _prefixed(xml):
    """The same XML with a prefix to every name, as some programs write it."""
    head, _, body = xml.partition(b"<worksheet")
    body = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", b"<worksheet" + body)
    return head + body.replace(b"xmlns=", b"xmlns:x=", 1)


def _with_size(data, size):
    """The archive with a wrong size of the sheet in its directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.getinfo(SHEET)
        true = entry.file_size.to_bytes(4, "little")
        start = archive.start_dir
    at = data.index(entry.filename.encode(), start) - 46 + 24
    assert data[at : at + 4] == true
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def between_files():
    """Problems that only two files or two years together show."""
    people = "org_code,registered_population\n00C,100000\n00D,200000\n00E,300000\n00F,400000\n00G,500000\n00H,600000\n"
    figures = {code: number * 100000.0 for number, code in enumerate(["00C", "00D", "00E", "00F", "00G", "00H"], 1)}

    def both(name, spending, finds, read=figures, **options):
        files = {"population": ("people.csv", people.encode()), "spend": (f"{name}.csv", spending.encode())}
        return Case(name, files, finds, read, options=options)

    even = "org_code,historic_spend\n" + "".join(f"{code},{2.6 * head:.0f}\n" for code, head in figures.items())
    yield both("same headings", even, set())
    yield both("totals", even, {"I37"}, figures, counts={"cost_type": ("revenue",)})
    yield both("lacking", even.replace("00H,1560000\n", ""), {"I23"}, None)
    yield both("strange", even + "99Z,5\n", {"I23"}, None)
    yield both("liverpool", even.replace("00C,260000", "00C,933000"), {"I49"})
    yield both("wiltshire", even.replace("00C,260000", "00C,50000"), {"I49"})
    lines = "org_code,category,provider,cost_type,committed,amount\n" + "".join(
        f"{code},core,CSU,revenue,yes,{2 * head:.0f}\n{code},core,in-house,capital,yes,5\n{code},other,x,revenue,no,7\n"
        for code, head in figures.items()
    )
    counts = {"cost_type": ("revenue",), "committed": ("yes",)}
    yield both("lines", lines, {"I26", "I52"}, figures, counts=counts)
    yield both("odd-word", lines.replace("00C,core,CSU,revenue", "00C,core,CSU,rev"), {"I25"}, None, counts=counts)
    none = lines.replace("00C,core,CSU,revenue,yes", "00C,core,CSU,capital,yes")
    yield both("none-counted", none, {"I27"}, figures, counts=counts)
    yield both("no-column", lines.replace("committed", "agreed"), {"I09"}, None, counts=counts)
    years = "year,org_code,registered_population\n2014/15,00C,100000\n{}/{},00C,{}\n"
    two = {"years": ("2014/15", "2015/16")}
    yield population("moved.csv", years.format(2015, 16, 120000), {"I48"}, {"00C": 100000.0}, options=two)
    yield population("moved-little.csv", years.format(2015, 16, 109000), (), {"00C": 100000.0}, options=two)
    yield population("year-gap.csv", years.format(2016, 17, 100000), {"I50", "I20"}, options=two)
    yield population("odd-year.csv", years.format(2015, 17, 100000), {"I19"}, options=two)
    yield population("other-years.csv", years.format(2013, 14, 100000), {"I21"}, {"00C": 100000.0})
    practices = "practice_code,org_code,registered_population\nA81001,00C,10\nA81002,00C,20\nA81003,00D,30\n"
    yield population("practices.csv", practices, {"I28"}, {"00C": 30.0, "00D": 30.0})
    yield population("practice-twice.csv", practices + "A81001,00C,10\n", {"I15"})
    nhs = "CCG_CODE,CODE,NUMBER_OF_PATIENTS\n00C,A81001,10\n00C,A81002,20\n00D,A81003,30\n"
    yield population("nhs-digital.csv", nhs, {"I28", "I06"}, {"00C": 30.0, "00D": 30.0})
    yield population(
        "no_patients.csv", "org_code,registered_population\n00C,0\n00D,5\n", {"I24"}, {"00C": 0.0, "00D": 5.0}
    )
    yield Case(
        "unused",
        {"population": ("p.csv", people.encode()), "extra": ("e.csv", b"org_code,x\n00C,1\n")},
        {"I38"},
        figures,
    )
    texts = "org_code,practice_code,area_team,registered_population\n00C,A81001,North,1\n00C,A81002,South,2\n"
    yield population("area-teams-differ.csv", texts, {"I30"}, {"00C": 3.0})


def cases():
    """Every case, always in the same order."""
    for kind in (notations, encodings, around, money, cells, marks, workbooks, hostile, between_files):
        yield from kind()
