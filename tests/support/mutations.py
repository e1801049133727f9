"""Valid files with units, marks, placeholders, levels and merged headings added, by seed.

The generator knows every figure: a file that is read must give exactly these, and a file with a harmless mutation
should be read.
"""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass, field

import xlsxwriter

CODES = [f"{number:02}{letter}" for number in range(1, 14) for letter in "CDFGHJKLMNPQRTVWXY"]
NAMES = ("Alder", "Birch & Bramble", "Cedar, East", "Damson", "St Elder's", "Fir Vale", "Gorse", "Hazel (North)")

HARMLESS_MONEY = [
    # heading, unit of its figures
    ("GP IT spend (£)", 1),
    ("GP IT spend (£, net of VAT)", 1),
    ("GP IT spend (£) (outturn)", 1),
    ("GP IT spend, 2014/15 prices", 1),
    ("GP IT spend (£k)", 1_000),
    ("GP IT spend (£'000, revenue)", 1_000),
    ("GP IT spend £ thousands", 1_000),
    ("GP IT spend (£m, 2014/15 prices)", 1_000_000),
    ("GP IT spend (£mill)", 1_000_000),
    ("GP IT spend (£ million, provisional)", 1_000_000),
]
DOUBTFUL_MONEY = [
    ("GP IT spend (m)", 1_000_000),
    ("GP IT spend (M£)", 1_000_000),
    ("GP IT spend (tsd)", 1_000),
    ("GP IT spend (£00)", 100),
    ("gp_it_spend_k", 1_000),
    ("gp_it_spend_mill", 1_000_000),
    ("GP IT spend (hundreds)", 100),
]
HARMLESS_PEOPLE = [
    ("Registered patients (people)", 1),
    ("Registered patients (1 April 2014)", 1),
    ("Registered patients, all ages", 1),
    ("Registered patients (000s)", 1_000),
    ("Registered patients (k)", 1_000),
    ("Registered patients (thousands)", 1_000),
]
DOUBTFUL_PEOPLE = [
    ("Registered patients (hundreds)", 100),
    ("Registered patients (m)", 1_000_000),
    ("Registered patients (x1000)", 1_000),
]
MARKS = ["*", " [note 1]", "[1]", "¹", " (a)", "†", " [r]", "²³"]
PLACEHOLDERS = [
    "NULL", "N/A", "None", "nan", "\\N", "(blank)", "Unknown", "n/k", "TBC", "Unallocated", "Not known", "-", "?",
    "#N/A", "n.a.", "Unassigned", "missing",
]  # fmt: skip
_OTHER = {"population": "spend", "spend": "population"}
HEADING_MARKS = [" [note 1]", " [note 2]", "*", "¹", " †"]


@dataclass
class Files:
    """A pair of files and their figures."""

    seed: int
    changes: list[str] = field(default_factory=list)
    harmless: bool = True
    people: dict[str, float] = field(default_factory=dict)
    pounds: dict[str, float] = field(default_factory=dict)
    population: tuple[str, bytes] = ("", b"")
    spend: tuple[str, bytes] = ("", b"")
    mapping: dict[str, str] = field(default_factory=dict)


@dataclass
class Table:
    """One file before it is written: its cells may be texts with a superscript run."""

    heading: str
    rows: list[list]
    code_heading: str = "CCG code"
    name_heading: str = "CCG name"
    above: list[list] = field(default_factory=list)
    below: list[list] = field(default_factory=list)
    merged: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    workbook: bool = False


@dataclass(frozen=True)
class Raised:
    """A cell with superscript characters at its end."""

    text: str
    raised: str


def mutated(seed):
    """Return the files for a seed, the same on every machine."""
    draw = random.Random(seed)
    files = Files(seed)
    codes = draw.sample(CODES, draw.randint(8, 40))
    # Multiples of 1,000, so that figures in thousands or millions are exact.
    files.people = {code: 1_000.0 * draw.randint(60, 900) for code in codes}
    files.pounds = {code: 1_000.0 * draw.randint(100, 3_000) for code in codes}
    names = {code: f"{draw.choice(NAMES)} {number}" for number, code in enumerate(codes)}
    tables = {
        role: Table(heading, [[code, names[code], figures[code]] for code in codes])
        for role, heading, figures in (
            ("population", "Registered patients", files.people),
            ("spend", "GP IT spend", files.pounds),
        )
    }
    changes = draw.sample(
        [_units, _marks, _placeholders, _levels, _merged], draw.choices([1, 2, 3], weights=[6, 3, 1])[0]
    )
    for change in changes:
        change(draw, files, tables, draw.choice(["population", "spend"]))
    for role, column in (("population", "registered_population"), ("spend", "historic_spend")):
        files.mapping[tables[role].heading] = column
        name, data = _file_of(draw, tables[role])
        setattr(files, role, (f"{role}{seed}.{name}", data))
    return files


def _units(draw, files, tables, role):
    table = tables[role]
    lists = {"spend": (HARMLESS_MONEY, DOUBTFUL_MONEY), "population": (HARMLESS_PEOPLE, DOUBTFUL_PEOPLE)}[role]
    doubtful = draw.random() < 0.3
    heading, size = draw.choice(lists[doubtful])
    if role == "spend" and not doubtful and draw.random() < 0.25:
        scale, size = draw.choice([("£000", 1_000), ("£m", 1_000_000)])
        table.above.append([draw.choice([f"All figures in {scale}", f"GP IT spend, {scale}", scale])])
    else:
        table.heading = heading
    files.harmless &= not doubtful
    files.changes.append(f"{role}: {table.heading}")
    for row in [*table.rows, *table.below]:
        if isinstance(row[2], float):
            row[2] = row[2] / size


