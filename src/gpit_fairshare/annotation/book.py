"""The sheets of a workbook as its first part lists them, and how one more is added at the end."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gpit_fairshare.annotation.markup import Unfit, add, insert, whole
from gpit_fairshare.workbook.sheets import free_name, quoted

if TYPE_CHECKING:
    from lxml import etree

    from gpit_fairshare.annotation.package import Package

WORKSHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
_ORDER: Final = (
    "definedNames",
    "calcPr",
    "oleSize",
    "customWorkbookViews",
    "pivotCaches",
    "smartTagPr",
    "smartTagTypes",
    "webPublishing",
    "fileRecoveryPr",
    "webPublishObjects",
    "extLst",
)
"""The names that the workbook defines, and what comes after them."""
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
        listed = root.find("{*}sheets")
        if listed is None:
            raise Unfit("it lists no sheets", package.workbook)
        self._listed = listed
        self.pages: dict[str, Page] = {}
        for entry in listed.findall("{*}sheet"):
            part = package.target(package.workbook, identifier=package.dialect.reference(entry))
            name = entry.get("name", "")
            if not part or not name or name.casefold() in self.pages:
                raise Unfit(f"the sheet '{name}' has no part, no name or the name of another", package.workbook)
            page = Page(name, part, package.content_type(part) == WORKSHEET_TYPE)
            self.pages[name.casefold()] = page

    def free_name(self, name: str) -> str:
        """Return a name that no sheet has: the one asked for, or with ` (gpit)`, ` (gpit 2)` behind it."""
        ends = {1: "", 2: " (gpit)"}
        return free_name(set(self.pages), lambda number: name + ends.get(number, f" (gpit {number - 1})"))

    def append(self, name: str, root: etree._Element) -> None:
        """Add a sheet under a free name behind the others, so that what counts sheets from the first stays right."""
        package = self._package
        workbook = package.edit(package.workbook)
        part, reference = package.add(package.workbook, "worksheet", "worksheets/sheet{}.xml", root, WORKSHEET_TYPE)
        identifiers = {whole(entry, "sheetId", 0) for entry in self._listed.findall("{*}sheet")}
        highest = max(identifiers, default=0) + 1
        free = highest if highest <= _HIGHEST_SHEET_ID else min(set(range(1, highest)) - identifiers)
        entry = add(self._listed, "sheet", name=name, sheetId=str(free))
        package.dialect.refer(entry, reference)
        names = workbook.find("{*}definedNames")
        if names is None:
            names = insert(workbook, "definedNames", _ORDER)
        # Excel keeps the range of a sheet's filter under this name too.
        filtered = next(root.iterfind("{*}autoFilter")).get("ref", "")
        area = f"{quoted(name)}!{_absolute(filtered)}"
        position = str(len(self.pages))
        add(names, "definedName", area, name="_xlnm._FilterDatabase", localSheetId=position, hidden="1")
        self._list_title(name)
        self.pages[name.casefold()] = Page(name, part, cells=True)

    def _list_title(self, name: str) -> None:
        """Enter the sheet among the titles that the file's properties list, if they list those of this workbook."""
        kinds = ("extended-properties", "extendedProperties")
        part = next(filter(None, (self._package.target("", kind=kind) for kind in kinds)), "")
        if not part:
            return
        root = self._package.tree(part)
        first, titles = root.find("{*}HeadingPairs/*/{*}variant[2]/*"), root.find("{*}TitlesOfParts/*")
        if first is None or titles is None:
            return
        sheets = [page.name for page in self.pages.values() if page.cells]
        listed = titles.findall("*")
        # The worksheets come first, under a heading in the language of whoever saved the file.
        if first.text != str(len(sheets)) or [title.text for title in listed[: len(sheets)]] != sheets:
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
