"""Choose which parameters of a test belong to the fast tier and which are marked slow. Their ids stay the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


def slow(*values: Any) -> Any:
    """Return the values of one run of a test, marked slow."""
    return pytest.param(*values, marks=pytest.mark.slow)


def name_of(value: Any) -> str:
    """Return the name of a function, and other values as text."""
    return getattr(value, "__name__", str(value))


def slow_but(fast: Collection[str], values: Iterable[Any]) -> list[Any]:
    """Return the values of one argument, all marked slow except those named in `fast`."""
    return [value if name_of(value) in fast else slow(value) for value in values]


def fast_but(slow_names: Collection[str], values: Iterable[Any], name: Callable[[Any], str] = name_of) -> list[Any]:
    """Return the values of one argument; those named in `slow_names` are marked slow."""
    return [slow(value) if name(value) in slow_names else value for value in values]
