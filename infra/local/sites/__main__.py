"""Serve the sample directories on loopback: `python -m infra.local.sites --port 8800`.

Prints one line when it is ready, `ready http://127.0.0.1:PORT`, and stops on SIGTERM or Ctrl+C with exit code 0.
"""

from __future__ import annotations

import argparse
import ipaddress
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from infra.local.sites.catalogue import SITES
from infra.local.sites.ledger import Ledger
from infra.local.sites.server import TransportProtocol, build_app


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            print(f"ready http://{host}:{port}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal comes; return the exit code."""
    options = _parse(arguments)
    try:
        ledger = Ledger(options.ledger_file)
    except (OSError, ValueError) as error:
        print(f"sites: {options.ledger_file} cannot keep the ledger: {error}", file=sys.stderr)
        return 1
    app = build_app(ledger, [site(ledger) for site in SITES])
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        print(f"sites: cannot listen on {options.host}:{options.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    # uvicorn hands a signal on to the handler that stood before it; ours has nothing left to do.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with listener:
        _server(app).run(sockets=[listener])
    return 0


def _server(app: object) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]  # uvicorn's own ASGI types are narrower than Starlette's
            http=TransportProtocol,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=5,  # seconds; the slow site needs two for an answer on its way
        )
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m infra.local.sites", description="Serve the sample directories.")
    parser.add_argument("--port", type=_port, default=8800, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", type=_loopback, default="127.0.0.1", help="a loopback address")
    parser.add_argument("--ledger-file", type=Path, help="JSON lines file that keeps the ledger over restarts")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port; a port is a number from 0 to 65535")
    return int(text)


def _loopback(text: str) -> str:
    try:
        is_loopback = ipaddress.ip_address(text).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise argparse.ArgumentTypeError(f"{text} is no loopback address; the sample sites are for this machine only")
    return text


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


if __name__ == "__main__":
    sys.exit(main())
