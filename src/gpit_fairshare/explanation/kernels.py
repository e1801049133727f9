"""What `share_out`, `rounded`, `rank` and `running_total` did for one organisation, in plain operators."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from gpit_fairshare.explanation.unformatted_lines import Rounding, UnformattedLine, step_draft
from gpit_fairshare.language import tree
from gpit_fairshare.language.units import dimension, times, unit_of
from gpit_fairshare.language.with_numbers import value_text
from gpit_fairshare.numbers import remainder_text
from gpit_fairshare.ordering import compared
from gpit_fairshare.results.agreement import is_reproduced
from gpit_fairshare.sharing import parts_of
from gpit_fairshare.words import ordinal

if TYPE_CHECKING:
    from gpit_fairshare.explanation.organisation import OrganisationInYear
    from gpit_fairshare.scheme.model import Step


def share_out_lines(place: OrganisationInYear, step: Step, kernel: tree.ShareOut) -> list[UnformattedLine]:
    """Return the lines of a `share_out` step: the figures that its arithmetic needs, and the step itself.

    The figure is the total of the weights if shares are in proportion to them alone, else the money for each unit of
    weight, with a base after the totals that it comes from; if there is no such factor, it is the unspent money.
    """
    factor = place.year.factor[step.name][place.group_number(kernel.within)]
    share = place.year.exact[step.name][place.row_of(step.kind)]
    notes: tuple[str, ...] = ()
    totals: list[UnformattedLine] = []
    if factor is None:
        behind, arithmetic, notes = _unspent_line(place, step, kernel)
    elif kernel.is_proportional:
        behind, arithmetic = _proportional_line(place, step, kernel)
    else:
        totals, factor_tree = _factor_from_totals(place, step, kernel, factor)
        behind, arithmetic = _factor_line(place, step, kernel, factor)
        behind.tree, behind.arithmetic = factor_tree, factor_tree is not None
    line = step_draft(place, step, float(share), tree=arithmetic, arithmetic=True, notes=notes, exact=share)
    return [*totals, behind, line]


def _total_line(
    place: OrganisationInYear, step: Step, within: str | None, leaf: tree.Name | tree.Number, noun: str
) -> UnformattedLine:
    """Return the line of the total of a `share_out` step's weights or bases, in the nation or the organisation's group.

    It has the name of a figure that formulas may use too, such as `total(people)`; if what is added up is a number or
    is not one value per row, the name is `weights(step)` or `bases(step)`, from the `noun`.
    """
    values = place.values(leaf, step.kind)
    symbol = place.scheme.symbols[leaf.name] if isinstance(leaf, tree.Name) else None
    name = f"{noun}s({step.name})"
    if symbol and symbol.kind == step.kind:
        # A formula may use the same figure: then it is one line.
        name = tree.to_text(tree.AggregateCall("total", symbol.name, within))
    unit = symbol.unit if symbol else None if noun == "weight" else place.scheme.symbols[step.name].unit
    label = place.label(symbol.name) if symbol else f"a {noun} of {value_text(values[0], unit)} each"
    return UnformattedLine(
        "figure",
        name,
        f"total of {label} over {place.extent(step.kind, within)}",
        place.scope(within),
        unit,
        math.fsum(float(values[row]) for row in place.rows(step.kind, within)),
    )


def _proportional_line(
    place: OrganisationInYear, step: Step, kernel: tree.ShareOut
) -> tuple[UnformattedLine, tree.Expression]:
    """Return the line of the total of the weights, and the arithmetic amount * weight / total."""
    total = _total_line(place, step, kernel.within, kernel.by, "weight")
    return total, tree.BinaryOperation("/", tree.BinaryOperation("*", kernel.amount, kernel.by), tree.Name(total.name))


def _factor_from_totals(
    place: OrganisationInYear, step: Step, kernel: tree.ShareOut, factor: Fraction
) -> tuple[list[UnformattedLine], tree.Expression | None]:
    """Return the lines of the totals of bases and weights, and the arithmetic of the factor from them.

    With floors or ceilings there are none: the factor then depends on who is at which.
    """
    if kernel.base is None or kernel.at_least is not None or kernel.at_most is not None:
        return [], None
    bases = _total_line(place, step, kernel.within, kernel.base, "base")
    weights = _total_line(place, step, kernel.within, kernel.by, "weight")
    amount = float(place.values(kernel.amount, step.kind)[place.row_of(step.kind)])
    # The rest of an amount that the bases take nearly whole has too few digits to calculate with.
    if not weights.value or not is_reproduced((amount - bases.value) / weights.value, float(factor)):
        return [], None
    left = tree.BinaryOperation("-", kernel.amount, tree.Name(bases.name))
    return [bases, weights], tree.BinaryOperation("/", left, tree.Name(weights.name))


def _factor_line(
    place: OrganisationInYear, step: Step, kernel: tree.ShareOut, factor: Fraction
) -> tuple[UnformattedLine, tree.Expression]:
    """Return the line of the factor, the money for each unit of weight, and the formula of a share.

    The formula is base + factor * weight, raised to the floor or cut to the ceiling if the step has them. The line also
    says how much money is spent, and how many rows are at the floor and the ceiling.
    """
    symbols, name = place.scheme.symbols, f"factor({step.name})"
    label, weight_unit = "weight", None
    if isinstance(kernel.by, tree.Name):
        label, weight_unit = place.label(kernel.by.name), symbols[kernel.by.name].unit
    line = UnformattedLine(
        "figure",
        name,
        f"money for each unit of {label}",
        place.scope(kernel.within),
        unit_of(times(dimension(symbols[step.name].unit), dimension(weight_unit), -1)),
        float(factor),
        origin=f"{_spent_text(place, step, kernel)}; {_bounds_text(place, step, kernel)}",
        exact=factor,
    )
    inner: tree.Expression = tree.BinaryOperation("*", tree.Name(name), kernel.by)
    return line, _within_bounds(kernel, inner if kernel.base is None else tree.BinaryOperation("+", kernel.base, inner))


def rate_line(place: OrganisationInYear, step: Step, value: float | None) -> UnformattedLine:
    """Return the line of the rate of a `share_out` step, in the nation or in the organisation's group.

    In proportion it is the amount divided by the total of the weights, with a base the amount less all bases, or else
    the factor, which has a line with the step's. Where every row has the most there is none.
    """
    kernel = step.tree
    assert isinstance(kernel, tree.ShareOut)  # noqa: S101  # no other step has a rate
    rate = place.year.rate[step.name][place.group_number(kernel.within)]
    arithmetic: tree.Expression | None = None
    if rate is not None and kernel.is_proportional:
        total, _ = _proportional_line(place, step, kernel)
        arithmetic = tree.BinaryOperation("/", kernel.amount, tree.Name(total.name))
    elif rate is not None and rate == place.year.factor[step.name][place.group_number(kernel.within)]:
        arithmetic = _factor_from_totals(place, step, kernel, rate)[1] or tree.Name(f"factor({step.name})")
    return UnformattedLine(
        "figure",
        tree.to_text(tree.RateOf(step.name)),
        f"rate of {place.label(step.name)}",
        place.scope(kernel.within),
        None if rate is None else unit_of(place.scheme.symbols[step.name].rate),
        value,
        tree=arithmetic,
        arithmetic=arithmetic is not None,
        origin="" if rate is not None else "none: everybody has the most, or every weight is 0",
    )


def _unspent_line(
    place: OrganisationInYear, step: Step, kernel: tree.ShareOut
) -> tuple[UnformattedLine, tree.Expression, tuple[str, ...]]:
    """Return the line of the unspent money, the arithmetic of the share, and a note on it; used if there is no factor.

    The share is the maximum; without a weight or a maximum it is the base (0 if there is none) within the bounds.
    """
    unit = place.scheme.symbols[step.name].unit
    left = place.year.unspent[step.name][place.group_number(kernel.within)]
    line = UnformattedLine(
        "figure",
        f"unspent({step.name})",
        "money left after everyone has reached the maximum",
        place.scope(kernel.within),
        unit,
        float(left),
        origin=_spent_text(place, step, kernel),
        exact=left,
    )
    weight = place.values(kernel.by, step.kind)[place.row_of(step.kind)]
    if kernel.at_most is not None and weight > 0:
        return (
            line,
            kernel.at_most,
            (f"everyone gets the maximum, {tree.to_text(kernel.at_most)}: there is enough money",),
        )
    return line, _within_bounds(kernel, kernel.base or tree.Number(0.0)), ("no weight, so no share of the money",)


def _within_bounds(kernel: tree.ShareOut, inner: tree.Expression) -> tree.Expression:
    """Return a formula limited to the floor and the ceiling of a `share_out`."""
    bounds = [bound for bound in (kernel.at_least, kernel.at_most) if bound is not None]
    function = "clip" if len(bounds) == 2 else "min" if kernel.at_least is None else "max"
    return tree.Call(function, (inner, *bounds)) if bounds else inner


def _spent_text(place: OrganisationInYear, step: Step, kernel: tree.ShareOut) -> str:
    """Return a text on how much money was shared out in the organisation's group, and how much is spent and unspent."""
    unit = place.scheme.symbols[step.name].unit
    rows = place.rows(step.kind, kernel.within)
    left = place.year.unspent[step.name][place.group_number(kernel.within)]
    spent = sum((place.year.exact[step.name][row] for row in rows), Fraction(0))
    amount, spent_text, left_text = (value_text(money, unit) for money in (spent + left, spent, left))
    return f"{amount} shared out over {place.extent(step.kind, kernel.within)}: {spent_text} spent, {left_text} unspent"


