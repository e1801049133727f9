"""The parts of GitHub's runner that the workflows of this project need: their steps, run in bash.

`python tests/support/workflow.py FOLDER` makes a repository from a folder, with a main branch and a pull request, and
runs its workflow. Steps of other people's actions (checkout, setup-python, upload-artifact) are skipped; the project's
own action is used from this checkout. Calls of `gh` are written to a file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
OWN = re.compile(r"gpit-fairshare/gpit-fairshare@")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*(?:\(\))?)|(?P<sign>==|!=|&&|\|\||!|\(|\)))"
)
GH = """#!/bin/sh
printf '%s\\n' "$*" >>"$GH_LOG"
for word; do last=$word; done
case "$*" in *--edit-last*) [ -e "$GH_LOG.body" ] || exit 1 ;; esac
cp "$last" "$GH_LOG.body"
"""


@dataclass
class Step:
    """The outcome of a step."""

    name: str
    code: int | None
    """Exit code; None if it was skipped."""
    printed: str = ""


@dataclass
class Job:
    """A job on its machine: contexts, files that GitHub would read, and the outcomes of its steps."""

    repository: Path
    temp: Path
    event: dict[str, Any]
    event_name: str = "pull_request"
    overrides: dict[str, str] = field(default_factory=dict)
    """Values that replace the workflow's inputs of the project's action."""
    path: str = ""
    """Folders to put before those of PATH."""
    steps: list[Step] = field(default_factory=list)
    failed: bool = False

    @property
    def summary(self) -> str:
        """The summary of the job."""
        file = self.temp / "summary"
        return file.read_text("utf-8") if file.exists() else ""

    @property
    def comment(self) -> str:
        """The comment in the pull request; empty if nothing was written."""
        file = self.temp / "gh.body"
        return file.read_text("utf-8") if file.exists() else ""

    def run(self, workflow: Path) -> None:
        """Run every job of a workflow."""
        for job in yaml.safe_load(workflow.read_text("utf-8"))["jobs"].values():
            self._steps(job["steps"], {})

    def _steps(self, steps: list[dict[str, Any]], inputs: dict[str, str]) -> None:
        outputs: dict[str, dict[str, str]] = {}
        github = {"event": self.event, "event_name": self.event_name, "action_path": str(ROOT), "token": "a token"}
        contexts = {"inputs": inputs, "github": github, "steps": outputs, "runner": {"temp": str(self.temp)}}
        for step in steps:
            name = step.get("name") or step.get("uses") or step["run"].splitlines()[0]
            is_to_run = "if" not in step or _value(
                str(step["if"]).strip().removeprefix("${{").removesuffix("}}"), contexts
            )
            if not is_to_run or (self.failed and "always()" not in str(step.get("if"))):
                self.steps.append(Step(name, None))
            elif "run" in step:
                outputs[step.get("id", "")] = {"outputs": self._run(name, step, contexts)}
            elif OWN.match(step["uses"]):
                self._action(step, contexts)
            else:
                self.steps.append(Step(name, None))

    def _action(self, step: dict[str, Any], contexts: dict[str, Any]) -> None:
        action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
        values = {name: filled(str(value), contexts) for name, value in step.get("with", {}).items()}
        assert values.keys() <= action["inputs"].keys()
        defaults = {name: filled(str(entry.get("default", "")), contexts) for name, entry in action["inputs"].items()}
        self._steps(action["runs"]["steps"], defaults | values | self.overrides)

    def _run(self, name: str, step: dict[str, Any], contexts: dict[str, Any]) -> dict[str, str]:
        """Run a step in bash, as GitHub does, and return its outputs."""
        place = self.repository / filled(step.get("working-directory", "."), contexts)
        output_file = self.temp / "output"
        output_file.write_text("", "utf-8")
        shims = self.temp / "shims"
        shims.mkdir(exist_ok=True)
        (shims / "gh").write_text(GH, "utf-8")
        (shims / "gh").chmod(0o755)
        variables = {key: filled(str(value), contexts) for key, value in step.get("env", {}).items()}
        environment = (
            os.environ
            | variables
            | {
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(output_file),
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
                "GH_LOG": str(self.temp / "gh"),
                "PATH": os.pathsep.join([str(shims), *([self.path] if self.path else []), os.environ["PATH"]]),
                "CI": "true",
            }
        )
        script = self.temp / "step.sh"
        script.write_text(filled(step["run"], contexts), "utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=place, env=environment, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        self.steps.append(Step(name, done.returncode, done.stdout + done.stderr))
        self.failed = self.failed or done.returncode != 0
        return dict(line.split("=", 1) for line in output_file.read_text("utf-8").splitlines())


def filled(text: str, contexts: dict[str, Any]) -> str:
    """Return a text with its expressions replaced by their values."""
    return _EXPRESSION.sub(lambda match: str(_value(match[1], contexts)), text)


def _value(expression: str, contexts: dict[str, Any]) -> Any:
    """Evaluate an expression: names, texts, == != && || ! and brackets."""
    return _Expression(expression, contexts).either()


class _Expression:
    """An expression, read from left to right."""

    def __init__(self, text: str, contexts: dict[str, Any]) -> None:
        self.contexts = contexts
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            assert match, text
            self.tokens.append((str(match.lastgroup), match[match.lastgroup or 0]))
            position = match.end()

    def takes(self, *signs: str) -> str:
        """Take the next sign if it is one of these."""
        return self.tokens.pop(0)[1] if self.tokens and self.tokens[0][1] in signs else ""

    def either(self) -> Any:
        """Evaluate the operands of `||`; return the first that is not empty."""
        value = self.both()
        while self.takes("||"):
            other = self.both()
            value = value or other
        return value

    def both(self) -> Any:
        """Evaluate the operands of `&&`."""
        value = self.compared()
        while self.takes("&&"):
            other = self.compared()
            value = value and other
        return value

    def compared(self) -> Any:
        """Evaluate one comparison, or a single value."""
        value = self.single()
        sign = self.takes("==", "!=")
        return (value == self.single()) == (sign == "==") if sign else value

    def single(self) -> Any:
        """Evaluate a name, a text or an expression in brackets."""
        if self.takes("!"):
            return not self.single()
        if self.takes("("):
            value = self.either()
            assert self.takes(")")
            return value
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if text == "always()":
            return True
        value: Any = self.contexts
        for part in text.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value


def repository_of(folder: Path, place: Path) -> str:
    """Make a repository from a folder, with one commit on main; return the commit."""
    shutil.copytree(folder, place)
    git(place, "init", "--quiet", "--initial-branch=main")
    return commit(place, "The rule as it is")


def commit(place: Path, message: str) -> str:
    """Commit everything; return the commit."""
    git(place, "add", "--all")
    git(place, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", message)
    return git(place, "rev-parse", "HEAD")


def git(place: Path, *words: str) -> str:
    """Run git; return what it prints."""
    done = subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main(folder: Path) -> int:
    """Run the workflow of a folder in a new environment, as for a pull request that changes nothing."""
    with tempfile.TemporaryDirectory() as room:
        place, temp = Path(room) / "repository", Path(room) / "temp"
        temp.mkdir()
        base = repository_of(folder, place)
        subprocess.run([sys.executable, "-m", "venv", Path(room) / "environment"], check=True)
        job = Job(place, temp, {"pull_request": {"number": 1, "base": {"sha": base}}})
        job.path = str(Path(room) / "environment" / "bin")
        (workflow,) = (place / ".github" / "workflows").iterdir()
        job.run(workflow)
        lines = [f"{'skipped' if step.code is None else f'exit code {step.code}'}: {step.name}" for step in job.steps]
        lines += [step.printed for step in job.steps if step.code]
        sys.stdout.write("\n".join([*lines, job.comment, ""]))
        return 1 if job.failed or not job.comment else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
