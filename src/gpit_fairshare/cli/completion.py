"""What a shell offers after Tab: names of the library, and the words that an option takes.

Where nothing fits what was typed, shells offer files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002  # typer reads it from the annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def of_library(*kinds: str) -> Callable[[typer.Context], list[tuple[str, str]]]:
    """Return what offers the names of the library of these kinds, each with its kind, and the rule files here.

    `--kind` or `--no-plugins` before the name leave others out. Nothing is read but names of files.
    """

    def complete(context: typer.Context) -> list[tuple[str, str]]:
        from gpit_fairshare.cli.defaults import FILE  # noqa: PLC0415  # start-up time
        from gpit_fairshare.scheme.library import all_library_files  # noqa: PLC0415

        wanted = {str(context.params.get("kind"))} & {*kinds} or {*kinds}
        plugins_left_out = any(place.params.get("no_plugins") for place in (context, context.find_root()))
        files = all_library_files(with_plugins=not plugins_left_out)
        names = {file.name: file.kind for file in files if file.kind in wanted}
        files_here = [path.name for path in sorted(Path().glob("*.toml")) if path.name != FILE]
        return [*sorted(names.items()), *((name, "file") for name in files_here)]

    return complete


def of_words(words: Sequence[str]) -> Callable[[], list[str]]:
    """Return what offers these words."""
    return lambda: [*words]