def _bounds_text(place: OrganisationInYear, step: Step, kernel: tree.ShareOut) -> str:
    """Return a text on how many rows are at the floor, at the ceiling and between them.

    One at both bounds counts as at the floor. Rows without a weight are counted separately, unless their share is a
    floor or a ceiling above 0.
    """
    rows, shares = place.rows(step.kind, kernel.within), place.year.exact[step.name]
    low, high = (None if leaf is None else place.values(leaf, step.kind) for leaf in (kernel.at_least, kernel.at_most))
    weights = place.values(kernel.by, step.kind)
    # The money of a row without a weight does not depend on the factor; with a need of 0 as its ceiling it gets 0.
    weighted = {row for row in rows if weights[row] > 0}
    bounded = [row for row in rows if row in weighted or shares[row] > 0]
    at_floor = {row for row in bounded if low is not None and shares[row] == Fraction(low[row])}
    at_ceiling = {row for row in bounded if high is not None and shares[row] == Fraction(high[row])} - at_floor
    between = weighted - at_floor - at_ceiling
    counts = [f"{len(at_floor):,} at the floor"] if low is not None else []
    counts += [f"{len(at_ceiling):,} at the ceiling"] if high is not None else []
    others = {(0, 0): "with a weight", (1, 0): "above it", (0, 1): "below it", (1, 1): "between them"}
    counts += [f"{len(between):,} {others[low is not None, high is not None]}"]
    without = len(rows) - len(at_floor | at_ceiling | between)
    counts += [f"{without:,} without a weight"] if without else []
    return ", ".join(counts)


