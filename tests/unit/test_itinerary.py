"""The itinerary hands out each directory once, and passes over those whose turn has not come."""

from __future__ import annotations

import pytest

from workers import itinerary
from workers.itinerary import Itinerary
from workers.model import Directory, DirectoryId


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(itinerary, "monotonic", clock)
    return clock


def directory(name: str) -> Directory:
    return Directory(DirectoryId(name), name, "https://example.com", "https://example.com/add")


A, B = directory("a"), directory("b")


def test_directories_come_in_the_order_of_the_plan_and_once(clock: Clock) -> None:
    stops = Itinerary([A, B])
    assert [stops.next_due(), stops.next_due(), stops.next_due()] == [A, B, None]


def test_a_postponed_directory_is_passed_over_until_its_turn(clock: Clock) -> None:
    stops = Itinerary([A, B])
    first = stops.next_due()
    assert first == A
    stops.postpone(A, 5)
    assert stops.next_due() == B
    assert stops.next_due() is None
    assert stops.seconds_until_due() == 5
    clock.now += 5
    assert stops.seconds_until_due() == 0
    assert stops.next_due() == A
