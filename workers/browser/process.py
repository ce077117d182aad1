"""The processes of one browser: Playwright's Node driver, Chromium and all that Chromium started.

They are known by a marker in Chromium's arguments that is unique to one launch, so that no other pool, program or
person on the machine is ever touched. Chromium is launched as the leader of a session of its own, and a process
that outlives its parent (the driver, or Chromium's main process) still belongs to that session.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import psutil

_POLL = 0.01


class BrowserProcesses:
    """Finds, weighs and kills the processes that belong to one launch."""

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._driver: psutil.Process | None = None
        self._leader: psutil.Process | None = None
        self._main: psutil.Process | None = None

    def find(self) -> None:
        """Look for Chromium among our own descendants, unless it was found before."""
        if self._leader is None:
            marked = list(filter(self._is_marked, psutil.Process().children(recursive=True)))
            if marked:
                # The system's Chromium is a shell script that waits for the real one: parent first, child last.
                self._leader, self._main, self._driver = marked[0], marked[-1], marked[0].parent()

    @property
    def are_whole(self) -> bool:
        """Whether driver and Chromium live. Playwright learns of a death later, or (of its driver's) never."""
        return all(process is not None and _is_alive(process) for process in (self._driver, self._main))

    def browser(self) -> list[psutil.Process]:
        """Return the living processes of Chromium."""
        leader = self._leader
        if leader is None:
            return []
        return [process for process in map(_process, psutil.pids()) if process and _is_in_session(process, leader)]

    def all(self) -> list[psutil.Process]:
        """Return the living processes of Chromium and its driver."""
        driver = [self._driver] if self._driver and _is_alive(self._driver) else []
        return [*self.browser(), *driver]

    def memory_mb(self) -> int:
        """Return the MiB that the processes hold for themselves: resident memory less what they share."""
        return sum(_private_bytes(process) for process in self.all()) // 2**20

    def profile_folder(self) -> Path | None:
        """Return the profile that Playwright made for this launch."""
        if self._leader is None:
            return None
        try:
            arguments = self._leader.cmdline()
        except psutil.Error:
            return None
        prefix = "--user-data-dir="
        return next((Path(part.removeprefix(prefix)) for part in arguments if part.startswith(prefix)), None)

    def kill_browser(self) -> None:
        """Kill Chromium, whatever state it is in; a stopped process dies of this, too."""
        _kill(self.browser())

    def kill_all(self) -> None:
        """Kill Chromium and its driver."""
        _kill(self.all())

    async def gone(self, within: timedelta) -> bool:
        """Wait until none of the processes lives; answer False when some still do."""
        deadline = asyncio.get_running_loop().time() + within.total_seconds()
        while self.all():
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_POLL)
        return True

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return self._marker in process.cmdline()
        except psutil.Error:
            return False


def _is_in_session(process: psutil.Process, leader: psutil.Process) -> bool:
    try:
        # Whoever is older than the leader cannot be of its session: the number was another's before.
        is_ours = os.getsid(process.pid) == leader.pid and process.create_time() >= leader.create_time()
    except (psutil.Error, ProcessLookupError):
        return False
    return is_ours and _is_alive(process)


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _private_bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
    except psutil.Error:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