def rounded_lines(place: OrganisationInYear, step: Step, kernel: tree.Rounded) -> list[UnformattedLine]:
    """Return the lines of a `rounded` step: how many units are left after rounding down, and the step itself.

    The units left go to the rows with the largest remainders, equal ones by code. The first line says which these are,
    the second has the place of this organisation among equal ones.
    """
    unit = place.scheme.symbols[step.name].unit
    rows = place.rows(step.kind, kernel.within)
    values = place.values(kernel.of, step.kind)
    parts = parts_of([values[row] for row in rows], kernel.to)
    own_index = rows.index(place.row_of(step.kind))
    rounded_up = set(parts.up)
    least = parts.millionths[parts.up[-1]] if parts.up else None
    equal = [index for index, millionths in enumerate(parts.millionths) if millionths == least]
    to = Fraction(str(kernel.to))
    rounding = Rounding(
        of=kernel.of.name,
        to=to,
        whole=parts.wholes[own_index],
        millionths=parts.millionths[own_index],
        up=own_index in rounded_up,
        least=least,
        place=equal.index(own_index) + 1 if own_index in equal else 0,
        last=sum(index in rounded_up for index in equal),
        equal=len(equal),
        unit=unit,
    )
    over, wholes = place.extent(step.kind, kernel.within), sum(parts.wholes)
    left = UnformattedLine(
        "figure",
        f"left_over({step.name})",
        f"{units(to, unit)} left over after rounding down, {over}",
        place.scope(kernel.within),
        None,
        float(len(parts.up)),
        numbers=f"{parts.total:,} - {wholes:,}" if wholes >= 0 else f"{parts.total:,} - ({wholes:,})",
        origin=_rounded_up_text(rounding, len(parts.up), over),
    )
    figure = place.year.exact[step.name][place.row_of(step.kind)]
    return [left, step_draft(place, step, float(figure), rounding=rounding, exact=figure)]


