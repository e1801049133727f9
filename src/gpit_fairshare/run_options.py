"""The options of a run, each described once: its names, its help, its default, and how files write it.

The verbs of the command line, the arguments of `allocate` and `check`, the `run` of a manifest and the `[run]` of a
case all come from here. To add an option, add a field to `RunOptions`, and use it where it takes effect.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import wraps
from inspect import getdoc, signature
from numbers import Number
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, Protocol, TypeVar, get_type_hints

from gpit_fairshare.errors import UsageError
from gpit_fairshare.words import joined, nearest, one_line, parse_year


class DataFrame(Protocol):
    """A DataFrame of Polars or pandas. Type checkers need neither; `listed` recognises real ones."""

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of rows and columns."""


@dataclass(frozen=True, eq=False, slots=True)
class InputFrame:
    """A frame given instead of a file, with the name that messages and manifests have for it."""

    name: str
    """The argument that gave it: `population (frame)`, or `population 2 (frame)` if it gave several."""
    frame: DataFrame

    def __str__(self) -> str:
        """Return the name, as of a file."""
        return self.name

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of rows and columns, so that an `InputFrame` can be given where a frame can."""
        return self.frame.shape


Files = str | Path | DataFrame | Sequence[str | Path | DataFrame] | None
Rule = str | Path | None
Arguments = ParamSpec("Arguments")
Options = TypeVar("Options")
Answer = TypeVar("Answer")

DEFAULT_SCHEME: Final = "gpit-2014-16"
FRAME: Final = " (frame)"
"""The end of a frame's name. No file has such a name: files are known by endings such as `.csv`."""
MEGABYTES: Final = 64
"""Largest file that is read by default: equal to `inputs.LARGEST`, but without its imports."""


class OptionKind(Enum):
    """The kind of an option's value, and how the command line's help writes it.

    A manifest lists options by kind, in this order.
    """

    FLAG = ""
    RULE = "NAME|FILE"
    """A scheme, formula or transition: a name of the library or a file."""
    SETTINGS = "NAME[@YEAR]=VALUE"
    COLUMNS = "HEADING=COLUMN"
    UNITS = "HEADING=UNIT"
    CODES = "CODE"
    MEGABYTES = "MB"
    DAY = "DATE|YEAR"
    YEARS = "YEAR"
    FILES = "FILE"


