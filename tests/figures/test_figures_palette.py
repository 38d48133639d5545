"""Contrast (WCAG 2.2) and colour-blindness (Machado et al., 2009), both computed here from their definitions."""

import itertools

import numpy as np
import pytest

from basin.figures.palette import DARK, LIGHT, SERIES, heat_colours, standalone_css

TEXT = ("ink", "muted", *SERIES, "supported", "refuted", "inconclusive")
MACHADO = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    dark, light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (a, b))
    return (light + 0.05) / (dark + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    return TO_LAB @ np.cbrt(TO_LMS @ np.clip(rgb, 0, 1))


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["surface", "page"])
@pytest.mark.parametrize("role", TEXT)
def test_text_can_be_read(theme, ground, role):
    assert contrast(theme[role], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["surface", "page"])
@pytest.mark.parametrize("role", ["rule", *SERIES])
def test_graphics_can_be_seen(theme, ground, role):
    assert contrast(theme[role], theme[ground]) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("eye", MACHADO)
def test_series_stay_apart_for_every_eye(theme, eye):
    seen = [oklab(MACHADO[eye] @ linear(theme[role])) for role in SERIES]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) >= 0.07


def heat_as_seen(eye: str) -> np.ndarray:
    """Return the colours of a heat map in OKLab; grey print keeps their relative luminance alone."""
    grey = np.tile([0.2126, 0.7152, 0.0722], (3, 1))
    return np.array([oklab((grey if eye == "grey" else MACHADO[eye]) @ linear(colour)) for colour in heat_colours()])


@pytest.mark.parametrize("eye", [*MACHADO, "grey"])
def test_a_heat_map_grows_lighter_all_along_for_every_eye(eye):
    assert (np.diff(heat_as_seen(eye)[:, 0]) > 0).all()


@pytest.mark.parametrize("eye", [*MACHADO, "grey"])
def test_equal_steps_of_a_heat_map_look_about_equal_to_every_eye(eye):
    """Sixteen steps are what a reader tells apart; the simulated colours that no screen has make single ones uneven."""
    steps = np.linalg.norm(np.diff(heat_as_seen(eye)[::4], axis=0), axis=1)
    assert steps.max() < 2.5 * steps.min()
    assert steps.min() > 0.025


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_line_over_a_heat_map_can_be_seen_on_every_colour(theme):
    """It is ink with a rim of the ground: one of the two stands out."""
    for colour in heat_colours():
        assert max(contrast(theme["ink"], colour), contrast(theme["surface"], colour)) >= 3


def test_verdict_marks_can_be_seen_on_the_shade():
    for theme in (LIGHT, DARK):
        assert min(contrast(theme[role], theme["shade"]) for role in ("supported", "refuted", "inconclusive")) >= 3


def test_a_light_colour_names_one_role_only():
    assert len(set(LIGHT.values())) == len(LIGHT)


def test_both_themes_have_the_same_roles():
    assert LIGHT.keys() == DARK.keys()
    assert "prefers-color-scheme:dark" in standalone_css()
