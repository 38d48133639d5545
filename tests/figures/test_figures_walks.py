"""Walks on pictures: what is cut off, what is thinned, where names stand, what is played."""

import io
import itertools
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from figure_examples import bowl, draw_motion, walks
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from basin.figures import contours, load, motion, save
from basin.figures.film import FRAMES
from basin.figures.placement import place
from basin.figures.relief import levels
from basin.figures.trails import MOST_POINTS, thinned, trail

LOW, HIGH = np.array([-1.0, -1.0]), np.array([1.0, 1.0])
POINTS = arrays(float, st.tuples(st.integers(2, 12), st.just(2)), elements=st.floats(-3, 3))


def length_inside(points: np.ndarray) -> float:
    """Sample every segment densely and count what lies inside: knows nothing of where a border is crossed."""
    total = 0.0
    for a, b in itertools.pairwise(points):
        t = (np.arange(4000) + 0.5) / 4000
        on = a + t[:, None] * (b - a)
        total += ((on >= LOW) & (on <= HIGH)).all(axis=1).mean() * np.linalg.norm(b - a)
    return float(total)


@settings(deadline=None)
@given(POINTS)
def test_what_is_seen_of_a_walk_is_what_lies_in_the_picture(points):
    seen = trail(contours.Path("walk", points), LOW, HIGH)
    assert all(((piece >= LOW) & (piece <= HIGH)).all() for piece in seen.pieces)
    length = sum(np.linalg.norm(np.diff(piece, axis=0), axis=1).sum() for piece in seen.pieces)
    assert length == pytest.approx(length_inside(points), abs=0.02)


@settings(deadline=None)
@given(POINTS)
def test_a_walk_is_lost_where_it_ends_outside(points):
    seen = trail(contours.Path("walk", points), LOW, HIGH)
    outside = bool((np.abs(points[-1]) > 1).any())
    assert (seen.fate == "left") == outside
    if seen.fate == "" and seen.tip is not None:
        np.testing.assert_allclose(seen.tip, points[-1], atol=1e-12)


@pytest.mark.parametrize("end", [None, 2])
def test_a_walk_that_diverged_is_drawn_up_to_its_last_point(end):
    points = np.array([[0.0, 0.0], [0.5, 0.5], [np.nan, np.nan], [np.nan, np.nan]])
    seen = trail(contours.Path("walk", points, end), LOW, HIGH)
    assert seen.fate == "diverged"
    np.testing.assert_array_equal(seen.tip, [0.5, 0.5])


def test_a_walk_that_never_is_in_the_picture_has_no_tip():
    assert trail(contours.Path("walk", np.array([[5.0, 5.0], [6.0, 5.0]])), LOW, HIGH).tip is None


@settings(deadline=None)
@given(arrays(float, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(0, 300)))
def test_thinning_keeps_both_ends_and_passes_over_nothing_far(points):
    kept = thinned(points, 3.0)
    np.testing.assert_array_equal(kept[[0, -1]], points[[0, -1]])
    nearest = np.linalg.norm(points[:, None] - kept[None], axis=2).min(axis=1)
    assert nearest.max() < 3.0


def test_a_long_walk_is_drawn_with_few_points():
    angle = np.linspace(0, 400, 200_000)
    spiral = np.stack([np.cos(angle), np.sin(angle)], axis=1) * angle[:, None] / 2
    assert len(thinned(spiral)) <= MOST_POINTS
    walk = contours.Path("spiral", spiral / 250)
    assert len(contours.draw("s", "S", "", [bowl(walk)]).svg) < 60_000


@pytest.mark.parametrize("heights", [(100, 100), (20, 180), (40, 41, 42, 43, 44), (150, 30, 90)])
def test_names_cover_neither_each_other_nor_the_border(heights):
    lines = [np.array([[0.0, y], [300.0, 200.0 - y]]) for y in heights]
    sizes = [(60.0, 15.0)] * len(lines)
    places = place(lines, sizes, (0.0, 0.0, 300.0, 200.0))
    for where in places:
        assert (np.abs(where.centre - [150, 100]) <= [120, 92.5]).all()
    for i, a in enumerate(places):
        for b in places[:i]:
            assert (np.abs(a.centre - b.centre) >= [60, 15]).any()


