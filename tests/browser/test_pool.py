"""The pool lends pages: so many at once, in the order of asking, and each comes back whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.browser import browsers, chromium_of, pool_settings
from tests.waiting import until
from workers.browser.pool import BrowserPool
from workers.errors import FleetError

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
async def one_slot() -> AsyncIterator[BrowserPool]:
    async with BrowserPool(pool_settings(pages_per_browser=1)) as pool:
        yield pool


def open_contexts(pool: BrowserPool) -> int:
    return sum(len(browser._chromium.contexts) for browser in browsers(pool) if browser._chromium)


async def test_a_lent_page_is_open_and_comes_back(pool: BrowserPool) -> None:
    async with pool.page() as page:
        await page.goto("data:text/html,<title>hello</title>")
        assert await page.title() == "hello"
        assert (pool.busy, open_contexts(pool)) == (1, 1)
    assert (pool.busy, open_contexts(pool)) == (0, 0)


async def test_what_one_submission_stored_the_next_does_not_see(pool: BrowserPool) -> None:
    seen = []
    for _ in range(2):
        async with pool.page() as page:
            await page.route("**/*", lambda route: route.fulfill(body="<p>", content_type="text/html"))
            await page.goto("http://directory.example.com/")
            seen.append(await page.evaluate("[document.cookie, localStorage.length]"))
            await page.evaluate("document.cookie = 'visitor=1'; localStorage.setItem('visitor', '1')")
            assert await page.evaluate("[document.cookie, localStorage.length]") == ["visitor=1", 1]
    assert seen == [["", 0], ["", 0]]


async def test_slots_are_never_exceeded_and_all_are_used() -> None:
    most = 0
    async with BrowserPool(pool_settings(browsers=2, pages_per_browser=2)) as pool:

        async def visit() -> None:
            nonlocal most
            async with pool.page() as page:
                assert open_contexts(pool) <= pool.slots
                most = max(most, open_contexts(pool))
                await page.goto("data:text/html,<p>")

        await asyncio.gather(*(visit() for _ in range(20)))
    assert most == 4


async def test_slots_are_given_in_the_order_of_asking(one_slot: BrowserPool) -> None:
    served: list[int] = []

    async def visit(number: int) -> None:
        async with one_slot.page():
            served.append(number)

    async with one_slot.page():
        waiting = [asyncio.create_task(visit(number)) for number in range(5)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4]


async def test_an_error_in_the_block_passes_unchanged_and_the_slot_comes_back(one_slot: BrowserPool) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with one_slot.page():
            raise ValueError("mine")
    async with one_slot.page() as page:
        assert not page.is_closed()


async def test_cancelling_a_loan_closes_its_context_and_gives_the_slot_back(one_slot: BrowserPool) -> None:
    is_lent = asyncio.Event()

    async def visit() -> None:
        async with one_slot.page() as page:
            is_lent.set()
            await page.evaluate("new Promise(() => {})")

    task = asyncio.create_task(visit())
    await is_lent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one_slot.busy, open_contexts(one_slot)) == (0, 0)


async def test_cancelling_again_while_the_page_comes_back_loses_nothing(one_slot: BrowserPool) -> None:
    is_lent = asyncio.Event()

    async def visit() -> None:
        async with one_slot.page():
            is_lent.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(visit())
    await is_lent.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one_slot.busy, open_contexts(one_slot)) == (1, 1), "the slot came back before its context was closed"
    await until(lambda: (one_slot.busy, open_contexts(one_slot)) == (0, 0))


async def test_cancelling_while_the_page_is_being_opened_leaves_no_context(one_slot: BrowserPool) -> None:
    async def visit() -> None:
        async with one_slot.page():
            raise AssertionError("lent to somebody who had gone")

    task = asyncio.create_task(visit())
    await until(lambda: one_slot.busy == 1)
    await asyncio.sleep(0)  # the call to open the context is on its way
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (one_slot.busy, open_contexts(one_slot)) == (0, 0)
    async with one_slot.page():
        assert open_contexts(one_slot) == 1
        assert browsers(one_slot)[0].served == 3, "the first page was not being opened yet"


async def test_cancelling_somebody_who_waits_takes_no_slot(one_slot: BrowserPool) -> None:
    async def visit() -> None:
        async with one_slot.page():
            pass

    async with one_slot.page():
        task = asyncio.create_task(visit())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(10), one_slot.page() as page:
        assert not page.is_closed()


async def test_chromium_keeps_its_temporary_files_in_its_own_folder(pool: BrowserPool, nothing_left: Path) -> None:
    assert Path(chromium_of(pool).environ()["TMPDIR"]).parent.parent == nothing_left


async def test_a_pool_cannot_be_started_twice(pool: BrowserPool) -> None:
    with pytest.raises(FleetError, match="started before"):
        await pool.start()
