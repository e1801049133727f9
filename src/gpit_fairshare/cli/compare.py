"""`gpit compare`: what changed between two results, for whom, and why."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gpit_fairshare.cli import options
from gpit_fairshare.cli.completion import of_library
from gpit_fairshare.cli.output import print_answer, print_message, progress
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.reports.output_files import (
    COMPARISON_ENDINGS,
    checked_outputs,
    comparison_writers,
    missing_for_page,
    write_drafts,
)
from gpit_fairshare.results import RESULT_ENDINGS
from gpit_fairshare.run_options import OPTIONS, OptionKind
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.comparison import Side

_PRINTED: Final = ("text", "json", "markdown", "csv")
_SIDED: Final = {"formula": "Formula for", "transition": "Transition for", "settings": "Set a parameter for"}
"""Options that each side may have separately, with the beginning of their help."""
_SETTING: Final = re.compile(r"--set:? (?P<key>(?P<name>[^@=:\s]+)(?:@[^=:\s]+)?)")
"""The start of a message about a setting, which does not name the side."""


def _side_argument(name: str, meaning: str) -> Any:
    """Return the argument for a side: a result file, or a scheme, whose names a shell completes."""
    return typer.Argument(metavar=name, help=meaning, autocompletion=of_library("scheme"))


@options.verb(
    "population",
    "spend",
    "inputs",
    "sample",
    *_SIDED,
    ...,
    without=["scheme"],
    sided=_SIDED,
    reads_results=lambda values: all(Path(values[side]).suffix.lower() in RESULT_ENDINGS for side in ("old", "new")),
)
def compare(  # noqa: PLR0913  # the options of the verb
    *,
    old: Annotated[str, _side_argument("OLD", "Old result file, or a scheme (library name or .toml).")],
    new: Annotated[str, _side_argument("NEW", "New result file, or a scheme.")],
    run: options.TypedOptions,
    tolerance: Annotated[
        str,
        typer.Option(
            "--tolerance",
            metavar="AMOUNT",
            rich_help_panel="Differences",
            help="Ignore differences of a row up to this many £.",
        ),
    ] = "0",
    fail_over: Annotated[
        str | None,
        typer.Option("--fail-over", metavar="£|%", help="Exit 1 only if a row changes by more: 1000, £1000 or 0.5%."),
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", metavar="N", min=0, help="Show this many of the largest changes.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="Print every difference, totals by year, digests and the method.")
    ] = False,
    how: Annotated[str, options.printed_form(_PRINTED)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document (same as --format json).")] = False,
    output: Annotated[list[Path] | None, options.output("comparison", COMPARISON_ENDINGS)] = None,
) -> int:
    """Compare two results: what changed, for whom, and why.

    Results are files of gpit, or runs of a scheme with different settings.
    """
    form = _chosen_format(how, as_json=as_json)
    files = [text for typed in (run, *run.sides.values()) for text in typed.files(OptionKind.FILES, OptionKind.RULE)]
    outputs = checked_outputs(output, [old, new, *files], [*COMPARISON_ENDINGS, *FORMATS])
    sides = [_TypedSide(name, run, typed) for name, typed in zip((old, new), run.sides.values(), strict=True)]
    _refuse_unused(sides, run)
    # Heavy libraries load here, so that --help and a mistyped option answer at once.
    from gpit_fairshare import comparison as comparing  # noqa: PLC0415
    from gpit_fairshare.reports.comparison import comparison_document  # noqa: PLC0415

    allowed, limit = comparing.tolerance_of(tolerance), comparing.limit_of(fail_over)
    with progress("Comparing") as advance:
        arguments = run.arguments(without=[*_SIDED])
        comparison = comparing.compare(*(side.read(arguments) for side in sides), tolerance=allowed, fail_over=limit)
        report = run.defaults.named_in(comparison_document(comparison, top=top))
        # Only a screen is short: files and Markdown have everything.
        names = [path.name for path in outputs]
        printed = comparison_document(comparison, top=top, details=details or form != "text", file_names=names)
        printed = run.defaults.named_in(printed)
        drafts = write_drafts(comparison_writers(comparison, report, outputs, advance))
    if missing := missing_for_page(outputs):
        print_message(missing)
    csv = partial(comparing.csv_text, comparison)
    print_answer(printed, comparison.document, as_json=form == "json", form=form, other=csv, files=drafts)
    return 0 if comparison.agrees else 1


class _TypedSide:
    """One side as it was typed on the command line."""

    def __init__(self, name: str, run: options.TypedOptions, typed: options.TypedOptions) -> None:
        """Take a result file or a scheme, the options for both sides and those for this one."""
        self.name = name
        self.word = typed.side.upper()
        """Its name in messages."""
        self.flags = typed.flags()
        """Options that were typed for this side only."""
        self.rule = {part: typed.values[part] or run.values[part] for part in ("formula", "transition")}
        """The formula and the transition in place of the scheme's."""
        self.own_settings: dict[str, str] = typed.argument("settings") or {}
        """Settings for this side only; they override those for both, or change them if they are relative."""
        self.settings: dict[str, str] = {**(run.argument("settings") or {})}
        for key, value in self.own_settings.items():
            start = self.settings.get(key) or self.settings.get(key.partition("@")[0].strip(), "")
            # -5% beside a percentage is the value itself: only amounts change by a percentage.
            is_change = value.startswith("*") or (value[:1] in ("+", "-") and value[-1] == "%" and start[-1:] != "%")
            self.settings[key] = f"{start}{value}" if is_change else value

    @property
    def is_file(self) -> bool:
        """Return whether it is a result file; else it must be a scheme.

        Raises:
            UsageError: It is neither.
        """
        ending = Path(self.name).suffix.lower()
        if ending in RESULT_ENDINGS:
            return True
        if ending != ".toml":
            from gpit_fairshare.scheme.library import library_names  # noqa: PLC0415  # not for --help

            scheme_names = library_names("scheme")
            if self.name not in scheme_names:
                raise UsageError(
                    f"{self.word} {self.name}: is not a result file ({', '.join(RESULT_ENDINGS)}) or a scheme "
                    f"(a .toml file, or in the library: {', '.join(scheme_names)})"
                    f"{nearest(self.name, scheme_names) or nearest(ending, [*RESULT_ENDINGS, '.toml'])}"
                )
        return False

    def read(self, run: Mapping[str, Any]) -> Side:
        """Return the side to compare: the result file, or a run of the scheme with the arguments of `run`.

        A run also uses this side's formula, transition and settings, which then are part of its name.
        """
        from gpit_fairshare.comparison import side_of  # noqa: PLC0415  # as above

        if self.is_file:
            return side_of(self.name)
        from gpit_fairshare.allocation import allocate, base_name  # noqa: PLC0415  # as above

        try:
            result = allocate(scheme=self.name, **self.rule, settings=self.settings, **run)
        except GpitError as fault:
            raise self._with_option_name(fault) from None
        parts = [base_name(part) for part in self.rule.values() if part]
        parts += [f"{name}={value}" for name, value in self.settings.items()]
        return side_of(result, f"{base_name(self.name)} with {', '.join(parts)}" if parts else base_name(self.name))

    def _with_option_name(self, fault: GpitError) -> GpitError:
        """Return an error about a setting of this side only with `--set-old` or `--set-new` instead of `--set`.

        Any other error is returned as it is.
        """
        match = _SETTING.match(str(fault))
        if not match:
            return fault
        setting = next((key for key in (match["key"], match["name"]) if key in self.settings), "")
        names = [key.partition("@")[0].strip() for key in self.own_settings]
        is_own = setting in self.own_settings if setting else match["name"] in names
        return UsageError(f"--set-{self.word.lower()}{str(fault)[len('--set') :]}") if is_own else fault


def _refuse_unused(sides: Sequence[_TypedSide], run: options.TypedOptions) -> None:
    """Refuse options that would have no effect: files are compared as they are.

    Raises:
        UsageError: One was given.
    """
    for side in sides:
        if side.is_file and side.flags:
            raise UsageError(f"{', '.join(side.flags)}: {side.word} is a result file, and no options apply to it")
    # Options that a side may have separately come last.
    wrong = [*run.flags(without=["max_size", *_SIDED]), *run.flags(without=set(OPTIONS) - set(_SIDED))]
    if all(side.is_file for side in sides) and wrong:
        raise UsageError(f"{', '.join(wrong)}: both are result files, and no options apply to them; give a scheme")


def _chosen_format(form: str, *, as_json: bool) -> str:
    """Return the format to print, from `--format` and `--json`; `text` if neither is given.

    Raises:
        UsageError: There is no such format, or two are asked for.
    """
    if form and form not in _PRINTED:
        raise UsageError(f"--format {form}: expected {', '.join(_PRINTED)}{nearest(form, _PRINTED)}")
    if as_json and form not in ("", "json"):
        raise UsageError(f"--json and --format {form}: give only one of them")
    return "json" if as_json else form or "text"
