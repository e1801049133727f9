"""The sample's allocation as an analyst writes it by hand: figures with Polars, sheets with XlsxWriter.

writing.py runs it as `by_hand.py SAMPLES OUT CELLS FORMULAS`. It repeats the sheets of the years, under other names,
until the workbook has FORMULAS formulas, and the input tables until it has CELLS cells.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import xlsxwriter

if TYPE_CHECKING:
    from xlsxwriter.format import Format

YEARS = {"2014-15": 1.0, "2015-16": 0.5}
"""Share of transition need supported in each year."""
BUDGET, FUND = 140_000_000, 20_000_000
INPUTS = "'Population and spend'"


def read(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return CCGs with their registered population and committed revenue spend, and the lines of spend."""
    people = pl.read_csv(folder / "england-2014-15-population.csv", schema_overrides={"org_code": pl.String})
    lines = pl.read_csv(folder / "england-2014-15-spend.csv", schema_overrides={"org_code": pl.String})
    counts = (pl.col("cost_type") == "revenue") & (pl.col("committed") == "yes")
    spend = lines.filter(counts).group_by("org_code").agg(pl.col("amount").sum().alias("spend"))
    table = people.join(spend, on="org_code", how="left").with_columns(pl.col("spend").fill_null(0)).sort("org_code")
    return table.select("org_code", "org_name", "area_team", "registered_population", "spend"), lines


def rounded(name: str) -> list[pl.Expr]:
    """Return whole pounds, remainder, rank, and the column rounded by largest remainder."""
    whole = pl.col(name).floor()
    remainder = (pl.col(name) - whole).round(6)
    rank = remainder.rank("ordinal", descending=True)
    left = pl.col(name).sum().round(0) - whole.sum()
    return [
        whole.alias(f"{name} whole"),
        remainder.alias(f"{name} remainder"),
        rank.alias(f"{name} rank"),
        (whole + (rank <= left).cast(pl.Int64)).alias(f"{name} rounded"),
    ]


def allocate(table: pl.DataFrame, share: float) -> pl.DataFrame:
    """Return fair shares, support from the transition fund, and allocations of one year."""
    people, spend = pl.col("registered_population"), pl.col("spend")
    table = table.with_columns(fair=BUDGET * people / people.sum(), cost=spend / people)
    table = table.with_columns(*rounded("fair"))
    above = pl.col("cost") - spend.sum() / people.sum() > 1e-12
    need = pl.when(above).then(share * (spend - pl.col("fair rounded")).clip(lower_bound=0)).otherwise(0.0)
    table = table.with_columns(need=need)
    table = table.with_columns(support=pl.col("need") * pl.min_horizontal(1.0, FUND / pl.col("need").sum()))
    table = table.with_columns(*rounded("support"))
    table = table.with_columns(allocation=pl.col("fair rounded") + pl.col("support rounded"))
    return table.with_columns(
        change=pl.col("allocation") - spend,
        rate=pl.col("allocation") / people,
        before=spend / people,
        gain=(pl.col("allocation") - spend) / people,
        distance=pl.col("allocation") / pl.col("fair rounded") - 1,
    )


