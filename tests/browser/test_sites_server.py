"""The sample sites' process: how it starts, survives and stops."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.fixtures.sites import SampleSites, running_sites

COMPLETE = {"company": "Blue Heron", "url": "https://www.example.com", "email": "a@example.com", "description": "Tea"}


def _post(sites: SampleSites) -> None:
    address = f"http://127.0.0.1:{sites.port}/add-listing"
    request = Request(address, urlencode(COMPLETE).encode(), {"Host": f"plain.localhost:{sites.port}"})
    # The answer redirects to a path of the site; what counts here is the ledger.
    with urlopen(request, timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_peace(number: signal.Signals) -> None:
    with running_sites() as sites:
        sites.process.send_signal(number)
        assert sites.process.wait(timeout=10) == 0


def test_a_ledger_file_keeps_the_entries_over_a_kill(tmp_path: Path) -> None:
    file = str(tmp_path / "ledger.jsonl")
    with running_sites("--ledger-file", file) as sites:
        _post(sites)
        sites.process.kill()
        sites.process.wait()
    with running_sites("--ledger-file", file) as sites:
        assert [entry.fields["company"] for entry in sites.accepted("plain")] == ["Blue Heron"]


def test_latency_delays_one_site_only(sites: SampleSites) -> None:
    sites.fault("plain", latency=0.3)
    began = time.monotonic()
    with urlopen(Request(f"http://127.0.0.1:{sites.port}/", headers={"Host": "plain.localhost"}), timeout=10):
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
def test_it_listens_on_loopback_only(host: str) -> None:
    answer = _run("--port", "0", "--host", host)
    assert answer.returncode == 2
    assert "no loopback address" in answer.stderr


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = _run("--port", str(port))
    assert answer.returncode == 1
    assert f"127.0.0.1:{port}" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http", "٨٠"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    answer = _run("--port", port)
    assert answer.returncode == 2
    assert f"{port} is no port" in answer.stderr


@pytest.mark.parametrize("content", ["no json\n", "{}\n", "3\n", None])
def test_a_file_that_can_keep_no_ledger_is_named(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "missing" / "ledger.jsonl" if content is None else tmp_path / "notes.txt"
    if content is not None:
        file.write_text(content)
    answer = _run("--port", "0", "--ledger-file", str(file))
    assert answer.returncode == 1
    assert f"{file} cannot keep the ledger" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_answer_on_its_way_is_given_before_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    with running_sites() as sites, socket.create_connection(("127.0.0.1", sites.port)) as visitor:
        visitor.settimeout(10)
        visitor.sendall(b"GET /entry HTTP/1.1\r\nHost: slow.localhost\r\nConnection: close\r\n\r\n")
        sites.ledger("slow")  # one loop serves both, so the visitor's request is under way by now
        sites.process.terminate()
        answer = b"".join(iter(lambda: visitor.recv(65536), b""))
        assert sites.process.wait(timeout=10) == 0
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert capfd.readouterr().err == ""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.local.sites", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, cwd=Path(__file__).parents[2], check=False
    )
