"""Honeypots: fields that no person sees or that ask to be left empty. Whoever fills one is thrown away silently."""

from __future__ import annotations

from workers.forms.view import Control
from workers.forms.words import find_keys

# Ways of hiding that nobody uses for a field that shall ever be filled.
_TRICKS = frozenset({"off-screen", "clipped", "opacity", "size", "visibility"})


def trap_why(control: Control) -> str:
    """Say why a control is a trap, or return an empty text."""
    if asked := _asks_to_stay_empty(control):
        return asked
    if control.is_visible or control.is_tick or control.type == "file" or control.tag == "select":
        return ""
    signs = _signs(control)
    if not signs or _is_of_a_widget(control):
        return ""
    if control.hidden_why in _TRICKS:
        return f"hidden ({control.hidden_why}), {', '.join(signs)}"
    if control.hidden_why == "display" and len(signs) > 1:
        return f"not displayed, {', '.join(signs)}"
    return ""


def _asks_to_stay_empty(control: Control) -> str:
    texts = [control.label, control.labelled_by, control.attributes.get("placeholder", "")]
    if not any(texts) and control.before:
        texts.append(control.before[-1])
    if "validation purposes" in control.after.casefold():  # what a much used form builder writes below its trap
        return f"asks to be left empty: “{control.after[:80]}”"
    for text in texts:
        if any(hit.key == "honeypot" for hit in find_keys(text)):
            return f"asks to be left empty: “{text[:80]}”"
    named = [control.name, control.attributes.get("id", "")]
    if any(hit.key == "honeypot" and hit.strength > 0.8 for name in named for hit in find_keys(name, is_name=True)):
        return f"named like a trap: {control.name or control.attributes.get('id', '')}"
    return ""


def _is_of_a_widget(control: Control) -> bool:
    """Whether a browser is meant to complete it, or a script's list stands in front of it."""
    token = control.attributes.get("autocomplete", "").casefold()
    is_list = control.attributes.get("role") == "combobox" or "aria-autocomplete" in control.attributes
    return is_list or control.type == "search" or token not in ("", "off", "nope", "new-password", "false")


def _signs(control: Control) -> list[str]:
    signs = []
    if control.attributes.get("tabindex") == "-1":
        signs.append("not reached by tab")
    if control.attributes.get("autocomplete", "").casefold() in ("off", "nope", "new-password", "false"):
        signs.append("autocomplete off")
    if control.is_aria_hidden:
        signs.append("hidden from screen readers")
    if not control.is_required and control.hidden_why in ("off-screen", "clipped"):
        signs.append("out of sight")
    return signs
