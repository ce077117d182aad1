"""Starts Playwright's driver, the Node program that speaks with Chromium."""

from __future__ import annotations

import os

from playwright.async_api import Playwright, async_playwright

from workers.browser.chromium import unpacked_node
from workers.errors import BrowserUnavailable


async def start_driver() -> Playwright:
    """Start a driver of our own. Raises `BrowserUnavailable`.

    Its Node needs libatomic, which a bare Debian lacks. Where the set-up unpacked that for a user who may not
    install packages, Node is started through a script that knows where it lies.
    """
    starter = unpacked_node()
    if starter.exists():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(starter))
    try:
        return await async_playwright().start()
    except Exception as error:  # Playwright raises a plain Exception when Node ends at once
        raise BrowserUnavailable(
            f"Playwright's driver did not start: {error}. When its Node misses libatomic.so.1: `make setup` brings it, "
            "or `apt-get install libatomic1`."
        ) from error
