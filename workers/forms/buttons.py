"""Which control sends a form, or leads to its next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.forms.view import Button, Form, FrameView
from workers.forms.words import flatten, fold, kinds_in

_STEPS = re.compile(
    r"\b(?:step|schritt|etape|paso|passo|passaggio|etapa|stap)\s+(\d+)\s*(?:of|von|sur|de|di|van|/)\s*(\d+)\b"
)
_SENDING = frozenset({"submit", "final", "confirm", "next", "preview"})
_GOOD_NAMES = ("submit", "primary", "btn-success", "login", "search", "continue", "next")
_BAD_NAMES = ("cancel", "reset", "secondary", "social", "toggle", "close", "icon-eye")


@dataclass(frozen=True, slots=True)
class Press:
    """The button to press. `is_next` when its words say that it leads to another step, or promise a preview."""

    button: Button
    is_next: bool


def find_press(form: Form, frame: FrameView) -> Press | None:
    """Return what a person would press after filling the form, or None."""
    candidates = form.buttons
    if not any(_kinds(one) & _SENDING for one in candidates) and form.controls:
        last = form.controls[-1].ref + 1
        following = [one for one in frame.loose_buttons if one.position >= last and one.is_visible]
        candidates = (*candidates, *[one for one in following if _kinds(one) & _SENDING][:1])
    ranked = sorted(candidates, key=lambda one: _rank(one, form), reverse=True)
    if not ranked or _rank(ranked[0], form) < 0:
        return None
    best = ranked[0]
    kinds = _kinds(best)
    return Press(best, is_next=bool(kinds & {"next", "preview"}) and "final" not in kinds)


def _kinds(button: Button) -> frozenset[str]:
    return kinds_in("buttons", button.text)


def _rank(button: Button, form: Form) -> float:
    """How much a button looks like the one that sends: its type, its words, its place after the fields."""
    if button.type == "reset" or (not button.is_visible and any(one.is_visible for one in form.buttons)):
        return -5
    rank = _by_words(button, form)
    if button.type in ("submit", "image"):
        rank += 3
    elif button.tag == "a":
        rank -= 1.5
    refs = [control.ref for control in form.controls if control.is_visible and control.type != "checkbox"]
    return rank + (1 if refs and button.position > max(refs) else 0)


def _by_words(button: Button, form: Form) -> float:
    kinds = _kinds(button)
    rank = 0.0 if fold(button.text) else -1.0
    if kinds & {"submit", "final", "confirm"}:
        rank += 2 if button.type == "submit" else 3.5
    if kinds & {"next", "preview"}:
        rank += 1.5
    if "never" in kinds and not kinds & {"final", "confirm", "next"}:
        is_likely = _is_login(form, button) or _is_all_we_have(form, button)
        rank -= 0.5 if is_likely else 2.5 if button.type == "submit" and "submit" in kinds else 6
    names = flatten(" ".join(button.attributes.get(name, "") for name in ("name", "id", "class")))
    rank += any(word in names for word in _GOOD_NAMES)
    return rank - any(word in names for word in _BAD_NAMES)


def _is_login(form: Form, button: Button) -> bool:
    has_password = any(control.type == "password" for control in form.controls)
    return has_password and "login" in kinds_in("purpose", button.text)


def _is_all_we_have(form: Form, button: Button) -> bool:
    return all(one is button or one.type == "reset" for one in form.buttons)


def step_of(lines: Sequence[str]) -> tuple[int, int] | None:
    """Return (step, steps) that some lines speak of, or None."""
    for line in lines:
        found = _STEPS.search(flatten(line))
        if found:
            return int(found[1]), int(found[2])
    return None
