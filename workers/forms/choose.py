"""Understands every form of a page: what it is for, what its controls are, what sends it; and which one is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from workers.forms.buttons import Press, find_press
from workers.forms.classify import PROFILE_KEYS, SURE, Reading, classify
from workers.forms.context import in_context
from workers.forms.view import Form, FrameView, PageView
from workers.forms.words import kinds_in


class Purpose(StrEnum):
    """What a form is for."""

    LISTING = "listing"
    CONTACT = "contact"
    REGISTRATION = "registration"
    CONFIRM = "confirm"  # nothing to enter, something to confirm: the page after a preview
    LOGIN = "login"
    SEARCH = "search"
    NEWSLETTER = "newsletter"
    COMMENT = "comment"
    PAYMENT = "payment"
    OTHER = "other"

    @property
    def is_ours(self) -> bool:
        """Whether a listing may be sent with such a form."""
        return self in (Purpose.LISTING, Purpose.CONTACT, Purpose.REGISTRATION, Purpose.OTHER)


# How much a field speaks for a listing's form: what only such a form asks weighs most.
_WEIGHTS = {
    "business_name": 4.0,
    "website": 2.5,
    "description": 2.5,
    "short_description": 2.0,
    "category": 2.0,
    "keywords": 1.5,
    "tagline": 1.5,
    "logo": 1.5,
    "hours": 1.5,
    "year_founded": 1.0,
    "message": 0.7,
}
_LISTING_ONLY = frozenset(
    {"business_name", "website", "description", "short_description", "category", "keywords", "tagline"}
)
LEAST = 1.5  # least score of a form that is worth filling


@dataclass(frozen=True, slots=True)
class Understood:
    """One form as it is understood."""

    form: Form
    purpose: Purpose
    readings: tuple[Reading, ...]
    press: Press | None
    score: float

    def fills(self, reading: Reading) -> bool:
        """Whether a value is put in when the profile has one."""
        control = reading.control
        is_usable = control.is_visible and not control.is_disabled and not control.is_readonly
        is_known = (reading.key in PROFILE_KEYS and reading.confidence >= SURE) or reading.part != ""
        return self.purpose.is_ours and is_usable and is_known


def understand(view: PageView) -> list[Understood]:
    """Understand every form that has controls or buttons, in the order of the page."""
    return [_understand(form, frame) for frame in view.frames for form in frame.forms if form.controls or form.buttons]


def choose(forms: Sequence[Understood], *, is_under_way: bool = False) -> Understood | None:
    """Return the form to fill, or None. With `is_under_way` a step was sent before: less is enough then."""
    ours = [one for one in forms if one.purpose.is_ours and one.score >= (0.5 if is_under_way else LEAST)]
    if ours:
        return max(ours, key=lambda one: one.score)
    confirming = [one for one in forms if one.purpose is Purpose.CONFIRM]
    return confirming[0] if is_under_way and confirming else None


def _understand(form: Form, frame: FrameView) -> Understood:
    alone = [classify(control) for control in form.controls]
    hint = _spoken(form)
    headline = _spoken_by(" ".join([frame.title, *frame.lines[:1], _headings(frame, form)]))
    keys = {one.key for one in alone if one.control.is_visible}
    is_listing = "listing" in hint | headline or len(keys & _LISTING_ONLY) >= 2
    readings = tuple(in_context(alone, is_listing=is_listing))
    shown = [one for one in readings if one.control.is_visible and one.key != "honeypot"]
    purpose = _purpose(_Look(form, shown, hint, headline))
    return Understood(form, purpose, readings, find_press(form, frame), _score(readings, hint | headline, purpose))


def _spoken(form: Form) -> frozenset[str]:
    names = " ".join(form.attributes.get(name, "") for name in ("id", "name", "class", "action", "aria-label", "title"))
    words = [form.heading, names.replace("-", " ").replace("_", " "), *(button.text for button in form.buttons)]
    return frozenset().union(*map(_spoken_by, words), _spoken_by(form.text[:300]))


def _spoken_by(text: str) -> frozenset[str]:
    return kinds_in("purpose", text[:400])


def _headings(frame: FrameView, form: Form) -> str:
    return " ".join({form.heading, *(control.heading for control in form.controls[:1])}) or frame.title


@dataclass(frozen=True, slots=True)
class _Look:
    """What a purpose is judged by. `hint` are the words of the form itself, `headline` those of the page."""

    form: Form
    shown: Sequence[Reading]
    hint: frozenset[str]
    headline: frozenset[str]

    @property
    def keys(self) -> list[str | None]:
        return [one.key for one in self.shown]

    @property
    def typed(self) -> int:
        return sum(one.control.is_text for one in self.shown)

    @property
    def own(self) -> int:
        return len(set(self.keys) & _LISTING_ONLY)


def _purpose(look: _Look) -> Purpose:
    return next((purpose for rule in _RULES if (purpose := rule(look))), Purpose.OTHER)


def _nothing_to_enter(look: _Look) -> Purpose | None:
    if look.typed or any(one.control.tag == "select" or one.control.type == "file" for one in look.shown):
        return None
    return Purpose.CONFIRM if look.form.buttons and not look.shown else Purpose.OTHER


def _search(look: _Look) -> Purpose | None:
    if look.form.attributes.get("role") == "search" or (look.typed <= 2 and "search" in look.keys):
        return Purpose.SEARCH
    is_alone = look.typed == 1 and not set(look.keys) & {"business_name", "email", "website"}
    return Purpose.SEARCH if is_alone and "search" in look.hint else None


def _account(look: _Look) -> Purpose | None:
    if "password" in look.keys:
        is_new = look.keys.count("password") > 1 or look.typed > 3 or look.own
        return Purpose.REGISTRATION if is_new else Purpose.LOGIN
    is_login = look.typed == 1 and "login" in look.hint and bool({"username", "email"} & set(look.keys))
    return Purpose.LOGIN if is_login else None


def _payment(look: _Look) -> Purpose | None:
    return Purpose.PAYMENT if "payment" in look.keys and look.own < 2 else None


def _newsletter(look: _Look) -> Purpose | None:
    is_small = "email" in look.keys and look.typed <= 3 and set(look.keys) <= _NEWSLETTER
    leads_on = any("next" in kinds_in("buttons", button.text) for button in look.form.buttons)
    # A lone address with a button is asked for by a newsletter, or by a wizard's step.
    is_lone = look.typed == 1 and not leads_on and not look.hint & {"listing", "contact"}
    return Purpose.NEWSLETTER if is_small and (is_lone or "newsletter" in look.hint) else None


def _comment(look: _Look) -> Purpose | None:
    is_comment = "comment" in look.hint and "message" in look.keys and look.own <= 1
    return Purpose.COMMENT if is_comment and "business_name" not in look.keys else None


def _listing(look: _Look) -> Purpose | None:
    is_told = "listing" in look.hint or ("listing" in look.headline and (look.own or look.typed >= 2))
    return Purpose.LISTING if is_told or look.own >= 2 else None


def _contact(look: _Look) -> Purpose | None:
    return Purpose.CONTACT if "message" in look.keys or "contact" in look.hint else None


def _registration(look: _Look) -> Purpose | None:
    return Purpose.REGISTRATION if "registration" in look.hint else None


_NEWSLETTER = frozenset(
    {"email", "contact_name", "contact_first_name", "contact_last_name", "newsletter", "terms", None, "other"}
)
_RULES = (
    _nothing_to_enter,
    _search,
    _account,
    _payment,
    _newsletter,
    _comment,
    _listing,
    _contact,
    _registration,
)


def _score(readings: Sequence[Reading], words: frozenset[str], purpose: Purpose) -> float:
    sure = [one for one in readings if one.control.is_visible and one.confidence >= SURE and one.key in PROFILE_KEYS]
    keys = {one.key for one in sure if one.key}
    score = sum(_WEIGHTS.get(key, 1.0) for key in keys)
    if "listing" in words:
        score *= 1.3
    return score if purpose is not Purpose.OTHER else score * 0.8
