"""Scripts find the commands in README.md, which are run for every change."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "readme_command.py"
MARKERS = {
    "first command": "bash",
    "test command": "bash",
    "first command, PowerShell": "powershell",
    "test command, PowerShell": "powershell",
}


def printed(readme: Path, marker: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of the script."""
    done = subprocess.run([sys.executable, SCRIPT, marker, readme], capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("marker", MARKERS)
def test_readme_has_the_command(marker):
    """Each marker is once in README.md, above a block of one line that is fenced with the name of its shell."""
    code, command, message = printed(ROOT / "README.md", marker)
    assert (code, message) == (0, "")

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shell = re.search(rf"^```(\w+)\n[^\n]*{re.escape(command.strip())}", text, re.MULTILINE)
    assert shell is not None
    assert shell[1] == MARKERS[marker]


@pytest.mark.parametrize("name", ["first command", "test command"])
def test_powershell_does_the_same_and_stops(name):
    """The PowerShell line has the steps of the bash line, each only if the step before succeeded.

    Windows PowerShell 5.1 has no `&&`. Each step is inside the `if ($?) { … }` of the step before it: in a flat row
    of `if`s, one that is skipped could hide the failure from the next.
    """
    steps = printed(ROOT / "README.md", name)[1].strip().split(" && ")
    assert len(steps) == 3

    translated = [re.sub(r"^python3 ", "py ", step).replace(".venv/bin/", ".venv\\Scripts\\") for step in steps]
    assert printed(ROOT / "README.md", f"{name}, PowerShell")[1].strip() == "; if ($?) { ".join(translated) + " }" * 2


def readme(folder: Path, text: str) -> Path:
    """Return the path of a README with this text."""
    path = folder / "README.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_command_under_its_marker(tmp_path):
    """Only the line of the block under the marker is printed."""
    path = readme(
        tmp_path,
        "# Café\n\n```bash\nother\n```\n\n<!-- a -->\n\n```bash\nright && so \n```\n\n<!-- a, b -->\n```\nx\n```\n",
    )

    assert printed(path, "a") == (0, "right && so\n", "")
    assert printed(path, "a, b") == (0, "x\n", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no marker\n```bash\nx\n```\n", "should be once alone on a line, but was found 0 times"),
        ("In `<!-- a -->` text\n```bash\nx\n```\n", "but was found 0 times"),
        ("<!-- a -->\n```\nx\n```\n<!-- a -->\n```\nx\n```\n", "but was found 2 times"),
        ("<!-- a -->\ntext\n```bash\nx\n```\n", "has no fenced block directly below it"),
        ("<!-- a -->\n```bash\nx\n", "has no fenced block directly below it"),
        ("<!-- a -->\n```bash\nx\ny\n```\n", "should have one line, but has 2"),
        ("<!-- a -->\n```bash\n\n```\n", "should have one line, but has 0"),
    ],
)
def test_no_command_is_exit_code_2(tmp_path, text, message):
    """No command is printed, and one line describes the problem in the README."""
    code, command, error = printed(readme(tmp_path, text), "a")

    assert (code, command) == (2, "")
    assert error.startswith("README.md: ")
    assert message in error
    assert error.count("\n") == 1


def test_no_readme_is_exit_code_2(tmp_path):
    """Without a README the script prints one line, not a traceback."""
    code, command, error = printed(tmp_path / "README.md", "a")

    assert (code, command) == (2, "")
    assert error.count("\n") == 1
