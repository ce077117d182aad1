"""Submits by understanding the directory's form: lends a page, makes the attempt, keeps the evidence."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from playwright.async_api import Error, Page

from workers.errors import BrowserUnavailable
from workers.forms.attempt import Attempt
from workers.forms.pages import Pages
from workers.forms.plan import Entry
from workers.log import get_logger
from workers.model import Directory
from workers.outcome import Deferred, Outcome, Reason, Skipped, Unknown
from workers.ports import EvidenceStore, Gate
from workers.profile import Profile
from workers.settings import Settings

log = get_logger("forms")

SCREENSHOT_LIMIT = timedelta(seconds=5)
_QUALITY = 55  # of JPEG: texts stay legible, a viewport weighs about 40 kB


@dataclass(frozen=True, slots=True)
class Made:
    """One attempt: its outcome (None for a dry one that got as far as the click) and what was entered."""

    outcome: Outcome | None
    entries: tuple[Entry, ...] = ()
    final_url: str | None = None
    screenshot: str | None = None


class FormSubmitter:
    """Implements `ports.Submitter` on pages that somebody else owns."""

    def __init__(self, pages: Pages, evidence: EvidenceStore, settings: Settings) -> None:
        self._pages = pages
        self._evidence = evidence
        self._settings = settings

    async def attempt(self, directory: Directory, profile: Profile, gate: Gate) -> Outcome:
        """Make one attempt. Raises `BrowserUnavailable` when the browser died and nothing was sent."""
        made = await self.make(directory, profile, gate)
        if made.outcome is None:
            raise AssertionError("only a dry attempt ends without an outcome")
        return made.outcome

    async def make(self, directory: Directory, profile: Profile, gate: Gate, *, is_dry: bool = False) -> Made:
        """Make one attempt and say what was entered. A dry one fills the first page and does not click."""
        if not directory.allows_automation:
            return Made(Skipped(Reason.AUTOMATION_FORBIDDEN, f"{directory.name} forbids automated submissions."))
        async with self._pages.page() as page:
            attempt = Attempt(page, directory, profile, gate, self._settings)
            outcome = await self._guarded(page, attempt, is_dry=is_dry)
            return await self._with_evidence(page, attempt, outcome)

    async def _guarded(self, page: Page, attempt: Attempt, *, is_dry: bool) -> Outcome | None:
        """Run the attempt; what Playwright throws becomes an outcome, or `BrowserUnavailable` before the click."""
        try:
            return await attempt.run(is_dry=is_dry)
        except TimeoutError:
            message = "The page did not answer while it was read or filled."
            return self._mishap(attempt, Reason.NAVIGATION_TIMEOUT, message)
        except Error as error:
            if not _is_dead(page, error):
                message = f"The page broke off: {error.message.splitlines()[0][:200]}"
                return self._mishap(attempt, Reason.NAVIGATION_FAILED, message)
            if not attempt.is_committed:
                raise BrowserUnavailable("The browser or its page died before anything was sent.") from error
            return Unknown(Reason.BROWSER_CRASHED, "The browser died between the click and the directory's answer.")

    def _mishap(self, attempt: Attempt, reason: Reason, message: str) -> Outcome:
        log.warning("attempt.broken_off", reason=reason, is_committed=attempt.is_committed)
        return Unknown(reason, message) if attempt.is_committed else Deferred(reason, message)

    async def _with_evidence(self, page: Page, attempt: Attempt, outcome: Outcome | None) -> Made:
        screenshot = await self._screenshot(page)
        url = None if page.is_closed() or page.url == "about:blank" else page.url
        if outcome is not None:
            proof = replace(outcome.evidence, screenshot=screenshot, final_url=url)
            outcome = replace(outcome, evidence=proof)
        return Made(outcome, tuple(attempt.entries), url, screenshot)

    async def _screenshot(self, page: Page) -> str | None:
        """Keep a picture of what a person would see now. That there is none is logged, and no reason to fail."""
        if page.is_closed():
            return None
        limit = SCREENSHOT_LIMIT.total_seconds()
        try:
            async with asyncio.timeout(limit + 1):
                picture = await page.screenshot(type="jpeg", quality=_QUALITY, timeout=limit * 1000)
        except (Error, TimeoutError) as error:
            log.warning("screenshot.missing", error=type(error).__name__)
            return None
        with suppress(OSError):
            return await self._evidence.save(picture, suffix=".jpg")
        log.error("screenshot.not_kept")
        return None


def _is_dead(page: Page, error: Error) -> bool:
    browser = page.context.browser
    is_connected = browser is not None and browser.is_connected()
    # The call that broke off may come back before the browser is known to be gone: then only its message tells.
    told = any(word in error.message.lower() for word in ("crashed", "has been closed", "connection closed"))
    return told or page.is_closed() or not is_connected
