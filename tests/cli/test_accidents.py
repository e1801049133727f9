"""Accidents with files, disks and signals: every command and every option for a file ends with one line.

Two tables say which places of the command line read files and which write them. They are held against the command
line itself: an option that takes a file and is in neither fails a test.
"""

from __future__ import annotations

import gc
import io
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
import pytest
import typer

from casefolders import case
from documents import pieces, quoted
from gpit_fairshare.checking import check
from gpit_fairshare.cli import _run, app
from gpit_fairshare.reports.formats import FORMATS
from gpit_fairshare.results import RESULT_ENDINGS
from running import ABCD_PEOPLE, ABCD_SPEND, ROOT, gpit, population_file, spend_file, words, write_rows
from tiers import slow, slow_but

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes, devices and signals of this kind in folders")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
MATURITY = ROOT / "docs" / "maturity.md"
ROOM = "allocate --population population.csv --transition none"
REALLOCATE = "reallocate --allocation result.csv --forecast forecast.csv --year 2014/15"
BOTH = "compare gpit-2014-16 gpit-2014-16 --population population.csv --spend spend.csv"
SOLVE = "solve revenue_budget --for total(allocation)<=5 --between 0 10 --population population.csv --transition none"
ROWS = "sweep --population population.csv --transition none"
SWEEP = f"{ROWS} --vary revenue_budget=5,10"
MATURE = "maturity --indicators practices.csv --ccg-indicators ccgs.csv"

TABLES = dict.fromkeys(("--population", "--spend", "--input", "--crosswalk"), ".csv")
RULES = dict.fromkeys(("--formula", "--transition"), ".toml")
ALL = {**TABLES, "--scheme": ".toml", **RULES}
"""Options of a run that take a file, with the ending of the file."""
ALONE = {"--crosswalk": ".csv --boundaries 2020-04-01"}
ALONE |= {option: f"{ending} --scheme gpit-2014-16" for option, ending in RULES.items()}
"""Options of `check` that need another one."""


def reading(verb: str, command: str, options: dict[str, str]) -> dict[tuple[str, str], str]:
    """Each option of a command, with a run in which it names `BAD`."""
    return {(verb, option): f"{command} {option} BAD{ending}" for option, ending in options.items()}


READS = {
    **reading("allocate", ROOM, ALL),
    ("allocate", "--letter-template"): f"{ROOM} --letters letters.md --letter-template BAD.md",
    **reading("check", "check --population population.csv", {**ALL, **ALONE}),
    ("compare", "OLD"): "compare BAD.json result.json",
    ("compare", "NEW"): "compare result.json BAD.parquet",
    **reading("compare", BOTH, TABLES),
    **reading("compare", BOTH, {f"{option}{side}": ".toml" for option in RULES for side in ("", "-old", "-new")}),
    ("explain", "--result"): "explain A --result BAD.xlsx",
    **reading("explain", "explain A --population population.csv", ALL),
    ("library show", "NAME|FILE"): "library show BAD.toml",
    ("library check", "NAME|FILE"): "library check BAD.toml",
    ("library check", "--formula"): "library check gpit-2014-16 --formula BAD.toml",
    ("library check", "--transition"): "library check gpit-2014-16 --transition BAD.toml",
    ("maturity", "--indicators"): "maturity --indicators BAD.csv",
    ("maturity", "--ccg-indicators"): "maturity --indicators practices.csv --ccg-indicators BAD.csv",
    ("maturity", "--population"): f"{MATURE} --population BAD.csv",
    ("maturity", "--allocation"): f"{MATURE} --allocation BAD.csv",
    ("population", "FILE|FOLDER"): "population BAD.csv",
    ("population", "--weights"): "population population.csv --weights BAD.toml",
    ("population", "--crosswalk"): "population population.csv --crosswalk BAD.csv --boundaries 2020-04-01",
    ("reallocate", "--allocation"): "reallocate --allocation BAD.xlsx --forecast forecast.csv --year 2014/15",
    ("reallocate", "--forecast"): "reallocate --allocation result.csv --forecast BAD.csv --year 2014/15",
    ("reallocate", "--adjustments"): f"{REALLOCATE} --adjustments BAD.csv",
    **reading("solve", SOLVE, ALL),
    ("sweep", "--scenarios"): f"{ROWS} --scenarios BAD.csv",
    **reading("sweep", SWEEP, ALL),
    ("test", "PATH"): "test BAD.toml",
    ("verify", "RESULT"): "verify BAD.csv",
    ("verify", "FILE|FOLDER"): "verify result.json BAD.csv",
}
"""Command and option (or argument, by its name in the help) to a run in which `BAD` cannot be read."""

