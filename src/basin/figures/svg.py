"""From a matplotlib figure to SVG that follows the reader's theme, and from that into a page.

Matplotlib writes colours into `style` attributes and gives every shape an id. Here styles become presentation
attributes (so that a page needs no `unsafe-inline`), colours gain the class of their role
(:mod:`basin.figures.palette`), ids are kept only where they are referred to and are numbered under the figure's
name (those of layers become classes), coordinates are rounded to hundredths of a unit, and text stays text: it can be
searched, read aloud and selected. The bytes depend on nothing but what was drawn.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from basin.figures.palette import LIGHT, heat_colours, standalone_css

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

MARGIN = 8
"""Clear space around a drawing, in its units."""

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_SVG = "http://www.w3.org/2000/svg"
_HREF = "{http://www.w3.org/1999/xlink}href"
_ROLES = {colour: role for role, colour in LIGHT.items()}
_TAGS = {"svg", "g", "path", "defs", "use", "clipPath", "rect", "text", "tspan", "image", "title", "desc", "style"}
_SHAPE = {"width", "height", "viewBox", "id", "class", "d", "x", "y", "rx", "transform", "clip-path", "href", "role"}
_PAINT = {"fill", "stroke", "opacity", "fill-opacity", "stroke-opacity", "fill-rule", "clip-rule", "image-rendering"}
_LINE = {f"stroke-{part}" for part in ("width", "linejoin", "linecap", "dasharray", "dashoffset", "miterlimit")}
_WORD = {"font-size", "font-weight", "font-family", "text-anchor", "aria-label", "type", "preserveAspectRatio"}
_ATTRIBUTES = _SHAPE | _PAINT | _LINE | _WORD

LAYER = "layer-"
"""A shape whose matplotlib `gid` begins so keeps it as a class: what a page may show or hide."""


def render(drawing: Drawing, *, name: str, title: str, description: str) -> str:
    """Return a matplotlib figure as a complete, themed SVG document.

    Args:
        drawing: A figure at 72 dots per inch that uses only colours of the palette.
        name: Prefix of the document's ids, unique in the page that it goes into.
        title: Becomes `<title>` and the accessible name.
        description: Becomes `<desc>`.
    """
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    drawing.savefig(text, format="svg", metadata=nothing, transparent=True)  # pyright: ignore[reportArgumentType]
    root = ElementTree.fromstring(text.getvalue())  # noqa: S314  our own output
    for element in root.iter():
        _flatten(element)
    _prune(root)
    _number_ids(root, name)
    _crown(root, title, description)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def inline(document: str) -> str:
    """Return a figure's SVG document as an element for a page: without its style sheet, title and description.

    Raises:
        ValueError: The document holds an element, attribute or address that no figure of Basin holds.
    """
    root = _parse(document)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in ("style", "title", "desc")]:
            parent.remove(child)
    return ElementTree.tostring(root, encoding="unicode")


def describe(document: str) -> tuple[str, str]:
    """Return the title and the description that a figure's SVG document carries.

    Raises:
        ValueError: As for :func:`inline`.
    """
    root = _parse(document)
    return root.findtext("title") or "", root.findtext("desc") or ""


def _parse(document: str) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(document)  # noqa: S314  expat limits the growth of entities; what is not listed is refused
    except ElementTree.ParseError as error:
        raise ValueError(
            f"expected a figure's SVG document, got text that is not XML ({error}); draw it again"
        ) from error
    for element in root.iter():
        element.tag = str(element.tag).removeprefix(f"{{{_SVG}}}")
        strange = {key for key, value in element.items() if key not in _ATTRIBUTES or re.search(r"url\((?!#)", value)}
        address = element.get("href", "#")
        if element.tag not in _TAGS or strange or not address.startswith(("#", "data:image/png;base64,")):
            what = sorted(strange) or (address[:40] if element.tag in _TAGS else "")
            raise ValueError(f"expected a figure that Basin drew, got <{element.tag}> {what}; draw it again")
    root.set("xmlns", _SVG)
    return root


def _flatten(element: ElementTree.Element) -> None:
    """Turn one element's style into attributes, its colours into classes and its coordinates into short numbers."""
    element.tag = str(element.tag).removeprefix(f"{{{_SVG}}}")
    style = dict(part.split(":", 1) for part in (element.attrib.pop("style", "") or "").split(";") if ":" in part)
    for key, value in style.items():
        _declare(element, key.strip(), value.strip())
    classes = [
        f"{mark}-{_ROLES[element.attrib[key]]}"
        for key, mark in (("fill", "f"), ("stroke", "k"))
        if _colour(element, key)
    ]
    if classes:
        element.set("class", " ".join(classes))
    if _HREF in element.attrib:
        element.set("href", re.sub(r"\s", "", element.attrib.pop(_HREF)))
    for key in {"d", "x", "y", "width", "height"} & element.attrib.keys():
        element.set(key, _shorten(element.attrib[key]))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if not (element.text or "").strip():
        element.text = None
    element.tail = None


