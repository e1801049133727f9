"""In what two rules differ, and what they were run on: steps, values, checks, files, findings, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpit_fairshare.comparison.headline import NEW_FINDING
from gpit_fairshare.comparison.model import RuleDifference, Side
from gpit_fairshare.findings import LEVELS, FindingCode
from gpit_fairshare.language.tree import to_text
from gpit_fairshare.numbers import parameter_value, parameter_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gpit_fairshare.scheme.model import Parameter, ParameterValue, Scheme


def differences_of(old: Side, new: Side) -> tuple[RuleDifference, ...]:
    """Return all differences, in the order in which people ask for them; nothing where a file says nothing."""
    here, there = old.record, new.record
    if here.scheme is None or there.scheme is None or here.manifest is None or there.manifest is None:
        return ()
    return (
        *_heads(here.scheme, there.scheme),
        *_parameters(here.scheme, there.scheme),
        *steps_changed(here.scheme, there.scheme),
        *_checks(old, new),
        *_files(here.manifest, there.manifest),
        *_surroundings(here.manifest, there.manifest),
        *_findings(here.manifest, there.manifest),
    )


def _heads(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield in what schemes differ but for their parameters, steps and checks."""
    before, after = (
        {
            "scheme": scheme.name,
            "title": scheme.title,
            "formula file": scheme.formula,
            "transition file": scheme.transition,
            "answer": scheme.result,
            "reported by": scheme.report_by or "",
            "years": ", ".join(scheme.years),
            "indicative years": ", ".join(scheme.indicative),
        }
        for scheme in (old, new)
    )
    for word in after:
        if before[word] != after[word]:
            yield RuleDifference(f"{word} changed", word, "", before[word] or "none", after[word] or "none")
    if _money(old) != _money(new):
        yield RuleDifference("money account changed", "money", "", _money(old), _money(new))
    if old.counts != new.counts:
        yield RuleDifference("spend that counts changed", "spend", "", _counts(old), _counts(new))


def _money(scheme: Scheme) -> str:
    """Write the names of the money account."""
    money = scheme.money
    parts = {"in": money.money_in, "taken away": money.taken_away, "unspent": money.unspent}
    return "; ".join(f"{side}: {', '.join(names)}" for side, names in parts.items() if names) or "none"


def _counts(scheme: Scheme) -> str:
    return "; ".join(f"{column} is {' or '.join(words)}" for column, words in scheme.counts.items()) or "all"


def _origin(value: ParameterValue) -> str:
    """Say where a value comes from."""
    if value.overridden:
        return "set for this run" if value.assumption.startswith("Set for this run") else value.assumption
    return f"source: {value.source}" if value.source else f"assumption: {value.assumption}"