def test_a_name_stands_beside_its_own_line():
    lines = [np.array([[0.0, 50.0], [300.0, 50.0]]), np.array([[0.0, 150.0], [300.0, 150.0]])]
    low, high = (where.centre[1] for where in place(lines, [(60.0, 15.0)] * 2, (0.0, 0.0, 300.0, 200.0)))
    assert abs(low - 50) < 50 < abs(low - 150)
    assert abs(high - 150) < 50 < abs(high - 50)


def test_levels_of_a_flat_or_broken_surface_are_none():
    assert levels(np.ones((3, 3))) == []
    assert levels(np.full((3, 3), np.nan)) == []


def test_what_is_not_finite_is_left_blank_and_said_nowhere():
    values = bowl().values.copy()
    values[0, 0], values[5, 5], values[2, 2] = np.inf, np.nan, 1e300
    panel = contours.Panel("", bowl().x, bowl().y, values)
    assert "nan" not in contours.draw("b", "B", "", [panel]).svg.lower()


def test_lost_walks_are_named_in_the_caption_and_the_drawing():
    figure = contours.draw("bowl", "A bowl", "", [bowl(*walks())])
    assert (
        figure.caption
        == "Contours at equal steps of height. n = 3 walks; ×: batch 143 left the picture; ×: batch 500 diverged."
    )
    assert "batch 143 left the picture" in figure.svg


def test_one_scale_on_both_axes_unless_asked_otherwise():
    def frame(figure):
        cut = ElementTree.fromstring(figure.svg).find(".//{*}clipPath/{*}rect")
        return float(cut.get("width")) / float(cut.get("height"))

    assert frame(contours.draw("b", "B", "", [bowl(*walks())])) == pytest.approx(2.0, rel=0.01)
    assert frame(contours.draw("b", "B", "", [bowl(*walks())], equal=False)) != pytest.approx(2.0, rel=0.1)


def test_eight_walks_have_eight_colours_and_nine_are_refused():
    many = tuple(contours.Path(f"w{i}", walks()[0].points + i / 50) for i in range(9))
    figure = contours.draw("b", "B", "", [bowl(*many[:8])])
    assert len(set(re.findall(r"k-series\d", figure.svg))) == 8
    with pytest.raises(ValueError, match="expected at most 8 names of walks in 'b', got 9"):
        contours.draw("b", "B", "", [bowl(*many)])


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.zeros((3, 3)), np.zeros(2)])
def test_points_of_another_shape_are_refused(points):
    with pytest.raises(ValueError, match="expected points of shape"):
        contours.Path("walk", points)


def test_a_grid_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected values of shape \(3, 2\)"):
        contours.Panel("p", np.arange(2.0), np.arange(3.0), np.zeros((2, 3)))


def test_the_player_gets_the_walks_in_the_units_of_the_picture():
    data = draw_motion().animation.data
    assert data["steps"] == [0, 1, 2, 3]
    arrives, leaves, lost = data["walkers"]
    assert (arrives["x"], arrives["y"]) == ([8750, 6250, 5250, 5000], [2500, 4500, 5000, 5000])
    assert arrives["values"] == [3.25, 1.0, 0.5, None]
    assert [walker["fate"] for walker in data["walkers"]] == ["", "left", "diverged"]
    assert (len(lost["x"]), lost["end"]) == (2, 1)
    assert max(map(abs, leaves["x"])) <= 20 * motion.UNIT, "a walk that is far away has no endless numbers"
    json.dumps(data, allow_nan=False)


