"""The HTML report as Chromium shows it: every chart is drawn, on a phone as on a desk, in light and in dark."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab.sample_report import sample
from velothread.lab.report import render

CHROMIUM = shutil.which("chromium")
CHARTS = [
    "latency-by-batch-size",
    "throughput-by-partitions",
    "ledger",
    "wait-phases",
    "wake-latency",
    "gil",
    "simulated-scaling",
]
# Chromium's windows are at least 500 pixels wide; a frame is as narrow as a phone.
FRAME = """<!DOCTYPE html>
<meta name="color-scheme" content="light dark">
<style>body {{ margin: 0; }} iframe {{ display: block; width: {width}px; height: 800px; border: 0; }}</style>
<script>
addEventListener("message", (event) => {{ document.documentElement.dataset.found = event.data; }});
</script>
<iframe src="page.html"></iframe>
"""
PROBE = """
addEventListener("load", () => {
  const sizes = (holder) => [...holder.querySelectorAll(".plots canvas, .plots .bar svg")].map((it) => {
    const box = it.getBoundingClientRect();
    return [box.width, box.height, box.right];
  });
  const inked = (canvas) => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] === 255) colours.add(pixels.slice(i, i + 3).join());
    return colours.size;
  };
  const report = () => ({
    width: innerWidth,
    pageWidth: document.documentElement.scrollWidth,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    background: getComputedStyle(document.body).backgroundColor,
    charts: Object.fromEntries([...document.querySelectorAll("[data-chart]")].map((holder) => [holder.dataset.chart, {
      drawn: holder.dataset.drawn, sizes: sizes(holder), plots: holder.querySelectorAll(".plot").length,
      colours: [...holder.querySelectorAll("canvas")].map(inked),
    }])),
    fetched: performance.getEntriesByType("resource").map((it) => it.name),
    hovered: hover(),
  });
  const hover = () => {
    const over = document.querySelector("[data-chart=latency-by-batch-size] .u-over");
    const box = over.getBoundingClientRect();
    const at = { bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
    over.dispatchEvent(new MouseEvent("mouseenter", at));
    over.dispatchEvent(new MouseEvent("mousemove", at));
    return new Promise((resolve) => setTimeout(resolve, 100)).then(() => {
      const holder = document.querySelector("[data-chart=latency-by-batch-size]");
      return [...holder.querySelectorAll(".legend output")].map((it) => it.textContent);
    });
  };
  setTimeout(async () => {
    const found = report();
    found.hovered = await found.hovered;
    parent.postMessage(JSON.stringify(found), "*");
  }, 300);
});
"""


def looked_at(tmp_path: Path, width: int, dark: bool) -> tuple[dict[str, Any], list[str]]:
    """What the page is like in a window of this width, and what the browser's console says."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: make browser")
    # The page allows its own scripts alone, so the probe is announced to it.
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    source = render(sample()).replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width), encoding="utf-8")
    (tmp_path / "page.html").write_text(source.replace("</body>", f"<script>{PROBE}</script></body>"), encoding="utf-8")
    command = [
        CHROMIUM,
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--window-size=1400,900",
        "--virtual-time-budget=4000",
        "--enable-logging=stderr",
        "--dump-dom",
        frame.as_uri(),
    ]
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium refuses to run as root with it
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found, f"the page told nothing; Chromium said: {done.stderr[-3000:]}"
    console = [line for line in done.stderr.splitlines() if ":CONSOLE:" in line]
    return json.loads(html.unescape(found[1])), console


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_chart_is_drawn(tmp_path: Path, width: int, dark: bool) -> None:
    found, console = looked_at(tmp_path, width, dark)
    assert not console
    assert not found["fetched"]
    assert found["width"] == width
    assert found["pageWidth"] <= width
    assert found["dark"] == dark
    red, green, blue = map(int, re.findall(r"\d+", found["background"])[:3])
    assert (red + green + blue < 200) == dark
    assert list(found["charts"]) == CHARTS
    for name, chart in found["charts"].items():
        assert chart["drawn"] == "true", name
        assert len(chart["sizes"]) >= chart["plots"] > 0, name
        for wide, high, right in chart["sizes"]:
            assert wide > 180, name
            assert high > 15, name
            assert right <= width, name
        assert all(colours >= 3 for colours in chart["colours"]), name
    # At the middle of the axis, every line of the first chart says its figure.
    assert len(found["hovered"]) == 6
    assert all(text.endswith(("µs", "ns")) for text in found["hovered"][:5])
