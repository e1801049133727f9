"""The sheets around the calculation: About, the method, assumptions, sources, findings and the manifest."""

from __future__ import annotations

import json
from functools import partial
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine.measures import BASELINE
from gpit_fairshare.engine.notes import without_formula
from gpit_fairshare.engine.sensitivity import outcome_in_words, value_tried
from gpit_fairshare.findings import ABOUT_MONEY
from gpit_fairshare.inputs.mergers.crosswalk import day_in_words
from gpit_fairshare.language import in_words
from gpit_fairshare.scheme.money import FAIR_SHARE
from gpit_fairshare.words import inside, joined, sentence
from gpit_fairshare.workbook.checks import CHECKS, FAILS, OVERALL, WARNINGS, fixed_parts
from gpit_fairshare.workbook.input_sheets import changed_parameters
from gpit_fairshare.workbook.layout import MANIFEST, Layout
from gpit_fairshare.workbook.opening_columns import OPENING
from gpit_fairshare.workbook.places import places
from gpit_fairshare.workbook.sheets import FIRST_ROW, Cell, Prose, Sheet, is_web

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpit_fairshare.engine import Sensitivity
    from gpit_fairshare.scheme.model import Assumption, Check, Source, Step

    TextColumn = tuple[str, float, str | Callable[[Any], Any]]

READING: Final = (
    "Start with Summary and {}. Change only blue figures on Input sheets. Everything else recalculates, except "
    "{}the effects listed on Assumptions and all of Findings. The sheets named after years show the calculation: a "
    "column per step, left to right. Changes stay in this file. For an official result, change the input files and "
    "run gpit again. Sheets are protected without a password. Sheet types: Input, Working, Output, Control (checks "
    "and background)."
)
NOT_FINAL: Final = "Not final"
"""What About says until a reader chooses Final; a draft is a run with values that have no source."""
_CHANGED_HERE: Final = "Changed since the run"
_WARNINGS_OF_CHECKS: Final = "Warnings from checks"
_FOLLOW: Final = " The values of the run, named below, do not recalculate."
TO_FILL: Final = "[name and date]"
TO_FILL_IN: Final = {
    "Final or not": NOT_FINAL,
    "Date of the data": "[date of the patient and spend figures]",
    "Prepared by": TO_FILL,
    "Reviewed by": TO_FILL,
    "Approved by": TO_FILL,
}
"""Items of About that users of the workbook fill in, each with its placeholder."""
STATUS_NAME: Final = "final_or_not"
"""Defined name of the cell that says whether the workbook is final."""
ABOUT: Final = "About"


