"""Opens a context as a guest on a stranger's site should have it: fresh, and nothing that can pile up or wait."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

from playwright.async_api import Browser, BrowserContext, Error, Page

# A directory may open its confirmation or its terms in a window of its own; no honest one needs more.
POPUP_LIMIT = 2


async def open_context(chromium: Browser, navigation_timeout: timedelta) -> tuple[BrowserContext, Page]:
    """Open a context with one page.

    Downloads are refused, service workers blocked, no permission is granted, and of the windows that pages open
    only `POPUP_LIMIT` stay. Dialogs are dismissed by Playwright as long as nobody listens to them.
    """
    context = await chromium.new_context(
        accept_downloads=False,
        service_workers="block",
        permissions=[],
        # Chromium sends a POST again, unasked, when a connection that it used before is closed without an answer:
        # one click would be two submissions. It never does so on a new connection, so none is used twice.
        extra_http_headers={"Connection": "close"},
    )
    context.set_default_navigation_timeout(navigation_timeout.total_seconds() * 1000)
    page = await context.new_page()
    closing: set[asyncio.Task[None]] = set()

    def bound(popup: Page) -> None:
        if len(context.pages) > 1 + POPUP_LIMIT:
            task = asyncio.create_task(_close(popup))
            closing.add(task)
            task.add_done_callback(closing.discard)

    context.on("page", bound)
    return context, page


async def _close(popup: Page) -> None:
    with suppress(Error):  # its context, or the browser, may be gone already
        await popup.close()
