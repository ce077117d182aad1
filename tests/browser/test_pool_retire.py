"""A browser serves so many contexts, or holds so much memory, and then leaves without anybody noticing."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from tests.fixtures.browser import SHORT, browsers, chromium_of, lives, pool_settings
from tests.waiting import until
from workers.browser.pool import BrowserPool
from workers.errors import BrowserUnavailable

pytestmark = pytest.mark.usefixtures("nothing_left")

HOLD = (
    "megabytes => { window.held = Array.from({length: megabytes}, () => new Uint8Array(2 ** 20).fill(1)); return 1; }"
)


async def test_a_browser_is_retired_after_its_contexts_and_the_next_is_warm() -> None:
    async with BrowserPool(pool_settings(contexts_per_browser=3), SHORT) as pool:
        first = chromium_of(pool)  # it served one context to get warm
        for _ in range(2):
            async with pool.page():
                pass
        await until(lambda: not lives(first))
        await until(lambda: len(browsers(pool)) == 1)
        assert browsers(pool)[0].served == 0


async def test_a_retired_browser_keeps_its_lent_page_until_it_is_back() -> None:
    async with BrowserPool(pool_settings(contexts_per_browser=2), SHORT) as pool:
        first = chromium_of(pool)
        async with pool.page() as last:
            await until(lambda: len(browsers(pool)) == 2)
            async with pool.page() as next_one:
                assert next_one.context.browser != last.context.browser
            assert await last.evaluate("1 + 1") == 2
        await until(lambda: not lives(first))


async def test_retiring_under_load_loses_no_loan_and_exceeds_no_slots() -> None:
    async with BrowserPool(pool_settings(browsers=2, contexts_per_browser=2), SHORT) as pool:
        seen: set[int] = set()

        async def visit(number: int) -> int:
            async with pool.page() as page:
                open_pages = sum(len(browser._chromium.contexts) for browser in browsers(pool) if browser._chromium)
                assert open_pages <= pool.slots
                seen.update(id(browser) for browser in browsers(pool))
                return int(await page.evaluate("number => number", number))

        assert await asyncio.gather(*(visit(number) for number in range(12))) == list(range(12))
        assert len(seen) >= 5
        assert pool.busy == 0


async def test_a_browser_that_holds_too_much_memory_is_retired_when_its_page_is_back() -> None:
    async with BrowserPool(pool_settings(browser_memory_limit_mb=250), SHORT) as pool:
        first = chromium_of(pool)
        async with pool.page() as page:
            assert await page.evaluate(HOLD, 150)
            await until(lambda: len(browsers(pool)) == 2)
            assert await page.evaluate("1 + 1") == 2
        await until(lambda: not lives(first))


async def test_a_page_that_devours_memory_gets_its_browser_killed() -> None:
    async with BrowserPool(pool_settings(browser_memory_limit_mb=250), SHORT) as pool:
        first = chromium_of(pool)

        async def visit() -> None:
            async with asyncio.timeout(20), pool.page() as page:
                await page.evaluate(HOLD, 600)
                await page.evaluate("new Promise(() => {})")

        with pytest.raises(BrowserUnavailable):
            await visit()
        assert not lives(first)
        async with pool.page() as page:
            assert await page.evaluate("1 + 1") == 2


async def test_the_driver_is_retired_with_its_browser() -> None:
    async with BrowserPool(pool_settings(contexts_per_browser=2), SHORT) as pool:
        driver = browsers(pool)[0].processes._driver
        assert isinstance(driver, psutil.Process)
        async with pool.page():
            pass
        await until(lambda: not lives(driver))
