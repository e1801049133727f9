"""One organisation explained: in sentences, as a ladder, and line by line with the source of every number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.engine import Result
from gpit_fairshare.errors import UsageError
from gpit_fairshare.explanation.building import Building
from gpit_fairshare.explanation.digits import Digits
from gpit_fairshare.explanation.model import JSON_SCHEMA, ExplainedLines, ExplanationLine, Rung, Test, YearLines
from gpit_fairshare.explanation.organisation import became, organisation_code, years_of
from gpit_fairshare.explanation.summary import year_summaries
from gpit_fairshare.explanation.unformatted_lines import needed
from gpit_fairshare.explanation.writing import LineWriter
from gpit_fairshare.language.with_numbers import value_text
from gpit_fairshare.numbers import with_unit
from gpit_fairshare.presentation import Presented
from gpit_fairshare.renamed import renamed_argument, renamed_names
from gpit_fairshare.results.agreement import OffRule, off_rule
from gpit_fairshare.results.model import Record
from gpit_fairshare.results.reading import read_record
from gpit_fairshare.results.workbooks import CHANGED, CHANGED_INPUT
from gpit_fairshare.words import nearest, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpit_fairshare.scheme.model import Scheme

__all__ = ["JSON_SCHEMA", "Explanation", "ExplanationLine", "Rung", "Test", "YearLines", "explain"]

__getattr__ = renamed_names(__name__, {"Line": "ExplanationLine"})


class Explanation(Presented, ExplainedLines):
    """One organisation explained: in sentences, as a ladder, and line by line."""

    def markdown(self, *, lines: bool = False) -> str:
        """Return the report of `gpit explain` as Markdown, for a paper or a reply to a query.

        Args:
            lines: Whether it has every line of the calculation, as with `--lines`.
        """
        return self._markdown(lines=lines)


@renamed_argument("what", "source")
def explain(
    source: Result | Record | str | Path, organisation: str, *, year: str | None = None, step: str | None = None
) -> Explanation:
    """Explain the figures of one organisation for each year: in sentences, as a ladder, and line by line.

    For a file, it also lists the figures that differ from the file's own rule, of this organisation and of others.

    Args:
        source: A run, a record, or the path of a result file, which is calculated again from what it holds.
        organisation: Its code, in capitals or not, or its name.
        year: One year of the scheme; without it, all years in which the organisation exists.
        step: Only this step and everything that it depends on.

    Returns:
        An `Explanation`; `sentences` and `lines` have those of all years.

    Raises:
        UsageError: There is no such organisation, year or step, or the file has no scheme.
        GpitError: The file cannot be read, or its rule cannot be calculated for what it holds now.
    """  # noqa: DOC502 - raised by what it calls
    if not isinstance(organisation, str):
        raise UsageError(f"explain: the organisation is {organisation!r}; expected its code or name as a text")
    differences: tuple[OffRule, ...] = ()
    if isinstance(source, Result):
        name, result = "", source
    else:
        record = source if isinstance(source, Record) else read_record(source)
        name, result = record.name, record.calculate()
        differences = off_rule(record, result)
    scheme = result.scheme
    code = organisation_code(result, organisation)
    years = years_of(result, code, year)
    step_names = [scheme_step.name for scheme_step in scheme.steps]
    if step is not None and step not in step_names:
        hint = f"{nearest(str(step), step_names)}; the steps are {', '.join(step_names)}"
        raise UsageError(f"--step {step}: there is no such step{hint}")
    names_needed = needed(scheme, years, step) if step else {}
    default_origin = f"as in {name}" if name else "the inputs"
    drafts = [Building(result, when, code, default_origin).build(names_needed.get(when)) for when in years]
    writer = LineWriter(scheme, Digits(drafts))
    return Explanation(
        code=code,
        name=_latest_name(result, code),
        organisation=scheme.organisation,
        scheme=scheme.name,
        title=scheme.title,
        label=" ".join(scheme.labels[scheme.result].split()),
        origin=name,
        area=_area_text(result, code, years[-1]),
        step=step or "",
        agrees=result.agrees,
        illustrative=result.inputs.illustrative,
        illustrative_heading=result.inputs.illustrative_heading,
        draft=scheme.drafts,
        settings=_setting_sentences(scheme, changed=False),
        changed=(*_setting_sentences(scheme, changed=True), *_changed_input_sentences(result, code, years)),
        became=became(result, code),
        differences=tuple(figure for figure in differences if code in figure.codes),
        others_differ=tuple(figure for figure in differences if code not in figure.codes),
        years=tuple(_year_lines(result, code, draft.year, writer.lines(draft)) for draft in drafts),
    )


def _year_lines(result: Result, code: str, year: str, lines: tuple[ExplanationLine, ...]) -> YearLines:
    """Return the sentences, ladder and lines of one year, with the answer as its line prints it.

    If no line is the answer, as when only one step is explained, the answer comes from the result.
    """
    scheme = result.scheme
    answer = next((line for line in lines if line.answer), None)
    unit = scheme.symbols[scheme.result].unit
    text = answer.result if answer else with_unit(value_text(_value_of(result, code, year, scheme.result), unit), unit)
    summary = year_summaries(result, year)[code]
    return YearLines(
        year=year,
        certainty=scheme.certainty(year),
        answer=text,
        answer_line=answer.number if answer else None,
        sentences=summary.sentences(),
        ladder=summary.ladder(),
        lines=lines,
    )


def _value_of(result: Result, code: str, year: str, name: str) -> Any:
    """Return the value of an organisation's column in a year."""
    return result.years[year].organisations.filter(org_code=code)[name].item()


def _latest_name(result: Result, code: str) -> str:
    """Return the organisation's name in the latest year that has one; an empty text if none has."""
    names = result.rows.filter(org_code=code)["org_name"].to_list()
    return next((name for name in reversed(names) if name), "")


def _area_text(result: Result, code: str, year: str) -> str:
    """Return the organisation's group by the column that the scheme reports by, with its label; "" if there is none."""
    column = result.scheme.report_by
    if not column or column not in result.years[year].organisations.columns:
        return ""
    label = result.scheme.labels.get(column, column).replace("_", " ")
    return f"{sentence(' '.join(label.split()))}: {_value_of(result, code, year, column) or 'not given'}"


def _setting_sentences(scheme: Scheme, *, changed: bool) -> tuple[str, ...]:
    """Return a sentence for each parameter value set for the run, or (`changed`) for each one changed in a workbook."""
    return tuple(
        f"{scheme.labels[name]} ({name}) {year}: {value.change_text(scheme.parameters[name].unit)}"
        for name, year, value in scheme.overridden()
        if (value.assumption == CHANGED) is changed
    )


def _changed_input_sentences(result: Result, code: str, years: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for each input of the organisation that was changed in a workbook since its run."""
    scheme, origins = result.scheme, result.inputs.origins
    return tuple(
        f"{scheme.labels[symbol.name]} ({symbol.name}) {year}: "
        f"{value_text(_value_of(result, code, year, symbol.name), symbol.unit)}"
        for symbol in scheme.inputs
        for year in years
        if origins.get((year, code, symbol.name), "").startswith(CHANGED_INPUT)
    )
