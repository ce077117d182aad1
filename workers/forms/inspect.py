"""Shows how the pages of directories are understood, without filling or sending anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from playwright.async_api import Error, Page

from workers.forms.choose import Understood, choose, understand
from workers.forms.classify import Reading
from workers.forms.hosts import OwnHosts
from workers.forms.pages import Pages
from workers.forms.plan import is_required
from workers.forms.snapshot import FIELDS_DEADLINE, take_snapshot
from workers.forms.walls import find_walls

_LIMIT = FIELDS_DEADLINE.total_seconds() + 20  # s for one page, all in


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found at one source, as `fleet inspect --json` prints it; `error` when it could not be read."""

    source: str
    report: dict[str, Any]
    error: str = ""


async def inspect(
    pages: Pages, sources: Sequence[str], *, at_once: int = 2, is_offline: bool = False
) -> AsyncIterator[Inspection]:
    """Inspect addresses and files, `at_once` side by side; yield in the order of the sources."""
    waiting = iter(enumerate(sources))
    done: list[asyncio.Future[Inspection]] = [asyncio.get_running_loop().create_future() for _ in sources]

    async def work() -> None:
        for number, source in waiting:
            # A page of its own for each source: what one site leaves behind, the next does not see.
            async with pages.page() as page:
                done[number].set_result(await _inspect(page, source, is_offline=is_offline))

    async def work_all() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(sources))):
                group.create_task(work())

    working = asyncio.create_task(work_all())
    working.add_done_callback(lambda _: [one.cancel() for one in done])  # whoever waits learns that nobody works
    try:
        for one in done:
            await asyncio.wait({one})
            if one.cancelled():
                break
            yield one.result()
        await working
    except ExceptionGroup as group:
        raise group.exceptions[0] from None  # one browser, one cause
    finally:
        working.cancel()
        await asyncio.wait({working})


async def _inspect(page: Page, source: str, *, is_offline: bool) -> Inspection:
    began = monotonic()
    url, is_own = _address(source)
    try:
        async with asyncio.timeout(_LIMIT):
            if is_offline:
                await page.context.set_offline(True)
            await page.goto(url, wait_until="domcontentloaded")
            view = (await take_snapshot(page, is_own)).view
    except (Error, TimeoutError) as error:
        message = str(error).splitlines()[0][:200] if str(error) else "the page did not answer in time"
        report = {"source": source, "forms": [], "walls": [], "elapsed_ms": _since(began), "error": message}
        return Inspection(source, report, message)
    forms = understand(view)
    chosen = choose(forms)
    walls = [{"reason": str(wall.reason), "quote": wall.quote} for wall in find_walls(view, forms, chosen)]
    report = {"source": source, "forms": [_form(one, one is chosen) for one in forms], "walls": walls}
    return Inspection(source, {**report, "elapsed_ms": _since(began)})


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)


def _address(source: str) -> tuple[str, Callable[[str], bool]]:
    if "://" in source:
        return source, OwnHosts([source]).own
    return Path(source).absolute().as_uri(), lambda url: url.startswith(("file:", "about:", "blob:")) or not url


def _form(form: Understood, is_chosen: bool) -> dict[str, Any]:
    button = form.press.button if form.press else None
    return {
        "chosen": is_chosen,
        "purpose": str(form.purpose),
        "submit": {"text": button.text, "attributes": dict(button.attributes)} if button else None,
        "fields": [_field(reading, form) for reading in form.readings],
    }


def _field(reading: Reading, form: Understood) -> dict[str, Any]:
    control = reading.control
    return {
        "tag": control.tag,
        "type": control.type,
        "label": control.title,
        "attributes": dict(control.attributes),
        "key": reading.key,
        "fill": form.fills(reading),
        "required": is_required(control),
        "visible": control.is_visible,
        "confidence": reading.confidence,
        "why": reading.why,
    }
