"""Evidence comes back under its id, and under nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.adapters.evidence import FolderEvidence


@pytest.fixture
def evidence(tmp_path: Path) -> FolderEvidence:
    return FolderEvidence(tmp_path / "evidence", "http://127.0.0.1:8080/")


async def test_what_was_saved_is_loaded_and_linked_under_its_id(evidence: FolderEvidence) -> None:
    evidence_id = await evidence.save(b"picture")
    assert await evidence.load(evidence_id) == b"picture"
    assert evidence.link(evidence_id) == f"http://127.0.0.1:8080/evidence/{evidence_id}"


async def test_only_the_owner_may_read_it(evidence: FolderEvidence, tmp_path: Path) -> None:
    evidence_id = await evidence.save(b"picture")
    assert (tmp_path / "evidence").stat().st_mode & 0o077 == 0
    assert (tmp_path / "evidence" / evidence_id).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "name", ["../secret.png", "secret.png", "", "/etc/passwd", "00000000-0000-4000-8000-000000000000.png/../x"]
)
async def test_a_name_that_is_no_id_finds_nothing(evidence: FolderEvidence, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "secret.png").write_bytes(b"secret")
    assert await evidence.load(name) is None


async def test_an_id_without_a_file_finds_nothing(evidence: FolderEvidence) -> None:
    assert await evidence.load("00000000-0000-4000-8000-000000000000.png") is None
