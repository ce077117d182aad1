"""Decides what goes into each field of the chosen form, and what the form asks that the profile does not answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz import fuzz

from workers.forms.choose import Understood
from workers.forms.classify import PROFILE_KEYS, SURE, Reading
from workers.forms.options import match_category, match_country, match_option, real_options, state_texts
from workers.forms.values import MAY_CUT, candidates, fit
from workers.forms.view import Control, Option
from workers.forms.words import flatten, fold
from workers.profile import Profile

_SAME_QUESTION = 90  # of 100: an answer in `extra` belongs to a question this much like its own (rapidfuzz)
_REQUIRED = re.compile(
    r"\*\s*:?\s*$|^\s*\*|\(?\b(required|pflichtfeld|obligatoire|obligatorio|obbligatorio|verplicht)\b\)?"
)
_NUMBER = r"\d+\s?[a-zA-Z]?(?:\s?[-/]\s?\d+\s?[a-zA-Z]?)?"
_STREET = re.compile(rf"(?P<first>{_NUMBER}),?\s+(?P<after>\D.*)|(?P<before>.*\D),?\s+(?P<last>{_NUMBER})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One value for one control. Ticks take a bool, multiple selects a list of option values, files a path."""

    control: Control
    key: str
    value: str | bool | list[str]
    shown: str  # what a person would say was entered

    @property
    def is_file(self) -> bool:
        """Whether the value is the path of a file to upload."""
        return self.control.type == "file"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to enter. `questions` are asked by the form and stay without an answer; `awaited` fill up by themselves."""

    entries: tuple[Entry, ...] = ()
    questions: tuple[str, ...] = ()
    awaited: tuple[Control, ...] = field(default=())


def make_plan(form: Understood, profile: Profile) -> Plan:
    """Plan the values of one form. Nothing is invented: what the profile does not hold stays empty."""
    entries: list[Entry] = []
    questions: list[str] = []
    awaited: list[Control] = []
    for group in _groups(form):
        lead = group[0]
        usable = [one for one in group if _is_usable(one.control)]
        if not usable:
            if _waits(lead) and lead.control.is_visible and getattr(profile, lead.key or "", None):
                awaited.append(lead.control)
            continue
        entry = _answer(form, usable, profile)
        if entry is not None:
            entries.append(entry)
        elif _waits(lead):
            awaited.append(lead.control)
        elif any(_is_required(one.control) for one in usable) and not _is_answered(usable):
            questions.append(_question(usable))
    return Plan(tuple(entries), tuple(questions), tuple(awaited))


def is_required(control: Control) -> bool:
    """Whether the form says that a control must be answered: by attribute, a star, or a word."""
    return _is_required(control)


def _groups(form: Understood) -> Iterator[list[Reading]]:
    """Yield the readings; radio buttons and same-named check boxes together."""
    groups: dict[str, list[Reading]] = {}
    for number, reading in enumerate(form.readings):
        control = reading.control
        name = f"{control.type} {control.name}" if control.is_tick and control.name else f"#{number}"
        groups.setdefault(name, []).append(reading)
    yield from groups.values()


def _is_usable(control: Control) -> bool:
    return control.is_visible and not control.is_disabled and not control.is_readonly


def _waits(reading: Reading) -> bool:
    """Whether it is a select that another field's value will fill."""
    control = reading.control
    return control.tag == "select" and reading.key in PROFILE_KEYS and not real_options(control.options)


def _is_required(control: Control) -> bool:
    texts = [control.label, control.labelled_by] if control.label or control.labelled_by else list(control.before[-1:])
    return control.is_required or (not control.is_tick and any(_REQUIRED.search(flatten(text)) for text in texts))


def _is_answered(group: Sequence[Reading]) -> bool:
    lead = group[0].control
    if lead.is_tick:
        return any(one.control.is_checked for one in group)
    if lead.tag == "select":
        return any(option.is_selected and option in real_options(lead.options) for option in lead.options)
    return bool(lead.value.strip())


def _question(group: Sequence[Reading]) -> str:
    lead = group[0].control
    is_choice = lead.is_tick and len(group) > 1
    return ((lead.legend if is_choice else "") or lead.title or lead.name or "a field without a name").strip(" *:")


def _answer(form: Understood, group: Sequence[Reading], profile: Profile) -> Entry | None:
    lead = group[0]
    control = lead.control
    if lead.key == "honeypot":
        return None
    if lead.part:
        return _street_part(lead, profile)
    if control.type == "checkbox" and lead.key in ("terms", "newsletter") and lead.confidence >= SURE:
        return _tick(lead)
    if control.is_tick:
        return _choice(group, profile)
    if lead.key in PROFILE_KEYS and form.fills(lead):
        found = _value(lead, profile)
        if found is not None:
            return found
    return _extra(lead, profile) if lead.key in (None, "other") or lead.key in PROFILE_KEYS else None


