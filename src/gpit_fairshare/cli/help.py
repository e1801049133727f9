"""The verbs, and what `--help` and `--version` print: options in groups, examples that run, the page of the docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import takewhile
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from gpit_fairshare.errors import UsageError
from gpit_fairshare.words import nearest

DOCS: Final = "https://github.com/gpit-fairshare/gpit-fairshare/tree/main/docs"
"""The address of the documentation's pages."""
_NO_LIMIT: Final = 10_000
"""Characters of a short help: lists of verbs wrap it, and never cut it."""
_GROUPS: Final = {
    "Input files": (
        "--result --indicators --ccg-indicators --allocation --forecast --adjustments --population --spend --input "
        "--sample"
    ),
    "Rule and values": "--scheme --formula --transition --set --years --year --tolerance --recover --receive",
    "Scenarios": "--vary --scenarios --draw --runs --seed",
    "Search": "--for --between",
    "Explanation": "--step --lines",
    "Differences": "--fail-over",
    "Screen": "--table --sort --top --details --quiet",
    "Output": (
        "--output --manifest --annotate --by-organisation --by-ccg --by-practice --letters --letter-template --format "
        "--json"
    ),
    "How files are read": "--map --unit --leave-out --organisation --boundaries --crosswalk --max-size",
}
"""Groups of options in the order in which an analyst needs them. An option may name its group as its panel instead."""
_NO_GROUP: Final = "Other options"
_FEW: Final = 8
"""A verb with at most this many options lists them without groups."""


class VerbHelp(NamedTuple):
    """The end of a verb's help."""

    page: str
    """Page of the documentation, with its heading."""
    first: str
    second: str
    """Words after the verb that run as written: on the sample, in a folder of `gpit init`, or on the page's files."""


VERBS: Final[Mapping[str, VerbHelp]] = {
    "gpit": VerbHelp("commands.md", "allocate --sample", "init my-rule"),
    "gpit init": VerbHelp("commands.md#gpit-init", "my-rule", "plan --transition floor-and-ceiling --years 2025/26"),
    "gpit allocate": VerbHelp(
        "commands.md#gpit-allocate",
        "--sample -o result.xlsx",
        "--population population.xlsx --spend spend.xlsx --table",
    ),
    "gpit check": VerbHelp(
        "commands.md#gpit-check",
        "--population population.xlsx --spend spend.xlsx",
        "--spend spend.xlsx --annotate marked.xlsx",
    ),
    "gpit explain": VerbHelp("explain.md#the-command", "00C --sample", "'Leeds North' --sample --year 2015/16 --lines"),
    "gpit compare": VerbHelp(
        "compare.md#options",
        "gpit-2014-16 gpit-2014-16 --sample --transition-new none",
        "before.xlsx after.xlsx -o changes.html",
    ),
    "gpit sweep": VerbHelp(
        "sweep.md#the-command",
        "--sample --vary revenue_budget=-5%:+0%:1%",
        "--sample --draw registered_population:normal:0.02 --runs 200",
    ),
    "gpit solve": VerbHelp(
        "solve.md#the-answer",
        "transition_fund --for balanced --between 0 20000000 --sample",
        "revenue_budget --for balanced --between 90000000 160000000 --sample",
    ),
    "gpit verify": VerbHelp("verify.md#the-command", "result.xlsx", "result.csv . --json"),
    "gpit test": VerbHelp("testing.md#the-command", "cases", "cases -k first --junit cases.xml"),
    "gpit library": VerbHelp("library.md", "list floor", "show floor-and-ceiling"),
    "gpit library list": VerbHelp("library.md#list", "", "floor --kind transition"),
    "gpit library show": VerbHelp("library.md#show", "above-average-cost", "gpit-2014-16 --format markdown"),
    "gpit library new": VerbHelp("library.md#new", "my-formula", "my-floor --from floor-and-ceiling"),
    "gpit library schema": VerbHelp("library.md#schema", "", "--kind formula"),
    "gpit library check": VerbHelp("library.md#check", "scheme.toml", "--json"),
    "gpit reallocate": VerbHelp(
        "reallocate.md#the-command",
        "--allocation allocations.csv --forecast forecast.csv",
        "--allocation allocations.csv --forecast forecast.csv --json",
    ),
    "gpit population": VerbHelp(
        "population.md#the-command",
        "people.csv --weights weights.toml -o population.csv",
        "people.csv --weights weights.toml --json",
    ),
    "gpit maturity": VerbHelp(
        "maturity.md#the-command", "--indicators practices.csv", "--indicators practices.csv --by-practice order.csv"
    ),
}
"""The end of the help of every verb; groups of verbs list them in this order."""
_SUMMARIES: Final[Mapping[str, str]] = {
    "init": "Create a folder with input templates and an example scheme.",
    "allocate": "Allocate funding: fair shares and transition support.",
    "check": "Check input files and list every problem at once.",
    "explain": "Explain the figures of one organisation: what it gets and why.",
    "compare": "Compare two results: what changed, for whom, and why.",
    "sweep": "Run many scenarios: what each allocates, or why not.",
    "solve": "Find how far a value can go, to see what we can afford.",
    "verify": "Run a result again and report any difference.",
    "test": "Run regression cases and compare with expected figures.",
    "library": "List, show, check and write schemes, formulas, transitions.",
    "reallocate": "Reallocate forecast underspends within a year.",
    "population": "Count and weight people by organisation.",
    "maturity": "Calculate the Digital Primary Care Maturity Index.",
}
"""The first sentence of the help of every verb of `gpit`, so that `gpit --help` loads none of their modules."""
_MODULES: Final = {"test": "cases"}
"""Modules in `cli` of verbs with another name, and the name of the verb's function."""


