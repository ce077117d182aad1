"""Presses a button and waits for what comes of it: events of the page, never a fixed time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from playwright.async_api import Error, Page

from workers.forms.buttons import Press
from workers.forms.exchange import Exchange
from workers.forms.script import script
from workers.forms.snapshot import Snapshot, take_snapshot
from workers.forms.verdict import Finding, Scene, Verdict, judge

GRACE = 0.25  # s; a click that sends something sends it within this time, or shows why not
AFTERTHOUGHT = 1.5  # s; a page that came as an answer and says nothing yet may still draw something


@dataclass(slots=True)
class Pressed:
    """What a click came to."""

    verdict: Verdict
    after: Snapshot | None
    has_sent: bool


@dataclass(slots=True)
class Button:
    """One click with all that it needs: the page as it was, and how long the directory may take."""

    page: Page
    press: Press
    before: Snapshot
    is_own: Callable[[str], bool]
    scene: Scene
    timeout: float
    began: float = field(default_factory=monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(0.0, self.timeout - (monotonic() - self.began))

    async def click(self) -> Pressed:
        """Click once and judge as soon as the evidence allows. Raises Playwright's `Error` when the browser dies."""
        with Exchange(self.page, self.is_own) as exchange:
            await self._press(exchange)
            while True:
                await self._wait(exchange)
                after = await self._look()
                pressed = await self._judge(exchange, after)
                if pressed.verdict.finding is not Finding.UNCONFIRMED or not await self._may_change(exchange, after):
                    return pressed

    async def _press(self, exchange: Exchange) -> None:
        frame = self.before.frames[self.press.button.frame]
        try:
            answer: Any = await frame.evaluate(script("press"), {"ref": self.press.button.ref})
        except Error:
            if not exchange.has_begun and self.page.is_closed():
                raise
            return  # the click led away before the call could return
        if not answer["pressed"]:
            raise ButtonGone(str(answer["why"]))

    async def _wait(self, exchange: Exchange) -> None:
        """Wait until what was sent is answered; or until it is clear that nothing was sent by the click itself."""
        if not exchange.has_begun:
            await exchange.changed(min(GRACE, self.left))
        while exchange.has_begun and not exchange.is_settled and self.left:
            await exchange.changed(self.left)

    async def _look(self) -> Snapshot | None:
        """Look at the page; None while it goes away under our eyes."""
        try:
            return await take_snapshot(self.page, self.is_own)
        except Error:
            if self.page.is_closed():
                raise
            return None

    async def _judge(self, exchange: Exchange, after: Snapshot | None) -> Pressed:
        has_sent = exchange.has_begun
        if after is None:
            return Pressed(Verdict(Finding.UNCONFIRMED, "The page went away."), None, has_sent)
        scene = self.scene.after_click(after.view, tuple(await exchange.answers()), has_sent=has_sent)
        return Pressed(judge(scene), after, has_sent)

    async def _may_change(self, exchange: Exchange, after: Snapshot | None) -> bool:
        """Say whether to look again: something is still under way, or the page changed while we waited for it."""
        if not self.left:
            return False
        if after is None or (exchange.has_begun and not exchange.is_settled):
            return True
        if exchange.is_over:
            return False
        patience = min(AFTERTHOUGHT if exchange.has_navigated else self.left, self.left)
        frame = (
            after.frames[self.press.button.frame] if self.press.button.frame < len(after.frames) else after.frames[0]
        )
        has_changed = False
        with suppress(Error):
            has_changed = bool(await frame.evaluate(script("change"), {"patience": patience * 1000}))
        return has_changed or not exchange.is_settled


class ButtonGone(Exception):
    """The button was not there any more, or could not be pressed: nothing was clicked."""
