"""Judges what a click did, from evidence alone. A success needs a proof that can be quoted; unsure is unconfirmed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from workers.forms.bodies import bodies_of, errors_of, texts_of
from workers.forms.buttons import step_of
from workers.forms.choose import Purpose, Understood, choose, understand
from workers.forms.exchange import Answer
from workers.forms.hosts import host_of
from workers.forms.view import Control, PageView
from workers.forms.walls import find_walls
from workers.forms.words import expressions, flatten
from workers.outcome import Reason


class Finding(StrEnum):
    """What became of a click."""

    CONFIRMED = "confirmed"
    DUPLICATE = "duplicate"
    REFUSED = "refused"  # the same form is back, with complaints
    NEXT_STEP = "next_step"  # another step or a preview: nothing was sent for good
    WALL = "wall"
    NOTHING_SENT = "nothing_sent"  # no request left the page, and the page says why
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding with the text that decided. `complaints` are the page's messages by control."""

    finding: Finding
    quote: str
    reason: Reason | None = None
    complaints: tuple[tuple[Control, str], ...] = ()
    next_form: Understood | None = None
    listing_url: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a verdict looks at: the form that was sent, the page before and after, the answers between."""

    form: Understood
    before: PageView
    after: PageView
    answers: tuple[Answer, ...]
    business_name: str = ""
    has_sent: bool = True

    def after_click(self, after: PageView, answers: tuple[Answer, ...], *, has_sent: bool) -> Scene:
        """Return the scene with what came after the click."""
        return replace(self, after=after, answers=answers, has_sent=has_sent)


def judge(scene: Scene) -> Verdict:
    """Judge one click; the first rule that applies decides."""
    for rule in (_no_answer, _server_error, _duplicate, _complained, _walled, _going_on, _verification, _confirmed):
        verdict = rule(scene)
        if verdict is not None:
            return verdict
    return Verdict(Finding.UNCONFIRMED, _shown(scene))


def _no_answer(scene: Scene) -> Verdict | None:
    failed = [one for one in scene.answers if one.failure and one.status is None]
    if failed and not any(one.status for one in scene.answers):
        return Verdict(Finding.UNCONFIRMED, f"No answer came: {failed[-1].failure}")
    return None


def _server_error(scene: Scene) -> Verdict | None:
    broken = [one for one in scene.answers if one.status and one.status >= 500]
    if broken:
        return Verdict(Finding.UNCONFIRMED, f"The server answered {broken[-1].status}: {_shown(scene)}"[:400])
    return None


def _duplicate(scene: Scene) -> Verdict | None:
    texts = [*_news(scene), *texts_of(scene.answers)]
    quote = next((text for text in texts if any(map(_says_duplicate, _sentences(flatten(text))))), "")
    return Verdict(Finding.DUPLICATE, quote) if quote else None


def _says_duplicate(sentence: str) -> bool:
    """Whether a sentence states it; "Already listed? Claim it" and "If it is listed already, …" state nothing."""
    is_open = sentence.endswith("?") or sentence.startswith(("if ", "wenn ", "falls ", "si ", "se ", "als "))
    return not is_open and _says(sentence, "duplicate")


def _complained(scene: Scene) -> Verdict | None:
    """The form is shown again, with messages that were not there before; or a script's request was refused."""
    again = _same_form(scene)
    new = set(_news(scene))
    is_refused = any(one.status and 400 <= one.status < 500 for one in scene.answers) or bool(errors_of(scene.answers))
    if not is_refused and _is_emptied(scene) and _is_taken(scene):
        return None
    complaints = tuple(_complaints(again, scene, is_refused=is_refused)) if again else ()
    alerts = [text for text in scene.after.alerts if text in new or text not in scene.before.alerts]
    denied = [text for text in [*alerts, *errors_of(scene.answers)] if text]
    if again is None:
        if is_refused and denied:
            return Verdict(Finding.REFUSED, " ".join(denied)[:400], complaints=complaints)
        return None
    quotes = [text for _, text in complaints] or [text for text in denied if is_refused or _says(text, "refused")]
    if not quotes and is_refused:
        quotes = [text for text in _news(scene) if _says(text, "refused")][:3]
    if not quotes:
        return None
    finding = Finding.REFUSED if scene.has_sent else Finding.NOTHING_SENT
    return Verdict(finding, " ".join(dict.fromkeys(quotes))[:400], complaints=complaints, next_form=again)


