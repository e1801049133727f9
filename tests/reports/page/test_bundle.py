"""The drawing library of the charts: where it is kept, that damage is noticed, and whose licences it needs."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from gpit_fairshare.errors import OutputError
from gpit_fairshare.reports.page import bundle

SCRIPT = 'const version="6.4.1"; window.vegaEmbed = () => 0;'
VERSIONS = {"vega": "6.2.0", "vega-lite": "6.4", "vega-embed": "7.0.2", "vega-themes": "3.0.0"}


def package(versions=VERSIONS, script=SCRIPT):
    """Return a stand-in for vl_convert that makes a short script, and counts how often."""
    made = []
    return SimpleNamespace(
        made=made,
        get_vega_version=lambda: versions["vega"],
        get_vegalite_versions=lambda: ["5.8", versions["vega-lite"]],
        get_vega_embed_version=lambda: versions["vega-embed"],
        get_vega_themes_version=lambda: versions["vega-themes"],
        javascript_bundle=lambda snippet, vl_version: made.append((snippet, vl_version)) or script,
    )


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache folder, which does not exist yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def installed(monkeypatch):
    """Install a stand-in for vl_convert."""

    def install(stand_in):
        monkeypatch.setitem(sys.modules, "vl_convert", stand_in)
        monkeypatch.setattr(bundle, "find_spec", lambda _: object())
        monkeypatch.setattr(bundle, "version", lambda _: "1.9.0.post1")
        return stand_in

    return install


def test_the_script_is_made_once(cache, installed):
    """The second page reads the script from the cache: a file whose name has every version."""
    vl_convert = installed(package())

    assert [bundle.vega_script(), bundle.vega_script()] == [SCRIPT, SCRIPT]
    assert vl_convert.made == [("window.vegaEmbed = vegaEmbed;", "6.4")]
    assert [file.name for file in cache.rglob("*.*")] == ["vega-1.9.0.post1-6.2.0-6.4.1-7.0.2-3.0.0.js"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data + b";", lambda _: b"", lambda _: b"\xff\n"]
)
def test_a_damaged_cache_is_made_again(cache, installed, damage):
    """A script that is not what was written is never put in a page."""
    vl_convert = installed(package())
    bundle.vega_script()
    file = next(cache.rglob("*.js"))
    written = file.read_bytes()
    file.write_bytes(damage(written))

    assert bundle.vega_script() == SCRIPT
    assert len(vl_convert.made) == 2
    assert file.read_bytes() == written


def test_a_cache_that_cannot_be_written_is_no_error(cache, installed):
    """Where the cache folder is a file, each page takes longer, and that is all."""
    cache.write_text("in the way")
    vl_convert = installed(package())

    assert [bundle.vega_script(), bundle.vega_script()] == [SCRIPT, SCRIPT]
    assert len(vl_convert.made) == 2


@pytest.mark.parametrize("library", VERSIONS)
def test_libraries_without_known_licences_are_refused(cache, installed, library):
    """A newer library may have another licence: its name, its version and what to type are in one line."""
    installed(package({**VERSIONS, library: "99.0"}))

    with pytest.raises(OutputError) as error:
        bundle.vega_script()

    assert str(error.value) == (
        f"vl-convert-python 1.9.0.post1 holds {library} 99.0, whose licences this version of gpit does not know; "
        "type: pip install 'vl-convert-python==1.9.0.post1'"
    )
    assert not cache.exists()


def test_a_small_update_of_vega_lite_is_noticed(cache, installed):
    """The package tells 6.4 and not 6.4.1, so the script itself must have the version."""
    installed(package(script="6.4.2"))

    with pytest.raises(OutputError, match=re.escape("holds another vega-lite 6.4, whose licences")):
        bundle.vega_script()
    assert not cache.exists()


@pytest.mark.parametrize("text", ["</SCRIPT", "<!--", "\r"])
def test_a_script_that_would_break_a_page_is_refused(cache, installed, text):
    """A script ends where the page's parser finds an end tag, even inside a text."""
    installed(package(script=f"{SCRIPT} '{text}'"))

    with pytest.raises(OutputError, match="cannot be part of a page"):
        bundle.vega_script()
    assert not cache.exists()


def test_without_the_extra_a_sentence_says_what_to_type(monkeypatch):
    """One line: what is missing, what the page lacks, and the command."""
    monkeypatch.setattr(bundle, "find_spec", lambda _: None)

    assert not bundle.is_available()
    with pytest.raises(OutputError, match=re.escape("type: pip install 'gpit-fairshare[report]'")):
        bundle.vega_script()


def test_notices_have_each_library_with_copyright_licence_and_address():
    """The licences require their texts and copyrights in every copy; one line has each library of the script."""
    lines = [line.split(" | ") for line in bundle.notices().splitlines() if " | " in line]

    assert len(lines) == 69
    assert all(len(line) == 3 and line[2].startswith("https://") for line in lines)
    assert all("Copyright" in line[1] or line[0].startswith("robust-predicates") for line in lines)
    for text in (
        "Redistributions in binary form must reproduce the above copyright notice",
        "Permission to use, copy, modify, and/or distribute this software",
        "Permission is hereby granted, free of charge, to any person",
        "This is free and unencumbered software released into the public domain.",
        "Licensed under the Apache License, Version 2.0",
    ):
        assert text in bundle.notices()
    assert not re.search(r"</|<!--|\r", bundle.notices())


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
def test_notices_name_what_the_installed_package_holds():
    """The real script defines vegaEmbed and holds the versions that the notices list; a second reading is quick."""
    pytest.importorskip("vl_convert")
    known = dict(re.findall(r"^(\S+) (\d\S*) \| ", bundle.notices(), re.MULTILINE))

    script = bundle.vega_script()
    start = time.perf_counter()
    again = bundle.vega_script()
    seconds = time.perf_counter() - start

    assert script == again
    assert "window.vegaEmbed=" in script[-100:]
    assert all(f'"{known[name]}"' in script for name in ("vega", "vega-lite", "vega-themes"))
    # Texts that only these libraries have.
    for library, text in {
        "fast-json-patch": "More info in fast-json-patch README",
        "semver": "SEMVER_SPEC_VERSION",
        "delaunator": "_delaunator",
        "buffer": "outside buffer bounds",
        "process": "setTimeout has not been defined",
        "d3-geo-projection": "mollweide",
        "topojson-client": "topojson",
    }.items():
        assert text in script
        assert re.search(rf"^{library}( \S+)? \| ", bundle.notices(), re.MULTILINE)
    assert seconds < 0.5


@pytest.mark.slow
@pytest.mark.usefixtures("cache")
def test_the_quick_path_does_not_import_the_package():
    """A page is written without loading vl-convert-python, which is large, if its script is in the cache."""
    if not importlib.util.find_spec("vl_convert"):
        pytest.skip("needs vl-convert-python")
    bundle.vega_script()
    program = (
        "import sys; from gpit_fairshare.reports.page.bundle import vega_script; vega_script();"
        " print('vl_convert' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "False"
