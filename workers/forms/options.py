"""Finds the option of a select, a list or a group of radio buttons that means a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pycountry
from rapidfuzz import fuzz

from workers.countries import find_country
from workers.forms.view import Option
from workers.forms.words import fold

_CLOSE = 88.0  # of 100: nearer than this two texts mean the same thing (rapidfuzz, on folded texts)
_RELATED = 75.0  # for categories, where the nearest shelf is better than none
_REST = frozenset(
    {"other", "others", "everything else", "other business", "all other", "miscellaneous", "misc", "general"}
    | {"sonstige", "sonstiges", "andere", "anderes", "autre", "autres", "divers", "otro", "otros", "otras", "altro"}
    | {"altri", "outros", "outro", "overig", "overige"}
)


def real_options(options: Iterable[Option]) -> list[Option]:
    """Return the options that are answers: not disabled, not "please choose"."""
    return [
        option for option in options if option.value.strip() and not option.is_disabled and option.text.strip(" -–—.")
    ]


def match_option(options: Sequence[Option], wanted: Sequence[str], *, least: float = _CLOSE) -> Option | None:
    """Return the option that equals, else nearly equals, one of the wanted texts; the earlier text wins."""
    answers = real_options(options)
    for text in filter(None, map(fold, wanted)):
        for option in answers:
            if text in (fold(option.text), fold(option.value)):
                return option
    scored = [
        (_likeness(text, fold(o.text)), -place, o)
        for place, text in enumerate(map(fold, wanted))
        if len(text) > 3
        for o in answers
    ]
    best = max(scored, key=lambda one: one[:2], default=None)
    return best[2] if best and best[0] >= least else None


def _likeness(text: str, option: str) -> float:
    if len(option) < 3:
        return 0.0
    return max(fuzz.ratio(text, option), 0.97 * fuzz.token_set_ratio(_singular(text), _singular(option)))


def _singular(text: str) -> str:
    return " ".join(
        word[:-3] + "y" if word.endswith("ies") else word.rstrip("s") if len(word) > 3 else word
        for word in text.split()
    )


def match_country(options: Sequence[Option], country: str) -> Option | None:
    """Return the option that means a country, told by its name in English, its codes, or its official name."""
    found = find_country(country)
    if found is None:
        return match_option(options, [country])
    record: Any = pycountry.countries.get(alpha_2=found.code)
    names = [found.name, record.name, getattr(record, "official_name", ""), record.alpha_2, record.alpha_3]
    return match_option(options, [country, *names, *_EVERYDAY.get(found.code, ())], least=92.0)


# Names that ISO 3166 does not list and forms do, each in the country's or the form's own language.
_EVERYDAY = {
    "US": (
        "USA",
        "United States of America",
        "Vereinigte Staaten",
        "Etats-Unis",
        "Estados Unidos",
        "Stati Uniti",
        "Verenigde Staten",
    ),
    "GB": ("UK", "Great Britain", "England", "Vereinigtes Königreich", "Royaume-Uni", "Reino Unido", "Regno Unito"),
    "DE": ("Deutschland", "Allemagne", "Alemania", "Germania", "Alemanha", "Duitsland"),
    "FR": ("Frankreich", "Francia", "França", "Frankrijk"),
    "ES": ("España", "Spanien", "Espagne", "Spagna", "Espanha", "Spanje"),
    "IT": ("Italia", "Italien", "Italie", "Itália", "Italië"),
    "NL": ("Nederland", "Niederlande", "Pays-Bas", "Países Bajos", "Paesi Bassi", "Holland", "Países Baixos"),
    "PT": ("Portugal", "Portogallo"),
    "AT": ("Österreich", "Autriche", "Oostenrijk"),
    "CH": ("Schweiz", "Suisse", "Svizzera", "Suiza", "Zwitserland"),
    "BE": ("België", "Belgique", "Belgien"),
    "BR": ("Brasil", "Brasilien", "Brésil"),
}


def state_texts(state: str, country: str | None) -> list[str]:
    """Return the state as it was given, by its name and by its code (ISO 3166-2)."""
    found = find_country(country) if country else None
    texts = [state]
    subdivisions: Any = pycountry.subdivisions
    for one in (subdivisions.get(country_code=found.code) or []) if found else []:
        code = one.code.partition("-")[2]
        if fold(state) in (fold(one.name), fold(code)):
            texts += [one.name, code, one.code]
    return list(dict.fromkeys(texts))


def match_category(options: Sequence[Option], categories: Sequence[str], *, is_required: bool) -> Option | None:
    """Return the shelf for a business; where one must be taken and none fits, "Other" when there is one."""
    found = match_option(options, categories) or match_option(options, categories, least=_RELATED)
    if found is None and is_required:
        return next((option for option in real_options(options) if fold(option.text) in _REST), None)
    return found
