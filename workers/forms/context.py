"""What a control means beside its neighbours: "Name" next to "First name", a second address line, a second e-mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from workers.forms.classify import Reading, kind_of
from workers.forms.words import find_keys, fold

Readings = list[Reading]
_BARE_NAMES = frozenset(
    {"name", "nom", "nombre", "nome", "naam", "namen", "your name", "ihr name", "votre nom", "su nombre"}
    | {"tu nombre", "uw naam", "je naam", "seu nome"}
)
_LAST_BESIDE_FIRST = frozenset({"name", "nom", "naam", "ihr name", "votre nom", "nachname"})
_FIRST_BESIDE_LAST = frozenset({"nombre", "nome", "nombres", "prenom", "su nombre", "tu nombre", "seu nome", "name"})
_FIRST_LINE = re.compile(r"(address|adresse|line|street|direccion|addr)[ _-]?1\b")
_TITLES = frozenset({"title", "titre", "titel", "titulo", "titolo"})


def in_context(readings: Sequence[Reading], *, is_listing: bool) -> list[Reading]:
    """Read the controls of one form together."""
    result = list(readings)
    for rule in _RULES:
        result = rule(result)
    return _listing_names(result) if is_listing else result


def _has(readings: Readings, key: str) -> bool:
    return any(reading.key == key and reading.control.is_visible for reading in readings)


def _bare(reading: Reading) -> str:
    title = fold(reading.control.title).removesuffix(" required").removesuffix(" optional")
    return title or fold(reading.control.name)


def _change(readings: Readings, where: Callable[[Reading], bool], key: str, why: str) -> Readings:
    return [
        replace(one, key=key, confidence=max(one.confidence, 0.75), why=f"{one.why}; {why}") if where(one) else one
        for one in readings
    ]


def _first_and_last(readings: Readings) -> Readings:
    """A bare "Name" beside a first name is the last name; "Nombre" beside "Apellidos" is the first."""
    has_first, has_last = _has(readings, "contact_first_name"), _has(readings, "contact_last_name")
    if has_first and not has_last:
        return _change(
            readings,
            lambda one: one.key == "contact_name" and _bare(one) in _LAST_BESIDE_FIRST,
            "contact_last_name",
            "beside a first name",
        )
    if has_last and not has_first:
        return _change(
            readings,
            lambda one: one.key == "contact_name" and _bare(one) in _FIRST_BESIDE_LAST,
            "contact_first_name",
            "beside a last name",
        )
    return readings


def _address_lines(readings: Readings) -> Readings:
    """A street field right after a street field is the second line; a third one is nothing of ours."""
    result: Readings = []
    lines = 0
    for place, one in enumerate(readings):
        follows = place > 0 and readings[place - 1].key in ("street_address", "address_line2") and one.control.is_text
        is_told = "autocomplete" in one.why or _FIRST_LINE.search(f"{one.control.title} {one.control.name}".casefold())
        if one.key == "street_address" and follows and lines and not is_told:
            lines += 1
            key = "address_line2" if lines == 2 else "other"
            result.append(replace(one, key=key, why=f"{one.why}; line {lines} of an address"))
            continue
        if one.key in ("street_address", "address_line2"):
            lines = 1 if one.key == "street_address" else 2
        result.append(one)
    return result


def _unnamed_second_line(readings: Readings) -> Readings:
    """A text field without a word, right after the street, is its second line."""
    result: Readings = []
    for one in readings:
        is_bare = (
            one.key is None and kind_of(one.control) == "text" and one.control.is_visible and not one.control.label
        )
        if is_bare and result and result[-1].key == "street_address" and not one.control.before:
            result.append(replace(one, key="address_line2", confidence=0.6, why="nameless, right after the street"))
            continue
        result.append(one)
    return result


def _phone_parts(readings: Readings) -> Readings:
    """Three or two short fields in a row are parts of one number, which we don't fill one by one."""
    result = list(readings)
    for place, one in enumerate(readings):
        row = [other for other in readings[place : place + 3] if other.key in ("phone", None)]
        short = [other for other in row if (other.control.max_length or 99) <= 4 and other.control.is_text]
        if one.key == "phone" and len(short) >= 2 and short[0] is one:
            for offset, part in enumerate(short):
                result[place + offset] = replace(part, key="other", why=f"part {offset + 1} of a phone number")
    return result


def _one_description(readings: Readings) -> Readings:
    """Of two descriptions the one with the smaller limit is the short one."""
    texts = [one for one in readings if one.key == "description" and one.control.is_visible]
    if len(texts) != 2 or _has(readings, "short_description"):
        return readings
    short = min(texts, key=lambda one: (one.control.max_length or 10**6, kind_of(one.control) == "textarea"))
    limit = short.control.max_length
    if limit is None and kind_of(short.control) == "textarea":
        return readings
    return _change(readings, lambda one: one is short, "short_description", "the shorter of two descriptions")


def _house_numbers(readings: Readings) -> Readings:
    """A street beside a field of its own for the house number is a part that no key of a profile stands for."""
    result = list(readings)
    for place, one in enumerate(readings):
        if one.key == "other" and one.control.is_text and _is_house_number(one):
            for near in (place - 1, place - 2):
                if near >= 0 and readings[near].key == "street_address" and "street-address" not in readings[near].why:
                    result[near] = replace(
                        readings[near], key="other", part="street", why="a street without its number"
                    )
                    result[place] = replace(one, part="house_number")
                    break
    return result


def _is_house_number(reading: Reading) -> bool:
    control = reading.control
    texts = ((control.title, False), (control.name, True), (control.attributes.get("id", ""), True))
    return any(hit.phrase in _HOUSE_NUMBERS for text, is_name in texts for hit in find_keys(text, is_name=is_name))


_HOUSE_NUMBERS = frozenset(
    {"house number", "house no", "housenumber", "hausnummer", "hausnr", "haus nr", "huisnummer", "huisnr", "nr"}
    | {"numero", "numero civico", "civico", "numero exterior", "street number", "streetnumber", "building number"}
    | {"numer domu", "nr domu", "numero de rue", "n de rue", "husnummer", "husnr", "houseno", "housenum", "streetno"}
)
_RULES: tuple[Callable[[Readings], Readings], ...] = (
    _first_and_last,
    _house_numbers,
    _address_lines,
    _unnamed_second_line,
    _phone_parts,
    _one_description,
)


def _listing_names(readings: Readings) -> Readings:
    """In a listing's form that never asks for the business, "Name" or "Title" is the business."""
    if not _has(readings, "business_name"):
        bare = [one for one in readings if _bare(one) in _BARE_NAMES | _TITLES and kind_of(one.control) == "text"]
        candidates = [one for one in bare if one.key in ("contact_name", "other", None) and one.control.is_visible]
        has_person = any(one.key == "contact_name" and one not in candidates for one in readings)
        titles = [one for one in candidates if _bare(one) in _TITLES]
        chosen = titles[:1] or (candidates[:1] if has_person or _has(readings, "website") else [])
        if chosen:
            readings = _change(readings, lambda one: one is chosen[0], "business_name", "the name in a listing's form")
    if not _has(readings, "description") and not _has(readings, "short_description"):
        readings = _change(
            readings,
            lambda one: one.key == "message" and kind_of(one.control) == "textarea" and one.control.is_visible,
            "description",
            "the only text in a listing's form",
        )
    return readings
