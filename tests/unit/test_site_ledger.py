"""The sample sites' ledger and the routes for tests, in this process and without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.local.sites.catalogue import EXPECTED, SAMPLE_PROFILE, SITES, sample_directories
from infra.local.sites.ledger import Entry, Ledger
from infra.local.sites.server import build_app
from workers.model import DirectoryStatus
from workers.profile import parse_profile

COMPLETE = {"company": "Blue Heron", "url": "https://www.example.com", "email": "a@example.com", "description": "Tea"}
HERE = "http://plain.localhost/add-listing"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    ledger = Ledger()
    transport = httpx.ASGITransport(build_app(ledger, [site(ledger) for site in SITES]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def _ledger(client: httpx.AsyncClient, site: str) -> list[Entry]:
    return [Entry.from_json(entry) for entry in (await client.get(f"/_ledger/{site}")).json()]


async def test_every_post_is_noted_taken_or_not(client: httpx.AsyncClient) -> None:
    await client.post(HERE, data={**COMPLETE, "email": " "})
    await client.post(HERE, data=COMPLETE)
    await client.post("http://plain.localhost/newsletter", data={"email": "a@example.com"})
    entries = await _ledger(client, "plain")
    assert [(entry.accepted, entry.why) for entry in entries] == [
        (False, "email: Please fill in this field."),
        (True, "complete"),
        (False, "not the listing's form"),
    ]
    assert entries[1].fields == COMPLETE


async def test_a_site_answers_only_to_its_own_host(client: httpx.AsyncClient) -> None:
    assert (await client.get("http://spa.localhost/add-listing")).status_code == 404
    assert (await client.get("http://nobody.localhost/add-listing")).status_code == 404
    assert (await client.get("http://PLAIN.localhost:8800/add-listing")).status_code == 200


async def test_what_was_posted_stands_in_the_page_as_text(client: httpx.AsyncClient) -> None:
    answer = await client.post(HERE, data={**COMPLETE, "company": "<script>alert(1)</script>"})
    page = await client.get(f"http://plain.localhost{answer.headers['location']}")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_a_site_that_is_down_answers_503_until_it_is_lifted(client: httpx.AsyncClient) -> None:
    await client.post("/_fault/plain", json={"down": True})
    assert (await client.get(HERE)).status_code == 503
    assert (await client.post(HERE, data=COMPLETE)).status_code == 503
    assert (await client.get("http://upload.localhost/alta")).status_code == 200
    await client.post("/_fault/plain", json={})
    assert (await client.get(HERE)).status_code == 200
    assert await _ledger(client, "plain") == []


@pytest.mark.parametrize("fault", [{"latency": -1}, {"latency": 1e9}, {"downn": True}, {"latency": "NaN"}])
async def test_a_fault_that_makes_no_sense_is_refused(client: httpx.AsyncClient, fault: dict[str, object]) -> None:
    assert (await client.post("/_fault/plain", json=fault)).status_code == 422
    assert (await client.get(HERE)).status_code == 200


async def test_an_unknown_site_is_named(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/_ledger/plane"), await client.post("/_fault/plane", json={})):
        assert answer.status_code == 404
        assert "'plane'" in answer.json()["error"]


async def test_a_reset_forgets_entries_faults_and_visits(client: httpx.AsyncClient) -> None:
    flaky = "http://flaky.localhost/add-url"
    await client.post(HERE, data=COMPLETE)
    await client.post("http://wizard.localhost/join", data={"org_name": "a", "org_site": "b"})
    await client.post("/_fault/plain", json={"down": True})
    assert [(await client.get(flaky)).status_code for _ in range(2)] == [500, 200]
    await client.post("/_reset")
    assert (await client.get("/_ledger")).json() == []
    assert (await client.get(HERE)).status_code == 200
    assert (await client.get(flaky)).status_code == 500
    assert (await client.get("http://wizard.localhost/join/step-2")).headers["location"] == "/join"


REGION = {"companyName": "a", "companyWebsite": "b", "companyEmail": "c", "country": "US", "companyProfile": "d"}
CATEGORY = {f"biz[{name}]": "x" for name in ("name", "url", "email", "summary", "terms")}
GERMAN = {"firma": "a", "internet": "b", "mail": "c", "kurz": "d", "beschreibung": "e", "agb": "ja"}
BUSINESS = {"business": "a", "site": "b", "email": "c", "about": "d"}


@pytest.mark.parametrize(
    ("address", "fields", "why"),
    [
        ("http://regions.localhost/register-company", REGION, "state: Please select a state."),
        ("http://regions.localhost/register-company", {**REGION, "state": "ON"}, "state: Please select a state."),
        (
            "http://categories.localhost/business/new",
            {**CATEGORY, "biz[category]": "Cafés"},
            "biz[category]: Please choose a category from the list.",
        ),
        ("http://limits.localhost/eintragen", {**GERMAN, "kurz": "x" * 61}, "kurz: Höchstens 60 Zeichen."),
        (
            "http://captcha.localhost/add-business",
            BUSINESS,
            "g-recaptcha-response: Please confirm that you are not a robot.",
        ),
        ("http://preview.localhost/suggest/send", {"trade_name": "a"}, "sent without a preview"),
        ("http://login.localhost/listings/new", BUSINESS, "not logged in"),
    ],
)
async def test_a_server_checks_what_its_page_asks_for(
    client: httpx.AsyncClient, address: str, fields: dict[str, str], why: str
) -> None:
    await client.post(address, data=fields)
    entries = (await client.get("/_ledger")).json()
    assert [(entry["accepted"], entry["why"]) for entry in entries] == [(False, why)]


async def test_a_country_without_states_needs_none(client: httpx.AsyncClient) -> None:
    await client.post("http://regions.localhost/register-company", data={**REGION, "country": "GB"})
    assert [entry.accepted for entry in await _ledger(client, "regions")] == [True]


async def test_lines_are_counted_as_the_page_counts_them(client: httpx.AsyncClient) -> None:
    text = "x\r\n" * 125  # 250 characters for maxlength, 375 on the wire
    await client.post("http://limits.localhost/eintragen", data={**GERMAN, "beschreibung": text})
    assert [entry.accepted for entry in await _ledger(client, "limits")] == [True]


async def test_a_later_step_without_a_visit_takes_nothing(client: httpx.AsyncClient) -> None:
    await client.post("http://wizard.localhost/join/step-3", data={"about": "Tea"})
    assert [(entry.accepted, entry.why) for entry in await _ledger(client, "wizard")] == [(False, "no visit")]


def test_a_ledger_file_outlives_its_server(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    first = Ledger(file).note("plain", "/add", {"name": "Tea\u2028\n£"}, "complete", is_accepted=True)
    again = Ledger(file)
    assert again.entries() == [first]
    assert again.note("plain", "/add", {}, "complete", is_accepted=True).number == first.number + 1


def test_half_a_line_of_a_killed_server_spoils_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    first = Ledger(file).note("plain", "/add", {}, "complete", is_accepted=True)
    with file.open("ab") as end:
        end.write(b'{"number": 1002, "si')
    second = Ledger(file).note("plain", "/add", {}, "complete", is_accepted=True)
    assert Ledger(file).entries() == [first, second]


def test_every_sample_site_is_an_active_directory_with_a_designed_outcome() -> None:
    directories = sample_directories(8800)
    assert {directory.id for directory in directories} == set(EXPECTED)
    assert len(directories) == len(SITES) == len({directory.name for directory in directories})
    assert {directory.status for directory in directories} == {DirectoryStatus.ACTIVE}
    assert directories[0].submission_url == "http://plain.localhost:8800/add-listing"


def test_the_sample_profile_passes_every_rule_for_profiles() -> None:
    assert parse_profile(SAMPLE_PROFILE).business_name == SAMPLE_PROFILE["business_name"]
