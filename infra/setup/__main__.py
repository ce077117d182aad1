"""Builds the environment with the Python at hand, then lets that environment look after Chromium."""

from __future__ import annotations

import os
import sys

from infra.setup.step import StepFailed, say

OLDEST = (3, 11)


def main() -> int:
    """Set everything up; return the exit code."""
    if sys.version_info < OLDEST:
        say(f"Python {sys.version.split()[0]} is too old, Fleet needs 3.11. Name another: make setup PYTHON=python3.12")
        return 1
    from infra.setup.environment import PYTHON, build_environment  # noqa: PLC0415 - an older Python cannot import it

    try:
        build_environment()
    except StepFailed as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130
    sys.stdout.flush()
    return os.execv(PYTHON, [str(PYTHON), "-m", "infra.setup.browser"])  # noqa: S606 - the environment built above


if __name__ == "__main__":
    sys.exit(main())
