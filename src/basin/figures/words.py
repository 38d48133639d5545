"""Numbers and notes as a reader writes them, and how much room they take.

The reader's own font decides how wide a text is. Room is kept for DejaVu Sans, which matplotlib carries with it and
which is wider than the fonts that a page asks for before it (:data:`basin.figures.svg.FONTS`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

TEXT = 12.0
SMALL = 11.0
LINE = 15.0

_MEASURED_AT = 1000.0
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def text_width(text: str, size: float = SMALL, *, bold: bool = False) -> float:
    """Return how wide a text is in DejaVu Sans, in pixels, without kerning.

    Example:
        >>> round(text_width("momentum"), 1), round(text_width("momentum", bold=True), 1)
        (63.9, 70.3)
    """
    return size * sum(_advance(character, bold) for character in text)


@cache
def _advance(character: str, bold: bool) -> float:
    """Return how far a character moves the next one, at size 1."""
    return _font(bold).load_char(ord(character)).linearHoriAdvance / (65536 * _MEASURED_AT)


@cache
def _font(bold: bool) -> FT2Font:
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font  # here, because a report is written without a drawing

    font = FT2Font(str(Path(mpl.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' * bold}.ttf")))
    font.set_size(_MEASURED_AT, 72)
    return font


def wrap(text: str, width: float, size: float = SMALL, *, bold: bool = False) -> list[str]:
    """Return the lines of a text that has to fit a width in pixels; a word that is wider is broken.

    Example:
        >>> wrap("large batch, 500 examples", 100.0)
        ['large batch, 500', 'examples']
    """
    words = [piece for word in text.split() for piece in _pieces(word, width, size, bold)]
    return _filled(words, " ", width, size, bold) or [""]


def _pieces(word: str, width: float, size: float, bold: bool) -> list[str]:
    """Return a word in as few pieces of a width as it takes."""
    return _filled(list(word), "", width, size, bold)


def _filled(parts: Sequence[str], joint: str, width: float, size: float, bold: bool) -> list[str]:
    """Return parts joined into lines, each as full as a width allows."""
    lines: list[str] = []
    for part in parts:
        joined = f"{lines[-1]}{joint}{part}" if lines else part
        if lines and text_width(joined, size, bold=bold) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def note_lines(parts: Sequence[str], width: float, size: float = SMALL) -> list[str]:
    """Return the parts of a note, joined by dots into as few lines of a width as hold them.

    Example:
        >>> note_lines(["n = 8 seeds", "bar: 95 % interval"], 120.0)
        ['n = 8 seeds', 'bar: 95 % interval']
    """
    return _filled([line for part in parts for line in wrap(part, width, size)], " · ", width, size, bold=False)


def number(value: float, digits: int = 3) -> str:
    """Return a number as a reader writes it.

    Example:
        >>> number(-0.000123), number(1500.0), number(2e7), number(math.nan)
        ('−1.23×10⁻⁴', '1500', '2×10⁷', 'not a number')
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("−∞" if value < 0 else "∞")
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if -4 < int(exponent) < 6:
        text = f"{float(f'{value:.{digits - 1}e}'):.{max(0, digits - 1 - int(exponent))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = _times_ten(mantissa, exponent)
    return text.replace("-", "−")


def power(value: float) -> str:
    """Return a positive number as a power of ten.

    Example:
        >>> power(0.01), power(500.0)
        ('10⁻²', '5×10²')
    """
    return _times_ten(*f"{value:.3e}".split("e"))


def _times_ten(mantissa: str, exponent: str) -> str:
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    lead = "" if mantissa == "1" else f"{mantissa}×"
    return f"{lead}10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def interval(estimate: float, low: float | None, high: float | None, *, sign: bool = False) -> str:
    """Return an estimate with its interval, to two digits of the interval's half-width.

    Example:
        >>> interval(0.5219, 0.2471, 0.7984, sign=True), interval(3.0, None, None)
        ('+0.52 (0.25 to 0.80)', '3, no interval')
    """
    lead = "+" if sign and estimate > 0 else ""
    if low is None or high is None or not math.isfinite(low + high):
        return f"{lead}{number(estimate)}, no interval"
    half = (high - low) / 2
    places = 1 - math.floor(math.log10(half)) if half > 0 else 99
    if 0 <= places <= 5 and abs(estimate) < 1e6:
        texts = [f"{end:.{places}f}".replace("-", "−") for end in (estimate, low, high)]
    else:
        texts = [number(end) for end in (estimate, low, high)]
    return f"{lead}{texts[0]} ({texts[1]} to {texts[2]})"


def counted(count: int, one: str, many: str) -> str:
    """Return a count with its words: `1 run is`, `2 runs are`."""
    return f"{count} {one if count == 1 else many}"


def span_of(counts: Sequence[int]) -> str:
    """Return the range of some counts: `8`, or `7 to 8`."""
    return " to ".join(str(count) for count in dict.fromkeys((min(counts, default=0), max(counts, default=0))))


def is_logarithmic(claim: Mapping[str, Any]) -> bool:
    """Return whether a claim's numbers are logarithms of ratios."""
    return claim.get("scale") in ("log", "log10")


def as_factor(claim: Mapping[str, Any], key: str) -> float | None:
    """Return a number of a claim's record, as a factor where it is a logarithm; None where it has no finite value.

    Example:
        >>> as_factor({"scale": "log10", "estimate": 2.0}, "estimate"), as_factor({"estimate": 2.0}, "estimate")
        (100.0, 2.0)
    """
    value = claim.get(key)
    if value is None or not math.isfinite(value):
        return None
    if not is_logarithmic(claim):
        return float(value)
    base = math.e if claim["scale"] == "log" else 10.0
    return base**value if abs(value) < 300 else None
