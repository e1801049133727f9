"""What all formats do alike: which blocks a file shows, which items are numbered, which addresses are links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gpit_fairshare.reports import document as doc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NUMBERED: Final = re.compile(r"\d+\.")
WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>]+")


def in_file(blocks: Sequence[doc.Block]) -> Iterator[doc.Block]:
    """Yield what a file shows, in blocks of the plainer kinds."""
    for block in blocks:
        match block:
            case doc.OnScreen():
                pass
            case doc.Beside():
                yield from block.tables
            case doc.Listing():
                yield from block.items
                if block.count > len(block.items):
                    yield doc.Item(block.more.format(f"{block.count - len(block.items):,}"))
            case doc.Findings():
                for heading, findings in doc.by_level(block.findings):
                    yield heading
                    yield from (doc.Item(str(finding), f"{finding.number}: ") for finding in findings)
            case _:
                yield block
