"""Listens to what a page sends and gets from the click on, so that the verdict can wait for events, not for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Error, Frame, Page, Request, Response

_QUIET_TYPES = frozenset(
    {"ping", "image", "stylesheet", "font", "media", "script", "websocket", "eventsource", "manifest"}
)
_BODY_LIMIT = 20_000  # characters of an answer that are read


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request that may have carried the form. `failure` when no answer came."""

    method: str
    url: str
    status: int | None
    failure: str
    is_navigation: bool
    body: str  # of answers to scripts; a page's is on the screen


class Exchange:
    """Follows the requests of a page that may carry a form: navigations, and what scripts post to own hosts.

    Use it as a context manager around the click; it leaves no listener behind.
    """

    def __init__(self, page: Page, is_own: Callable[[str], bool]) -> None:
        self._page = page
        self._is_own = is_own
        self._open: set[Request] = set()
        self._done: list[tuple[Request, Response | None, str]] = []
        self._moving: set[Frame] = set()
        self._event = asyncio.Event()
        self._listeners: list[tuple[str, Callable[[Any], None]]] = [
            ("request", self._requested),
            ("response", self._answered),
            ("requestfinished", self._finished),
            ("requestfailed", self._failed),
            ("framenavigated", self._navigated),
            ("domcontentloaded", self._loaded),
            ("crash", self._loaded),
            ("close", self._loaded),
        ]
        self._responses: dict[Request, Response] = {}
        self._is_loading = False

    def __enter__(self) -> Exchange:
        for event, listener in self._listeners:
            self._page.on(event, listener)  # type: ignore[call-overload]  # one overload for each event's name
        return self

    def __exit__(self, *_exception: object) -> None:
        for event, listener in self._listeners:
            self._page.remove_listener(event, listener)

    @property
    def has_begun(self) -> bool:
        """Whether anything that may carry the form has left the page."""
        return bool(self._open or self._done)

    @property
    def is_settled(self) -> bool:
        """Whether something left, everything was answered, and the page that came is there."""
        return bool(self._done) and not self._open and not self._moving and not self._is_loading

    @property
    def has_navigated(self) -> bool:
        """Whether a new page was asked for."""
        return any(request.is_navigation_request() for request, _, _ in self._done)

    @property
    def is_over(self) -> bool:
        """Whether the answer is one that no later change of the page can better: none, or a server's error."""
        broken = [response for _, response, failure in self._done if failure or (response and response.status >= 500)]
        return self.is_settled and bool(broken)

    async def changed(self, seconds: float) -> bool:
        """Wait until something happens, at most so long; say whether it did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        happened = self._event.is_set()
        self._event.clear()
        return happened

    async def answers(self) -> list[Answer]:
        """Return all answers so far, in the order in which they came."""
        return [await _answer(*one) for one in self._done]

    def _requested(self, request: Request) -> None:
        if not self._matters(request):
            return
        self._open.add(request)
        if request.is_navigation_request():
            self._moving.add(request.frame)
        self._event.set()

    def _matters(self, request: Request) -> bool:
        if request.resource_type in _QUIET_TYPES:
            return False
        if request.is_navigation_request():
            return request.frame.parent_frame is None or self._is_own(request.url)
        return request.method not in ("GET", "HEAD", "OPTIONS") and self._is_own(request.url)

    def _answered(self, response: Response) -> None:
        self._responses[response.request] = response
        request = response.request
        if request in self._open and request.is_navigation_request() and not 300 <= response.status < 400:
            self._close(request, response, "")  # its body is the page, which may go on loading for long

    def _finished(self, request: Request) -> None:
        if request in self._open:
            self._close(request, self._responses.get(request), "")

    def _failed(self, request: Request) -> None:
        if request in self._open:
            self._moving.discard(request.frame)
            self._close(request, self._responses.get(request), request.failure or "the connection failed")

    def _close(self, request: Request, response: Response | None, failure: str) -> None:
        self._open.discard(request)
        self._done.append((request, response, failure))
        if response is not None and response.status in (204, 205) and request.is_navigation_request():
            self._moving.discard(request.frame)
        self._event.set()

    def _navigated(self, frame: Frame) -> None:
        if frame in self._moving:
            self._moving.discard(frame)
            self._is_loading = frame.parent_frame is None
        self._event.set()

    def _loaded(self, _page: Any) -> None:
        self._is_loading = False
        self._event.set()


async def _answer(request: Request, response: Response | None, failure: str) -> Answer:
    body = ""
    is_navigation = request.is_navigation_request()
    if response is not None and not is_navigation and not failure:
        with suppress(Error, UnicodeDecodeError):  # a body that was not kept, or is no text, proves nothing
            body = (await response.text())[:_BODY_LIMIT]
    return Answer(request.method, request.url, response.status if response else None, failure, is_navigation, body)
