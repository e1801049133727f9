"""The sheets around the calculation: About, Summary, Parameters, Inputs, Checks, and what it rests on."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.inputs import day_in_words
from gpit_fairshare.language import ORGANISATION, group
from gpit_fairshare.language import in_excel as x
from gpit_fairshare.summary import BASELINE, NO_CHANGE, PEOPLE, SUPPORT
from gpit_fairshare.workbook.layout import INPUTS, PARAMETERS, Layout, number_format, sheet_name
from gpit_fairshare.workbook.sheets import FIRST_ROW, NOTE_ROW, Sheet, letter, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from gpit_fairshare.engine import Effect, Fund
    from gpit_fairshare.scheme import Parameter

SPEND_LINES: Final = "Spend lines"
CHECKS: Final = "Checks"
READING: Final = (
    "Inputs and Parameters hold values; every other figure is a live formula on them. Change an input or a parameter "
    "and recalculate. Year sheets have a row per organisation and a column per step, in the order of the scheme; "
    "Workings hold what rounding and sharing need."
)
OVERALL: Final = f"{CHECKS}!$C$2"


def parameters_sheet(layout: Layout) -> Sheet:
    """Return every parameter with its value, and source or assumption, for each year."""
    sheet = Sheet(PARAMETERS, "Parameters", "Inputs: change a value here and the workbook follows.")
    for heading, width in (("Parameter", 42), ("Name", 24), ("Unit", 12), ("Minimum", 14), ("Maximum", 14)):
        sheet.heading(heading, width)
    for year in layout.years:
        sheet.heading(year, 18)
    for year in layout.years:
        sheet.heading(f"Source or assumption {year}", 70, wrap=True)
    for name, parameter in layout.scheme.parameters.items():
        row = layout.parameter_rows[name]
        words = (parameter.label, name, parameter.unit or "", parameter.minimum, parameter.maximum)
        for column, text in enumerate(words, 1):
            sheet.put(row, column, text)
        values = [value.value for value in parameter.values.values()]
        for index, year in enumerate(layout.years):
            value = parameter.values[year]
            sheet.put(row, 6 + index, value.value, None, number_format(parameter.unit, values))
            sheet.put(row, 6 + len(layout.years) + index, _origin(parameter, year))
    return sheet


def _origin(parameter: Parameter, year: str) -> str:
    value = parameter.values[year]
    if value.source:
        return f"Source: {value.source}. {value.source.url}".strip()
    return f"Assumption: {value.assumption}"


def inputs_sheet(layout: Layout) -> Sheet:
    """Return the checked inputs, a row per year and organisation, and remember where each cell stands."""
    scheme, result = layout.scheme, layout.result
    sheet = Sheet(
        INPUTS,
        "Inputs",
        f"{layout.illustrative}Values as read and checked; the year sheets refer to these cells.",
    )
    for heading, width in (("Year", 10), ("Code", 9), ("Name", 40)):
        sheet.heading(heading, width)
    names = [symbol.name for symbol in scheme.inputs]
    if scheme.report_by and scheme.report_by not in names:
        names.insert(0, scheme.report_by)
    names = [name for name in names if any(name in year.organisations.columns for year in result.years.values())]
    for name in names:
        unit = scheme.symbols[name].unit if name in scheme.symbols else None
        sheet.heading(scheme.labels.get(name, name) + (f" ({unit})" if unit else ""), 22)
    where = sheet.heading("Where from", 60)
    olds = _predecessors(layout)
    before = sheet.heading("Predecessors", 40) if olds else 0
    lines = _lines_of(layout)
    row = FIRST_ROW
    units = {name: scheme.symbols[name].unit if name in scheme.symbols else None for name in names}
    for year in result.years.values():
        frame = year.organisations
        columns = {name: frame[name].to_list() if name in frame.columns else [None] * frame.height for name in names}
        formats = {
            name: "number" if any(isinstance(one, str) for one in column) else number_format(units[name], column)
            for name, column in columns.items()
        }
        for index, (code, title) in enumerate(frame.select("org_code", "org_name").iter_rows()):
            for column, value in enumerate((year.year, code, title), 1):
                sheet.put(row, column, value)
            for column, name in enumerate(names, 4):
                formula = lines.get((year.year, code)) if name == BASELINE else None
                sheet.put(row, column, columns[name][index], formula, formats[name])
                layout.input_cells[year.year, code, name] = f"{INPUTS}!${letter(column)}${row}"
            places = dict.fromkeys(result.inputs.origins.get((year.year, code, name), "") for name in names)
            sheet.put(row, where, "; ".join(place for place in places if place))
            if before:
                sheet.put(row, before, ", ".join(olds.get((year.year, code), [])))
            row += 1
    return sheet


def _predecessors(layout: Layout) -> dict[tuple[str, str], list[str]]:
    """Return, by year and organisation, the closed ones whose money or people were counted with it."""
    found: dict[tuple[str, str], set[str]] = {}
    for moved in layout.result.inputs.restated:
        found.setdefault((moved.year, moved.successor), set()).add(moved.predecessor)
    return {key: sorted(codes) for key, codes in found.items()}


def spend_lines_sheet(layout: Layout) -> Sheet | None:
    """Return the lines of cost with the live rule of which count, or None where the spend has no lines."""
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return None
    sheet = Sheet(
        SPEND_LINES,
        "Lines of spend",
        f"{layout.illustrative}Counts is live: the scheme's rule applied to the line.",
    )
    headings = (
        ("Code", 9),
        ("Year", 10),
        ("Amount (£)", 16),
        ("Category", 16),
        ("Cost type", 14),
        ("Committed", 14),
        ("Basis", 14),
    )
    for heading, width in headings:
        sheet.heading(heading, width)
    counts = sheet.heading("Counts", 12)
    before = sheet.heading("Predecessor", 14) if lines["predecessor"].count() else 0
    column_of = {"category": 4, "cost_type": 5, "committed": 6}
    for row, line in enumerate(_sorted_lines(lines).iter_rows(named=True), FIRST_ROW):
        values = (
            line["org_code"],
            line["year"],
            line["amount"],
            line["category"],
            line["cost_type"],
            line["committed"],
            line["basis"],
        )
        for column, value in enumerate(values, 1):
            number = "pence" if column == 3 and value != math.floor(value) else "£" if column == 3 else "number"
            sheet.put(row, column, value, None, number)
        rule = ",".join(
            "OR(" + ",".join(f"EXACT({letter(column_of[key])}{row},{x.text(text)})" for text in allowed) + ")"
            for key, allowed in layout.scheme.counts.items()
        )
        formula = f'IF(AND({rule}),"yes","no")' if rule else None
        sheet.put(row, counts, "yes" if line["counts"] else "no", formula)
        if before:
            sheet.put(row, before, line["predecessor"])
    return sheet


def _sorted_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines so that those of one organisation and year stand together, in a fixed order."""
    keys = ["org_code", "year", "category", "cost_type", "committed", "amount", "predecessor"]
    return lines.sort([name for name in keys if name in lines.columns], nulls_last=False)


