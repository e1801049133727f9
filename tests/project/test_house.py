"""The code and its documents stay easy to read: `scripts/house` measures, and these tests hold its bounds."""

from __future__ import annotations

import re
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest

from running import ROOT

SHARED = ROOT.parent / "shared" / "tools" / "house.py"


def script(path):
    """A program as a module, whatever its file's ending."""
    loader = SourceFileLoader("measuring", str(path))
    module = module_from_spec(spec_from_loader("measuring", loader))
    sys.modules["measuring"] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def house():
    """`scripts/house` as a module."""
    return script(ROOT / "scripts" / "house")


@pytest.mark.slow
def test_every_bound_holds(house):
    """Names, words and sizes of the project are within the bounds of `scripts/house`."""
    measures = house.measure()

    assert {name: measures.places[name] for name in measures.broken()} == {}


def test_the_bounds_are_those_agreed(house):
    """A bound may only become tighter than the figures of 2026."""
    agreed = {
        "class names in more than one module": 0,
        "vague names, per thousand": 5,
        "old-fashioned words": 20,
        "import circles": 0,
        "lines of the longest function": 80,
        "lines of the largest module": 600,
        "lines of the longest document": 400,
        "lines of README.md": 120,
    }

    assert house.BOUNDS.keys() >= agreed.keys()
    assert [name for name, bound in agreed.items() if house.BOUNDS[name] > bound] == []


def test_the_lists_of_names_and_words_only_grow(house):
    """The lists have at least as many entries as when the bounds were agreed."""
    assert len(house.VAGUE_NAMES.split()) >= 27
    assert len(house.OLD_WORDS.split(",")) >= 41


@pytest.mark.skipif(not SHARED.is_file(), reason="needs house.py of the shared folder, which is not here")
def test_the_lists_hold_those_of_the_shared_script(house):
    """Every name and word that the shared script counts is counted here too."""
    shared = script(SHARED)
    phrases = "what stands|stands|stand|stood|nobody|whoever|whatever|nought|for want of|alike|is told|mended|put down"
    counted = [phrase for phrase in phrases.split("|") if shared.ARCHAIC.search(phrase)]

    assert set(house.VAGUE_NAMES.split()) >= shared.VAGUE
    assert [phrase for phrase in counted if not house._OLD_WORD.search(phrase)] == []


def test_exceptions_have_a_reason_and_a_use(house):
    """Each exception says why the word or name must stay, and its file still has it."""
    for (place, text), reason in house.EXCEPTIONS.items():
        assert text in (ROOT / place).read_text(encoding="utf-8").lower(), (place, text)
        assert len(reason.split()) > 3


@pytest.fixture
def project(tmp_path):
    """A project of two modules and a README in which nothing is wrong."""
    package = tmp_path / "src" / "gpit_fairshare"
    for folder in (package, tmp_path / "docs", *(tmp_path / name for name in ("tests", "scripts", "benchmarks"))):
        folder.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "prices.py").write_text("def price():\n    return 1\n", encoding="utf-8")
    (package / "rates.py").write_text("from gpit_fairshare.prices import price\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("Shares.\n", encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text("Shares.\n", encoding="utf-8")
    return tmp_path


def test_a_project_without_problems_has_none(house, project):
    """Two small modules and a page break no bound."""
    assert house.measure(project).broken() == []


@pytest.mark.parametrize(
    ("path", "text", "bound", "place"),
    [
        ("src/gpit_fairshare/rates.py", "class A: ...\nclass _A: ...\n", None, ""),
        ("src/gpit_fairshare/rates.py", "found = 1\n", "vague names, per thousand", "rates.py:1: found"),
        ("tests/test_rates.py", "def f(one): ...\n", "vague names, per thousand", "tests/test_rates.py:1: one"),
        (
            "src/gpit_fairshare/prices.py",
            "def price():\n    from gpit_fairshare.rates import price\n",
            "import circles",
            "prices.py <-> rates.py",
        ),
        ("src/gpit_fairshare/prices.py", "def f():\n" + "    1\n" * 80, "lines of the longest function", "prices.py:f"),
        ("src/gpit_fairshare/prices.py", "1\n" * 601, "lines of the largest module", "prices.py"),
        ("docs/index.md", "Text.\n" * 401, "lines of the longest document", ""),
        ("README.md", "Text.\n" * 121, "lines of README.md", ""),
        ("docs/index.md", "What stands here.\n" * 21, "old-fashioned words", "docs/index.md:21: What stands"),
        ("src/gpit_fairshare/prices.py", "# nobody\n" * 21, "old-fashioned words", "prices.py:21: nobody"),
        ("src/gpit_fairshare/prices.py", '"left\\naside"\n' * 21, "old-fashioned words", "prices.py:21: left\naside"),
        ("src/gpit_fairshare/library/schemes/a.toml", "# mends\n" * 21, "old-fashioned words", "a.toml:21: mends"),
    ],
)
def test_each_problem_is_named(house, project, path, text, bound, place):
    """A vague name, a circle, a long function, module or page, and old-fashioned words are named with their place."""
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text(text, encoding="utf-8")
    measures = house.measure(project)

    assert measures.broken() == ([bound] if bound else [])
    assert bound is None or any(place in named for named in [*measures.places[bound], ""])


def test_a_class_name_in_two_modules_is_named(house, project):
    """`Price` in one module and `_Price` in another are one name for two things."""
    for name, text in (("prices", "class Price: ...\n"), ("rates", "class _Price: ...\n")):
        (project / "src" / "gpit_fairshare" / f"{name}.py").write_text(f"{text}\ndef f(): ...\n", encoding="utf-8")

    measures = house.measure(project)

    assert measures.broken() == ["class names in more than one module"]
    assert measures.places[measures.broken()[0]] == ["Price: prices.py, rates.py"]


def test_an_exception_holds_for_its_word_and_file_alone(house, project, monkeypatch):
    """A word that is excepted in README.md does not count there, and counts in another page."""
    monkeypatch.setitem(house.EXCEPTIONS, ("README.md", "nobody"), "A quotation, for this test.")
    for path in ("README.md", "docs/index.md"):
        (project / path).write_text("Nobody.\n", encoding="utf-8")

    assert house.measure(project).places["old-fashioned words"] == ["docs/index.md:1: Nobody"]


def test_the_program_prints_the_measures_and_says_whether_all_bounds_hold(house, project, capsys):
    """The program prints each bound beside its measure, then the places; it ends with 0, or 1 if a bound is broken."""
    assert house.main(project) == 0
    assert re.search(r"^old-fashioned words +0  \(at most 20\)$", capsys.readouterr().out, re.MULTILINE)

    (project / "README.md").write_text("Nobody mends it.\n" * 11, encoding="utf-8")

    assert house.main(project) == 1
    assert "README.md:11: mends" in capsys.readouterr().out
