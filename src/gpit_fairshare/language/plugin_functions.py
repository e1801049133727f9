"""Functions by name: those of the language, and those that plug-ins add."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare import plugins
from gpit_fairshare.errors import PluginError
from gpit_fairshare.language import tree
from gpit_fairshare.language.functions import BUILT_INS, PLACE, BuiltInFunction, Function
from gpit_fairshare.language.units import UNITS

if TYPE_CHECKING:
    from gpit_fairshare.plugins import Plugin

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MOST_ARGUMENTS: Final = 16
"""Arguments that a function may have."""


@dataclass(frozen=True, slots=True)
class PluginFunction:
    """A function with its name in formulas and the plug-in that it comes from."""

    name: str
    function: Function
    plugin: Plugin

    def __str__(self) -> str:
        return f"the function {self.name} of the {self.plugin}"


def find_function(name: str) -> PluginFunction | None:
    """Return the plug-in function with this name; None for a built-in name, or if no usable plug-in has it."""
    if name in BUILT_INS:  # gpit looks for packages only if the name is not in the language
        return None
    functions = (_load_function(plugin) for plugin in plugins.installed(plugins.FUNCTIONS) if plugin.name == name)
    return next((function for function in functions if isinstance(function, PluginFunction)), None)


def plugin_function(name: str) -> PluginFunction:
    """Return the plug-in function with this name, which a formula uses.

    Raises:
        PluginError: No usable plug-in has it any longer.
    """
    function = find_function(name)
    if function is None:
        raise PluginError(f"there is no function {name}; install the plug-in that has it")
    return function


def function_named(name: str) -> Function:
    """Return the built-in function with this name, or else the plug-in function."""
    built_in = BUILT_INS.get(name)
    return built_in if isinstance(built_in, Function) else plugin_function(name).function


def added_functions(expression: tree.Expression) -> list[PluginFunction]:
    """Return the plug-in functions that a formula uses, each once."""
    names = (
        node.function
        for node in tree.walk(expression)
        if isinstance(node, tree.Call) and node.function not in BUILT_INS
    )
    return [plugin_function(name) for name in dict.fromkeys(names)]


def partial_functions(expression: tree.Expression) -> list[str]:
    """Return the built-in functions that a formula uses and that have no value for some numbers, each once."""
    names = dict.fromkeys(node.function for node in tree.walk(expression) if isinstance(node, tree.Call))
    functions = {name: BUILT_INS.get(name) for name in names}
    return [name for name, entry in functions.items() if isinstance(entry, BuiltInFunction) and entry.is_partial]


def without_excel(expression: tree.Expression) -> list[PluginFunction]:
    """Return the plug-in functions that have no Excel formula; steps that use them are written as values."""
    return [function for function in added_functions(expression) if function.function.excel is None]


def function_names() -> list[str]:
    """Return the names of the usable functions that plug-ins add."""
    return sorted({plugin.name for plugin in plugins.installed(plugins.FUNCTIONS) if find_function(plugin.name)})


def function_problems() -> list[str]:
    """Return a message for each function of a plug-in that cannot be used: it is faulty, or its name is taken."""
    problems: list[str] = []
    by_name: dict[str, Plugin] = {}
    for plugin in plugins.installed(plugins.FUNCTIONS):
        loaded = _load_function(plugin)
        if isinstance(loaded, str):
            problems.append(loaded)
        elif plugin.name in by_name:
            problems.append(str(plugin.fault(f"the name is taken by the {by_name[plugin.name]}; this one is left out")))
        else:
            by_name[plugin.name] = plugin
    return problems


@cache
def _load_function(plugin: Plugin) -> PluginFunction | str:
    """Return the function of a plug-in; if it cannot be used, the message that says why."""
    try:
        if plugin.name in BUILT_INS:
            raise plugin.fault("the name is taken by the language; this one is left out")
        if keyword.iskeyword(plugin.name):
            raise plugin.fault("its name is a word of the language")
        if not _NAME.fullmatch(plugin.name):
            raise plugin.fault("its name must be up to 64 small letters, digits and _, and begin with a letter")
        function = plugin.load()
        with plugins.contained(lambda fault: plugin.fault(f"it cannot be inspected ({fault})")):
            problem = _problem_with_function(function)
        if problem:
            raise plugin.fault(problem)
    except PluginError as fault:
        return str(fault)
    return PluginFunction(plugin.name, function, plugin)


def _problem_with_function(function: Any) -> str:
    """Return what is wrong with the object that a plug-in gives as a function; an empty text if nothing.

    Its fields are checked, and that `polars` takes as many arguments as it names; nothing is calculated.
    """
    if not isinstance(function, Function):
        return f"expected an object of gpit_fairshare.Function, found {type(function).__name__}"
    # A package may put anything into it, because nothing checks the types of its fields.
    fields: dict[str, Any] = vars(function)
    arguments, words, unit, excel = (fields[key] for key in ("arguments", "words", "unit", "excel"))
    if not callable(fields["polars"]):
        return "it has no Polars rendering; `polars` must be a function of expressions"
    units = (*UNITS[:-1], None)
    if not isinstance(arguments, Mapping) or not 1 <= len(arguments) <= _MOST_ARGUMENTS:
        return f"`arguments` must have 1 to {_MOST_ARGUMENTS} names, each with its unit or None"
    for name, argument_unit in arguments.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or argument_unit not in units:
            return f"argument {name}: expected a name and one of the units {', '.join(UNITS[:-1])}, or None"
    if not isinstance(words, str) or not words.strip():
        return "`words` must say in a sentence what it gives"
    if unit not in (*units, *arguments):
        return f"`unit` must be one of {', '.join(UNITS[:-1])}, the name of an argument, or None"
    try:
        inspect.signature(fields["polars"]).bind(*arguments)
    except (TypeError, ValueError):
        return f"`polars` does not take the {len(arguments)} arguments"
    return "" if excel is None else _problem_with_excel(excel, arguments)


def _problem_with_excel(excel: Any, arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with the Excel formula of a plug-in's function; an empty text if nothing.

    It must be one line without an equals sign at the start, with matching brackets and quotation marks, and with places
    for the function's own arguments only.
    """
    if not isinstance(excel, str) or not excel.strip() or excel.startswith("=") or not excel.isprintable():
        return "`excel` must be a formula on one line without its equals sign, or None"
    outside = re.sub(r'"[^"]*"', "", PLACE.sub("1", excel))
    depths = [*accumulate(({"(": 1, ")": -1}.get(character, 0) for character in outside), initial=0)]
    if min(depths) < 0 or depths[-1] > 0 or set(outside) & set('"{}'):
        return "`excel` has a bracket or a quotation mark too many or too few"
    unknown = [name for name in PLACE.findall(excel) if name not in arguments]
    return f"`excel` names {{{unknown[0]}}}, which is not an argument" if unknown else ""
