"""Forms with rules about what is entered: lengths that the page tells, and rules that only the answer tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from infra.local.sites.site import Site


class Limits(Site):
    """A German form with lengths that both the page and the server enforce."""

    slug = "limits"
    name = "Firmenverzeichnis Nordlicht"
    tagline = "Betriebe zwischen den Meeren"
    language = "de"
    submission_path = "/eintragen"
    accent = "#234e70"
    clutter = frozenset({"search", "newsletter"})
    title_field = "firma"
    required = ("firma", "internet", "mail", "kurz", "beschreibung", "agb")
    missing = "Bitte füllen Sie dieses Feld aus."
    thanks = "Vielen Dank! Ihr Eintrag wurde erfolgreich übermittelt. Ihre Vorgangsnummer lautet {reference}."
    longest: ClassVar[Mapping[str, int]] = {"firma": 40, "kurz": 60, "beschreibung": 250}

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Check the lengths, too."""
        faults = super().faults(fields)
        for name, limit in self.longest.items():
            if len(_as_typed(fields.get(name, ""))) > limit:
                faults[name] = f"Höchstens {limit} Zeichen."
        return faults


class Validation(Site):
    """Tells its rules only when they are broken: beside the fields, and keeps what was entered."""

    slug = "validation"
    name = "Pinecrest Verified Directory"
    tagline = "Clean data only"
    submission_path = "/apply"
    accent = "#3d5c1d"
    clutter = frozenset({"search"})
    title_field = "applicant"
    required = ("applicant", "web_address", "mail_address", "phone_number", "description")
    missing = "This field is required."
    thanks = "Your application has been accepted for review. Your case number is {reference}."
    longest = 160  # of the description, in characters

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Check what no attribute of the form's fields tells."""
        return {**super().faults(fields), **{name: text for name, text in self._rules(fields) if fields.get(name)}}

    def _rules(self, fields: Mapping[str, str]) -> list[tuple[str, str]]:
        phone, web = fields.get("phone_number", ""), fields.get("web_address", "")
        length = len(_as_typed(fields.get("description", "")))
        rules = [
            ("phone_number", not re.fullmatch("[0-9]+", phone), "Phone number must contain digits only."),
            ("web_address", not web.startswith("https://"), "Web address must start with https://"),
            ("web_address", web.endswith("/"), "Web address must not end with a slash."),
            (
                "description",
                length > self.longest,
                f"Description is too long (maximum is {self.longest} characters, yours has {length}).",
            ),
        ]
        return [(name, text) for name, is_broken, text in rules if is_broken]


def _as_typed(text: str) -> str:
    """Browsers send a line's end as CR LF, and count it as one."""
    return text.replace("\r\n", "\n")
