import hashlib
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font, LoadFlags

from basin.data import atlas


def test_the_checked_in_array_is_the_one_with_the_checksum():
    assert hashlib.sha256(atlas.ATLAS_FILE.read_bytes()).hexdigest() == atlas.ATLAS_SHA256
    assert atlas.ATLAS_FILE.stat().st_size < 500_000


def test_another_array_is_refused(tmp_path, monkeypatch):
    np.save(tmp_path / "other.npy", np.zeros(3))
    monkeypatch.setattr(atlas, "ATLAS_FILE", tmp_path / "other.npy")
    with pytest.raises(ValueError, match="reinstall"):
        atlas.load_atlas.__wrapped__()


def test_no_glyph_stands_twice():
    glyphs = atlas.load_atlas().reshape(-1, atlas.TEXELS**2)
    assert len(glyphs) == 10 * len(atlas.TYPEFACES)
    assert len(np.unique(glyphs, axis=0)) == len(glyphs)


@pytest.mark.parametrize("typeface", [0, 12, 16])
def test_rendering_again_gives_the_same_to_one_level(typeface):
    rendered = atlas._render_typeface(atlas.TYPEFACES[typeface]).astype(int)
    assert np.abs(rendered - atlas.load_atlas()[typeface]).max() <= 1


def rasterised(typeface, digit):
    """Return the image of a digit 800 pixels high, cut out at its bounding box."""
    font = FT2Font(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{typeface}.ttf"))
    font.set_size(800, 72)
    font.set_text(digit, flags=LoadFlags.NO_HINTING)
    font.draw_glyphs_to_bitmap()
    image = np.asarray(font.get_image()) > 127
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.parametrize("typeface", [0, 11, 19])
@pytest.mark.parametrize("digit", [0, 4])
def test_what_is_inside_agrees_with_a_rasterised_glyph(typeface, digit):
    # Independent: FreeType's rasteriser fills the outline; where a distance is within a hundredth it may differ.
    name = atlas.TYPEFACES[typeface]
    height = max(len(rasterised(name, other)) for other in "0123456789")
    image = np.pad(rasterised(name, str(digit)), 1000)
    place = ((np.arange(atlas.TEXELS) + 0.5) / atlas.TEXELS - 0.5) * atlas.EXTENT * height
    rows, columns = ((place + side / 2).astype(int) for side in image.shape)
    inside = image[np.ix_(rows, columns)]
    level = atlas.load_atlas()[typeface, digit].astype(int)
    clear = np.abs(level - 128) > 0.01 / atlas.REACH * 128
    assert clear.mean() > 0.85
    assert (inside == (level > 128))[clear].all()


def test_neighbouring_distances_differ_by_at_most_the_way_between_them():
    # A property of every distance function: it changes no faster than the point moves (half a level for rounding).
    level = atlas.load_atlas().astype(float)
    texel = atlas.EXTENT / atlas.TEXELS / atlas.REACH * 128
    assert np.abs(np.diff(level, axis=2)).max() <= texel + 1
    assert np.abs(np.diff(level, axis=3)).max() <= texel + 1
