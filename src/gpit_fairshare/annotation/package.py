"""A workbook's file as a package of parts: a few are changed, and the others are written unchanged."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from lxml import etree

from gpit_fairshare.annotation.markup import Dialect, Unfit, add, dialect_of, parse, serialise
from gpit_fairshare.inputs.files.workbooks import repeated_part
from gpit_fairshare.numbers import megabytes

if TYPE_CHECKING:
    from pathlib import Path

TYPES: Final = "[Content_Types].xml"
WORKBOOK_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_XML_ENDINGS: Final = (".xml", ".rels", ".vml")
_NO_RELATIONSHIPS: Final = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
_RELATIONSHIPS_TYPE: Final = "application/vnd.openxmlformats-package.relationships+xml"
_NEW_PART: Final = (1980, 1, 1, 0, 0, 0)
"""Date of a new part: the earliest that an archive allows, so that the same input gives the same bytes."""
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError)


class Package:
    """The parts of a workbook by name; upper and lower case make no difference."""

    def __init__(self, data: bytes, largest: int) -> None:
        """Check the archive before any of it is unpacked.

        Args:
            data: the file.
            largest: most bytes of its unpacked XML; pictures and all other parts may have four times as many.

        Raises:
            Unfit: it is not a plain workbook, or it is too large.
        """
        if data.startswith(b"\xd0\xcf\x11\xe0"):  # the container of encrypted workbooks, and of .xls
            raise Unfit(
                "the workbook is protected by a password, or is an old .xls file",
                remedy="Save it without a password, as .xlsx",
            )
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGED as fault:
            raise Unfit("it is damaged or not an Excel workbook") from fault
        entries = self._archive.infolist()
        if protected := next((entry.filename for entry in entries if entry.flag_bits & 1), ""):
            raise Unfit("the archive is protected by a password", protected, "Save it without a password, as .xlsx")
        if repeated := repeated_part(entry.filename for entry in entries):
            raise Unfit("the workbook contains a part twice", repeated)
        self._check_size(largest)
        self._entries = {entry.filename: entry for entry in entries}
        self._names = {name.lower(): name for name in self._entries}
        self._trees: dict[str, etree._Element] = {}
        self._edited: set[str] = set()
        """Parts that are written from their trees."""
        self._bytes: dict[str, bytes] = {}
        """The bytes of new parts, and of old ones that were replaced."""
        if TYPES not in self:
            raise Unfit("it is damaged or not an Excel workbook")
        self.types = self.tree(TYPES)

    def _check_size(self, largest: int) -> None:
        """Refuse a workbook whose XML would unpack to more than a limit, or all its parts to more than four times that.

        The sizes are those that the archive declares; no more of a part is ever unpacked.

        Args:
            largest: the limit in bytes.

        Raises:
            Unfit: it is too large.
        """
        for subject, endings, limit in (("the XML of the workbook", _XML_ENDINGS, largest), ("it", "", 4 * largest)):
            entries = self._archive.infolist()
            size = sum(entry.file_size for entry in entries if entry.filename.lower().endswith(endings))
            if size > limit:
                raise Unfit(
                    f"{subject} unpacks to {megabytes(size)}; the limit is {megabytes(limit)}",
                    remedy="Save the sheet that you need as a separate workbook",
                )

    @cached_property
    def workbook(self) -> str:
        """Name of the part that lists the sheets.

        Raises:
            Unfit: there is none, or the file is a workbook with macros, a template or another kind of file.
        """
        root = self.tree(relationships_part(""))
        targets = [
            _resolve_target("", entry.get("Target", ""))
            for entry in root.findall("{*}Relationship")
            if entry.get("Type", "").endswith("/officeDocument")
        ]
        if len(targets) != 1 or targets[0] not in self:
            raise Unfit("it is damaged or not an Excel workbook")
        content_type = self.content_type(targets[0])
        if content_type != WORKBOOK_TYPE or any(name.endswith("vbaproject.bin") for name in self._names):
            has_macros = "macro" in content_type.lower() or content_type == WORKBOOK_TYPE
            kind = "has macros" if has_macros else "is not a plain workbook"
            raise Unfit(f"the file {kind}", targets[0], "Save it as a plain .xlsx in Excel")
        return self.name(targets[0])

    @cached_property
    def dialect(self) -> Dialect:
        """The dialect that the workbook is written in."""
        return dialect_of(self.tree(self.workbook), self.workbook)

    def __contains__(self, part: str) -> bool:
        return part.lower() in self._names

    def name(self, part: str) -> str:
        """Return a part's name as the archive writes it.

        Raises:
            Unfit: there is no such part.
        """
        if part not in self:
            raise Unfit("the workbook refers to a part that it does not contain", part)
        return self._names[part.lower()]

    def names(self, ending: str) -> list[str]:
        """Return the names of the parts with an ending, in the order of the archive."""
        return [name for key, name in self._names.items() if key.endswith(ending)]

    def read(self, part: str) -> bytes:
        """Return the bytes of a part: those that replaced it, or those of the file.

        Raises:
            Unfit: the part cannot be unpacked.
        """
        name = self.name(part)
        if name in self._bytes:
            return self._bytes[name]
        try:
            return self._archive.read(name)
        except _DAMAGED as fault:
            raise Unfit("a part cannot be unpacked", name) from fault

    def tree(self, part: str) -> etree._Element:
        """Return the root of a part, for reading only."""
        name = self.name(part)
        if name not in self._trees:
            self._trees[name] = parse(self.read(name), name)
        return self._trees[name]

    def edit(self, part: str) -> etree._Element:
        """Return the root of a part to change; `save` writes the part from it instead of its old bytes."""
        self._edited.add(self.name(part))
        return self.tree(part)

    def put(self, part: str, data: bytes) -> None:
        """Replace the bytes of a part."""
        self._bytes[self.name(part)] = data

    def create(self, pattern: str, data: bytes, content_type: str) -> str:
        """Add a part under the first free name, such as `xl/comments3.xml` for `xl/comments{}.xml`; return the name.

        Raises:
            Unfit: the name has no number and is not free.
        """
        number = 1
        while (name := pattern.replace("{}", str(number))) in self:
            if "{}" not in pattern:
                raise Unfit("a part already has the name that a new part needs", name)
            number += 1
        self._names[name.lower()] = name
        self._bytes[name] = data
        self._declare_type(name, content_type)
        return name

    def content_type(self, part: str) -> str:
        """Return the declared type of a part, else that declared for its file ending; empty if there is neither."""
        by_ending = ""
        for entry in self.types.findall("*"):
            if entry.get("PartName", "").lower() == f"/{part}".lower():
                return entry.get("ContentType", "")
            if entry.get("Extension", ".").lower() == part.rpartition(".")[2].lower():
                by_ending = entry.get("ContentType", "")
        return by_ending

    def _declare_type(self, part: str, content_type: str) -> None:
        """Declare the content type of a part in the list of types, unless it has this type already.

        The first drawing is declared by its file ending, which covers all drawings; any other part by its name.
        """
        if self.content_type(part) == content_type:
            return
        self.edit(TYPES)
        if part.endswith(".vml") and not self.content_type(part):
            # One entry for all drawings, before the entries of parts, as Excel writes it.
            entry = etree.Element(
                etree.QName(etree.QName(self.types).namespace, "Default"), Extension="vml", ContentType=content_type
            )
            self.types.insert(0, entry)
        else:
            add(self.types, "Override", PartName=f"/{part}", ContentType=content_type)

    def target(self, source: str, *, kind: str = "", identifier: str = "") -> str:
        """Return the name of the part that another refers to, by the kind of reference or by its identifier.

        The name is empty if there is no such reference, or only to something outside the workbook. A reference to a
        part that the workbook does not contain raises `Unfit`.

        Args:
            source: the part that refers to the other; empty for the whole package.
            kind: the kind of reference, such as `styles`; the first of its kind is taken.
            identifier: the identifier of the reference; if given, the kind is not looked at.
        """
        if relationships_part(source) not in self:
            return ""
        for entry in self.tree(relationships_part(source)).findall("{*}Relationship"):
            is_meant = entry.get("Id") == identifier if identifier else entry.get("Type", "").rpartition("/")[2] == kind
            if is_meant and entry.get("TargetMode") != "External":
                target = _resolve_target(source, entry.get("Target", ""))
                return self.name(target if target in self else unquote(target))
        return ""

    def add(self, source: str, kind: str, pattern: str, data: bytes, content_type: str) -> tuple[str, str]:
        """Add a part to the folder of the workbook, with a reference from another part.

        Args:
            source: the part that refers to it; its list of references is created if there is none.
            kind: the kind of reference, such as `comments`.
            pattern: the name within the folder, with `{}` for the first free number.
            data: the bytes of the part.
            content_type: its declared type.

        Returns:
            The name of the part, and the identifier of the reference.
        """
        folder = self.workbook.rpartition("/")[0]
        part = self.create(f"{folder}/{pattern}".lstrip("/"), data, content_type)
        relationships = relationships_part(source)
        if relationships not in self:
            self.create(relationships, _NO_RELATIONSHIPS, _RELATIONSHIPS_TYPE)
        root = self.edit(relationships)
        used_ids = {entry.get("Id", "").lower() for entry in root.findall("*")}
        number = next(number for number in range(1, len(used_ids) + 2) if f"rid{number}" not in used_ids)
        add(
            root,
            "Relationship",
            Id=f"rId{number}",
            Type=f"{self.dialect.relations}/{kind}",
            Target=posixpath.relpath(part, posixpath.dirname(source)),
        )
        return part, f"rId{number}"

    def save(self, path: Path) -> None:
        """Write the package to a file: old parts in their order and with their dates, new parts at the end.

        Parts opened with `edit` are written from their trees, all others as their bytes.
        """
        new = zipfile.ZipInfo(date_time=_NEW_PART)
        new.create_system, new.compress_type = 0, zipfile.ZIP_DEFLATED
        with path.open("wb") as stream, zipfile.ZipFile(stream, "w") as out:
            out.comment = self._archive.comment
            for name in self._names.values():
                data = serialise(self._trees[name]) if name in self._edited else self.read(name)
                out.writestr(_copied_entry(name, self._entries.get(name, new)), data)


def relationships_part(source: str) -> str:
    """Return the name of the part with the references of another part, or of the whole package if it is empty."""
    folder, _, base = source.rpartition("/")
    return f"{folder}/_rels/{base}.rels".lstrip("/")


def _resolve_target(source: str, target: str) -> str:
    """Return the part's name for a target that is relative to the package's root or to the folder of the source."""
    path = posixpath.normpath(posixpath.join("/", posixpath.dirname(source), target))
    return re.sub("^/+", "", path)


def _copied_entry(name: str, like: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a copy of an archive entry without its sizes and position, which are calculated again."""
    entry = zipfile.ZipInfo(name, like.date_time)
    entry.compress_type = like.compress_type
    entry.create_system = like.create_system
    entry.external_attr = like.external_attr
    entry.comment = like.comment
    return entry
