"""The set-up of a bare machine, as far as it can be tried without one."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from infra.setup import browser, debian, environment, uv
from infra.setup.env_example import EXAMPLE, render
from infra.setup.environment import PROJECT
from infra.setup.step import StepFailed, run
from workers.browser.chromium import unpacked_chromium, unpacked_node
from workers.errors import ChromiumMissing


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def uv_wheel(folder: Path, script: bytes) -> dict[str, str]:
    wheel = folder / "uv-1.0-py3-none-manylinux_2_17_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("uv-1.0.data/scripts/uv", script)
    return {"url": wheel.as_uri(), "hash": f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"}


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    wheel = uv_wheel(tmp_path, b"#!/bin/sh\necho uv 1.0\n")
    path = tmp_path / "uv.lock"
    wheels = f'[{{ url = "{wheel["url"]}", hash = "{wheel["hash"]}" }}]'
    path.write_text(f'[[package]]\nname = "uv"\nversion = "1.0"\nwheels = {wheels}\n')
    return path


def test_the_uv_of_the_lock_is_fetched_once_and_runs(lock: Path) -> None:
    found = uv.find_uv(lock)
    assert subprocess.run([found], capture_output=True, text=True, check=True).stdout == "uv 1.0\n"
    (lock.parent / "uv-1.0-py3-none-manylinux_2_17_x86_64.whl").unlink()
    assert uv.find_uv(lock) == found


def test_a_uv_that_is_not_what_the_lock_names_is_refused(lock: Path) -> None:
    uv_wheel(lock.parent, b"something else")
    with pytest.raises(StepFailed, match="its hash differs"):
        uv.find_uv(lock)
    assert not (lock.parent / "cache").exists()


def test_a_uv_that_cannot_be_fetched_is_said_with_advice(lock: Path) -> None:
    (lock.parent / "uv-1.0-py3-none-manylinux_2_17_x86_64.whl").unlink()
    with pytest.raises(StepFailed, match="HTTPS_PROXY"):
        uv.find_uv(lock)


@pytest.mark.parametrize(
    ("system", "machine", "part"),
    [("linux", "x86_64", "manylinux"), ("linux", "aarch64", "manylinux"), ("darwin", "arm64", "macosx")],
)
def test_our_lock_has_a_uv_for_the_usual_machines(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, part: str
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    wheel = uv._wheel_for_this_machine(uv._locked_uv(PROJECT / "uv.lock")["wheels"])
    assert wheel is not None
    assert part in wheel["url"]
    assert machine in wheel["url"]


def test_the_environment_is_current_until_the_lock_changes_or_the_project_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    monkeypatch.setattr(environment, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(environment, "_STAMP", tmp_path / "set-up")
    for name in ("uv.lock", "pyproject.toml", "python"):
        (tmp_path / name).touch()
    assert not environment._is_current()
    environment._write_stamp()
    assert environment._is_current()
    (tmp_path / "uv.lock").write_text("changed")
    assert not environment._is_current()
    assert not environment._was_moved()
    monkeypatch.setattr(environment, "PROJECT", tmp_path.parent)
    assert environment._was_moved()


def test_a_program_that_fails_or_is_missing_is_said_with_advice() -> None:
    with pytest.raises(StepFailed, match=r"`false` failed with exit code 1. Try harder."):
        run(["false"], "Try harder.")
    with pytest.raises(StepFailed, match=r"no-such-program cannot be run.*Try harder."):
        run(["no-such-program"], "Try harder.")


def test_an_unpacked_chromium_and_node_start_with_their_libraries(tmp_path: Path) -> None:
    target = unpacked_chromium().parent
    libraries = target / "root" / "usr" / "lib" / "x86_64-linux-gnu" / "pulseaudio"
    libraries.mkdir(parents=True)
    (libraries / "libpulsecommon.so").touch()
    shows = '#!/bin/sh\necho "$LD_LIBRARY_PATH|$FONTCONFIG_FILE|$*"\n'
    node = tmp_path / "driver" / "node"
    for path in (target / "root" / "usr" / "lib" / "chromium" / "chromium-headless-shell", node):
        path.parent.mkdir(parents=True)
        path.write_text(shows)
        path.chmod(0o755)
    debian._write_starters(target)
    assert said(unpacked_chromium(), "--headless") == f"{libraries}|{target}/fonts.conf|--headless"
    script = f"{node.parent}/package/cli.js"
    assert said(unpacked_node(), script, "run-driver") == f"{libraries}||{script} run-driver"


def said(*command: str | Path) -> str:
    clean = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=True).stdout.strip()


def test_a_chromium_that_somebody_named_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_CHROMIUM", str(tmp_path / "nowhere"))
    with pytest.raises(ChromiumMissing, match="nowhere"):
        browser.ensure_chromium()


def test_ways_are_tried_in_turn_until_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fails() -> None:
        tried.append("fails")
        raise StepFailed("no network")

    ways = [browser.Way("one", True, fails), browser.Way("two", True, lambda: tried.append("does"))]
    monkeypatch.setattr(browser, "_is_known_to_start", lambda: False)
    monkeypatch.setattr(browser, "_start", lambda: None)
    monkeypatch.setattr(browser, "_ways", lambda: [*ways, browser.Way("three", True, lambda: tried.append("too many"))])
    browser.ensure_chromium()
    assert tried == ["fails", "does"]
    monkeypatch.setattr(browser, "_ways", lambda: ways[:1])
    with pytest.raises(StepFailed, match="FLEET_CHROMIUM"):
        browser.ensure_chromium()


def test_the_example_of_the_settings_is_theirs() -> None:
    assert EXAMPLE.read_text() == render(), "run: python -m infra.setup.env_example"