def formulas(row: int, last: int, year: int) -> dict[str, str]:
    """Return the formula of each column of a year's sheet, from column C on in this order."""
    people, spend = f"{INPUTS}!$D{row}", f"{INPUTS}!$E{row}"
    all_people, all_spend = f"SUM({INPUTS}!$D$2:$D${last})", f"SUM({INPUTS}!$E$2:$E${last})"
    parameter = "BC"[year]
    return {
        "fair": f"=Parameters!${parameter}$2*{people}/{all_people}",
        "cost": f"=IF({people}>0,{spend}/{people},0)",
        "fair whole": f"=INT(ROUND($C{row},6))",
        "fair remainder": f"=ROUND(ROUND($C{row},6)-$E{row},6)",
        "fair rank": f"=RANK($F{row},$F$2:$F${last})+COUNTIF($F$2:$F{row},$F{row})-1",
        "fair rounded": f"=$E{row}+IF($G{row}<=ROUND(SUM($C$2:$C${last}),0)-SUM($E$2:$E${last}),1,0)",
        "need": f"=IF($D{row}-{all_spend}/{all_people}>0.000000000001,"
        f"Parameters!${parameter}$4*MAX(0,{spend}-$H{row}),0)",
        "support": f"=$I{row}*MIN(1,Parameters!${parameter}$3/SUM($I$2:$I${last}))",
        "support whole": f"=INT(ROUND($J{row},6))",
        "support remainder": f"=ROUND(ROUND($J{row},6)-$K{row},6)",
        "support rank": f"=RANK($L{row},$L$2:$L${last})+COUNTIF($L$2:$L{row},$L{row})-1",
        "support rounded": f"=$K{row}+IF($M{row}<=ROUND(SUM($J$2:$J${last}),0)-SUM($K$2:$K${last}),1,0)",
        "allocation": f"=$H{row}+$N{row}",
        "change": f"=$O{row}-{spend}",
        "rate": f'=IF({people}>0,$O{row}/{people},"no patients")',
        "before": f'=IF({people}>0,{spend}/{people},"no patients")',
        "gain": f'=IF({people}>0,($O{row}-{spend})/{people},"no patients")',
        "distance": f'=IF($H{row}>0,$O{row}/$H{row}-1,"no fair share")',
    }


class Book:
    """A workbook that counts its cells and formulas, up to a maximum of each."""

    def __init__(self, path: Path, cells: int, live: int) -> None:
        self.file = xlsxwriter.Workbook(path)
        self.cells, self.formulas, self.most_cells, self.most_formulas = 0, 0, cells, live
        self.money = self.file.add_format({"num_format": "£#,##0"})
        self.pence = self.file.add_format({"num_format": "£#,##0.00"})
        self.bold = self.file.add_format({"bold": True})

    def table(self, name: str, frame: pl.DataFrame) -> None:
        """Write a table of plain values."""
        sheet = self.file.add_worksheet(name)
        sheet.write_row(0, 0, frame.columns, self.bold)
        self.cells += len(frame.columns)
        for row, values in enumerate(frame.rows(), 1):
            if self.cells + self.most_formulas - self.formulas >= self.most_cells:
                return
            sheet.write_row(row, 0, values)
            self.cells += len(values)

    def year(self, name: str, frame: pl.DataFrame, number: int) -> None:
        """Write a sheet of formulas with their values."""
        sheet, last = self.file.add_worksheet(name), frame.height + 1
        sheet.set_column(1, 1, 40)
        sheet.set_column(2, 20, 14)
        sheet.write_row(0, 0, ["Code", "Name", *formulas(2, last, number)], self.bold)
        for row, values in enumerate(frame.rows(named=True), 2):
            sheet.write(row - 1, 0, values["org_code"])
            sheet.write(row - 1, 1, values["org_name"])
            self.cells += 2
            for column, (step, formula) in enumerate(formulas(row, last, number).items(), 2):
                if self.formulas == self.most_formulas:
                    return
                sheet.write_formula(row - 1, column, formula, self.look(step), values[step])
                self.cells, self.formulas = self.cells + 1, self.formulas + 1

    def look(self, step: str) -> Format | None:
        """Return the format of a step."""
        if step in ("cost", "rate", "before", "gain", "fair", "support"):
            return self.pence
        return None if "remainder" in step or "rank" in step or step == "distance" else self.money


def main(folder: Path, out: Path, cells: int, live: int) -> None:
    """Read, allocate and write."""
    table, lines = read(folder)
    book = Book(out, cells, live)
    sheet = book.file.add_worksheet("Parameters")
    rows: list[list[Any]] = [
        ["Parameter", *YEARS],
        ["Budget", BUDGET, BUDGET],
        ["Fund", FUND, FUND],
        ["Share", *YEARS.values()],
    ]
    for row, values in enumerate(rows):
        sheet.write_row(row, 0, values)
    book.table("Population and spend", table)
    book.table("Lines", lines)
    results = {year: allocate(table, share) for year, share in YEARS.items()}
    for copy in count(1):
        for number, (year, frame) in enumerate(results.items()):
            if book.formulas < live:
                book.year(year if copy == 1 else f"{year} ({copy})", frame, number)
        if book.formulas == live:
            break
    for copy in count(2):
        if book.cells + len(lines.columns) > cells:
            break
        book.table(f"Lines ({copy})", lines)
    book.file.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