def about_sheet(layout: Layout, sheets: Sequence[Sheet], status: tuple[str, str]) -> Sheet:
    """Return the sheet About: what this is, whether its checks pass, and a list of the sheets.

    It has cells to fill in: final or not, the date of the data, and who prepared, reviewed and approved it. The cell
    of final or not gets a defined name.

    Args:
        layout: The layout of the workbook.
        sheets: All other sheets, to be listed.
        status: The outcome of all checks and the number of warnings, as in the run.
    """
    scheme, result = layout.scheme, layout.result
    note = f"{layout.answers} by gpit_fairshare {result.manifest['gpit']}."
    sheet = layout.make_sheet(ABOUT, scheme.title, note, "Control")
    sheet.add_headings((("Item", 30), ("Details", Prose(110))))
    years_of = {
        word: [year for year in layout.years if scheme.certainty(year) == word] for word in ("firm", "indicative")
    }
    certainties = [f"{', '.join(years)} {word}" for word, years in years_of.items() if years]
    receivers = f"{'to' if layout.adds_up else 'of'} the {scheme.organisation}s"
    fixed = "the values named above, " if fixed_parts(layout) else ""
    warnings = sum(finding.level == "warning" for finding in result.findings)
    overridden = "; ".join(
        f"{name} {year}: {value.change_text(scheme.parameters[name].unit)}" for name, year, value in scheme.overridden()
    )
    facts = (
        (CHECKS, status[0]),
        (_WARNINGS_OF_CHECKS, status[1]),
        ("Warnings about inputs", f"{warnings}; see the sheet Findings"),
        ("Contents", f"{layout.answers} {receivers}, {'; '.join(certainties)}"),
        ("Scheme", f"{scheme.name}: {scheme.title}. Digest {scheme.digest[:16]}…; see the sheet Manifest"),
        ("Formula and transition", f"{scheme.formula or 'own steps'}; {scheme.transition or 'no transition'}"),
        ("Boundaries", _boundaries_sentence(layout)),
        *(("Data", text) for text in _file_sentences(layout)),
        ("Draft", f"{scheme.draft_warning} {joined(scheme.drafts)}" if scheme.drafts else ""),
        *((result.inputs.illustrative_heading, text) for text in result.inputs.illustrative),
        ("Parameters changed for this run", overridden or "none"),
        (_CHANGED_HERE, f"Parameters: 0. Inputs: none.{_FOLLOW if fixed_parts(layout) else ''}"),
        (
            "Plug-ins",
            "; ".join(f"{plugin.kind} {plugin.name} of {plugin.package} {plugin.version}" for plugin in scheme.plugins),
        ),
        ("Values, not formulas", _fixed_sentence(layout)),
        ("Assumptions", f"{len(scheme.assumptions)}; see the sheet Assumptions"),
        *_notes(layout),
        (
            "How to read it",
            READING.format(layout.answers, fixed),
        ),
    )
    live = {CHECKS: OVERALL, _WARNINGS_OF_CHECKS: WARNINGS, _CHANGED_HERE: _live_changes(layout)}
    fact_rows = [(item, Cell(text, live.get(item))) for item, text in facts if text]
    to_fill_in = [(item, Cell(text, unlocked=True)) for item, text in TO_FILL_IN.items()]
    titles = {page.name: sentence(page.title.removeprefix(f"{scheme.title}: ")) for page in sheets}
    contents = [(Cell(page.name, link=page.name), f"{page.role}. {titles[page.name]}.") for page in sheets]
    sheet.fill_rows([*fact_rows, *to_fill_in, *contents])
    status_row = FIRST_ROW + len(fact_rows) + list(TO_FILL_IN.values()).index(NOT_FINAL)
    layout.names[STATUS_NAME] = f"{sheet.name}!$B${status_row}"
    sheet.validations.append((f"B{status_row}", {"validate": "list", "source": [NOT_FINAL, "Final"]}))
    sheet.flag_word(f"B{FIRST_ROW}", FAILS)
    return sheet


def _notes(layout: Layout) -> list[tuple[str, str]]:
    """Return the notes of the published sheets, which mark them as [note 1], with what each says."""
    scheme = layout.scheme
    notes = []
    if OPENING in layout.organisations()[layout.years[0]].helpers:
        later = f", then the {inside(scheme.labels[scheme.result])} of the year before" if layout.years[1:] else ""
        spend = inside(scheme.labels.get(BASELINE, "Historic spend"))
        text = (
            f"Opening baseline: the {spend} that the run starts from{later}. Money of merged organisations is added up."
        )
        notes.append(("Note 1", text))
    if FAIR_SHARE in scheme.symbols:
        text = (
            "Distance from fair share: the amount divided by the fair share, less 1. Above 0% is above the fair share."
        )
        notes.append(("Note 2", text))
    if scheme.outcomes:
        tests = "; ".join(
            f"{outcome.label} ({in_words.render(outcome.tree, scheme.labels)})" for outcome in scheme.outcomes
        )
        notes.append(("Note 3", f"Outcome: the first that is true of {tests}."))
    return notes


def add_status(layout: Layout, sheets: Sequence[Sheet], status: str) -> None:
    """Give every published sheet a live status: whether the workbook is final and whether its checks pass."""
    layout.names["status_of_checks"] = OVERALL
    draft = f" {layout.scheme.draft_warning}" if layout.scheme.drafts else ""
    for sheet in sheets:
        formula = f'"Status: "&UPPER({STATUS_NAME})&". Checks: "&status_of_checks&".{draft}"'
        sheet.status = f"{status_text(NOT_FINAL)} Checks: {status}.{draft}", formula


def status_text(final_or_not: str) -> str:
    """Return the first part of a sheet's status, such as `Status: NOT FINAL`, followed by a full stop."""
    return f"Status: {final_or_not.upper()}."


def _file_sentences(layout: Layout) -> list[str]:
    """Return a sentence for each input file that was read: role, name, sheet, rows and whether it is by year."""
    inputs = layout.result.inputs
    names = {name for _, _, name in inputs.undated}
    undated = {path for name in names for path in inputs.columns[name].file.split(", ")}
    return [
        f"{file.role.capitalize()}: {file.file}{f', sheet {file.sheet}' if file.sheet else ''}; {file.rows:,} rows"
        + ("" if file.role == "crosswalk" else ", used for every year" if file.file in undated else ", by year")
        for file in inputs.sources
    ]


