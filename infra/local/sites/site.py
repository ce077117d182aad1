"""What all sample sites share: their pages, the reading of a form, and the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.ledger import Entry, Ledger
from workers.model import SubmissionState
from workers.outcome import Reason

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=ChainableUndefined
)


class Designed(NamedTuple):
    """The outcome that a site was made for, given a complete profile."""

    state: SubmissionState
    reason: Reason


TAKES_IT = Designed(SubmissionState.SUBMITTED, Reason.CONFIRMED)


class Site:
    """A sample directory with a form at `submission_path` that posts to the same path.

    A site of its own kind overrides the step in which it differs: `show`, `take`, `faults` or `answer`.
    """

    slug: ClassVar[str]
    name: ClassVar[str]
    tagline: ClassVar[str]
    designed: ClassVar[Designed] = TAKES_IT
    submission_path: ClassVar[str] = "/add"
    language: ClassVar[str] = "en"
    accent: ClassVar[str] = "#2b5c8a"
    clutter: ClassVar[frozenset[str]] = frozenset()  # of `search`, `newsletter`, `login`: forms beside the real one
    title_field: ClassVar[str]  # what this form calls the business name
    required: ClassVar[tuple[str, ...]] = ()
    missing: ClassVar[str] = "Please fill in this field."
    thanks: ClassVar[str] = "Thank you! Your listing was received. Your reference is {reference}."

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def routes(self) -> list[BaseRoute]:
        """Return the routes of this site."""
        return [
            Route("/", self.home),
            Route("/robots.txt", self.robots),
            Route("/search", self.search),
            Route("/listing/{number:int}", self.listing),
            Route("/newsletter", self.take_something_else, methods=["POST"]),
            Route("/signin", self.take_something_else, methods=["POST"]),
            Route(self.submission_path, self.show),
            Route(self.submission_path, self.take, methods=["POST"]),
        ]

    def reset(self) -> None:
        """Forget what this site remembers besides the ledger."""

    async def show(self, request: Request) -> Response:
        """Answer with the empty form."""
        return self.page(f"{self.slug}.html")

    async def take(self, request: Request) -> Response:
        """Judge a posted form, note it, answer."""
        fields = await read_fields(request)
        faults = self.faults(fields)
        if faults:
            self.refuse(request, fields, "; ".join(f"{name}: {text}" for name, text in faults.items()))
            return self.page(f"{self.slug}.html", status=422, values=fields, faults=faults)
        return self.answer(self.accept(request, fields))

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Return what is wrong with a posted form, by the name of the field."""
        return {name: self.missing for name in self.required if not fields.get(name, "").strip()}

    def answer(self, entry: Entry) -> Response:
        """Answer to an accepted form."""
        return self.page("confirmed.html", entry=entry, thanks=self.thanks_for(entry))

    def thanks_for(self, entry: Entry) -> str:
        """Return the sentence that confirms one accepted form."""
        return self.thanks.format(reference=self.reference(entry), business=self.title_of(entry))

    def reference(self, entry: Entry) -> str:
        """Return the reference that the site gives to an accepted form."""
        initials = "".join(word[0] for word in self.name.split() if word[0].isupper())
        return f"{initials}-{entry.number}"

    def title_of(self, entry: Entry) -> str:
        """Return the business name of an entry."""
        return entry.fields.get(self.title_field, "")

    def accept(self, request: Request, fields: Mapping[str, str], why: str = "complete") -> Entry:
        """Note a form that becomes a listing."""
        return self.ledger.note(self.slug, request.url.path, fields, why, is_accepted=True)

    def refuse(self, request: Request, fields: Mapping[str, str], why: str) -> Entry:
        """Note a POST that does not become a listing."""
        return self.ledger.note(self.slug, request.url.path, fields, why, is_accepted=False)

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Render a template in this site's shell."""
        return HTMLResponse(_PAGES.get_template(template).render(site=self, **values), status)

    async def home(self, request: Request) -> Response:
        """Answer with the newest listings."""
        return self.page("home.html", listings=self.ledger.listings(self.slug)[-20:], heading=None)

    async def search(self, request: Request) -> Response:
        """Answer with the listings whose business name holds the text asked for."""
        wanted = request.query_params.get("q", "").strip().casefold()
        found = [entry for entry in self.ledger.listings(self.slug) if wanted in self.title_of(entry).casefold()]
        return self.page("home.html", listings=found[-20:], heading=f"Results for “{wanted}”")

    async def listing(self, request: Request) -> Response:
        """Answer with one listing."""
        found = [e for e in self.ledger.listings(self.slug) if e.number == request.path_params["number"]]
        if not found:
            return self.page("home.html", status=404, listings=[], heading="No such listing")
        return self.page("listing.html", entry=found[0])

    async def robots(self, request: Request) -> Response:
        """Allow everything but the server's own routes."""
        return PlainTextResponse("User-agent: *\nDisallow: /_\n")

    async def take_something_else(self, request: Request) -> Response:
        """Take the newsletter's or the login's form, which is no listing."""
        self.refuse(request, await read_fields(request), "not the listing's form")
        return RedirectResponse("/", status_code=303)


async def read_fields(request: Request) -> dict[str, str]:
    """Read a posted form, urlencoded or multipart; a file is told by its name, type and size."""
    fields: dict[str, list[str]] = {}
    async with request.form(max_files=10, max_fields=200, max_part_size=1024 * 1024) as form:
        for name, value in form.multi_items():
            fields.setdefault(name, []).append(_text(value))
    return {name: "; ".join(values) for name, values in fields.items()}


def _text(value: UploadFile | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value.filename} ({value.content_type}, {value.size} bytes)" if value.filename else ""