WRITES = {
    ("allocate", "-o"): (f"{ROOM} -o OUT", (*RESULT_ENDINGS, *FORMATS)),
    ("allocate", "--letters"): (f"{ROOM} --letters OUT", (".csv", ".md")),
    ("check", "-o"): ("check --population population.csv -o OUT", tuple(FORMATS)),
    ("check", "--annotate"): ("check --population population.xlsx --annotate OUT", (".xlsx",)),
    ("compare", "-o"): ("compare result.json result.csv -o OUT", (".xlsx", ".json", ".csv", *FORMATS)),
    ("explain", "-o"): ("explain A --result result.json -o OUT", tuple(FORMATS)),
    ("init", "DIR"): ("init OUT", ("",)),
    ("library new", "NAME|FILE"): ("library new OUT", (".toml",)),
    ("maturity", "-o"): (f"{MATURE} -o OUT", (*RESULT_ENDINGS, *FORMATS)),
    ("maturity", "--by-ccg"): (f"{MATURE} --by-ccg OUT", (".csv",)),
    ("maturity", "--by-practice"): (f"{MATURE} --by-practice OUT", (".csv",)),
    ("population", "-o"): ("population population.csv -o OUT", (".csv", ".parquet", ".json")),
    ("population", "--cells"): ("population population.csv --cells OUT", (".csv", ".parquet")),
    ("reallocate", "-o"): (f"{REALLOCATE} -o OUT", (*RESULT_ENDINGS, *FORMATS)),
    ("reallocate", "--letters"): (f"{REALLOCATE} --letters OUT", (".csv", *FORMATS)),
    ("solve", "-o"): (f"{SOLVE} -o OUT", (".json", ".csv", *FORMATS)),
    ("sweep", "-o"): (f"{SWEEP} -o OUT", (*RESULT_ENDINGS, *FORMATS)),
    ("test", "--junit"): ("test cases --junit OUT", (".xml",)),
}
"""Command and option to a run that writes `OUT`, with the possible file endings."""

ONLY_NEW = {("init", "DIR"), ("library new", "NAME|FILE")}
"""Outputs that never overwrite a file."""
QUICK = {"allocate -o .csv", "check --annotate .xlsx", "library new NAME|FILE .toml", "test --junit .xml"}
OUTPUTS = [
    pytest.param(command, ending, id=name, marks=[] if name in QUICK else [pytest.mark.slow])
    for place, (command, endings) in WRITES.items()
    for ending in endings
    if (name := f"{' '.join(place)} {ending}".strip())
]
OVER = [output for output in OUTPUTS if not any(output.id.startswith(" ".join(place)) for place in ONLY_NEW)]
"""Outputs that overwrite files."""
ANSWERS = [
    *(command.replace("OUT", f"out{endings[-1]}") for command, endings in WRITES.values()),
    "explain A --population population.csv --transition none",
    "library list",
    "library show gpit-2014-16",
    "library schema",
    "library check gpit-2014-16",
    "verify result.json",
]
"""A run of every command that prints an answer."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with valid files for every command."""
    place = tmp_path_factory.mktemp("accidents")
    population_file(place, ABCD_PEOPLE)
    spend_file(place, ABCD_SPEND)
    book = openpyxl.Workbook()
    for row in (["org_code", "registered_population"], *ABCD_PEOPLE.items()):
        book.active.append(row)
    book.save(place / "population.xlsx")
    write_rows(place / "forecast.csv", [{"org_code": code, "forecast_outturn": 1} for code in ABCD_PEOPLE])
    for piece in pieces(MATURITY):
        name = next((name for name in reversed(quoted(piece.before)) if name.endswith(".csv")), "")
        if piece.kind == "csv" and name in ("practices.csv", "ccgs.csv"):
            (place / name).write_text(piece.text, encoding="utf-8")
    (place / "cases").mkdir()
    population_file(place / "cases", ABCD_PEOPLE, "abcd-population.csv")
    spend_file(place / "cases", ABCD_SPEND, "abcd-spend.csv")
    (place / "cases" / "sound.toml").write_text(case("sound"), encoding="utf-8")
    assert typed(f"{ROOM} -o result.csv -o result.json", place)[0] == 0
    return place


