"""The words of each language, and which of them a text holds. A language is a file in `words/`, not code."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da")
_NAMES = "names"  # what programmers write into `name` and `id`


@dataclass(frozen=True, slots=True)
class Hit:
    """One phrase that a text holds. `strength` says how surely it names the key, from 0 to 1."""

    key: str
    strength: float
    phrase: str
    start: int
    end: int


@lru_cache(maxsize=20_000)
def fold(text: str) -> str:
    """Return the text without case, accents and punctuation, its words separated by one space."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.sub(r"\be mail", "email", " ".join(re.findall(r"[^\W_]+", bare)))


@lru_cache(maxsize=20_000)
def flatten(text: str) -> str:
    """Return the text without case and accents, its punctuation kept: what `answers` and `walls` are matched on."""
    bare = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return " ".join("".join(c for c in bare if not unicodedata.combining(c)).split())


def split_name(name: str) -> str:
    """Return a programmer's name as words: `billing[companyName]` becomes `billing company name`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return fold(re.sub(r"[^A-Za-zÀ-ÿ0-9]+", " ", spaced))


class Phrases:
    """Phrases by their first word, so that a text costs one look-up a word. `*` at a word's end stands for letters."""

    def __init__(self, entries: Iterable[tuple[str, str, bool]]) -> None:
        self._whole: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        self._beginnings: dict[str, list[tuple[tuple[str, ...], str, bool]]] = {}
        for phrase, key, is_strong in entries:
            words = tuple(fold(word) + "*" * word.endswith("*") for word in phrase.split() if fold(word))
            words = tuple(chain.from_iterable(word.split() for word in words))
            place = self._beginnings if words[0].endswith("*") else self._whole
            place.setdefault(words[0].rstrip("*"), []).append((words, key, is_strong))

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, str, bool, str]]:
        """Yield (start, end, key, is_strong, phrase) of every phrase that the words hold."""
        for start, word in enumerate(words):
            known = self._whole.get(word, [])
            begun = [self._beginnings.get(word[:length], []) for length in range(3, len(word) + 1)]
            for phrase, key, is_strong in chain(known, *begun):
                here = words[start : start + len(phrase)]
                if len(here) == len(phrase) and all(map(_fits, phrase, here)):
                    yield start, start + len(phrase), key, is_strong, " ".join(phrase)


def _fits(pattern: str, word: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


@cache
def language_data(language: str) -> Mapping[str, Any]:
    """Return one language's file."""
    text = files("workers.forms").joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def expressions(section: str, name: str) -> re.Pattern[str]:
    """Return one expression for what all languages list as `section.name`; made for `flatten`ed text."""
    parts = [part for language in LANGUAGES for part in language_data(language).get(section, {}).get(name, [])]
    return re.compile("|".join(f"(?:{part})" for part in parts))


@cache
def phrases(section: str) -> Phrases:
    """Return the phrases of a section (`purpose`, `buttons`) of all languages."""
    return Phrases(
        (phrase, key, True)
        for language in LANGUAGES
        for key, listed in language_data(language).get(section, {}).items()
        for phrase in listed
    )


@lru_cache(maxsize=20_000)
def kinds_in(section: str, text: str) -> frozenset[str]:
    """Return which keys of a section a text speaks of."""
    found = list(phrases(section).find(fold(text).split()))
    return frozenset(one[2] for one in found if not any(_swallows(other, one) for other in found))


@cache
def _fields(source: str) -> Phrases:
    listed = (_NAMES, *LANGUAGES) if source == _NAMES else LANGUAGES
    return Phrases(
        (phrase, key, strength == "strong")
        for language in listed
        for strength in ("strong", "weak")
        # What a word of a sentence may mean says nothing in a name: `account_name` is no user name.
        if strength == "strong" or language == _NAMES or source != _NAMES
        for key, entries in language_data(language).get(strength, {}).items()
        for phrase in entries
    )


@cache
def _fillers() -> frozenset[str]:
    return frozenset(
        word for language in LANGUAGES for word in language_data(language).get("stopwords", {}).get("words", ())
    )


@lru_cache(maxsize=20_000)
def find_keys(text: str, *, is_name: bool = False) -> tuple[Hit, ...]:
    """Return what a label (or, with `is_name`, a name or id) says about the key, the best first."""
    words = (split_name(text) if is_name else fold(text)).split()[:40]
    found = list(_fields(_NAMES if is_name else "labels").find(words))
    longest = [one for one in found if not any(_swallows(other, one) for other in found)]
    covered = {place for start, end, *_ in longest for place in range(start, end)}
    rest = sum(1 for place, word in enumerate(words) if place not in covered and word not in _fillers())
    keys = {key for _, _, key, _, _ in longest}
    hits = [
        Hit(key, _strength(is_strong, rest, len(keys), len(words)) + 0.01 * (end - start), phrase, start, end)
        for start, end, key, is_strong, phrase in longest
    ]
    return tuple(sorted(hits, key=lambda hit: -hit.strength))


def _swallows(longer: tuple[int, int, str, bool, str], shorter: tuple[int, int, str, bool, str]) -> bool:
    """Whether one phrase lies within a longer one ("address" within "email address")."""
    is_inside = longer[0] <= shorter[0] and shorter[1] <= longer[1]
    return is_inside and longer[1] - longer[0] > shorter[1] - shorter[0]


def _strength(is_strong: bool, rest: int, keys: int, length: int) -> float:
    """Weigh a phrase: what the whole text says counts more than a word in a sentence. Tuned on the corpora."""
    if rest == 0 and keys == 1:
        return 0.93 if is_strong else 0.72
    weight = (0.88 if is_strong else 0.42) - 0.03 * min(rest, 6)
    return weight * (0.75 if length > 14 else 1.0)
