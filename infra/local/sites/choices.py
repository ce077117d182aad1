"""Forms that ask to choose: categories in groups, and states that depend on the country."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.site import Site


class Categories(Site):
    """Selects with groups of categories, radio buttons, and terms to accept."""

    slug = "categories"
    name = "Marketrow Business Finder"
    tagline = "Twelve thousand businesses, neatly sorted"
    submission_path = "/business/new"
    accent = "#7a3d6b"
    clutter = frozenset({"search", "newsletter", "login"})
    title_field = "biz[name]"
    required = ("biz[name]", "biz[url]", "biz[email]", "biz[category]", "biz[summary]", "biz[terms]")
    thanks = "Your business has been submitted successfully! Keep your submission ID: {reference}."
    groups: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Food & Drink": ("Bakeries", "Bars & Pubs", "Cafés & Coffee Shops", "Caterers", "Restaurants"),
        "Health & Beauty": ("Dentists", "Hair Salons", "Opticians", "Pharmacies"),
        "Home & Garden": ("Builders", "Electricians", "Gardeners", "Plumbers"),
        "Professional Services": ("Accountants", "Consultants", "Lawyers", "Marketing Agencies"),
        "Technology": ("Computer Repair", "Software Companies", "Web Design"),
        "Other": ("Everything else",),
    }
    sizes: ClassVar[tuple[str, ...]] = ("1", "2-10", "11-50", "51-250", "251+")

    def category_values(self) -> dict[str, str]:
        """Return the values of the category select with their texts; the values are numbers, as in a database."""
        texts = [text for group in self.groups.values() for text in group]
        return {str(100 + number): text for number, text in enumerate(texts)}

    def value_of(self, text: str) -> str:
        """Return the value that stands for one category."""
        return next(value for value, known in self.category_values().items() if known == text)

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Check the category, too."""
        faults = super().faults(fields)
        if "biz[category]" not in faults and fields["biz[category]"] not in self.category_values():
            faults["biz[category]"] = "Please choose a category from the list."
        return faults


class Regions(Site):
    """The select of states stays empty until a script has fetched those of the chosen country."""

    slug = "regions"
    name = "Meridian World Register"
    tagline = "Companies in every time zone"
    submission_path = "/register-company"
    accent = "#1f5f7a"
    clutter = frozenset({"search"})
    title_field = "companyName"
    required = ("companyName", "companyWebsite", "companyEmail", "country", "companyProfile")
    thanks = "Registration received. We have added {business} to our queue under reference {reference}."
    countries: ClassVar[Mapping[str, str]] = {
        "AU": "Australia",
        "CA": "Canada",
        "DE": "Germany",
        "GB": "United Kingdom",
        "US": "United States of America",
    }
    states: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "AU": {"NSW": "New South Wales", "QLD": "Queensland", "VIC": "Victoria", "WA": "Western Australia"},
        "CA": {"AB": "Alberta", "BC": "British Columbia", "ON": "Ontario", "QC": "Quebec"},
        "DE": {"BE": "Berlin", "BY": "Bayern", "HH": "Hamburg", "NW": "Nordrhein-Westfalen"},
        "US": {"CA": "California", "FL": "Florida", "NY": "New York", "TX": "Texas", "WA": "Washington"},
    }

    def routes(self) -> list[BaseRoute]:
        """Add what the script fetches."""
        return [*super().routes(), Route("/regions/{country}", self.regions)]

    async def regions(self, request: Request) -> Response:
        """Answer with the states of one country; some have none."""
        return JSONResponse(self.states.get(request.path_params["country"], {}))

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Check that the state lies in the country, where the country has states."""
        faults = super().faults(fields)
        states = self.states.get(fields.get("country", ""), {})
        if states and fields.get("state") not in states:
            faults["state"] = "Please select a state."
        return faults
