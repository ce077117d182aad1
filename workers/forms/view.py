"""What a page shows, as values: frames, forms, controls, buttons. `snapshot.js` collects them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select or datalist."""

    value: str
    text: str
    is_disabled: bool
    is_selected: bool


@dataclass(frozen=True, slots=True)
class Control:
    """One field as a person sees it. `ref` numbers the controls of a frame in the order of the document.

    `label` is the text of its label elements, `before` the lines of text since the control before it, nearest last.
    """

    frame: int
    ref: int
    form: int
    tag: str
    type: str
    attributes: Mapping[str, str]
    label: str
    labelled_by: str
    before: tuple[str, ...]
    after: str
    above: str
    legend: str
    heading: str
    options: tuple[Option, ...]
    value: str
    is_checked: bool
    is_required: bool
    is_disabled: bool
    is_readonly: bool
    max_length: int | None
    min_length: int | None
    is_visible: bool
    hidden_why: str
    is_aria_hidden: bool
    is_invalid: bool
    messages: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name attribute."""
        return self.attributes.get("name", "")

    @property
    def is_tick(self) -> bool:
        """Whether it is a check box or a radio button."""
        return self.type in ("checkbox", "radio")

    @property
    def is_text(self) -> bool:
        """Whether people type into it."""
        return self.tag != "select" and not self.is_tick and self.type != "file"

    @property
    def title(self) -> str:
        """The words by which a person would name it: the question."""
        nearest = self.after if self.is_tick else (self.before[-1] if self.before else "")
        attributes = (self.attributes.get(name, "") for name in ("aria-label", "placeholder", "title"))
        return next(
            (text for text in (self.label, self.labelled_by, *attributes, nearest, self.above) if text), self.name
        )


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press."""

    frame: int
    ref: int
    form: int
    tag: str
    type: str
    attributes: Mapping[str, str]
    text: str
    is_visible: bool
    is_disabled: bool
    position: int  # how many controls of the frame stand before it


@dataclass(frozen=True, slots=True)
class Form:
    """A form element, or a group of controls that a script treats as one (`is_pseudo`)."""

    frame: int
    index: int
    is_pseudo: bool
    attributes: Mapping[str, str]
    heading: str
    text: str
    action: str
    is_validated: bool
    controls: tuple[Control, ...]
    buttons: tuple[Button, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame inside a frame, seen from outside."""

    url: str
    title: str
    is_visible: bool
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Captcha:
    """A captcha widget."""

    kind: str
    is_visible: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A link with an absolute address."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class FrameView:
    """One frame at one moment. `lines` are its visible texts, one a block, in the order of the document."""

    number: int
    url: str
    title: str
    language: str
    lines: tuple[str, ...]
    alerts: tuple[str, ...]
    forms: tuple[Form, ...]
    loose_buttons: tuple[Button, ...]
    frames: tuple[Frame, ...]
    captchas: tuple[Captcha, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class PageView:
    """A page at one moment: the main frame first, then those inside it that were read."""

    frames: tuple[FrameView, ...]

    @property
    def main(self) -> FrameView:
        """The main frame."""
        return self.frames[0]

    @property
    def forms(self) -> tuple[Form, ...]:
        """All forms of all frames."""
        return tuple(form for frame in self.frames for form in frame.forms)

    @property
    def lines(self) -> tuple[str, ...]:
        """All visible texts of all frames."""
        return tuple(line for frame in self.frames for line in frame.lines)

    @property
    def alerts(self) -> tuple[str, ...]:
        """What stands where pages put messages."""
        return tuple(alert for frame in self.frames for alert in frame.alerts)


def read_frame(raw: Mapping[str, Any], number: int) -> FrameView:
    """Build the view of one frame from what `snapshot.js` returned."""
    controls = [_control(item, number) for item in raw["controls"]]
    buttons = [Button(frame=number, **item) for item in raw["buttons"]]
    forms = [_form(item, number, controls, buttons) for item in raw["forms"]]
    return FrameView(
        number=number,
        url=raw["url"],
        title=raw["title"],
        language=raw["language"],
        lines=tuple(raw["lines"]),
        alerts=tuple(raw["alerts"]),
        forms=tuple(forms),
        loose_buttons=tuple(button for button in buttons if button.form < 0),
        frames=tuple(Frame(**item) for item in raw["frames"]),
        captchas=tuple(Captcha(**item) for item in raw["captchas"]),
        links=tuple(Link(**item) for item in raw["links"]),
    )


def _control(raw: Mapping[str, Any], frame: int) -> Control:
    options = tuple(Option(**option) for option in raw["options"])
    return Control(
        **{
            **raw,
            "frame": frame,
            "options": options,
            "before": tuple(raw["before"]),
            "messages": tuple(raw["messages"]),
        }
    )


def _form(raw: Mapping[str, Any], frame: int, controls: list[Control], buttons: list[Button]) -> Form:
    mine = tuple(control for control in controls if control.form == raw["index"])
    pressed = tuple(button for button in buttons if button.form == raw["index"])
    known = {field.name for field in fields(Form)}
    return Form(frame=frame, controls=mine, buttons=pressed, **{k: v for k, v in raw.items() if k in known})
