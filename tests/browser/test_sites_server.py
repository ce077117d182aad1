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


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.local.sites", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, cwd=Path(__file__).parents[2], check=False
    )
