"""Builds controls, forms and pages for tests of the form engine: what is not said is the most ordinary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workers.forms.choose import Understood, understand
from workers.forms.view import Button, Control, Form, FrameView, Option, PageView

_PLAIN = Control(
    frame=0,
    ref=0,
    form=0,
    tag="input",
    type="text",
    attributes={},
    label="",
    labelled_by="",
    before=(),
    after="",
    above="",
    legend="",
    heading="",
    options=(),
    value="",
    is_checked=False,
    is_required=False,
    is_disabled=False,
    is_readonly=False,
    max_length=None,
    min_length=None,
    is_visible=True,
    hidden_why="",
    is_aria_hidden=False,
    is_invalid=False,
    messages=(),
)


def control(label: str = "", **changes: Any) -> Control:
    """A text input with a label."""
    return replace(_PLAIN, label=label, **changes)


def select(label: str, texts: Sequence[str], **changes: Any) -> Control:
    """A select whose values are its texts, "Choose" first."""
    options = (Option("", "Choose", False, True), *(Option(text, text, False, False) for text in texts))
    return control(label, tag="select", type="", options=options, **changes)


def textarea(label: str, **changes: Any) -> Control:
    return control(label, tag="textarea", type="", **changes)


def button(text: str = "Submit", *, ref: int = 0, kind: str = "submit", position: int = 99) -> Button:
    return Button(0, ref, 0, "button", kind, {}, text, is_visible=True, is_disabled=False, position=position)


def page(
    controls: Sequence[Control] = (),
    *,
    lines: Sequence[str] = (),
    alerts: Sequence[str] = (),
    buttons: Sequence[Button] | None = None,
    heading: str = "",
) -> PageView:
    """A page with one form, or without any when there are neither controls nor buttons."""
    shown = [one if one.attributes else replace(one, attributes={"name": f"f{n}"}) for n, one in enumerate(controls)]
    numbered = tuple(replace(one, ref=number) for number, one in enumerate(shown))
    pressed = tuple([button()] if buttons is None and controls else buttons or ())
    form = Form(0, 0, False, {}, heading, heading, "http://d.example/", True, numbered, pressed)
    url = "http://d.example/add"
    forms = (form,) if numbered or pressed else ()
    return PageView((FrameView(0, url, "", "", tuple(lines), tuple(alerts), forms, (), (), (), ()),))


def form_of(*controls: Control, heading: str = "Add your business") -> Understood:
    (form,) = understand(page(controls, heading=heading))
    return form


def keys_of(*controls: Control, heading: str = "Add your business") -> list[str | None]:
    return [reading.key for reading in form_of(*controls, heading=heading).readings]