class _Help:
    """How typer's commands and groups write their help."""

    def get_short_help_str(self, limit: int = _NO_LIMIT) -> str:
        """Return the first sentence of the help, whole, for any limit."""
        del limit
        return str(super().get_short_help_str(_NO_LIMIT))  # type: ignore[misc]  # of typer's class

    def collect_usage_pieces(self, context: Any) -> list[str]:
        """Return the words of the usage line; required arguments are without braces."""
        return [piece.translate({ord("{"): "", ord("}"): ""}) for piece in super().collect_usage_pieces(context)]  # type: ignore[misc]

    def list_commands(self, context: Any) -> list[str]:
        """Return the names of the verbs of a group in the order of `VERBS`."""
        order = [*VERBS]
        names: list[str] = super().list_commands(context)  # type: ignore[misc]
        return sorted(names, key=lambda name: order.index(f"{context.command_path} {name}"))

    def format_options(self, context: Any, formatter: Any) -> None:
        """Write the verbs of a group, the arguments, and the options, in groups if there are many."""
        if isinstance(self, TyperGroup):
            self.format_commands(context, formatter)
        parameters = self.get_params(context)  # type: ignore[attr-defined]
        records = {parameter: record for parameter in parameters if (record := parameter.get_help_record(context))}
        arguments = {part: records.pop(part) for part in [*records] if part.param_type_name == "argument"}
        # typer adds the type of an argument, such as <str>, and that it is required, as the usage says.
        groups = {"Arguments": [(argument.metavar, argument.help) for argument in arguments], **_grouped(records)}
        for heading, lines in groups.items():
            if lines:
                with formatter.section(heading):
                    formatter.write_dl(lines)

    def format_epilog(self, context: Any, formatter: Any) -> None:
        """Write the examples, each on one line to be copied, and the address of the page."""
        page, *examples = VERBS[context.command_path]
        with formatter.section("Examples"):
            for words in examples:
                example = f"{context.command_path} {words}".rstrip()
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        formatter.write(f"\nDocs: {DOCS}/{page}\n")


class VerbCommand(_Help, TyperCommand):
    """A verb."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Refuse an option without all of its values, or it would take the next option for one; then parse as typer.

        Raises:
            UsageError: There is one.
        """
        words = [] if context.resilient_parsing else args[: args.index("--")] if "--" in args else args
        by_flag = {flag: option for option in self.params for flag in option.opts if flag.startswith("-")}
        for position, word in enumerate(words):
            flag, equals, first = word.partition("=")
            option = by_flag.get(flag)
            if option and not getattr(option, "is_flag", False):
                after = [*([first] if equals else []), *words[position + 1 :]]
                values = [*takewhile(lambda value: value not in by_flag, after[: option.nargs])]
                if len(values) < option.nargs:
                    raise UsageError(f"{flag}: expected {option.metavar}; found {' '.join(values) or 'nothing'}")
        return list(super().parse_args(context, args))


