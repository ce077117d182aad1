"""One attempt on one page, as a story: open, look, plan, fill, pass the gate, click, judge, and again for each step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, assert_never

from playwright.async_api import Error, Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from workers.forms.choose import Understood, choose, understand
from workers.forms.correct import correct
from workers.forms.fill import Filled, fill
from workers.forms.hosts import OwnHosts, host_of
from workers.forms.plan import Entry, Plan, is_required, make_plan
from workers.forms.press import Button, ButtonGone, Pressed
from workers.forms.snapshot import FIELDS_DEADLINE, Snapshot, take_snapshot
from workers.forms.verdict import Finding, Scene
from workers.forms.view import Control
from workers.forms.walls import find_walls
from workers.model import Directory
from workers.outcome import Deferred, Evidence, NeedsHuman, Outcome, Reason, Rejected, Submitted, Unknown
from workers.ports import Gate
from workers.profile import Profile
from workers.settings import Settings

T = TypeVar("T")

STEP_LIMIT = 8  # pages of one wizard; longer ones are no form to fill, or a circle
PASSES = 2  # how often a form is filled when filling it changes it
CORRECTIONS = 1  # how often an answer is changed as the directory asked
CALL_LIMIT = FIELDS_DEADLINE + timedelta(seconds=7)  # `evaluate` has no timeout of its own


class Attempt:
    """What one attempt knows. `entries` holds all that was entered; `is_committed` whether an intent stands."""

    def __init__(self, page: Page, directory: Directory, profile: Profile, gate: Gate, settings: Settings) -> None:
        self._page = page
        self._directory = directory
        self._profile = profile
        self._gate = gate
        self._settings = settings
        self._hosts = OwnHosts([directory.site, directory.submission_url])
        self._snapshot: Snapshot | None = None
        self._corrections = 0
        self._complaints: tuple[tuple[Control, str], ...] = ()
        self._seen: set[str] = set()
        self.is_committed = False
        self.entries: list[Entry] = []

    async def run(self, *, is_dry: bool = False) -> Outcome | None:
        """Make the attempt. A dry one fills the first page and returns None before the click."""
        if outcome := await self._open():
            return outcome
        for step in range(STEP_LIMIT):
            form = await self._find_form(is_under_way=step > 0)
            if isinstance(form, Understood):
                form = await self._fill(form)
            if not isinstance(form, Understood):
                return form
            if is_dry:
                return None
            if outcome := await self._send(form):
                return outcome
        return self._stuck(f"The form has more than {STEP_LIMIT} steps.", Reason.FORM_NOT_FOUND)

    async def _open(self) -> Outcome | None:
        """Open the submission page."""
        limit = self._settings.navigation_timeout
        try:
            answer = await self._page.goto(
                self._directory.submission_url, wait_until="domcontentloaded", timeout=limit.total_seconds() * 1000
            )
        except PlaywrightTimeout:
            return Deferred(Reason.NAVIGATION_TIMEOUT, f"The page did not come within {limit.total_seconds():g} s.")
        except Error as error:
            if "net::ERR" not in error.message:
                raise
            cause = error.message.partition("net::")[2].split(" ")[0].split("\n")[0]
            return Deferred(Reason.NAVIGATION_FAILED, f"The page could not be opened: {cause}.")
        status = answer.status if answer else 200
        if status >= 500 or status == 429:
            return Deferred(Reason.DIRECTORY_ERROR, f"The directory answered {status} when its page was opened.")
        if status in (404, 410):
            return NeedsHuman(Reason.FORM_NOT_FOUND, f"The submission page is gone: the directory answered {status}.")
        return None

    async def _find_form(self, *, is_under_way: bool) -> Understood | Outcome:
        """Look at the page and choose the form to fill; a wall or a foreign host ends the attempt."""
        if self._snapshot is None:
            self._snapshot = await self._bounded(take_snapshot(self._page, self._hosts.own))
        view = self._snapshot.view
        if not self._hosts.own(view.main.url):
            return self._stuck(f"The directory sent us to another host, {host_of(view.main.url)}.", Reason.BLOCKED)
        forms = understand(view)
        form = choose(forms, is_under_way=is_under_way)
        walls = find_walls(view, forms, form)
        if walls:
            if walls[0].is_closed:
                return Deferred(Reason.DIRECTORY_ERROR, f"The directory says: “{walls[0].quote}”")
            return self._stuck(f"{walls[0].reason.sentence} It shows: “{walls[0].quote}”", walls[0].reason)
        if form is None or form.press is None:
            what = "No submission form was found" if form is None else "The form has no button that would send it"
            return self._stuck(f"{what} on “{view.main.title or view.main.url}”.", Reason.FORM_NOT_FOUND)
        if not self._hosts.own(form.form.action):
            return self._stuck(f"The form would send to another host, {host_of(form.form.action)}.", Reason.BLOCKED)
        return form

    async def _fill(self, form: Understood) -> Understood | Outcome:
        """Plan and fill, again when that brings new fields up; return the form as it is then."""
        for _ in range(PASSES):
            plan = self._plan(form)
            if plan.questions:
                asked = "; ".join(f"“{question}”" for question in plan.questions)
                return self._stuck(f"The form asks what the profile does not answer: {asked}.", Reason.ANSWER_MISSING)
            filled = await self._bounded(fill(self._known, plan.entries, plan.awaited))
            self._note(plan.entries)
            if not filled.is_changed:
                return self._check(form, filled)
            self._snapshot = await self._bounded(take_snapshot(self._page, self._hosts.own))
            form = choose(understand(self._known.view), is_under_way=True) or form
        return self._check(form, filled)

    def _plan(self, form: Understood) -> Plan:
        plan = make_plan(form, self._profile)
        if self._complaints:
            corrected = correct(plan.entries, self._complaints)
            plan = replace(plan, entries=tuple(corrected or plan.entries))
        return plan

    def _check(self, form: Understood, filled: Filled) -> Understood | Outcome:
        """Compare what the page holds with what was planned, and ask what the browser itself would say at the click."""
        refused = [entry for entry in filled.refused if is_required(entry.control)]
        if refused:
            return self._stuck(f"The field “{refused[0].control.title}” did not take its value.", Reason.FIELD_REFUSED)
        titles = {reading.control.ref: reading.control.title for reading in form.readings if reading.control.is_visible}
        invalid = [f"“{titles[ref]}”: {text}" for ref, text in filled.complaints.items() if ref in titles]
        if invalid and form.form.is_validated:
            return self._stuck(f"The browser would not send the form: {'; '.join(invalid)}", Reason.FIELD_REFUSED)
        return form

    async def _send(self, form: Understood) -> Outcome | None:
        """Pass the gate, click, judge. None: go on with what the page shows now."""
        press = form.press
        if press is None:
            return self._stuck("The form has no button that would send it.", Reason.FORM_NOT_FOUND)
        await self._gate.commit_intent()  # whatever the page says of steps: only the answer shows what a click sent
        self.is_committed = True
        scene = Scene(form, self._known.view, self._known.view, (), self._profile.business_name)
        limit = self._settings.verdict_timeout.total_seconds()
        button = Button(self._page, press, self._known, self._hosts.own, scene, limit)
        try:
            pressed = await self._bounded(button.click(), self._settings.verdict_timeout + CALL_LIMIT)
        except ButtonGone as gone:
            await self._void(f"Nothing was clicked: {gone}.")
            return self._stuck(f"The button “{press.button.text}” could not be pressed: {gone}.", Reason.FORM_NOT_FOUND)
        return await self._conclude(form, pressed)

    async def _conclude(self, form: Understood, pressed: Pressed) -> Outcome | None:
        """Turn a verdict into an outcome, or prepare the next step and return None."""
        verdict = pressed.verdict
        match verdict.finding:
            case Finding.CONFIRMED:
                proof = Evidence(confirmation=verdict.quote, listing_url=verdict.listing_url)
                return Submitted(Reason.CONFIRMED, f"The directory says: “{verdict.quote}”", proof)
            case Finding.DUPLICATE:
                return Rejected(Reason.DUPLICATE_LISTING, f"The directory says: “{verdict.quote}”")
            case Finding.WALL:
                reason = verdict.reason or Reason.BLOCKED
                return NeedsHuman(reason, f"{reason.sentence} It says: “{verdict.quote}”")
            case Finding.REFUSED | Finding.NOTHING_SENT:
                return await self._refused(form, pressed)
            case Finding.NEXT_STEP:
                return await self._next_step(form, pressed)
            case Finding.UNCONFIRMED:
                message = f"Nothing proves that the directory took it. It shows: “{verdict.quote}”"
                return Unknown(Reason.UNCONFIRMED, message)
            case _:
                assert_never(verdict.finding)

    async def _refused(self, form: Understood, pressed: Pressed) -> Outcome | None:
        verdict = pressed.verdict
        refusal = Rejected(Reason.VALIDATION_REFUSED, f"The directory says: “{verdict.quote}”")
        if self._corrections >= CORRECTIONS or verdict.next_form is None or pressed.after is None:
            return refusal
        if not correct(make_plan(form, self._profile).entries, verdict.complaints):
            return refusal
        shown = (
            "The form is shown again with complaints"
            if pressed.has_sent
            else "No request left the page, which complains"
        )
        await self._void(f"{shown}: “{verdict.quote}”")
        self._corrections += 1
        self._complaints = verdict.complaints
        self._snapshot = pressed.after
        return None

    async def _next_step(self, form: Understood, pressed: Pressed) -> Outcome | None:
        signature = f"{form.form.action} {form.form.heading} {[one.control.name for one in form.readings]}"
        if signature in self._seen:
            return self._stuck("The steps of the form lead in a circle.", Reason.FORM_NOT_FOUND)
        self._seen.add(signature)
        await self._void(f"The click led to another step, not to an end: “{pressed.verdict.quote}”")
        self._snapshot = pressed.after
        return None

    async def _void(self, proof: str) -> None:
        if self.is_committed:
            await self._gate.void_intent(proof[:500])
            self.is_committed = False

    def _stuck(self, message: str, reason: Reason) -> Outcome:
        """A person has to go on; or, where something may have been sent already, has to find out."""
        return Unknown(reason, message) if self.is_committed else NeedsHuman(reason, message)

    def _note(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.entries = [
                one for one in self.entries if one.control.title != entry.control.title or one.key != entry.key
            ]
            self.entries.append(entry)

    @property
    def _known(self) -> Snapshot:
        if self._snapshot is None:
            raise RuntimeError("the page was not read yet")
        return self._snapshot

    async def _bounded(self, call: Awaitable[T], limit: timedelta = CALL_LIMIT) -> T:
        async with asyncio.timeout(limit.total_seconds()):
            return await call
