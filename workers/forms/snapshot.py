"""Reads a page: one call for each frame, which waits inside the page until its set of fields is quiet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from playwright.async_api import Error, Frame, Page

from workers.forms.script import script
from workers.forms.view import FrameView, PageView, read_frame

FIELDS_DEADLINE = timedelta(seconds=8)  # the longest wait for a page that draws its fields late
QUIET = timedelta(milliseconds=80)  # no field came or went for so long: the page has drawn its form
CONTROL_LIMIT = 1500  # controls read of one frame; a form with more is no listing's
TEXT_LIMIT = 60_000  # characters of text read of one frame
FRAME_LIMIT = 6  # frames read inside a page
_SMALL = 60  # px; a frame that is lower or narrower holds no form


class Snapshot:
    """A page as it was read, and the frames that hold its controls: `frames[n]` is the one of `view.frames[n]`."""

    def __init__(self, frames: list[Frame], view: PageView) -> None:
        self.frames = frames
        self.view = view


async def take_snapshot(page: Page, is_own: Callable[[str], bool], deadline: timedelta = FIELDS_DEADLINE) -> Snapshot:
    """Read the main frame and the visible frames inside it whose address `is_own` accepts.

    Raises Playwright's `Error` when the page goes away while it is read; the caller decides what that means.
    """
    frames = [page.main_frame]
    views = [await _read(page.main_frame, 0, deadline)]
    for frame in _inner(page, views[0], is_own):
        try:
            views.append(await _read(frame, len(frames), deadline))
        except Error:
            continue  # the frame left, or has no document: the page without it is what a person sees
        frames.append(frame)
    return Snapshot(frames, PageView(tuple(views)))


async def _read(frame: Frame, number: int, deadline: timedelta) -> FrameView:
    limits = {
        "deadline": deadline.total_seconds() * 1000,
        "quiet": QUIET.total_seconds() * 1000,
        "limit": CONTROL_LIMIT,
        "texts": TEXT_LIMIT,
    }
    return read_frame(json.loads(await frame.evaluate(script("snapshot"), limits)), number)


def _inner(page: Page, main: FrameView, is_own: Callable[[str], bool]) -> list[Frame]:
    large = {one.url for one in main.frames if one.is_visible and one.width > _SMALL and one.height > _SMALL}
    if not large:
        return []
    inner = [frame for frame in page.frames if frame is not page.main_frame and not frame.is_detached()]
    return [frame for frame in inner if is_own(frame.url) and not _is_captcha(frame.url)][:FRAME_LIMIT]


def _is_captcha(url: str) -> bool:
    return any(word in url for word in ("captcha", "challenges.cloudflare.com"))
