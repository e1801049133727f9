"""The charts' drawing library: Vega, Vega-Lite and Vega-Embed as one script, and the licences of all it holds.

The script comes from the package vl-convert-python, the extra `report`. To make it takes over a second, so it is kept
in the user's cache folder; reading it takes milliseconds and does not import that package.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import suppress
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from gpit_fairshare.errors import OutputError
from gpit_fairshare.files import in_place, read_regular
from gpit_fairshare.words import joined

MISSING: Final = (
    "vl-convert-python is not installed, so the page has no charts and no what-if; "
    "to add them, type: pip install 'gpit-fairshare[report]'"
)
"""What is missing without the extra `report`, and what to type."""
_PACKAGE: Final = "vl-convert-python"
_TRIED: Final = "1.9.0.post1"
"""The version of vl-convert-python whose libraries `notices.txt` lists."""
_LIBRARY: Final = re.compile(r"^(\S+) (\d\S*) \| ", re.MULTILINE)
"""A library and its version in `notices.txt`."""
_REPORTED: Final = ("vega", "vega-lite", "vega-embed", "vega-themes")
"""The libraries whose versions vl-convert-python reports."""
_EXPORT: Final = "window.vegaEmbed = vegaEmbed;"


def is_available() -> bool:
    """Return whether the extra `report` is installed."""
    return find_spec("vl_convert") is not None


def notices() -> str:
    """Return the licences of all libraries in the script, as they must be in each page that holds it."""
    return files(__package__).joinpath("notices.txt").read_text(encoding="utf-8")


def vega_script() -> str:
    """Return the script that defines `window.vegaEmbed`, ready for a `<script>` element of a page.

    Raises:
        OutputError: vl-convert-python is not installed, or holds libraries whose licences are not known.
    """
    if not is_available():
        raise OutputError(MISSING)
    known = dict(_LIBRARY.findall(notices()))
    cached = _cache_file("-".join([version(_PACKAGE), *(known[name] for name in _REPORTED)]))
    script = _read(cached) if cached else None
    if script is None:
        script = _bundle(known)
        if cached:
            _keep(cached, script)
    return script


def _cache_file(versions: str) -> Path | None:
    """Return the file in the user's cache folder for a script with these versions; None without such a folder."""
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    folder = Path(os.environ.get(name, ""))
    if not folder.is_absolute():
        try:
            folder = Path.home() / ".cache"
        except RuntimeError:  # the user has no home
            return None
    return folder / "gpit-fairshare" / f"vega-{versions}.js"


def _read(cached: Path) -> str | None:
    """Return a script from the cache; None if it is not there, or is not the script that was written."""
    with suppress(OSError, UnicodeDecodeError):
        digest, _, script = read_regular(cached).partition(b"\n")
        if digest.decode() == hashlib.sha256(script).hexdigest():
            return script.decode()
    return None


def _keep(cached: Path, script: str) -> None:
    """Write a script to the cache, after its digest; a folder that cannot be written to only costs time."""
    data = script.encode()
    with suppress(OSError, OutputError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        with in_place(cached) as draft:
            draft.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def _bundle(known: dict[str, str]) -> str:
    """Make the script with the libraries whose versions are `known`, by name.

    Raises:
        OutputError: A library has another version, or the script cannot be part of a page.
    """
    import vl_convert  # noqa: PLC0415 - only to make a script that is not in the cache

    major_and_minor = known["vega-lite"].rpartition(".")[0]
    reported = {
        "vega": vl_convert.get_vega_version(),
        "vega-lite": vl_convert.get_vegalite_versions()[-1],
        "vega-embed": vl_convert.get_vega_embed_version(),
        "vega-themes": vl_convert.get_vega_themes_version(),
    }
    others = [
        f"{name} {number}"
        for name, number in reported.items()
        if number not in (known[name], major_and_minor if name == "vega-lite" else "")
    ]
    script = "" if others else vl_convert.javascript_bundle(_EXPORT, vl_version=major_and_minor)
    if not others and f'"{known["vega-lite"]}"' not in script:
        others = [f"another vega-lite {major_and_minor}"]
    if others:
        raise OutputError(
            f"{_PACKAGE} {version(_PACKAGE)} holds {joined(others)}, whose licences this version of gpit does not know;"
            f" type: pip install '{_PACKAGE}=={_TRIED}'"
        )
    if re.search(r"</script|<!--|\r", script, re.IGNORECASE):
        raise OutputError(
            f"the script of {_PACKAGE} {version(_PACKAGE)} cannot be part of a page; "
            f"type: pip install '{_PACKAGE}=={_TRIED}'"
        )
    return script
