"""Free ports, and whether something answers."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import sys
from urllib.parse import urlsplit


def free_port(preferred: int | None = None) -> int:
    """Return the preferred port of the loopback when nobody has it, else any free one."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("No free port on the loopback.")


class PortKeeper:
    """Finds ports and keeps them from other stacks on this machine until `release`.

    A program binds its port only when it has loaded, seconds after the port was found free; two stacks that start
    together would find the same. The kernel frees the names when their holder dies.
    """

    def __init__(self) -> None:
        self._names: list[socket.socket] = []

    def take(self, preferred: int) -> int:
        """Return the preferred port when neither a program nor another stack has it, else any free one."""
        port = free_port(preferred)
        return port if port != preferred or self._keep(port) else free_port()

    def _keep(self, port: int) -> bool:
        if sys.platform != "linux":
            return True  # there are no abstract names; whoever comes second fails at its start, and says so
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0fleet-port-{port}")
        except OSError:
            name.close()
            return False
        self._names.append(name)
        return True

    def release(self) -> None:
        """Let others have the ports."""
        while self._names:
            self._names.pop().close()


async def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200 within 2 s."""
    return await ask(url) is not None


async def ask(url: str, body: object = None) -> bytes | None:
    """GET `url`, or POST `body` to it as JSON; return what comes with status 200 within 2 s, else None.

    Readiness is asked ten times a second while everything starts, so this is plain `http.client`: a client with a TLS
    context costs more processor time than what it would ask.
    """
    return await asyncio.to_thread(ask_now, url, body)


def ask_now(url: str, body: object = None) -> bytes | None:
    """Ask as `ask` does, and block until the answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        if body is None:
            connection.request("GET", parts.path)
        else:
            connection.request("POST", parts.path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.read() if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