@pytest.fixture
def folder(made, tmp_path) -> Path:
    """A copy of the folder, for changes."""
    return Path(shutil.copytree(made, tmp_path / "here"))


@contextmanager
def no_hang(seconds: int = 60) -> Iterator[None]:
    """Fail if a pipe keeps gpit waiting."""

    def late(_number: int, _frame: object) -> None:
        raise TimeoutError("gpit hangs")

    if os.name == "nt":
        yield
        return
    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def typed(command: str | list[str], folder: Path, stdout: Any = None) -> tuple[int, str, str]:
    """Run gpit in a folder, in this process: exit code, standard output, standard error."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "replace") for _ in range(2))
    arguments = command.split() if isinstance(command, str) else command
    with (
        pytest.MonkeyPatch.context() as patch,
        chdir(folder),
        redirect_stdout(stdout or out),
        redirect_stderr(err),
        no_hang(),
    ):
        patch.setattr(sys, "argv", ["gpit", *arguments])
        patch.delenv("CI", raising=False)
        code = _run()
    for stream in (out, err):
        stream.flush()
    return code, *(stream.buffer.getvalue().decode() for stream in (out, err))


def is_refused(answer: tuple[int, str, str]) -> str:
    """Assert that a run was refused in one line, and return it."""
    code, out, err = answer
    assert code == 2, answer
    assert len(err.splitlines()) == 1, answer
    assert err.startswith("gpit: error: "), answer
    assert "Traceback" not in out + err
    return err


def contents(folder: Path) -> dict[str, bytes | str]:
    """Every file of a folder with its contents, and every link with its target."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


# The tables are complete -----------------------------------------------------------------------------------


def places_of_files() -> Iterator[tuple[str, str]]:
    """Yield each command with each of its options and arguments that names a file or a folder."""

    def verbs(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if not inner:
            yield name.strip(), command
        for key, value in (inner or {}).items():
            yield from verbs(value, f"{name} {key}")

    for verb, command in verbs(typer.main.get_command(app)):
        for option in command.params:
            metavar = option.metavar or ""
            is_path = "Path" in str(option.type_descriptor.annotation)
            if is_path or set(re.split(r"\W+", metavar)) & {
                "FILE",
                "FOLDER",
                "COPY",
                "DIR",
                "RESULT",
                "PATH",
                "OLD",
                "NEW",
            }:
                yield verb, option.opts[0] if option.param_type_name == "option" else metavar


def test_every_place_of_a_file_is_in_a_table():
    """The tables have exactly the options and arguments that take a file."""
    places = set(places_of_files())

    assert len(places) > 40
    assert set(READS) | set(WRITES) == places


def test_every_verb_prints_an_answer_in_the_table():
    """The table of answers has every command of the command line."""
    verbs = {verb for verb in typer.main.get_command(app).commands if verb != "library"}

    assert {command.split()[0] for command in ANSWERS} == {*verbs, "library"}


# Files that cannot be read ------------------------------------------------------------------------------------


def endless(path: Path) -> None:
    """A link to a device that can be read for ever."""
    path.symlink_to("/dev/zero")


BAD: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": Path.mkdir,
    "a device": endless,
    "nothing": lambda _path: None,
}
NAMES = {
    "a long name": "n" * 300,
    "a long path": "d/" * 2_500 + "n",
    "no UTF-8": "n\udcff",
}


def with_name(command: str, word: str, name: str) -> list[str]:
    """The words of a command, with one replaced."""
    return [part.replace(word, name) for part in command.split()]


FIRST_OF_A_VERB = {str(place) for place in {place[0]: place for place in reversed(READS)}.values()}
"""One place of each command, tested in the fast tier."""


@UNIX
@pytest.mark.parametrize("accident", slow_but({"a pipe"}, BAD))
@pytest.mark.parametrize("place", slow_but(FIRST_OF_A_VERB, READS), ids=" ".join)
def test_what_is_no_file_is_refused(folder, place, accident):
    """A pipe, a device, a folder and a link to itself are refused in one line by every option that reads a file."""
    (name,) = (word for word in READS[place].split() if word.startswith("BAD"))
    BAD[accident](folder / name)
    if place == ("verify", "FILE|FOLDER") and accident == "a folder":
        assert typed(READS[place], folder)[0] == 0  # a folder is allowed here
        return
    if place == ("test", "PATH") and accident == "a folder":
        assert "no case found" in is_refused(typed(READS[place], folder))
        return
    code, out, err = typed(READS[place], folder)
    if place[0] == "library check":  # its answer lists the problems
        assert (code, err) == (2, "")
        assert "BAD.toml" in out
        return
    assert "BAD" in is_refused((code, out, err))


