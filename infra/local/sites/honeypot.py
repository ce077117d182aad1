"""A form with traps for fillers that don't look: whoever fills one is thanked like anybody, and discarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from starlette.requests import Request

from infra.local.sites.ledger import Entry
from infra.local.sites.site import Site


class Honeypot(Site):
    """Each trap is hidden in another way; the last one is in sight and asks to be left empty."""

    slug = "honeypot"
    name = "Willowbrook Town Pages"
    tagline = "No spam since 2003"
    submission_path = "/add-site"
    accent = "#6b2f6b"
    clutter = frozenset({"search"})
    title_field = "organisation"
    required = ("organisation", "link", "contact", "details")
    thanks = "Thank you for your submission! It will be published after review. Reference: {reference}."
    traps: ClassVar[tuple[str, ...]] = ("website", "email", "phone", "company", "address", "comments", "fullname")

    def accept(self, request: Request, fields: Mapping[str, str], why: str = "complete") -> Entry:
        """Note a form, as refused when it fell into a trap; the visitor is not told."""
        sprung = [name for name in self.traps if fields.get(name)]
        if sprung:
            return self.refuse(request, fields, f"trap: {', '.join(sprung)}")
        return super().accept(request, fields, why)
