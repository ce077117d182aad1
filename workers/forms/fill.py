"""Puts a plan's values into the page: one call for each frame, which sets, fires the events, and reads back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from playwright.async_api import Frame

from workers.forms.plan import Entry
from workers.forms.script import script
from workers.forms.snapshot import Snapshot
from workers.forms.view import Control

PATIENCE = timedelta(seconds=3)  # the longest wait for a select that a script fills


@dataclass(frozen=True, slots=True)
class Filled:
    """What the page holds now. `refused` did not take their values; `complaints` are the browser's own, by control."""

    refused: tuple[Entry, ...]
    complaints: Mapping[int, str]
    is_changed: bool  # fields came, went, or got other options


async def fill(snapshot: Snapshot, entries: Sequence[Entry], awaited: Sequence[Control] = ()) -> Filled:
    """Fill one form, whose controls lie in one frame; what did not take its value is tried once more.

    `snapshot` is the page as it is now.

    Raises Playwright's `Error` when the page goes away; nothing was sent then.
    """
    if not entries:
        return Filled((), {}, is_changed=False)
    frame = snapshot.frames[entries[0].control.frame]
    # Writing what is there already would fire its events again: a country chosen twice empties its states.
    entries = [entry for entry in entries if entry.value != _held_before(entry.control)]
    for entry in entries:
        if entry.is_file:
            await _upload(frame, entry)
    written = [entry for entry in entries if not entry.is_file]
    answer = await _write(frame, written, awaited)
    refused = _refused(written, answer)
    if refused:
        again = await _write(frame, refused, ())
        refused = _refused(refused, again)
        answer = {**answer, "invalid": again["invalid"]}
    complaints = {int(one["ref"]): str(one["message"]) for one in answer["invalid"]}
    return Filled(tuple(refused), complaints, bool(answer["is_changed"]))


async def _write(frame: Frame, entries: Sequence[Entry], awaited: Sequence[Control]) -> Mapping[str, Any]:
    arguments = {
        "entries": [{"ref": entry.control.ref, "value": entry.value} for entry in entries],
        "awaited": [control.ref for control in awaited],
        "patience": PATIENCE.total_seconds() * 1000,
    }
    answer: Mapping[str, Any] = await frame.evaluate(script("fill"), arguments)
    return answer


async def _upload(frame: Frame, entry: Entry) -> None:
    handle = await frame.evaluate_handle("ref => window[Symbol.for('fleet')].controls[ref]", entry.control.ref)
    element = handle.as_element()
    if element is not None:
        await element.set_input_files(str(entry.value))
    await handle.dispose()


def _refused(entries: Sequence[Entry], answer: Mapping[str, Any]) -> list[Entry]:
    return [entry for entry in entries if not _is_held(entry.value, answer["held"].get(str(entry.control.ref)))]


def _held_before(control: Control) -> object:
    if control.is_tick:
        return control.is_checked
    if control.tag == "select" and "multiple" in control.attributes:
        return [option.value for option in control.options if option.is_selected]
    return control.value or None


def _is_held(wanted: object, held: object) -> bool:
    """Whether a field holds what was wanted; a mask may have put brackets and blanks into a number."""
    if not isinstance(wanted, str) or not isinstance(held, str):
        return wanted == held
    if " ".join(wanted.split()) == " ".join(held.split()):
        return True
    digits = re.sub(r"\D", "", wanted)
    return len(digits) > 6 and not re.search(r"[A-Za-z]", wanted) and re.sub(r"\D", "", held) in (digits, digits[-10:])
