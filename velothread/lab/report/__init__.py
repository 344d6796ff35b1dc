"""The lab's report as one HTML file: text, tables and charts, with nothing to fetch from anywhere."""

from __future__ import annotations

from velothread.lab.report.page import render

__all__ = ["render"]
