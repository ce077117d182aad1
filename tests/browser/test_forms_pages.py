"""One page for each behaviour that the sample sites do not show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import pytest_asyncio

from infra.local.sites.catalogue import SAMPLE_PROFILE
from tests.browser.test_forms import NotedGate
from tests.fixtures.browser import pool_settings
from workers.adapters.evidence import FolderEvidence
from workers.browser.pool import BrowserPool
from workers.forms.submitter import FormSubmitter
from workers.model import Directory, DirectoryId
from workers.outcome import NeedsHuman, Outcome, Reason, Submitted, Unknown
from workers.profile import parse_profile

FIELDS = """<label>Company name <input name="company"></label><label>Website <input name="web"></label>
<label>Description <textarea name="text"></textarea></label>"""
THANKS = "<p>Thank you! Your listing was submitted for review.</p>"


class OnePage:
    """A server that shows one page, and gives one answer to every POST; an empty one closes the connection."""

    def __init__(self) -> None:
        self.html = ""
        self.answer = THANKS
        self.posts: list[dict[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
        body = (await reader.readexactly(length)).decode()
        answer = self.html
        if head.startswith("POST"):
            self.posts.append({name: values[0] for name, values in parse_qs(body).items()})
            answer = self.answer
        if not answer:
            writer.close()
            return
        document = f"<!doctype html><title>Add your business</title>{answer}".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(document), document))
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def warm_pool() -> AsyncIterator[BrowserPool]:
    async with BrowserPool(pool_settings()) as pool:
        yield pool


async def submit(
    pool: BrowserPool, folder: Path, html: str, gate: NotedGate, answer: str = THANKS
) -> tuple[Outcome, OnePage]:
    page = OnePage()
    page.html, page.answer = html, answer
    server = await asyncio.start_server(page.serve, "127.0.0.1")
    url = f"http://one.localhost:{server.sockets[0].getsockname()[1]}/"
    directory = Directory(id=DirectoryId("one"), name="One", site=url, submission_url=url)
    submitter = FormSubmitter(pool, FolderEvidence(folder, "http://127.0.0.1:8080"), pool_settings())
    async with server:
        return await submitter.attempt(directory, parse_profile(dict(SAMPLE_PROFILE)), gate), page


@pytest.mark.asyncio(loop_scope="module")
async def test_fields_in_a_shadow_root_are_filled(warm_pool: BrowserPool, tmp_path: Path) -> None:
    html = f"""<div id="host"></div><script>
    const root = document.getElementById("host").attachShadow({{mode: "open"}});
    root.innerHTML = `<form method="post">{FIELDS}<button>Submit listing</button></form>`;</script>"""
    outcome, page = await submit(warm_pool, tmp_path, html, NotedGate())
    assert isinstance(outcome, Submitted), outcome.message
    assert page.posts[0]["company"] == SAMPLE_PROFILE["business_name"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_field_that_a_script_controls_takes_its_value(warm_pool: BrowserPool, tmp_path: Path) -> None:
    """As React does it: the script's state is what gets sent, and it only learns of values by events."""
    html = f"""<form method="post">{FIELDS}<input type="hidden" name="state">
    <button>Submit listing</button></form><script>
    const input = document.querySelector("[name=company]"), state = document.querySelector("[name=state]");
    const own = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
    let tracked = "";
    const track = value => {{ tracked = value; own.set.call(input, value); }};
    Object.defineProperty(input, "value", {{get: () => own.get.call(input), set: track}});
    input.addEventListener("input", () => {{
      if (own.get.call(input) !== tracked) state.value = own.get.call(input); }});
    </script>"""
    outcome, page = await submit(warm_pool, tmp_path, html, NotedGate())
    assert isinstance(outcome, Submitted), outcome.message
    assert page.posts[0]["state"] == SAMPLE_PROFILE["business_name"]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_form_that_is_drawn_late_is_waited_for(warm_pool: BrowserPool, tmp_path: Path) -> None:
    html = f"""<div id="app">Loading the form, one moment please, it will be there soon</div><script>
    setTimeout(() => {{ document.getElementById("app").innerHTML =
      `<form method="post">{FIELDS}<button>Submit listing</button></form>`; }}, 600);</script>"""
    outcome, page = await submit(warm_pool, tmp_path, html, NotedGate())
    assert isinstance(outcome, Submitted), outcome.message
    assert len(page.posts) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_script_that_refuses_before_sending_is_answered_and_its_intent_voided(
    warm_pool: BrowserPool, tmp_path: Path
) -> None:
    html = """<form method="post" novalidate><label>Company name <input name="company"></label>
    <label>Website <input name="web"></label><label>Phone <input name="phone" type="tel"></label>
    <span id="e" role="alert"></span><button>Submit listing</button></form><script>
    document.querySelector("form").addEventListener("submit", event => {
      const phone = document.querySelector("[name=phone]"), error = document.getElementById("e");
      if (/^[0-9]+$/.test(phone.value)) return;
      event.preventDefault();
      phone.setAttribute("aria-invalid", "true"); phone.setAttribute("aria-describedby", "e");
      error.textContent = "Phone must contain digits only.";
    });</script>"""
    gate = NotedGate()
    outcome, page = await submit(warm_pool, tmp_path, html, gate)
    assert isinstance(outcome, Submitted), outcome.message
    assert [one.split(":")[0] for one in gate.asked] == ["commit", "void", "commit"]
    assert "No request left the page" in gate.asked[1]
    assert [post["phone"] for post in page.posts] == ["15125550142"]


