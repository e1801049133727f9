"""Cell styles: a copy of each marked cell's style, with a fill, and the styles of the sheet of findings."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Final

from lxml import etree

from gpit_fairshare.annotation.markup import Unfit, add, ensure_child, get_int, local_name

if TYPE_CHECKING:
    from gpit_fairshare.findings import Level

STYLES_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
FILLS: Final[dict[Level, str]] = {"error": "FFFFC7CE", "warning": "FFFFEB9C", "note": "FFDDEBF7"}
"""Light red, yellow and blue; black text on them has a contrast of 14 to 1 and more."""
DARK_FILLS: Final[dict[Level, str]] = {"error": "FF9C0006", "warning": "FF6B4200", "note": "FF1F4E78"}
"""The same for cells with light text, such as many headings: light text would vanish on a light fill."""
_HEADING_FILL: Final = "FFD9D9D9"
_LINK_COLOUR: Final = "FF0563C1"
_MOST_LOOKS: Final = 65_490
"""Most cell styles that Excel accepts in one workbook."""
_ORDER: Final = (
    "fonts",
    "fills",
    "borders",
    "cellStyleXfs",
    "cellXfs",
    "cellStyles",
    "dxfs",
    "tableStyles",
    "colors",
    "extLst",
)
_FONT_ORDER: Final = ("b", "u", "sz", "color", "name", "family", "charset", "scheme")


class StylesPart:
    """The part with the cell styles. The number of a style is its position in the list."""

    def __init__(self, root: etree._Element) -> None:
        """Add the lists that every workbook needs, if this workbook lacks them."""
        self._fonts = ensure_child(root, "fonts", _ORDER)
        if self._fonts.find("{*}font") is None:
            font = self._append_element(self._fonts, "font")
            add(font, "sz", val="11")
            add(font, "name", val="Calibri")
        self._fills = ensure_child(root, "fills", _ORDER)
        for pattern in ("none", "gray125")[len(self._fills.findall("{*}fill")) :]:  # Excel expects these two
            add(self._append_element(self._fills, "fill"), "patternFill", patternType=pattern)
        borders = ensure_child(root, "borders", _ORDER)
        if borders.find("{*}border") is None:
            border = self._append_element(borders, "border")
            for side in ("left", "right", "top", "bottom", "diagonal"):
                add(border, side)
        self._based = {} if root.find("{*}cellStyleXfs/{*}xf") is None else {"xfId": "0"}
        self._cell_styles = ensure_child(root, "cellXfs", _ORDER)
        if self._cell_styles.find("{*}xf") is None:
            self._add_style()
        self._original_styles = self._cell_styles.findall("{*}xf")
        self._fill_ids: dict[str, str] = {}
        self._marked: dict[tuple[int, Level], int] = {}

    def marked(self, style: int, level: Level) -> int:
        """Return the number of a copy of a style with the fill of a level, otherwise unchanged; it is added once.

        The fill is dark if the style has light text.

        Raises:
            Unfit: the style does not exist, or the workbook has as many as Excel accepts.
        """
        if style >= len(self._original_styles):
            raise Unfit(f"a cell has the style {style}, but the workbook has {len(self._original_styles)}")
        if (style, level) not in self._marked:
            marked_style = copy.deepcopy(self._original_styles[style])
            marked_style.tail = None
            fills = DARK_FILLS if self._has_light_text(marked_style) else FILLS
            marked_style.set("fillId", self._fill_number(fills[level]))
            marked_style.set("applyFill", "1")
            self._marked[style, level] = self._append_style(marked_style)
        return self._marked[style, level]

    def heading(self) -> int:
        """Add the style of headings, bold on grey, and return its number."""
        return self._add_style(wrap=True, font=self._add_font("b"), fill=self._fill_number(_HEADING_FILL))

    def text(self, level: Level | None = None) -> int:
        """Add the style of texts, wrapped and from the top, with the fill of a level if given; return its number."""
        return self._add_style(wrap=True, fill=self._fill_number(FILLS[level]) if level else "0")

    def link(self) -> int:
        """Add the style of links, blue and underlined, and return its number."""
        return self._add_style(wrap=True, font=self._add_font("u"))

    def _has_light_text(self, style: etree._Element) -> bool:
        """Return whether the font of a style is closer to white than to black; a font without a colour is black.

        Of a theme's colours, only the first and third count as light, and of numbered colours only white, unless
        darkened.
        """
        colour = self._fonts.find(f"{{*}}font[{get_int(style, 'fontId', 0) + 1}]/{{*}}color")
        if colour is None:
            return False
        if colour.get("theme") or colour.get("indexed"):
            # The first and third colour of a theme are light; white is in the list of 64 colours twice.
            light = colour.get("theme") in ("0", "2") or colour.get("indexed") in ("1", "9")
            return light and not colour.get("tint", "").startswith("-0.")
        match = re.fullmatch("(?:[0-9A-Fa-f]{2})?" + 3 * "([0-9A-Fa-f]{2})", colour.get("rgb", ""))
        if match is None:
            return False
        red, green, blue = (int(part, 16) for part in match.groups())
        return 0.3 * red + 0.6 * green + 0.1 * blue > 160

    @staticmethod
    def _append_element(parent: etree._Element, name: str) -> etree._Element:
        """Append a new element to a list of fonts, fills or borders, update the list's count, and return it."""
        element = add(parent, name)
        parent.set("count", str(len(parent.findall(element.tag))))
        return element

    def _fill_number(self, colour: str) -> str:
        """Return the number of the solid fill in a colour; it is added when it is first needed."""
        if colour not in self._fill_ids:
            pattern = add(self._append_element(self._fills, "fill"), "patternFill", patternType="solid")
            add(pattern, "fgColor", rgb=colour)
            add(pattern, "bgColor", indexed="64")
            self._fill_ids[colour] = str(len(self._fills.findall("{*}fill")) - 1)
        return self._fill_ids[colour]

    def _add_font(self, trait: str) -> str:
        """Add the workbook's usual font in bold (`b`), or underlined and blue as a link (`u`), and return its number.

        The usual font is the first; its own bold, underline and colour are not copied.
        """
        usual_font = self._fonts.findall("{*}font")[0]
        font = self._append_element(self._fonts, "font")
        copied_traits = set(_FONT_ORDER) - {"b", "u", "color"}
        font.extend(copy.deepcopy(other) for other in usual_font if local_name(other) in copied_traits)
        ensure_child(font, trait, _FONT_ORDER)
        if trait == "u":
            ensure_child(font, "color", _FONT_ORDER).set("rgb", _LINK_COLOUR)
        return str(len(self._fonts.findall("{*}font")) - 1)

    def _add_style(self, *, wrap: bool = False, font: str = "0", fill: str = "0") -> int:
        """Add a style with a font and a fill, given by their numbers, and return its number.

        Args:
            wrap: whether texts are wrapped, and begin at the top of the cell.
            font: number of the font.
            fill: number of the fill.
        """
        traits = {"numFmtId": "0", "fontId": font, "fillId": fill, "borderId": "0", **self._based}
        applied = {"applyFont": font != "0", "applyFill": fill != "0", "applyAlignment": wrap}
        traits |= {name: "1" for name, is_applied in applied.items() if is_applied}
        style = etree.Element(etree.QName(etree.QName(self._cell_styles).namespace, "xf"), traits)
        if wrap:
            add(style, "alignment", vertical="top", wrapText="1")
        return self._append_style(style)

    def _append_style(self, style: etree._Element) -> int:
        """Append a style to the list of cell styles, and return its number.

        Raises:
            Unfit: the workbook has as many styles as Excel accepts.
        """
        number = len(self._cell_styles.findall("{*}xf"))
        if number >= _MOST_LOOKS:
            raise Unfit(
                f"it already has {number:,} cell styles, and Excel accepts no more",
                remedy="Copy the sheets that you need to a new workbook",
            )
        self._cell_styles.append(style)
        self._cell_styles.set("count", str(number + 1))
        return number
