"""One browser's life: a driver and a Chromium that start together, serve contexts, and end together.

Each browser has a Node driver of its own, because a driver grows with the contexts it served (133 → 263 MB over 900):
so it is retired with its browser.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser as Chromium
from playwright.async_api import Error, Page, Playwright

from workers.browser.context import open_context
from workers.browser.driver import start_driver
from workers.browser.launch import SWITCHES, Launch, Sandbox
from workers.browser.patience import Calls
from workers.browser.process import BrowserProcesses
from workers.browser.scratch import note_profile, remove_browser_folder
from workers.errors import BrowserUnavailable
from workers.log import get_logger

_log = get_logger("browser")

# A page that devours memory gives no sign of its own, and does not end by itself.
FATAL_WEIGHT = 2


class Browser:
    """A Chromium with its driver. `served` counts the contexts that it opened, `lent` those that are open now."""

    def __init__(self, launch: Launch, folder: Path) -> None:
        self._launch = launch
        self._patience = launch.patience
        self._folder = folder
        self._marker = f"--fleet-browser={uuid.uuid4().hex}"
        self._calls = Calls()
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._closing: asyncio.Task[None] | None = None
        self.processes = BrowserProcesses(self._marker)
        self.served = 0
        self.lent = 0
        self.is_too_heavy = False

    @classmethod
    async def start(cls, launch: Launch, folder: Path) -> Self:
        """Launch a browser with `folder` for its temporary files. Raises `BrowserUnavailable`.

        A browser that cannot be started leaves nothing behind.
        """
        browser = cls(launch, folder)
        try:
            await browser._start()
        except BrowserUnavailable:
            await browser.close()
            raise
        except (Error, OSError, TimeoutError) as error:
            await browser.close()
            raise launch.why_not_started(error) from error
        _log.info("browser.started", executable=str(launch.executable))
        return browser

    async def _start(self) -> None:
        await self._calls.within(self._patience.launch, self._start_driver())
        await self._calls.within(self._patience.launch, self._launch_chromium())
        self.processes.find()
        profile = self.processes.profile_folder()
        if profile is not None:
            note_profile(self._folder, profile)

    async def _start_driver(self) -> None:
        self._playwright = await start_driver()

    async def _launch_chromium(self) -> None:
        if self._playwright is None:
            return
        self._chromium = await self._playwright.chromium.launch(
            executable_path=self._launch.executable,
            chromium_sandbox=self._launch.sandbox is not Sandbox.OFF,
            args=[*SWITCHES, self._marker],
            env={**os.environ, "TMPDIR": str(self._folder)},
            artifacts_dir=self._folder / "artifacts",
            timeout=0,  # ours counts
            # A signal to our process group must not take the pages away from work that is being drained.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked for anything."""
        is_connected = self._chromium is not None and self._chromium.is_connected()
        return self._closing is None and is_connected and self.processes.are_whole

    @property
    def is_spent(self) -> bool:
        """Whether it shall lend no more pages."""
        return not self.is_alive or self.is_too_heavy or self.served >= self._launch.contexts

    async def open_page(self) -> Page:
        """Open a page in a context of its own. Raises `BrowserUnavailable`; the browser is closed then."""
        if self._chromium is None:
            raise BrowserUnavailable
        self.served += 1
        self.lent += 1
        try:
            opening = open_context(self._chromium, self._launch.navigation_timeout)
            _context, page = await self._calls.within(self._patience.open, opening)
        except (Error, TimeoutError) as error:
            self.lent -= 1
            _log.warning("browser.lost", at="open", error=type(error).__name__)
            await self.kill()
            raise BrowserUnavailable("Chromium opened no page: it died, or it hangs.") from error
        return page

    async def close_page(self, page: Page) -> None:
        """Close the page with its context. A browser that does not do so in time is killed."""
        self.lent -= 1
        if self._closing is not None:
            return
        try:
            await self._calls.within(self._patience.close, page.context.close())
        except (Error, TimeoutError) as error:
            _log.warning("browser.lost", at="close", error=type(error).__name__)
            await self.kill()

    async def weigh(self) -> None:
        """Look at the memory: too much makes the browser spent, twice as much gets it killed."""
        limit = self._launch.memory_limit_mb
        held = await asyncio.to_thread(self.processes.memory_mb)
        self.is_too_heavy = self.is_too_heavy or held > limit
        if held > limit * FATAL_WEIGHT and self.is_alive:
            _log.warning("browser.killed", held_mb=held, limit_mb=limit)
            await self.kill()

    async def kill(self) -> None:
        """End the browser by force; whoever uses a page of it gets an error at once."""
        self.processes.kill_browser()
        await self.close()

    async def close(self) -> None:
        """End the browser, its driver and its folders, by force where asking does not help. Safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.processes.find()
        if self._chromium is None or not await self._ends(self._chromium.close()):
            self.processes.kill_browser()
        await self._calls.ended(self._patience.close)
        if self._playwright is not None:
            await self._ends(self._playwright.stop())
        self.processes.kill_all()
        if not await self.processes.gone(self._patience.close):
            _log.error("browser.survived", pids=[process.pid for process in self.processes.all()])
        await self._calls.ended(self._patience.close)
        await asyncio.to_thread(remove_browser_folder, self._folder)

    async def _ends(self, call: Coroutine[Any, Any, None]) -> bool:
        try:
            await self._calls.within(self._patience.close, call)
        except (Error, TimeoutError):
            return False
        return True
