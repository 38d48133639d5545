"""The atlas: signed distances to the outlines of the ten digits in every suitable typeface that matplotlib ships.

`python -m basin.data.atlas` renders it once; the checked-in array is what every stream of glyphs reads, so a stream
depends on no font engine. Outlines come in font units and no pixel is rasterised: each texel holds the Euclidean
distance from its centre to the nearest point of the outline, positive inside by the non-zero winding rule, in heights
of the typeface's tallest digit. A digit stands centred on its bounding box in a square of `EXTENT` heights.

A byte b stands for the distance (b - 128) / 128 * `REACH`. Distances, unlike grey levels, interpolate smoothly, and a
shifted threshold makes strokes thicker or thinner (Green 2007, "Improved alpha-tested magnification").
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

ATLAS_FILE = Path(__file__).with_name("glyph_atlas.npy")
ATLAS_SHA256 = "b9f17b83e049a21264c08405c2cdccf9cd6788c86ae9526193a55d202178ed9c"
"""SHA-256 of the file, header included."""

TYPEFACES = (
    *("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSans-Bold", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Oblique", "DejaVuSansMono-Bold", "DejaVuSansMono-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10"),
)
"""Files of matplotlib's with ten lining digits; `cmmi10` has old-style ones, in which 0 is an o and 1 a small I."""

TEXELS = 48
"""Texels along a side of a glyph."""

EXTENT = 1.3
"""Side of a glyph's square, in heights of a digit."""

REACH = 0.25
"""Largest distance that a byte holds, in heights of a digit."""

_CURVE_POINTS = 12


@functools.cache
def load_atlas() -> UInt8[np.ndarray, "typefaces 10 texels texels"]:
    """Return the checked-in atlas, read-only.

    Raises:
        ValueError: The file is not the one this version of Basin was made with.

    Example:
        >>> load_atlas().shape
        (21, 10, 48, 48)
    """
    found = hashlib.sha256(ATLAS_FILE.read_bytes()).hexdigest()
    if found != ATLAS_SHA256:
        raise ValueError(f"expected {ATLAS_FILE.name} with SHA-256 {ATLAS_SHA256}, got {found}; reinstall basin-lab")
    atlas = np.load(ATLAS_FILE, allow_pickle=False)
    atlas.flags.writeable = False
    return atlas


def render_atlas() -> UInt8[np.ndarray, "typefaces 10 texels texels"]:
    """Render the atlas from the typefaces of the installed matplotlib; some seconds."""
    return np.stack([_render_typeface(name) for name in TYPEFACES])


def _render_typeface(name: str) -> UInt8[np.ndarray, "10 texels texels"]:
    outlines = [_outline(name, digit) for digit in "0123456789"]
    height = max(np.ptp(np.concatenate(contours)[:, 1]) for contours in outlines)
    axis = ((np.arange(TEXELS) + 0.5) / TEXELS - 0.5) * EXTENT
    points = np.stack(np.meshgrid(axis, -axis), axis=-1).reshape(-1, 2)  # row 0 is the top of the image
    distances = [_signed_distance(points, _centred(contours, height)) for contours in outlines]
    levels = np.rint(np.array(distances) / REACH * 128 + 128).clip(0, 255)
    return levels.astype(np.uint8).reshape(10, TEXELS, TEXELS)


def _outline(name: str, digit: str) -> list[Float[np.ndarray, "points 2"]]:
    """Return the closed contours of a digit in font units, curves replaced by short chords."""
    import matplotlib
    from matplotlib.ft2font import FT2Font, LoadFlags
    from matplotlib.path import Path as Outline

    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")))
    font.load_char(ord(digit), flags=LoadFlags.NO_SCALE)
    contours: list[list[np.ndarray]] = []
    for vertices, code in Outline(*font.get_path()).iter_segments(curves=True, simplify=False):
        points = vertices.reshape(-1, 2)
        if code == Outline.MOVETO:
            contours.append([points[0]])
        elif code == Outline.LINETO:
            contours[-1].append(points[0])
        elif code == Outline.CURVE3:
            contours[-1].extend(_curve(contours[-1][-1], *points))
        elif code != Outline.CLOSEPOLY:
            raise ValueError(f"expected straight and quadratic segments in {name}, got path code {code}")
    return [np.array(contour) for contour in contours if len(contour) > 2]


def _curve(start: np.ndarray, control: np.ndarray, end: np.ndarray) -> Float[np.ndarray, "points 2"]:
    t = np.linspace(0, 1, _CURVE_POINTS + 1)[1:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def _centred(contours: list[np.ndarray], height: float) -> list[np.ndarray]:
    points = np.concatenate(contours)
    middle = (points.min(0) + points.max(0)) / 2
    return [(contour - middle) / height for contour in contours]


def _signed_distance(points: Float[np.ndarray, "n 2"], contours: list[np.ndarray]) -> Float[np.ndarray, " n"]:
    starts = np.concatenate(contours)
    ends = np.concatenate([np.roll(contour, -1, axis=0) for contour in contours])
    distance, winding = np.full(len(points), np.inf), np.zeros(len(points), np.int64)
    for start, end in zip(starts, ends, strict=True):
        along, to_point = end - start, points - start
        share = np.clip(to_point @ along / max(along @ along, 1e-30), 0, 1)
        distance = np.minimum(distance, np.hypot(*(to_point - share[:, None] * along).T))
        left = along[0] * to_point[:, 1] - along[1] * to_point[:, 0] > 0
        up = (start[1] <= points[:, 1]) & (points[:, 1] < end[1])
        down = (end[1] <= points[:, 1]) & (points[:, 1] < start[1])
        winding += np.where(up & left, 1, 0) - np.where(down & ~left, 1, 0)
    return np.where(winding != 0, distance, -distance)


if __name__ == "__main__":
    np.save(ATLAS_FILE, render_atlas(), allow_pickle=False)
    print(ATLAS_FILE, hashlib.sha256(ATLAS_FILE.read_bytes()).hexdigest())