@UNIX
@pytest.mark.parametrize("name", slow_but({"n" * 300}, NAMES.values()), ids=list(NAMES))
@pytest.mark.parametrize("place", slow_but(FIRST_OF_A_VERB, READS), ids=" ".join)
def test_what_no_file_can_be_called_is_refused(folder, place, name):
    """A name of 300 letters, a path of 5,000 and a name that is not UTF-8 are refused in one line."""
    code, out, err = typed(with_name(READS[place], "BAD", name), folder)
    if place[0] == "library check" and err == "":
        assert code == 2
        return
    is_refused((code, out, err))


def test_a_sheet_of_a_file_with_a_long_name(folder):
    """FILE:SHEET with a long name is refused, too."""
    is_refused(typed(["allocate", "--population", f"{'n' * 300}.xlsx:Data"], folder))
    is_refused(typed(["allocate", "--population", f"population.xlsx:{'n' * 300}"], folder))


@UNIX
@pytest.mark.parametrize(
    "command", ["allocate --population popul.csv --json", "compare resul.json x.json", "test case"]
)
def test_a_folder_with_names_that_are_not_utf8(folder, command):
    """A misspelt name in such a folder gives one line; files with names that cannot be typed are not suggested."""
    for name in (b"popul\xff.csv", b"resul\xff.json", b"case\xff", b"popul\n.csv"):
        (folder / os.fsdecode(name)).write_bytes(b"")
    message = is_refused(typed(command, folder))

    assert "did you mean" in message
    assert "\\udcff" not in message


@UNIX
def test_a_case_with_a_name_that_is_not_utf8(folder):
    """The case is run, and shown with the printable part of its name."""
    shutil.copy(folder / "cases" / "sound.toml", folder / "cases" / os.fsdecode(b"other\xff.toml"))
    code, out, err = typed("test cases --json", folder)

    assert (code, err) == (0, "")
    assert "cases/other\ufffd.toml::sound" in out


@UNIX
def test_a_pipe_as_a_file_of_expected_figures(folder):
    """A pipe as a file of expected figures neither blocks gpit nor is written to."""
    os.mkfifo(folder / "cases" / "pipe.expected.csv")
    text = case("pipe", 'expected_file = "pipe.expected.csv"\n', origin="regression", figures="")
    (folder / "cases" / "pipe.toml").write_text(text, encoding="utf-8")
    for option in ("", "--update"):
        code, _, err = typed(f"test cases {option}", folder)
        assert code == 2
        assert "Traceback" not in err
    assert stat.S_ISFIFO((folder / "cases" / "pipe.expected.csv").stat().st_mode)


@pytest.fixture
def deep(tmp_path) -> Iterator[Path]:
    """1,200 nested folders."""
    with chdir(tmp_path):
        for _ in range(1_200):
            Path("d").mkdir()
            os.chdir("d")
    yield tmp_path / "d"
    with chdir(tmp_path):
        for _ in range(1_200):
            os.chdir("d")
        for _ in range(1_200):
            os.chdir("..")
            Path("d").rmdir()


@UNIX
@pytest.mark.parametrize("command", ["test d", "verify result.json d"])
def test_folders_nested_too_deeply(made, deep, command):
    """1,200 nested folders are searched or refused, without a bug of gpit."""
    for name in ("result.json",):
        shutil.copy(made / name, deep.parent / name)
    is_refused(typed(command, deep.parent))


@UNIX
@pytest.mark.parametrize(
    "command",
    [*ANSWERS, *(slow(command) for command in sorted({command.replace("BAD", "other") for command in READS.values()}))],
)
def test_a_folder_that_is_gone(tmp_path, command):
    """Every command says in one line that the current folder was removed."""
    (tmp_path / "gone").mkdir()
    with chdir(tmp_path):
        os.chdir("gone")
        (tmp_path / "gone").rmdir()
        err, old = io.StringIO(), sys.argv
        with redirect_stderr(err):
            sys.argv = ["gpit", *command.split()]
            try:
                code = _run()
            finally:
                sys.argv = old
    assert "the current folder no longer exists" in is_refused((code, "", err.getvalue()))


