"""Browsers, drivers and renderers die or hang: the borrower is told, the next loan works, nobody else is touched."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable

import psutil
import pytest

from tests.fixtures.browser import SHORT, browsers, chromium_of, driver_of, lives, pool_settings
from tests.waiting import until
from workers.browser.pool import BrowserPool
from workers.errors import BrowserUnavailable

pytestmark = pytest.mark.usefixtures("nothing_left")

Who = Callable[[BrowserPool], psutil.Process]


@pytest.fixture
async def pool() -> AsyncIterator[BrowserPool]:
    async with BrowserPool(pool_settings(), SHORT) as pool:
        yield pool


async def works(pool: BrowserPool) -> bool:
    async with asyncio.timeout(20), pool.page() as page:
        return bool(await page.evaluate("1 + 1") == 2)


async def test_a_killed_chromium_is_told_to_all_who_use_it_and_replaced(pool: BrowserPool) -> None:
    lent = asyncio.Barrier(3)

    async def visit() -> None:
        async with pool.page() as page:
            await lent.wait()
            await page.evaluate("new Promise(() => {})")

    visits = [asyncio.create_task(visit()) for _ in range(2)]
    await lent.wait()
    chromium_of(pool).kill()
    ends = await asyncio.gather(*visits, return_exceptions=True)
    assert [type(end) for end in ends] == [BrowserUnavailable, BrowserUnavailable]
    assert await works(pool)
    assert pool.busy == 0


async def test_a_killed_driver_is_told_and_replaced_together_with_its_chromium(pool: BrowserPool) -> None:
    chromium = chromium_of(pool)

    async def visit() -> None:
        async with pool.page() as page:
            driver_of(pool).kill()
            await page.evaluate("new Promise(() => {})")

    with pytest.raises(BrowserUnavailable):
        await visit()
    assert await works(pool)
    assert not lives(chromium)


async def test_a_browser_that_died_unnoticed_is_replaced_before_it_is_lent(pool: BrowserPool) -> None:
    first = chromium_of(pool)
    first.kill()
    assert await works(pool)
    assert chromium_of(pool).pid != first.pid


async def test_a_crashed_page_is_told_and_its_neighbour_goes_on(pool: BrowserPool) -> None:
    async def visit(others: set[psutil.Process]) -> None:
        async with pool.page() as page:
            await page.goto("data:text/html,<p>")
            for process in set(browsers(pool)[0].processes.all()) - others:
                if "--type=renderer" in process.cmdline():
                    process.kill()
            await page.evaluate("new Promise(() => {})")

    async with pool.page() as neighbour:
        with pytest.raises(BrowserUnavailable, match="crashed"):
            await visit(set(browsers(pool)[0].processes.all()))
        assert await neighbour.evaluate("1 + 1") == 2


async def test_a_page_in_an_endless_loop_comes_back_and_its_neighbour_goes_on(pool: BrowserPool) -> None:
    async with pool.page() as neighbour:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), pool.page() as page:
                await page.evaluate("() => { while (true); }")
        assert pool.busy == 1
        assert await neighbour.evaluate("1 + 1") == 2


@pytest.mark.parametrize("who", [chromium_of, driver_of], ids=["chromium", "driver"])
async def test_a_loan_in_a_stopped_process_can_be_cancelled_and_the_browser_is_killed(
    pool: BrowserPool, who: Who
) -> None:
    stopped = who(pool)

    async def visit() -> None:
        async with asyncio.timeout(0.5), pool.page() as page:
            stopped.send_signal(signal.SIGSTOP)
            await page.evaluate("1")

    with pytest.raises(TimeoutError):
        await visit()
    await until(lambda: not lives(stopped))
    assert await works(pool)


async def test_a_browser_that_hangs_when_it_is_asked_for_a_page_is_killed_and_replaced(pool: BrowserPool) -> None:
    stopped = chromium_of(pool)
    stopped.send_signal(signal.SIGSTOP)
    assert await works(pool)
    assert not lives(stopped)


@pytest.mark.parametrize("who", [chromium_of, driver_of], ids=["chromium", "driver"])
async def test_closing_a_pool_kills_what_hangs(who: Who) -> None:
    pool = BrowserPool(pool_settings(), SHORT)
    await pool.start()
    stopped = who(pool)
    stopped.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(10):
        await pool.close()
    assert not lives(stopped)


async def test_another_pool_is_not_touched_by_a_kill(pool: BrowserPool) -> None:
    async with BrowserPool(pool_settings(), SHORT) as other, other.page() as page:
        await browsers(pool)[0].kill()
        assert await page.evaluate("1 + 1") == 2
        assert other.busy == 1
