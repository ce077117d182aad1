"""Each sample site can be filled by a person, and its ledger tells the truth about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from playwright.async_api import Error, Page

from infra.local.sites.catalogue import EXPECTED, SITES, directory_id
from infra.local.sites.honeypot import Honeypot
from tests.browser import people
from tests.fixtures.sites import SampleSites
from workers.browser.pool import BrowserPool
from workers.model import SubmissionState
from workers.settings import load_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTHING_TAKEN = ("duplicate", "friendly", "captcha", "login", "payment", "checkout")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[BrowserPool]:
    settings = load_settings({"store": "memory", "queue": "memory", "browsers": 1, "pages_per_browser": 1})
    async with BrowserPool(settings) as pool:
        yield pool


async def _visit(sites: SampleSites, page: Page, site: str) -> None:
    await page.goto(sites.url(site))
    script: people.Script = getattr(people, site)
    await script(page)


@pytest.mark.parametrize("site", [site.slug for site in SITES if site.slug not in NOTHING_TAKEN])
async def test_a_person_is_listed_exactly_once(site: str, sites: SampleSites, pool: BrowserPool) -> None:
    async with pool.page() as page:
        await _visit(sites, page, site)
    accepted = sites.accepted(site)
    assert len(accepted) == 1
    assert people.NAME in accepted[0].fields.values()
    assert people.MAIL in accepted[0].fields.values()


@pytest.mark.parametrize("site", NOTHING_TAKEN)
async def test_a_wall_a_duplicate_and_a_smile_take_nothing(site: str, sites: SampleSites, pool: BrowserPool) -> None:
    async with pool.page() as page:
        await _visit(sites, page, site)
    assert sites.accepted(site) == []


async def test_only_sites_that_take_and_confirm_it_are_designed_to_submit() -> None:
    designed = {site.slug for site in SITES if EXPECTED[directory_id(site)].state is SubmissionState.SUBMITTED}
    assert designed == {site.slug for site in SITES} - {*NOTHING_TAKEN, "closes", "broken"}


async def test_a_lost_answer_makes_no_second_post(sites: SampleSites, pool: BrowserPool) -> None:
    """Chromium repeats a POST by itself on a connection that it used before; the pool's pages use none twice."""
    async with pool.page() as page:
        assert page.context.browser is not None
        careless = await page.context.browser.new_page()
        try:
            await _post_to_closes(careless, sites)
        finally:
            await careless.close()
        assert len(sites.accepted("closes")) == 2, "Chromium's habit is gone: the pool may use connections twice"
        sites.reset()
        await _post_to_closes(page, sites)
    assert len(sites.accepted("closes")) == 1


async def _post_to_closes(page: Page, sites: SampleSites) -> None:
    fields = {"regname": "a", "regurl": "b", "regmail": "c", "regtext": "d"}
    post = "(fields) => fetch('/register', {method: 'POST', body: new URLSearchParams(fields)})"
    await page.goto(sites.url("closes", "/search"))
    with pytest.raises(Error, match="Failed to fetch"):
        await page.evaluate(post, fields)


async def test_a_listing_has_a_page_and_is_found_by_its_name(sites: SampleSites, pool: BrowserPool) -> None:
    async with pool.page() as page:
        await _visit(sites, page, "broken")
        (entry,) = sites.accepted("broken")
        await page.goto(sites.url("broken", "/search?q=blue+heron"))
        await page.get_by_role("link", name=people.NAME).click()
        assert page.url == sites.url("broken", entry.listing)
        assert people.ABOUT in await page.inner_text("main")


@pytest.mark.parametrize("trap", Honeypot.traps)
async def test_whoever_fills_a_trap_is_thanked_and_discarded(trap: str, sites: SampleSites, pool: BrowserPool) -> None:
    async with pool.page() as page:
        await page.goto(sites.url("honeypot"))
        await page.locator(f"[name={trap}]").evaluate("(control) => { control.value = 'x@example.com' }")
        await people.honeypot(page)
    (entry,) = sites.ledger("honeypot")
    assert (entry.accepted, entry.why) == (False, f"trap: {trap}")


async def test_every_trap_but_the_last_is_out_of_sight(sites: SampleSites, pool: BrowserPool) -> None:
    async with pool.page() as page:
        await page.goto(sites.url("honeypot"))
        seen = [trap for trap in Honeypot.traps if await _is_seen(page, trap)]
    assert seen == ["fullname"]


async def _is_seen(page: Page, name: str) -> bool:
    """Whether the pixel in the middle of a control belongs to it."""
    return bool(
        await page.locator(f"[name={name}]").evaluate(
            """(control) => {
                const box = control.getBoundingClientRect();
                const style = getComputedStyle(control);
                const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                return style.opacity > 0 && style.visibility === "visible" && top === control;
            }"""
        )
    )


@pytest.mark.parametrize(
    ("file", "is_taken"),
    [
        ({"name": "logo.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n0"}, True),
        ({"name": "logo.txt", "mimeType": "text/plain", "buffer": b"no image"}, False),
    ],
)
async def test_a_logo_must_be_an_image(
    file: Mapping[str, object], is_taken: bool, sites: SampleSites, pool: BrowserPool
) -> None:
    async with pool.page() as page:
        await page.goto(sites.url("upload"))
        await page.set_input_files("input[type=file]", file)  # type: ignore[arg-type]  # a FilePayload, parametrized
        await page.fill("#a1", people.NAME)
        await page.fill("#a2", people.WEB)
        await page.fill("#a3", people.MAIL)
        await page.fill("#a6", people.ABOUT)
        async with page.expect_navigation():
            await page.get_by_role("button", name="Enviar ficha").click()
    (entry,) = sites.ledger("upload")
    assert entry.accepted is is_taken
    assert entry.fields["logotipo"] == f"{file['name']} ({file['mimeType']}, {len(bytes(file['buffer']))} bytes)"  # type: ignore[call-overload]


async def test_a_page_loads_nothing_from_elsewhere(sites: SampleSites, pool: BrowserPool) -> None:
    requested: list[str] = []
    async with pool.page() as page:
        page.on("request", lambda request: requested.append(request.url))
        for site in SITES:
            await page.goto(sites.url(site.slug))
    assert len(requested) >= len(SITES)
    assert [url for url in requested if f".localhost:{sites.port}/" not in url and url != "data:,"] == []