# Files that cannot be written ---------------------------------------------------------------------------------


def a_socket(path: Path) -> None:
    """A socket of a program that listens."""
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)


UNFIT: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a socket": a_socket,
    "a device": lambda path: path.symlink_to("/dev/null"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": lambda path: (path.mkdir(), (path / "README.md").write_text("mine")),
}


@UNIX
@pytest.mark.parametrize("accident", slow_but({"a pipe", "a link to itself"}, UNFIT))
@pytest.mark.parametrize(("command", "ending"), OUTPUTS)
def test_what_cannot_be_written_over_is_refused(folder, command, ending, accident):
    """A pipe, a socket, a device, a folder and a link to itself are unchanged, and nothing is written."""
    place = folder / f"out{ending}"
    UNFIT[accident](place)
    kind, before = stat.S_IFMT(place.lstat().st_mode), contents(folder)
    is_refused(typed(command.replace("OUT", place.name), folder))

    assert stat.S_IFMT(place.lstat().st_mode) == kind
    assert contents(folder) == before


@UNIX
@pytest.mark.parametrize(
    "name", [*NAMES.values(), "no/such/folder/out", "population.csv/out"], ids=[*NAMES, "no folder", "in a file"]
)
@pytest.mark.parametrize(("command", "ending"), OUTPUTS)
def test_what_no_output_can_be_called_is_refused(folder, command, ending, name):
    """A name that is too long, not UTF-8 or in a missing folder is refused in one line, and nothing is written."""
    before = contents(folder)
    is_refused(typed(with_name(command, "OUT", name + ending), folder))

    assert contents(folder) == before


@UNIX
@pytest.mark.parametrize(("command", "ending"), OVER)
def test_a_link_stays_a_link(folder, command, ending):
    """The target of a link is written, keeps its permissions, and equals a file written without a link."""
    (folder / "store").mkdir()
    kept = folder / "store" / f"kept{ending}"
    kept.write_bytes(b"old")
    kept.chmod(0o640)
    (folder / f"out{ending}").symlink_to(f"store/kept{ending}")
    code, _, err = typed(command.replace("OUT", f"out{ending}"), folder)
    plain = typed(command.replace("OUT", f"plain{ending}"), folder)

    assert (code, err) == (plain[0], "")
    assert str((folder / f"out{ending}").readlink()) == f"store/kept{ending}"
    assert kept.read_bytes() == (folder / f"plain{ending}").read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize(("command", "ending"), OVER)
def test_a_file_that_another_program_holds_open(folder, command, ending, monkeypatch):
    """Excel on Windows locks a file that is open: gpit says so before it prints an answer."""
    held, opened = folder / f"out{ending}", Path.open
    held.write_bytes(b"old")

    def locked(path, mode="r", *arguments, **options):
        if path == held and mode == "r+b":
            raise PermissionError(13, "Permission denied")
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", locked)
    code, out, err = typed(command.replace("OUT", held.name), folder)

    assert (code, out) == (2, "")
    assert "is open in another program or write-protected" in words(err.encode())
    assert held.read_bytes() == b"old"


@UNIX
@pytest.mark.parametrize(("command", "ending"), [output for output in OUTPUTS if output.id != "init DIR"])
def test_a_new_file_has_the_usual_permissions(folder, command, ending):
    """The permissions follow the umask."""
    old = os.umask(0o027)
    try:
        typed(command.replace("OUT", f"out{ending}"), folder)
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / f"out{ending}").stat().st_mode) == 0o640


