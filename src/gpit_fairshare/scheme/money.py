"""The money account of a scheme: which names are money in, money taken away and money left unspent.

A table `[money]` names them. Files build on one another in the order formula, scheme, transition, and the last
of them with steps decides. In its table `fair_share` means the money behind fair shares that an earlier
file made. For a file without the table, money in is what the `share_out` steps share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.language import tree
from gpit_fairshare.language.kinds import ORGANISATION, Symbol
from gpit_fairshare.scheme.model import Money, Outcome, Step
from gpit_fairshare.words import is_money, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.scheme.faults import Faults
    from gpit_fairshare.scheme.shape import MoneyEntry

FAIR_SHARE: Final = "fair_share"


class Layer(NamedTuple):
    """One file of a scheme, in the order in which they build on one another: formula, scheme, transition."""

    file: str
    money: MoneyEntry | None
    step_names: frozenset[str]
    """Its own steps and those of formulas that it uses by name."""
    outcomes: tuple[Outcome, ...] = ()


def money_of(
    layers: Sequence[Layer],
    steps: Sequence[Step],
    symbols: Mapping[str, Symbol],
    faults: Faults,
    paid_from: str = "",
) -> Money:
    """Return the names in the money account of a scheme, as its files give them in `[money]` or in `share_out` steps.

    The last file that has a table `[money]` or steps decides: by its table, or else by all `share_out` steps so far.

    Args:
        layers: The files, in the order in which they build on one another.
        steps: Every step of the scheme, in order.
        symbols: What each name of the scheme means.
        faults: Collects names that do not exist or are not in £.
        paid_from: Who pays for protection, as the transition or the scheme says.
    """
    account = Money()
    names_so_far: frozenset[str] = frozenset()
    for layer in layers:
        own_steps = [step for step in steps if step.name in layer.step_names]
        names_so_far |= layer.step_names
        if layer.money is not None:
            account = _stated_account(layer, layer.money, own_steps, account, symbols, paid_from)
            _report_names(layer, symbols, faults)
        elif own_steps:
            account = _shared_out_account([step for step in steps if step.name in names_so_far], symbols, layer.file)
    return account


def _stated_account(
    layer: Layer,
    entry: MoneyEntry,
    own_steps: Sequence[Step],
    earlier: Money,
    symbols: Mapping[str, Symbol],
    paid_from: str,
) -> Money:
    """Return the account of a file with a table `[money]`.

    If the table names the `fair_share` of an earlier file, it is built on the account `earlier`: money in replaces that
    name, and money taken away and unspent is added up. Otherwise it is used alone. Without a list `unspent`, that is
    what the file's steps leave over; with new money, its own steps in the list `in` are the new money.
    """
    is_built_on = FAIR_SHARE in entry.in_ and FAIR_SHARE not in layer.step_names and bool(earlier.money_in)
    before = earlier if is_built_on else Money()
    money_in = [
        name
        for listed in entry.in_
        for name in (before.money_in if is_built_on and listed == FAIR_SHARE else (listed,))
    ]
    unspent = _left_unspent(own_steps, money_in, entry, symbols) if entry.unspent is None else entry.unspent
    own_names = {step.name for step in own_steps} - {FAIR_SHARE, "opening_baseline"}
    return Money(
        money_in=tuple(dict.fromkeys(money_in)),
        taken_away=tuple(dict.fromkeys((*before.taken_away, *entry.out_of))),
        unspent=tuple(dict.fromkeys((*before.unspent, *unspent))),
        whole_amounts=before.whole_amounts,
        new_money=tuple(name for name in entry.in_ if name in own_names) if paid_from == "new money" else (),
        stated=True,
        file=layer.file,
    )


def _shared_out_account(steps: Sequence[Step], symbols: Mapping[str, Symbol], file: str) -> Money:
    """Return the account of a file without a table `[money]`: money in is what its `share_out` steps share.

    A parameter counts with its own value; a number, or a parameter that each group gets whole, counts as what its step
    gives and leaves over. An amount that other steps or an input pass on is not money in. Fair shares that no
    `share_out` makes are money in themselves. What steps with a ceiling leave over is unspent.
    """
    money_in: dict[str, str] = {}
    for step in steps:
        expression = step.tree
        if not isinstance(expression, tree.ShareOut) or not is_money(symbols[step.name].unit):
            continue
        amount = amount_of(step)
        if not amount:
            money_in[step.name] = step.name
        elif symbols[amount].role == "parameter":
            # Every group gets the whole amount: money in is what the step gives and leaves over in all groups.
            money_in[amount] = step.name if expression.within else amount
    first = [FAIR_SHARE] if _has_fair_shares_without_share_out(steps, symbols) else []
    return Money(
        money_in=(*first, *money_in.values()),
        unspent=tuple(step.name for step in _steps_with_ceiling(steps, symbols)),
        whole_amounts=tuple(name for name in money_in.values() if symbols[name].role == "step"),
        file=file,
    )


def _has_fair_shares_without_share_out(steps: Sequence[Step], symbols: Mapping[str, Symbol]) -> bool:
    """Return whether there are fair shares in £ per organisation that no `share_out` makes.

    Nor may a step that they come from be a `share_out`.
    """
    symbol = symbols.get(FAIR_SHARE)
    if not symbol or symbol.role != "step" or symbol.kind != ORGANISATION or symbol.unit != "£":
        return False
    needed = {FAIR_SHARE}
    for step in reversed(steps):
        if step.name in needed:
            if isinstance(step.tree, tree.ShareOut):
                return False
            needed.update(name for name, _ in tree.names_in(step.tree))
    return True


def _left_unspent(
    own_steps: Sequence[Step], money_in: Sequence[str], entry: MoneyEntry, symbols: Mapping[str, Symbol]
) -> list[str]:
    """Return the names of a file's steps whose left-over money is unspent: money in, or money that other steps pass on.

    What a step leaves over of a saving, or of a parameter that is not money in, is not unspent money. A step that the
    table names counts with its own value.
    """
    named = {*entry.in_, *entry.out_of}

    def is_unspent(step: Step) -> bool:
        """Return whether what a step leaves over is unspent money, and the table `[money]` does not name the step."""
        amount = amount_of(step)
        passed_on = amount in symbols and symbols[amount].role != "parameter" and amount not in entry.out_of
        return step.name not in named and (amount in money_in or passed_on)

    return [step.name for step in _steps_with_ceiling(own_steps, symbols) if is_unspent(step)]


def amount_of(step: Step) -> str:
    """Return the name of the amount that a `share_out` step shares; an empty text if it is a number."""
    amount = step.tree.amount if isinstance(step.tree, tree.ShareOut) else None
    return amount.name if isinstance(amount, tree.Name) else ""


def _steps_with_ceiling(steps: Sequence[Step], symbols: Mapping[str, Symbol]) -> list[Step]:
    """Return the `share_out` steps that can leave money unspent: those in £, or without a unit, with a ceiling.

    Steps that share out the same amount share the same money: only the last one counts, as it shows what is left.
    """
    sharing = [step for step in steps if isinstance(step.tree, tree.ShareOut) and is_money(symbols[step.name].unit)]
    last = {amount_of(step) or step.name: step for step in sharing}
    return [step for step in last.values() if isinstance(step.tree, tree.ShareOut) and step.tree.at_most is not None]


def listed_in(entry: MoneyEntry | None) -> list[tuple[str, str]]:
    """Return each name in a table `[money]` with the key that lists it; empty without a table."""
    lists = {"in": entry.in_, "out_of": entry.out_of, "unspent": entry.unspent or ()} if entry else {}
    return [(key, name) for key, names in lists.items() for name in names]


def _report_names(layer: Layer, symbols: Mapping[str, Symbol], faults: Faults) -> None:
    """Report names in a file's table `[money]` that do not exist or are not money.

    A number without a unit counts as money. Names whose definition has an error are not reported.
    """
    for key, name in listed_in(layer.money):
        symbol, where = symbols.get(name), Where(layer.file, f"money › {key}")
        if name in faults.unresolved:
            continue
        if symbol is None:
            money_names = [
                other_name for other_name, other in symbols.items() if is_money(other.unit) and not other.table
            ]
            problem = f"there is no {name}{nearest(name, money_names)}"
            remedy = f"name a parameter or a step in £, or declare an input column under [inputs.{name}]"
            faults.error(FindingCode.UNKNOWN_NAME, where, problem, remedy=remedy)
        elif symbol.type != "number" or symbol.table or not is_money(symbol.unit):
            kind = "table" if symbol.table else symbol.type
            problem = f"{name} is in {symbol.unit}" if symbol.unit and not symbol.table else f"{name} is a {kind}"
            remedy = "name a parameter, an input column or a step in £"
            faults.error(FindingCode.UNITS_DO_NOT_FIT, where, problem, remedy=remedy)
