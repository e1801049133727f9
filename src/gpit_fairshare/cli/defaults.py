"""The file `gpit.toml` in the current folder: values of options that then need not be typed.

Only the command line reads it: what a Python function returns never depends on the current folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import digest_of
from gpit_fairshare.run_options import OPTIONS, OptionKind
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpit_fairshare.reports.document import Document

FILE: Final = "gpit.toml"
_LARGEST: Final = 1_000_000
"""Bytes that it may have; far more than any run needs."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the file gives, and which of it a run uses."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """Everything that it gives, by the name of the field in `RunOptions`; empty if there is no such file."""
    sha256: str = ""
    used: Sequence[str] = ()
    """Names of the values that no typed option replaces."""

    @property
    def keys(self) -> list[str]:
        """Return the keys whose values the run uses."""
        return [OPTIONS[name].key for name in self.used]

    def named_in(self, document: Document) -> Document:
        """Return a report that says below its title what the file gives; unchanged without a title, or if nothing."""
        from gpit_fairshare.reports.document import Paragraph, Title  # noqa: PLC0415  # not for --help

        blocks = [*document.blocks]
        below = next((index for index, block in enumerate(blocks, 1) if isinstance(block, Title)), 0)
        if self.used and below:
            blocks.insert(below, Paragraph(f"Defaults from {FILE}: {joined(self.keys)}."))
        return replace(document, blocks=blocks)

    def entry(self) -> dict[str, Any] | None:
        """Return the manifest's entry for the file; None if the run uses nothing of it."""
        return {"file": FILE, "sha256": self.sha256, "keys": self.keys} if self.used else None

    def with_key(self, fault: UsageError) -> UsageError:
        """Return an error about a value of the file with the file and its key, in place of the option.

        Any other error is returned unchanged.
        """
        message = str(fault)
        for name in self.used:
            option = OPTIONS[name]
            # A message about a scheme that does not exist begins with `scheme NAME`.
            subject = f"{option.key if option.kind is OptionKind.RULE else option.flag} "
            if message.startswith(subject):
                return UsageError(f"{FILE}: {option.key} {message.removeprefix(subject)}", *fault.findings)
            if option.kind is OptionKind.FILES and any(
                re.match(rf"{re.escape(file)}[ :]", message) for file in _names_in_messages(self.values[name])
            ):
                return UsageError(f"{FILE}: {option.key}: {message}", *fault.findings)
        return fault


def _names_in_messages(files: Sequence[str]) -> Iterator[str]:
    """Yield the names with which a message about one of the files begins: with its sheet, and without."""
    from gpit_fairshare.inputs.files.reading import split_sheet  # noqa: PLC0415  # polars loads here, not for --help

    for text in files:
        name, _ = split_sheet(text)
        yield from (text, name, str(Path(name)))


def read_defaults() -> Defaults:
    """Return what the file in the current folder gives; nothing if there is no such file.

    Raises:
        UsageError: It cannot be read, is too large, is not TOML, or has an unknown key or a value of another type.
    """
    if not os.path.lexists(FILE):  # a link that leads nowhere is an error
        return Defaults()
    if Path(FILE).is_file() and Path(FILE).stat().st_size > _LARGEST:
        raise UsageError(f"{FILE}: is larger than {_LARGEST:,} bytes; expected a short file of options")
    from pydantic import ValidationError, create_model  # noqa: PLC0415  # only if there is a file: start-up time

    from gpit_fairshare.cases.shape import OF_A_RUN  # noqa: PLC0415  # as above
    from gpit_fairshare.scheme.faults import first_error, shape_errors  # noqa: PLC0415  # as above
    from gpit_fairshare.scheme.files import read_toml  # noqa: PLC0415  # as above
    from gpit_fairshare.scheme.shape import Entry  # noqa: PLC0415  # as above

    names = {option.key: name for name, option in OPTIONS.items() if option.in_defaults}
    model = create_model("_Defaults", __base__=Entry, **{key: OF_A_RUN[OPTIONS[names[key]].kind] for key in names})
    text, data = read_toml(Path(FILE), UsageError)
    try:
        content = model.model_validate(data)
    except ValidationError as fault:
        raise UsageError(f"{FILE}: {first_error(shape_errors(fault, data, model))}") from None
    values = {name: value for key, name in names.items() if (value := getattr(content, key))}
    return Defaults(values, digest_of(text.encode()))