class VerbGroup(_Help, TyperGroup):
    """A group of verbs."""


class RootGroup(VerbGroup):
    """The verbs of `gpit`; the module of a verb is loaded when the verb is typed, because most of `gpit` is not."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _Verbs()})

    def list_commands(self, context: Any) -> list[str]:
        """Return the names of the verbs in the order in which help lists them."""
        del context
        return [*_SUMMARIES]

    def format_commands(self, context: Any, formatter: Any) -> None:
        """Write every verb with the first sentence of its help."""
        del context
        with formatter.section("Commands"):
            formatter.write_dl([*_SUMMARIES.items()])


class _Verbs(Mapping[str, Any]):
    """The verbs by name, as commands of typer."""

    def __getitem__(self, name: str) -> Any:
        if name not in _SUMMARIES:
            raise KeyError(name)
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_SUMMARIES)

    def __len__(self) -> int:
        return len(_SUMMARIES)


@cache
def _command(name: str) -> Any:
    """Return the command of a verb of `gpit`, or its group of verbs."""
    module_name = _MODULES.get(name, name)
    module = import_module(f"gpit_fairshare.cli.{module_name}")
    if hasattr(module, "app"):
        return get_command(module.app)
    verb = typer.Typer(add_completion=False, rich_markup_mode=None)
    verb.command(name, cls=VerbCommand)(getattr(module, module_name))
    return get_command(verb)


def leave_plugins_out(context: typer.Context, is_set: bool) -> bool:
    """If `--no-plugins` is given, ignore plug-ins while the command runs; return whether it is given."""
    if is_set:
        from gpit_fairshare.plugins import allowed  # noqa: PLC0415  # only when asked for: start-up time

        context.with_resource(allowed(enabled=False))
    return is_set


def _grouped(records: Mapping[Any, tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return the lines about options by heading, in the order in which they are shown."""
    if len(records) <= _FEW:
        return {"Options": [*records.values()]}
    of_flag = {flag: heading for heading, flags in _GROUPS.items() for flag in flags.split()}
    groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in (*_GROUPS, _NO_GROUP)}
    for option, record in records.items():
        flag = max(option.opts, key=len).removesuffix("-old").removesuffix("-new")
        groups[getattr(option, "rich_help_panel", None) or of_flag.get(flag, _NO_GROUP)].append(record)
    return groups


def usage_problem(fault: Any) -> str:
    """Return one line about a command line that typer refused: the nearest option, or the help that lists them all."""
    message = str(fault.format_message()).replace(": Value error, ", ": ")  # a term of Pydantic that users do not know
    if hasattr(fault, "possibilities"):
        message = f"{fault.message}{nearest(fault.option_name, fault.possibilities or (), 1)}"
    help_command = f"{fault.ctx.command_path} --help" if getattr(fault, "ctx", None) else ""
    needs_list = message.startswith("No such") and not message.endswith("?")
    return f"{message.removesuffix('.')}; {help_command} lists all" if help_command and needs_list else message


def version_text() -> str:
    """Return the version of gpit, and of what else can decide how it runs, a few to a line; nothing heavy is loaded."""
    from importlib.metadata import version  # noqa: PLC0415  # only when asked for: start-up time
    from platform import machine, python_version, release, system  # noqa: PLC0415

    from gpit_fairshare import plugins  # noqa: PLC0415

    added = [plugin for group in (plugins.LIBRARY, plugins.FUNCTIONS) for plugin in plugins.installed(group)]
    packages = sorted({f"{plugin.package} {plugin.version}".rstrip() for plugin in added})
    left_out = "none" if plugins.are_allowed() else "left out by --no-plugins"
    return "\n".join(
        [
            f"gpit {version('gpit-fairshare')}",
            f"Python {python_version()}, {system()} {release()} {machine()}".rstrip(),
            ", ".join(f"{name} {version(name)}" for name in plugins.LIBRARIES_OF_RESULTS),
            ", ".join(f"{name} {version(name)}" for name in ("typer", "pydantic", "rich", "openpyxl")),
            f"Plug-ins: {', '.join(packages) or left_out}",
        ]
    )
