"""What every browser of a pool is launched with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

from workers.browser.chromium import find_chromium
from workers.browser.patience import Patience
from workers.errors import BrowserUnavailable
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


class Sandbox(Enum):
    """Whether Chromium runs in its sandbox."""

    REQUIRED = "required"
    WANTED = "wanted"
    OFF = "off"


@dataclass(frozen=True)
class Launch:
    """The executable, its sandbox and the limits of one pool."""

    executable: Path
    sandbox: Sandbox
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
            sandbox=_sandbox(settings.chromium_sandbox),
            navigation_timeout=settings.navigation_timeout,
            contexts=settings.contexts_per_browser,
            memory_limit_mb=settings.browser_memory_limit_mb,
            patience=patience,
        )

    def can_do_without_sandbox(self, error: BaseException) -> bool:
        """Whether the error says that there is no sandbox to be had, and nobody insisted on one."""
        return self.sandbox is Sandbox.WANTED and isinstance(error, SandboxMissing)

    def why_not_started(self, error: Exception) -> BrowserUnavailable:
        """Return what to tell people about a browser that did not start, and what they can do."""
        if isinstance(error, TimeoutError):
            return BrowserUnavailable(
                f"{self.executable} did not start within {self.patience.launch.total_seconds():g} s."
            )
        reason = _said(str(error))
        if self.sandbox is not Sandbox.OFF and "sandbox" in reason.lower():
            return SandboxMissing(
                f"{self.executable} cannot have its sandbox here. Do not run it as root, and allow user namespaces "
                "(sysctl kernel.unprivileged_userns_clone=1; in a container: a seccomp profile that permits them); "
                f"or set FLEET_CHROMIUM_SANDBOX=false.\n{reason}"
            )
        return BrowserUnavailable(f"{self.executable} did not start: {reason}")


class SandboxMissing(BrowserUnavailable):
    """The machine gives Chromium no sandbox."""


def _said(report: str) -> str:
    """Return what Chromium itself said, out of Playwright's report with its pages of switches."""
    said = [line.partition("[err] ")[2] for line in report.splitlines() if "[err] " in line]
    return "\n".join(said[-5:] or report.splitlines()[:1])


def _sandbox(setting: bool | None) -> Sandbox:
    """Unset, it is on where it can be had: Chromium refuses it to root, some kernels and containers to everybody."""
    if setting is None:
        return Sandbox.OFF if os.geteuid() == 0 else Sandbox.WANTED
    return Sandbox.REQUIRED if setting else Sandbox.OFF
