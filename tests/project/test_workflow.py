"""The action, the hooks and the example repository: every step runs unchanged, and stops what it should stop."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from documents import table
from workflow import ROOT, Job, commit, repository_of

EXAMPLE = ROOT / "examples" / "team-repository"
CI = ROOT / "docs" / "ci.md"

pytestmark = pytest.mark.skipif(not shutil.which("bash"), reason="steps of workflows are run in bash")


@pytest.fixture
def pull_request(tmp_path):
    """The example as a repository with a main branch, and a function that runs its workflow as a pull request would."""
    place, temp = tmp_path / "repository", tmp_path / "temp"
    temp.mkdir()
    base = repository_of(EXAMPLE, place)

    def run(number=1, **overrides):
        job = Job(place, temp, {"pull_request": {"number": number, "base": {"sha": base}}})
        # The tests have gpit already; .ci/run installs it as the workflow does.
        job.overrides = {"install": "false", **{name.replace("_", "-"): value for name, value in overrides.items()}}
        job.path = str(Path(sys.executable).parent)
        job.run(place / ".github" / "workflows" / "funding.yml")
        return job

    return place, run


def edit(path, old, new):
    """Replace a text that occurs once in a file."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def codes(job):
    """Return the exit codes of the steps that ran, by name."""
    return {step.name: step.code for step in job.steps if step.code is not None}


@pytest.mark.slow
def test_a_pull_request_that_changes_nothing_passes(pull_request):
    """Every step of the example's workflow passes, and the comment says that nothing differs."""
    place, run = pull_request
    job = run()

    assert set(codes(job).values()) == {0}, job.steps
    assert list(codes(job)) == [
        "Check the schemes",
        "Compare with the base",
        "Say in the pull request what changes",
        "Run the cases",
        "Write the workbook",
        "Verify the workbook",
    ]
    assert "pr comment 1 --edit-last" in (job.temp / "gh").read_text("utf-8")
    assert job.comment == job.summary
    assert (job.temp / "gpit-cases.xml").is_file()
    assert (place / "allocations.xlsx").is_file()


@pytest.mark.slow
def test_a_small_change_is_reported_and_passes(pull_request):
    """£1,000 more to share is under 5% for every organisation: the comment names the parameter; nothing fails."""
    place, run = pull_request
    edit(place / "scheme.toml", "every_year = { value = 2_000_000", "every_year = { value = 2_001_000")
    commit(place, "A little more")
    job = run()

    assert set(codes(job).values()) == {0}, job.steps
    assert "revenue_budget" in job.comment


@pytest.mark.slow
def test_a_large_change_stops_the_job_after_it_was_reported(pull_request):
    """Five times the core sum changes allocations by more than 5%: the comment says so, and then the job fails."""
    place, run = pull_request
    edit(place / "scheme.toml", "every_year = { value = 50_000", "every_year = { value = 250_000")
    commit(place, "Five times the core sum")
    job = run()

    assert job.failed
    assert [name for name, code in codes(job).items() if code] == ["Stop a change that is too large"]
    assert codes(job)["Stop a change that is too large"] == 1
    assert "core_sum" in job.comment


@pytest.mark.slow
def test_without_a_limit_a_large_change_is_reported_and_passes(pull_request):
    """If `fail-over` is empty, no change stops the job."""
    place, run = pull_request
    edit(place / "scheme.toml", "every_year = { value = 50_000", "every_year = { value = 250_000")
    job = run(fail_over="")

    assert not job.failed
    assert "core_sum" in job.comment


@pytest.mark.slow
def test_a_formula_that_breaks_its_case_stops_the_job_at_the_cases(pull_request):
    """Another rule gives figures that differ from the first case; the comment shows the changes before that."""
    place, run = pull_request
    edit(place / "my-formula.toml", 'formula = "registered_population"', 'formula = "registered_population + 1000"')
    job = run()

    assert [name for name, code in codes(job).items() if code] == ["Run the cases"]
    assert codes(job)["Run the cases"] == 1
    assert "fair_share_weight" in job.comment


@pytest.mark.slow
def test_a_scheme_with_an_error_stops_the_job_at_once(pull_request):
    """The first step reports £ added to people, with exit code 2."""
    place, run = pull_request
    edit(place / "my-formula.toml", 'formula = "registered_population"', 'formula = "registered_population + core_sum"')
    job = run()

    assert codes(job) == {"Check the schemes": 2}
    assert "people" in job.steps[-1].printed or any("people" in step.printed for step in job.steps)


