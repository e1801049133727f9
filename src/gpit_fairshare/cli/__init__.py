"""The command line: a thin module for each verb, and the one place where errors become exit codes.

0: done, and all checks pass. 1: done, but a check fails or results differ. 2: the input, the scheme or the command is
wrong, and nothing is written. 3: a bug in gpit. Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from gpit_fairshare.cli.help import RootGroup, leave_plugins_out, usage_problem, version_text
from gpit_fairshare.cli.output import allow_closed_pipe, print_document, print_json, print_message, stdout_problem
from gpit_fairshare.errors import FormulaError, GpitError, InputError, OutputError, Stopped, UsageError
from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from types import FrameType

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that stop gpit as an error does, so that drafts and temporary folders are removed; Windows has no SIGHUP."""
_MOMENT: Final = 0.01
"""Seconds until a lost signal is sent again."""
_STOPPED: Final = "gpit: stopped; no incomplete file is left"

app = typer.Typer(
    name="gpit",
    cls=RootGroup,
    no_args_is_help=True,
    # Plain help starts twice as fast and reads the same when it is piped.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(is_set: bool) -> None:
    """Print the version of gpit, and of all that a report of a bug needs, and exit, if `--version` is given.

    Raises:
        Exit: it is given.
    """
    if is_set:
        with allow_closed_pipe():
            typer.echo(visible(version_text()))
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the versions of gpit and its libraries, and exit.",
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when gpit itself fails.")] = False,
    no_plugins: Annotated[
        bool, typer.Option("--no-plugins", callback=leave_plugins_out, is_eager=True, help="Ignore installed plug-ins.")
    ] = False,
) -> None:
    """Allocate GP IT funding by fair share, and show every calculation."""
    del version, debug, no_plugins  # their callbacks do the work, and `_run` looks for --debug
    _refuse_unusable()


def _refuse_unusable() -> None:
    """Refuse arguments that no result could record, and a current folder that no longer exists.

    Raises:
        UsageError: There is one.
    """
    for word in sys.argv:
        printable = word.encode(errors="replace").decode()
        if printable != word:
            raise UsageError(f"{printable}: is not UTF-8, so a result cannot record it; rename the file")
    try:
        Path.cwd()
    except OSError as fault:
        raise UsageError(f"the current folder no longer exists ({fault.strerror}); change to another folder") from None


def main() -> NoReturn:
    """Run the command line and exit with its code, also after a signal; closed standard output is refused with 2."""
    if sys.stderr is None:  # closed by the calling program: messages have no reader
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open until the program ends
    if sys.stdout is None:
        print_message("gpit: error: standard output is closed, so nothing was done; send it to a file or to nul")
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        # A name that the console's code page lacks must not stop a run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.unraisablehook = _stop_again
    try:
        for signal_number in _SIGNALS:
            # Those that are ignored, as under nohup, stay ignored.
            if signal.getsignal(signal_number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(signal_number, _stop_run)
        code = _run()
        _ignore_signals()
    except Stopped as stop:
        print_message(_STOPPED)
        code = stop.exit_code
    gc.freeze()  # or Python looks through every object for cycles before it ends, which takes a tenth of a run
    sys.exit(code)


def _stop_run(signal_number: int, _frame: FrameType | None) -> None:
    """Handle a signal: stop the run, and ignore all further signals.

    Raises:
        Stopped: always.
    """
    _ignore_signals()
    raise Stopped(signal_number)


def _stop_again(lost: UnraisableHookArgs) -> None:
    """Send a signal again whose exception Python dropped, because it came while an object was removed from memory."""
    stop = lost.exc_value
    if not isinstance(stop, Stopped):
        sys.__unraisablehook__(lost)
        return
    number = stop.exit_code - 128
    signal.signal(number, _stop_run)
    # To the main thread, which may be waiting; not now, because the exception would be dropped once more.
    send = (
        partial(signal.pthread_kill, threading.get_ident()) if hasattr(signal, "pthread_kill") else signal.raise_signal
    )
    again = threading.Timer(_MOMENT, send, [number])
    again.daemon = True
    again.start()


def _ignore_signals() -> None:
    """Ignore signals while cleaning up and exiting."""
    for signal_number in _SIGNALS:
        signal.signal(signal_number, signal.SIG_IGN)


def _run() -> int:
    """Run the command of `sys.argv`, print its error if it fails, and return the exit code.

    A bug gives 3 and one line; with `--debug` it is raised.

    Raises:
        SystemExit: the command exits by itself.
    """
    debug, stdout = "--debug" in sys.argv, sys.stdout
    try:
        code = app(standalone_mode=False, prog_name="gpit")
    except GpitError as fault:
        _print_error(fault)
        return fault.exit_code
    except typer.Exit as leaving:
        return leaving.exit_code
    except SystemExit:
        # The reader of --help stopped reading: typer replaces the pipe with another stream and exits with 1.
        if sys.stdout is stdout:
            raise
        return 0
    except (typer.Abort, KeyboardInterrupt):
        print_message(_STOPPED)
        return 130
    except Exception as fault:
        if hasattr(fault, "format_message"):  # typer's own copy of click refused the command line
            message = usage_problem(fault)
            # `gpit` alone prints the help, which is not an error message.
            for line in message.splitlines() if message.startswith("Usage:") else [f"gpit: error: {message}"]:
                print_message(line)
            return 2
        if isinstance(fault, OSError):
            # --help runs nothing; every result is printed within `allow_closed_pipe`.
            is_help = not {"-h", "--help"}.isdisjoint(sys.argv)
            usage_error = UsageError(f"{fault.filename or 'a file'}: {fault.strerror or fault}")
            _print_error(OutputError(stdout_problem(fault)) if is_help else usage_error)
            return 2
        if debug:
            raise
        remedy = "run again with --debug, and report it with the lines of gpit --version"
        print_message(f"gpit: a bug in gpit: {type(fault).__name__}: {fault}; {remedy}")
        return 3
    return code if isinstance(code, int) else 0


def _print_error(fault: GpitError) -> None:
    """Print an error; also its findings, as one JSON document with --json, else as a list if several are errors."""
    print_message(f"gpit: error: {fault}")
    findings = fault.findings if isinstance(fault, InputError) else ()
    if "--json" in sys.argv:
        entries = [finding.entry() for finding in findings]
        try:
            with allow_closed_pipe():
                print_json({"schema": "gpit-error/1", "error": str(fault), "findings": entries})
        except OutputError as full:
            print_message(f"gpit: error: {full}")
    elif isinstance(fault, FormulaError):
        for line in fault.excerpt.splitlines():
            print_message(f"  {line}")
    elif sum(finding.level == "error" for finding in findings) > 1:
        from gpit_fairshare.reports.document import Document, Findings  # noqa: PLC0415  # only for a list of findings

        print_document(Document([Findings(findings)]), stderr=True)
