"""A workbook that is only written: the sample's cells and invented formulas, with pandas and openpyxl (write-only).

start.py runs it as `plain_book.py SAMPLES OUT CELLS FORMATS FORMULAS CHARACTERS`: how many cells there are, how many of
them have a number format, how many are formulas, and the characters of all formulas together.
"""

from __future__ import annotations

import sys
from itertools import chain, cycle, islice
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

FORMATS = ("£#,##0", "#,##0", "£#,##0.00", "0.0%")
COLUMNS = 20
ROWS = 250
"""Rows of a sheet."""


def main(folder: Path, out: Path, cells: int, formats: int, formulas: int, characters: int) -> None:
    """Read the sample, and write sheets until the workbook has as many cells; formulas come first."""
    files = ("england-2014-15-population.csv", "england-2014-15-spend.csv")
    tables = [pd.read_csv(folder / file, dtype={"org_code": str}) for file in files]
    values = cycle([value for table in tables for row in table.to_numpy().tolist() for value in row])
    contents = chain((formula(number, characters // formulas) for number in range(formulas)), values)
    book, written = Workbook(write_only=True), 0
    while written < cells:
        sheet = book.create_sheet()
        for _ in range(ROWS):
            row = []
            for content in islice(contents, min(COLUMNS, cells - written)):
                cell = WriteOnlyCell(sheet, content)
                if written < formats:
                    cell.number_format = FORMATS[written % len(FORMATS)]
                row.append(cell)
                written += 1
            sheet.append(row)
    book.save(out)


def formula(number: int, length: int) -> str:
    """Return a formula with a number of characters, different from its neighbours."""
    start = f"=ROUND(A{number + 2}*B{number + 2},2)"
    return start + "+1" * ((length - len(start)) // 2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
