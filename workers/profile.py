"""A customer's business profile: the data as it shall be listed.

`parse_profile` is the door through which every profile comes in: from a file, the API or a library call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict
from rapidfuzz import fuzz, process

from workers.countries import find_country
from workers.errors import ProfileInvalid
from workers.hours import hours
from workers.values import (
    Fault,
    Rule,
    answers,
    country_name,
    email,
    employees,
    kind,
    line,
    number_between,
    paragraph,
    phone,
    picture,
    postal_code,
    price_range,
    texts,
    web_address,
    whole_number,
)


class Profile(BaseModel):
    """The business data of one order. Build it with `parse_profile`, which names every fault at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    business_name: str
    website: str
    email: str
    description: str
    tagline: str | None = None
    short_description: str | None = None
    phone: str | None = None
    fax: str | None = None
    contact_name: str | None = None
    contact_first_name: str | None = None
    contact_last_name: str | None = None
    contact_title: str | None = None
    street_address: str | None = None
    address_line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    category: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    logo: str | None = None
    image: str | None = None
    hours: dict[str, tuple[tuple[str, str], ...]] | None = None
    year_founded: int | None = None
    employees: int | str | None = None
    price_range: str | None = None
    facebook: str | None = None
    x: str | None = None
    linkedin: str | None = None
    instagram: str | None = None
    youtube: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    vat_number: str | None = None
    message: str | None = None
    extra: dict[str, str] = {}


REQUIRED = ("business_name", "website", "email", "description")
_UNKNOWN_LIMIT = 20  # so many unknown keys are named, the rest is counted
_OTHER_WORDS: Mapping[str, str] = {  # what other systems call a key and spelling cannot tell
    "company_name": "business_name",
    "lat": "latitude",
    "lng": "longitude",
    "lon": "longitude",
    "name": "business_name",
    "photo": "image",
    "province": "state",
    "tel": "phone",
    "town": "city",
    "twitter": "x",
    "url": "website",
    "zip": "postal_code",
    "zip_code": "postal_code",
}


def parse_profile(data: object) -> Profile:
    """Check a profile as it came (decoded JSON) and return it as it is kept.

    Null and blank text count as not given. Raises `ProfileInvalid` with every fault: which key, what is wrong, what is
    expected; never the value, which is personal data.
    """
    if not isinstance(data, Mapping):
        raise ProfileInvalid(_REFUSED, [f"the profile is {kind(data)}; expected an object"])
    given = {key: value for key, value in data.items() if not _is_blank(value)}
    faults = [f"`{key}` is required and was not given" for key in REQUIRED if key not in given]
    values: dict[str, object] = {}
    for key, rule in _rules(given.get("country")).items():
        try:
            if key in given:
                values[key] = rule(given[key])
        except Fault as fault:
            faults += [f"`{key}` {sentence}" for sentence in fault.sentences]
    faults += _one_without_the_other(given) + _unknown_keys([key for key in data if key not in Profile.model_fields])
    if faults:
        raise ProfileInvalid(_REFUSED, faults)
    return Profile.model_validate(values)


_REFUSED = "The profile was refused; nothing was stored:"


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _rules(country: object) -> dict[str, Rule]:
    """One rule for each key. The lengths are ours: more than a form takes, and they bound what a job can weigh."""
    found = find_country(country) if isinstance(country, str) else None
    number = phone(found, is_country_given=country is not None)
    social = dict.fromkeys(("facebook", "x", "linkedin", "instagram", "youtube"), web_address)
    return {
        "business_name": line(200),
        "website": web_address,
        "email": email,
        "description": paragraph(10_000),
        "tagline": line(250),
        "short_description": paragraph(1_000),
        "phone": number,
        "fax": number,
        "contact_name": line(200),
        "contact_first_name": line(100),
        "contact_last_name": line(100),
        "contact_title": line(100),
        "street_address": line(250),
        "address_line2": line(250),
        "city": line(120),
        "state": line(120),
        "postal_code": postal_code(found),
        "country": country_name,
        "category": texts(line(120), 20),
        "keywords": texts(line(80), 50, splits=True),
        "logo": picture,
        "image": picture,
        "hours": hours,
        # The oldest houses still in business date from the eighth century.
        "year_founded": whole_number(500, datetime.now(UTC).year),
        "employees": employees,
        "price_range": price_range,
        **social,
        "latitude": number_between(-90, 90),
        "longitude": number_between(-180, 180),
        "vat_number": line(40),
        "message": paragraph(10_000),
        "extra": answers(50),
    }


def _one_without_the_other(given: Mapping[object, object]) -> list[str]:
    pair = ("latitude", "longitude")
    return [
        f"`{key}` was given without `{other}`; expected both or neither"
        for key, other in (pair, pair[::-1])
        if key in given and other not in given
    ]


def _unknown_keys(keys: list[object]) -> list[str]:
    faults = [f"{key!a:.60} is not a key of a profile; the nearest is `{_nearest(str(key))}`" for key in keys]
    more = len(faults) - _UNKNOWN_LIMIT
    return faults[:_UNKNOWN_LIMIT] + ([f"{more} more keys are unknown"] if more > 0 else [])


def _nearest(key: str) -> str:
    name = key.strip().lower().replace("-", "_").replace(" ", "_")[:60]
    if name in _OTHER_WORDS:
        return _OTHER_WORDS[name]
    return process.extractOne(name, list(Profile.model_fields), scorer=fuzz.WRatio)[0]
