"""What the fleet is measured against: Playwright alone, on the same pages, with hand-written scripts.

No queue, no database, no understanding of forms, no screenshot, no proof: a ceiling, not a competitor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from playwright.async_api import Browser, Playwright, async_playwright

from workers.browser.chromium import find_chromium


@dataclass(frozen=True, slots=True)
class Script:
    """One page: where it is, what goes where (CSS selector to value), what sends it, and what proves it."""

    path: str
    fields: Mapping[str, str]
    submit: str
    proof: str = ".ok"


_NAME, _URL, _MAIL = "Blue Heron Coffee Roasters", "https://www.example.com/blue-heron", "hello@example.com"
_ABOUT = "Small-batch coffee roastery with a tasting room by the river."

SCRIPTS: Mapping[str, Script] = {
    "plain": Script(
        "/add-listing",
        {
            "#company": _NAME,
            "#url": _URL,
            "main #email": _MAIL,
            "#phone": "+1 512-555-0142",
            "#address": "12 Sample Street",
            "#city": "Austin",
            "#zip": "78701",
            "#description": _ABOUT,
        },
        "main form button",
    ),
    "positional": Script(
        "/cgi-bin/suggest",
        {
            "[name=fld_01]": _NAME,
            "[name=fld_02]": _URL,
            "[name=fld_03]": "Ada Example",
            "[name=fld_04]": _MAIL,
            "[name=fld_05]": _ABOUT,
            "[name=fld_06]": "Austin",
            "[name=fld_07]": "+1 512-555-0142",
        },
        "[type=submit]",
    ),
    "categories": Script(
        "/business/new",
        {
            "#biz_name": _NAME,
            "#biz_url": _URL,
            "#biz_email": _MAIL,
            "#biz_category": "102",
            "#biz_summary": _ABOUT,
            "[name='biz[terms]']": "on",
        },
        "main form button",
    ),
    "limits": Script(
        "/eintragen",
        {
            "#firma": _NAME,
            "#internet": _URL,
            "#mail": _MAIL,
            "#telefon": "+1 512-555-0142",
            "#kurz": "Small-batch coffee roastery by the river",
            "#beschreibung": _ABOUT,
            "[name=agb]": "on",
        },
        "main form button",
    ),
    "honeypot": Script(
        "/add-site",
        {"#f-org": _NAME, "#f-link": _URL, "#f-contact": _MAIL, "#f-details": _ABOUT},
        "main form button",
    ),
    "spa": Script(
        "/submit",
        {"#in-productName": _NAME, "#in-link": _URL, "#in-makerEmail": _MAIL, "#in-summary": _ABOUT},
        "#app > button",
        "text=was submitted successfully",
    ),
}

# All fields in one call: thirteen calls instead of one cost a third of the speed (2 cores, Playwright 1.65).
_FILL_AND_SEND = """({fields, submit}) => {
  for (const [selector, value] of Object.entries(fields)) {
    const control = document.querySelector(selector);
    if (control.type === "checkbox") control.checked = true; else control.value = value;
    control.dispatchEvent(new Event("input", {bubbles: true}));
    control.dispatchEvent(new Event("change", {bubbles: true}));
  }
  document.querySelector(submit).click();
}"""


async def pooled(port: int, visits: Sequence[str], at_once: int) -> float:
    """(a) One warm browser, a fresh context a visit, `at_once` visits at once; return the seconds it took."""
    async with async_playwright() as playwright:
        browser = await _launch(playwright)
        began = time.monotonic()
        await _work(visits, at_once, lambda slug: _visit(browser, port, slug))
        seconds = time.monotonic() - began
        await browser.close()
    return seconds


async def launched(port: int, visits: Sequence[str], at_once: int) -> float:
    """(b) A browser launched for every visit, `at_once` at once; return the seconds it took."""
    async with async_playwright() as playwright:

        async def visit(slug: str) -> None:
            browser = await _launch(playwright)
            try:
                await _visit(browser, port, slug)
            finally:
                await browser.close()

        began = time.monotonic()
        await _work(visits, at_once, visit)
        return time.monotonic() - began


async def _launch(playwright: Playwright) -> Browser:
    return await playwright.chromium.launch(executable_path=find_chromium(), chromium_sandbox=False)


async def _visit(browser: Browser, port: int, slug: str) -> None:
    script = SCRIPTS[slug]
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(f"http://{slug}.localhost:{port}{script.path}", wait_until="domcontentloaded")
        await page.wait_for_selector(script.submit)
        await page.evaluate(_FILL_AND_SEND, {"fields": dict(script.fields), "submit": script.submit})
        await page.wait_for_selector(script.proof)
    finally:
        await context.close()


async def _work(visits: Sequence[str], at_once: int, visit: Callable[[str], Awaitable[None]]) -> None:
    room = asyncio.Semaphore(at_once)

    async def one(slug: str) -> None:
        async with room:
            await visit(slug)

    async with asyncio.TaskGroup() as group:
        for slug in visits:
            group.create_task(one(slug))
