"""Where the texts of a drawing lie, as an instrument apart: attributes of the SVG, advances read by fontTools."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import matplotlib as mpl
from fontTools.ttLib import TTFont

ASCENT, DESCENT = 0.75, 0.2
"""Of letters, over the size of the type."""


class TextBox(NamedTuple):
    """A text and the rectangle that it covers in DejaVu Sans, in units of the drawing."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: "TextBox", slack: float = 1.0) -> bool:
        """Return whether the two overlap by more than a slack both ways."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return across > slack and min(self.bottom, other.bottom) - max(self.top, other.top) > slack


@cache
def _advances(bold: bool) -> dict[int, float]:
    font = TTFont(Path(mpl.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' * bold}.ttf"))
    return {code: font["hmtx"][name][0] / font["head"].unitsPerEm for code, name in font.getBestCmap().items()}


def text_boxes(drawing: str) -> list[TextBox]:
    """Return the box of every text of an SVG document that a figure wrote."""
    texts = [element for element in ElementTree.fromstring(drawing).iter() if element.tag.split("}")[-1] == "text"]
    return [_box(element) for element in texts if (element.text or "").strip()]


def _box(element: ElementTree.Element) -> TextBox:
    text, size = element.text or "", float(element.get("font-size", "12"))
    weight = element.get("font-weight", "400")
    advances = _advances(weight == "bold" or (weight.isdigit() and int(weight) >= 600))
    width = size * sum(advances.get(ord(character), 0.6) for character in text)
    before = {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor", "start"), 0.0) * width
    x, y, angle = _place(element)
    if angle:
        return TextBox(text, x - ASCENT * size, y - (width - before), x + DESCENT * size, y + before)
    return TextBox(text, x - before, y - ASCENT * size, x - before + width, y + DESCENT * size)


def _place(element: ElementTree.Element) -> tuple[float, float, float]:
    """Return the anchor of a text and whether it is turned upwards, by a `translate` or by `x` and `y`."""
    transform = element.get("transform", "")
    x, y = float(element.get("x", "0")), float(element.get("y", "0"))
    moved = re.search(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", transform)
    if moved:
        x, y = x + float(moved[1]), y + float(moved[2])
    turned = re.search(r"rotate\(([-\d.]+)", transform)
    angle = float(turned[1]) if turned else 0.0
    assert angle in (0.0, -90.0), f"a text is turned by {angle} degrees"
    return x, y, angle


def strays(drawing: str) -> list[str]:
    """Return the texts that leave a drawing, and the pairs that cover each other."""
    left, top, width, height = map(float, ElementTree.fromstring(drawing).get("viewBox", "").split())
    boxes = text_boxes(drawing)
    out = [
        f"outside: {box.text}"
        for box in boxes
        if box.left < left or box.top < top or box.right > left + width or box.bottom > top + height
    ]
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.covers(b)]
    return [*out, *(f"over each other: {a.text} | {b.text}" for a, b in pairs)]
