"""One directory as a file writes it: which columns there are, and what each may hold."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from workers.model import Directory, DirectoryId, DirectoryStatus

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f<>\"\\^`{|}]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise ValueError("a slug has lower-case letters, digits and single hyphens between them")
    return text


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters and line breaks are not allowed")
    return text


def _url(text: str) -> str:
    if _NOT_IN_A_URL.search(text):
        raise ValueError("an address has no spaces, control characters, quotes or brackets")
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(f"this is no address ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise ValueError("an address begins with https:// or http:// and a host name")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address must not hold a user name or password")
    return text


Text = Annotated[str, AfterValidator(_one_line)]
Url = Annotated[str, Field(max_length=2000), AfterValidator(_url)]


class Row(BaseModel):
    """A line of a CSV file or an item of a YAML list; an empty cell counts as left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True)

    slug: Annotated[str, Field(max_length=80), AfterValidator(_slug)]
    name: Annotated[Text, Field(min_length=1, max_length=200)]
    site: Url
    submission_url: Url
    status: DirectoryStatus = DirectoryStatus.NEEDS_VERIFICATION
    category: Annotated[Text, Field(max_length=80)] = ""
    domain_authority: Annotated[int, Field(ge=0, le=100)] = 0
    method: Literal["web_form"] = "web_form"
    trust: Literal["A", "B", ""] = ""
    pace: Annotated[float, Field(ge=0, le=86_400)] | None = None  # seconds between two visits, at most a day
    allows_automation: bool = True

    def as_directory(self) -> Directory:
        """Return the directory that this row describes."""
        return Directory(
            id=DirectoryId(self.slug),
            name=self.name,
            site=self.site,
            submission_url=self.submission_url,
            status=self.status,
            category=self.category,
            domain_authority=self.domain_authority,
            method=self.method,
            trust=self.trust,
            pace=None if self.pace is None else timedelta(seconds=self.pace),
            allows_automation=self.allows_automation,
        )


COLUMNS = tuple(Row.model_fields)
REQUIRED = tuple(name for name, field in Row.model_fields.items() if field.is_required())


def faults_of(error: ValidationError) -> list[str]:
    """Return one phrase for each fault of a row, beginning with its column."""
    return [
        f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}"
        for detail in error.errors(include_input=False, include_url=False)
    ]
