"""What is typed in the what-if is read as `--set` reads it, and written so that it can be typed again."""

from __future__ import annotations

import itertools
import random
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from gpit_fairshare.allocation import allocate
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.reports.page.controls import slider_range, what_if_data
from gpit_fairshare.reports.page.model import page_model
from gpit_fairshare.scheme.model import ParameterValue
from gpit_fairshare.scheme.values import Setting
from gpit_fairshare.scheme.written_numbers import number
from javascript import CALCULATION, run_script
from tiers import slow

if TYPE_CHECKING:
    from gpit_fairshare.engine import Result

SCRIPTS = (*CALCULATION, "words.js", "measures.js", "settings.js")
UNITS = ("£", "people", "£ per head", "%", "ratio", "years", None)
OWN = ("140000000", "0.5", "-10%", "1/3", "33.3333333333333333%", "1e-40", "1e40", "0", "-0.25")
TEXTS = """
1 0 -5 +5 0.1 .5 5. 1e6 1E-6 1_500_000 1__0 _1 1_ 1/6 -1/3 1/0 0/1 5% -5% +5% 5.% .5% 0% -0% 1/3% 10 -10 1.5 100%
1000% *0.97 *-2 *+2 *1/3 *5% *0 *1e-30 *1e30 *1e60 +3% -3% -150% 200*0.97 200+3% 5%*2 5%+3% 1e6-3% 1e-3% 1e5+2.5%
200000000*0.97 1/3*0.5 33%*1/3 1e51 1e-51 -1e51 1e9999 1e99999 nan inf £5 1,000 1,000.50 £1.5m 226m −5% –5 5k 2bn
abc a'b a"b a'"b x=y é * + - % / . e5 1e 5%% 5-3 --5 +-5 1.2.3 0x10 ١ 1e+5 2e-5% 1.2.3% 5*2*3 5*+3% 0.1*3 0.7*3% 1e50*1
"""