def _lines_of(layout: Layout) -> dict[tuple[str, str], str]:
    """Return the formula that sums the counting lines of each year and organisation."""
    lines = layout.result.inputs.lines
    if lines is None or BASELINE not in layout.scheme.symbols:
        return {}
    blocks: dict[tuple[str, str | None], list[int]] = {}
    for row, (code, year) in enumerate(_sorted_lines(lines).select("org_code", "year").iter_rows(), FIRST_ROW):
        blocks.setdefault((code, year), []).append(row)
    predecessors: dict[tuple[str, str], list[str]] = {}
    for moved in layout.result.inputs.restated:
        if moved.column in (BASELINE, "amount") and moved.predecessor != moved.successor:
            predecessors.setdefault((moved.year, moved.successor), []).append(moved.predecessor)
    formulas = {}
    for year, one in layout.result.years.items():
        for code in one.codes():
            codes = [code, *dict.fromkeys(predecessors.get((year, code), []))]
            ranges = [rows for each in codes for key in (None, year) if (rows := blocks.get((each, key)))]
            parts = [
                f'SUMIFS({quoted(SPEND_LINES)}!$C${rows[0]}:$C${rows[-1]},{quoted(SPEND_LINES)}!$H${rows[0]}:$H${rows[-1]},"yes")'
                for rows in ranges
            ]
            formulas[year, code] = "+".join(parts) or "0"
    return formulas