def _declare(element: ElementTree.Element, key: str, value: str) -> None:
    if key == "font":  # matplotlib before 3.11 writes the shorthand
        size = re.search(r"([\d.]+)px", value)
        weight = re.match(r"(\d{3}|bold)\b", value)
        element.set("font-size", size.group(1) if size else "12")
        if weight:
            element.set("font-weight", weight.group(1))
    elif key == "font-size":
        element.set(key, value.removesuffix("px"))
    elif key == "image-rendering":
        element.set(key, "pixelated")
    elif key != "font-family":
        element.set(key, value)


def _colour(element: ElementTree.Element, key: str) -> bool:
    """Return whether a shape is filled, or stroked, in a colour that follows the theme."""
    value = element.get(key, "none")
    fixed = value == "none" or value in heat_colours()
    assert fixed or value in _ROLES, f"a shape is drawn in {value}, which is no colour of the palette"
    return not fixed


def _shorten(text: str) -> str:
    text = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match.group()):.2f}".rstrip("0").rstrip("."), text)
    return re.sub(r"\s*\n\s*", "", text.strip()).replace("-0 ", "0 ")


def _prune(root: ElementTree.Element) -> None:
    """Remove matplotlib's style sheet, invisible patches and groups that hold nothing."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == "style" or _is_invisible(child):
                parent.remove(child)
    for parent in reversed(list(root.iter())):
        for child in list(parent):
            if child.tag in ("g", "defs") and len(child) == 0:
                parent.remove(child)


def _is_invisible(element: ElementTree.Element) -> bool:
    return element.tag == "path" and element.get("fill") == "none" and element.get("stroke", "none") == "none"


def _number_ids(root: ElementTree.Element, name: str) -> None:
    """Number the ids that are referred to, in the order of the document, and drop the others."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', ElementTree.tostring(root, encoding="unicode")))
    known = [element.get("id") for element in root.iter() if element.get("id") in used]
    new = {old: f"{name}-{index}" for index, old in enumerate(known, start=1)}
    for element in root.iter():
        identity = element.attrib.pop("id", "")
        if identity.startswith(LAYER):
            element.set("class", identity)
        if identity in new:
            element.set("id", new[identity])
        if element.get("href", "").startswith("#"):
            element.set("href", f"#{new[element.attrib['href'][1:]]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", f"url(#{new[element.attrib['clip-path'][5:-1]]})")


def _crown(root: ElementTree.Element, title: str, description: str) -> None:
    """Set the root's attributes and put title, description and style sheet first."""
    width, height = (f"{float(side) + 2 * MARGIN:g}" for side in root.attrib["viewBox"].split()[2:])
    root.attrib.clear()
    root.attrib.update({"xmlns": _SVG, "viewBox": f"-{MARGIN} -{MARGIN} {width} {height}"})
    root.attrib.update({"width": width, "height": height})
    root.attrib.update({"role": "img", "aria-label": title, "font-family": FONTS})
    root.attrib.update({"stroke-linejoin": "round", "stroke-linecap": "butt"})
    for index, (tag, text) in enumerate({"title": title, "desc": description, "style": standalone_css()}.items()):
        element = ElementTree.Element(tag)
        element.text = text
        root.insert(index, element)
