"""What ran where: facts of the machine, and the memory and time that processes took."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

MIB = 2**20


def facts() -> dict[str, str]:
    """Return what somebody needs to compare results of two machines."""
    versions = {name: importlib.metadata.version(name) for name in ("prefect", "playwright", "asyncpg", "boto3")}
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(),
        "python": platform.python_version(),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        **versions,
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one worker in MiB: of its Python process, and of the browsers and their driver below it.

    Pages that several processes share count for each in equal parts (PSS), so that the sum is what the machine pays.
    """

    python: float
    browsers: float

    @classmethod
    def of(cls, pid: int) -> Memory:
        """Weigh a process and everything below it."""
        process = psutil.Process(pid)
        return cls(_mib(process), sum(_mib(child) for child in process.children(recursive=True)))


def _mib(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / MIB
    except psutil.Error:
        return 0.0


def cpu_seconds(parts: Mapping[str, int | None]) -> dict[str, float]:
    """Return the processor time of every part with everything that it started and waited for, in seconds."""
    return {name: _tree_seconds(pid) for name, pid in parts.items() if pid is not None}


def _tree_seconds(pid: int) -> float:
    total = 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return total
    for member in family:
        try:
            times = member.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
