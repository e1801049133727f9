"""The options of a run: each is described once, and every place that uses options has it."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields

import pytest

from gpit_fairshare import allocate, check
from gpit_fairshare.cases.shape import RunEntry
from gpit_fairshare.run_options import OPTIONS, OptionKind, RunOptions
from running import ROOT, gpit


def test_every_field_is_an_option():
    """Each field has its name on the command line, and no two have the same."""
    assert list(OPTIONS) == [field.name for field in fields(RunOptions)]
    assert len({option.flag for option in OPTIONS.values()}) == len(OPTIONS)


def test_a_manifest_has_every_option():
    """The `run` of a manifest has each option once, sorted by kind."""
    run = allocate(sample=True, with_effects=False).manifest["run"]
    kinds = list(OptionKind)
    by_key = {option.key: kinds.index(option.kind) for option in OPTIONS.values()}

    assert set(run) == set(by_key)
    assert [by_key[key] for key in run] == sorted(by_key.values())


def test_a_case_has_every_option():
    """A case may use every option of `gpit allocate`."""
    assert set(RunEntry.model_fields) == {option.key for option in OPTIONS.values()}


@pytest.mark.parametrize(("function", "own"), [(allocate, "with_effects"), (check, "organisation")])
def test_arguments_are_documented(function, own):
    """Each argument is keyword-only and described in the docstring."""
    parameters = inspect.signature(function).parameters
    documented = re.findall(r"^    (\w+): ", inspect.getdoc(function).split("Returns:")[0], re.MULTILINE)

    assert {*OPTIONS, own} <= set(parameters)
    assert documented == list(parameters)
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("verb", ["allocate", "explain"])
def test_verbs_take_every_option(verb):
    """`gpit allocate` and `gpit explain` take all of them."""
    flags = re.findall(r"^ +(--[a-z-]+)", gpit(verb, "--help", folder=ROOT).stdout.decode(), re.MULTILINE)

    assert {option.flag for option in OPTIONS.values()} <= set(flags)


def test_a_setting_of_one_side_that_is_no_pair(tmp_path):
    """It is refused with the name of its own option, like a setting for both sides."""
    done = gpit("compare", "gpit-2014-16", "gpit-2014-16", "--sample", "--set-old", "much", folder=tmp_path)

    assert done.returncode == 2
    assert done.stderr.decode().strip() == "gpit: error: --set-old much: expected NAME=VALUE or NAME@2015/16=VALUE"


def test_options_load_nothing_heavy():
    """The table of options is read for every `--help`, so it loads neither Pydantic nor Polars."""
    code = "import sys, gpit_fairshare.run_options; print(sorted({'pydantic', 'polars', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout.decode().strip() == "[]"
