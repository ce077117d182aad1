"""`fleet inspect` and `fleet submit`: what they print is a contract with tools outside."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli import app
from infra.local.sites.catalogue import SAMPLE_PROFILE
from tests.fixtures.sites import SampleSites
from workers.errors import FleetError, ProfileInvalid

PAGE = """<!doctype html><title>Add your site</title>
<form role="search"><input name="q" placeholder="Search"><button>Search</button></form>
<form method="post"><label for="n">Business name *</label><input id="n" name="n" data-row="7">
<label for="u">Website</label><input id="u" type="url" name="u"><input type="password" name="p" hidden>
<button data-role="go">Submit listing</button></form>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "form.html"
    path.write_text(PAGE)
    return path


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(SAMPLE_PROFILE))
    return path


@pytest.fixture(autouse=True)
def evidence_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "evidence"
    monkeypatch.setenv("FLEET_EVIDENCE_DIR", str(folder))
    return folder


def run(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_inspect_prints_one_object_a_source_in_the_order_given(page: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text("<p>No form here, only a sentence that is long enough to be read.</p>")
    reports = run("inspect", "--offline", "--json", str(other), str(page), str(other))
    assert [report["source"] for report in reports] == [str(other), str(page), str(other)]
    assert [len(report["forms"]) for report in reports] == [0, 2, 0]


def test_inspect_tells_every_attribute_and_what_would_be_filled(page: Path) -> None:
    (report,) = run("inspect", "--offline", "--json", str(page))
    search, ours = report["forms"]
    assert (search["chosen"], search["purpose"]) == (False, "search")
    assert (ours["chosen"], ours["purpose"]) == (True, "listing")
    assert ours["submit"]["attributes"] == {"data-role": "go"}
    name, url, password = ours["fields"]
    assert name["attributes"] == {"id": "n", "name": "n", "data-row": "7"}
    assert (name["key"], name["fill"], name["required"], name["visible"]) == ("business_name", True, True, True)
    assert (url["key"], url["fill"], url["required"]) == ("website", True, False)
    assert (password["key"], password["fill"], password["visible"]) == ("password", False, False)
    assert [field["fill"] for field in search["fields"]] == [False]
    assert 0 < name["confidence"] <= 1
    assert "Business name" in name["why"]
    assert report["walls"] == []
    assert report["elapsed_ms"] >= 0


def test_inspect_prints_a_character_that_a_cut_would_halve(tmp_path: Path) -> None:
    """A picture character is two units of UTF-16; a text is cut at 120 units, and a script may write half of one."""
    page = tmp_path / "cut.html"
    half = "<script>document.querySelector('input').placeholder = 'x\\ud83d';</script>"
    button = "Submit " + "a" * 112 + "\U0001f600 more"
    page.write_text(f"<form><label>Company name <input name=n></label><button>{button}</button></form>{half}")
    (report,) = run("inspect", "--offline", "--json", str(page))
    json.dumps(report, ensure_ascii=False).encode()
    assert report["forms"][0]["submit"]["text"] == "Submit " + "a" * 112
    assert report["forms"][0]["fields"][0]["attributes"]["placeholder"] == "x\ufffd"


def test_inspect_offline_reaches_no_server(tmp_path: Path) -> None:
    reached = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            try:
                server.accept()
            except OSError:
                return
            reached.set()

        thread = Thread(target=listen, daemon=True)
        thread.start()
        page = tmp_path / "page.html"
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        page.write_text(f"<img src='{address}'><script>fetch('{address}')</script><form><input name=email></form>")
        (report,) = run("inspect", "--offline", "--json", str(page))
        assert report["forms"][0]["fields"][0]["key"] == "email"
        assert not reached.is_set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_inspect_for_people_names_keys_and_reasons(page: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", "--offline", str(page)], env={"COLUMNS": "200"})
    assert "sends with “Submit listing”" in result.stdout
    assert "business_name" in result.stdout


def test_inspect_of_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"There is no file .*nothing\.html"):
        CliRunner().invoke(app, ["inspect", str(tmp_path / "nothing.html")], catch_exceptions=False)


def test_inspect_of_an_address_nobody_listens_at_is_an_error_in_its_object() -> None:
    result = CliRunner().invoke(app, ["inspect", "--json", "http://127.0.0.1:9/"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["forms"] == []
    assert "ERR_" in report["error"]


def test_submit_prints_the_outcome_with_its_proof(sites: SampleSites, profile: Path, evidence_folder: Path) -> None:
    (report,) = run("submit", sites.url("plain"), "--profile", str(profile), "--json")
    assert (report["outcome"], report["reason"]) == ("submitted", "confirmed")
    assert "Your reference is HBG-" in report["confirmation"]
    assert report["listing_url"] == sites.url("plain", sites.accepted("plain")[0].listing)
    assert Path(report["evidence"]).parent == evidence_folder
    assert Path(report["evidence"]).is_file()
    assert {"key": "city", "label": "City", "value": "Austin"} in report["fields"]
    assert report["seconds"] > 0


def test_submit_exits_0_when_a_person_is_needed(sites: SampleSites, profile: Path) -> None:
    (report,) = run("submit", sites.url("captcha"), "--profile", str(profile), "--json")
    assert (report["outcome"], report["reason"]) == ("needs_human", "captcha")


def test_a_dry_run_fills_and_sends_nothing(sites: SampleSites, profile: Path) -> None:
    (report,) = run("submit", sites.url("plain"), "--profile", str(profile), "--dry-run", "--json")
    assert report["outcome"] == "skipped"
    assert "Dry run" in report["message"]
    assert report["fields"]
    assert sites.ledger("plain") == []


def test_submit_with_an_invalid_profile_names_every_fault(sites: SampleSites, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({"business_name": "Blue Heron", "email": "nothing"}))
    with pytest.raises(ProfileInvalid) as refused:
        CliRunner().invoke(app, ["submit", sites.url("plain"), "--profile", str(bad)], catch_exceptions=False)
    assert len(refused.value.faults) == 3
    assert sites.ledger("plain") == []
