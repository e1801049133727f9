"""Earlier names of the Python API: they still work, and a `DeprecationWarning` names the new name."""

from __future__ import annotations

import sys
import warnings
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

P = ParamSpec("P")
R = TypeVar("R")


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now {new}; the old name will be removed", DeprecationWarning, stacklevel=3)


def renamed_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module whose names have changed, given as old to new names.

    An old name gives a warning and the value of the new one; any other raises `AttributeError`.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name}", names[name])
        return getattr(sys.modules[module], names[name])

    return get


def renamed_attribute(old: str, new: str) -> property:
    """Return a property that gives an attribute under its old name, with a warning."""

    def get(instance: Any) -> Any:
        _warn(f"{type(instance).__name__}.{old}", new)
        return getattr(instance, new)

    return property(get, doc=f"Earlier name of `{new}`.")


def renamed_argument(old: str, new: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function one of whose arguments has a new name.

    An argument with the old name gives a warning and is passed on under the new name.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*arguments: P.args, **named: P.kwargs) -> R:
            if old in named:
                _warn(f"{function.__name__}({old}=…)", f"{new}=…")
                named[new] = named.pop(old)
            return function(*arguments, **named)

        return call

    return decorate