def _rounded_up_text(rounding: Rounding, up: int, over: str) -> str:
    """Return a text on which rows are rounded up.

    Args:
        rounding: How one of the rows was rounded.
        up: Number of rows that are rounded up.
        over: Number of all rows, in words.
    """
    if rounding.least is None:
        return f"none of {over} is rounded up"
    start = f"{up:,} of {over} {'is' if up == 1 else 'are'} rounded up: all with a remainder "
    if rounding.last == rounding.equal:
        return f"{start}of {remainder_text(rounding.least)} or more"
    least = remainder_text(rounding.least)
    first = "the first" if rounding.last == 1 else f"the first {rounding.last:,}"
    return f"{start}above {least}, and {first} by code of the {rounding.equal:,} with {least}"


def rank_lines(place: OrganisationInYear, step: Step, kernel: tree.Rank) -> list[UnformattedLine]:
    """Return the lines of a `rank` step: how many have a larger value, and the rank.

    The rank is that number and 1, or the place by code among those with the same value.
    """
    rows, values = place.rows(step.kind, kernel.within), place.year.values(kernel.of.name, step.kind)
    of_row = {row: compared(values[row]) for row in rows}
    own_row = place.row_of(step.kind)
    own, label, extent = of_row[own_row], place.label(kernel.of.name), place.extent(step.kind, kernel.within)
    larger = sum(value > own for value in of_row.values())
    equal = [row for row, value in of_row.items() if value == own]
    place_by_code = equal.index(own_row) + 1
    name, scope = f"ahead({step.name})", place.scope(kernel.within)
    ahead = UnformattedLine("figure", name, f"number with a larger {label}, of {extent}", scope, None, float(larger))
    own_text = value_text(values[own_row], place.scheme.symbols[kernel.of.name].unit)
    note = f"{ordinal(larger + place_by_code)} of {extent} by {label}: {own_text}"
    if len(equal) > 1:
        order = "name" if step.kind.column else "code"
        note += f"; {ordinal(place_by_code)} by {order} of the {len(equal):,} with this value"
    arithmetic = tree.BinaryOperation("+", tree.Name(name), tree.Number(float(place_by_code)))
    rank = float(larger + place_by_code)
    return [ahead, step_draft(place, step, rank, tree=arithmetic, arithmetic=True, notes=(note,))]


def running_total_lines(place: OrganisationInYear, step: Step, kernel: tree.RunningTotal) -> list[UnformattedLine]:
    """Return the lines of a `running_total` step: the total of those before, and the total with its own value."""
    own_row, ranks = place.row_of(step.kind), place.year.values(kernel.by.name, step.kind)
    total, own = place.year.exact[step.name][own_row], Fraction(place.values(kernel.of, step.kind)[own_row])
    before = int(ranks[own_row]) - 1
    ahead = UnformattedLine(
        "figure",
        f"ahead({step.name})",
        f"total of {place.label(kernel.of.name)} before this one, in the order of {place.label(kernel.by.name)}",
        place.scope(kernel.within),
        place.scheme.symbols[step.name].unit,
        float(total - own),
        origin=f"{before:,} of {place.extent(step.kind, kernel.within)}",
        exact=total - own,
    )
    arithmetic = tree.BinaryOperation("+", tree.Name(ahead.name), kernel.of)
    return [ahead, step_draft(place, step, float(total), tree=arithmetic, arithmetic=True, exact=total)]


def units(to: Fraction, unit: str | None) -> str:
    """Return the units of rounding in words: `whole pounds`, `units of £10`."""
    if to == 1:
        return "whole pounds" if unit == "£" else "whole units"
    return f"units of {value_text(to, unit)}"
