"""Sites with trouble on the line: slow, failing at first, gone after the POST, broken after it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from infra.local.sites.ledger import Entry, Ledger
from infra.local.sites.site import Designed, Site, read_fields
from workers.model import SubmissionState
from workers.outcome import Reason

SLOWNESS = timedelta(seconds=2)


class Slow(Site):
    """Takes its time over the page and over the answer."""

    slug = "slow"
    name = "Old Mill Almanac"
    tagline = "Good things take time"
    submission_path = "/entry"
    accent = "#5c4a1d"
    title_field = "title"
    required = ("title", "web", "email", "body")
    thanks = "Thanks for your patience. Your entry was saved under number {reference}."

    async def show(self, request: Request) -> Response:
        """Show the form, late."""
        await asyncio.sleep(SLOWNESS.total_seconds())
        return await super().show(request)

    async def take(self, request: Request) -> Response:
        """Take the form, late."""
        await asyncio.sleep(SLOWNESS.total_seconds())
        return await super().take(request)


class Flaky(Site):
    """Answers 500 to the first who asks for its form after a start or a reset, and works from then on."""

    slug = "flaky"
    name = "Driftwood Town List"
    tagline = "Everything in town"
    submission_path = "/add-url"
    accent = "#1d5c3a"
    clutter = frozenset({"search"})
    title_field = "site_title"
    required = ("site_title", "site_url", "owner_email", "site_description")
    thanks = "Success! Your site was submitted for review. Confirmation code: {reference}."

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.has_failed = False

    def reset(self) -> None:
        """Fail again."""
        self.has_failed = False

    async def show(self, request: Request) -> Response:
        """Fail once."""
        if not self.has_failed:
            self.has_failed = True
            return PlainTextResponse("Internal Server Error", 500)
        return await super().show(request)


class Closes(Site):
    """Takes the form, then closes the connection without a word."""

    slug = "closes"
    name = "Ravenhill Register"
    tagline = "The county's register"
    designed = Designed(SubmissionState.UNKNOWN, Reason.UNCONFIRMED)
    submission_path = "/register"
    accent = "#3a3a3a"
    title_field = "regname"
    required = ("regname", "regurl", "regmail", "regtext")

    async def take(self, request: Request) -> Response:
        """Take the form and hang up."""
        fields = await read_fields(request)
        faults = self.faults(fields)
        if faults:
            self.refuse(request, fields, ", ".join(faults) + " missing")
            return self.page("closes.html", status=422, values=fields, faults=faults)
        self.accept(request, fields, "complete; hung up")
        cast("asyncio.Transport", request.state.transport).close()
        return Response(status_code=204)  # goes nowhere: the connection is closed


class Broken(Site):
    """Takes the form, then fails over its answer."""

    slug = "broken"
    name = "Bridgewater Index"
    tagline = "Both sides of the river"
    designed = Designed(SubmissionState.UNKNOWN, Reason.UNCONFIRMED)
    submission_path = "/new"
    accent = "#7a2b2b"
    title_field = "company_name"
    required = ("company_name", "company_url", "company_email", "company_info")

    def answer(self, entry: Entry) -> Response:
        """Fail, though the entry is kept."""
        return self.page("broken_answer.html", status=500)