def _walled(scene: Scene) -> Verdict | None:
    if _same_form(scene) is not None:
        return None
    walls = find_walls(scene.after, understand(scene.after), _next_form(scene))
    had_login = any(form.purpose is Purpose.LOGIN for form in understand(scene.before))
    is_taken = _is_taken(scene)
    for wall in walls:
        is_login = wall.reason is Reason.LOGIN_REQUIRED
        if is_login and (is_taken or (had_login and wall.quote not in _news(scene))):
            continue
        if is_taken and wall.reason is Reason.BLOCKED:
            continue
        return Verdict(Finding.WALL, wall.quote, reason=wall.reason)
    return None


def _going_on(scene: Scene) -> Verdict | None:
    """Another form is shown. That is a step where the page says so, or the button did and the form looks like one.

    A directory that took the form may offer another one right away; to go on there would be a second submission.
    """
    form = _next_form(scene)
    if form is None or _same_form(scene) is not None or _is_taken(scene):
        return None
    says_so = _first(_news(scene), "not_sent")
    if not says_so and not (scene.form.press and scene.form.press.is_next and _is_step(form, scene)):
        return None
    if form.purpose is Purpose.CONFIRM and not says_so:
        return None
    quote = says_so or f"Another step: {form.form.heading or scene.after.main.title}"
    return Verdict(Finding.NEXT_STEP, quote, next_form=form)


def _is_step(form: Understood, scene: Scene) -> bool:
    """Whether a form behind a "Next" goes on with the sent one: the page counts its steps, or asks only new things."""
    if _first(_news(scene), "confirmed"):
        return False
    counted = step_of(scene.before.lines)
    if (counted and counted[0] < counted[1]) or step_of(scene.after.lines):
        return True
    targets = [form.form.action or scene.after.main.url, scene.form.form.action or scene.before.main.url]
    if len({host_of(one) for one in [*targets, scene.before.main.url, scene.after.main.url]}) > 1:
        return False
    is_other = not form.purpose.is_ours or form.purpose is Purpose.CONTACT
    return not is_other and not _asked(form) & _asked(scene.form)


def _asked(form: Understood) -> set[str]:
    """Return what the visible fields of a form ask for, by key or else by words."""
    shown = [one for one in form.readings if one.control.is_visible]
    return {one.key if one.key and one.key != "other" else flatten(one.control.title) for one in shown}


def _verification(scene: Scene) -> Verdict | None:
    quote = _first(_news(scene), "verify")
    return Verdict(Finding.WALL, quote, reason=Reason.VERIFICATION_REQUIRED) if quote else None


def _confirmed(scene: Scene) -> Verdict | None:
    if any(one.status and one.status >= 400 for one in scene.answers) or not _carried(scene):
        return None
    if _same_form(scene) is not None and not _is_emptied(scene):
        return None
    if _first([*_news(scene), *texts_of(scene.answers)], "unpaid"):
        return None
    quote = next((line for line in _news(scene) if is_confirmation(line)), "") or _json_success(scene)
    return Verdict(Finding.CONFIRMED, quote[:400], listing_url=_listing(scene)) if quote else None


def _carried(scene: Scene) -> bool:
    """Whether an answer is one to a request that may have carried the form: no page that was only opened."""
    press = scene.form.press.button.attributes if scene.form.press else {}
    method = press.get("formmethod") or scene.form.form.attributes.get("method") or "get"
    is_get = method.lower() == "get" and not scene.form.form.is_pseudo
    return any(is_get or one.method != "GET" or not one.is_navigation for one in scene.answers)


