"""Differences between two rules and their inputs: steps, values, outcomes, checks, files, findings, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.comparison.headline import NEW_FINDING
from gpit_fairshare.comparison.model import RuleDifference, Side
from gpit_fairshare.comparison.movement import states_outcomes
from gpit_fairshare.findings import LEVELS, FindingCode
from gpit_fairshare.language.tree import to_text
from gpit_fairshare.numbers import edge_text, parameter_value, parameter_values
from gpit_fairshare.words import counted, listed, numbers_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gpit_fairshare.language.tables import FormulaTable
    from gpit_fairshare.scheme.model import Parameter, ParameterValue, Scheme


def differences_of(old: Side, new: Side) -> tuple[RuleDifference, ...]:
    """Return all differences between the rules and inputs of two results; none if a file has no scheme."""
    before, after = old.record, new.record
    if before.scheme is None or after.scheme is None or before.manifest is None or after.manifest is None:
        return ()
    return (
        *_scheme_changes(before.scheme, after.scheme),
        *_parameter_changes(before.scheme, after.scheme),
        *tables_changed(before.scheme, after.scheme),
        *steps_changed(before.scheme, after.scheme),
        *(_outcome_changes(before.scheme, after.scheme) if states_outcomes(old) and states_outcomes(new) else ()),
        *_check_changes(old, new),
        *_file_changes(before.manifest, after.manifest),
        *_environment_changes(before.manifest, after.manifest),
        *_new_findings(before.manifest, after.manifest),
    )


def _scheme_changes(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield the differences of two schemes in their names, files, years, money and counted spend."""
    before, after = (
        {
            "scheme": scheme.name,
            "title": scheme.title,
            "formula file": scheme.formula,
            "transition file": scheme.transition,
            "result step": scheme.result,
            "report grouping": scheme.report_by or "",
            "years": ", ".join(scheme.years),
            "indicative years": ", ".join(scheme.indicative),
        }
        for scheme in (old, new)
    )
    for word in after:
        if before[word] != after[word]:
            yield RuleDifference(f"{word} changed", word, "", before[word] or "none", after[word] or "none")
    if _money_text(old) != _money_text(new):
        yield RuleDifference("money account changed", "money", "", _money_text(old), _money_text(new))
    if old.counts != new.counts:
        yield RuleDifference("counted spend changed", "spend", "", _counts_text(old), _counts_text(new))


def _money_text(scheme: Scheme) -> str:
    """Return which steps and parameters are in a scheme's money account, as text."""
    money = scheme.money
    parts = {"in": money.money_in, "taken away": money.taken_away, "unspent": money.unspent}
    return "; ".join(f"{side}: {', '.join(names)}" for side, names in parts.items() if names) or "none"


def _counts_text(scheme: Scheme) -> str:
    """Return which lines of spend a scheme counts, as text."""
    return "; ".join(f"{column} is {' or '.join(words)}" for column, words in scheme.counts.items()) or "all"


def _origin_text(value: ParameterValue) -> str:
    """Return the source of a parameter's value or its assumption, as text.

    For a value that is not the scheme's, it says that it was set for this run, or how else it was changed.
    """
    if value.overridden:
        return "set for this run" if value.assumption.startswith("Set for this run") else value.assumption
    return value.origin