@UNIX
# XlsxWriter does not close the part that it could not write; Python closes it, with a warning.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("share", [slow(0), 0.5, slow(0.99)])
@pytest.mark.parametrize(("command", "ending"), OUTPUTS)
def test_a_disk_that_is_full(folder, command, ending, share):
    """If there is room for only a part of the file, each format ends with one line, and old files are unchanged."""
    import resource  # Windows has none

    place, whole = folder / f"out{ending}", folder / f"whole{ending}"
    if command.split()[0] not in ("init", "library"):
        place.write_bytes(b"old")
    assert typed(command.replace("OUT", whole.name), folder)[0] == 0
    size = max(path.stat().st_size for path in [whole, *whole.rglob("*")] if path.is_file())
    before, limits = contents(folder), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), limits[1]))
    try:
        answer = typed(command.replace("OUT", place.name), folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    gc.collect()  # close the files that XlsxWriter left open now, not in another test

    assert place.name in is_refused(answer)
    assert contents(folder) == before


@FULL
@pytest.mark.parametrize("command", slow_but({"library schema", f"{ROOM} -o out.json"}, ANSWERS))
def test_standard_output_that_is_full(folder, command):
    """Every command ends with exit code 2 and one line; no output file is written."""
    is_new = command.split()[0] in ("init", "library")
    if not is_new:
        for ending in (".json", ".xlsx", ".csv", ".md", ".xml"):
            (folder / f"out{ending}").write_bytes(b"old")
    before = contents(folder)
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        message = is_refused(typed(command, folder, stdout=full))

    assert "standard output cannot be written" in message
    assert is_new or contents(folder) == before


def test_two_outputs_of_one_file(folder):
    """Two outputs to the same file are refused, and so is an output to an input or a rule."""
    (folder / "link.csv").symlink_to("out.csv")
    (folder / "data.csv").symlink_to("population.csv")
    (folder / "rule.csv").symlink_to("mine.toml")
    assert typed("library new mine --kind scheme", folder)[0] == 0
    before = contents(folder)
    for output, more in (
        ("out.csv -o link.csv", ""),
        ("data.csv", ""),
        ("rule.csv", "--scheme mine.toml"),
    ):
        is_refused(typed(f"{ROOM} {more} -o {output}", folder))
    assert contents(folder) == before


def test_a_marked_copy_over_another_input(folder):
    """A copy with marked errors never overwrites a crosswalk."""
    shutil.copy(folder / "population.xlsx", folder / "crosswalk.xlsx")
    before = contents(folder)
    message = is_refused(
        typed(
            "check --population population.xlsx --crosswalk crosswalk.xlsx --boundaries 2020-04-01 "
            "--annotate crosswalk.xlsx",
            folder,
        )
    )
    assert "inputs are never overwritten" in message
    assert contents(folder) == before


# gpit test --update -------------------------------------------------------------------------------------


@UNIX
@pytest.mark.parametrize("where", ["outside", "absolute", "a link", "a folder that is a link", "a case that is a link"])
def test_update_writes_in_the_folder_of_the_case_alone(folder, where):
    """Expected figures outside the case's folder, after following links, are refused, and nothing is written."""
    other, cases = folder / "other", folder / "cases"
    other.mkdir()
    file = {"outside": "../other/x.csv", "absolute": f"{other}/x.csv", "a link": "x.csv"}.get(where, "inner/x.csv")
    if where == "a link":
        (cases / "x.csv").symlink_to("../other/x.csv")
    if where == "a folder that is a link":
        (cases / "inner").symlink_to("../other")
    text = case("outer", f'expected_file = "{file}"\n', origin="regression", figures="")
    if where == "a case that is a link":
        text = case("outer", origin="regression").replace("200_000", "100_000")
        (other / "outer.toml").write_text(text, encoding="utf-8")
        (cases / "outer.toml").symlink_to("../other/outer.toml")
    else:
        (cases / "outer.toml").write_text(text, encoding="utf-8")
        (other / "x.csv").write_text("year,org_code,allocation\n2014/15,A,1\n2014/15,B,400000\n", encoding="utf-8")
    before = contents(folder)
    code, _, err = typed("test cases --update", folder)

    assert code == 2
    assert len(err.splitlines()) == 1
    assert f"is outside the folder of the case, {cases}" in err
    assert "nothing was written" in err
    assert contents(folder) == before


def test_update_prints_whole_paths(folder):
    """A file in a subfolder of the case's folder is written, and its full path is on a separate line."""
    (folder / "cases" / "inner").mkdir()
    text = case("new", 'expected_file = "inner/new.expected.csv"\n', origin="regression", figures="")
    (folder / "cases" / "new.toml").write_text(text, encoding="utf-8")
    code, out, _ = typed("test cases --update -k new", folder)

    assert code == 0
    expected_file = folder / "cases" / "inner" / "new.expected.csv"
    assert f"  {expected_file}" in out.splitlines()
    assert expected_file.is_file()


# Signals ------------------------------------------------------------------------------------------------

STRUCK = """
import os, signal, sys
from gpit_fairshare.results import writing
from gpit_fairshare.cli import main
def half(result, path, *_):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.{name})
    os.kill(os.getpid(), signal.{name})
    for _ in range(1000): pass
    print("it went on", file=sys.stderr)
writing.write_csv = half
sys.argv = ["gpit", *"{command} -o out.csv".split()]
main()
"""


def usual_signals() -> None:
    """Restore the usual handling of signals, in case the tests were started with nohup or in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def as_usual(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a program with the usual signals."""
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=usual_signals,  # noqa: PLW1509  # the tests start no threads
    )


