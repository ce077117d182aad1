"""An SQS server of our own: ministack from PyPI, on loopback, with everything but SQS switched off.

It keeps its queues in memory: they are gone when it stops, and the sweep sends the hints again.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from infra.local.network import answers, free_port
from infra.local.process import die_with_parent, tail
from workers.errors import StackError

_START_LIMIT = 30.0  # seconds; 0.7 on an idle machine


class LocalSqs:
    """One server. `port` None means a free one; `log` None means a file that goes when it stops."""

    def __init__(self, port: int | None = None, log: Path | None = None) -> None:
        self._asked_port = port
        self._asked_log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self.port = port or 0

    @property
    def endpoint(self) -> str:
        """The address for `FLEET_SQS_ENDPOINT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int | None:
        """The server's process id while it runs, else None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    async def start(self) -> None:
        """Start, and return when it answers. Raises `StackError` with the tail of its log."""
        if self.process_id:
            return
        await self.stop()  # what is left of one that died
        if find_spec("ministack") is None:
            raise StackError(
                "The package ministack is not installed. Install Fleet with its extra: pip install 'fleet[local]'"
            )
        self.port = free_port(self._asked_port)
        if self._asked_port not in (None, self.port):
            raise StackError(
                f"Port {self._asked_port} is taken. Stop what uses it, or let the SQS server find its own."
            )
        self._folder = TemporaryDirectory(prefix="fleet-sqs-")
        try:
            self._spawn(Path(self._folder.name))
            await self._until_it_answers()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server. Safe to call twice."""
        if self._process is not None:
            self._process.kill()  # it has nothing to save and no children; in order it would take three seconds
            await asyncio.to_thread(self._process.wait)
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def _log(self) -> Path:
        return self._asked_log or Path(self._folder.name if self._folder else ".") / "sqs.log"

    def _spawn(self, folder: Path) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=_environment(self.port, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl+C in the terminal is for whoever started it
                preexec_fn=die_with_parent(),  # noqa: PLW1509 (it makes system calls only, and takes no lock)
            )

    async def _until_it_answers(self) -> None:
        deadline = monotonic() + _START_LIMIT
        while not (self.process_id and await answers(f"{self.endpoint}/_ministack/health")):
            if not self.process_id:
                raise StackError(f"The SQS server ended while it started. {tail(self._log)}")
            if monotonic() > deadline:
                raise StackError(f"The SQS server did not answer within {_START_LIMIT:g} s. {tail(self._log)}")
            await asyncio.sleep(0.05)


def _environment(port: int, folder: Path) -> Mapping[str, str]:
    return {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "sqs",
        "USE_SSL": "0",
        "SFTP_ENABLED": "0",  # it would listen on a port of its own
        "IOT_MTLS_ENABLED": "0",  # so would this
        "DOCKER_HOST": f"unix://{folder}/no-docker",  # or it stops other ministacks' containers
        "PERSIST_STATE": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(folder),  # for its pid file
    }
