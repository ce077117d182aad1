"""What the programs of the embedded stack are: command, readiness, and how long each may take to end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from infra.local.environment import Addresses, prefect_server_environment
from infra.local.home import PROJECT, Home
from infra.local.network import answers
from infra.local.prefect_server import is_online
from infra.local.program import Program

# A worker waits 25 s for the verdicts on what it clicked (`DRAIN_GRACE`), and then some for its browsers.
_DRAINED_WITHIN = timedelta(seconds=32)

_PYTHON = (sys.executable, "-m")
_PREFECT = ("prefect", "--no-prompt")
_STANDBY = (*_PYTHON, "infra.local.standby")


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Makes the programs of one stack."""

    addresses: Addresses
    environment: dict[str, str]
    home: Home

    def sites(self) -> Program:
        """Return the server of the sample directories."""
        return Program(
            name="sites",
            command=[*_PYTHON, "infra.local.sites", "--port", str(_port(self.addresses.sites))],
            environment=self.environment,
            log=self.home.log("sites"),
            port=_port(self.addresses.sites),
            probe=lambda _: answers(f"{self.addresses.sites}/_health"),
            folder=PROJECT,
        )

    def prefect_server(self) -> Program:
        """Return Prefect's server, with its user interface."""
        return Program(
            name="prefect",
            command=[
                *_PYTHON,
                *_PREFECT,
                "server",
                "start",
                "--host",
                "127.0.0.1",
                "--port",
                str(_port(self.addresses.prefect)),
            ],
            environment=prefect_server_environment(self.environment, self.addresses),
            log=self.home.log("prefect"),
            port=_port(self.addresses.prefect),
            probe=lambda _: answers(f"{self.addresses.prefect}/api/health"),
            folder=self.home.folder,
        )

    def api(self) -> Program:
        """Return Fleet's API."""
        return Program(
            name="api",
            command=[
                *(*_PYTHON, "uvicorn", "api.app:create_app", "--factory", "--no-access-log", "--no-server-header"),
                *("--host", "127.0.0.1", "--port", str(_port(self.addresses.api))),
            ],
            environment=self.environment,
            log=self.home.log("api"),
            port=_port(self.addresses.api),
            probe=lambda _: answers(f"{self.addresses.api}/api/live"),
            folder=PROJECT,
        )

    def workers(self) -> tuple[Program, Program]:
        """Return the worker that consumes and watches, and the worker that has the browsers."""
        return self._worker("services", "fleet-services"), self._worker("browsers", "fleet")

    def bootstrap(self) -> Sequence[str]:
        """Return the command that makes the Prefect server ready for Fleet, once."""
        health = f"{self.addresses.prefect}/api/health"
        return [*_STANDBY, "--load", "workers.prefect_worker", "--until", health, "--", "infra.bootstrap"]

    def _worker(self, name: str, pool: str) -> Program:
        there = f"{self.addresses.prefect}/api/work_pools/{pool}"
        loads = ("--load", "prefect.cli", "--load", "workers.prefect_worker")
        return Program(
            name=name,
            command=[
                *(*_STANDBY, *loads, "--until", there, "--"),
                *(*_PREFECT, "worker", "start", "--pool", pool, "--name", name),
            ],
            environment=self.environment,
            log=self.home.log(name),
            probe=lambda since: is_online(self.addresses.prefect, pool, name, since),
            tier=2,
            folder=PROJECT,
            is_restartable=True,
            stop_within=_DRAINED_WITHIN,
        )


def _port(address: str) -> int:
    return urlsplit(address).port or 0