def _street_part(reading: Reading, profile: Profile) -> Entry | None:
    """Return the street or the house number of an address that a form asks for in two fields."""
    found = _STREET.fullmatch((profile.street_address or "").strip())
    if found is None:
        return None
    street, number = found["after"] or found["before"], found["first"] or found["last"]
    text = fit([street if reading.part == "street" else number], reading.control, may_cut=False)
    return Entry(reading.control, "street_address", text, text) if text else None


def _tick(reading: Reading) -> Entry | None:
    wanted = reading.key == "terms"
    if reading.control.is_checked == wanted:
        return None
    return Entry(reading.control, str(reading.key), wanted, "yes" if wanted else "no")


def _choice(group: Sequence[Reading], profile: Profile) -> Entry | None:
    """Choose one of several radio buttons or check boxes."""
    if len(group) == 1 and group[0].control.type == "checkbox":
        return None
    as_options = [
        Option(str(n), one.control.label or one.control.after or one.control.attributes.get("value", ""), False, False)
        for n, one in enumerate(group)
    ]
    keys = {one.key for one in group if one.key in PROFILE_KEYS}
    for key in keys:
        found = _option(key, as_options, profile, is_required=any(_is_required(one.control) for one in group))
        if found:
            return Entry(group[int(found.value)].control, key, True, found.text)
    answer = _extra_text(_question(group), profile)
    found = match_option(as_options, [answer]) if answer else None
    return Entry(group[int(found.value)].control, "other", True, found.text) if found else None


def _value(reading: Reading, profile: Profile) -> Entry | None:
    control, key = reading.control, str(reading.key)
    if control.type == "file":
        return _file(reading, profile)
    if control.tag == "select":
        found = _option(key, control.options, profile, is_required=_is_required(control))
        if found is None:
            return None
        value = [found.value] if "multiple" in control.attributes else found.value
        return Entry(control, key, value, found.text)
    text = fit(candidates(key, profile, control), control, may_cut=key in MAY_CUT)
    if text is not None and control.options and (near := match_option(control.options, [text])):
        text = near.value
    return Entry(control, key, text, text) if text else None


def _file(reading: Reading, profile: Profile) -> Entry | None:
    path = getattr(profile, str(reading.key))
    # A picture on the web is not fetched here: whoever hands it in gives a file.
    if not path or path.startswith("https://") or not Path(path).is_file():
        return None
    return Entry(reading.control, str(reading.key), str(Path(path).absolute()), Path(path).name)


def _option(key: str, options: Sequence[Option], profile: Profile, *, is_required: bool) -> Option | None:
    if key == "country":
        return match_country(options, profile.country) if profile.country else None
    if key == "state":
        return match_option(options, state_texts(profile.state, profile.country)) if profile.state else None
    if key == "category":
        return match_category(options, profile.category, is_required=is_required)
    if key == "employees":
        return _range(options, profile.employees)
    value = getattr(profile, key, None)
    texts = list(map(str, value)) if isinstance(value, tuple) else [str(value)] if value is not None else []
    return match_option(options, texts)


def _range(options: Sequence[Option], employees: int | str | None) -> Option | None:
    """Return the range that holds a head count, such as `11-50` or `251+`."""
    if isinstance(employees, str):
        return match_option(options, [employees])
    if employees is None:
        return None
    for option in real_options(options):
        numbers = [int(re.sub(r"\D", "", number)) for number in re.findall(r"\d[\d,.]*", option.text)]
        low, high = (numbers[0], numbers[-1]) if numbers else (1, 0)
        if low <= employees and (
            employees <= high or (len(numbers) == 1 and re.search(r"\+|more|mehr|plus", option.text))
        ):
            return option
    return None


def _extra(reading: Reading, profile: Profile) -> Entry | None:
    """Answer a question that the profile answers in so many words."""
    control = reading.control
    answer = _extra_text(control.title, profile)
    if answer is None or control.type == "file":
        return None
    if control.tag == "select":
        found = match_option(control.options, [answer])
        return Entry(control, "other", found.value, found.text) if found else None
    text = fit([answer], control, may_cut=False)
    return Entry(control, "other", text, text) if text else None


def _extra_text(question: str, profile: Profile) -> str | None:
    asked = fold(question)
    for known, answer in profile.extra.items():
        if asked and fuzz.ratio(fold(known), asked) >= _SAME_QUESTION:
            return answer
    return None
