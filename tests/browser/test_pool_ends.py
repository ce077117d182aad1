"""Starting and closing: warm or refused with a reason, and nothing left behind, whatever came in between."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tests.fixtures.browser import SHORT, browsers, lives, pool_settings
from tests.waiting import until
from workers.browser.chromium import find_chromium
from workers.browser.pool import BrowserPool
from workers.errors import BrowserUnavailable, ChromiumMissing

pytestmark = pytest.mark.usefixtures("nothing_left")


def executable(folder: Path, script: str) -> Path:
    path = folder / "fake-chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def test_all_browsers_are_warm_before_the_first_loan() -> None:
    async with BrowserPool(pool_settings(browsers=2)) as pool:
        assert [browser.served for browser in browsers(pool)] == [1, 1]


async def test_a_chromium_that_exits_is_refused_with_what_it_said(tmp_path: Path) -> None:
    fake = executable(tmp_path, "echo 'error while loading shared libraries: libnss3.so' >&2; exit 1")
    with pytest.raises(BrowserUnavailable, match=r"libnss3\.so"):
        await BrowserPool(pool_settings(chromium=fake), SHORT).start()


async def test_a_chromium_that_never_answers_is_killed_and_refused(tmp_path: Path) -> None:
    fake = executable(tmp_path, "sleep 1000")
    impatient = replace(SHORT, launch=timedelta(seconds=3))
    with pytest.raises(BrowserUnavailable, match="did not start within 3 s"):
        await BrowserPool(pool_settings(chromium=fake), impatient).start()


async def test_a_missing_chromium_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChromiumMissing, match="nowhere"):
        await BrowserPool(pool_settings(chromium=tmp_path / "nowhere")).start()
    monkeypatch.setattr("workers.browser.chromium._candidates", lambda: iter(()))
    with pytest.raises(ChromiumMissing, match="apt-get install chromium-headless-shell"):
        await BrowserPool(pool_settings()).start()


async def test_without_a_sandbox_to_be_had_the_pool_opens_unless_one_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = "case $* in *--no-sandbox*) ;; *) echo 'No usable sandbox!' >&2; exit 1;; esac"
    fake = executable(tmp_path, f'{refusal}; exec "{find_chromium()}" --no-sandbox "$@"')
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    async with BrowserPool(pool_settings(chromium=fake)) as pool, pool.page() as page:
        assert await page.evaluate("1 + 1") == 2
    with pytest.raises(BrowserUnavailable, match="set FLEET_CHROMIUM_SANDBOX"):
        await BrowserPool(pool_settings(chromium=fake, chromium_sandbox=True)).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused the sandbox")
async def test_a_sandbox_that_cannot_be_had_is_said() -> None:
    with pytest.raises(BrowserUnavailable, match="sandbox"):
        await BrowserPool(pool_settings(chromium_sandbox=True)).start()


async def test_a_browser_that_cannot_be_replaced_fails_the_loan_and_not_the_pool(tmp_path: Path) -> None:
    fake = executable(tmp_path, f'[ -e {tmp_path}/broken ] && exit 1; exec "{find_chromium()}" "$@"')
    async with BrowserPool(pool_settings(chromium=fake), SHORT) as pool:
        (tmp_path / "broken").touch()
        await browsers(pool)[0].kill()
        with pytest.raises(BrowserUnavailable):
            async with pool.page():
                raise AssertionError("lent a page of no browser")
        (tmp_path / "broken").unlink()
        async with pool.page() as page:
            assert await page.evaluate("1 + 1") == 2
        assert pool.busy == 0


async def test_cancelling_the_start_leaves_nothing() -> None:
    pool = BrowserPool(pool_settings())
    starting = asyncio.create_task(pool.start())
    me = psutil.Process()
    before = len(me.children())
    await until(lambda: len(me.children()) > before)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting


async def test_closing_twice_and_at_once_is_closing_once() -> None:
    pool = BrowserPool(pool_settings())
    await pool.start()
    await asyncio.gather(pool.close(), pool.close())
    await pool.close()


async def test_closing_a_pool_that_was_never_started_is_nothing() -> None:
    await BrowserPool(pool_settings()).close()


async def test_closing_fails_pages_that_are_lent_and_refuses_who_waits() -> None:
    pool = BrowserPool(pool_settings(pages_per_browser=1), SHORT)
    await pool.start()
    is_lent = asyncio.Event()

    async def visit() -> None:
        async with pool.page() as page:
            is_lent.set()
            await page.evaluate("new Promise(() => {})")

    visits = [asyncio.create_task(visit()) for _ in range(3)]
    await is_lent.wait()
    async with asyncio.timeout(10):
        await pool.close()
        ends = await asyncio.gather(*visits, return_exceptions=True)
    assert [type(end) for end in ends] == [BrowserUnavailable] * 3
    with pytest.raises(BrowserUnavailable, match="not open"):
        async with pool.page():
            raise AssertionError("lent a page of a closed pool")


async def test_closing_refuses_who_waits_though_somebody_still_holds_a_page() -> None:
    pool = BrowserPool(pool_settings(pages_per_browser=1), SHORT)
    await pool.start()

    async def visit() -> None:
        async with pool.page():
            raise AssertionError("lent a page of a closed pool")

    async with pool.page():
        waiting = asyncio.create_task(visit())
        await asyncio.sleep(0)
        await pool.close()
        async with asyncio.timeout(10):
            with pytest.raises(BrowserUnavailable, match="not open"):
                await waiting


async def test_a_cancelled_close_still_closes() -> None:
    pool = BrowserPool(pool_settings())
    await pool.start()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await pool.close()


_KILLED = """
import asyncio, sys
from tests.fixtures.browser import pool_settings
from tests.waiting import until
from workers.browser.pool import BrowserPool

async def main():
    async with BrowserPool(pool_settings()) as pool, pool.page() as page:
        print("lent", flush=True)
        await page.evaluate("new Promise(() => {})")

asyncio.run(main())
"""


def profiles_in(folder: Path) -> list[Path]:
    return list(folder.glob("playwright_*"))


async def test_what_a_killed_worker_left_is_removed_by_the_next_pool(nothing_left: Path) -> None:
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, stdout=asyncio.subprocess.PIPE)
    assert worker.stdout is not None
    while b"lent" not in await worker.stdout.readline():
        pass
    family = psutil.Process(worker.pid).children(recursive=True)
    for process in [psutil.Process(worker.pid), *family]:
        process.send_signal(signal.SIGKILL)
    await worker.wait()
    await until(lambda: not any(lives(process) for process in family))
    left = profiles_in(nothing_left)
    assert len(left) == 1
    async with BrowserPool(pool_settings()):
        assert left[0] not in profiles_in(nothing_left)


async def test_a_pool_in_use_is_not_swept_away(pool: BrowserPool) -> None:
    async with BrowserPool(pool_settings()):
        pass
    async with pool.page() as page:
        await page.goto("data:text/html,<title>here</title>")
        assert await page.title() == "here"
        assert browsers(pool)[0]._folder.is_dir()
