"""What the lab runs on."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from pathlib import Path
from typing import Any

from velothread.processors.choose import gil_enabled


def machine() -> dict[str, Any]:
    """Cores, processor, platform and the build of Python."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    version = platform.python_version()
    return {
        "cores": os.process_cpu_count() or 1,
        "cpu": _cpu(),
        "platform": platform.platform(),
        "python": version,
        "free_threaded": free_threaded,
        "gil": gil_enabled(),
        "build": build_name(),
        "executable": sys.executable,
    }


def build_name() -> str:
    """The version of Python, with a `t` for a free-threaded build, and whether it runs with the GIL."""
    suffix = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"{platform.python_version()}{suffix} ({'GIL' if gil_enabled() else 'no GIL'})"


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


__all__ = ["build_name", "machine"]