def checks_sheet(layout: Layout, live: Sequence[tuple[str, str, dict[str, tuple[str, bool]]]]) -> Sheet:
    """Return every check with a live yes/no for each year, and one overall cell."""
    sheet = Sheet(CHECKS, "Checks", "Status")
    sheet.heading("Check", 60, wrap=True)
    sheet.heading("Formula", 60, wrap=True)
    for year in layout.years:
        sheet.heading(year, 14)
    holds = True
    for row, (name, formula, years) in enumerate(live, FIRST_ROW):
        sheet.put(row, 1, name)
        sheet.put(row, 2, formula)
        for column, year in enumerate(layout.years, 3):
            written, value = years[year]
            sheet.put(row, column, value, written)
            holds = holds and value
    cells = f"C{FIRST_ROW}:{letter(2 + len(layout.years))}{sheet.last_row}"
    status = status_text(holds=holds)
    # A cell that somebody emptied can make a check an error: that is no check that holds.
    live_status = f'IF(IFERROR(AND({cells}),FALSE),"{status_text(holds=True)}","{status_text(holds=False)}")'
    sheet.put(NOTE_ROW, 3, status, live_status)
    sheet.last_row = max(FIRST_ROW, FIRST_ROW + len(live) - 1)
    return sheet


def status_text(*, holds: bool) -> str:
    """Return the words of the overall cell."""
    return "All checks hold" if holds else "A check fails"


def summary_sheet(layout: Layout) -> Sheet:
    """Return the year's main figures, each a live formula on the year sheets."""
    result = layout.result
    sheet = Sheet("Summary", "Summary", f"{layout.illustrative}National figures; every one is a live formula.")
    sheet.heading("Figure", 58)
    for year in layout.years:
        sheet.heading(year, 20)
    rows: dict[str, int] = {}

    def put(label: str, year: str, formula: str, value: float, number: str) -> None:
        row = rows.setdefault(label, FIRST_ROW + len(rows))
        sheet.put(row, 1, label)
        sheet.put(row, 2 + layout.years.index(year), value, formula, number)

    noun = layout.scheme.organisation
    for year in layout.years:
        block = layout.block(ORGANISATION, year)
        answer, allocation = block.column_range(layout.scheme.result), block.values(layout.scheme.result)
        for fund in result.funds:
            if fund.year != year or not fund.parameter:
                continue
            put(f"Money in: {fund.label}", year, fund_amount(layout, fund, year), fund.amount, _money(fund.amount))
        put(
            "Money out: allocations",
            year,
            f"SUM({answer})",
            math.fsum(allocation),
            _money(math.fsum(allocation)),
        )
        for fund in result.funds:
            if fund.year == year and fund.parameter:
                formula = unspent_formula(layout, fund, year)
                put(f"Unspent: {fund.label}", year, formula, fund.unspent, _money(fund.unspent))
        if BASELINE in block.columns and not any(value is None for value in block.values(BASELINE)):
            _against_baseline(layout, year, put, noun)
        if SUPPORT in block.columns:
            support = block.values(SUPPORT)
            cells = block.column_range(SUPPORT)
            put(
                f"{noun}s that draw transition support",
                year,
                f'COUNTIF({cells},">0")',
                sum(v > 0 for v in support),
                "count",
            )
    return sheet


def _money(amount: float) -> str:
    return number_format("£", [amount])


def fund_amount(layout: Layout, fund: Fund, year: str) -> str:
    """Return a fund's amount; where every group gets a parameter's amount it is that many times as much."""
    cell = layout.parameter_cell(fund.parameter, year)
    return f"{cell}*ROWS({layout.block(group(fund.within), year).column_range(fund.within)})" if fund.within else cell


