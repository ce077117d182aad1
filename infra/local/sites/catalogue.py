"""All sample sites as directories of the catalogue, and the outcome that each was designed for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from infra.local.sites.answers import Duplicate, Friendly
from infra.local.sites.choices import Categories, Regions
from infra.local.sites.frame import Iframe
from infra.local.sites.honeypot import Honeypot
from infra.local.sites.limits import Limits, Validation
from infra.local.sites.plain import Plain, Positional
from infra.local.sites.site import Designed, Site
from infra.local.sites.spa import Spa
from infra.local.sites.steps import Preview, Wizard
from infra.local.sites.trouble import Broken, Closes, Flaky, Slow
from infra.local.sites.upload import Upload
from infra.local.sites.walls import Captcha, Checkout, Login, Payment
from workers.model import Directory, DirectoryId, DirectoryStatus

SITES: tuple[type[Site], ...] = (
    Plain,
    Positional,
    Categories,
    Regions,
    Limits,
    Upload,
    Wizard,
    Preview,
    Spa,
    Iframe,
    Honeypot,
    Validation,
    Duplicate,
    Friendly,
    Captcha,
    Login,
    Payment,
    Checkout,
    Slow,
    Flaky,
    Closes,
    Broken,
)


def directory_id(site: type[Site]) -> DirectoryId:
    """Return the id under which a site stands in the catalogue."""
    return DirectoryId(f"sample-{site.slug}")


# What becomes of one submission of SAMPLE_PROFILE when nothing else goes wrong; flaky is deferred once before it.
EXPECTED: Mapping[DirectoryId, Designed] = {directory_id(site): site.designed for site in SITES}

# Complete enough for every sample site. Invented: example.com and a 555-01xx number belong to nobody.
SAMPLE_PROFILE: Mapping[str, object] = json.loads(
    (Path(__file__).parents[1] / "demo_profile.json").read_text(encoding="utf-8")
)


def sample_directories(port: int) -> list[Directory]:
    """Return the sample sites behind a server's port: active, to be visited without a pause."""
    return [_directory(site, port, rank) for rank, site in enumerate(SITES)]


def _directory(site: type[Site], port: int, rank: int) -> Directory:
    home = f"http://{site.slug}.localhost:{port}"
    return Directory(
        id=directory_id(site),
        name=site.name,
        site=home,
        submission_url=home + site.submission_path,
        status=DirectoryStatus.ACTIVE,
        category="sample",
        domain_authority=90 - rank,
        trust="A",
        pace=timedelta(0),
    )