def hard_texts(seed: int = 20, size: int = 1_500) -> list[str]:
    """Return texts that people may type as a value: numbers, changes, mistakes, and their parts in any order."""
    draw = random.Random(seed)
    pieces = [
        "1",
        "25",
        "0.125",
        ".5",
        "3%",
        "1/7",
        "e",
        "E5",
        "-",
        "+",
        "*",
        "%",
        "_",
        " ",
        "/",
        "1e-9",
        "99999999",
        ",",
    ]
    drawn = ["".join(draw.choice(pieces) for _ in range(draw.randrange(1, 6))) for _ in range(size)]
    drawn += [f"{draw.uniform(-1, 2):.{draw.randrange(12)}f}%" for _ in range(size // 3)]
    drawn += [f"*{draw.uniform(0, 2):.{draw.randrange(9)}f}" for _ in range(size // 3)]
    spaced = [" 5 ", "* 0.97", "200 *0.5", "5 %", "200 + 3%", "200\t-3%", "9" * 90, "x" * 300, "1" * 1_001]
    return [text for text in (*TEXTS.split(), *spaced, *drawn) if text.strip()]


@pytest.mark.parametrize("unit", [UNITS[0], *map(slow, UNITS[1:])])
def test_texts_are_read_as_set_reads_them(unit: str | None) -> None:
    """The number, the value as written, or the refusal is the same for two thousand texts, whatever the value was."""
    texts = hard_texts()
    owns = [(number(own), own) for own in OWN]
    cases = [(text, *own) for text, own in zip(texts, itertools.cycle(owns))]
    cases += [(text, *own) for text in ("*0.97", "*1/3", "+3%", "-150%", "*-2", "*1e60") for own in owns]

    in_page = run_script(
        """return DATA.cases.map(([text, value, written]) => {
          try {
            const setting = readSetting("budget@2015/16", text, { value, written }, DATA.unit);
            return [setting.value, setting.written];
          } catch (fault) {
            if (!(fault instanceof Refusal)) throw fault;
            return [fault.message];
          }
        });""",
        data={"cases": cases, "unit": unit},
        scripts=SCRIPTS,
    )

    expected = [read_by_python(*case, unit) for case in cases]
    wrong = [(case, got, own) for case, got, own in zip(cases, in_page, expected, strict=True) if got != own]
    assert wrong[:10] == []


def read_by_python(text: str, value: float, written: str, unit: str | None) -> list[Any]:
    """Return what `--set budget@2015/16=TEXT` gives a parameter, or its message."""
    try:
        setting = Setting.read(f"budget@2015/16={text}")
        settled = setting.apply(ParameterValue(value, written), unit, "2015/16")
    except UsageError as fault:
        return [str(fault)]
    return [settled.value, settled.as_written]


PAGE = """
const model = makeModel(DATA.model, FORMULAS);
const state = new Map((DATA.state ?? []).map(([name, texts]) => [name, new Map(texts)]));
"""


def in_page(body: str, result: Result, state: Any = (), **data: Any) -> Any:
    """Return what JavaScript returns for a run, with the texts typed for its parameters as `state`."""
    formulas, page = page_model(result)
    everything = {**page, "whatIf": what_if_data(result), "state": state, **data}
    return run_script(PAGE + body, data=everything, scripts=SCRIPTS, extra=formulas)


@pytest.fixture(scope="module")
def pace_of_change() -> Result:
    """A run whose bounds name other parameters."""
    return allocate(sample=True, transition="pace-of-change", with_effects=False)


@pytest.mark.parametrize(
    "typed",
    [
        {"lower_band": "11%"},
        {"lower_band": "12%", "upper_band": "11.5%"},
        {"lower_band@2015/16": "50%"},
        {"upper_band": "1%"},
        {"growth_above_upper_band": "-40%"},
        {"furthest_under_target": "101%"},
        {"revenue_budget": "-1"},
        {"minimum_cash_growth": "-60%", "growth_above_upper_band@2014/15": "-70%"},
    ],
    ids=str,
)
def test_bounds_are_those_of_the_run(pace_of_change: Result, typed: dict[str, str]) -> None:
    """A value out of bounds is refused in gpit's words in its first year, also where the bound is a parameter."""
    with pytest.raises(GpitError) as refused:
        allocate(sample=True, transition="pace-of-change", settings=typed)

    state: dict[str, list[Any]] = {}
    for name, text in typed.items():
        parameter, _, year = name.partition("@")
        state.setdefault(parameter, []).append([year, text])
    body = "try { settle(model, state); } catch (fault) { return fault.message; } return null;"
    assert in_page(body, pace_of_change, [*state.items()]) == str(refused.value)


def test_values_within_bounds_are_numbers_that_differ(pace_of_change: Result) -> None:
    """5% typed again is no change, and a setting of one year changes that year only."""
    state = [["lower_band", [["", "0.05"]]], ["upper_band", [["2015/16", "*1.5"]]]]
    body = "return [...changedNumbers(model, settle(model, state))].map(([name, years]) => [name, [...years]]);"

    assert in_page(body, pace_of_change, state) == [["upper_band", [["2015/16", 0.15]]]]


SETTINGS_OF_RUN = {"revenue_budget": "130e6", "support_share@2015/16": "40%"}
WORDS = ["gpit", "allocate", "--sample", "--set", "revenue_budget=130e6", "--set", "support_share@2015/16=40%"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ([], WORDS),
        ([["transition_fund", [["", " *0.97 "]]]], [*WORDS, "--set", "transition_fund=*0.97"]),
        # The run itself set the budget: a change of that is written as a value, because --set changes the scheme's.
        ([["revenue_budget", [["", "*0.5"]]]], [*WORDS[:3], *WORDS[5:], "--set", "revenue_budget=65000000"]),
        ([["support_share", [["2015/16", "0.3"]]]], [*WORDS[:5], "--set", "support_share@2015/16=0.3"]),
    ],
    ids=["as written", "a change", "of a setting", "of a year"],
)
def test_the_command_gives_the_same_run(state: Any, expected: list[str]) -> None:
    """Words of the command are the options of the run and its settings; each parameter and year is set once."""
    result = allocate(sample=True, settings=SETTINGS_OF_RUN, with_effects=False)

    assert in_page("return commandWords(model, DATA, state);", result, state) == expected


AWKWARD = [
    "plain",
    "a b",
    "it's",
    'say "so"',
    "$HOME `x` \\",
    "stage_weight[primary]=*0.97",
    "é;|&<>(){}",
    "",
    "%PATH%",
    "‘’",
]


def test_words_survive_a_shell() -> None:
    """A POSIX shell gives back every word; in PowerShell each quotation mark, curved or not, is doubled inside '…'."""
    shell, power_shell = run_script(
        "return [DATA.map(shellWord), DATA.map(powerShellWord)];", data=AWKWARD, scripts=SCRIPTS
    )

    printed = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {' '.join(shell)}"], capture_output=True, check=True, encoding="utf-8"
    )
    assert printed.stdout.splitlines() == AWKWARD
    assert shlex.split(" ".join(shell)) == AWKWARD
    assert power_shell[:3] == ["plain", "'a b'", "'it''s'"]
    assert power_shell[4:6] == ["'$HOME `x` \\'", "'stage_weight[primary]=*0.97'"]
    assert power_shell[-1] == "'‘‘’’'"


def test_an_address_gives_back_the_settings(pace_of_change: Result) -> None:
    """Settings written into an address are read from it; what is no setting is named, and nothing is an error."""
    state = [["lower_band", [["", "5 %"]]], ["revenue_budget", [["", "*0.97"]]]]
    body = """const fragment = fragmentOf(state);
    const { state: read, unknown } = readFragment(model, fragment + DATA.more);
    return [fragment, [...read].map(([name, texts]) => [name, [...texts]]), unknown];"""
    more = "&constructor=5&%E0%A4%A=1&lower_band@1999/00=1&revenue_budget&=3&__proto__=1"

    fragment, read, unknown = in_page(body, pace_of_change, state, more=more)

    assert fragment == "#lower_band=5%20%25&revenue_budget=*0.97"
    assert read == state
    assert unknown == ["constructor", "%E0%A4%A", "lower_band@1999/00", "revenue_budget", "", "__proto__"]


def test_a_parameter_whose_values_differ_by_year_is_set_year_by_year() -> None:
    """An address that sets it for all years sets each year, as the controls have one for each."""
    result = allocate(sample=True, with_effects=False)
    body = "return [...readFragment(model, DATA.fragment).state].map(([name, texts]) => [name, [...texts]]);"

    every_year = in_page(body, result, fragment="#support_share=0.4")
    single_year = in_page(body, result, fragment="#support_share@2015/16=0.4")

    assert every_year == [["support_share", [["2014/15", "0.4"], ["2015/16", "0.4"]]]]
    assert single_year == [["support_share", [["2015/16", "0.4"]]]]


def test_sliders_cover_the_bounds_or_a_fifth_each_way(pace_of_change: Result) -> None:
    """Both bounds are the ends of a slider; with one or none it covers a fifth each way, cut at that bound."""
    parameters = pace_of_change.scheme.parameters
    ends = {name: slider_range(pace_of_change.scheme, parameters[name], "2014/15") for name in parameters}

    assert ends["furthest_under_target"] == (0.0, 1.0)
    assert ends["lower_band"] == (0.0, 0.1), "its most is the upper band, 10%"
    assert ends["revenue_budget"] == (112e6, 168e6)
    assert ends["minimum_cash_growth"] == pytest.approx((-0.5, -0.384)), "its least is -50%"
    assert ends["growth_above_upper_band"] == pytest.approx((-0.6, -0.4))
