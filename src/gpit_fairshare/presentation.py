"""How objects of the Python API present themselves: a short text, a report in a notebook, and files.

Reports and files are made by `reports`, a higher layer. Only this module reaches up to it, when a caller asks for one.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Class = TypeVar("Class", bound=type)

_LONGEST: Final = 300
"""Characters of a short text: three lines of a notebook."""
_LONGEST_VALUE: Final = 60
_FRAME_HEIGHT: Final = 800
"""Pixels of a page in a notebook."""


def short_repr(data_class: Class) -> Class:
    """Give a data class a `repr` that a notebook can show: its fields with short values, and long ones counted.

    Fields without a value are left out.
    """

    def text(instance: Any) -> str:
        values = [(field.name, getattr(instance, field.name)) for field in fields(instance)]
        entries = [f"{name}={_short(value)}" for name, value in values if not _is_empty(value)]
        return cut(f"{type(instance).__name__}({', '.join(entries)})")

    changed: Any = data_class
    changed.__repr__ = text
    return data_class


def cut(text: str, longest: int = _LONGEST) -> str:
    """Return a text of at most so many characters; a longer one ends in an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _is_empty(value: Any) -> bool:
    """Return whether a value is None or has nothing in it."""
    return value is None or (isinstance(value, Sized) and not len(value))


def _short(value: Any) -> str:
    """Return a value in a few characters: a long text is cut, and of anything large only the length is named."""
    if isinstance(value, str):
        return repr(cut(str(value), _LONGEST_VALUE))
    if isinstance(value, Sized):
        # The length decides first: the whole text of a table or a manifest takes time.
        whole = repr(value) if len(value) <= 3 else ""
        return whole if whole and len(whole) <= _LONGEST_VALUE else f"<{type(value).__name__} of {len(value):,}>"
    return cut(repr(value), _LONGEST_VALUE)


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """A report as a page in one HTML file: shown in a notebook, or written to share."""

    html: str
    """The whole page, as the text of a file."""
    subject: str
    """What it is about."""

    def __repr__(self) -> str:
        return cut(f"<Page of {self.subject}, {len(self.html.encode()) / 1e6:.1f} MB; see .html, .write(path)>")

    def write(self, path: str | Path) -> Path:
        """Write the page to a file, whose name must end in `.html`, and return its path.

        Raises:
            UsageError: The file cannot have this name or place.
            OutputError: The file cannot be written.
        """  # noqa: DOC502 - raised by what it calls
        written: Path = _renderers().write_page(self.html, path)
        return written

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own: its scripts run, but cannot reach the notebook or its login."""
        from html import escape  # noqa: PLC0415  # its table of entities takes a millisecond

        rights = 'sandbox="allow-scripts allow-downloads"'
        size = f'width="100%" height="{_FRAME_HEIGHT}"'
        return f'<iframe {rights} srcdoc="{escape(self.html)}" title="{escape(self.subject)}" {size}></iframe>'


class Presented:
    """Base of what the public calls return: it has a report, shown in a notebook and written to files."""

    __slots__ = ()

    def write(self, *paths: str | Path) -> list[Path]:
        """Write the report to files; each ending says the format: `.html` or `.md`, for a comparison also others.

        Those are `.xlsx`, `.json` and `.csv`. Either all files are written or none.

        Returns:
            The files written.

        Raises:
            UsageError: A file cannot have this name or place.
            OutputError: A file cannot be written.
        """  # noqa: DOC502 - raised by what it calls
        return self._write(paths)

    def _write(self, paths: Sequence[str | Path], **options: Any) -> list[Path]:
        """Write files, with the options of `write`, and return them."""
        written: list[Path] = _renderers().write(self, paths, **options)
        return written

    def _markdown(self, **options: Any) -> str:
        """Return the report as Markdown; the options are those of the function that makes it."""
        return str(_renderers().markdown(self, **options))

    def _summary(self) -> str:
        """Return a run in one line."""
        return str(_renderers().summary(self))

    def _repr_html_(self) -> str:
        """Return the report as a piece of HTML, which a notebook shows instead of the `repr`."""
        return str(_renderers().html(self))


class PresentedAsPage(Presented):
    """Base of a result and a comparison, whose report is also a page to share."""

    __slots__ = ()

    def report(self) -> Page:
        """Return the report as a page in one file with charts, as `-o page.html` writes; that of a run recalculates.

        Returns:
            A `Page`: a notebook shows it at the end of a cell, `write("page.html")` writes it, `html` is its text.

        Raises:
            UsageError: The extra for its charts is not installed; the message says what to type.
            OutputError: The drawing library of the charts has a version that this gpit does not know.
        """  # noqa: DOC502 - raised by what it calls
        return Page(*_renderers().page(self))


def _renderers() -> Any:
    """Return the module that makes reports and files; it is far above this one, and loads when it is first used."""
    return import_module("gpit_fairshare.reports.notebook")
