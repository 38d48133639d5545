"""A report that moves: one script, admitted by its hash; what it plays is data that no browser executes."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from test_report_page import HOSTILE, RECORD, Page, figures

from basin.figures import Figure, contours, load, motion, save
from basin.report import build


def moving(label: str = "Adam") -> Figure:
    x = np.linspace(-1, 1, 11)
    walk = contours.Path(label, np.array([[0.9, 0.9], [0.5, 0.1], [0.0, 0.0]]), values=np.array([1.6, 0.3, 0.0]))
    return motion.draw("race", "A race", "Down.", contours.Panel("", x, x, x**2 + x[:, None] ** 2, (walk,)))


@pytest.fixture(scope="module")
def html() -> str:
    return build(RECORD, [*figures(), moving()])


def scripts(html: str) -> tuple[list[str], list[str]]:
    """Return the texts of the scripts that run, and of those that are data."""
    found = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    return [text for kind, text in found if not kind], [text for kind, text in found if "application/json" in kind]


def test_one_script_runs_and_the_policy_admits_it_by_its_hash(html):
    (script,), (_,) = scripts(html)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_script_fetches_nothing_and_makes_no_markup_of_text(html):
    (script,), _ = scripts(html)
    forbidden = (
        "fetch( XMLHttpRequest WebSocket import( innerHTML outerHTML insertAdjacentHTML eval( document.write src= href"
    )
    assert not [word for word in forbidden.split() if word in script]
    assert re.findall(r"https?://[^\"']+", script) == ["http://www.w3.org/2000/svg"]


def test_nothing_leaves_a_page_that_moves(html):
    page = Page(html)
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert len(page.ids) == len(set(page.ids))
    assert not [name for name in page.attributes if name.startswith("on")]
    assert "style" not in page.attributes


def test_the_data_are_the_figures_own(html):
    _, (data,) = scripts(html)
    assert json.loads(data) == moving().animation.data


def test_without_a_script_the_still_picture_is_all_that_is_seen(html):
    player = re.search(r'<div class="player"([^>]*)>', html)[1]
    assert "hidden" in player
    assert "hidden" in re.search(r'<ul class="walkers"([^>]*)>', html)[1]
    assert 'class="layer-paths"' in html


def test_the_controls_have_names_and_are_native(html):
    player = re.search(r'<div class="player".*?</div>', html, re.DOTALL)[0]
    assert re.search(r'<button type="button">Play</button>', player)
    assert 'aria-label="Step of A race"' in player
    assert 'max="2"' in player


def test_hostile_names_of_walks_stay_text():
    page = Page(html := build(RECORD, [moving("</script>" + HOSTILE)]))
    assert page.tags.count("script") == 2
    assert "img" not in page.tags
    _, (data,) = scripts(html)
    assert json.loads(data)["walkers"][0]["label"].startswith("</script>")


def test_a_report_that_moves_is_rebuilt_from_files_alone(html, tmp_path):
    for figure in [*figures(), moving()]:
        save(figure, tmp_path)
    again = [load(tmp_path / "figures" / f"{name}.svg") for name in ("gap", "samples", "race")]
    assert build(RECORD, again) == html


def test_a_report_without_motion_has_no_script():
    still = build(RECORD, [replace(moving(), animation=None)])
    assert scripts(still) == ([], [])
    assert "script-src" not in still


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs a browser")
def test_a_browser_plays_it(html, tmp_path):
    """The browser is the oracle: it admits the script by its own reading of the policy, and runs it."""
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    words = ["chromium", "--headless", "--no-sandbox", "--virtual-time-budget=20000", "--window-size=900,4000"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [*words, profile, "--dump-dom", str(tmp_path / "report.html")], capture_output=True, text=True, timeout=120
    )
    figure = re.search(r'<figure id="figure-race".*?</figure>', done.stdout, re.DOTALL)[0]
    assert re.match(r'<figure id="figure-race" class="moving"', figure)
    assert figure.count('class="layer-motion"') == 2
    points = re.search(r'<polyline[^>]*points="([^"]*)"', figure)[1].split()
    assert 1 <= len(points) <= 3
    assert re.search(r"<output>step [012]</output>", figure)
    assert "Adam" in re.search(r'<ul class="walkers".*?</ul>', figure, re.DOTALL)[0]
