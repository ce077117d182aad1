"""Lends pages, each in a fresh context of a browser that is warm. Owns the browsers: nobody else starts or ends one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from playwright.async_api import Error, Page

from workers.browser.browser import Browser
from workers.browser.launch import Launch, Patience
from workers.errors import BrowserUnavailable
from workers.settings import Settings

T = TypeVar("T")


class Berth:
    """A place for one browser and its pages; a browser that is spent is replaced here."""

    def __init__(self) -> None:
        self.taken = 0
        self.browser: Browser | None = None
        self.lock = asyncio.Lock()


class BrowserPool:
    """`browsers` × `pages_per_browser` slots, given out in the order of asking."""

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        self._free = asyncio.Semaphore(settings.slots)
        self._berths = [Berth() for _ in range(settings.browsers)]
        self._chores: set[asyncio.Task[Any]] = set()
        self._launch: Launch | None = None
        self._closing: asyncio.Task[None] | None = None
        self._scratch: Path | None = None

    @property
    def slots(self) -> int:
        """Pages that can be lent at once."""
        return self._settings.slots

    @property
    def busy(self) -> int:
        """Pages that are lent now."""
        return sum(berth.taken for berth in self._berths)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Launch all browsers and open a first page in each. Raises `ChromiumMissing` or `BrowserUnavailable`."""
        self._launch = Launch.from_settings(self._settings, self._patience)
        self._scratch = Path(tempfile.mkdtemp(prefix="fleet-browsers-"))
        try:
            for berth in self._berths:
                browser = await self._ready(berth)
                await browser.close_page(await browser.open_page())
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all browsers at once; pages that are lent fail. Safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await asyncio.gather(*(berth.browser.close() for berth in self._berths if berth.browser))
        if self._chores:
            await asyncio.wait(set(self._chores))
        await asyncio.gather(*(berth.browser.close() for berth in self._berths if berth.browser))
        if self._scratch is not None:
            self._scratch.rmdir()

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """Lend a page in a fresh context for the block.

        Raises `BrowserUnavailable`, also out of the block when the browser died in it.
        """
        async with self._free:
            berth = min(self._berths, key=lambda berth: berth.taken)
            berth.taken += 1
            opening = self._chore(self._open(berth))
            try:
                browser, page = await asyncio.shield(opening)
                try:
                    yield page
                except Error as error:
                    if browser.is_alive:
                        raise
                    raise BrowserUnavailable("The browser died while a page of it was lent.") from error
            finally:
                await asyncio.shield(self._chore(self._give_back(berth, opening)))

    async def _open(self, berth: Berth) -> tuple[Browser, Page]:
        browser = await self._ready(berth)
        return browser, await browser.open_page()

    async def _give_back(self, berth: Berth, opening: asyncio.Task[tuple[Browser, Page]]) -> None:
        try:
            browser, page = await opening
            await browser.close_page(page)
        except BrowserUnavailable:
            return
        finally:
            berth.taken -= 1

    async def _ready(self, berth: Berth) -> Browser:
        async with berth.lock:
            if self._closing is not None or self._launch is None or self._scratch is None:
                raise BrowserUnavailable("The browser pool is closed.")
            if berth.browser is None or not berth.browser.is_alive:
                if berth.browser is not None:
                    await berth.browser.close()
                berth.browser = await Browser.start(self._launch, Path(tempfile.mkdtemp(dir=self._scratch)))
            return berth.browser

    def _chore(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
        return chore
