"""Forms that take more than one page: a wizard, and a preview before the real submit."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.ledger import Ledger
from infra.local.sites.site import Site, read_fields

_COOKIE = "visit"
_VISITS = 1000  # the oldest visit is forgotten then


class Visits:
    """What each visitor has entered so far, by a cookie."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, dict[str, str]] = OrderedDict()

    def open(self, response: Response, fields: Mapping[str, str]) -> None:
        """Begin a visit and give the visitor its cookie."""
        key = secrets.token_urlsafe(12)
        self._visits[key] = dict(fields)
        while len(self._visits) > _VISITS:
            self._visits.popitem(last=False)
        response.set_cookie(_COOKIE, key, httponly=True, samesite="lax")

    def of(self, request: Request) -> dict[str, str] | None:
        """Return what this visitor entered, or None for an unknown one."""
        return self._visits.get(request.cookies.get(_COOKIE, ""))

    def close(self, request: Request) -> None:
        """End this visitor's visit."""
        self._visits.pop(request.cookies.get(_COOKIE, ""), None)

    def clear(self) -> None:
        """Forget all visits."""
        self._visits.clear()


class Wizard(Site):
    """Three steps, each a page and a POST of its own; the server's session holds the earlier answers."""

    slug = "wizard"
    name = "Fernway Partner Network"
    tagline = "Join the regional network"
    submission_path = "/join"
    accent = "#2f6b3f"
    clutter = frozenset({"search", "newsletter"})
    title_field = "org_name"
    thanks = "All done! We have received your application for {business}. Application number: {reference}."
    steps = (("org_name", "org_site"), ("contact_email",), ("about",))

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.visits = Visits()

    def reset(self) -> None:
        """Forget all visits."""
        self.visits.clear()

    def routes(self) -> list[BaseRoute]:
        """Add the second and third step."""
        return [
            *super().routes(),
            Route("/join/step-{step:int}", self.show_step),
            Route("/join/step-{step:int}", self.take_step, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Answer with the first step."""
        return self.page("wizard.html", step=1)

    async def show_step(self, request: Request) -> Response:
        """Answer with a later step, for a visitor who was at the first one."""
        step = int(request.path_params["step"])
        if self.visits.of(request) is None or step not in (2, 3):
            return RedirectResponse(self.submission_path, status_code=303)
        return self.page("wizard.html", step=step)

    async def take(self, request: Request) -> Response:
        """Take the first step."""
        return await self._take(request, 1)

    async def take_step(self, request: Request) -> Response:
        """Take a later step."""
        step = int(request.path_params["step"])
        if self.visits.of(request) is None or step not in (2, 3):
            self.refuse(request, await read_fields(request), "no visit")
            return RedirectResponse(self.submission_path, status_code=303)
        return await self._take(request, step)

    async def _take(self, request: Request, step: int) -> Response:
        fields = await read_fields(request)
        faults = {name: self.missing for name in self.steps[step - 1] if not fields.get(name, "").strip()}
        if faults:
            self.refuse(request, fields, f"step {step}: {', '.join(faults)} missing")
            return self.page("wizard.html", status=422, step=step, values=fields, faults=faults)
        if step < len(self.steps):
            self.refuse(request, fields, f"step {step} of {len(self.steps)}")
            return self._go_on(request, fields, step)
        collected = {**(self.visits.of(request) or {}), **fields}
        self.visits.close(request)
        return self.answer(self.accept(request, collected))

    def _go_on(self, request: Request, fields: Mapping[str, str], step: int) -> Response:
        response = RedirectResponse(f"/join/step-{step + 1}", status_code=303)
        visit = self.visits.of(request)
        if visit is None or step == 1:
            self.visits.open(response, fields)
        else:
            visit.update(fields)
        return response


class Preview(Site):
    """Shows what was entered first; only the button below the preview sends it."""

    slug = "preview"
    name = "Copperfield Trade Pages"
    tagline = "Trades and crafts, checked twice"
    submission_path = "/suggest"
    accent = "#8a4b2b"
    clutter = frozenset({"search"})
    title_field = "trade_name"
    required = ("trade_name", "homepage", "mail", "text")
    thanks = "Your entry has been sent and will appear after review. Receipt: {reference}."

    def routes(self) -> list[BaseRoute]:
        """Add the real submit."""
        return [*super().routes(), Route("/suggest/send", self.send, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Show the preview, which takes nothing yet."""
        fields = await read_fields(request)
        faults = self.faults(fields)
        self.refuse(request, fields, ", ".join(faults) + " missing" if faults else "preview, not sent yet")
        if faults:
            return self.page("preview.html", status=422, values=fields, faults=faults)
        return self.page("preview_shown.html", values=fields)

    async def send(self, request: Request) -> Response:
        """Take what the preview showed."""
        fields = await read_fields(request)
        if self.faults(fields):
            self.refuse(request, fields, "sent without a preview")
            return RedirectResponse(self.submission_path, status_code=303)
        return self.answer(self.accept(request, fields))