@dataclass(frozen=True, slots=True)
class Option:
    """The flag, kind and help of an option; its field has the name, the type and the default."""

    flag: str
    """Its name on the command line."""
    kind: OptionKind
    help: str
    in_defaults: bool = False
    """Whether `gpit.toml` may give it; the command line then has no default of its own."""

    @property
    def key(self) -> str:
        """Return its name in manifests and cases."""
        return self.flag.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options that a user gives for a run.

    Attributes:
        population: File or files with `org_code` and `registered_population`; `FILE:SHEET` for Excel.
            Here and below, a file may also be a DataFrame of Polars or pandas.
        spend: File or files with `org_code` and `historic_spend`, or with lines of spend.
        inputs: Further files joined by `org_code` (and `year`).
        scheme: A library name or the path of a scheme file.
        formula: Replaces the scheme's formula: a library name or a path.
        transition: Replaces the scheme's transition: a library name or a path.
        settings: Parameter values for this run: `{"revenue_budget@2015/16": 150_000_000}`, or relative to the scheme's
            values: `"*0.97"`, `"+3%"`.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, where the user knows them: `{"Heading": "£m"}`.
        leave_out: Code or codes of rows to exclude, such as totals that are not labelled as totals.
        max_size: Largest file to read, in megabytes after unpacking.
        years: Run this financial year, or several, instead of the scheme's; its values of other years are not used.
        boundaries: Restate all rows to the organisations of this day: a date, `2020-04-01`, or `2020/21`
            for its first day.
        crosswalk: File or files of mergers and splits to add to the built-in ones of CCGs.
        sample: Use the England sample (its spend is illustrative) instead of files.
    """

    population: Annotated[
        Files,
        Option(
            "--population",
            OptionKind.FILES,
            "Registered population by organisation; FILE:SHEET for Excel.",
            in_defaults=True,
        ),
    ] = None
    spend: Annotated[
        Files,
        Option("--spend", OptionKind.FILES, "Historic spend by organisation, or lines of spend.", in_defaults=True),
    ] = None
    inputs: Annotated[Files, Option("--input", OptionKind.FILES, "Add columns from this file by org_code.")] = None
    scheme: Annotated[
        Rule, Option("--scheme", OptionKind.RULE, "Use this scheme: library name or file.", in_defaults=True)
    ] = DEFAULT_SCHEME
    formula: Annotated[Rule, Option("--formula", OptionKind.RULE, "Use this formula instead of the scheme's.")] = None
    transition: Annotated[
        Rule, Option("--transition", OptionKind.RULE, "Use this transition instead of the scheme's.")
    ] = None
    settings: Annotated[
        Mapping[str, float | str] | None, Option("--set", OptionKind.SETTINGS, "Set a parameter for this run only.")
    ] = None
    mapping: Annotated[
        Mapping[str, str] | None,
        Option("--map", OptionKind.COLUMNS, "Read the column with this heading as COLUMN.", in_defaults=True),
    ] = None
    units: Annotated[
        Mapping[str, str] | None,
        Option(
            "--unit",
            OptionKind.UNITS,
            "Read this column in £, £000, £m, people, 000 people, % or ratio.",
            in_defaults=True,
        ),
    ] = None
    leave_out: Annotated[Sequence[str], Option("--leave-out", OptionKind.CODES, "Exclude rows with this code.")] = ()
    max_size: Annotated[int, Option("--max-size", OptionKind.MEGABYTES, "Largest file to read, in MB unpacked.")] = (
        MEGABYTES
    )
    years: Annotated[
        Sequence[str] | None,
        Option("--years", OptionKind.YEARS, "Run this year instead of the scheme's years; may be repeated."),
    ] = None
    boundaries: Annotated[
        str | date | None, Option("--boundaries", OptionKind.DAY, "Restate all rows to the organisations of this day.")
    ] = None
    crosswalk: Annotated[
        Files, Option("--crosswalk", OptionKind.FILES, "Mergers and splits to add to the built-in ones of CCGs.")
    ] = None
    sample: Annotated[
        bool, Option("--sample", OptionKind.FLAG, "Use the England 2014/15 sample; its spend is illustrative.")
    ] = False

    def __post_init__(self) -> None:
        """Check the type of each value; one year or code may be given as a text."""
        for name, option in OPTIONS.items():
            object.__setattr__(self, name, _checked(name, option.kind, getattr(self, name)))


OPTIONS: Final[Mapping[str, Option]] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(RunOptions, include_extras=True).items()
}
"""Every option by the name of its field."""


def _checked(name: str, kind: OptionKind, value: Any) -> Any:
    """Return the value of an option; years and codes as a tuple.

    Raises:
        UsageError: It has another type than its kind takes. Files and rules are checked when they are read.
    """
    match kind:
        case _ if value is None:
            return () if kind is OptionKind.CODES else None
        case OptionKind.SETTINGS | OptionKind.COLUMNS | OptionKind.UNITS:
            fits = isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
            if fits:
                _check_entries(name, kind, value)
        case OptionKind.YEARS | OptionKind.CODES:
            texts = checked_texts(name, value, _EXPECTED[kind])
            return tuple(parse_year(text) or text for text in texts) if kind is OptionKind.YEARS else texts
        case OptionKind.DAY:
            fits = isinstance(value, str | date)
        case OptionKind.MEGABYTES:
            fits = isinstance(value, int | float)
        case _:
            return value
    if not fits:
        raise UsageError(f"{name}={one_line(repr(value))}: expected {_EXPECTED[kind]}")
    return value


def checked_texts(name: str, value: Any, expected: str) -> tuple[str, ...]:
    """Return one text or several as a tuple.

    Args:
        name: The argument.
        value: What the caller gave.
        expected: What the argument takes, for the message.

    Raises:
        UsageError: It is anything else.
    """
    texts = tuple([value] if isinstance(value, str) else value if isinstance(value, Iterable) else [value])
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(f"{name}={one_line(repr(value))}: expected {expected}")
    return texts


def _check_entries(name: str, kind: OptionKind, value: Mapping[str, Any]) -> None:
    """Check that each value of a dictionary is a text, or in settings a number.

    Raises:
        UsageError: One is not.
    """
    for key, entry in value.items():
        if not isinstance(entry, str | Number if kind is OptionKind.SETTINGS else str):
            expected = "a number or a text" if kind is OptionKind.SETTINGS else "a text"
            raise UsageError(f"{name}: {one_line(repr(key))}: expected {expected}; found {one_line(repr(entry), 40)}")


def listed(files: Files, argument: str) -> list[str | InputFrame]:
    """Return the files and frames of an argument, one, several or none, as a list: paths as texts, frames with names.

    Raises:
        UsageError: A value is neither a path nor a DataFrame of Polars or pandas.
    """
    values = [] if files is None else [files] if isinstance(files, str) or not isinstance(files, Sequence) else files
    # A library that is not loaded has made no frame.
    frame_types = tuple(module.DataFrame for module in map(sys.modules.get, ("polars", "pandas")) if module)
    several = sum(isinstance(value, frame_types) for value in values) > 1
    sources: list[str | InputFrame] = []
    for value in values:
        if isinstance(value, frame_types):
            number = sum(isinstance(source, InputFrame) for source in sources) + 1
            sources.append(InputFrame(f"{argument} {number}{FRAME}" if several else f"{argument}{FRAME}", value))
        elif isinstance(value, InputFrame):
            sources.append(value)
        elif isinstance(value, str | Path):
            sources.append(str(value))
        elif type(value).__name__ == "LazyFrame":
            raise UsageError(f"{argument}: a LazyFrame holds no rows yet; call .collect() and give its DataFrame")
        else:
            raise UsageError(
                f"{argument}: expected a path, a DataFrame of Polars or pandas, or a list of these; "
                f"found {one_line(repr(value), 40)} ({type(value).__name__})"
            )
    return sources


_EXPECTED: Final = {
    OptionKind.SETTINGS: 'a dictionary, such as {"revenue_budget@2015/16": 150_000_000}',
    OptionKind.COLUMNS: 'a dictionary, such as {"Patients": "registered_population"}',
    OptionKind.UNITS: 'a dictionary, such as {"Spend": "£m"}',
    OptionKind.YEARS: 'a text or a list of texts, such as "2014/15"',
    OptionKind.CODES: 'a text or a list of texts, such as "00C"',
    OptionKind.DAY: "a date or a text such as '2020-04-01'",
    OptionKind.MEGABYTES: "a number of megabytes",
}


def called_with(
    model: Callable[Arguments, Options],
) -> Callable[[Callable[[Options], Answer]], Callable[Arguments, Answer]]:
    """Return a decorator for a function of options: callers give their fields as keyword arguments.

    The options are made of these and given to the function. Its signature and docstring then list the fields.

    Args:
        model: the class of the options.
    """

    def decorate(function: Callable[[Options], Answer]) -> Callable[Arguments, Answer]:
        """Return a function that takes the fields as arguments, makes the options of them, and calls the function.

        Its signature is that of the model, and its docstring gets an `Args` section before `Returns`.
        """

        @wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
            if args:
                value = one_line(repr(args[0]), 40)
                raise UsageError(f"{function.__name__}({value}): every argument needs its name, such as population=…")
            for name in kwargs:
                if name not in names:
                    hint = nearest(name, names) or f"; the arguments are {joined(names)}"
                    raise UsageError(f"{function.__name__}({name}=…): there is no such argument{hint}")
            return function(model(*args, **kwargs))

        types, names = get_type_hints(model), list(signature(model).parameters)
        parameters = [field.replace(annotation=types[name]) for name, field in signature(model).parameters.items()]
        answer = signature(function).return_annotation
        vars(call)["__signature__"] = signature(model).replace(parameters=parameters, return_annotation=answer)
        call.__doc__ = (getdoc(function) or "").replace("\nReturns:", f"\nArgs:\n{_meanings(model)}\n\nReturns:", 1)
        return call

    return decorate


def _meanings(model: Any) -> str:
    """Return the lines about each field of a model, from the `Attributes` in the docstrings of the model and its bases.

    If the model describes a field of a base again, its own description is taken.
    """
    entries: dict[str, str] = {}
    for part in reversed(model.__mro__):
        text = (getdoc(part) or "").partition("Attributes:\n")[2]
        entries |= {entry.partition(":")[0]: entry for entry in re.split(r"\n(?=    \S)", text) if entry}
    return "\n".join(entries.values())
