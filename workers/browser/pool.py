"""Lends pages, each in a fresh context of a warm browser. Owns the browsers: nobody else starts or ends one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Self, TypeVar

from playwright.async_api import Error, Page

from workers.browser.berth import Berth
from workers.browser.browser import Browser
from workers.browser.launch import Launch, Sandbox
from workers.browser.patience import Patience
from workers.browser.scratch import Scratch, sweep
from workers.errors import BrowserUnavailable, FleetError
from workers.log import get_logger
from workers.settings import Settings

T = TypeVar("T")
_log = get_logger("browser")


class BrowserPool:
    """`browsers` × `pages_per_browser` slots, given out in the order of asking.

    It belongs to the event loop that started it: Playwright's pages cannot be used from another.
    """

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        self._free = asyncio.Semaphore(settings.slots)
        self._berths: list[Berth] = []
        self._chores: set[asyncio.Task[Any]] = set()
        self._scratch: Scratch | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def slots(self) -> int:
        """Pages that can be lent at once."""
        return self._settings.slots

    @property
    def busy(self) -> int:
        """Slots that are taken now."""
        return sum(berth.taken for berth in self._berths)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Launch all browsers and open a first page in each. Raises `ChromiumMissing` or `BrowserUnavailable`."""
        if self._scratch is not None:
            raise FleetError("This browser pool was started before; make a new one.")
        launch = Launch.from_settings(self._settings, self._patience)
        await asyncio.to_thread(sweep)
        self._scratch = Scratch()
        try:
            await asyncio.shield(self._chore(self._open_berths(launch, self._scratch)))
        except BaseException:
            await self.close()
            raise
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End all browsers at once; pages that are lent fail, and who waits is refused. Safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Lend a page in a fresh context for the block.

        Raises `BrowserUnavailable`, also out of the block when the browser died in it or the page crashed.
        """
        berth = await self._take_slot()
        # A page that is being opened when we are cancelled exists all the same: it is waited for, and closed.
        opening = self._chore(berth.open_page())
        try:
            browser, page = await asyncio.shield(opening)
            self._keep_warm(berth)
            with _explaining_death(browser, page):
                yield page
        finally:
            await asyncio.shield(self._chore(self._give_back(berth, opening)))

    async def _take_slot(self) -> Berth:
        self._check_open()
        await self._free.acquire()
        try:
            self._check_open()
        except BrowserUnavailable:
            self._free.release()
            raise
        berth = min(self._berths, key=lambda berth: berth.taken)
        berth.taken += 1
        return berth

    async def _give_back(self, berth: Berth, opening: asyncio.Task[tuple[Browser, Page]]) -> None:
        try:
            browser, page = await opening
            await berth.close_page(browser, page)
        except BrowserUnavailable:
            return  # the page was never lent
        finally:
            berth.taken -= 1
            self._free.release()

    def _check_open(self) -> None:
        if self._scratch is None or self._closing is not None:
            raise BrowserUnavailable("The browser pool is not open.")

    async def _open_berths(self, launch: Launch, scratch: Scratch) -> None:
        self._berths = [Berth(launch, scratch) for _ in range(self._settings.browsers)]
        ends = await asyncio.gather(*(berth.warm() for berth in self._berths), return_exceptions=True)
        error = next((end for end in ends if end is not None), None)
        if error is None:
            return
        await asyncio.gather(*(berth.close() for berth in self._berths))
        if not launch.can_do_without_sandbox(error):
            raise error
        _log.warning("browser.unsandboxed", reason="the machine gives Chromium no sandbox")
        await self._open_berths(replace(launch, sandbox=Sandbox.OFF), scratch)

    def _keep_warm(self, berth: Berth) -> None:
        if berth.is_due:
            self._chore(self._renew(berth))

    async def _renew(self, berth: Berth) -> None:
        try:
            await berth.renew()
        except BrowserUnavailable as error:
            if self._closing is None:
                _log.warning("browser.not_renewed", error=str(error))  # the next loan tries again, and says so

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._patience.watch.total_seconds())
            for berth in self._berths:
                await asyncio.gather(*(browser.weigh() for browser in berth.browsers))
                self._keep_warm(berth)

    async def _close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})
        self._free.release()  # who waits for a slot wakes up, is refused, and wakes the next
        await asyncio.gather(*(berth.close() for berth in self._berths))
        if self._chores:
            await asyncio.wait(set(self._chores))
        if self._scratch is not None:
            self._scratch.remove()

    def _chore(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
        return chore


@contextmanager
def _explaining_death(browser: Browser, page: Page) -> Iterator[None]:
    crashes: list[Page] = []
    page.on("crash", lambda crashed: crashes.append(crashed))  # noqa: PLW0108 - Playwright marks what it is handed
    try:
        yield
    except Error as error:
        if crashes:
            raise BrowserUnavailable("The page crashed.") from error
        if not browser.is_alive:
            raise BrowserUnavailable("Chromium died while a page of it was lent.") from error
        raise