def _fixed_sentence(layout: Layout) -> str:
    """Return the sentence about steps and checks that hold values of the run, and why; empty if there are none."""
    names = fixed_parts(layout)
    parts: list[Step | Check] = [*layout.scheme.steps, *layout.scheme.checks]
    years = layout.result.years.values()
    reasons = list(dict.fromkeys(reason for part in parts for reason in without_formula(part, years)))
    why = f"{joined(reasons)} {'has' if len(reasons) == 1 else 'have'} no Excel formula"
    return f"{joined(names)}: {why}. Changes in this workbook do not affect them; run gpit again." if names else ""


def _live_changes(layout: Layout) -> str:
    """Return the formula of a sentence on how many parameters and whether inputs were changed since the run."""
    changed = layout.changed_inputs()
    inputs = f'IF({changed}=0,"none","yes")' if changed else '"none"'
    follow = _FOLLOW if fixed_parts(layout) else ""
    return f'"Parameters: "&({changed_parameters(layout) or "0"})&". Inputs: "&{inputs}&".{follow}"'


def _boundaries_sentence(layout: Layout) -> str:
    """Return the sentence about the boundaries that figures were restated to; empty if they were not."""
    day, noun = layout.result.inputs.boundaries, layout.scheme.organisation
    return f"All figures are for the {noun}s of {day_in_words(day)}; the sheet Findings lists mergers." if day else ""


def _text_sheet(name: str, title: str, note: str, items: Sequence[Any], columns: Sequence[TextColumn]) -> Sheet:
    """Return a sheet of texts with a row for each item.

    A column is a heading, a width, and an attribute of the items or a function that gives the text of an item.
    """
    sheet = Sheet(name, title, note, "Control")
    sheet.add_headings((heading, width) for heading, width, _ in columns)
    text_getters = [attrgetter(source) if isinstance(source, str) else source for _, _, source in columns]
    sheet.fill_rows([[text_of(item) for text_of in text_getters] for item in items])
    return sheet


def assumptions_sheet(layout: Layout) -> Sheet:
    """Return the sheet Assumptions: the numbered assumptions, with the effect of a value 10% smaller and 10% larger.

    Columns of owner, date, quality and impact are only there if an assumption has them.
    """
    assumptions = layout.scheme.assumptions
    optional = ("owner", "date", "quality", "impact")
    columns = [name for name in optional if any(getattr(assumption, name) for assumption in assumptions)]
    effects = {(effect.assumption, effect.change > 0): _effect_text(layout, effect) for effect in layout.result.effects}

    def effect_text(assumption: Assumption, *, higher: bool) -> str:
        unknown = "Not calculated." if assumption.parameter else "Not tried: it is not a number."
        return effects.get((assumption.number, higher), unknown)

    return _text_sheet(
        "Assumptions",
        "Assumptions that the scheme makes",
        f"{layout.illustrative}Values and rules without a source: review them first. "
        "Effects come from separate runs. They do not change when you change this workbook.",
        assumptions,
        (
            ("Number", 9, "number"),
            ("About", Prose(44), "about"),
            ("Parameter", 24, "parameter"),
            ("Years", 20, lambda assumption: ", ".join(assumption.years)),
            ("Assumption", Prose(80), "text"),
            ("Effect of a value 10% smaller", Prose(40), partial(effect_text, higher=False)),
            ("Effect of a value 10% larger", Prose(40), partial(effect_text, higher=True)),
            *((name.capitalize(), 16, name) for name in columns),
        ),
    )


def _effect_text(layout: Layout, effect: Sensitivity) -> str:
    """Return a sentence on how the result changes with another value of a parameter, or on why that is not known."""
    value, outcome = value_tried(layout.scheme, effect), outcome_in_words(layout.scheme, effect)
    return f"{sentence(outcome if effect.said else f'at {value}: {outcome}')}."


def steps_sheet(layout: Layout) -> Sheet:
    """Return the sheet Method: every step in order, as the scheme writes it."""
    return _text_sheet(
        "Method",
        "Method, step by step",
        "Every step in order, as in the scheme. The calculation and this workbook use the same steps.",
        layout.scheme.steps,
        (
            ("Step", 32, "name"),
            ("Label", 40, "label"),
            ("Unit", 12, "unit"),
            ("Kind", 16, lambda step: str(step.kind)),
            ("Formula", Prose(80), "formula"),
            ("Note", Prose(60), partial(_step_note, layout)),
        ),
    )


