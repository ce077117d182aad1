"""The pool lends pages."""

from __future__ import annotations

from workers.browser.pool import BrowserPool


async def test_a_lent_page_shows_a_page(pool: BrowserPool) -> None:
    async with pool.page() as page:
        await page.goto("data:text/html,<title>hello</title>")
        assert await page.title() == "hello"
        assert pool.busy == 1
    assert pool.busy == 0
