"""Tell words that another version of gpit writes differently from figures, formulas and data.

A title, label, note or message may be worded differently in each version. Numbers, codes, names of organisations,
formulas and parameters may not.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.verification.model import DifferenceKind, FileDifference
from gpit_fairshare.words import numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEYS_OF_WORDS: Final = frozenset(
    [
        *("title", "label", "note", "assumption", "about", "text", "where", "illustrative", "checks.name", "because"),
        *("found", "expected", "remedy", "said"),
    ]
)
"""Keys of documents and manifests whose texts are there for people alone."""
_NAMES_OF_CHECKS: Final = frozenset(("checks.name", "checks.where"))
"""Keys of words that may have other numbers: those that a check tests are in its formula, which is compared."""
_INDEX: Final = re.compile(r"\[[0-9]+\]")


@dataclass(frozen=True, slots=True)
class Wording:
    """Which texts of a run are data."""

    data: frozenset[str]

    @classmethod
    def of_run(cls, rows: pl.DataFrame, definition: Mapping[str, Any]) -> Wording:
        """Collect the texts of a run that are data and not words.

        Args:
            rows: The tidy table; its texts, such as codes and names, are data.
            definition: The scheme as its manifest has it; its formulas, names, units and choices are data, but not its
                labels and notes, nor texts of digits.
        """
        cells = {str(cell) for column in rows.select(pl.selectors.string()) for cell in column.unique()}
        texts = {text for path, text in _texts_by_path(definition) if not _is_words_key(path)}
        # Texts of digits alone are compared as numbers.
        return cls(frozenset(cells | {text for text in texts if text.strip("0123456789.")}))

    def is_entry_reworded(self, difference: FileDifference) -> bool:
        """Return whether an entry of a document or manifest has a key that holds words, and differs in words alone.

        Words are two texts that are not data, with no number changed; names of checks may have other numbers.
        """
        actual, expected = difference.found, difference.expected
        if difference.kind != DifferenceKind.VALUE or not isinstance(actual, str) or not isinstance(expected, str):
            return False
        if {actual, expected} & self.data or not _is_words_key(difference.place):
            return False
        return _last_keys(difference.place) in _NAMES_OF_CHECKS or _has_numbers_of(actual, expected)


def _has_numbers_of(actual: str, expected: str) -> bool:
    """Return whether one of two texts has all the numbers of the other."""
    numbers, numbers_now = (Counter(numbers_in(text)) for text in (actual, expected))
    return numbers <= numbers_now or numbers_now <= numbers


def _last_keys(path: str) -> str:
    """Return the last two keys of a path without positions in lists: `steps.label` of `definition.steps[3].label`."""
    return ".".join(_INDEX.sub("", path).split(".")[-2:])


def _is_words_key(path: str) -> bool:
    """Return whether the entry at a path, such as `steps[3].label`, holds words for people."""
    keys = _last_keys(path)
    return keys in _KEYS_OF_WORDS or keys.rpartition(".")[2] in _KEYS_OF_WORDS


def _texts_by_path(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a document, after its path without positions in lists, such as `.steps.label`."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts_by_path(entry, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts_by_path(entry, path)
    elif isinstance(value, str):
        yield path, value