@pytest.mark.slow
def test_a_new_scheme_is_not_compared(pull_request):
    """The first pull request with a scheme passes, and says that there is nothing to compare with."""
    place, run = pull_request
    for path in ("scheme.toml", "my-formula.toml"):
        shutil.move(place / path, place / f"new-{path}")
    edit(place / "new-scheme.toml", '"my-formula.toml"', '"new-my-formula.toml"')
    edit(place / "cases" / "first-case.toml", "../scheme.toml", "../new-scheme.toml")
    edit(
        place / ".github" / "workflows" / "funding.yml",
        "run: gpit allocate --scheme=scheme",
        "run: gpit allocate --scheme=new-scheme",
    )
    allocate = "--scheme=new-scheme.toml\n--population=population.csv\n--spend=spend.csv\n"
    job = run(schemes="new-scheme.toml\n\nnew-my-formula.toml", allocate=allocate)

    assert not job.failed, job.steps
    assert "othing to compare with" in job.comment


@pytest.mark.slow
def test_a_folder_of_the_repository_can_be_run(pull_request):
    """A scheme may be in a folder of a larger repository: paths start there, in the base too."""
    place, run = pull_request
    edit(place / "scheme.toml", "every_year = { value = 2_000_000", "every_year = { value = 2_001_000")
    job = run(
        folder="cases",
        schemes="../scheme.toml",
        cases=".",
        allocate="--scheme=../scheme.toml\n--population=first-case-population.csv\n--spend=first-case-spend.csv",
    )

    assert not job.failed, job.steps
    assert "revenue_budget" in job.comment


@pytest.mark.slow
def test_results_that_cannot_be_compared_stop_the_job(pull_request):
    """If no organisation is in both results, the step fails as compare does."""
    place, run = pull_request
    for name in ("population.csv", "spend.csv"):
        head, *rows = (place / name).read_text("utf-8").splitlines()
        (place / name).write_text("\n".join([head, *(f"Z{row}" for row in rows)]) + "\n", encoding="utf-8")
    job = run()

    assert [name for name, code in codes(job).items() if code] == ["Compare with the base"]
    assert codes(job)["Compare with the base"] == 2
    assert run(tolerance="abc").failed


@pytest.mark.slow
def test_the_comment_can_be_left_out(pull_request):
    """Without a comment, the summary of the job still has the comparison."""
    _, run = pull_request
    job = run(comment="false")

    assert not job.failed
    assert job.comment == ""
    assert job.summary


# The texts ----------------------------------------------------------------------------------------------


def test_the_inputs_of_the_action_are_in_the_text():
    """docs/ci.md lists the inputs and outputs of action.yml, in its order, with their defaults."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    rows = table(CI, "input", "what it is", "if it is not given")

    assert [name.strip("`") for name, _, _ in rows] == list(action["inputs"])
    for name, _, default in rows:
        if default.startswith("`"):
            assert default.strip("`") == action["inputs"][name.strip("`")]["default"]
    outputs = table(CI, "output", "what it is")
    assert [name.strip("`") for name, _ in outputs] == list(action["outputs"])


def test_the_examples_in_the_text_are_those_of_the_example():
    """The parts of workflow and hooks in docs/ci.md are the same in the example repository."""
    text = CI.read_text("utf-8")
    blocks = re.findall(r"<!-- example: from (\S+) -->\n```yaml\n(.*?)```", text, re.DOTALL)

    assert len(blocks) == 2
    for file, block in blocks:
        assert block in (ROOT / file).read_text("utf-8")


def test_the_hooks_are_in_the_text():
    """docs/ci.md lists the hooks, and each hook runs for its own files only."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    used = yaml.safe_load((EXAMPLE / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]

    assert [name.strip("`") for name, _, _ in table(CI, "hook", "what it does", "when")] == list(hooks)
    assert {hook["id"] for hook in used} == set(hooks)
    rule = re.compile(hooks["gpit-library-check"]["files"])
    assert all(rule.search(name) for name in ("scheme.toml", "rules/my-formula.toml", "a-transition.toml"))
    assert not any(rule.search(name) for name in ("pyproject.toml", "cases/first-case.toml", "my-formula.toml.orig"))
    tables = re.compile(hooks["gpit-test"]["files"])
    assert all(tables.search(name) for name in ("cases/a.toml", "population.csv", "spend.xlsx"))


def test_the_example_has_the_files_of_a_new_folder():
    """Its rule and its case are the same as those that `gpit init` writes."""
    templates = ROOT / "src" / "gpit_fairshare" / "templates" / "files"
    for name in ("scheme.toml", "my-formula.toml", "cases/first-case.toml", "cases/first-case-population.csv"):
        assert (EXAMPLE / name).read_bytes() == (templates / name).read_bytes(), name