def _marks(draw, files, tables, role):
    table = tables[role]
    row = draw.choice(table.rows)
    mark = draw.choice(MARKS)
    kind = draw.choice(
        ["heading", "raised heading", "name", "raised name", "code", "raised code", "figure", "raised figure"]
    )
    files.changes.append(f"{role}: {kind} {mark}")
    table.workbook |= kind.startswith("raised")
    files.harmless &= kind.endswith(("heading", "name"))
    if kind == "heading":
        # The column must be recognised without --map, so its mark must be recognised as a mark.
        table.code_heading += draw.choice(HEADING_MARKS)
    elif kind == "raised heading":
        table.code_heading = Raised(table.code_heading, draw.choice("123ab"))
    elif kind == "name":
        row[1] = f"{row[1]}{mark}"
    elif kind == "raised name":
        row[1] = Raised(row[1], draw.choice("123"))
    elif kind == "code":
        for marked_row in [row, *(other for other in tables[_OTHER[role]].rows if other[0] == row[0])][
            : draw.randint(1, 2)
        ]:
            marked_row[0] = f"{marked_row[0]}{mark}"
    elif kind == "raised code":
        row[0] = Raised(row[0], draw.choice("123"))
    elif kind == "figure":
        row[2] = f"{row[2]:.15g}{mark}"
    else:
        row[2] = Raised(f"{row[2]:.15g}", draw.choice("123"))


def _placeholders(draw, files, tables, role):
    table = tables[role]
    placeholder = draw.choice(PLACEHOLDERS)
    in_name = draw.random() < 0.3
    files.changes.append(f"{role}: {placeholder} {'as a name' if in_name else 'as a code'}")
    if in_name:
        draw.choice(table.rows)[1] = placeholder if placeholder != "#N/A" else "n/a"
    else:
        # Money or people without an organisation: a run must not give them to an organisation with that name.
        files.harmless = False
        for changed_table in tables.values() if draw.random() < 0.7 else [table]:
            changed_table.rows.insert(
                draw.randrange(len(changed_table.rows) + 1), [placeholder, "", float(draw.randint(2, 90) * 1_000)]
            )


def _levels(draw, files, tables, role):
    kind = draw.choice(["total", "subtotals", "area teams", "parents above"])
    size = draw.randint(4, 9)
    for name in tables if draw.random() < 0.6 else [role]:
        _add_levels(draw, files, tables[name], kind, size)
        files.changes.append(f"{name}: {kind}")


def _add_levels(draw, files, table, kind, size):
    """Add sums among the rows: the same groups by position in each file."""
    rows = [row for row in table.rows if isinstance(row[2], float)]
    if len(rows) < len(table.rows):
        return
    total = sum(row[2] for row in rows)
    if kind == "total":
        table.below.append([draw.choice(["Total", "England", "Grand total"]), "", total])
        return
    groups, at = [], 0
    while at < len(rows):
        groups.append(rows[at : at + size])
        at += size
    if len(groups[-1]) < 2:
        last = groups.pop()
        groups[-1] += last
    marked = []
    for number, group in enumerate(groups):
        amount = sum(row[2] for row in group)
        if kind == "subtotals":
            marked += [*group, [f"Sub-total {number + 1}", "", amount]]
        elif kind == "area teams":
            files.harmless = False
            marked += [*group, [f"Q{44 + number}", f"Area team {number}", amount]]
        else:
            files.harmless = False
            marked += [[f"Q{44 + number}", f"Area team {number}", amount], *group]
    table.rows = marked


def _merged(draw, files, tables, role):
    table = tables[role]
    table.workbook = True
    kind = draw.choice(["title", "groups", "over two columns of figures"])
    files.changes.append(f"{role}: merged {kind}")
    if kind == "title":
        table.above.insert(0, [f"Table 1: {role} by CCG"])
        table.merged.append((0, 0, 0, 2, table.above[0][0]))
    elif kind == "groups":
        table.above.append(["Organisation", "", "Figures"])
        at = len(table.above) - 1
        table.merged.append((at, 0, at, 1, "Organisation"))
    else:
        files.harmless = False
        for row in table.rows:
            row.append(7_000.0)
        table.merged.append((-1, 2, -1, 3, ""))


def _file_of(draw, table):
    grid = [*table.above, [table.code_heading, table.name_heading, table.heading], *table.rows, *table.below]
    if table.workbook or draw.random() < 0.4:
        return "xlsx", _workbook(grid, [_placed(merge, table) for merge in table.merged])
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(
        [f"{cell:.15g}" if isinstance(cell, float) else cell for cell in row] for row in grid
    )
    return "csv", stream.getvalue().encode()


def _placed(merge, table):
    top, left, _, right, text = merge
    row = len(table.above)
    if top < 0:
        return row, left, row, right, table.heading
    # A unit may have been added above or below a title that was merged before.
    at = next(index for index, cells in enumerate(table.above) if cells[0] == text)
    return at, left, at, right, text


def _workbook(grid, merged):
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "nan_inf_to_errors": True})
    sheet = book.add_worksheet("Data")
    raised = book.add_format({"font_script": 1})
    for row, cells in enumerate(grid):
        for column, cell in enumerate(cells):
            if isinstance(cell, Raised):
                sheet.write_rich_string(row, column, cell.text, raised, cell.raised)
            elif isinstance(cell, float):
                sheet.write_number(row, column, cell)
            elif cell:
                sheet.write_string(row, column, cell)
    for top, left, bottom, right, text in merged:
        sheet.merge_range(top, left, bottom, right, text)
    book.close()
    return stream.getvalue()
