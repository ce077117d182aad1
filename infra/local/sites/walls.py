"""Sites that ask for what only a person can give: a captcha, an account, money."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.site import Designed, Site, read_fields
from workers.model import SubmissionState
from workers.outcome import Reason


class Captcha(Site):
    """A widget as people know it, in sight before anything is filled; it is a fake and never gives a token."""

    slug = "captcha"
    name = "Granite City Listings"
    tagline = "Verified by humans"
    designed = Designed(SubmissionState.NEEDS_HUMAN, Reason.CAPTCHA)
    submission_path = "/add-business"
    accent = "#555"
    clutter = frozenset({"search"})
    title_field = "business"
    required = ("business", "site", "email", "about", "g-recaptcha-response")
    missing = "Please confirm that you are not a robot."

    def routes(self) -> list[BaseRoute]:
        """Add the widget's frame."""
        return [*super().routes(), Route("/recaptcha/anchor", self.widget)]

    async def widget(self, request: Request) -> Response:
        """Answer with the widget, whose box can't be ticked."""
        return HTMLResponse(
            "<!doctype html><title>reCAPTCHA</title><style>body{margin:8px;font:14px sans-serif}</style>"
            '<span role="checkbox" aria-checked="false" id="recaptcha-anchor">☐</span> I\'m not a robot'
        )


class Login(Site):
    """Its form is for members only: whoever asks for it is sent to the login."""

    slug = "login"
    name = "Northgate Members Directory"
    tagline = "By members, for members"
    designed = Designed(SubmissionState.NEEDS_HUMAN, Reason.LOGIN_REQUIRED)
    submission_path = "/listings/new"
    accent = "#1d4f5c"
    title_field = "name"

    def routes(self) -> list[BaseRoute]:
        """Add the login."""
        return [
            *super().routes(),
            Route("/login", self.show_login),
            Route("/login", self.take_login, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Send everybody to the login."""
        return RedirectResponse(f"/login?next={self.submission_path}", status_code=302)

    async def take(self, request: Request) -> Response:
        """Refuse what comes without a login."""
        self.refuse(request, await read_fields(request), "not logged in")
        return RedirectResponse(f"/login?next={self.submission_path}", status_code=303)

    async def show_login(self, request: Request) -> Response:
        """Answer with the login's form."""
        return self.page("login.html", wrong=False)

    async def take_login(self, request: Request) -> Response:
        """Refuse every login: there are no accounts here."""
        self.refuse(request, await read_fields(request), "login, not the listing's form")
        return self.page("login.html", status=401, wrong=True)


class Payment(Site):
    """The price and the card's fields stand in the form itself."""

    slug = "payment"
    name = "Crown Quarter Premium Guide"
    tagline = "Premium places only"
    designed = Designed(SubmissionState.NEEDS_HUMAN, Reason.PAYMENT_REQUIRED)
    submission_path = "/get-listed"
    accent = "#6b1f3a"
    title_field = "bizname"
    required = ("bizname", "bizurl", "bizmail", "cardnumber", "exp-date", "cvc")
    missing = "Payment details are required."


class Checkout(Site):
    """The form is free to fill; the price comes after it, and without payment nothing is listed."""

    slug = "checkout"
    name = "Silverline Vendor Book"
    tagline = "Vendors for every event"
    designed = Designed(SubmissionState.NEEDS_HUMAN, Reason.PAYMENT_REQUIRED)
    submission_path = "/vendors/add"
    accent = "#3a3a6b"
    clutter = frozenset({"newsletter"})
    title_field = "vendor"
    required = ("vendor", "vendor_url", "vendor_email", "vendor_about")

    def routes(self) -> list[BaseRoute]:
        """Add the till."""
        return [*super().routes(), Route("/checkout/pay", self.pay, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Put the form aside until it is paid for."""
        fields = await read_fields(request)
        faults = self.faults(fields)
        self.refuse(request, fields, ", ".join(faults) + " missing" if faults else "awaiting payment")
        if faults:
            return self.page("checkout.html", status=422, values=fields, faults=faults)
        return self.page("checkout_till.html", values=fields)

    async def pay(self, request: Request) -> Response:
        """Decline every card."""
        self.refuse(request, await read_fields(request), "card declined")
        return self.page("checkout_till.html", status=402, values={}, declined=True)
