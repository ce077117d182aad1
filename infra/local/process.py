"""Child processes that cannot outlive the stack: a session of their own, a death signal, a mark to find them by."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

MARK = "FLEET_STACK"
"""Environment variable that every process of a stack inherits; its value is the stack's id."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent(by: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """Return a `preexec_fn` that asks the kernel to signal the child when its parent dies, even by kill -9.

    The kernel watches the parent's thread, not its process: start such children on the main thread.
    """
    if sys.platform != "linux":
        return None  # the next `fleet up` finds the orphans by their mark
    parent, libc = os.getpid(), ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, by, 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


async def spawn(
    command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path | None = None
) -> asyncio.subprocess.Process:
    """Start a program in its own session with stdout and stderr appended to `log`. Call it on the main thread."""
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )


def marked(**marks: str) -> Iterator[psutil.Process]:
    """Yield the processes whose environment holds all these variables with these values."""
    for process in psutil.process_iter():
        try:
            environment = process.environ() if process.pid != os.getpid() else {}
        except (psutil.Error, OSError):
            continue
        if all(environment.get(name) == value for name, value in marks.items()):
            yield process


def kill_marked(**marks: str) -> int:
    """Kill what still carries these marks and wait until it is gone; return how many there were."""
    left = [process for process in marked(**marks) if process.status() != psutil.STATUS_ZOMBIE]
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=5)
    return len(left)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log for people, and where the rest is."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    if not text:
        return f"{log} is empty."
    return f"The end of {log}:\n" + "\n".join(f"  | {line}" for line in text[-lines:])
