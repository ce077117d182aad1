"""Gives each control a key: a key of the profile, a guard word, or nothing. Every answer says why.

Each signal (autocomplete, type, label, name, placeholder, neighbours) speaks for some keys with some weight; what
several signals say adds up; what the control can hold decides what is possible. `context` has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workers.forms.traps import trap_why
from workers.forms.view import Control
from workers.forms.words import find_keys
from workers.profile import Profile

PROFILE_KEYS = frozenset(Profile.model_fields) - {"extra"}
GUARDS = frozenset(
    ["password", "username", "captcha", "honeypot", "terms", "newsletter", "search", "coupon", "payment", "other"]
)
SURE = 0.5  # least confidence with which a field is filled


@dataclass(frozen=True, slots=True)
class Reading:
    """What a control is taken for. `key` None: nothing speaks for anything.

    `part` is `street` or `house_number` where a form asks for a street address in two fields.
    """

    control: Control
    key: str | None
    confidence: float
    why: str
    part: str = ""


# https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill, and a few words in use beside it
AUTOCOMPLETE: Mapping[str, str] = {
    "name": "contact_name",
    "given-name": "contact_first_name",
    "family-name": "contact_last_name",
    "organization": "business_name",
    "organization-title": "contact_title",
    "street-address": "street_address",
    "address-line1": "street_address",
    "address-line2": "address_line2",
    "address-line3": "other",
    "address-level2": "city",
    "address-level1": "state",
    "address-level3": "other",
    "address-level4": "other",
    "postal-code": "postal_code",
    "country": "country",
    "country-name": "country",
    "url": "website",
    "email": "email",
    "cc-given-name": "contact_first_name",
    "cc-family-name": "contact_last_name",
    "tel": "phone",
    "tel-national": "phone",
    "tel-local": "other",
    "fax": "fax",
    "tel-country-code": "other",
    "tel-area-code": "other",
    "tel-extension": "other",
    "tel-local-prefix": "other",
    "username": "username",
    "one-time-code": "captcha",
    "bday": "other",
    "bday-day": "other",
    "bday-month": "other",
    "bday-year": "other",
    "sex": "other",
    "nickname": "username",
    "additional-name": "other",
    "honorific-prefix": "other",
    "honorific-suffix": "other",
    "language": "other",
    "photo": "image",
    "transaction-amount": "other",
}
_TYPES: Mapping[str, tuple[str, float]] = {
    "email": ("email", 0.8),
    "tel": ("phone", 0.6),
    "url": ("website", 0.55),
    "search": ("search", 0.6),
}
_GUARDED = frozenset({"captcha", "honeypot", "username", "payment", "coupon", "search", "other", "password"})
_ADDRESS = frozenset({"country", "state", "city"})
_CHOICES = _ADDRESS | {"category", "employees", "price_range", "year_founded", "keywords", "payment", "other", "search"}
POSSIBLE: Mapping[str, frozenset[str]] = {  # what each kind of control can hold
    "select": _CHOICES | {"contact_title", "newsletter", "coupon", "postal_code", "hours"},
    "checkbox": frozenset({"terms", "newsletter", "category", "other", "honeypot", "captcha"}),
    "radio": frozenset({"category", "employees", "price_range", "payment", "newsletter", "terms", "other"}),
    "file": frozenset({"logo", "image", "other"}),
    "textarea": frozenset(
        {"description", "short_description", "tagline", "message", "keywords", "hours", "street_address", "category"}
        | {"captcha", "honeypot", "other", "contact_title", "search"}
    ),
    "email": frozenset({"email", "username", "other", "honeypot", "search", "captcha"}),
    "tel": frozenset({"phone", "fax", "postal_code", "vat_number", "year_founded", "employees"} | _GUARDED),
    "url": frozenset({"website", "facebook", "x", "linkedin", "instagram", "youtube", "logo", "image"} | _GUARDED),
    "number": frozenset(
        {"phone", "fax", "postal_code", "year_founded", "employees", "latitude", "longitude"} | _GUARDED
    )
    | {"vat_number"},
    "date": frozenset({"year_founded", "other", "payment"}),
}
_KINDS = {"month": "date", "week": "date", "time": "date", "datetime-local": "date", "range": "number", "color": "date"}
_NO_TEXT = frozenset({"terms", "newsletter", "logo", "image"})


def kind_of(control: Control) -> str:
    """Return what kind of control it is: `select`, `textarea`, or the type of an input."""
    if control.tag in ("select", "textarea"):
        return control.tag
    if control.tag != "input":
        return "textarea"
    return _KINDS.get(control.type, control.type or "text")


def classify(control: Control) -> Reading:
    """Read one control by itself."""
    kind = kind_of(control)
    if kind == "password":
        return Reading(control, "password", 0.99, "type=password")
    if why := trap_why(control):
        return Reading(control, "honeypot", 0.95, why)
    token = _autocomplete(control)
    if token and (key := _of_token(token)) and _can_hold(kind, key) and not _is_misused(control, key):
        return Reading(control, key, 0.97, f"autocomplete={token}")
    scores: dict[str, float] = {}
    reasons: dict[str, list[str]] = {}
    for key, weight, why in _voices(control, kind):
        if _can_hold(kind, key):
            scores[key] = 1 - (1 - scores.get(key, 0.0)) * (1 - weight)
            reasons.setdefault(key, []).append(why)
    if not scores:
        return Reading(control, None, 0.0, "nothing names it")
    first, second = [*sorted(scores.values(), reverse=True), 0.0][:2]
    best = max(scores, key=lambda key: scores[key])
    return Reading(control, best, round(max(0.05, first - 0.25 * second), 3), ", ".join(reasons[best][:3]))


def _is_misused(control: Control, key: str) -> bool:
    """Whether the label denies the autocomplete token: "User name or e-mail", or a house number as a second line."""
    words = (control.label, control.attributes.get("aria-label", ""), control.attributes.get("placeholder", ""))
    said = [hit for text in words for hit in find_keys(text)[:1]]
    if key == "address_line2":
        return any(hit.key == "other" and hit.strength > 0.9 for hit in said)
    is_bare = " " not in control.attributes.get("autocomplete", "").strip()
    return key in ("email", "phone") and is_bare and any(hit.key == "username" and " " in hit.phrase for hit in said)


def _can_hold(kind: str, key: str) -> bool:
    possible = POSSIBLE.get(kind)
    return key in possible if possible is not None else key not in _NO_TEXT


def _autocomplete(control: Control) -> str:
    words = control.attributes.get("autocomplete", "").casefold().split()
    return words[-1] if words and words[-1] not in ("on", "off", "false", "nope", "true") else ""


def _of_token(token: str) -> str | None:
    return AUTOCOMPLETE.get(token) or ("payment" if token.startswith("cc-") else None)


def _voices(control: Control, kind: str) -> Iterator[tuple[str, float, str]]:
    """Yield (key, weight, why) for everything that speaks for a key."""
    if kind == "select" and _has_calling_codes(control):
        yield "other", 0.98, "options are calling codes"
    if kind in _TYPES:
        key, weight = _TYPES[kind]
        yield key, weight, f"type={kind}"
    for source, weight, text in _texts(control):
        is_name = source in ("name", "id")
        told: set[str] = set()
        for hit in find_keys(text, is_name=is_name):
            # A field to type into that speaks of a newsletter wants the address for it.
            key = "email" if hit.key == "newsletter" and kind in ("text", "email") else hit.key
            if key not in told:
                told.add(key)
                yield key, hit.strength * weight * (0.7 if key != hit.key else 1), f"{source} “{text[:60]}”"


def _has_calling_codes(control: Control) -> bool:
    texts = [option.text for option in control.options[1:40]]
    return len(texts) > 2 and sum(bool(re.search(r"\+\s?\d", text)) for text in texts) > len(texts) / 2


def _texts(control: Control) -> Iterator[tuple[str, float, str]]:
    """Yield (source, weight, text), the sources that people see first."""
    attributes = control.attributes
    seen = [("label", 1.0, control.label), ("labelled by", 1.0, control.labelled_by)]
    seen += [("aria-label", 0.95, attributes.get("aria-label", "")), ("placeholder", 0.85, _placeholder(control))]
    has_label = any(text for _, _, text in seen[:3])
    if not has_label and control.is_tick:
        seen += [("text after", 0.9, control.after), ("group", 0.6, control.legend)]
    elif not has_label:
        nearest = control.before[-1] if control.before else ""
        seen += [("text before", 0.85, nearest), ("cell above", 0.5, control.above if not nearest else "")]
    seen += [("title", 0.7, attributes.get("title", "")), ("name", 0.85, control.name), ("id", 0.7, _id(control))]
    if control.is_tick and control.legend and has_label:
        seen.append(("group", 0.5, control.legend))
    yield from ((source, weight, text) for source, weight, text in seen if text)


def _placeholder(control: Control) -> str:
    text = control.attributes.get("placeholder", "")
    if text or control.tag != "select":
        return text
    first = next(iter(control.options), None)  # "Select a state"
    return first.text if first and (not first.value or len(first.text) > 3) and len(control.options) > 1 else ""


def _id(control: Control) -> str:
    """Return the id unless it only repeats the name."""
    own = control.attributes.get("id", "")
    return "" if own == control.name and control.name else own