def unspent_formula(layout: Layout, fund: Fund, year: str) -> str:
    """Return what is left of a fund; where everything was shared out, a difference is rounding."""
    kind = layout.scheme.symbols[fund.step].kind
    block = layout.block(kind, year)
    amount = fund_amount(layout, fund, year)
    shared = f"SUM({block.column_range(fund.step)})"
    given = f"SUM({block.column_range(final_step(layout, fund.step))})"
    return f"IF({amount}-{shared}>1E-9*MAX(1,{amount}),MAX(0,{amount}-{given}),0)"


def areas_sheet(layout: Layout) -> Sheet | None:
    """Return totals by the scheme's `report_by` column, live; None where there is no such column."""
    column = layout.scheme.report_by
    blocks = [layout.block(ORGANISATION, year) for year in layout.years]
    if not column or not all(column in block.columns for block in blocks):
        return None
    label = layout.scheme.labels.get(column, column.replace("_", " ").capitalize())
    name = sheet_name(f"By {label}", layout.taken)
    sheet = Sheet(name, f"By {label}", f"{layout.illustrative}Totals of the year sheets; every one is a live formula.")
    sheet.heading(label, 40)
    names = sorted({text or "" for block in blocks for text in block.values(column)})
    for row, text in enumerate(names, FIRST_ROW):
        sheet.put(row, 1, text or "[not given]")
    for block in blocks:
        texts, where = [text or "" for text in block.values(column)], block.column_range(column)
        rows = {text: [row for row, one in enumerate(texts) if one == text] for text in names}

        def same(row: int, where: str = where) -> str:
            return f"EXACT({where},{f'$A{row}' if names[row - FIRST_ROW] else x.text('')})"

        cells: list[tuple[str | None, Any]] = [
            (f"SUMPRODUCT(--{same(row)})", len(rows[text])) for row, text in enumerate(names, FIRST_ROW)
        ]
        sheet.column(sheet.heading(f"{layout.scheme.organisation}s {block.year.year}", 14), cells, "count")
        for step in (PEOPLE, BASELINE, layout.scheme.result):
            values = block.values(step) if step in block.columns else [None]
            if any(value is None for value in values):
                continue
            totals = [math.fsum(values[row] or 0.0 for row in rows[text]) for text in names]
            unit = layout.scheme.symbols[step].unit
            head = f"{layout.scheme.labels[step]} {block.year.year}" + (f" ({unit})" if unit else "")
            cells = [
                (f"SUMPRODUCT({same(row)}*{block.column_range(step)})", total)
                for row, total in enumerate(totals, FIRST_ROW)
            ]
            sheet.column(sheet.heading(head, 18), cells, number_format(unit, totals))
    return sheet


def final_step(layout: Layout, step: str) -> str:
    """Return the step that rounds a `share_out`, or the `share_out` itself."""
    for one in layout.scheme.steps:
        if one.formula.startswith("rounded(") and getattr(getattr(one.tree, "of", None), "name", None) == step:
            return one.name
    return step


def _against_baseline(layout: Layout, year: str, put: Any, noun: str) -> None:
    block = layout.block(ORGANISATION, year)
    now, old = block.values(layout.scheme.result), block.values(BASELINE)
    here, there = block.column_range(layout.scheme.result), block.column_range(BASELINE)
    pairs = list(zip(now, old, strict=True))
    total = math.fsum(old)
    put("Historic spend", year, f"SUM({there})", total, _money(total))
    put(
        f"{noun}s that gain on historic spend",
        year,
        f"SUMPRODUCT(--({here}-{there}>={NO_CHANGE:g}))",
        sum(a - b >= NO_CHANGE for a, b in pairs),
        "count",
    )
    put(
        f"{noun}s that lose on historic spend",
        year,
        f"SUMPRODUCT(--({there}-{here}>={NO_CHANGE:g}))",
        sum(b - a >= NO_CHANGE for a, b in pairs),
        "count",
    )
    short = math.fsum(b - a for a, b in pairs if b - a >= NO_CHANGE)
    formula = f"SUMPRODUCT(({there}-{here}>={NO_CHANGE:g})*({there}-{here}))"
    put("Shortfall: historic spend above allocation", year, formula, short, _money(short))
    if PEOPLE in block.columns:
        people = math.fsum(block.values(PEOPLE))
        cells = block.column_range(PEOPLE)
        if people:
            put(
                "Historic spend per registered patient",
                year,
                f"SUM({there})/SUM({cells})",
                total / people,
                "£ per head",
            )
            out = math.fsum(now)
            put(
                "Allocation per registered patient",
                year,
                f"SUM({here})/SUM({cells})",
                out / people,
                "£ per head",
            )


