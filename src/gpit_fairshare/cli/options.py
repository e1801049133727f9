"""The options of verbs: those of a run, from `run_options`, and others that several verbs share."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import dataclass, field, replace
from inspect import Parameter, Signature
from pathlib import Path
from types import EllipsisType, MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gpit_fairshare.cli.completion import of_library, of_words
from gpit_fairshare.cli.defaults import Defaults, read_defaults
from gpit_fairshare.cli.help import leave_plugins_out
from gpit_fairshare.errors import UsageError
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.results import RESULT_ENDINGS, TABLE_ENDINGS
from gpit_fairshare.run_options import OPTIONS, OptionKind, RunOptions, listed
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

_TYPES: Final[Mapping[OptionKind, Any]] = {
    OptionKind.FLAG: bool,
    OptionKind.RULE: str | None,
    OptionKind.MEGABYTES: int,
    OptionKind.DAY: str | None,
}
"""The type that typer reads for an option; all others may be repeated."""
_SIDES: Final = ("old", "new")
_PAIR_FORMS: Final = {
    OptionKind.SETTINGS: "NAME=VALUE or NAME@2015/16=VALUE",
    OptionKind.COLUMNS: "HEADING=COLUMN",
    OptionKind.UNITS: "HEADING=UNIT, such as 'Spend=£m'",
}
"""How a pair of a name and its value is written, for messages."""

_EVERY_VERB: Final = [
    Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option])
    for name, option in (
        ("debug", typer.Option("--debug", hidden=True)),
        ("no_plugins", typer.Option("--no-plugins", hidden=True, callback=leave_plugins_out, is_eager=True)),
    )
]
"""Options that may come before or after the verb. The command line looks for --debug itself; the callback of the
other does the rest."""


def output(content: str, endings: Sequence[str] = ()) -> Any:
    """Return the option `-o` of a verb that can write its result to files of these endings, and as a document."""
    return typer.Option("-o", "--output", metavar="FILE", help=output_help(content, endings))


def printed_form(forms: Sequence[str]) -> Any:
    """Return the option `--format` of a verb that prints its result in these forms."""
    return typer.Option(
        "--format", metavar="FORMAT", help=f"Print {joined(forms, 'or')}.", autocompletion=of_words(forms)
    )


def output_help(content: str, endings: Sequence[str]) -> str:
    """Return the help of an option that writes something, to files of these endings or as a document."""
    return f"Write the {content} to this file: {joined((*endings, *FORMATS), 'or')}."


Output = Annotated[list[Path] | None, output("result", RESULT_ENDINGS)]
Manifest = Annotated[
    bool, typer.Option("--manifest", help=f"Also write what each {' and '.join(TABLE_ENDINGS)} file was made from.")
]


@dataclass(frozen=True, slots=True)
class TypedOptions:
    """The options of a run as they were typed; pairs are still texts, and options not typed are None or empty."""

    values: Mapping[str, Any]
    """By the name of the field in `RunOptions`."""
    side: str = ""
    """The side of a comparison that these options are for, `old` or `new`; empty for both."""
    sides: Mapping[str, TypedOptions] = field(default_factory=dict)
    """The options that were typed for one side of a comparison, by side."""
    defaults: Defaults = field(default_factory=Defaults)
    """What `gpit.toml` gives; nothing if there is no such file, or the verb does not read it."""

    def with_defaults(self) -> TypedOptions:
        """Return the options with the values of `gpit.toml` in place of those that were not typed.

        With the sample, only rules count: the sample has its own files and headings.
        """
        defaults = read_defaults()
        values = {
            name: value
            for name, value in defaults.values.items()
            if name in self.values
            and not _is_typed(self.values[name])
            and (OPTIONS[name].kind is OptionKind.RULE or not self.values.get("sample"))
        }
        return replace(self, values={**self.values, **values}, defaults=replace(defaults, used=tuple(values)))

    def files(self, *kinds: OptionKind, without: Sequence[str] = ()) -> list[str]:
        """Return the files and names of the library that were typed, for options of these kinds."""
        names = [name for name in self.values if OPTIONS[name].kind in kinds and name not in without]
        return [str(source) for name in names for source in listed(self.values[name], name) if source]

    def flags(self, *, without: Collection[str] = ()) -> list[str]:
        """Return the options that were typed, as on the command line, such as `--set`."""
        return [_flag(name, self.side) for name, value in self.values.items() if value and name not in without]

    def command_line(self) -> str:
        """Return the options as they can be typed again, quoted where a shell needs it.

        Defaults are left out: those of `gpit.toml`, and those of gpit unless they replace one of `gpit.toml`.
        """
        words: list[str] = []
        for name, value in self.values.items():
            option = OPTIONS[name]
            if not value or name in self.defaults.used:
                continue
            if value == getattr(RunOptions, name) and name not in self.defaults.values:
                continue
            texts = [""] if option.kind is OptionKind.FLAG else value if isinstance(value, list) else [str(value)]
            for text in texts:
                words += [_flag(name, self.side), *([text] if text else [])]
        return shlex.join(words)

    def argument(self, name: str) -> Any:
        """Return the value of an option as a run takes it: NAME=VALUE options are a dict, others as typed.

        A setting is divided at its first `=`, a heading of a column at the last.

        Raises:
            UsageError: It is not a pair, or the same name is given twice; gpit never chooses silently.
        """
        kind, texts, flag = OPTIONS[name].kind, self.values[name], _flag(name, self.side)
        if kind not in _PAIR_FORMS or not texts or name in self.defaults.used:
            return texts
        values: dict[str, str] = {}
        for text in texts:
            # A heading may contain =; a value of a parameter may not.
            left, equals, right = text.partition("=") if kind is OptionKind.SETTINGS else text.rpartition("=")
            if not equals or not left.strip() or not right.strip():
                raise UsageError(f"{flag} {text}: expected {_PAIR_FORMS[kind]}")
            if left.strip() in values:
                raise UsageError(f"{flag} {left.strip()}: is given twice; give it once")
            values[left.strip()] = right.strip()
        return values

    def arguments(self, *, without: Sequence[str] = ()) -> dict[str, Any]:
        """Return the arguments of a run that were typed, by name, without those in `without`."""
        return {
            name: self.argument(name) for name, value in self.values.items() if name not in without and _is_typed(value)
        }


def _is_typed(value: Any) -> bool:
    """Return whether an option has a value: one without a default that was not typed is None, or an empty list."""
    return value is not None and value != []


def _flag(name: str, side: str = "") -> str:
    """Return the name on the command line of an option, or of its form for one side."""
    return f"{OPTIONS[name].flag}-{side}" if side else OPTIONS[name].flag


def verb(
    *order: str | EllipsisType,
    without: Sequence[str] = (),
    unset: Mapping[str, str] = MappingProxyType({}),
    sided: Mapping[str, str] = MappingProxyType({}),
    reads_results: Callable[[Mapping[str, Any]], bool] = lambda _: False,
) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Return a decorator that gives a verb, in place of its parameter `run`, the options of a run for typer to read.

    It adds the options that every verb has. What `gpit.toml` says is about files of population and spend, so it counts
    for the verbs that take these.

    Args:
        order: Options of the run that the verb takes, in the order of its help; ... means all that are not named.
            A parameter of the verb may be named too, to place it there.
        without: Options that ... does not include.
        unset: Options without a default for this verb, each with its help.
        sided: Options that each side of a comparison may have in addition to the one for both, each with the
            beginning of its help.
        reads_results: Returns whether the verb, with its values on the command line, only reads result files, so that
            `gpit.toml` does not count.
    """

    def decorate(function: Callable[..., int | None]) -> Callable[..., int | None]:
        """Return a function with a parameter for each option, which calls the verb with `run` as `TypedOptions`."""
        declared = dict(inspect.signature(function, eval_str=True).parameters)
        unnamed = [name for name in OPTIONS if name not in (*order, *without)]
        names = [name for entry in order for name in (unnamed if isinstance(entry, EllipsisType) else [entry])]
        in_order = {}
        for name in names:
            in_order[name] = declared.pop(name) if name in declared else _parameter(name, unset.get(name))
            for side in _SIDES if name in sided else ():
                in_order[f"{name}_{side}"] = _parameter(name, f"{sided[name]} {side.upper()} only.", side)
        groups = [[*in_order.values()] if name == "run" else [own] for name, own in declared.items()]
        parameters = [parameter for group in groups for parameter in group]

        def call(**values: Any) -> int | None:
            """Call the verb with its own options, and with those of a run as `run`."""
            del values["debug"], values["no_plugins"]
            if "run" in declared:
                typed = {name: values.pop(name) for name in names if name in OPTIONS}
                sides = {
                    side: TypedOptions({name: values.pop(f"{name}_{side}") for name in sided}, side) for side in _SIDES
                }
                run = TypedOptions(
                    {name: value or None if name in unset else value for name, value in typed.items()}, sides=sides
                )
                values["run"] = run.with_defaults() if "population" in names and not reads_results(values) else run
            try:
                return function(**values)
            except UsageError as fault:
                raise values["run"].defaults.with_key(fault) if "run" in values else fault from None

        call.__name__, call.__doc__ = function.__name__, function.__doc__
        vars(call)["__signature__"] = Signature([*parameters, *_EVERY_VERB])
        return call

    return decorate


def _parameter(name: str, unset: str | None, side: str = "") -> Parameter:
    """Return the parameter that typer reads an option of a run from.

    Args:
        name: The name of the option's field.
        unset: The help of an option that has no default for this verb; None if it keeps its own.
        side: The side of a comparison that it is for; empty for both.
    """
    option, default = OPTIONS[name], getattr(RunOptions, name)  # a dataclass keeps the default of a field in its class
    kind = _TYPES.get(option.kind, list[str] | None)
    help_text = unset or option.help
    if not unset and option.in_defaults and default is not None:
        # Without a default, a value that was typed replaces that of `gpit.toml` even if it is the usual one.
        default, help_text = None, f"{option.help}  [default: {default}]"
    if unset:
        kind, default = kind | None, None
    details = typer.Option(
        _flag(name, side),
        metavar=option.kind.value or None,
        min=1 if option.kind is OptionKind.MEGABYTES else None,
        autocompletion=of_library(name) if option.kind is OptionKind.RULE else None,
        help=help_text,
    )
    return Parameter(
        f"{name}_{side}" if side else name,
        Parameter.KEYWORD_ONLY,
        default=None if default == () else default,
        annotation=Annotated[kind, details],
    )
