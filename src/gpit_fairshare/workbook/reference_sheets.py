"""The sheets around the calculation: About, the method, and what it all rests on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gpit_fairshare.inputs import day_in_words
from gpit_fairshare.language import without_excel
from gpit_fairshare.words import joined
from gpit_fairshare.workbook.checks import OVERALL, WARNINGS, fixed_parts
from gpit_fairshare.workbook.input_sheets import OUTSIDE, parameter_states
from gpit_fairshare.workbook.layout import CHANGED
from gpit_fairshare.workbook.places import places
from gpit_fairshare.workbook.sheets import FIRST_ROW, Region, Sheet, is_web

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpit_fairshare.engine import Effect
    from gpit_fairshare.scheme import Check, Step
    from gpit_fairshare.workbook.layout import Layout

READING: Final = (
    "Blue figures on Input sheets are what you may change: parameters, patients, spend. Every other figure is a live "
    "formula on them: change one and recalculate. Sheets of the years have a row per organisation and a column per "
    "step, in the order of the scheme; Working sheets hold what rounding and sharing need. Formulas name parameters "
    "and national figures with their year, such as name_2014_15. Sheets are protected against slips, without a "
    "password. A change stays in this workbook: to make it the result, change the files or use --set and run gpit "
    "again."
)
BUT_FOR: Final = "But for the values named above, every other"
DRAFT: Final = "Draft"
_FOLLOW: Final = " The values of the run, named below, do not follow."
TO_FILL: Final = "[name and date]"
TO_FILL_IN: Final = {
    "Draft or final": DRAFT,
    "Date of the data": "[date of the patient and spend figures]",
    "Prepared by": TO_FILL,
    "Reviewed by": TO_FILL,
    "Approved by": TO_FILL,
}
"""Items of About that whoever uses the workbook fills in, with what stands there until then."""
STATUS_NAME: Final = "draft_or_final"
"""Name by which formulas find whether the workbook is draft or final."""
ABOUT: Final = "About"
MANIFEST: Final = "Manifest"


def about_sheet(layout: Layout, sheets: Sequence[Sheet], status: tuple[str, str]) -> Sheet:
    """Return the first sheet: what this is, whether its checks hold, who signed it, and what stands where."""
    scheme, result = layout.scheme, layout.result
    note = f"{layout.illustrative}{layout.answers} by gpit_fairshare {result.manifest['gpit']}."
    sheet = Sheet(ABOUT, scheme.title, note, "Control")
    sheet.heading("Item", 30)
    sheet.heading("What it says", 110, wrap=True)
    indicative = [year for year in layout.years if year in scheme.indicative]
    firm = [year for year in layout.years if year not in scheme.indicative]
    says = [f"{', '.join(years)} {word}" for years, word in ((firm, "firm"), (indicative, "indicative")) if years]
    facts: list[tuple[str, str, str | None]] = [
        ("Status of the checks", status[0], OVERALL),
        ("Warnings of the checks", status[1], WARNINGS),
        ("Warnings about the inputs", _warnings(layout), None),
        (
            "What it is",
            f"{layout.answers} {'to' if layout.adds_up else 'of'} the {scheme.organisation}s, {'; '.join(says)}",
            None,
        ),
        ("Scheme", f"{scheme.name}: {scheme.title}. Digest {scheme.digest[:16]}…, in full on Manifest", None),
        ("Formula and transition", f"{scheme.formula or 'own steps'}; {scheme.transition or 'no transition'}", None),
        *(("Boundaries", text, None) for text in _boundaries(layout)),
        *(("Data", text, None) for text in _data(layout)),
        *(("Illustrative spend", text, None) for text in result.inputs.illustrative),
        ("Set for this run", _set(layout), None),
        ("Changed in this workbook", _unchanged(layout), _changed(layout)),
        *(("Plug-ins", text, None) for text in _plugins(layout)),
        *(("Values, not formulas", text, None) for text in _fixed(layout)),
        ("Assumptions", f"{len(scheme.assumptions)}, listed on the sheet Assumptions", None),
        ("How to read it", READING.replace("Every other", BUT_FOR) if fixed_parts(layout) else READING, None),
    ]
    row = FIRST_ROW
    for item, text, formula in facts:
        sheet.put(row, 1, item)
        sheet.put(row, 2, text, formula)
        row += 1
    for item, text in TO_FILL_IN.items():
        sheet.put(row, 1, item)
        sheet.put(row, 2, text, unlocked=True)
        if text == DRAFT:
            layout.names[STATUS_NAME] = f"{sheet.name}!$B${row}"
            sheet.validations.append((Region(row, 2, row, 2), {"validate": "list", "source": [DRAFT, "Final"]}))
        row += 1
    for one in sheets:
        sheet.link(row, 1, one.name, one.name)
        sheet.put(row, 2, f"{one.role}. {one.title}.")
        row += 1
    region = Region(FIRST_ROW, 2, FIRST_ROW, 2)
    sheet.conditional_formats.append(
        (region, {"type": "cell", "criteria": "==", "value": '"A check fails"', "look": "wrong"})
    )
    return sheet


def tell_status(layout: Layout, sheets: Sequence[Sheet], status: str) -> None:
    """Let every sheet that may be printed by itself say, live, whether it is final and whether the checks hold."""
    layout.names["status_of_checks"] = OVERALL
    for sheet in sheets:
        if sheet.role == "Output":
            sheet.status = f"{DRAFT}. {status}.", f'{STATUS_NAME}&". "&status_of_checks&"."'


def _data(layout: Layout) -> list[str]:
    """Return a sentence for each file that was read."""
    inputs = layout.result.inputs
    undated = {name for _, _, name in inputs.undated}
    serving = {file for name in undated for file in inputs.columns[name].file.split(", ")}
    return [
        f"{one.role.capitalize()}: {one.file}{f', sheet {one.sheet}' if one.sheet else ''}; {one.rows:,} rows"
        + ("" if one.role == "crosswalk" else "; rows serve every year" if one.file in serving else "; rows by year")
        for one in inputs.sources
    ]


def _warnings(layout: Layout) -> str:
    """Return how many of the findings want a look."""
    count = sum(finding.level == "warning" for finding in layout.result.findings)
    return f"{count or 'None'}; see the sheet Findings"


def _set(layout: Layout) -> str:
    overrides = [f"{name} {year}: {value.written}" for name, year, value in layout.scheme.overridden()]
    return "; ".join(overrides) or "Nothing: every parameter was as the scheme gives it"


def _plugins(layout: Layout) -> list[str]:
    """Return what the run took from plug-ins, in one text."""
    used = layout.scheme.plugins
    return ["; ".join(f"{one.kind} {one.name} of {one.package} {one.version}" for one in used)] if used else []


def _fixed(layout: Layout) -> list[str]:
    """Return which steps and checks hold values of the run, and why, in one text."""
    names = fixed_parts(layout)
    parts: list[Step | Check] = [*layout.scheme.steps, *layout.scheme.checks]
    functions = dict.fromkeys(str(one) for part in parts for one in without_excel(part.tree))
    why = f"{joined(list(functions))} {'has' if len(functions) == 1 else 'have'} no Excel formula"
    return [f"{joined(names)}: {why}. What is changed here does not reach them; run gpit again."] if names else []


def _unchanged(layout: Layout) -> str:
    """Return what stands for changes while there are none."""
    return f"Parameters: 0. Inputs: none.{_FOLLOW if fixed_parts(layout) else ''}"


def _changed(layout: Layout) -> str:
    """Return a live sentence about what was changed since the run wrote the workbook."""
    inputs = '"none"'
    if controls := layout.input_controls:
        cells = f"{controls[0]}:{controls[-1].rpartition('!')[2]}"
        inputs = f'IF(COUNTIF({cells},"{CHANGED}")=0,"none","yes")'
    count = "0"
    if layout.parameter_rows:
        states = parameter_states(layout)
        # A value that was moved out of its bounds was changed too.
        count = f'COUNTIF({states},"{CHANGED}")+COUNTIF({states},"{OUTSIDE}")'
    follow = _FOLLOW if fixed_parts(layout) else ""
    return f'"Parameters: "&({count})&". Inputs: "&{inputs}&".{follow}"'


def _boundaries(layout: Layout) -> list[str]:
    """Return the sentence that says on whose boundaries the figures are, where that was asked for."""
    day, noun = layout.result.inputs.boundaries, layout.scheme.organisation
    return [f"All figures are those of the {noun}s of {day_in_words(day)}; Findings has the mergers."] if day else []


def assumptions_sheet(layout: Layout) -> Sheet:
    """Return what is taken without a source, numbered, with what hangs on it and who answers for it."""
    note = "What is taken without a source; a reviewer begins here. The effects are values of other runs, not formulas."
    sheet = Sheet("Assumptions", "Assumptions that the scheme makes", layout.illustrative + note, "Control")
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
        "Method, step by step",
        "Every step in order, as the scheme writes it; one definition makes the calculation and this workbook.",
        "Control",
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
        [
            (one.name, one.label, one.unit or "none", str(one.kind), one.formula, _note(one))
            for one in layout.scheme.steps
        ]
    )
    return sheet


def _note(step: Step) -> str:
    """Return what is to be said of a step besides its formula."""
    fixed = joined([str(one) for one in without_excel(step.tree)])
    texts = (
        step.note,
        "Non-recurrent money." if step.non_recurrent else "",
        f"This workbook holds values of the run: no Excel formula is known for {fixed}." if fixed else "",
    )
    return " ".join(text for text in texts if text) or "none"


def findings_sheet(layout: Layout) -> Sheet:
    """Return what was noticed about the inputs and the run."""
    sheet = Sheet(
        "Findings",
        "Findings about the inputs and the run",
        "What was noticed about the inputs and this run.",
        "Control",
    )
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
    note = "Publications that the scheme, formula and transition files cite."
    sheet = Sheet("Sources", "Sources of figures and rules", note, "Control")
    for heading, width in (("Name", 28), ("Publisher", 30), ("Title", 50), ("Date", 14), ("Address", 60)):
        sheet.heading(heading, width, wrap=heading in ("Publisher", "Title", "Address"))
    sources = layout.scheme.sources
    sheet.rows([(one.key, one.publisher, one.title, one.date, one.url) for one in sources])
    for row, one in enumerate(sources, FIRST_ROW):
        if is_web(one.url):
            sheet.link(row, 3, one.title, one.url)
    return sheet


def manifest_sheet(layout: Layout) -> Sheet:
    """Return what is needed to run again and get the same bytes."""
    sheet = Sheet(
        MANIFEST,
        "Manifest: what this workbook was made from",
        "Versions, scheme and inputs of this run, by their digests; no clock and no paths.",
        "Control",
    )
    sheet.heading("Item", 44)
    sheet.heading("Value", 100, wrap=True)
    manifest = layout.result.manifest
    rows: list[tuple[str, str]] = [("gpit_fairshare", manifest["gpit"])]
    rows += [(f"Library {name}", version) for name, version in manifest["libraries"].items()]
    scheme = manifest["scheme"]
    rows += [(f"Scheme {key}", scheme[key]) for key in ("name", "title", "formula", "transition", "digest")]
    rows += [(f"File {one['file']}", f"SHA-256 {one['sha256']}") for one in scheme["files"]]
    rows += [
        (f"Plug-in {one['package']} {one['version']}", f"{one['kind']} {one['name']}; SHA-256 {one['digest']}")
        for one in manifest["plugins"]
    ]
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
        rows += [
            (
                f"Unit of {unit['column']} in {one['file']}{sheet_part}",
                f"{unit['unit']}, from the heading '{unit['heading']}'"
                if unit["stated_by"] == "heading"
                else f"{unit['unit']}, for the heading '{unit['heading']}' ({unit['stated_by'] or 'not stated'})",
            )
            for unit in one["units"]
        ]
    for one in manifest["parameters"]:
        mark = " (set for this run)" if one["overridden"] else ""
        rows.append((f"Parameter {one['name']} {one['year']}", f"{one['written']}{mark}"))
    rows.append(("Whole manifest as JSON", "Below, in pieces of 1,000 characters."))
    text = json.dumps({**manifest, "workbook": places(layout)}, ensure_ascii=False)
    pieces = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    rows += [(f"JSON {index} of {len(pieces)}", piece) for index, piece in enumerate(pieces, 1)]
    sheet.rows(rows)
    return sheet
