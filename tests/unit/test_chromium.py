"""Which Chromium is taken, and what is said when there is none."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from workers.browser import chromium
from workers.browser.chromium import find_chromium, unpacked_chromium
from workers.errors import ChromiumMissing


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.delenv("FLEET_CHROMIUM", raising=False)
    monkeypatch.setattr(chromium, "_USUAL_FOLDERS", ())
    monkeypatch.setattr(chromium, "_MAC_APPLICATIONS", ())


def playwright_download(folder: Path, *, is_complete: bool = True) -> Path:
    spec = importlib.util.find_spec("playwright")
    assert spec is not None
    assert spec.origin is not None
    listed = json.loads((Path(spec.origin).parent / "driver" / "package" / "browsers.json").read_text())["browsers"]
    revision = next(it["revision"] for it in listed if it["name"] == "chromium-headless-shell")
    home = folder / f"chromium_headless_shell-{revision}"
    found = program(home / "chrome-headless-shell-linux64" / "chrome-headless-shell")
    if is_complete:
        (home / "INSTALLATION_COMPLETE").touch()
    return found


def test_without_any_the_error_says_how_to_get_one() -> None:
    with pytest.raises(ChromiumMissing, match="apt-get install chromium-headless-shell"):
        find_chromium()


def test_the_one_that_is_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    playwright_download(tmp_path / "playwright")
    mine, other = program(tmp_path / "mine"), program(tmp_path / "other")
    monkeypatch.setenv("FLEET_CHROMIUM", str(other))
    assert find_chromium() == other
    assert find_chromium(mine) == mine


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_a_named_one_that_cannot_be_run_is_an_error_and_not_replaced(tmp_path: Path, kind: str) -> None:
    program(tmp_path / "bin" / "chromium")
    named = tmp_path / "named"
    if kind == "folder":
        named.mkdir()
    if kind == "not executable":
        named.write_text("")
    with pytest.raises(ChromiumMissing, match="FLEET_CHROMIUM names"):
        find_chromium(named)


def test_playwrights_own_comes_before_the_systems_and_that_before_the_unpacked_one(tmp_path: Path) -> None:
    unpacked = program(unpacked_chromium())
    assert find_chromium() == unpacked
    chrome = program(tmp_path / "bin" / "google-chrome")
    assert find_chromium() == chrome
    shell = program(tmp_path / "bin" / "chromium-headless-shell")
    assert find_chromium() == shell
    own = playwright_download(tmp_path / "playwright")
    assert find_chromium() == own


def test_a_download_of_playwrights_that_broke_off_is_not_taken(tmp_path: Path) -> None:
    shell = program(tmp_path / "bin" / "chromium-headless-shell")
    playwright_download(tmp_path / "playwright", is_complete=False)
    assert find_chromium() == shell
