"""What the steps of the set-up have in common: they speak, run programs and fail with advice."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class StepFailed(Exception):
    """A step could not be done; the message says what happened and what to do."""


def say(sentence: str) -> None:
    """Tell the person who waits."""
    print(f"setup: {sentence}", flush=True)


def run(command: Sequence[str | Path], advice: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a program with its output shown. Raises `StepFailed` with the advice when it fails or is missing."""
    words = [str(word) for word in command]
    try:
        code = subprocess.run(words, env=environment, check=False).returncode  # noqa: S603 - our own command lines
    except OSError as error:
        raise StepFailed(f"{words[0]} cannot be run: {error.strerror}. {advice}") from error
    if code != 0:
        raise StepFailed(f"`{' '.join(words)}` failed with exit code {code}. {advice}")
