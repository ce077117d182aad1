"""One browser's life: a driver and a Chromium that start together, serve contexts, and end together.

Each browser has a Node driver of its own: the driver grows with the number of contexts, and ends with the browser
that it served.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser as Chromium
from playwright.async_api import Error, Page, Playwright, async_playwright

from workers.browser.launch import SWITCHES, Launch
from workers.browser.process import BrowserProcesses
from workers.errors import BrowserUnavailable
from workers.log import get_logger

_log = get_logger("browser")


class Browser:
    """A running Chromium. `served` counts the contexts that it opened, `lent` those that are open."""

    def __init__(self, launch: Launch, scratch: Path) -> None:
        self._launch = launch
        self._patience = launch.patience
        self._scratch = scratch
        self._marker = f"--fleet-browser={uuid.uuid4().hex}"
        self._profile: Path | None = None
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._closing: asyncio.Task[None] | None = None
        self.processes = BrowserProcesses(self._marker)
        self.served = 0
        self.lent = 0
        self.is_too_heavy = False

    @classmethod
    async def start(cls, launch: Launch, scratch: Path) -> Self:
        """Launch a browser with `scratch` as its folder for temporary files. Raises `BrowserUnavailable`.

        A browser that cannot be started leaves nothing behind.
        """
        browser = cls(launch, scratch)
        try:
            async with asyncio.timeout(launch.patience.launch.total_seconds()):
                await browser._start()
        except (Error, OSError, TimeoutError) as error:
            await browser.close()
            raise BrowserUnavailable(_why_not_started(launch, error)) from error
        except BaseException:
            await browser.close()
            raise
        return browser

    async def _start(self) -> None:
        artifacts = self._scratch / "artifacts"
        artifacts.mkdir(parents=True)
        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(
            executable_path=self._launch.executable,
            chromium_sandbox=self._launch.is_sandboxed,
            args=[*SWITCHES, self._marker],
            env={**os.environ, "TMPDIR": str(self._scratch)},
            artifacts_dir=artifacts,
            timeout=self._patience.launch.total_seconds() * 1000,
            # A signal to our process group must not take the pages away from work that is being drained.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
        self.processes.find()
        self._profile = self.processes.profile_folder()

    @property
    def is_alive(self) -> bool:
        """Whether pages can be opened in it."""
        return self._closing is None and self._chromium is not None and self._chromium.is_connected()

    async def open_page(self) -> Page:
        """Open a page in a context of its own. Raises `BrowserUnavailable`; the browser is dead then."""
        if self._chromium is None:
            raise BrowserUnavailable("Chromium is not started.")
        self.served += 1
        try:
            async with asyncio.timeout(self._patience.open.total_seconds()):
                context = await self._chromium.new_context(
                    accept_downloads=False, service_workers="block", permissions=[]
                )
                context.set_default_navigation_timeout(self._launch.navigation_timeout.total_seconds() * 1000)
                return await context.new_page()
        except (Error, TimeoutError) as error:
            await self.close()
            raise BrowserUnavailable("Chromium opened no page: it died, or it hangs.") from error

    async def close_page(self, page: Page) -> None:
        """Close the page with its context; a browser that does not do so in time is killed."""
        if not self.is_alive:
            return
        try:
            async with asyncio.timeout(self._patience.close.total_seconds()):
                await page.context.close()
        except (Error, TimeoutError):
            _log.warning("browser.hung", at="context.close")
            await self.close()

    async def close(self) -> None:
        """End the browser, its driver and its folders, by force where asking does not help. Safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.processes.find()
        if self._chromium is not None and not await _ends(self._chromium.close(), self._patience.close):
            self.processes.kill_browser()
        if self._playwright is not None and not await _ends(self._playwright.stop(), self._patience.close):
            self.processes.kill_all()
        self.processes.kill_all()
        await self.processes.gone(self._patience.close)
        for folder in (self._scratch, self._profile):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


async def _ends(work: Coroutine[Any, Any, None], within: timedelta) -> bool:
    """Wait for an end, and let it go on when it takes too long: to cancel it would break Playwright's own end."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=within.total_seconds())
    return bool(done) and task.exception() is None


def _why_not_started(launch: Launch, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"{launch.executable} did not start within {launch.patience.launch.total_seconds():g} s."
    return f"{launch.executable} did not start: {error}"
