"""Sites whose answer to the POST is not a confirmation: listed already, and friendly for no reason."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from infra.local.sites.site import Designed, Site, read_fields
from workers.model import SubmissionState
from workers.outcome import Reason


class Duplicate(Site):
    """Knows every business already, and says so after the POST."""

    slug = "duplicate"
    name = "Bluebird Local Search"
    tagline = "You are probably here already"
    designed = Designed(SubmissionState.REJECTED, Reason.DUPLICATE_LISTING)
    submission_path = "/claim-or-add"
    accent = "#2b5cb0"
    clutter = frozenset({"search", "login"})
    title_field = "listing_name"
    required = ("listing_name", "listing_website", "listing_email", "listing_text")

    async def take(self, request: Request) -> Response:
        """Refuse every complete form as a duplicate."""
        fields = await read_fields(request)
        faults = self.faults(fields)
        self.refuse(request, fields, ", ".join(faults) + " missing" if faults else "listed already")
        if faults:
            return self.page("duplicate.html", status=422, values=fields, faults=faults)
        return self.page("duplicate_answer.html", values=fields)


class Friendly(Site):
    """Drops what it receives, and smiles."""

    slug = "friendly"
    name = "Sunnyside Pages"
    tagline = "Have a lovely day"
    designed = Designed(SubmissionState.UNKNOWN, Reason.UNCONFIRMED)
    submission_path = "/hello"
    accent = "#b08a1d"
    title_field = "who"
    required = ("who", "where", "mail", "what")

    async def take(self, request: Request) -> Response:
        """Drop every form."""
        self.refuse(request, await read_fields(request), "dropped")
        return self.page("friendly_answer.html")