def _step_note(layout: Layout, step: Step) -> str:
    """Return the notes on a step: the scheme's, whether its money is non-recurrent, and whether it has no formula."""
    fixed = joined(without_formula(step, layout.result.years.values()))
    texts = (
        step.note,
        "Non-recurrent money." if step.non_recurrent else "",
        f"This workbook has values of the run: there is no Excel formula for {fixed}." if fixed else "",
    )
    return " ".join(text for text in texts if text)


def findings_sheet(layout: Layout) -> Sheet:
    """Return the sheet Findings: the errors, warnings and notes about the inputs and the run."""
    return _text_sheet(
        "Findings",
        "Findings about the inputs and the run",
        "Findings about money first, then warnings, then notes about the inputs and this run.",
        sorted(
            layout.result.findings, key=lambda finding: (finding.number not in ABOUT_MONEY, finding.level == "note")
        ),
        (
            ("Code", 9, "number"),
            ("Level", 10, "level"),
            ("File", 36, "file"),
            ("Place", 24, "place"),
            ("Found", Prose(90), "found"),
            ("Expected", Prose(40), "expected"),
            ("What to do", Prose(50), "remedy"),
        ),
    )


def sources_sheet(layout: Layout) -> Sheet:
    """Return the sheet Sources: the publications that the scheme cites, each once."""
    return _text_sheet(
        "Sources",
        "Sources of figures and rules",
        "Publications that the scheme, formula and transition files cite.",
        list({(source.key, str(source), source.url): source for source in layout.scheme.sources}.values()),
        (
            ("Name", 28, "key"),
            ("Publisher", Prose(30), "publisher"),
            ("Title", Prose(50), _linked_title),
            ("Date", 14, "date"),
            ("Address", Prose(60), "url"),
        ),
    )


def _linked_title(source: Source) -> Cell | str:
    """Return the title of a publication, as a cell with a link if it is on the web."""
    return Cell(source.title, link=source.url) if is_web(source.url) else source.title


def manifest_sheet(layout: Layout) -> Sheet:
    """Return the sheet Manifest: everything needed to run again and get the same bytes.

    It has readable rows, and then the whole manifest with the places of all figures as JSON, in pieces of 1,000
    characters.
    """
    manifest = layout.result.manifest
    rows: list[tuple[str, str]] = [("gpit_fairshare", manifest["gpit"])]
    rows += [(f"Library {name}", version) for name, version in manifest["libraries"].items()]
    scheme = manifest["scheme"]
    rows += [(f"Scheme {key}", scheme[key]) for key in ("name", "title", "formula", "transition", "digest")]
    rows += [(f"File {file['file']}", f"SHA-256 {file['sha256']}") for file in scheme["files"]]
    rows += [
        (
            f"Plug-in {plugin['package']} {plugin['version']}",
            f"{plugin['kind']} {plugin['name']}; SHA-256 {plugin['digest']}",
        )
        for plugin in manifest["plugins"]
    ]
    if manifest["boundaries"]:
        rows.append(("Boundaries", manifest["boundaries"]))
    if defaults := manifest["defaults"]:
        rows.append((f"Defaults {defaults['file']}", f"{joined(defaults['keys'])}; SHA-256 {defaults['sha256']}"))
    for source in manifest["inputs"]:
        sheet = f" sheet {source['sheet']}" if source["sheet"] else ""
        content = f"SHA-256 {source['sha256']}; {source['rows']} rows"
        rows.append((f"Input ({source['role']}) {source['file']}{sheet}", content))
        for unit in source["units"]:
            heading, stated_by = f"the heading '{unit['heading']}'", unit["stated_by"]
            by = (
                f"from {heading}"
                if stated_by == "heading"
                else f"for {heading} ({stated_by or 'assumed: the file states none'})"
            )
            rows.append((f"Unit of {unit['column']} in {source['file']}{sheet}", f"{unit['unit']}, {by}"))
    for parameter in manifest["parameters"]:
        mark = " (set for this run)" if parameter["overridden"] else ""
        rows.append((f"Parameter {parameter['name']} {parameter['year']}", f"{parameter['written']}{mark}"))
    rows.append(("Whole manifest as JSON", "Below, in pieces of 1,000 characters."))
    text = json.dumps({**manifest, "workbook": places(layout)}, ensure_ascii=False)
    pieces = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    rows += [(f"JSON {index} of {len(pieces)}", piece) for index, piece in enumerate(pieces, 1)]
    return _text_sheet(
        MANIFEST,
        "Manifest: what this workbook was made from",
        "Versions, scheme and input files of this run, with their digests; no dates and no folders.",
        rows,
        (("Item", 44, itemgetter(0)), ("Value", Prose(100), itemgetter(1))),
    )
