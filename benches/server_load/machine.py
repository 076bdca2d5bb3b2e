"""What is measured on."""

import os
from pathlib import Path


def machine() -> str:
    """Its processors, and how busy it was besides."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line for line in lines if line.startswith("model name")]
    name = names[0].partition(":")[2].strip() if names else "unknown"
    load = os.getloadavg()[2]  # over the last fifteen minutes
    return f"{os.cpu_count()} × {name}, load average {load:.1f}"
