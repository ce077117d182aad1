"""Where the form engine gets its pages from. The browser pool fits."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from playwright.async_api import Page


class Pages(Protocol):
    """Lends pages."""

    def page(self) -> AbstractAsyncContextManager[Page]:
        """Lend a page in a fresh context for the block."""
