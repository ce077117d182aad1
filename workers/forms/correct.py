"""What a complaint asks for, where it asks for something definite: digits only, a scheme, a length. No guessing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from workers.forms.plan import Entry
from workers.forms.values import MAY_CUT, cut
from workers.forms.view import Control
from workers.forms.words import flatten

_MOST = (
    r"max(?:imum|imal|imo|imaal)?\.?|at most|no more than|up to|less than|longer than|exceed|limit\w*|hochstens|"
    r"au plus|plus de|jusqu.a|hasta|mas de|menos de|piu di|mais de|hoogstens"
)
_SIGNS = r"characters|zeichen|caracteres|caratteri|tekens"
_LIMIT = re.compile(
    rf"(?:{_MOST})\D{{0,25}}(\d{{1,5}})|(\d{{1,5}}) (?:{_SIGNS})[^.]{{0,15}}(?:max|or less|or fewer|limit)"
)
_DIGITS = re.compile(
    r"\b(digits only|only (contain )?(digits|numbers)|numbers only|numeric|digits|nur (ziffern|zahlen)|"
    r"uniquement des chiffres|solo (numeros|digitos|numeri|cifre)|apenas numeros|alleen cijfers)\b"
)
_HTTPS = re.compile(r"https://")
_HTTP = re.compile(r"\bhttp://|\b(include|with|start with|mit|avec|con|com|met) (the )?http")
_WITHOUT = re.compile(r"\b(without|omit|do not include|ohne|sans|sin|senza|sem|zonder)\b[^.]{0,20}\bhttps?\b")
_SLASH = re.compile(r"\b(not|no|without|ohne|sans|sin)\b[^.]{0,30}\bslash|schragstrich")
_INTERNATIONAL = re.compile(r"\b(country code|international format|start with \+|beginn\w* mit \+|indicatif)\b|e\.?164")


def correct(entries: Iterable[Entry], complaints: Iterable[tuple[Control, str]]) -> list[Entry]:
    """Return the entries with the values that the complaints ask for; empty when no value would change."""
    messages: dict[str, list[str]] = {}
    for control, message in complaints:
        messages.setdefault(_name(control), []).append(flatten(message))
    result, has_changed = [], False
    for entry in entries:
        value = entry.value
        if isinstance(value, str) and not entry.is_file and entry.control.tag != "select":
            for message in messages.get(_name(entry.control), []):
                value = _corrected(value, entry.key, message)
        has_changed = has_changed or value != entry.value
        result.append(replace(entry, value=value, shown=str(value)))
    return result if has_changed else []


def _name(control: Control) -> str:
    return control.name or control.attributes.get("id", "") or control.title


def _corrected(value: str, key: str, message: str) -> str:
    if key in ("phone", "fax"):
        if _INTERNATIONAL.search(message) and not _DIGITS.search(message):
            return value if value.startswith("+") else f"+{re.sub(r'[^0-9]', '', value)}"
        return re.sub(r"\D", "", value) if _DIGITS.search(message) else value
    if key in ("website", "facebook", "x", "linkedin", "instagram", "youtube"):
        return _address(value, message)
    limit = _LIMIT.search(message)
    if limit and key in MAY_CUT:
        return cut(value, int(limit[1] or limit[2]))
    return value


def _address(value: str, message: str) -> str:
    bare = re.sub(r"^https?://", "", value)
    if _WITHOUT.search(message):
        value = bare
    elif _HTTPS.search(message) or (_HTTP.search(message) and bare == value):
        value = f"https://{bare}"
    return value.rstrip("/") if _SLASH.search(message) else value