def struck(folder: Path, name: str, before: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run gpit and send it a signal while it writes."""
    code = before + STRUCK.format(name=name, command=ROOM)
    process = as_usual([sys.executable, "-c", code], folder)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@UNIX
@pytest.mark.parametrize("name", ["SIGTERM", slow("SIGHUP"), slow("SIGINT")])
def test_a_signal_leaves_no_draft(folder, name):
    """The exit code is 128 plus the signal's number, the old file is intact, and one line says so."""
    (folder / "out.csv").write_bytes(b"old")
    before = contents(folder)
    done = struck(folder, name)

    assert done.returncode == 128 + getattr(signal, name)
    assert done.stderr == b"gpit: stopped; no incomplete file is left\n"
    assert done.stdout == b""
    assert contents(folder) == before


@UNIX
@pytest.mark.slow
def test_a_signal_that_is_ignored_stays_ignored(folder):
    """Under nohup, SIGHUP changes nothing."""
    done = struck(folder, "SIGHUP", "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n")

    assert done.returncode == 0
    assert done.stderr == b"it went on\n"


@UNIX
def test_stopped_while_libraries_load(folder):
    """Ctrl-C before the command line has loaded ends with 130 and the same line."""
    code = """
import os, runpy, signal, sys
class Strike:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Strike())
runpy.run_module("gpit_fairshare", run_name="__main__")
"""
    process = as_usual([sys.executable, "-c", code], folder)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert err == b"gpit: stopped; no incomplete file is left\n"


@UNIX
def test_a_signal_while_an_object_is_removed_is_not_lost(tmp_path):
    """Python drops an exception that is raised then; gpit stops a moment later, without a traceback."""
    code = """
import os, signal, time
import gpit_fairshare.cli as cli

class Removed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)

def run():
    Removed()
    time.sleep(30)
    return 0

cli._run = run
cli.main()
"""
    started = time.monotonic()
    process = as_usual([sys.executable, "-c", code], tmp_path)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (128 + signal.SIGTERM, b"gpit: stopped; no incomplete file is left\n")
    assert time.monotonic() - started < 20


@UNIX
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_at_any_moment_leaves_no_draft(tmp_path, name):
    """After a signal at any time, there are only complete files, and the exit code is one of three."""
    started = time.monotonic()
    command = [sys.executable, "-m", "gpit_fairshare", "allocate", "--sample", "-o", "out.csv", "-o", "out.xlsx"]
    assert gpit(*command[3:], folder=tmp_path).returncode == 0
    whole, new = time.monotonic() - started, contents(tmp_path)
    exit_codes = set()
    for step in range(8):
        for file in tmp_path.iterdir():
            file.unlink()
        process = as_usual(command, tmp_path)
        time.sleep(whole * (0.2 + step / 9))
        process.send_signal(getattr(signal, name))
        _, err = process.communicate(timeout=60)
        exit_codes.add(process.returncode)
        assert process.returncode in (0, 128 + getattr(signal, name)), err
        assert err.decode() in ("", "gpit: stopped; no incomplete file is left\n")
        assert contents(tmp_path).items() <= new.items()
    assert 128 + getattr(signal, name) in exit_codes


# The suggested size ------------------------------------------------------------------------------


def csv_of(rows: int, columns: int = 0, blank: int = 0) -> Callable[[Path], Path]:
    """A table with this many rows and further columns, followed by blank lines."""

    def write(folder: Path) -> Path:
        lines = ["org_code,patients" + "".join(f",c{number}" for number in range(columns))]
        lines += [f"C{number},{number + 1}" + ",1" * columns for number in range(rows)]
        path = folder / "table.csv"
        path.write_text("\n".join(lines) + "\n" * (blank + 1), encoding="utf-8")
        return path

    return write


def book_of(rows: int, far: str = "", sheets: int = 1) -> Callable[[Path], Path]:
    """A workbook with such a table, and a cell far away from it."""

    def write(folder: Path) -> Path:
        book = openpyxl.Workbook()
        for _ in range(sheets - 1):
            book.create_sheet().append(["nothing"])
        for row in (["org_code", "patients"], *([f"C{number}", number + 1] for number in range(rows))):
            book.active.append(row)
        if far:
            book.worksheets[-1][far] = "far"
        book.save(folder / "table.xlsx")
        return folder / "table.xlsx"

    return write


def ods_of(rows: int, repeated: int) -> Callable[[Path], Path]:
    """An OpenDocument workbook with a last row that is repeated many times."""

    def write(folder: Path) -> Path:
        cell = '<table:table-cell office:value-type="{0}" {1}><text:p>{2}</text:p></table:table-cell>'.format
        texts = [cell("string", "", "org_code") + cell("string", "", "patients")]
        texts += [
            cell("string", "", f"C{number}") + cell("float", f'office:value="{number + 1}"', number + 1)
            for number in range(rows)
        ]
        body = "".join(f"<table:table-row>{text}</table:table-row>" for text in texts)
        last = cell("string", "", "x")
        body += f'<table:table-row table:number-rows-repeated="{repeated}">{last}</table:table-row>'
        write_ods(folder / "table.ods", body)
        return folder / "table.ods"

    return write


def write_ods(path: Path, rows: str) -> None:
    """Write the parts that an OpenDocument workbook must have."""
    import zipfile

    names = "urn:oasis:names:tc:opendocument:xmlns"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    content = (
        f'<?xml version="1.0"?><office:document-content xmlns:office="{names}:office:1.0" '
        f'xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Data">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="{names}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
        archive.writestr("META-INF/manifest.xml", manifest)


def parquet_of(rows: int, text: int) -> Callable[[Path], Path]:
    """A Parquet file with a column of long texts."""

    def write(folder: Path) -> Path:
        codes = [f"C{number}" for number in range(rows)]
        frame = pl.DataFrame({"org_code": codes, "patients": list(range(1, rows + 1)), "note": ["x" * text] * rows})
        frame.write_parquet(folder / "table.parquet")
        return folder / "table.parquet"

    return write


LARGE = {
    "rows just over": csv_of(1_500),
    "rows far over": csv_of(9_000),
    "cells just over": csv_of(1_000, columns=7),
    "cells far over": csv_of(1_000, columns=150),
    "bytes, then rows": csv_of(90_000),
    "blank lines": csv_of(5, blank=40_000),
    "a workbook, bytes, then rows": book_of(20_000),
    "a workbook, cells far away": book_of(5, far="ZZ3000"),
    "a workbook, bytes, then cells": book_of(12_000, far="CV1"),
    "a second sheet that takes more": book_of(1_600, far="CV3000", sheets=2),
    "an .ods workbook, rows": ods_of(5, 9_000),
    "a Parquet file, rows": parquet_of(9_000, 3),
    "a Parquet file, rows, then texts": parquet_of(1_600, 9_000),
}


@pytest.mark.parametrize("name", slow_but({"rows far over", "blank lines", "a workbook, cells far away"}, LARGE))
def test_the_size_that_is_proposed_is_enough(tmp_path, name):
    """A run with the suggested size is not refused for the size again, for any limit."""
    path = LARGE[name](tmp_path)
    limits = [finding for finding in check(population=path, max_size=1).findings if "--max-size" in finding.remedy]
    assert len(limits) == 1
    proposed = int(re.search(r"--max-size (\d+)", limits[0].remedy)[1])
    again = check(population=path, max_size=proposed)

    assert proposed > 1
    assert [
        str(finding) for finding in again.findings if "the limit is" in finding.found or "--max-size" in finding.remedy
    ] == []
    assert again.columns


def test_a_result_that_is_too_large_names_no_option(folder, monkeypatch):
    """Results have no --max-size, so messages about their unpacked size do not suggest it."""
    assert typed(f"{ROOM} -o large.xlsx", folder)[0] == 0
    packed = (folder / "large.xlsx").stat().st_size
    monkeypatch.setattr("gpit_fairshare.results.reading.LARGEST_RESULT", packed)
    message = is_refused(typed("explain A --result large.xlsx", folder))

    assert "unpacks to" in message
    assert "--max-size" not in message


def test_words_of_a_refusal_name_the_accident(folder):
    """The line says where, what was expected and what was found."""
    os.mkfifo(folder / "pipe.json")
    assert "pipe.json: cannot be read (is a pipe, a socket or a device)" in words(
        typed("explain A --result pipe.json", folder)[2].encode()
    )
