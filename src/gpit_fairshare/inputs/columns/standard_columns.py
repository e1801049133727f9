"""The columns in `headings.toml`, and how headings are compared with its words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from gpit_fairshare.inputs.columns.marks import bare_heading
from gpit_fairshare.inputs.columns.units import split_unit
from gpit_fairshare.structured_texts import parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.inputs.model import Kind


@dataclass(frozen=True)
class Standard:
    """A column in the headings file."""

    kind: Kind
    aliases: frozenset[str]
    weak: frozenset[str]
    last: frozenset[str]
    unit: str = ""
    option: str = ""
    only: str = ""
    words: frozenset[str] = frozenset()
    """Words of all its headings, in small letters."""


@cache
def standard_columns() -> Mapping[str, Standard]:
    """Return the columns of the headings file by name; the file is read only once."""
    columns = {}
    for name, entry in parse_toml(files(__package__).joinpath("headings.toml").read_text(encoding="utf-8")).items():
        aliases, weak, last = [name, *entry.pop("aliases")], entry.pop("weak", ()), entry.pop("last", ())
        columns[name] = Standard(
            aliases=frozenset(map(folded, aliases)),
            weak=frozenset(map(folded, weak)),
            last=frozenset(map(folded, last)),
            words=frozenset(re.findall(r"[a-z&/-]+", " ".join([*aliases, *weak, *last]).casefold())),
            **entry,
        )
    return columns


@lru_cache(maxsize=4096)
def folded(heading: str) -> str:
    """Return a heading without capital letters, spaces, punctuation and footnote marks, for comparison."""
    # Marks are removed before normalising, which turns ² into 2.
    text = unicodedata.normalize("NFKC", bare_heading(heading)).casefold()
    return "".join(filter(str.isalnum, text))


def is_named(heading: str, name: str) -> bool:
    """Return whether a heading has the name that the user gives, with or without its unit."""
    return folded(name) in (folded(heading), folded(split_unit(heading)[0]))
