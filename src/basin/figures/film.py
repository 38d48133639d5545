"""Walks over a surface as a film: GIF, and MP4 where there is ffmpeg.

Frames are drawn by matplotlib on the light ground. All frames of the GIF share the colours of the last one, so nothing
flickers and equal walks give equal bytes.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.animation import FFMpegWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing
from PIL import Image

from basin.figures.contours import Panel, ground, picture
from basin.figures.palette import series
from basin.figures.style import Box, Layout, house_style, new_drawing, write
from basin.figures.words import LINE, TEXT, number, text_width

FRAMES = 60
PER_SECOND = 15
HOLD_S = 2.0
"""How long the last frame stays."""

_COLOURS = 96
_PAGE = Layout("film", 470.0, 1)


def film(panel: Panel, title: str, steps: np.ndarray) -> tuple[bytes, bytes]:
    """Return the walks of a panel as GIF and as MP4; no bytes for the latter without ffmpeg.

    Args:
        panel: The scene.
        title: Written above it.
        steps: The steps that may be shown, ascending; about sixty of them are.
    """
    shown = steps[np.unique(np.linspace(0, len(steps) - 1, min(FRAMES, len(steps))).astype(int))].tolist()
    with house_style():
        drawing, show = _stage(panel, title)
        frames = list(_frames(drawing, show, shown))
    return _gif(frames), _mp4(frames) if FFMpegWriter.isAvailable() else b""


def _stage(panel: Panel, title: str) -> tuple[Drawing, Callable[[int], None]]:
    """Return a drawing and what moves it to a step."""
    box = picture(panel, _PAGE)
    right = 34 + max((text_width(path.label, bold=True) for path in panel.paths), default=0)
    size = [_even(box.left + box.width + right), _even(30 + box.top + max(box.height, LINE * len(panel.paths)) + 30)]
    drawing = new_drawing(*size)
    FigureCanvasAgg(drawing)
    write(drawing, box.left, 22, title, size=TEXT, weight="bold")
    axes = ground(drawing, panel, Box(box.left, 30 + box.top, box.width, box.height))
    count = axes.text(1, 1 + 8 / box.height, "", size=TEXT, ha="right", transform=axes.transAxes, animated=True)
    walkers = []
    for index, path in enumerate(panel.paths):
        colour = series(index)
        write(
            drawing,
            box.left + box.width + 14,
            30 + box.top + 12 + LINE * index,
            path.label,
            color=colour,
            weight="bold",
        )
        (line,) = axes.plot([], [], color=colour, linewidth=1.8, animated=True)
        (head,) = axes.plot([], [], color=colour, marker="o", markersize=6.5, linestyle="none", animated=True)
        walkers.append((path.finite, path.diverged, line, head))

    def show(step: int) -> None:
        count.set_text(f"step {number(step, 6)}")
        for points, diverged, line, head in walkers:
            walked = points[: step + 1]
            line.set_data(*walked.T)
            head.set_data(*walked[-1:].T)
            head.set(marker="x" if diverged and step >= len(points) else "o", markeredgewidth=2)

    return drawing, show


def _frames(drawing: Drawing, show: Callable[[int], None], steps: list[int]) -> Iterator[Image.Image]:
    """Yield a picture of each step; the ground, which is what takes time, is drawn once."""
    canvas = drawing.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    still = canvas.copy_from_bbox(drawing.bbox)
    (axes,) = drawing.axes
    moving = [artist for artist in axes.get_children() if artist.get_animated()]
    for step in steps:
        show(step)
        canvas.restore_region(still)
        for artist in moving:
            axes.draw_artist(artist)
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _gif(frames: list[Image.Image]) -> bytes:
    colours = frames[-1].quantize(_COLOURS, dither=Image.Dither.NONE)
    first, *rest = (frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames)
    durations = [round(1000 / PER_SECOND)] * len(rest) + [round(1000 * HOLD_S)]
    content = io.BytesIO()
    first.save(content, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return content.getvalue()


def _mp4(frames: list[Image.Image]) -> bytes:
    width, height = frames[0].size
    given = ["-f", "rawvideo", "-s", f"{width}x{height}", "-pix_fmt", "rgb24", "-framerate", str(PER_SECOND), "-i", "-"]
    wanted = ["-vcodec", "h264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]  # plays anywhere, while it loads
    shown = [*frames, *frames[-1:] * round(PER_SECOND * HOLD_S)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        command = [FFMpegWriter.bin_path(), "-loglevel", "error", *given, *wanted, str(path)]
        pixels = b"".join(frame.tobytes() for frame in shown)
        subprocess.run(command, input=pixels, check=True)  # noqa: S603 - no outside input
        return path.read_bytes()


def _even(length: float) -> float:
    """Return a whole, even number of pixels, which MP4 asks for."""
    return 2.0 * round(length / 2)
