"""What one value of a profile must look like. Each rule takes a value as it came and returns it as it is kept.

A rule raises `Fault` with what is wrong and what is expected, and never repeats the value: it is personal data.
Values are kept as they came, but for phone numbers (E.164), countries (English name), numbers written as text, and
lists, which may come as one text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import HttpUrl, TypeAdapter, ValidationError

from workers.countries import Country, find_country, postal_code_shape

Rule = Callable[[object], object]

# Limits. URL: what browsers and sitemaps.org agree on; path: PATH_MAX of Linux is 4096, no picture needs that much.
URL_LIMIT = 2048
PATH_LIMIT = 1024
_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif", ".bmp", ".ico"})
# Embeddings, overrides and isolates show text in another order than it is stored in. RTL text needs none of them.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\t\n\r\u2028\u2029")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)


class Fault(ValueError):
    """What is wrong with a value; `sentences` holds one for each thing that is."""

    def __init__(self, *sentences: str) -> None:
        self.sentences = sentences
        super().__init__("; ".join(sentences))


def kind(value: object) -> str:
    """Name the JSON type of a value."""
    names = {bool: "true or false", dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def line(limit: int) -> Callable[[object], str]:
    """Build the rule for one line of text of at most `limit` characters."""

    def rule(value: object) -> str:
        text = _text(value, limit)
        if not _BREAKS.isdisjoint(text):
            raise Fault("has a line break or tab; expected one line of text")
        return text

    return rule


def paragraph(limit: int) -> Callable[[object], str]:
    """Build the rule for text of at most `limit` characters that may have line breaks."""
    return lambda value: _text(value, limit)


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise Fault(f"is {kind(value)}; expected text")
    if len(value) > limit:
        raise Fault(f"has {len(value):,} characters; expected at most {limit:,}")
    for character in value:
        if character not in _BREAKS and (name := _forbidden(character)):
            raise Fault(f"has {name} (U+{ord(character):04X}); expected text without it")
    if all(unicodedata.category(character)[0] in "ZCM" for character in value):
        raise Fault("shows nothing; expected text")
    return value


def _forbidden(character: str) -> str | None:
    """Name what Postgres cannot hold or people cannot see, else None."""
    match unicodedata.category(character):
        case "Cc":
            return "a control character"
        case "Cs":
            return "half of a surrogate pair"
        case "Cn" if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
            return "a noncharacter"
        case "Cf" if character in _REORDERING:
            return "an invisible character that reorders text"
    return None


def email(value: object) -> str:
    """Check an e-mail address by its syntax; no DNS is asked."""
    text = line(320)(value)
    try:
        validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError:
        raise Fault("is not an e-mail address; expected name@domain") from None
    return text


def web_address(value: object) -> str:
    """Check a full http or https address with a domain name and without user, password, space or backslash."""
    return _address(value, ("http", "https"))


def _address(value: object, schemes: tuple[str, ...]) -> str:
    text = line(URL_LIMIT)(value)
    expected = f"expected a full address such as {schemes[-1]}://example.com/page"
    if re.search(r"[\s\\]", text):
        raise Fault(f"has a space or backslash; {expected}")
    try:
        scheme, netloc = urlsplit(text)[:2]
        url = _URL.validate_python(text)
    except (ValueError, ValidationError):
        raise Fault(f"is not a web address; {expected}") from None
    if scheme not in schemes or not netloc:
        raise Fault(f"does not begin with {' or '.join(f'{name}://' for name in schemes)}; {expected}")
    if "@" in netloc or url.username is not None:
        raise Fault(f"has a user name or password; {expected}")
    if not _is_domain(url.host or ""):
        raise Fault(f"has no domain name; {expected}")
    return text


def _is_domain(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit() and len(host) <= 253


def picture(value: object) -> str:
    """Check a picture: an https address, or the path of an image file."""
    text = line(URL_LIMIT)(value)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text):
        return _address(text, ("https",))
    if len(text) > PATH_LIMIT:
        raise Fault(f"has {len(text):,} characters; expected a path of at most {PATH_LIMIT:,}")
    if PurePosixPath(text).suffix.lower() not in _IMAGES:
        raise Fault("is not the path of a picture; expected an https address or a path that ends in .png, .jpg, …")
    return text


def phone(country: Country | None, *, is_country_given: bool) -> Callable[[object], str]:
    """Build the rule for phone numbers: international, or national of `country`. They are kept as E.164."""
    expected = "expected an international number such as +1 202 555 0100, or a national one together with `country`"

    def rule(value: object) -> str:
        text = line(40)(value)
        if country is None and is_country_given and not text.lstrip().startswith(("+", "＋")):
            raise Fault(f"cannot be checked because `country` is not valid; {expected}")
        try:
            number = phonenumbers.parse(text, country.code if country else None)
        except phonenumbers.NumberParseException:
            raise Fault(f"is not a phone number; {expected}") from None
        if number.extension:
            raise Fault("has an extension, which a listing cannot carry; expected the number alone")
        if not phonenumbers.is_valid_number(number):
            raise Fault(f"is not a number that {_whose(number, country)} gives out; {expected}")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return rule


def _whose(number: phonenumbers.PhoneNumber, country: Country | None) -> str:
    if country and number.country_code == phonenumbers.country_code_for_region(country.code):
        return country.name
    return f"the country with code +{number.country_code}"


def country_name(value: object) -> str:
    """Check a country and keep its short English name."""
    found = find_country(line(100)(value))
    if found is None:
        raise Fault("is not a country; expected an English name or an ISO 3166 code, such as Germany, DE or DEU")
    return found.name


def postal_code(country: Country | None) -> Callable[[object], str]:
    """Build the rule for postal codes of `country`; lenient when it is not known."""

    def rule(value: object) -> str:
        text = line(16)(value)
        if shape := postal_code_shape(text, country):
            where = f" of {country.name}" if country else ""
            raise Fault(f"is not a postal code{where}; expected {shape}")
        return text

    return rule


def whole_number(low: int, high: int) -> Callable[[object], int]:
    """Build the rule for a whole number, given as such or in ASCII digits."""

    def rule(value: object) -> int:
        number = number_between(low, high)(value)
        if number != int(number):
            raise Fault("is not a whole number")
        return int(number)

    return rule


def number_between(low: float, high: float) -> Callable[[object], float]:
    """Build the rule for a number from `low` to `high`, given as such or in ASCII digits."""

    def rule(value: object) -> float:
        expected = f"expected a number from {low} to {high}"
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,20})?", value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Fault(f"is {kind(value)}; {expected}")
        if not low <= value <= high:  # false for NaN as well
            raise Fault(f"is out of range; {expected}")
        return float(value)

    return rule


def employees(value: object) -> int | str:
    """Check a head count: a number, or text such as `11-50`."""
    if isinstance(value, str):
        return line(40)(value)
    return whole_number(0, 10_000_000)(value)


def price_range(value: object) -> str:
    """Check a price range, `$` to `$$$$`."""
    if value not in ("$", "$$", "$$$", "$$$$"):
        raise Fault("is not a price range; expected $, $$, $$$ or $$$$")
    return str(value)


def texts(rule: Rule, limit: int, *, splits: bool = False) -> Callable[[object], tuple[object, ...]]:
    """Build the rule for a list of at most `limit` texts. One text is a list of one, or is split at commas."""

    def whole(value: object) -> tuple[object, ...]:
        if isinstance(value, str):
            parts = re.split(r"[,;\n]", value) if splits else [value]
            value = [part.strip() if splits else part for part in parts if part.strip()]
        if not isinstance(value, list | tuple):
            raise Fault(f"is {kind(value)}; expected a text or a list of texts")
        if len(value) > limit:
            raise Fault(f"has {len(value)} entries; expected at most {limit}")
        return tuple(each((f"entry {n}", entry, rule) for n, entry in enumerate(value, 1)))

    return whole


def answers(limit: int) -> Callable[[object], dict[str, str]]:
    """Build the rule for at most `limit` free answers, an object of text by question."""

    def rule(value: object) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise Fault(f"is {kind(value)}; expected an object of answers by question")
        if len(value) > limit:
            raise Fault(f"has {len(value)} answers; expected at most {limit}")
        each((f"question {n}", question, line(200)) for n, question in enumerate(value, 1))
        each((f"answer {n}", answer, paragraph(5000)) for n, answer in enumerate(value.values(), 1))
        return dict(value)

    return rule


def each(entries: Iterable[tuple[str, object, Rule]]) -> list[object]:
    """Apply a rule to each named entry; the `Fault` names every entry that is wrong."""
    kept, faults = [], []
    for name, entry, rule in entries:
        try:
            kept.append(rule(entry))
        except Fault as fault:
            faults += [f"{name} {sentence}" for sentence in fault.sentences]
    if faults:
        raise Fault(*faults)
    return kept
