"""The controls of the what-if: a number box and a slider for each parameter, and the data that the page needs."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.numbers import parameter_value, written_value
from gpit_fairshare.reports.formats.html import escaped
from gpit_fairshare.reports.page.model import functions_of_plugins
from gpit_fairshare.run_options import OPTIONS, OptionKind, RunOptions
from gpit_fairshare.scheme.model import AMOUNTS, table_of
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.scheme.written_numbers import number
from gpit_fairshare.words import inside, joined, sentence, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.scheme.model import Parameter, Scheme

_SLIDER_REACH: Final = 0.2
"""How far a slider goes each way, as a part of the value, unless the parameter has both bounds."""


def what_if_data(result: Result) -> dict[str, Any]:
    """Return what the page needs besides its model, for JSON.

    `rounding` is how far rounding can move the money account of each year in £, which no setting changes. `options`
    are the words of the command that gives the run again, without its settings; files have their names, not their
    folders. `settings` are those of the run: name, year or an empty text, and value as written.
    """
    run = result.manifest.get("run", {})
    settings = [Setting.read(f"{name}={text}") for name, text in run.get("set", {}).items()]
    return {
        "rounding": [year.money.rounding if year.money else None for year in result.measures()],
        "options": [*_option_words(run)],
        "settings": [[setting.name, setting.year or "", setting.as_written] for setting in settings],
    }


def _option_words(run: dict[str, Any]) -> Iterator[str]:
    """Yield the options of a run as they are typed, without settings and without those that have their default."""
    for name, option in OPTIONS.items():
        value = run.get(option.key)
        if not value or option.kind is OptionKind.SETTINGS or value == getattr(RunOptions, name):
            continue
        if option.kind is OptionKind.FLAG:
            yield option.flag
            continue
        texts = [f"{key}={text}" for key, text in value.items()] if isinstance(value, dict) else value
        for text in texts if isinstance(texts, list) else [str(texts)]:
            yield from (option.flag, text)


def controls_html(result: Result) -> str:
    """Return the content of the section with the what-if; empty if the scheme has no parameters.

    A rule with functions of plug-ins has no what-if: the content then says why, and names the functions.
    """
    scheme = result.scheme
    if plugins := functions_of_plugins(scheme):
        return (
            f"<p>This page cannot recalculate: the rule uses {escaped(joined(plugins))}, "
            "which this page does not have. The figures are those of the run.</p>\n"
        )
    if not scheme.parameters:
        return ""
    groups = groupby(scheme.parameters.values(), key=lambda parameter: table_of(parameter.name))
    controls = "".join(_group(scheme, table, [*parameters]) for table, parameters in groups)
    change = " For money and people, a change such as -3% is possible too." if _has_amounts(scheme) else ""
    return (
        "<p>Move a slider or type a value, and every figure on this page is calculated again, here in the browser."
        f"{change} Nothing is sent, and the reported figures stay as they are.</p>\n"
        '<div class="what-if-columns">\n'
        '<div id="announcement" role="status" class="visually-hidden-when-empty"></div>\n'
        f"<div>\n{controls}{_ACTIONS}</div>\n</div>\n"
    )


def _has_amounts(scheme: Scheme) -> bool:
    """Return whether a scheme has a parameter of which a percentage with a sign is a change."""
    return any(parameter.unit in AMOUNTS for parameter in scheme.parameters.values())


_ACTIONS: Final = (
    '<div class="what-if-actions">\n<button type="button" id="reset">Reset</button>\n</div>\n'
    "<details>\n<summary>The same figures with gpit</summary>\n"
    "<p>This command calculates the figures that the page shows, with every warning and a record for auditors. "
    "Type it in the folder of the input files.</p>\n"
    '<div class="what-if-actions">\n<label for="command-shell">Command for</label>\n<select id="command-shell">\n'
    '<option value="sh">Linux or macOS (sh)</option>\n<option value="powershell">Windows (PowerShell)</option>\n'
    '</select>\n<button type="button" id="copy-command">Copy as command</button>\n'
    '<span id="command-copied" role="status"></span>\n</div>\n'
    '<label for="command" class="hidden-text">The command</label>\n'
    '<textarea id="command" rows="3" readonly spellcheck="false"></textarea>\n</details>\n'
)


def _group(scheme: Scheme, table: str, parameters: Sequence[Parameter]) -> str:
    """Return the controls of some parameters; those of a table are folded under its name."""
    controls = "".join(_parameter(scheme, parameter) for parameter in parameters)
    if not table:
        return controls
    label = escaped(scheme.labels.get(table) or sentence(table.replace("_", " ")))
    return (
        f'<details class="setting-table">\n<summary>{label}: {len(parameters)} values</summary>\n{controls}</details>\n'
    )


def _parameter(scheme: Scheme, parameter: Parameter) -> str:
    """Return the control of a parameter, or one for each year if its values differ by year."""
    label = escaped(parameter.label)
    hint_id = f"{_id(scheme, parameter)}-hint"
    hint = f'<p class="setting-hint" id="{hint_id}">{escaped(_hint(scheme, parameter))}</p>\n'
    if len({value.value for value in parameter.values.values()}) == 1:
        return f'<div class="setting">\n{_control(scheme, parameter, "", hint_id)}{hint}</div>\n'
    controls = "".join(_control(scheme, parameter, year, hint_id) for year in parameter.values)
    return f'<fieldset class="setting">\n<legend>{label}</legend>\n{controls}{hint}</fieldset>\n'


def _id(scheme: Scheme, parameter: Parameter) -> str:
    """Return the start of the ids of a parameter's elements."""
    return f"setting-{[*scheme.parameters].index(parameter.name) + 1}"


