"""A customer's business profile: the data as it shall be listed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Profile(BaseModel):
    """The business data of one order. Build it with `parse_profile`, which names every fault at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    business_name: str
    website: str
    email: str
    description: str
    tagline: str | None = None
    short_description: str | None = None
    phone: str | None = None
    fax: str | None = None
    contact_name: str | None = None
    contact_first_name: str | None = None
    contact_last_name: str | None = None
    contact_title: str | None = None
    street_address: str | None = None
    address_line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    category: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    logo: str | None = None
    image: str | None = None
    hours: dict[str, tuple[tuple[str, str], ...]] | None = None
    year_founded: int | None = None
    employees: int | str | None = None
    price_range: str | None = None
    facebook: str | None = None
    x: str | None = None
    linkedin: str | None = None
    instagram: str | None = None
    youtube: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    vat_number: str | None = None
    message: str | None = None
    extra: dict[str, str] = {}
