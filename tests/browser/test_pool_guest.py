"""A lent page is a bounded guest: what a site throws at it neither hangs it nor piles up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Error, Page

from tests.fixtures.browser import pool_settings
from tests.waiting import until
from workers.browser.context import POPUP_LIMIT
from workers.browser.pool import BrowserPool

pytestmark = pytest.mark.usefixtures("nothing_left")


async def visit(page: Page, body: str) -> None:
    await page.route("**/*", lambda route: route.fulfill(body=body, content_type="text/html"))
    await page.goto("https://directory.example.com/")


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A server on loopback, a page of which could register a service worker."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = "text/javascript" if b"worker.js" in await reader.readuntil(b"\r\n\r\n") else "text/html"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def files_in(folder: Path, suffix: str) -> list[Path]:
    return list(folder.rglob(f"*{suffix}"))


async def test_dialogs_are_dismissed(pool: BrowserPool) -> None:
    async with asyncio.timeout(10), pool.page() as page:
        assert await page.evaluate("[alert('hello'), confirm('sure?'), prompt('name?')]") == [None, False, None]


async def test_a_page_that_asks_before_it_is_left_can_be_left(pool: BrowserPool) -> None:
    async with asyncio.timeout(10), pool.page() as page:
        await visit(page, "<button>x</button><script>onbeforeunload = e => e.preventDefault()</script>")
        await page.click("button")
    assert pool.busy == 0


async def test_windows_beyond_the_limit_are_closed(pool: BrowserPool) -> None:
    async with pool.page() as page:
        await visit(page, "<p>")
        opened = 0

        def count(_popup: Page) -> None:
            nonlocal opened
            opened += 1

        page.context.on("page", count)
        await page.evaluate("for (let i = 0; i < 20; i++) open('about:blank')")
        await until(lambda: opened == 20)
        await until(lambda: len(page.context.pages) == 1 + POPUP_LIMIT)
        assert not page.is_closed()


async def test_downloads_are_refused(pool: BrowserPool, nothing_left: Path) -> None:
    async with pool.page() as page:
        await visit(page, "<a download='price-list.csv' href='data:text/csv,1'>get</a>")
        async with page.expect_download() as coming:
            await page.click("a")
        download = await coming.value
        assert await download.failure()
        with pytest.raises(Error):
            await download.path()
        assert files_in(nothing_left, ".csv") == []


async def test_service_workers_are_blocked(pool: BrowserPool, site: str) -> None:
    async with pool.page() as page:
        await page.goto(site)
        await page.evaluate("navigator.serviceWorker.register('/worker.js').catch(() => null).then(() => null)")
        assert await page.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
        assert page.context.service_workers == []


async def test_permissions_are_denied_without_a_prompt(pool: BrowserPool) -> None:
    async with asyncio.timeout(20), pool.page() as page:
        await visit(page, "<p>")
        for name in ("geolocation", "notifications", "camera", "microphone", "clipboard-read"):
            state = await page.evaluate("name => navigator.permissions.query({name}).then(it => it.state)", name)
            assert state != "granted", name
        asked = "new Promise(done => navigator.geolocation.getCurrentPosition(() => done('told'), e => done(e.code)))"
        assert await page.evaluate(asked) == 1  # PERMISSION_DENIED


async def test_a_page_that_does_not_come_is_given_up_after_the_navigation_timeout() -> None:
    async with BrowserPool(pool_settings(navigation_timeout=0.3)) as pool, pool.page() as page:
        await page.route("**/*", lambda route: None)
        with pytest.raises(Error, match="Timeout 300ms"):
            await page.goto("https://directory.example.com/")