def about_sheet(layout: Layout, sheets: Sequence[Sheet]) -> Sheet:
    """Return the first sheet: what this is, whether its checks hold, and what stands where."""
    scheme, result = layout.scheme, layout.result
    sheet = Sheet(
        "About",
        scheme.title,
        f"{layout.illustrative}Allocations by gpit_fairshare {result.manifest['gpit']}.",
    )
    sheet.heading("Item", 28)
    sheet.heading("What it says", 100, wrap=True)
    holds = result.agrees
    overrides = [f"{name} {year}: {value.written}" for name, year, value in scheme.overridden()]
    facts: list[tuple[str, str, str | None]] = [
        ("Status of the checks", status_text(holds=holds), OVERALL),
        ("Scheme", f"{scheme.name}: {scheme.title}", None),
        (
            "Formula and transition",
            f"{scheme.formula or 'own steps'}; {scheme.transition or 'no transition'}",
            None,
        ),
        ("Years", ", ".join(layout.years), None),
        *(("Boundaries", text, None) for text in _boundaries(layout)),
        (
            "Set for this run",
            "; ".join(overrides) or "Nothing: every parameter was as the scheme gives it when this was written.",
            None,
        ),
        *(("Illustrative spend", text, None) for text in result.inputs.illustrative),
        ("Assumptions", f"{len(scheme.assumptions)}, listed on the sheet Assumptions.", None),
        (
            "How to read it",
            READING,
            None,
        ),
    ]
    for row, (item, text, formula) in enumerate(facts, FIRST_ROW):
        sheet.put(row, 1, item)
        sheet.put(row, 2, text, formula)
    for row, one in enumerate(sheets, FIRST_ROW + len(facts)):
        sheet.lead(row, 1, one.name)
        sheet.put(row, 2, one.title)
    return sheet


def _boundaries(layout: Layout) -> list[str]:
    """Return the sentence that says on whose boundaries the figures are, where that was asked for."""
    day, noun = layout.result.inputs.boundaries, layout.scheme.organisation
    return [f"All figures are those of the {noun}s of {day_in_words(day)}; Findings has the mergers."] if day else []


def assumptions_sheet(layout: Layout) -> Sheet:
    """Return what is taken without a source, numbered, with what hangs on it and who answers for it."""
    note = "What is taken without a source; a reviewer begins here. The effects are values of other runs, not formulas."
    sheet = Sheet("Assumptions", "Assumptions", layout.illustrative + note)
    headings = (("Number", 9), ("About", 44), ("Parameter", 24), ("Years", 20), ("Assumption", 80))
    for heading, width in (*headings, ("Effect of a tenth less", 40), ("Effect of a tenth more", 40)):
        sheet.heading(heading, width, wrap=width >= 40)
    assumptions = layout.scheme.assumptions
    kept = [name for name in ("owner", "date", "quality", "impact") if any(getattr(one, name) for one in assumptions)]
    for name in kept:
        sheet.heading(name.capitalize(), 16)
    effects = {(one.assumption, one.change > 0): _effect(layout, one) for one in layout.result.effects}
    sheet.rows(
        [
            (
                *(one.number, one.about, one.parameter, ", ".join(one.years), one.text),
                *(
                    effects.get((one.number, more), "Not worked out." if one.parameter else "No number to move.")
                    for more in (False, True)
                ),
                *(getattr(one, name) for name in kept),
            )
            for one in assumptions
        ]
    )
    return sheet


