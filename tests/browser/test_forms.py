"""The form engine against every sample site, without recipes: the designed outcome, and what the ledger says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from infra.local.sites.catalogue import EXPECTED, SAMPLE_PROFILE, SITES
from tests.fixtures.browser import chromium_of, pool_settings
from tests.fixtures.sites import SampleSites
from workers.adapters.codec import state_of
from workers.adapters.evidence import FolderEvidence
from workers.browser.pool import BrowserPool
from workers.errors import BrowserUnavailable, IntentRefused
from workers.forms.submitter import FormSubmitter
from workers.model import Directory
from workers.outcome import Deferred, NeedsHuman, Outcome, Reason, Skipped, Submitted, Unknown
from workers.profile import Profile, parse_profile

PROFILE = parse_profile(dict(SAMPLE_PROFILE))
# Sites that keep what they got though their answer proves nothing.
KEPT = {"closes", "broken"}


@dataclass
class NotedGate:
    """A gate that allows everything, or refuses, and notes what it was asked."""

    refuses: bool = False
    asked: list[str] = field(default_factory=list)

    async def commit_intent(self) -> None:
        self.asked.append("commit")
        if self.refuses:
            raise IntentRefused

    async def void_intent(self, proof: str) -> None:
        self.asked.append(f"void: {proof}")

    @property
    def is_open(self) -> bool:
        return bool(self.asked) and self.asked[-1] == "commit"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm_pool() -> AsyncIterator[BrowserPool]:
    async with BrowserPool(pool_settings()) as pool:
        yield pool


@pytest.fixture
def evidence(tmp_path: Path) -> FolderEvidence:
    return FolderEvidence(tmp_path / "evidence", "http://127.0.0.1:8080")


@pytest.fixture
def submitter(warm_pool: BrowserPool, evidence: FolderEvidence) -> FormSubmitter:
    return FormSubmitter(warm_pool, evidence, pool_settings())


async def attempt(
    submitter: FormSubmitter, directory: Directory, gate: NotedGate | None = None, profile: Profile = PROFILE
) -> Outcome:
    return await submitter.attempt(directory, profile, gate or NotedGate())


def sent_fields(sites: SampleSites, site: str) -> dict[str, str]:
    (entry,) = sites.accepted(site)
    return dict(entry.fields)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("site", [one.slug for one in SITES if one.slug != "flaky"])
async def test_a_sample_site_ends_as_designed_and_its_ledger_agrees(
    site: str, submitter: FormSubmitter, sites: SampleSites, evidence: FolderEvidence
) -> None:
    directory, gate = sites.directory(site), NotedGate()
    outcome = await attempt(submitter, directory, gate)
    assert (state_of(outcome), outcome.reason) == EXPECTED[directory.id], outcome.message
    is_kept = isinstance(outcome, Submitted) or site in KEPT
    assert len(sites.accepted(site)) == int(is_kept)
    assert outcome.evidence.screenshot is not None
    picture = await evidence.load(outcome.evidence.screenshot)
    assert picture is not None
    assert picture.startswith(b"\xff\xd8")
    assert outcome.evidence.final_url is not None
    if isinstance(outcome, Submitted):
        assert outcome.evidence.confirmation
        assert outcome.evidence.listing_url == sites.accepted(site)[0].listing or outcome.evidence.listing_url
        assert gate.is_open


@pytest.mark.asyncio(loop_scope="module")
async def test_a_site_that_fails_before_anything_is_sent_is_deferred_and_taken_up_again(
    submitter: FormSubmitter, sites: SampleSites
) -> None:
    gate = NotedGate()
    first = await attempt(submitter, sites.directory("flaky"), gate)
    assert isinstance(first, Deferred)
    assert first.reason is Reason.DIRECTORY_ERROR
    assert gate.asked == []
    assert isinstance(await attempt(submitter, sites.directory("flaky"), gate), Submitted)
    assert len(sites.accepted("flaky")) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_every_answer_lands_in_its_field(submitter: FormSubmitter, sites: SampleSites) -> None:
    await attempt(submitter, sites.directory("plain"))
    fields = sent_fields(sites, "plain")
    assert fields == {
        "company": PROFILE.business_name,
        "url": PROFILE.website,
        "email": PROFILE.email,
        "phone": "+15125550142",
        "address": "12 Sample Street",
        "city": "Austin",
        "zip": "78701",
        "description": PROFILE.description,
    }


@pytest.mark.asyncio(loop_scope="module")
async def test_terms_are_accepted_and_the_partners_offers_are_not(submitter: FormSubmitter, sites: SampleSites) -> None:
    await attempt(submitter, sites.directory("categories"))
    fields = sent_fields(sites, "categories")
    assert fields["biz[terms]"] == "1"
    assert "biz[mailing]" not in fields
    assert fields["biz[category]"] == "102"  # Cafés & Coffee Shops
    assert fields["biz[kind]"] == "company"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_state_is_chosen_after_the_country_brought_the_states(
    submitter: FormSubmitter, sites: SampleSites
) -> None:
    await attempt(submitter, sites.directory("regions"))
    fields = sent_fields(sites, "regions")
    assert (fields["country"], fields["state"]) == ("US", "TX")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_logo_is_uploaded(submitter: FormSubmitter, sites: SampleSites, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG\r\n\x1a\n")
    profile = parse_profile({**SAMPLE_PROFILE, "logo": str(logo)})
    await attempt(submitter, sites.directory("upload"), profile=profile)
    assert sent_fields(sites, "upload")["logotipo"] == "logo.png (image/png, 8 bytes)"


@pytest.mark.asyncio(loop_scope="module")
async def test_every_step_of_a_wizard_has_its_own_intent_and_gives_it_back(
    submitter: FormSubmitter, sites: SampleSites
) -> None:
    gate = NotedGate()
    assert isinstance(await attempt(submitter, sites.directory("wizard"), gate), Submitted)
    assert [asked.split(":")[0] for asked in gate.asked] == ["commit", "void", "commit", "void", "commit"]
    assert "Step 2 of 3" in gate.asked[1]
    assert sent_fields(sites, "wizard")["contact_email"] == PROFILE.email


@pytest.mark.asyncio(loop_scope="module")
async def test_a_preview_gives_its_intent_back_and_the_real_submit_gets_its_own(
    submitter: FormSubmitter, sites: SampleSites
) -> None:
    gate = NotedGate()
    await attempt(submitter, sites.directory("preview"), gate)
    first, void, last = gate.asked
    assert (first, last) == ("commit", "commit")
    assert "Preview" in void
    assert len(sites.accepted("preview")) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_complaint_is_answered_once_with_what_it_asks_for(submitter: FormSubmitter, sites: SampleSites) -> None:
    gate = NotedGate()
    await attempt(submitter, sites.directory("validation"), gate)
    assert [asked.split(":")[0] for asked in gate.asked] == ["commit", "void", "commit"]
    refused, accepted = sites.ledger("validation")
    assert not refused.accepted
    assert accepted.fields["phone_number"] == "15125550142"
    assert len(accepted.fields["description"]) <= 160
    assert accepted.fields["description"].endswith(".")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_text_is_cut_at_the_end_of_a_sentence(submitter: FormSubmitter, sites: SampleSites) -> None:
    await attempt(submitter, sites.directory("limits"))
    text = sent_fields(sites, "limits")["beschreibung"]
    assert PROFILE.description.startswith(text)
    assert text.endswith(".")
    assert len(text) <= 250


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_is_sent_when_the_gate_refuses(submitter: FormSubmitter, sites: SampleSites) -> None:
    with pytest.raises(IntentRefused):
        await attempt(submitter, sites.directory("plain"), NotedGate(refuses=True))
    assert sites.ledger("plain") == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_dry_attempt_fills_and_does_not_click(submitter: FormSubmitter, sites: SampleSites) -> None:
    gate = NotedGate()
    made = await submitter.make(sites.directory("plain"), PROFILE, gate, is_dry=True)
    assert made.outcome is None
    assert {entry.key: entry.value for entry in made.entries}["business_name"] == PROFILE.business_name
    assert gate.asked == []
    assert sites.ledger("plain") == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_directory_that_forbids_automation_is_not_even_opened(
    submitter: FormSubmitter, sites: SampleSites
) -> None:
    outcome = await attempt(submitter, replace(sites.directory("plain"), allows_automation=False))
    assert isinstance(outcome, Skipped)
    assert outcome.reason is Reason.AUTOMATION_FORBIDDEN
    assert outcome.evidence.final_url is None


@pytest.mark.asyncio(loop_scope="module")
async def test_nothing_is_typed_on_a_host_that_is_not_the_directorys(
    submitter: FormSubmitter, sites: SampleSites
) -> None:
    async def send_away(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {sites.url('plain')}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(send_away, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    home = f"http://elsewhere.localhost:{port}"
    async with server:
        made = await submitter.make(
            replace(sites.directory("plain"), site=home, submission_url=home), PROFILE, NotedGate()
        )
    assert isinstance(made.outcome, NeedsHuman)
    assert made.outcome.reason is Reason.BLOCKED
    assert "plain.localhost" in made.outcome.message
    assert made.entries == ()
    assert sites.ledger("plain") == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_directory_that_is_down_is_deferred(submitter: FormSubmitter, sites: SampleSites) -> None:
    sites.fault("plain", down=True)
    outcome = await attempt(submitter, sites.directory("plain"))
    assert (type(outcome), outcome.reason) == (Deferred, Reason.DIRECTORY_ERROR)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_directory_that_does_not_answer_is_deferred(
    warm_pool: BrowserPool, evidence: FolderEvidence, sites: SampleSites
) -> None:
    settings = pool_settings(navigation_timeout=timedelta(seconds=0.5))
    sites.fault("plain", latency=5)
    outcome = await FormSubmitter(warm_pool, evidence, settings).attempt(sites.directory("plain"), PROFILE, NotedGate())
    assert (type(outcome), outcome.reason) == (Deferred, Reason.NAVIGATION_TIMEOUT)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_port_where_nobody_listens_is_deferred(submitter: FormSubmitter, sites: SampleSites) -> None:
    closed = replace(sites.directory("plain"), submission_url="http://plain.localhost:9/add-listing")
    outcome = await attempt(submitter, closed)
    assert (type(outcome), outcome.reason) == (Deferred, Reason.NAVIGATION_FAILED)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_that_is_gone_is_for_a_person(submitter: FormSubmitter, sites: SampleSites) -> None:
    gone = replace(sites.directory("plain"), submission_url=sites.url("plain", "/no-such-page"))
    outcome = await attempt(submitter, gone)
    assert (type(outcome), outcome.reason) == (NeedsHuman, Reason.FORM_NOT_FOUND)


class KillingGate(NotedGate):
    """Kills Chromium when it is asked: before the click, after the commit."""

    def __init__(self, pool: BrowserPool) -> None:
        super().__init__()
        self.pool = pool

    async def commit_intent(self) -> None:
        await super().commit_intent()
        chromium_of(self.pool).kill()


async def test_a_browser_that_dies_at_the_click_leaves_an_unknown(
    pool: BrowserPool, evidence: FolderEvidence, sites: SampleSites, browser_settings: object
) -> None:
    outcome = await attempt(FormSubmitter(pool, evidence, pool_settings()), sites.directory("plain"), KillingGate(pool))
    assert (type(outcome), outcome.reason) == (Unknown, Reason.BROWSER_CRASHED)
    assert sites.accepted("plain") == []


class KillingPages:
    """Lends pages whose Chromium is killed as soon as they ask the directory for anything."""

    def __init__(self, pool: BrowserPool) -> None:
        self.pool = pool

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        async with self.pool.page() as page:
            chromium = chromium_of(self.pool)  # looked up now: by the time of the request it may be another
            page.once("request", lambda _: chromium.kill())
            yield page


async def test_a_browser_that_dies_before_the_click_is_an_error_to_try_again(
    pool: BrowserPool, evidence: FolderEvidence, sites: SampleSites
) -> None:
    sites.fault("plain", latency=10)
    with pytest.raises(BrowserUnavailable):
        await attempt(FormSubmitter(KillingPages(pool), evidence, pool_settings()), sites.directory("plain"))
    assert sites.ledger("plain") == []


async def test_an_attempt_that_is_cancelled_gives_its_page_back(
    pool: BrowserPool, evidence: FolderEvidence, sites: SampleSites
) -> None:
    gate, reached = NotedGate(), asyncio.Event()

    class Waiting(NotedGate):
        async def commit_intent(self) -> None:
            reached.set()
            await asyncio.Event().wait()

    work = asyncio.create_task(
        attempt(FormSubmitter(pool, evidence, pool_settings()), sites.directory("plain"), Waiting())
    )
    waiting = asyncio.create_task(reached.wait())
    done, _ = await asyncio.wait({work, waiting}, timeout=90, return_when=asyncio.FIRST_COMPLETED)
    work.cancel()
    waiting.cancel()
    assert done == {waiting}, "the attempt never came to the gate"
    with pytest.raises(asyncio.CancelledError):
        await work
    assert pool.busy == 0
    assert sites.ledger("plain") == []
    assert isinstance(
        await attempt(FormSubmitter(pool, evidence, pool_settings()), sites.directory("plain"), gate), Submitted
    )