@pytest.mark.asyncio(loop_scope="module")
async def test_steps_that_a_script_shows_are_walked_through(warm_pool: BrowserPool, tmp_path: Path) -> None:
    html = """<form method="post"><p id="n">Step 1 of 2</p>
    <div id="one"><label>Company name <input name="company"></label><label>Website <input name="web"></label>
    <button type="button" id="next">Next</button></div>
    <div id="two" hidden><label>Description <textarea name="text" required></textarea></label>
    <label>E-mail <input name="mail" type="email" required></label><button>Submit listing</button></div></form><script>
    document.getElementById("next").onclick = () => {
      document.getElementById("n").textContent = "Step 2 of 2";
      document.getElementById("one").hidden = true; document.getElementById("two").hidden = false; };</script>"""
    gate = NotedGate()
    outcome, page = await submit(warm_pool, tmp_path, html, gate)
    assert isinstance(outcome, Submitted), outcome.message
    assert [one.split(":")[0] for one in gate.asked] == ["commit", "void", "commit"]
    assert page.posts[0].keys() == {"company", "web", "text", "mail"}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_step_that_is_taken_without_an_answer_is_unknown(warm_pool: BrowserPool, tmp_path: Path) -> None:
    """ "Step 1 of 2" and "Continue" are words; only an answer shows that the click sent nothing for good."""
    html = f"""<form method="post"><p>Step 1 of 2</p>{FIELDS}<button>Continue</button></form>"""
    gate = NotedGate()
    outcome, page = await submit(warm_pool, tmp_path, html, gate, answer="")
    assert (type(outcome), outcome.reason) == (Unknown, Reason.UNCONFIRMED)
    assert gate.asked == ["commit"]
    assert len(page.posts) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_contact_form_behind_a_continue_is_not_filled(warm_pool: BrowserPool, tmp_path: Path) -> None:
    html = f"""<form method="post">{FIELDS}<button>Continue</button></form>"""
    contact = """<h1>Contact us</h1><form method="post"><label>E-mail <input name="mail"></label>
    <label>Message <textarea name="message"></textarea></label><button>Send message</button></form>"""
    gate = NotedGate()
    outcome, page = await submit(warm_pool, tmp_path, html, gate, answer=contact)
    assert (type(outcome), outcome.reason) == (Unknown, Reason.UNCONFIRMED)
    assert gate.asked == ["commit"]
    assert len(page.posts) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_a_thank_you_above_the_emptied_form_counts_though_a_hint_looks_like_an_error(
    warm_pool: BrowserPool, tmp_path: Path
) -> None:
    fields = FIELDS.replace(
        '<input name="company">', '<input name="company"><span class="error">* required field</span>'
    )
    html = f"""<form method="post">{fields}<button>Submit listing</button></form>"""
    outcome, _ = await submit(warm_pool, tmp_path, html, NotedGate(), answer=THANKS + html)
    assert isinstance(outcome, Submitted), outcome.message


@pytest.mark.asyncio(loop_scope="module")
async def test_an_emptied_form_with_its_old_hints_and_no_word_is_unknown(
    warm_pool: BrowserPool, tmp_path: Path
) -> None:
    fields = FIELDS.replace(
        '<input name="company">', '<input name="company"><span class="error">* required field</span>'
    )
    html = f"""<form method="post">{fields}<button>Submit listing</button></form>"""
    outcome, _ = await submit(warm_pool, tmp_path, html, NotedGate(), answer=html)
    assert (type(outcome), outcome.reason) == (Unknown, Reason.UNCONFIRMED)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_required_question_is_quoted_and_nothing_is_sent(warm_pool: BrowserPool, tmp_path: Path) -> None:
    html = f"""<form method="post">{FIELDS}<label>Licence number <input name="licence" required></label>
    <button>Submit listing</button></form>"""
    gate = NotedGate()
    outcome, page = await submit(warm_pool, tmp_path, html, gate)
    assert (type(outcome), outcome.reason) == (NeedsHuman, Reason.ANSWER_MISSING)
    assert "“Licence number”" in outcome.message
    assert gate.asked == []
    assert page.posts == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_form_that_would_send_to_another_host_is_left_alone(warm_pool: BrowserPool, tmp_path: Path) -> None:
    html = f"""<form method="post" action="http://elsewhere.example/collect">{FIELDS}<button>Submit</button></form>"""
    gate = NotedGate()
    outcome, _ = await submit(warm_pool, tmp_path, html, gate)
    assert (type(outcome), outcome.reason) == (NeedsHuman, Reason.BLOCKED)
    assert "elsewhere.example" in outcome.message
    assert gate.asked == []


@pytest.mark.asyncio(loop_scope="module")
async def test_quotes_and_markup_in_a_profile_travel_as_text(warm_pool: BrowserPool, tmp_path: Path) -> None:
    name = """O'Hara & "Sons" <script>document.title='x'</script> `${1}` \\n"""
    page = OnePage()
    page.html = f'<form method="post">{FIELDS}<button>Submit listing</button></form>'
    server = await asyncio.start_server(page.serve, "127.0.0.1")
    url = f"http://one.localhost:{server.sockets[0].getsockname()[1]}/"
    directory = Directory(id=DirectoryId("one"), name="One", site=url, submission_url=url)
    submitter = FormSubmitter(warm_pool, FolderEvidence(tmp_path, "http://127.0.0.1:8080"), pool_settings())
    async with server:
        profile = parse_profile({**SAMPLE_PROFILE, "business_name": name.strip()})
        await submitter.attempt(directory, profile, NotedGate())
    assert page.posts[0]["company"] == name.strip()
