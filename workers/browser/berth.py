"""A place for one browser at a time, with its pages. A browser that is spent leaves when its last page is back."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page

from workers.browser.browser import Browser
from workers.browser.launch import Launch
from workers.browser.scratch import Scratch
from workers.errors import BrowserUnavailable
from workers.log import get_logger

_log = get_logger("browser")

_TRIES = 2  # a page that cannot be opened in a browser that died meanwhile may be opened in a new one


class Berth:
    """Replaces its browser when it is spent. `taken` counts the slots in use, also of browsers that leave."""

    def __init__(self, launch: Launch, scratch: Scratch) -> None:
        self._launch = launch
        self._scratch = scratch
        self._current: Browser | None = None
        self._leaving: set[Browser] = set()
        self._is_closed = False
        self._lock = asyncio.Lock()
        self.taken = 0

    @property
    def browsers(self) -> list[Browser]:
        """All browsers that live here."""
        return [*self._leaving, *([self._current] if self._current else [])]

    @property
    def is_due(self) -> bool:
        """Whether the next loan would have to wait for a new browser, and none is on its way."""
        is_idle = not self._is_closed and not self._lock.locked()
        return is_idle and (self._current is None or self._current.is_spent)

    async def warm(self) -> None:
        """Launch the browser and let it open its first page, which takes longest."""
        await self.close_page(*await self.open_page())

    async def open_page(self) -> tuple[Browser, Page]:
        """Open a page in the current browser, launching one if need be. Raises `BrowserUnavailable`."""
        for tries_left in reversed(range(_TRIES)):
            browser = await self.renew()
            try:
                return browser, await browser.open_page()
            except BrowserUnavailable:
                if not tries_left or self._is_closed:
                    raise
        raise BrowserUnavailable

    async def close_page(self, browser: Browser, page: Page) -> None:
        """Take a page back, and end its browser if it waited for that."""
        await browser.close_page(page)
        await self._see_off(browser)

    async def renew(self) -> Browser:
        """Return a browser that can lend; only one is launched however many ask. Raises `BrowserUnavailable`."""
        async with self._lock:
            if self._is_closed:
                raise BrowserUnavailable("The browser pool is closed.")
            if self._current is None or self._current.is_spent:
                await self._retire()
                self._current = await Browser.start(self._launch, self._scratch.folder())
            return self._current

    async def close(self) -> None:
        """End all browsers of this place at once."""
        self._is_closed = True
        await asyncio.gather(*(browser.close() for browser in self.browsers))
        async with self._lock:  # a browser that was being launched
            await asyncio.gather(*(browser.close() for browser in self.browsers))

    async def _retire(self) -> None:
        browser, self._current = self._current, None
        if browser is not None:
            _log.info("browser.retired", served=browser.served, lent=browser.lent, is_alive=browser.is_alive)
            self._leaving.add(browser)
            await self._see_off(browser)

    async def _see_off(self, browser: Browser) -> None:
        if browser in self._leaving and (not browser.lent or not browser.is_alive):
            await browser.close()
            self._leaving.discard(browser)
