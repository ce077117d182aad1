"""The seed data: 212 real directories, none of which anybody has verified."""

from __future__ import annotations

from pathlib import Path

from workers.directories.catalogue_file import read_catalogue
from workers.model import Directory

SEED = Path(__file__).with_name("seed.csv")


def seed_directories() -> list[Directory]:
    """Return the directories that ship with Fleet, all with status `needs_verification`.

    Facts merged from public lists. `trust` is A where the submission page answered in 2025, B where a curated
    source lists it and nobody looked; `domain_authority` is rough (about 2024–25, ±10). Nothing else is known.
    """
    return read_catalogue(SEED)
