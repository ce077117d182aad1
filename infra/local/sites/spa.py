"""A single-page app: a script draws the form, posts JSON and draws the answer; the page never changes."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.ledger import Entry
from infra.local.sites.site import Site

_BODY_LIMIT = 64 * 1024


class Spa(Site):
    """Nothing in its HTML but an empty element and a script."""

    slug = "spa"
    name = "Stackpond"
    tagline = "Discover new products"
    submission_path = "/submit"
    accent = "#4b2b8a"
    clutter = frozenset({"search"})
    title_field = "productName"
    required = ("productName", "link", "makerEmail", "summary")

    def routes(self) -> list[BaseRoute]:
        """Add what the script talks to."""
        return [
            *super().routes(),
            Route("/api/topics", self.topics),
            Route("/api/products", self.take_json, methods=["POST"]),
        ]

    async def topics(self, request: Request) -> Response:
        """Answer with the choices of the form's select."""
        return JSONResponse(["Business services", "Design", "Developer tools", "Food & drink", "Health", "Marketing"])

    async def take_json(self, request: Request) -> Response:
        """Take a product as JSON."""
        fields = _parse(await request.body())
        faults = self.faults(fields)
        if faults:
            self.refuse(request, fields, ", ".join(faults) + " missing")
            return JSONResponse({"errors": faults}, 422)
        entry = self.accept(request, fields)
        return JSONResponse({"id": entry.number, "reference": self.reference(entry), "url": entry.listing}, 201)

    def reference(self, entry: Entry) -> str:
        """Return a reference of this app's kind."""
        return f"pond_{entry.number}"


def _parse(body: bytes) -> dict[str, str]:
    try:
        data = json.loads(body[:_BODY_LIMIT])
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in data.items()} if isinstance(data, dict) else {}
