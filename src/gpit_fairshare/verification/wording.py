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

from gpit_fairshare.verification.model import NOTE, TITLE, DifferenceKind, FileDifference
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
_KINDS: Final = frozenset((DifferenceKind.VALUE, DifferenceKind.FORMULA, DifferenceKind.CONSEQUENCE))
_LITERAL: Final = re.compile(r'"((?:[^"]|"")*)"')
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

    def is_cell_reworded(self, difference: FileDifference) -> bool:
        """Return whether a difference is only in wording: two texts that are not data, with no number changed.

        Formulas may differ only in their quoted texts; that of a title or note may also join them differently.
        """
        found, expected = difference.found, difference.expected
        if difference.kind not in _KINDS or not isinstance(found, str) or not isinstance(expected, str):
            return False
        if difference.kind == DifferenceKind.FORMULA:
            is_note = difference.about in (TITLE, NOTE)
            return (
                self._is_text_reworded(*map(_literals, (found, expected)))
                if is_note
                else self._is_formula_reworded(found, expected)
            )
        return self._is_text_reworded(found, expected)

    def is_entry_reworded(self, difference: FileDifference) -> bool:
        """Return whether an entry of a document or manifest has a key that holds words, and differs in words alone."""
        return _is_words_key(difference.place) and self.is_cell_reworded(difference)

    def _is_formula_reworded(self, found: str, expected: str) -> bool:
        """Return whether two formulas differ only in texts in quotation marks, and these only in words."""
        if _LITERAL.sub('""', found) != _LITERAL.sub('""', expected):
            return False
        pairs = zip(_LITERAL.findall(found), _LITERAL.findall(expected), strict=True)
        return all(old == new or self._is_text_reworded(old, new) for old, new in pairs)

    def _is_text_reworded(self, found: str, expected: str) -> bool:
        """Return whether two texts may differ in words alone: neither is data, and one has all numbers of the other."""
        if {found, expected} & self.data:
            return False
        numbers, numbers_now = (Counter(numbers_in(text)) for text in (found, expected))
        return numbers <= numbers_now or numbers_now <= numbers


def _literals(formula: str) -> str:
    """Return the texts in quotation marks of a formula, joined."""
    return " ".join(_LITERAL.findall(formula))


def _is_words_key(path: str) -> bool:
    """Return whether the entry at a path, such as `steps[3].label`, holds words for people."""
    *_, parent, key = ("", *_INDEX.sub("", path).split("."))
    return key in _KEYS_OF_WORDS or f"{parent}.{key}" in _KEYS_OF_WORDS


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