def _is_taken(scene: Scene) -> bool:
    return any(map(is_confirmation, _news(scene)))


def is_confirmation(text: str) -> bool:
    """Whether a text, sentence by sentence, says that the submission was taken, and no sentence takes it back."""
    sentences = [part for part in _sentences(flatten(text)) if part]
    says = [part for part in sentences if expressions("answers", "confirmed").search(part)]
    return bool(says) and not any(expressions("answers", "denied").search(part) for part in says)


def _sentences(text: str) -> list[str]:
    parts: list[str] = [""]
    for word in text.split():
        parts[-1] = f"{parts[-1]} {word}".strip()
        if word[-1] in ".!?":
            parts.append("")
    return parts


def _says(text: str, name: str) -> bool:
    return bool(expressions("answers", name).search(flatten(text)))


def _first(lines: Sequence[str], name: str) -> str:
    return next((line for line in lines if _says(line, name)), "")


def _news(scene: Scene) -> list[str]:
    """Return what the page says now and did not say before the click."""
    old = set(scene.before.lines)
    return [line for line in scene.after.lines if line not in old]


def _shown(scene: Scene) -> str:
    return " ".join((_news(scene) or list(scene.after.lines[:3]))[:4])[:300] or "The page shows nothing."


def _next_form(scene: Scene) -> Understood | None:
    return choose(understand(scene.after), is_under_way=True)


def _same_form(scene: Scene) -> Understood | None:
    """Return the form that was sent when the page shows it again: most of its fields are back, by their names."""
    mine = _names(scene.form)
    for form in understand(scene.after):
        names = _names(form)
        if mine and names and len(mine & names) >= 0.6 * max(len(mine), len(names)):
            return form
    return None


def _names(form: Understood) -> set[str]:
    shown = [one.control for one in form.readings if one.control.is_visible]
    return {_name(one) for one in shown}


def _name(one: Control) -> str:
    # Some builders name the fields of every step alike, `input_1`, `input_2`; their labels differ.
    return f"{one.name or one.attributes.get('id', '')} {one.label}".strip() or one.title


def _is_emptied(scene: Scene) -> bool:
    again = _same_form(scene)
    texts = [one.control for one in again.readings if one.control.is_text and one.control.is_visible] if again else []
    return bool(texts) and not any(control.value.strip() for control in texts)


def _complaints(form: Understood, scene: Scene, *, is_refused: bool) -> Iterator[tuple[Control, str]]:
    """Yield the messages that the control of that name did not show before; all of them when the answer refuses."""
    before: dict[str, set[str]] = {}
    for reading in scene.form.readings:
        before.setdefault(_name(reading.control), set()).update(reading.control.messages)
    for reading in form.readings:
        control = reading.control
        for message in control.messages:
            is_new = is_refused or message not in before.get(_name(control), set())
            if is_new and message.strip(" *"):
                yield control, message


def _json_success(scene: Scene) -> str:
    """Quote a script's answer that says so itself: `success` or `ok` true, and a message that confirms."""
    if _same_form(scene) is not None and not _is_emptied(scene):
        return ""
    for body in bodies_of(scene.answers):
        if body.get("success") is True or body.get("ok") is True:
            message = body.get("message")
            if isinstance(message, str) and is_confirmation(message):
                return message
    return ""


def _listing(scene: Scene) -> str | None:
    """Return a link of the new page that bears the business' name, or that a script's answer gives."""
    old = {link.url for frame in scene.before.frames for link in frame.links}
    for frame in scene.after.frames:
        for link in frame.links:
            same = scene.business_name and flatten(scene.business_name)[:40] in flatten(link.text)
            if link.url not in old and urlsplit(link.url).scheme in ("http", "https") and same:
                return link.url
    return _json_listing(scene)


def _json_listing(scene: Scene) -> str | None:
    for one in scene.answers:
        for body in bodies_of([one]):
            for name in ("listing_url", "permalink", "url"):
                if isinstance(address := body.get(name), str) and one.status in (200, 201):
                    return urljoin(one.url, address)
    return None
