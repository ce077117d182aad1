"""Countries as people write them, and what a postal code looks like there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pycountry

_ALIASES: Mapping[str, str] = {  # everyday English names that ISO 3166 does not list
    "america": "US",
    "brunei": "BN",
    "cape verde": "CV",
    "czech republic": "CZ",
    "england": "GB",
    "falkland islands": "FK",
    "great britain": "GB",
    "holland": "NL",
    "ivory coast": "CI",
    "northern ireland": "GB",
    "palestine": "PS",
    "russia": "RU",
    "scotland": "GB",
    "swaziland": "SZ",
    "the netherlands": "NL",
    "turkey": "TR",
    "u.k.": "GB",
    "u.s.": "US",
    "u.s.a.": "US",
    "uae": "AE",
    "uk": "GB",
    "wales": "GB",
}

# As the countries' posts publish them (Universal Postal Union, postal addressing systems). "9" is a digit, "A" a
# letter; spaces and hyphens may be left out. A country that is not here is lenient.
_SHAPES: Mapping[str, str] = {
    "999": "IS FO",
    "9999": "AT AU BE BG CH CY DK GE GL HU LI NO NZ PH SI TN ZA",
    "99999": "DE DZ EE ES FI FR GP HR ID IT KE KR KW MA MC ME MQ MX MY PK RE RS SM TH TR UA VA",
    "999999": "BY CN CO EC RO RU SG",
    "9999999": "IL",
    "999 999": "IN",
    "999 99": "CZ GR SE SK",
    "99-999": "PL",
    "999-9999": "JP",
    "9999-999": "PT",
    "9999 AA": "NL",
    "99999-999": "BR",
    "A9A 9A9": "CA",
}
_EXPRESSIONS: Mapping[str, tuple[str, str]] = {  # the shapes that the notation above cannot say
    "US": (r"[0-9]{5}(-[0-9]{4})?", "99999 or 99999-9999"),
    "PR": (r"[0-9]{5}(-[0-9]{4})?", "99999 or 99999-9999"),
    "GB": (r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}|GIR ?0AA", "such as SW1A 1AA"),
    "IE": (r"([AC-FHKNPRTV-Y][0-9]{2}|D6W) ?[0-9AC-FHKNPRTV-Y]{4}", "such as D02 X285"),
    "AR": (r"[0-9]{4}|[A-Z][0-9]{4}[A-Z]{3}", "9999 or A9999AAA"),
    "CL": (r"[0-9]{3}-?[0-9]{4}", "999-9999"),
    "LT": (r"(LT-?)?[0-9]{5}", "LT-99999"),
    "LU": (r"(L-?)?[0-9]{4}", "L-9999"),
    "LV": (r"(LV-?)?[0-9]{4}", "LV-9999"),
    "MT": (r"[A-Z]{3} ?[0-9]{4}", "AAA 9999"),
    "SA": (r"[0-9]{5}(-?[0-9]{4})?", "99999 or 99999-9999"),
    "TW": (r"[0-9]{3}([0-9]{2,3})?", "999, 99999 or 999999"),
    "VN": (r"[0-9]{5,6}", "99999 or 999999"),
}
_LENIENT = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,14}[A-Z0-9]|[A-Z0-9]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Country:
    """A country: its ISO 3166 code of two letters, and its short English name."""

    code: str
    name: str


def find_country(text: str) -> Country | None:
    """Find a country by its English name, official or everyday, or by any of its ISO 3166 codes."""
    name = text.strip()
    try:
        found = pycountry.countries.lookup(_ALIASES.get(name.casefold(), name))
    except LookupError:
        return None
    return Country(found.alpha_2, getattr(found, "common_name", None) or found.name)


def postal_code_shape(code: str, country: Country | None) -> str | None:
    """Return what a postal code of that country looks like when this one does not, else None."""
    if country is None or country.code not in _PATTERNS:
        return None if _LENIENT.fullmatch(code) else "at most 16 letters, digits, spaces and hyphens"
    pattern, shape = _PATTERNS[country.code]
    return None if pattern.fullmatch(code) else shape


def _pattern(shape: str) -> re.Pattern[str]:
    parts = {"9": "[0-9]", "A": "[A-Z]", " ": " ?", "-": "-?"}
    return re.compile("".join(parts[character] for character in shape), re.IGNORECASE)


_PATTERNS: Mapping[str, tuple[re.Pattern[str], str]] = {
    **{code: (_pattern(shape), shape) for shape, codes in _SHAPES.items() for code in codes.split()},
    **{code: (re.compile(text, re.IGNORECASE), shape) for code, (text, shape) in _EXPRESSIONS.items()},
}
