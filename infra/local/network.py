"""Free ports, and whether something answers."""

from __future__ import annotations

import socket

import httpx


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


async def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200 within 2 s."""
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False
