"""Ctrl-C, SIGTERM and SIGHUP: gpit stops as after an error, so that drafts and folders of its own go away."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import Stopped

if TYPE_CHECKING:
    from types import FrameType

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


def raise_on_signals() -> None:
    """Raise `Stopped` on signals, from now on; those that are ignored, as under nohup, stay ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def ignore_signals() -> None:
    """Let no signal break into what is left to do: cleaning up and leaving."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> None:
    ignore_signals()
    raise Stopped(number)
