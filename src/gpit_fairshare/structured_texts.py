"""Strict parsing of JSON and TOML, which refuses ambiguous texts and texts that take too long to parse.

All JSON is written here, too.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

DEEPEST: Final = 32
"""Levels of lists and tables in TOML, and parts of a dotted key. No file of gpit has more than ten."""
_TOO_DEEP: Final = f"lists or tables are nested too deeply; {DEEPEST} levels are allowed"
_TOO_LONG_KEY: Final = f"a dotted key has too many parts; {DEEPEST} are allowed"
_TOO_LONG: Final = "a number has too many digits"
_TOML: Final = re.compile(
    r'''"""(?:[^\\"]++|\\.|"(?!""))*(?:"{3,5}|\Z)|"(?:[^\\"\n]++|\\[^\n])*"?'''
    r"""|'''(?:[^']++|'(?!''))*(?:'{3,5}|\Z)|'[^'\n]*+'?|\#[^\n]*+|[\[\]{}=,.\n]""",
    re.DOTALL,
)
"""A text in quotes (even without its end), a comment, or a character that separates keys, values and levels.

No group is repeated possessively, with `*+`: Python 3.11.2, which Debian 12 has, then matches another text.
"""


class TextError(ValueError):
    """Raised if JSON or TOML is refused."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place


def parse_json(text: str | bytes) -> Any:
    """Return the contents of a JSON document.

    Raises:
        TextError: An object has a key twice, a number is not finite or has too many digits, or levels are nested too
            deeply.
        JSONDecodeError: It is not JSON; this is a `ValueError`, too.
        UnicodeDecodeError: It is not in UTF-8, UTF-16 or UTF-32; this is a `ValueError`, too.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_finite_number, parse_constant=_finite_number)
    except RecursionError:
        raise TextError("lists or objects are nested too deeply") from None
    except (TextError, json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # Python does not read a whole number of more than 4,300 digits
        raise TextError(_TOO_LONG) from None


def parse_toml(text: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the contents of a TOML text, with or without a byte order mark, with either line end.

    The parts of keys and the levels of brackets are counted first: the parser's time and memory grow with the square of
    a key's parts, and each bracket makes it recurse. `parse_float` makes a number from the text of each decimal number.

    Raises:
        TextError: Levels are nested too deeply, a key has too many parts, or a number too many digits.
        tomllib.TOMLDecodeError: It is not TOML; this is a `ValueError`, too.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    _check_nesting(text)
    try:
        table = tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # as above
        raise TextError(_TOO_LONG) from None
    _check_depth(table)
    return table


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dictionary.

    Raises:
        TextError: The object has a key twice.
    """
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in table if keys.count(key) > 1)
        raise TextError(f"the key '{one_line(twice)}' is given twice in one object; give it once")
    return table


def _finite_number(text: str) -> float:
    """Return the number that a text in JSON states.

    Raises:
        TextError: The number is infinite or NaN.
    """
    number = float(text)
    if number - number != 0:  # infinities and NaN
        raise TextError(f"{text[:40]} is not a finite number")
    return number


def _check_nesting(text: str) -> None:
    """Check that a TOML text is safe to parse: few parts in a key, and few levels of brackets.

    They are counted in the text itself, outside quotes and comments.

    Raises:
        TextError: A key has too many parts, or brackets are nested too deeply.
    """
    parts, level = 1, 0
    for match in _TOML.finditer(text):
        sign = match[0]
        if sign == ".":
            parts += 1
        elif sign in "[]{}=,\n":
            parts = 1
            level += (sign in "[{") - (sign in "]}")
        if parts > DEEPEST or level > DEEPEST:
            line = text.count("\n", 0, match.start()) + 1
            raise TextError(_TOO_LONG_KEY if parts > DEEPEST else _TOO_DEEP, f"line {line}")


def _check_depth(document: dict[str, Any]) -> None:
    """Check the levels of lists and tables in a parsed TOML document.

    Raises:
        TextError: They are nested too deeply.
    """
    level: list[Any] = [document]
    for _ in range(DEEPEST + 1):
        level = [
            entry
            for node in level
            for entry in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
            if isinstance(entry, dict | list)
        ]
        if not level:
            return
    raise TextError(_TOO_DEEP)


def json_text(value: Any) -> str:
    """Return a value as JSON that UTF-8 can encode, with whole numbers as integers and a line feed at the end."""
    text = json.dumps(_whole_floats_as_ints(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return text.encode(errors="backslashreplace").decode()  # half a character stays an escape


def _whole_floats_as_ints(value: Any) -> Any:
    """Return a value with the whole floats below 2**53 in it, at any depth, as integers: 667914, not 667914.0.

    Tuples become lists; anything else stays the same.
    """
    if isinstance(value, float) and value == int(value) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_floats_as_ints(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_floats_as_ints(entry) for entry in value]
    return value
