"""What a profile says, as text for one field: fitted to the field's length, pattern and format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby

import phonenumbers
from phonenumbers import PhoneNumberFormat

from workers.countries import find_country
from workers.forms.options import state_texts
from workers.forms.view import Control
from workers.profile import Profile

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def candidates(key: str, profile: Profile, control: Control) -> list[str]:
    """Return every way to say what the profile holds for a key, the most usual first; empty when it holds nothing."""
    special = _SPECIAL.get(key)
    if special:
        return [text for text in special(profile, control) if text]
    value = getattr(profile, key, None)
    if value in (None, (), ""):
        return []
    return [", ".join(map(str, value))] if isinstance(value, tuple) else [_plain(value)]


def _plain(value: object) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def fit(texts: Sequence[str], control: Control, *, may_cut: bool) -> str | None:
    """Return the first text that the field takes; cut the first one when none is short enough and it may be cut."""
    pattern, limit = _pattern(control), control.max_length
    lasting = [text for text in texts if limit is None or len(text) <= limit]
    matching = [text for text in lasting if pattern is None or pattern.fullmatch(text)]
    if matching:
        return matching[0]
    if lasting:
        return lasting[0]  # the page's own check will tell; a pattern in a dialect of its own may well accept it
    return cut(texts[0], limit) if texts and may_cut and limit else None


def _pattern(control: Control) -> re.Pattern[str] | None:
    text = control.attributes.get("pattern", "")
    with suppress(re.error):
        return re.compile(text) if text and len(text) < 300 else None
    return None


def cut(text: str, limit: int) -> str:
    """Cut at the end of a sentence, else of a word; never inside one unless the first word is longer than that."""
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    sentences = [match.end() for match in re.finditer(r"[.!?…](?=\s|$)", head[: limit + 1]) if match.end() <= limit]
    if sentences and sentences[-1] >= limit * 0.4:
        return text[: sentences[-1]]
    end = head.rfind(" ") if text[limit].isalnum() else limit
    return text[: end if end > 0 else limit].rstrip(" ,;:-–—(")


def _description(profile: Profile, control: Control) -> list[str]:
    """Return the description; where it is too long, what is left of it or the short one, whichever says more."""
    limit = control.max_length
    if limit is None or len(profile.description) <= limit:
        return [profile.description]
    texts = [cut(profile.description, limit), profile.short_description or ""]
    return sorted((text for text in texts if len(text) <= limit), key=len, reverse=True)


def _short(profile: Profile, _control: Control) -> list[str]:
    return [profile.short_description or "", profile.tagline or "", cut(profile.description, 200)]


def _message(profile: Profile, _control: Control) -> list[str]:
    return [profile.message or "", profile.description]


def _country(profile: Profile, control: Control) -> list[str]:
    found = find_country(profile.country or "")
    if found is None:
        return [profile.country or ""]
    short = [found.code] if control.max_length in (2, 3) else []
    return [*short, found.name, found.code]


def _state(profile: Profile, control: Control) -> list[str]:
    texts = state_texts(profile.state or "", profile.country) if profile.state else []
    return sorted(texts, key=len) if control.max_length and control.max_length <= 3 else texts


def _phone(key: str) -> Callable[[Profile, Control], list[str]]:
    def texts(profile: Profile, control: Control) -> list[str]:
        value = getattr(profile, key)
        return list(dict.fromkeys(phone_texts(value, profile.country, control))) if value else []

    return texts


def phone_texts(value: str, country: str | None, control: Control) -> Iterator[str]:
    """Yield a number in every usual form; the form of the placeholder first, where there is one."""
    try:
        number = phonenumbers.parse(value, getattr(find_country(country or ""), "code", None))
    except phonenumbers.NumberParseException:
        yield value
        return
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    digits = phonenumbers.national_significant_number(number)
    shape = control.attributes.get("placeholder", "") or control.attributes.get("data-mask", "")
    if re.fullmatch(r"[\d\s().xX_#-]{7,}", shape) and not shape.strip().startswith("+"):
        yield digits if shape.strip("xX_#").isdigit() or not re.search(r"[\s().-]", shape) else national
    if control.type == "number" or control.attributes.get("inputmode") == "numeric":
        yield digits
    yield value if value.startswith("+") else phonenumbers.format_number(number, PhoneNumberFormat.E164)
    yield phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    yield national
    yield re.sub(r"\D+", "-", national).strip("-")
    yield digits
    yield f"{number.country_code}{digits}"
    yield re.sub(r"\D", "", national)


def _contact_name(profile: Profile, _control: Control) -> list[str]:
    whole = " ".join(filter(None, [profile.contact_first_name, profile.contact_last_name]))
    return [profile.contact_name or whole]


def _first_name(profile: Profile, _control: Control) -> list[str]:
    return [profile.contact_first_name or (profile.contact_name or "").partition(" ")[0]]


def _last_name(profile: Profile, _control: Control) -> list[str]:
    return [profile.contact_last_name or (profile.contact_name or "").rpartition(" ")[2]]


def _website(profile: Profile, control: Control) -> list[str]:
    url = profile.website
    bare = re.sub(r"^https?://", "", url)
    shape = control.attributes.get("placeholder", "")
    texts = [url, bare, bare.rstrip("/")]
    return texts[1:] + texts[:1] if shape.startswith("www.") and control.type != "url" else texts


def _hours(profile: Profile, _control: Control) -> list[str]:
    if not profile.hours:
        return []
    spans = [
        (day, ", ".join(f"{a}–{b}" for a, b in profile.hours[day]) or "closed") for day in _DAYS if day in profile.hours
    ]
    rows = []
    for span, days in groupby(spans, key=lambda one: one[1]):
        names = [day.capitalize() for day, _ in days]
        rows.append(f"{names[0]}–{names[-1]} {span}" if len(names) > 1 else f"{names[0]} {span}")
    return ["; ".join(rows)]


def _category(profile: Profile, _control: Control) -> list[str]:
    return list(profile.category[:1])


def _year(profile: Profile, control: Control) -> list[str]:
    if profile.year_founded is None:
        return []
    return [f"{profile.year_founded}-01-01" if control.type == "date" else str(profile.year_founded)]


_SPECIAL: Mapping[str, Callable[[Profile, Control], list[str]]] = {
    "description": _description,
    "short_description": _short,
    "message": _message,
    "country": _country,
    "state": _state,
    "phone": _phone("phone"),
    "fax": _phone("fax"),
    "contact_name": _contact_name,
    "contact_first_name": _first_name,
    "contact_last_name": _last_name,
    "website": _website,
    "hours": _hours,
    "category": _category,
    "year_founded": _year,
}
# Texts that may lose their end; a cut address or e-mail would be a wrong one.
MAY_CUT = frozenset(
    {"description", "short_description", "tagline", "message", "keywords", "business_name", "hours", "contact_title"}
)
