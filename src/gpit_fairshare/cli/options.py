"""Options that several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpit_fairshare.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return NAME=VALUE options as a dict; the same name twice is an error, not a silent choice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.rpartition("=") if option == "--map" else text.partition("=")
        if not equals or not name.strip() or not value.strip():
            form = "HEADING=COLUMN" if option == "--map" else "NAME=VALUE or NAME@2015/16=VALUE"
            raise UsageError(f"{option} {text}: expected {form}")
        if name.strip() in found:
            raise UsageError(f"{option} {name.strip()}: given twice; give it once")
        found[name.strip()] = value.strip()
    return found
