"""`fleet directories …` on the in-memory store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app
from workers.adapters.evidence import FolderEvidence
from workers.adapters.memory_queue import MemoryQueue
from workers.adapters.memory_store import MemoryStore
from workers.bootstrap import BrowserSubmitter, share
from workers.errors import CatalogueInvalid, UnknownDirectory
from workers.fleet import Fleet
from workers.model import WorkerId
from workers.settings import load_settings

HEAD = "slug,name,site,submission_url,status,domain_authority\n"
TEA = "tea-index,Tea [bold]Index,https://tea.example.com,https://tea.example.com/add,,37\n"
INN = "inn-index,Inn Index,https://inn.example.com,https://inn.example.com/add,active,73\n"


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    settings = load_settings({"store": "memory", "queue": "memory", "evidence_dir": tmp_path})
    evidence = FolderEvidence(tmp_path, settings.public_url)
    fleet = Fleet(
        settings=settings,
        store=MemoryStore(),
        queue=MemoryQueue(),
        submitter=BrowserSubmitter(settings, evidence),
        evidence=evidence,
        worker_id=WorkerId("worker-test"),
        slots=asyncio.Semaphore(1),
    )
    share(fleet)
    yield fleet
    share(None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "catalogue.csv"
    file.write_text(HEAD + TEA + INN)
    return file


def _fleet(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["directories", *map(str, arguments)])


def _listed(*arguments: str) -> dict[str, str]:
    return {one["id"]: one["status"] for one in json.loads(_fleet("list", "--json", *arguments).stdout)}


def test_an_import_counts_what_is_new_what_changed_and_what_did_not(file: Path) -> None:
    assert _fleet("import", file).stdout == "2 new, 0 changed, 0 as before\n"
    assert _fleet("import", file).stdout == "0 new, 0 changed, 2 as before\n"
    file.write_text(HEAD + TEA.replace("37", "38") + INN)
    assert _fleet("import", file).stdout == "0 new, 1 changed, 1 as before\n"


def test_a_faulty_file_imports_nothing(file: Path) -> None:
    file.write_text(HEAD + TEA + "Inn,,,,,\n")
    assert isinstance(_fleet("import", file).exception, CatalogueInvalid)
    assert _listed() == {}


def test_without_a_file_the_seed_is_imported_and_nothing_of_it_is_active() -> None:
    assert _fleet("import").stdout == "212 new, 0 changed, 0 as before\n"
    assert set(_listed().values()) == {"needs_verification"}
    assert _listed("--status", "active") == {}


def test_what_a_person_decided_outlives_an_import(file: Path) -> None:
    _fleet("import", file)
    assert _fleet("activate", "tea-index").stdout == "tea-index: needs_verification → active\n"
    assert _fleet("pause", "inn-index").stdout == "inn-index: active → paused\n"
    _fleet("import", file)
    assert _listed() == {"inn-index": "paused", "tea-index": "active"}


def test_the_list_begins_with_the_best_and_takes_no_name_for_markup(file: Path) -> None:
    assert _fleet("list").stdout == "No directories.\n"
    _fleet("import", file)
    assert list(_listed()) == ["inn-index", "tea-index"]
    assert "Tea [bold]Index" in _fleet("list").stdout
    assert _fleet("list", "--status", "retired").stdout == "No directories with status retired.\n"


def test_one_directory_is_shown_for_people_and_for_programs(file: Path) -> None:
    _fleet("import", file)
    assert "submission url     https://tea.example.com/add\n" in _fleet("show", "tea-index").stdout
    assert json.loads(_fleet("show", "tea-index", "--json").stdout) == {
        "id": "tea-index",
        "name": "Tea [bold]Index",
        "site": "https://tea.example.com",
        "submission_url": "https://tea.example.com/add",
        "status": "needs_verification",
        "category": "",
        "domain_authority": 37,
        "method": "web_form",
        "trust": "",
        "pace": None,
        "allows_automation": True,
    }


@pytest.mark.parametrize("command", ["show", "activate", "pause"])
def test_an_unknown_slug_gets_the_nearest_ones(command: str, file: Path) -> None:
    _fleet("import", file)
    result = _fleet(command, "tee-index")
    assert isinstance(result.exception, UnknownDirectory)
    assert "did you mean tea-index" in str(result.exception)
