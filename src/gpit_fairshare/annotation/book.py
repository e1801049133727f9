"""The sheets of a workbook as its first part lists them, and how one more is added at the end."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.annotation.markup import Unfit, add, child, children, elements, insert, quoted, whole

if TYPE_CHECKING:
    from lxml import etree

    from gpit_fairshare.annotation.package import Package

WORKSHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_ORDER: Final = (  # what comes before the names that the workbook defines
    "fileVersion",
    "fileSharing",
    "workbookPr",
    "workbookProtection",
    "bookViews",
    "sheets",
    "functionGroups",
    "externalReferences",
    "definedNames",
)
_HIGHEST_SHEET_ID: Final = 65_534


class Page(NamedTuple):
    """A sheet: its name, its part, and whether it is made of cells; a chart sheet is not."""

    name: str
    part: str
    cells: bool


class Book:
    """The list of sheets; names are one name if they differ in capital and small letters only."""

    def __init__(self, package: Package) -> None:
        """Read the list.

        Raises:
            Unfit: there is none, or a sheet of it has no part.
        """
        self._package = package
        root = package.tree(package.workbook)
        listed = child(root, "sheets")
        if listed is None:
            raise Unfit("it lists no sheets", package.workbook)
        self._listed = listed
        self.pages: dict[str, Page] = {}
        for entry in children(listed, "sheet"):
            part = package.target(package.workbook, identifier=package.dialect.reference(entry))
            name = entry.get("name", "")
            if not part or not name or name.casefold() in self.pages:
                raise Unfit(f"the sheet '{name}' has no part, no name or the name of another", package.workbook)
            page = Page(name, part, package.content_type(part) == WORKSHEET_TYPE)
            self.pages[name.casefold()] = page

    def free_name(self, name: str) -> str:
        """Return a name that no sheet has: the one asked for, or with ` (gpit)`, ` (gpit 2)` behind it."""
        tried, number = name, 1
        while tried.casefold() in self.pages:
            tried = f"{name} (gpit)" if number == 1 else f"{name} (gpit {number})"
            number += 1
        return tried

    def append(self, name: str, root: etree._Element) -> None:
        """Add a sheet under a free name behind the others, so that what counts sheets from the first stays right."""
        package = self._package
        workbook = package.edit(package.workbook)
        reference = package.add(package.workbook, "worksheet", "worksheets/sheet{}.xml", root, WORKSHEET_TYPE)
        identifiers = {whole(entry, "sheetId", 0) for entry in children(self._listed, "sheet")}
        highest = max(identifiers, default=0) + 1
        free = highest if highest <= _HIGHEST_SHEET_ID else min(set(range(1, highest)) - identifiers)
        entry = add(self._listed, "sheet", name=name, sheetId=str(free))
        package.dialect.refer(entry, reference)
        names = child(workbook, "definedNames")
        if names is None:
            names = insert(workbook, "definedNames", _ORDER)
        # Excel keeps the range of a sheet's filter under this name too.
        filtered = next(iter(children(root, "autoFilter"))).get("ref", "")
        area = f"{quoted(name)}!{_absolute(filtered)}"
        position = str(len(self.pages))
        add(names, "definedName", area, name="_xlnm._FilterDatabase", localSheetId=position, hidden="1")
        self._list_title(name)
        part = package.target(package.workbook, identifier=reference)
        self.pages[name.casefold()] = Page(name, part, cells=True)

    def _list_title(self, name: str) -> None:
        """Enter the sheet among the titles that the file's properties list, if they list those of this workbook."""
        part = self._package.target("", kind="extended-properties") or self._package.target(
            "", kind="extendedProperties"
        )
        if not part:
            return
        root = self._package.tree(part)
        counts = next((pair for heading in children(root, "HeadingPairs") for pair in elements(heading)), None)
        titles = next((list_ for heading in children(root, "TitlesOfParts") for list_ in elements(heading)), None)
        if counts is None or titles is None:
            return
        first = next((one for variant in children(counts, "variant")[1:2] for one in elements(variant)), None)
        sheets = [page.name for page in self.pages.values() if page.cells]
        listed = elements(titles)
        # The worksheets come first, under a heading in the language of whoever saved the file.
        if first is None or first.text != str(len(sheets)) or [one.text for one in listed[: len(sheets)]] != sheets:
            return
        self._package.edit(part)
        first.text = str(len(sheets) + 1)
        last = listed[len(sheets) - 1]
        title = copy.deepcopy(last)
        title.text = name
        last.addnext(title)
        titles.set("size", str(len(listed) + 1))


def _absolute(cells: str) -> str:
    """Return a range as a name refers to it: `A1:C5` → `$A$1:$C$5`."""
    return re.sub(r"\$?([A-Z]+)\$?([0-9]+)", r"$\1$\2", cells)
