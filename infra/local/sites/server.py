"""One server for all sample sites: it goes by the Host header, and keeps the routes for tests at every host."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Host, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.local.sites.ledger import Ledger
from infra.local.sites.site import Site


class Fault(BaseModel):
    """What a test does to one site: 503 to everything, or `latency` seconds before every answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    down: bool = False
    latency: float = Field(default=0.0, ge=0, le=60)


class TransportProtocol(H11Protocol):
    """HTTP as uvicorn speaks it; a request finds its connection in `request.state.transport`, to hang up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Note the connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@dataclass(frozen=True, slots=True)
class Faulty:
    """A site's app behind the faults that a test set."""

    slug: str
    app: ASGIApp
    faults: dict[str, Fault]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, late or not at all."""
        fault = self.faults.get(self.slug, Fault())
        await asyncio.sleep(fault.latency)
        answer = PlainTextResponse("Service Unavailable", 503) if fault.down else self.app
        await answer(scope, receive, send)


class Controls:
    """The routes for tests: `/_ledger`, `/_ledger/{site}`, `/_health`, `POST /_reset`, `POST /_fault/{site}`."""

    def __init__(self, ledger: Ledger, sites: Sequence[Site], faults: dict[str, Fault]) -> None:
        self._ledger = ledger
        self._sites = {site.slug: site for site in sites}
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/_health", self.health),
            Route("/_ledger", self.ledger),
            Route("/_ledger/{site}", self.ledger),
            Route("/_reset", self.reset, methods=["POST"]),
            Route("/_fault/{site}", self.fault, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        """Say that the server works, and for whom."""
        return JSONResponse({"status": "ok", "sites": list(self._sites)})

    async def ledger(self, request: Request) -> Response:
        """Return the entries, of all sites or of one."""
        site = request.path_params.get("site")
        if site is not None and site not in self._sites:
            return _no_such_site(site)
        return JSONResponse([entry.as_json() for entry in self._ledger.entries(site)])

    async def reset(self, request: Request) -> Response:
        """Forget all entries, visits and faults."""
        self._ledger.clear()
        self._faults.clear()
        for site in self._sites.values():
            site.reset()
        return JSONResponse({"status": "reset"})

    async def fault(self, request: Request) -> Response:
        """Set the fault of one site; an empty object lifts it."""
        site = request.path_params["site"]
        if site not in self._sites:
            return _no_such_site(site)
        try:
            self._faults[site] = Fault.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse(self._faults[site].model_dump())


def build_app(ledger: Ledger, sites: Sequence[Site]) -> Starlette:
    """Put the sites and the routes for tests behind one app."""
    faults: dict[str, Fault] = {}

    async def index(request: Request) -> Response:
        return HTMLResponse(_index(sites, request.url.port))

    hosts = [Host(f"{site.slug}.localhost", Faulty(site.slug, Router(site.routes()), faults)) for site in sites]
    return Starlette(routes=[*Controls(ledger, sites, faults).routes(), *hosts, Route("/", index)])


def _index(sites: Sequence[Site], port: int | None) -> str:
    rows = "".join(
        f'<li><a href="http://{site.slug}.localhost:{port}{site.submission_path}">{escape(site.name)}</a>'
        f" – made for: {site.designed.state}, {site.designed.reason}</li>"
        for site in sites
    )
    return f"<!doctype html><title>Sample directories</title><h1>Sample directories</h1><ul>{rows}</ul>"


def _no_such_site(site: str) -> Response:
    return JSONResponse({"error": f"there is no sample site {site!r}"}, 404)