def test_the_boxes_are_where_the_pictures_are():
    figure = draw_motion()
    for drawing, box in zip((figure.svg, figure.narrow), figure.animation.data["boxes"], strict=True):
        cut = ElementTree.fromstring(drawing).find(".//{*}clipPath/{*}rect")
        assert [float(cut.get(key)) for key in ("x", "y", "width", "height")] == pytest.approx(box, abs=0.02)


def test_what_the_player_hides_is_the_walks_and_their_names_alone():
    figure = draw_motion()
    layers = ElementTree.fromstring(figure.svg).findall(".//{*}g[@class='layer-paths']")
    words = {text.strip() for layer in layers for text in layer.itertext() if text.strip()}
    assert words == {"batch 16", "batch 143", "batch 500"}


def test_the_gif_has_a_frame_a_step_and_moves():
    film = Image.open(io.BytesIO(draw_motion().animation.gif))
    assert (film.format, film.n_frames) == ("GIF", 4)
    frames = []
    for index in range(film.n_frames):
        film.seek(index)
        frames.append(np.asarray(film.convert("RGB")))
    assert all((a != b).any() for a, b in itertools.pairwise(frames))


def test_a_long_walk_is_a_short_film():
    t = np.linspace(0, 1, 2000)[:, None]
    walk = contours.Path("long", np.array([1.5, 0.5]) * (1 - t), values=t[:, 0])
    figure = motion.draw("long", "Long", "", bowl(walk))
    assert Image.open(io.BytesIO(figure.animation.gif)).n_frames <= FRAMES
    assert len(figure.animation.data["steps"]) <= motion.MOST_STEPS + 1
    assert figure.animation.data["steps"][-1] == 1999


def test_walks_without_values_or_with_one_name_do_not_move():
    bare = contours.Path("walk", walks()[0].points)
    with pytest.raises(ValueError, match="expected walks with values"):
        motion.draw("m", "M", "", bowl(bare))
    with pytest.raises(ValueError, match="names of their own"):
        motion.draw("m", "M", "", bowl(walks()[0], walks()[0]))


def test_an_mp4_is_written_where_there_is_an_encoder(tmp_path, monkeypatch):
    """The encoder is a stand-in that writes the size of what it is fed: all frames, and those of the end again."""
    encoder = tmp_path / "ffmpeg"
    encoder.write_text('#!/bin/sh\nfor last; do :; done\n[ "$1" = -version ] && exit 0\nwc -c > "$last"\n')
    encoder.chmod(encoder.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    figure = draw_motion()
    width, height = Image.open(io.BytesIO(figure.animation.gif)).size
    assert int(figure.animation.mp4) == (4 + 30) * width * height * 3
    assert width % 2 == height % 2 == 0
    save(figure, tmp_path)
    assert load(tmp_path / "figures" / "race.svg").animation == figure.animation


@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="no ffmpeg on the path")
def test_the_mp4_is_what_every_player_plays(tmp_path):
    """ffprobe decodes it frame by frame: H.264 in 4:2:0, as large as the GIF, its last frame held for two seconds."""
    figure = draw_motion()
    film = tmp_path / "race.mp4"
    film.write_bytes(figure.animation.mp4)
    asked = "stream=codec_name,pix_fmt,width,height,r_frame_rate,duration,nb_read_frames"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", asked, "-of", "json", str(film)]
    (stream,) = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["r_frame_rate"]) == ("h264", "yuv420p", "15/1")
    assert (stream["width"], stream["height"]) == Image.open(io.BytesIO(figure.animation.gif)).size
    assert int(stream["nb_read_frames"]) == 4 + 30
    assert float(stream["duration"]) == pytest.approx((4 + 30) / 15)


def test_without_an_encoder_there_is_no_mp4(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not [name for name in draw_motion().files() if Path(name).suffix == ".mp4"]


def test_a_damaged_animation_is_named(tmp_path):
    save(draw_motion(), tmp_path)
    (tmp_path / "figures" / "race.json").write_text("{")
    with pytest.raises(ValueError, match=r"expected the data of an animation in .*race\.json"):
        load(tmp_path / "figures" / "race.svg")
