"""How Chromium is started and how long the pool waits for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workers.browser.chromium import find_chromium
from workers.settings import Settings

# Beside Playwright's own switches, which already turn updates, sync, metrics and background traffic off:
# no side door past a proxy (QUIC, WebRTC over UDP), and no permission prompt that waits for a person.
SWITCHES = (
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-domain-reliability",
    "--no-pings",
    "--deny-permission-prompts",
)


@dataclass(frozen=True)
class Patience:
    """How long the pool waits for Chromium before it takes it for dead."""

    launch: timedelta = timedelta(seconds=30)
    """From the start of the driver to a connected browser; measured 0.4 s warm, seconds on a cold disk."""
    open: timedelta = timedelta(seconds=15)
    """For a fresh context with its page; measured 0.04 s, 0.2 s on a busy machine."""
    close: timedelta = timedelta(seconds=5)
    """For each step of closing: a context, a browser, the driver. Then its processes are killed."""
    watch: timedelta = timedelta(seconds=2)
    """Between two looks at the browsers' memory."""


@dataclass(frozen=True)
class Launch:
    """What every browser of a pool is launched with."""

    executable: Path
    is_sandboxed: bool
    navigation_timeout: timedelta
    patience: Patience

    @classmethod
    def from_settings(cls, settings: Settings, patience: Patience) -> Launch:
        """Find Chromium and decide on its sandbox. Raises `ChromiumMissing`."""
        return cls(
            executable=find_chromium(settings.chromium),
            is_sandboxed=_wants_sandbox(settings.chromium_sandbox),
            navigation_timeout=settings.navigation_timeout,
            patience=patience,
        )


def _wants_sandbox(setting: bool | None) -> bool:
    """Chromium refuses its sandbox to root; everybody else gets it unless the setting says otherwise."""
    if setting is not None:
        return setting
    return os.geteuid() != 0