def _parameter_changes(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield the parameters that were added or removed, and the changes of each other parameter."""
    for name in dict.fromkeys((*old.parameters, *new.parameters)):
        before, after = old.parameters.get(name), new.parameters.get(name)
        if before and after:
            yield from _value_changes(before, after)
        elif after:
            yield RuleDifference("parameter added", name, "", "", _all_values_text(after))
        elif before:
            yield RuleDifference("parameter removed", name, "", _all_values_text(before), "")


def _value_changes(old: Parameter, new: Parameter) -> Iterator[RuleDifference]:
    """Yield the years in which a parameter has another value, or the same value from another source or assumption.

    Years that only one of the two has are left out.
    """
    for year, before in old.values.items():
        after = new.values.get(year)
        if after is None:
            continue  # the years differ, which is reported separately
        origin = _origin_text(after)
        if before.value != after.value:
            texts = parameter_values(before.value, after.value, (old.unit, new.unit))
            yield RuleDifference("parameter changed", new.name, year, *texts, origin)
        elif _origin_text(before) != origin:
            yield RuleDifference("origin of a value changed", new.name, year, _origin_text(before), origin)


def _all_values_text(parameter: Parameter) -> str:
    """Return the values of a parameter as text: only one if it is the same every year."""
    texts = {year: parameter_value(value.value, parameter.unit) for year, value in parameter.values.items()}
    return by_year(texts, texts)


def by_year(texts: Mapping[str, str], years: Collection[str]) -> str:
    """Join the texts of some of the years: one text if all of `years` share it, else each with its year."""
    if len(set(texts.values())) == 1 and len(texts) == len(years):
        return next(iter(texts.values()))
    return "; ".join(f"{year}: {text}" for year, text in texts.items())


def tables_changed(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield the tables that are in both schemes, with other keys, another end or another unit of keys."""
    for name, symbol in new.symbols.items():
        before, after = (old.symbols[name].table if name in old.symbols else None), symbol.table
        if before and after and before != after:
            yield RuleDifference("table changed", name, "", _keys_text(before), _keys_text(after), new.labels[name])


def _keys_text(table: FormulaTable) -> str:
    """Return the keys of a table as text, with the end of its last band and the unit of its edges."""
    keys = [key if isinstance(key, str) else edge_text(key, table.key_unit) for key in table.keys]
    keys += ["otherwise"] if table.has_otherwise else []
    end = "" if table.end is None else f" up to {edge_text(table.end, table.key_unit)}"
    return listed(keys) + end + (f", in {table.key_unit}" if table.key_unit else "")


def steps_changed(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield the steps that were added or removed, or have another formula or unit."""
    old_steps, new_steps = ({step.name: step for step in scheme.steps} for scheme in (old, new))
    for name in dict.fromkeys((*new_steps, *old_steps)):
        before, after = old_steps.get(name), new_steps.get(name)
        if before is None and after is not None:
            yield RuleDifference("step added", name, "", "", _one_line(after.formula), after.label)
        elif after is None and before is not None:
            yield RuleDifference("step removed", name, "", _one_line(before.formula), "", before.label)
        elif before and after:
            if to_text(before.tree) != to_text(after.tree):
                formulas = _one_line(before.formula), _one_line(after.formula)
                yield RuleDifference("formula changed", name, "", *formulas, after.label)
            if before.unit != after.unit:
                yield RuleDifference("unit changed", name, "", before.unit or "none", after.unit or "none")


def _one_line(formula: str) -> str:
    """Return a formula on one line."""
    return " ".join(formula.split())


def _outcome_changes(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield the outcomes of the rule that were added or removed, or have another formula."""
    before, after = ({outcome.label: to_text(outcome.tree) for outcome in scheme.outcomes} for scheme in (old, new))
    for label in dict.fromkeys((*after, *before)):
        texts = before.get(label, ""), after.get(label, "")
        if texts[0] != texts[1]:
            kind = "outcome added" if not texts[0] else "outcome removed" if not texts[1] else "outcome changed"
            yield RuleDifference(kind, label, "", *texts)


def _check_changes(old: Side, new: Side) -> Iterator[RuleDifference]:
    """Yield the checks that were renamed, added, removed or changed, and those that fail in only one of the results.

    A check with the same formula under another name counts as renamed. Failures of a removed check are left out.
    """
    schemes = (side.record.scheme for side in (old, new))
    rules = (scheme.checks if scheme else () for scheme in schemes)
    before, after = ({check.name: to_text(check.tree) for check in checks} for checks in rules)
    new_names = dict(_renamed_checks(before, after))
    for name, new_name in new_names.items():
        yield RuleDifference("check renamed", new_name, "", "", "", f"was {name}")
    before = {new_names.get(name, name): formula for name, formula in before.items()}
    for name in dict.fromkeys((*after, *before)):
        if before.get(name) != after.get(name):
            kind = "check added" if name not in before else "check removed" if name not in after else "check changed"
            yield RuleDifference(kind, name, "", before.get(name, ""), after.get(name, ""))
    outcomes = (side.result.checks if side.result else () for side in (old, new))
    failing = [
        {(check.year, new_names.get(check.name, check.name)): check.failing for check in checks if not check.holds}
        for checks in outcomes
    ]
    for year, name in sorted(failing[0].keys() ^ failing[1].keys()):
        fails = (year, name) in failing[1]
        codes = failing[1 if fails else 0][year, name]
        named = ", ".join(codes[:5]) + (f" and {len(codes) - 5} more" if len(codes) > 5 else "")
        if fails or name in after:
            yield RuleDifference("check fails" if fails else "check passes again", name, year, "", "", named)


def _renamed_checks(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the old and the new name of each check whose formula is the same under another name.

    `old` and `new` have the formula of each check by name. Each new name is used only once.
    """
    added = {name: formula for name, formula in new.items() if name not in old}
    for name, formula in old.items():
        new_name = next((other for other, text in added.items() if text == formula), None) if name not in new else None
        if new_name is not None:
            del added[new_name]
            yield name, new_name


def _file_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RuleDifference]:
    """Yield the input files that changed, by digest or sheet, and those that were added or removed.

    Files of one role are paired by name and sheet; those left are paired in their order, so a file that was only
    renamed is not reported.
    """
    roles = dict.fromkeys(source["role"] for source in (*old["inputs"], *new["inputs"]))
    for role in roles:
        before, after = ([source for source in side["inputs"] if source["role"] == role] for side in (old, new))
        pairs = [(source, other) for source in before for other in after if _file_place(source) == _file_place(other)]
        removed = [source for source in before if not any(source is paired for paired, _ in pairs)]
        added = [source for source in after if not any(source is paired for _, paired in pairs)]
        pairs += list(zip(removed, added, strict=False))
        for source, other in pairs:
            if source["sha256"] != other["sha256"] or source["sheet"] != other["sheet"]:
                name, note = (role, "") if _file_place(source) != _file_place(other) else (_file_place(other), role)
                yield RuleDifference("input file changed", name, "", _file_digest(source), _file_digest(other), note)
        for source in removed[len(added) :]:
            yield RuleDifference("input file removed", _file_place(source), "", _file_digest(source), "", role)
        for source in added[len(removed) :]:
            yield RuleDifference("input file added", _file_place(source), "", "", _file_digest(source), role)


def _file_place(source: Mapping[str, Any]) -> str:
    """Return the name of an input file, with its sheet if it has one."""
    return f"{source['file']}:{source['sheet']}" if source["sheet"] else str(source["file"])


def _file_digest(source: Mapping[str, Any]) -> str:
    """Return the name and sheet of an input file with its digest, as text."""
    return f"{_file_place(source)}, SHA-256 {source['sha256']}"


def _environment_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RuleDifference]:
    """Yield the differences in boundaries, crosswalk rows, and versions of gpit and its libraries."""
    if old["boundaries"] != new["boundaries"]:
        days = (manifest["boundaries"] or "as in the files" for manifest in (old, new))
        yield RuleDifference("boundaries changed", "boundaries", "", *days)
    if old["crosswalk"] != new["crosswalk"]:
        counts = (f"{counted(len(manifest['crosswalk']), 'row')} from a crosswalk file" for manifest in (old, new))
        yield RuleDifference("crosswalk changed", "crosswalk", "", *counts)
    before, after = ({"gpit": manifest["gpit"], **manifest["libraries"]} for manifest in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield RuleDifference("version changed", name, "", before.get(name, "none"), after.get(name, "none"))


def _new_findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RuleDifference]:
    """Yield the findings that only the new result has, the most severe first.

    Findings about values set for this run are left out, as parameters report them. A finding counts as the same even if
    its input file has another name, or another version of gpit worded it.
    """
    reworded = old["gpit"] != new["gpit"]
    names = sorted({str(source["file"]) for side in (old, new) for source in side["inputs"]}, key=len, reverse=True)
    old_identities = [_finding_identity(finding, names, reworded=reworded) for finding in old["findings"]]
    for finding in sorted(new["findings"], key=_severity):
        if finding["number"] == FindingCode.SET_FOR_THIS_RUN:
            continue
        identity = _finding_identity(finding, names, reworded=reworded)
        if identity in old_identities:
            old_identities.remove(identity)
        else:
            place = ", ".join(str(part) for part in (finding["file"], finding["place"]) if part)
            message = f"{place}: {finding['found']}" if place else str(finding["found"])
            yield RuleDifference(NEW_FINDING, str(finding["number"]), "", "", message, finding["level"])


def _severity(finding: Mapping[str, Any]) -> int:
    """Return the position of a finding's level among all levels, the most severe first."""
    return LEVELS.index(finding["level"]) if finding["level"] in LEVELS else 0


def _finding_identity(finding: Mapping[str, Any], names: Sequence[str], *, reworded: bool) -> tuple[str, str, str]:
    """Return what identifies a finding in both results: its number, place and text, without the names of input files.

    Args:
        finding: The finding, as a manifest has it.
        names: The names of input files.
        reworded: Whether the text may be worded differently, so that only its numbers count, in any order.
    """
    place, text = str(finding["place"]), str(finding["found"])
    for name in names:
        place, text = place.replace(name, ""), text.replace(name, "")
    return str(finding["number"]), place, " ".join(sorted(numbers_in(text))) if reworded else text