def _effect(layout: Layout, effect: Effect) -> str:
    if effect.total is None or effect.organisations is None:
        return effect.said.capitalize() + "."
    if not effect.organisations:
        return "Nothing changes."
    noun, sign = layout.scheme.organisation, "-" if effect.total < 0 else "+"
    pounds = "£" if layout.scheme.symbols[layout.scheme.result].unit == "£" else ""
    return f"{sign}{pounds}{abs(effect.total):,.0f} in all; allocations of {effect.organisations} {noun}s change."


def steps_sheet(layout: Layout) -> Sheet:
    """Return the method: every step in order, as the scheme writes it."""
    sheet = Sheet(
        "Method",
        "Method",
        "Every step in order, as the scheme writes it; one definition makes the calculation and this workbook.",
    )
    for heading, width in (
        ("Step", 32),
        ("Label", 40),
        ("Unit", 12),
        ("Kind", 16),
        ("Formula", 80),
        ("Note", 60),
    ):
        sheet.heading(heading, width, wrap=heading in ("Formula", "Note"))
    sheet.rows(
        [(one.name, one.label, one.unit or "", str(one.kind), one.formula, one.note) for one in layout.scheme.steps]
    )
    return sheet


def findings_sheet(layout: Layout) -> Sheet:
    """Return what was noticed about the inputs and the run."""
    sheet = Sheet("Findings", "Findings", "What was noticed about the inputs and this run.")
    for heading, width in (
        ("Number", 9),
        ("Level", 10),
        ("File", 36),
        ("Place", 24),
        ("Found", 90),
        ("Expected", 40),
        ("What to do", 50),
    ):
        sheet.heading(heading, width, wrap=heading in ("Found", "Expected", "What to do"))
    sheet.rows(
        [
            (one.number, one.level, one.file, one.place, one.found, one.expected, one.remedy)
            for one in layout.result.findings
        ]
    )
    return sheet


def sources_sheet(layout: Layout) -> Sheet:
    """Return the publications that the scheme cites."""
    sheet = Sheet("Sources", "Sources", "Publications that the scheme, formula and transition files cite.")
    for heading, width in (("Name", 28), ("Publisher", 24), ("Title", 60), ("Date", 12), ("Address", 80)):
        sheet.heading(heading, width)
    sheet.rows([(one.key, one.publisher, one.title, one.date, one.url) for one in layout.scheme.sources])
    return sheet


def manifest_sheet(layout: Layout) -> Sheet:
    """Return what is needed to run again and get the same bytes."""
    sheet = Sheet(
        "Manifest",
        "Manifest",
        "Versions, scheme and inputs of this run, by their digests; no clock and no paths.",
    )
    sheet.heading("Item", 40)
    sheet.heading("Value", 90)
    manifest = layout.result.manifest
    rows: list[tuple[str, str]] = [("gpit_fairshare", manifest["gpit"])]
    rows += [(f"Library {name}", version) for name, version in manifest["libraries"].items()]
    scheme = manifest["scheme"]
    rows += [(f"Scheme {key}", str(scheme[key])) for key in ("name", "title", "formula", "transition", "digest")]
    rows += [(f"File {one['file']}", f"SHA-256 {one['sha256']}") for one in scheme["files"]]
    if manifest["boundaries"]:
        rows.append(("Boundaries", manifest["boundaries"]))
    for one in manifest["inputs"]:
        sheet_part = f" sheet {one['sheet']}" if one["sheet"] else ""
        rows.append(
            (
                f"Input ({one['role']}) {one['file']}{sheet_part}",
                f"SHA-256 {one['sha256']}; {one['rows']} rows",
            )
        )
    for one in manifest["parameters"]:
        mark = " (set for this run)" if one["overridden"] else ""
        rows.append((f"Parameter {one['name']} {one['year']}", f"{one['written']}{mark}"))
    rows.append(("Whole manifest as JSON", "Below, in pieces of 1,000 characters."))
    text = json.dumps(manifest, ensure_ascii=False)
    pieces = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    rows += [(f"JSON {index} of {len(pieces)}", piece) for index, piece in enumerate(pieces, 1)]
    sheet.rows(rows)
    return sheet
