"""The XML of a workbook's parts: parsed without entities or other files; new elements go where the format wants them.

Office Open XML has two dialects, transitional and strict, which differ only in their namespaces.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from lxml import etree

from gpit_fairshare.findings import FindingCode, FindingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_TEXT: Final = 32_767
"""Most characters that a cell of Excel holds, counted in UTF-16 as Excel does."""

_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
"""Excel reads `_x0041_` in a text as the letter A; an escaped underscore keeps the text unchanged."""
_COMPATIBILITY: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"


class Unfit(FindingError):  # noqa: N818 – not an error of the program: it becomes a finding
    """Why a workbook cannot be marked: the problem in one of its parts, and what to do."""

    def __init__(
        self, message: str, part: str = "", remedy: str = "Open it in Excel and save it again as .xlsx"
    ) -> None:
        super().__init__(FindingCode.UNREADABLE, message, "", remedy, part)


class Dialect(NamedTuple):
    """The namespaces that a workbook uses for its elements, and for references to other parts."""

    main: str
    relations: str

    @property
    def reference(self) -> str:
        """The attribute `r:id`, which refers to another part."""
        return f"{{{self.relations}}}id"


_DIALECTS: Final = (
    Dialect(
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    ),
    Dialect(
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    ),
)


def dialect_of(root: etree._Element, part: str) -> Dialect:
    """Return the dialect of a workbook's part.

    Raises:
        Unfit: its root element is in neither.
    """
    namespace = etree.QName(root).namespace
    for dialect in _DIALECTS:
        if dialect.main == namespace:
            return dialect
    raise Unfit(f"its outermost element is '{root.tag}', which does not belong in a workbook", part)


def parse(data: bytes, part: str) -> etree._Element:
    """Return the root of a part, without reading entities, other files or addresses.

    Raises:
        Unfit: the part is not XML, or it has a document type, which no part of a workbook has.
    """
    if any("<!DOCTYPE".encode(encoding) in data for encoding in ("utf-8", "utf-16-le", "utf-16-be")):
        raise Unfit("a part declares a document type, which spreadsheet programs never do", part)
    # Keep texts and white space, so that unchanged parts are written as they were read.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, strip_cdata=False
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise Unfit(f"a part is damaged ({' '.join(str(fault).split())})", part) from fault


def serialise(root: etree._Element) -> bytes:
    """Return a part as the bytes of an XML file, with everything before and after its root."""
    return _DECLARATION + etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=False)


def local_name(element: etree._Element) -> str:
    """Return an element's name without its namespace; an empty text for a comment or an instruction."""
    tag: object = element.tag  # a function for a comment, contrary to the stubs
    return etree.QName(tag).localname if isinstance(tag, str) else ""


def add(parent: etree._Element, name: str, text: str | None = None, /, **attributes: str) -> etree._Element:
    """Append a child element in the parent's namespace, with a text that is already `harmless`; return the child.

    If the text has spaces at an end or line breaks, the element is marked to keep them.
    """
    element = etree.SubElement(parent, etree.QName(etree.QName(parent).namespace, name), attributes)
    if text is not None:
        element.text = text
        if text != text.strip() or "\n" in text:
            element.set(_SPACE, "preserve")
    return element


def ensure_child(
    parent: etree._Element, name: str, order: Sequence[str], nsmap: Mapping[str, str] | None = None
) -> etree._Element:
    """Return a child by its name. If there is none, insert one in the format's sequence: Excel refuses any other order.

    Args:
        parent: The parent; the child gets its namespace.
        name: The name of the child.
        order: The names of the child and of all later elements, in the format's sequence.
        nsmap: Namespaces that a new child declares.
    """
    existing = parent.find(f"{{*}}{name}")
    if existing is not None:
        return existing
    element = etree.Element(etree.QName(etree.QName(parent).namespace, name), nsmap=nsmap)
    after = order[order.index(name) + 1 :]
    position = next((index for index, other in enumerate(parent) if _effective_name(other) in after), len(parent))
    parent.insert(position, element)
    return element


def _effective_name(element: etree._Element) -> str:
    """Return an element's name; for alternatives, the name of the element that they replace."""
    if element.tag == _COMPATIBILITY:
        return next((local_name(inner) for choice in element for inner in choice), "")
    return local_name(element)


def get_int(element: etree._Element, name: str, default: int) -> int:
    """Return an attribute as a whole number, 0 or more; the default if it is absent.

    Raises:
        Unfit: it is not a whole number.
    """
    text = element.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\s*[0-9]{1,10}\s*", text):
        raise Unfit(f"'{name}' of an element '{local_name(element)}' is '{text[:40]}', not a whole number")
    return int(text)


def harmless(text: str) -> str:
    """Return a text that Excel shows as it is, as far as possible.

    Characters that XML forbids become U+FFFD, and line breaks become line feeds. A text too long for a cell is cut and
    ends in `…`. Sequences such as `_x0041_`, which Excel would read as a letter, are escaped.
    """
    text = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = text.encode("utf-16-le")
    if len(units) > 2 * LONGEST_TEXT:
        # Half of a pair of surrogates may remain at the end; it is removed too.
        text = units[: 2 * (LONGEST_TEXT - 1)].decode("utf-16-le", "ignore") + "…"
    return _ESCAPE.sub("_x005F_", text)
