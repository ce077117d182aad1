"""What ran where: facts of the machine, and the memory and time that processes took."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import defaultdict
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
    """Return the processor time of every part so far, in seconds; what is below it stands apart by program.

    A process that ended counts in its parent, once that has waited for it.
    """
    spent: dict[str, float] = defaultdict(float)
    for name, pid in parts.items():
        for process in _family(pid):
            times = _times(process)
            is_part = process.pid == pid
            spent[name if is_part else f"{name}: {_program(process)}"] += times
    return spent


def _family(pid: int | None) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid) if pid is not None else None
        return [process, *process.children(recursive=True)] if process else []
    except psutil.NoSuchProcess:
        return []


def _times(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _program(process: psutil.Process) -> str:
    try:
        name = process.name()
    except psutil.Error:
        return "ended"
    return "Chromium" if name.startswith(("chrom", "headless")) else name