def _control(scheme: Scheme, parameter: Parameter, year: str, hint_id: str) -> str:
    """Return a number box with its slider; `year` is an empty text if they are for all years."""
    value = parameter.values[year or next(iter(parameter.values))]
    control_id = f"{_id(scheme, parameter)}{'-' + year.replace('/', '-') if year else ''}"
    low, high = slider_range(scheme, parameter, year or next(iter(parameter.values)))
    label, text = escaped(year or parameter.label), escaped(_box_text(parameter, value.value, value.as_written))
    full_label = escaped(f"{parameter.label}{f' {year}' if year else ''}")
    ends = "".join(f"<span>{escaped(parameter_value(end, parameter.unit))}</span>" for end in (low, high))
    lines = f"{control_id}-problem {control_id}-change {hint_id}"
    return (
        f'<div class="setting-control" data-name="{escape(parameter.name)}" data-year="{year}">\n'
        f'<label for="{control_id}">{label}</label>\n'
        f'<input type="text" inputmode="decimal" id="{control_id}" value="{text}" autocomplete="off" '
        f'spellcheck="false" aria-describedby="{lines}">\n'
        f'<div class="setting-slider">\n<input type="range" min="{low!r}" max="{high!r}" step="any" '
        f'value="{value.value!r}" aria-label="{full_label}, slider">\n'
        f'<div class="setting-ends" aria-hidden="true">{ends}</div>\n</div>\n'
        f'<p class="setting-change" id="{control_id}-change">{escaped(_reported(parameter, value.value))}</p>\n'
        f'<p class="setting-problem" id="{control_id}-problem"></p>\n</div>\n'
    )


def _reported(parameter: Parameter, value: float) -> str:
    """Return the line below a box that is not changed: an amount as it is read, for the box has it as it is typed."""
    return f"{parameter_value(value, parameter.unit)}, as reported" if parameter.unit in AMOUNTS else ""


def slider_range(scheme: Scheme, parameter: Parameter, year: str) -> tuple[float, float]:
    """Return the ends of a parameter's slider in a year.

    They are its bounds, if it has both. Otherwise they are a fifth below and above its value, or 0 and 1 if that is 0,
    cut at the bound that it has.
    """

    def bound(text: str) -> float | None:
        other = scheme.parameters.get(text)
        return (other.values[year].value if other else number(text)) if text else None

    value, least, most = parameter.values[year].value, bound(parameter.minimum), bound(parameter.maximum)
    if least is not None and most is not None and least < most:
        return least, most
    reach = abs(value) * _SLIDER_REACH
    low, high = (value - reach, value + reach) if value else (0.0, 1.0)
    low, high = low if least is None else max(low, least), high if most is None else min(high, most)
    return (low, high) if low < high else (value - (reach or 1.0), value)


def _box_text(parameter: Parameter, value: float, as_written: str) -> str:
    """Return a value as the box has it: in the unit % as a percentage, otherwise as written."""
    text = parameter_value(value, parameter.unit, full=True)
    is_percentage = parameter.unit == "%" and "/" not in as_written and number(text) == value
    return text if is_percentage else as_written.replace("_", "")


def _hint(scheme: Scheme, parameter: Parameter) -> str:
    """Return the value in its unit, the bounds, and the source or assumption of a parameter."""

    def bound(text: str) -> str:
        other = scheme.parameters.get(text)
        return inside(other.label) if other else written_value(number(text), parameter.unit, text)

    limits = [f"at least {bound(parameter.minimum)}"] if parameter.minimum else []
    limits += [f"at most {bound(parameter.maximum)}"] if parameter.maximum else []
    unit = f"In {parameter.unit}. " if parameter.unit not in ("£", "%", None) else ""
    years_by_origin: dict[str, list[str]] = {}
    for year, value in parameter.values.items():
        years_by_origin.setdefault(value.origin, []).append(year)
    origins = [
        f"{sentence(origin)}{f' ({span(years)})' if len(years_by_origin) > 1 else ''}."
        for origin, years in years_by_origin.items()
    ]
    return f"{unit}{f'{sentence(joined(limits))}. ' if limits else ''}{' '.join(origins)}"
