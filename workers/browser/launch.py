"""What every browser of a pool is launched with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workers.browser.chromium import find_chromium
from workers.browser.patience import Patience
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
class Launch:
    """The executable, its sandbox and the limits of one pool."""

    executable: Path
    is_sandboxed: bool
    navigation_timeout: timedelta
    contexts: int
    """A browser that opened this many contexts is spent."""
    memory_limit_mb: int
    """A browser whose processes hold more is spent; at twice as much it is killed."""
    patience: Patience

    @classmethod
    def from_settings(cls, settings: Settings, patience: Patience) -> Launch:
        """Find Chromium and decide on its sandbox. Raises `ChromiumMissing`."""
        return cls(
            executable=find_chromium(settings.chromium),
            is_sandboxed=_wants_sandbox(settings.chromium_sandbox),
            navigation_timeout=settings.navigation_timeout,
            contexts=settings.contexts_per_browser,
            memory_limit_mb=settings.browser_memory_limit_mb,
            patience=patience,
        )

    def why_not_started(self, error: Exception) -> str:
        """Return what to tell people about a browser that did not start, and what they can do."""
        if isinstance(error, TimeoutError):
            return f"{self.executable} did not start within {self.patience.launch.total_seconds():g} s."
        reason = str(error)
        if self.is_sandboxed and "sandbox" in reason.lower():
            return (
                f"{self.executable} cannot use its sandbox here. Allow user namespaces (sysctl "
                "kernel.unprivileged_userns_clone=1; in Docker: a seccomp profile that permits them), or set "
                f"FLEET_CHROMIUM_SANDBOX=false when only trusted sites are visited.\n{reason}"
            )
        return f"{self.executable} did not start: {reason}"


def _wants_sandbox(setting: bool | None) -> bool:
    """Chromium refuses its sandbox to root; everybody else gets it unless the setting says otherwise."""
    if setting is not None:
        return setting
    return os.geteuid() != 0
