"""Walls: what stands between us and the form, and what a person has to pass. Recognised, never climbed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workers.forms.choose import Purpose, Understood
from workers.forms.view import PageView
from workers.forms.words import expressions, flatten
from workers.outcome import Reason

_CAPTCHA_FRAMES = ("recaptcha", "hcaptcha", "challenges.cloudflare.com", "captcha", "arkoselabs", "funcaptcha")


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall. `quote` is what the page says or shows."""

    reason: Reason
    quote: str
    is_closed: bool = False  # the page takes nothing from anybody now


def find_walls(view: PageView, forms: Sequence[Understood], chosen: Understood | None) -> list[Wall]:
    """Return the walls in sight: a captcha, a login, a payment, a block."""
    found = [_captcha(view, chosen), _payment(view, forms, chosen), _login(view, forms, chosen), _blocked(view, chosen)]
    return [wall for wall in found if wall]


def _captcha(view: PageView, chosen: Understood | None) -> Wall | None:
    for frame in view.frames:
        for widget in frame.captchas:
            if widget.is_visible:
                return Wall(Reason.CAPTCHA, f"a captcha widget ({widget.kind})")
        for inner in frame.frames:
            if inner.is_visible and inner.width > 60 and any(name in inner.url for name in _CAPTCHA_FRAMES):
                return Wall(Reason.CAPTCHA, f"a captcha frame ({inner.title or inner.url[:80]})")
    for reading in chosen.readings if chosen else ():
        if reading.key == "captcha" and reading.control.is_visible and reading.confidence > 0.7:
            return Wall(Reason.CAPTCHA, reading.control.title)
    return None


def _payment(view: PageView, forms: Sequence[Understood], chosen: Understood | None) -> Wall | None:
    asked = [reading for reading in (chosen.readings if chosen else ()) if reading.key == "payment"]
    shown = [reading for reading in asked if reading.control.is_visible]
    quote = quote_of(view.lines, "walls", "payment")
    if shown:
        return Wall(Reason.PAYMENT_REQUIRED, quote or shown[0].control.title)
    if chosen is None and any(one.purpose is Purpose.PAYMENT for one in forms):
        return Wall(Reason.PAYMENT_REQUIRED, quote or "a form for a payment")
    return None


def _login(view: PageView, forms: Sequence[Understood], chosen: Understood | None) -> Wall | None:
    if chosen is not None:
        passwords = [reading for reading in chosen.readings if reading.key == "password" and reading.control.is_visible]
        return Wall(Reason.LOGIN_REQUIRED, passwords[0].control.title or "a password") if passwords else None
    quote = quote_of(view.lines, "walls", "login")
    if quote or any(one.purpose is Purpose.LOGIN for one in forms):
        return Wall(Reason.LOGIN_REQUIRED, quote or "a form to log in with")
    return None


def _blocked(view: PageView, chosen: Understood | None) -> Wall | None:
    if chosen is not None:
        return None
    if quote := quote_of(view.lines[:40], "walls", "closed"):
        return Wall(Reason.BLOCKED, quote, is_closed=True)
    quote = quote_of(view.lines[:40], "walls", "blocked")
    return Wall(Reason.BLOCKED, quote) if quote else None


def quote_of(lines: Sequence[str], section: str, name: str) -> str:
    """Return the first line that says what the words of a section mean, or an empty text."""
    wanted = expressions(section, name)
    return next((line[:300] for line in lines if wanted.search(flatten(line))), "")
