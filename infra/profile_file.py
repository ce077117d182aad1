"""Reads a profile from a JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workers.errors import ProfileInvalid
from workers.profile import Profile, parse_profile

_SIZE_LIMIT = 1_000_000  # bytes; the longest profile that is valid has a third of that
_PICTURES = ("logo", "image")


def read_profile(file: Path) -> Profile:
    """Read and check a profile. A picture's relative path counts from the file and is kept absolute.

    Raises `ProfileInvalid` with every fault, also when the file cannot be read or is not JSON.
    """
    profile = parse_profile(_decode(file))
    faults, places = [], {}
    for key in _PICTURES:
        path = getattr(profile, key)
        if path is None or path.startswith("https://"):
            continue
        place = (file.parent / path).resolve()
        places[key] = str(place)
        if not place.is_file():
            faults.append(f"`{key}` names a file that does not exist; a relative path counts from {file.parent}")
    if faults:
        raise ProfileInvalid("The profile was refused; nothing was stored:", faults)
    return profile.model_copy(update=places)


def _decode(file: Path) -> Any:
    try:
        with file.open("rb") as source:
            raw = source.read(_SIZE_LIMIT + 1)
    except OSError as error:
        raise _unreadable(file, f"it cannot be read: {error.strerror}") from None
    if len(raw) > _SIZE_LIMIT:
        raise _unreadable(file, f"it has more than {_SIZE_LIMIT:,} bytes")
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise _unreadable(file, "it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _unreadable(file, f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, f"it is not a profile: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) < len(pairs):
        twice = sorted({key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1})
        raise ValueError(f"given twice: {', '.join(ascii(key) for key in twice)}")
    return seen


def _unreadable(file: Path, why: str) -> ProfileInvalid:
    return ProfileInvalid("The profile was refused; nothing was stored:", [f"{file}: {why}"])
