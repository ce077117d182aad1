"""The rule for opening hours in a profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from workers.values import Fault, each, kind

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def hours(value: object) -> dict[str, tuple[tuple[str, str], ...]]:
    """Check opening hours by day. An empty list: closed; a closing time before the opening: on the next day."""
    expected = 'expected {"mon": [["09:00", "17:00"]], …}'
    if not isinstance(value, Mapping):
        raise Fault(f"is {kind(value)}; {expected}")
    if unknown := [day for day in value if day not in DAYS]:
        raise Fault(f"has {len(unknown)} unknown day(s); expected {', '.join(DAYS)}")
    return dict(zip(value, each((day, spans, _spans) for day, spans in value.items()), strict=True))


def _spans(value: object) -> tuple[tuple[str, str], ...]:
    expected = 'expected pairs of times such as [["09:00", "12:00"], ["13:00", "17:00"]]'
    if not isinstance(value, list | tuple) or not all(_is_span(span) for span in value):
        raise Fault(f"is not a list of opening hours; {expected}")
    spans = tuple((str(span[0]), str(span[1])) for span in value)
    if any(opens == closes for opens, closes in spans):
        raise Fault(f"opens and closes at the same time; {expected}")
    ordered = sorted(spans)
    if any(later[0] < earlier[1] or earlier[1] < earlier[0] for earlier, later in pairwise(ordered)):
        raise Fault(f"has opening hours that overlap; {expected}")
    return spans


def _is_span(span: object) -> bool:
    if not isinstance(span, list | tuple) or len(span) != 2:
        return False
    return all(isinstance(time, str) and _TIME.fullmatch(time) for time in span) and span[0] != "24:00"
