"""Two tiers of tests: the README's command runs the fast one; `scripts/check --all` and CI run both."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from running import ROOT

FAST = "not slow and not libreoffice"
SLOW = "slow or libreoffice"
needs_bash = pytest.mark.skipif(not shutil.which("bash"), reason="the scripts are run in bash")


def options_of(line):
    """Return the words after pytest in the last command of a line."""
    words = shlex.split(line.rpartition("&&")[2])
    return words[next(place for place, word in enumerate(words) if word.endswith("pytest")) + 1 :]


def test_readme_command_excludes_only_the_two_markers():
    """The README's command excludes only tests of the slow tier, marked slow or libreoffice."""
    script = ROOT / "scripts" / "readme_command.py"
    done = subprocess.run([sys.executable, script, "test command"], capture_output=True, encoding="utf-8", check=True)

    assert options_of(done.stdout.strip()) == ["-q", "-n", "2", "--dist", "worksteal", "-m", FAST]


def test_markers_of_the_project(pytestconfig):
    """pyproject.toml has the markers slow and libreoffice, each with a description, and no other."""
    settings = (ROOT / "pyproject.toml").read_text("utf-8").partition("markers = [")[2].partition("\n]")[0]
    own = [line.strip().strip('",').partition(": ") for line in settings.strip().splitlines()]

    assert [name for name, _, _ in own] == ["slow", "libreoffice"]
    assert all(f"{name}: {text}" in pytestconfig.getini("markers") and text for name, _, text in own)


@needs_bash
@pytest.mark.parametrize(("option", "markers"), [("", ["-m", FAST]), ("--all", []), ("--without-tests", None)])
def test_check_runs_the_tiers_of_its_option(tmp_path, option, markers):
    """Without an option it runs the fast tier, with --all every test, with --without-tests none."""
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("ruff", "mypy", "lint-imports", "python", "pytest"):
        (programs / name).write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$0.called"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check", tmp_path / "scripts")
    subprocess.run(["bash", tmp_path / "scripts" / "check", *option.split()], capture_output=True, check=True)
    called = programs / "pytest.called"

    if markers is None:
        assert not called.exists()
    else:
        assert called.read_text("utf-8").splitlines() == ["-q", "-n", "2", "--dist", "worksteal", *markers]


def test_ci_runs_both_tiers():
    """After the README's test command, .ci/run runs all other tests."""
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    fast = lines.index('tier fast "$test_command"')

    assert 'test_command=$(python3 scripts/readme_command.py "test command")' in lines[:fast]
    (slow,) = [line for line in lines[fast:] if line.startswith("tier slow ")]
    assert options_of(slow.removeprefix("tier slow ").strip("'")) == [
        "-q",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "-m",
        SLOW,
    ]


def test_every_job_of_the_workflow_runs_both_tiers():
    """Each job runs .ci/run, or the README's test command and then the slow tier."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text("utf-8"))["jobs"]

    for job in jobs.values():
        steps = [step["run"] for step in job["steps"] if "run" in step]
        commands = job.get("strategy", {}).get("matrix", {}).get("command", ["test command"])
        if steps != ["bash .ci/run"]:
            assert "test command" in commands
            fast = next(place for place, step in enumerate(steps) if "readme_command.py" in step)
            assert any(step.endswith(f'pytest -q -n 2 --dist worksteal -m "{SLOW}"') for step in steps[fast + 1 :])


@pytest.mark.parametrize(
    ("closings", "sums"),
    [
        (["4019 passed in 80.39s (0:01:20)", "815 passed in 600.00s (0:10:00)"], "4834 passed, 0 failed, 0 skipped"),
        (["3 passed, 2 skipped in 1.00s", "1 failed, 9 passed, 4 warnings in 1.0s"], "12 passed, 1 failed, 2 skipped"),
        (["=== 1 failed, 2 passed, 1 skipped, 2 errors in 9.00s ==="], "2 passed, 3 failed, 1 skipped"),
        (["5 skipped in 1.00s"], "0 passed, 0 failed, 5 skipped"),
        (["no tests ran in 0.01s"], None),
        (["ERROR: usage: pytest [options]"], None),
    ],
)  # fmt: skip
def test_counts_of_both_tiers_are_added_up(tmp_path, closings, sums):
    """Passed, failed and skipped tests of all runs are added up; a run that did not finish is exit code 2."""
    logs = [tmp_path / str(number) for number in range(len(closings))]
    for log, closing in zip(logs, closings, strict=True):
        log.write_text(f"7 passed in 1.00s\n....F [100%]\n1 passed of 3\n{closing}\n" if sums else closing, "utf-8")
    script = ROOT / "scripts" / "pytest_counts.py"
    done = subprocess.run([sys.executable, script, *logs], capture_output=True, encoding="utf-8", check=False)

    assert (done.returncode, done.stdout) == ((0, f"{sums}\n") if sums else (2, ""))