def _parameters(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    for name in dict.fromkeys((*old.parameters, *new.parameters)):
        before, after = old.parameters.get(name), new.parameters.get(name)
        if before and after:
            yield from _values(before, after)
        elif after:
            yield RuleDifference("parameter added", name, "", "", _all_values(after))
        elif before:
            yield RuleDifference("parameter removed", name, "", _all_values(before), "")


def _values(old: Parameter, new: Parameter) -> Iterator[RuleDifference]:
    for year, before in old.values.items():
        after = new.values.get(year)
        if after is None:
            continue  # the years differ, and that is said by itself
        origin = _origin(after)
        if before.value != after.value:
            here, there = parameter_values(before.value, after.value, (old.unit, new.unit))
            yield RuleDifference("parameter changed", new.name, year, here, there, origin)
        elif _origin(before) != origin:
            yield RuleDifference("origin of a value changed", new.name, year, _origin(before), origin)


def _all_values(parameter: Parameter) -> str:
    """Write the values of a parameter: one if it is the same every year."""
    texts = {year: parameter_value(one.value, parameter.unit) for year, one in parameter.values.items()}
    return by_year(texts, texts)


def by_year(texts: Mapping[str, str], years: Collection[str]) -> str:
    """Write the texts of some of the years: one where all years have it, else each with its year."""
    if len(set(texts.values())) == 1 and len(texts) == len(years):
        return next(iter(texts.values()))
    return "; ".join(f"{year}: {text}" for year, text in texts.items())


def steps_changed(old: Scheme, new: Scheme) -> Iterator[RuleDifference]:
    """Yield the steps that are new, gone, or have another formula or unit."""
    before, after = ({step.name: step for step in one.steps} for one in (old, new))
    for name in dict.fromkeys((*after, *before)):
        here, there = before.get(name), after.get(name)
        if here is None and there is not None:
            yield RuleDifference("step added", name, "", "", _one_line(there.formula), there.label)
        elif there is None and here is not None:
            yield RuleDifference("step removed", name, "", _one_line(here.formula), "", here.label)
        elif here and there:
            if to_text(here.tree) != to_text(there.tree):
                formulas = _one_line(here.formula), _one_line(there.formula)
                yield RuleDifference("formula changed", name, "", *formulas, there.label)
            if here.unit != there.unit:
                yield RuleDifference("unit changed", name, "", here.unit or "none", there.unit or "none")


def _one_line(formula: str) -> str:
    return " ".join(formula.split())


def _checks(old: Side, new: Side) -> Iterator[RuleDifference]:
    schemes = [side.record.scheme for side in (old, new)]
    before, after = ({one.name: to_text(one.tree) for one in scheme.checks} if scheme else {} for scheme in schemes)
    for name in dict.fromkeys((*after, *before)):
        if before.get(name) != after.get(name):
            what = "check added" if name not in before else "check removed" if name not in after else "check changed"
            yield RuleDifference(what, name, "", before.get(name, ""), after.get(name, ""))
    failing = [
        {(one.year, one.name): one.failing for one in side.result.checks if not one.holds} if side.result else {}
        for side in (old, new)
    ]
    for year, name in sorted(failing[0].keys() ^ failing[1].keys()):
        fails = (year, name) in failing[1]
        who = failing[1 if fails else 0][year, name]
        named = ", ".join(who[:5]) + (f" and {len(who) - 5} more" if len(who) > 5 else "")
        if fails or name in after:
            yield RuleDifference("check fails" if fails else "check holds again", name, year, "", "", named)


def _files(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RuleDifference]:
    """Say which input files have other contents; of two files of one role and other names, in their order."""
    roles = dict.fromkeys(one["role"] for one in (*old["inputs"], *new["inputs"]))
    for role in roles:
        before, after = ([one for one in side["inputs"] if one["role"] == role] for side in (old, new))
        pairs = [(one, other) for one in before for other in after if _place(one) == _place(other)]
        left = [one for one in before if not any(one is here for here, _ in pairs)]
        come = [one for one in after if not any(one is there for _, there in pairs)]
        pairs += list(zip(left, come, strict=False))
        for one, other in pairs:
            if one["sha256"] != other["sha256"] or one["sheet"] != other["sheet"]:
                name, note = (role, "") if _place(one) != _place(other) else (_place(other), role)
                yield RuleDifference("input file changed", name, "", _digest(one), _digest(other), note)
        for one in left[len(come) :]:
            yield RuleDifference("input file removed", _place(one), "", _digest(one), "", role)
        for one in come[len(left) :]:
            yield RuleDifference("input file added", _place(one), "", "", _digest(one), role)


def _place(source: Mapping[str, Any]) -> str:
    return f"{source['file']}:{source['sheet']}" if source["sheet"] else str(source["file"])


def _digest(source: Mapping[str, Any]) -> str:
    return f"{_place(source)}, SHA-256 {source['sha256']}"


def _surroundings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RuleDifference]:
    if old["boundaries"] != new["boundaries"]:
        days = (one["boundaries"] or "as in the files" for one in (old, new))
        yield RuleDifference("boundaries changed", "boundaries", "", *days)
    if old["crosswalk"] != new["crosswalk"]:
        counts = (f"{len(one['crosswalk'])} successions of one's own" for one in (old, new))
        yield RuleDifference("crosswalk changed", "crosswalk", "", *counts)
    before, after = ({"gpit": one["gpit"], **one["libraries"]} for one in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield RuleDifference("version changed", name, "", before.get(name, "none"), after.get(name, "none"))


def _findings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[RuleDifference]:
    """Return the findings that only the new result has, the gravest first; what was set stands among the parameters.

    A finding that both have is the same whatever the input files are called.
    """
    names = sorted({str(one["file"]) for side in (old, new) for one in side["inputs"]}, key=len, reverse=True)
    known = [_identity(one, names) for one in old["findings"]]
    for one in sorted(new["findings"], key=lambda one: LEVELS.index(one["level"]) if one["level"] in LEVELS else 0):
        if one["number"] == FindingCode.SET_FOR_THIS_RUN:
            continue
        identity = _identity(one, names)
        if identity in known:
            known.remove(identity)
        else:
            place = ", ".join(str(part) for part in (one["file"], one["place"]) if part)
            said = f"{place}: {one['found']}" if place else str(one["found"])
            yield RuleDifference(NEW_FINDING, str(one["number"]), "", "", said, one["level"])


def _identity(finding: Mapping[str, Any], names: Sequence[str]) -> tuple[str, str, str]:
    """Return number, place and text of a finding, the names of input files taken out."""
    place, found = str(finding["place"]), str(finding["found"])
    for name in names:
        place, found = place.replace(name, ""), found.replace(name, "")
    return str(finding["number"]), place, found
