"""Reads what a directory answers to its own scripts: JSON with a message, errors, or a word about success."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workers.forms.exchange import Answer


def bodies_of(answers: Sequence[Answer]) -> Iterator[Mapping[str, Any]]:
    """Yield the answers that are JSON objects."""
    for one in answers:
        try:
            body = json.loads(one.body) if one.body else None
        except ValueError:
            continue
        if isinstance(body, dict):
            yield body


def texts_of(answers: Sequence[Answer]) -> list[str]:
    """Return what the answers say in words."""
    names = ("message", "error", "detail", "title", "status", "reason", "msg")
    return [text for body in bodies_of(answers) for name in names if isinstance(text := body.get(name), str)]


def errors_of(answers: Sequence[Answer]) -> list[str]:
    """Return what the answers complain about; not empty when one of them says that it is no success."""
    found: list[str] = []
    for body in bodies_of(answers):
        errors = body.get("errors") or body.get("error")
        if isinstance(errors, Mapping):
            found += [f"{name}: {_text(text)}" for name, text in errors.items()]
        elif isinstance(errors, list):
            found += [_text(text) for text in errors]
        elif isinstance(errors, str):
            found.append(errors)
        if body.get("success") is False or body.get("ok") is False:
            found.append(_text(body.get("message", "the answer says: no success")))
    return found


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
