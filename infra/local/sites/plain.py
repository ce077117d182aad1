"""Two forms without tricks: one with proper labels, one whose labels are known by their place only."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.ledger import Entry
from infra.local.sites.site import Site


class Plain(Site):
    """Every field has a label; the answer is a redirect to a page of thanks."""

    slug = "plain"
    name = "Harborlight Business Guide"
    tagline = "Shops and services around the bay"
    submission_path = "/add-listing"
    clutter = frozenset({"search", "newsletter"})
    title_field = "company"
    required = ("company", "url", "email", "description")
    thanks = "Thank you! {business} was submitted to our editors. Your reference is {reference}."

    def routes(self) -> list[BaseRoute]:
        """Add the page of thanks."""
        return [*super().routes(), Route("/thanks/{number:int}", self.show_thanks)]

    def answer(self, entry: Entry) -> Response:
        """Send the visitor on, so that a reload posts nothing."""
        return RedirectResponse(f"/thanks/{entry.number}", status_code=303)

    async def show_thanks(self, request: Request) -> Response:
        """Answer with the confirmation of one listing."""
        found = [e for e in self.ledger.listings(self.slug) if e.number == request.path_params["number"]]
        return super().answer(found[0]) if found else RedirectResponse("/")


class Positional(Site):
    """A table without one label element, and names that say nothing."""

    slug = "positional"
    name = "Yellow Lantern Index"
    tagline = "The web index since 1999"
    submission_path = "/cgi-bin/suggest"
    accent = "#7a6a12"
    clutter = frozenset({"search", "login"})
    title_field = "fld_01"
    required = ("fld_01", "fld_02", "fld_04", "fld_05")
    thanks = "Your site has been added to the review queue. Ticket no. {reference}."
