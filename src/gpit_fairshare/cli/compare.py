"""`gpit compare`: what changed between two results, for whom, and why."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.output import checked, print_text, reader_may_leave
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.reports.formats import FORMATS, write_file
from gpit_fairshare.run_options import OPTIONS, OptionKind
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpit_fairshare.comparison import Comparison, Side
    from gpit_fairshare.reports.document import Document

ENDINGS: Final = (".xlsx", ".json", ".csv")
RESULTS: Final = (".xlsx", ".json", ".csv", ".parquet")
"""Endings of result files, as `results.ENDINGS` has them, without loading what that needs."""
_PRINTED: Final = ("text", "json", "markdown", "csv")
_OLD, _NEW = "OLD", "NEW"
_OF_A_SIDE: Final = ("formula", "transition", "settings")
"""Options that each side may have for itself."""
_SETTING: Final = re.compile(r"--set:? (?P<key>(?P<name>[^@=:\s]+)(?:@[^=:\s]+)?)")
"""How a message about a setting begins, which knows nothing of sides."""


@options.verb(
    "population",
    "spend",
    "inputs",
    "sample",
    "formula",
    "formula_old",
    "formula_new",
    "transition",
    "transition_old",
    "transition_new",
    "settings",
    "settings_old",
    "settings_new",
    ...,
    without=["scheme"],
)
def compare(  # noqa: PLR0913  # the options of the verb
    *,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A result file, or a scheme: a library name or .toml.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What it is compared with: the same kinds.")],
    run: options.TypedOptions,
    formula_old: Annotated[
        str | None, typer.Option("--formula-old", metavar="NAME|FILE", help="For OLD alone.")
    ] = None,
    formula_new: Annotated[
        str | None, typer.Option("--formula-new", metavar="NAME|FILE", help="For NEW alone.")
    ] = None,
    transition_old: Annotated[
        str | None, typer.Option("--transition-old", metavar="NAME|FILE", help="For OLD alone.")
    ] = None,
    transition_new: Annotated[
        str | None, typer.Option("--transition-new", metavar="NAME|FILE", help="For NEW alone.")
    ] = None,
    settings_old: Annotated[
        list[str] | None, typer.Option("--set-old", metavar="NAME[@YEAR]=VALUE", help="In OLD alone.")
    ] = None,
    settings_new: Annotated[
        list[str] | None, typer.Option("--set-new", metavar="NAME[@YEAR]=VALUE", help="In NEW alone.")
    ] = None,
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="AMOUNT", help="£ by which a row may differ and count as the same.")
    ] = "0",
    fail_over: Annotated[
        str | None,
        typer.Option("--fail-over", metavar="£|%", help="Exit 1 only if a row changes by more: 1000, £1000 or 0.5%."),
    ] = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=0, help="Largest movements to show.")] = 10,
    how: Annotated[
        str,
        typer.Option("--format", metavar="|".join(_PRINTED), help="What is printed: text, or the whole in a format."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: --format json.")] = False,
    output: Annotated[list[Path] | None, options.output("comparison", ENDINGS)] = None,
) -> None:
    """Compare two results, or two settings: what changed, for whom, and why, to the penny."""
    form = _format(how, as_json=as_json)
    files = [*run.files(OptionKind.FILES, OptionKind.RULE), formula_old, formula_new, transition_old, transition_new]
    outputs = checked(output or [], [old, new, *filter(None, files)], [*ENDINGS, *FORMATS])
    given = (
        _given(_OLD, old, run, {"formula": formula_old, "transition": transition_old, "settings": settings_old}),
        _given(_NEW, new, run, {"formula": formula_new, "transition": transition_new, "settings": settings_new}),
    )
    _used(given, run)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import comparison as comparing  # noqa: PLC0415
    from gpit_fairshare.reports.comparison import comparison_document  # noqa: PLC0415
    from gpit_fairshare.reports.screen import show  # noqa: PLC0415
    from gpit_fairshare.reports.terminal import make_console, progress  # noqa: PLC0415

    allowed, limit = comparing.tolerance_of(tolerance), comparing.limit_of(fail_over)
    with progress(make_console(stderr=True), "Comparing") as advance:
        arguments = run.arguments(without=_OF_A_SIDE)
        comparison = comparing.compare(*(one.side(arguments) for one in given), tolerance=allowed, fail_over=limit)
        report = comparison_document(comparison, top=top, written=[path.name for path in outputs])
        drafts = _write(comparison, report, outputs, advance)
    with drafts, reader_may_leave():
        if form == "text":
            show(report, make_console())
        else:
            print_text(_text(comparison, report, form))
    raise typer.Exit(0 if comparison.agrees else 1)


@dataclass(frozen=True)
class _Given:
    """One side as the command line has it."""

    word: str
    name: str
    flags: Sequence[str]
    """Options that were typed for this side alone."""
    formula: str | None
    transition: str | None
    shared: Mapping[str, str]
    """Settings for both sides."""
    own: Mapping[str, str]
    """Settings for this side alone; they go before those for both."""

    @property
    def is_file(self) -> bool:
        """Return whether it is a result file; else it must be a scheme.

        Raises:
            UsageError: It is neither.
        """
        ending = Path(self.name).suffix.lower()
        if ending in RESULTS:
            return True
        if ending != ".toml":
            from gpit_fairshare.scheme import library_names  # noqa: PLC0415  # not for --help

            known = library_names("scheme")
            if self.name not in known:
                raise UsageError(
                    f"{self.word} {self.name}: is neither a result file ({', '.join(RESULTS)}) nor a scheme (a .toml "
                    f"file, or of the library: {', '.join(known)}){nearest(self.name, known)}"
                )
        return False

    def side(self, run: Mapping[str, Any]) -> Side:
        """Read the file, or run the scheme."""
        from gpit_fairshare.comparison import side_of  # noqa: PLC0415  # as above

        if self.is_file:
            return side_of(self.name)
        from gpit_fairshare.allocation import allocate, base_name  # noqa: PLC0415  # as above

        settings = {**self.shared, **self.own}
        try:
            result = allocate(
                scheme=self.name, formula=self.formula, transition=self.transition, settings=settings, **run
            )
        except GpitError as fault:
            raise self._blamed(fault) from None
        parts = [base_name(part) for part in (self.formula, self.transition) if part]
        parts += [f"{name}={value}" for name, value in settings.items()]
        return side_of(result, f"{base_name(self.name)} with {', '.join(parts)}" if parts else base_name(self.name))

    def _blamed(self, fault: GpitError) -> GpitError:
        """Return a fault of a setting under the option that gave it."""
        found = _SETTING.match(str(fault))
        if not found:
            return fault
        given = next((one for one in (found["key"], found["name"]) if one in {**self.shared, **self.own}), "")
        names = [one.partition("@")[0].strip() for one in self.own]
        mine = given in self.own if given else found["name"] in names
        return UsageError(f"--set-{self.word.lower()}{str(fault)[len('--set') :]}") if mine else fault


def _given(word: str, name: str, run: options.TypedOptions, typed: Mapping[str, Any]) -> _Given:
    """Return one side.

    Args:
        word: What messages call it.
        name: The result file or scheme.
        run: The options for both sides.
        typed: Those for this side alone, by the name of the option for both.

    Raises:
        UsageError: A setting is no pair, or is given twice.
    """
    flags = {f"{OPTIONS[name].flag}-{word.lower()}": value for name, value in typed.items()}
    formula, transition = (typed[name] or run.values[name] for name in ("formula", "transition"))
    shared = run.argument("settings") or {}
    own = options.pairs("settings", typed["settings"] or [], f"--set-{word.lower()}")
    return _Given(word, name, [flag for flag, value in flags.items() if value], formula, transition, shared, own)


def _used(given: Sequence[_Given], run: options.TypedOptions) -> None:
    """Refuse options that nothing would use: files are compared as they are.

    Raises:
        UsageError: One was given.
    """
    for one in given:
        if one.is_file and one.flags:
            raise UsageError(f"{', '.join(one.flags)}: {one.word} is a result file, which is compared as it is")
    # Those that a side may have for itself come last.
    wrong = [*run.flags(without=["max_size", *_OF_A_SIDE]), *run.flags(without=set(OPTIONS) - set(_OF_A_SIDE))]
    if all(one.is_file for one in given) and wrong:
        raise UsageError(f"{', '.join(wrong)}: both are result files, which are compared as they are; give a scheme")


def _format(how: str, *, as_json: bool) -> str:
    """Return what is printed.

    Raises:
        UsageError: There is no such format, or two are asked for.
    """
    if how and how not in _PRINTED:
        raise UsageError(f"--format {how}: expected {', '.join(_PRINTED)}{nearest(how, _PRINTED)}")
    if as_json and how not in ("", "json"):
        raise UsageError(f"--json and --format {how}: ask for one of the two")
    return "json" if as_json else how or "text"


def _text(comparison: Comparison, report: Document, form: str) -> str:
    """Return a comparison as a text in a format."""
    from gpit_fairshare.comparison import csv_text  # noqa: PLC0415  # polars loads here, not for --help
    from gpit_fairshare.results.writing import json_text  # noqa: PLC0415

    match form:
        case "json":
            return json_text(comparison.document())
        case "markdown":
            return FORMATS[".md"](report)
        case _:
            return csv_text(comparison)


def _write(
    comparison: Comparison, report: Document, outputs: Sequence[Path], advance: Callable[[int, int], None]
) -> ExitStack:
    """Write every file beside its place; when what is returned closes, all are moved in."""
    from gpit_fairshare.files import in_place  # noqa: PLC0415  # polars loads here, not for --help

    with ExitStack() as stack:
        for path in outputs:
            draft, ending = stack.enter_context(in_place(path)), path.suffix.lower()
            if ending == ".xlsx":
                from gpit_fairshare.comparison import write_workbook  # noqa: PLC0415  # only if one is asked for

                write_workbook(comparison, draft, advance)
            elif ending in FORMATS:
                write_file(report, draft, ending)
            else:
                draft.write_bytes(_text(comparison, report, ending[1:]).encode())
        return stack.pop_all()
