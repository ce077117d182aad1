"""The directories that a job still has to visit, and from when on each may be visited."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from time import monotonic

from workers.model import Directory


class Itinerary:
    """Hands out directories in the order of the plan; one whose turn has not come is passed over until then."""

    def __init__(self, directories: Iterable[Directory]) -> None:
        self._stops: deque[tuple[Directory, float]] = deque((directory, 0.0) for directory in directories)

    def __len__(self) -> int:
        return len(self._stops)

    def next_due(self) -> Directory | None:
        """Take out the first directory that may be visited now."""
        now = monotonic()
        for index, (directory, due_at) in enumerate(self._stops):
            if due_at <= now:
                del self._stops[index]
                return directory
        return None

    def postpone(self, directory: Directory, seconds: float) -> None:
        """Put a directory back until its turn comes in `seconds`."""
        self._stops.append((directory, monotonic() + seconds))

    def seconds_until_due(self) -> float:
        """Return how long until the next directory may be visited; 0 when one may be now or none is left."""
        return max(0.0, min((due_at for _, due_at in self._stops), default=0.0) - monotonic())
