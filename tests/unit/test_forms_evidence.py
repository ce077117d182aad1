"""Evidence in a folder: private, under names that are made here, and nothing else is ever read."""

from __future__ import annotations

import stat
import uuid
from pathlib import Path

import pytest

from workers.adapters.evidence import FolderEvidence


@pytest.fixture
def evidence(tmp_path: Path) -> FolderEvidence:
    return FolderEvidence(tmp_path / "kept", "http://127.0.0.1:8080/")


async def test_what_is_saved_can_be_loaded_by_its_id(evidence: FolderEvidence) -> None:
    evidence_id = await evidence.save(b"picture", suffix=".jpg")
    assert await evidence.load(evidence_id) == b"picture"
    uuid.UUID(evidence_id.removesuffix(".jpg"))
    assert evidence.link(evidence_id) == f"http://127.0.0.1:8080/evidence/{evidence_id}"


async def test_only_its_owner_can_read_it(evidence: FolderEvidence, tmp_path: Path) -> None:
    evidence_id = await evidence.save(b"picture")
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "kept" / evidence_id).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["../secret.png", "secret.png", "/etc/hostname", "", "x" * 400, "a\x00.png"])
async def test_what_is_no_id_is_not_loaded(evidence: FolderEvidence, tmp_path: Path, name: str) -> None:
    await evidence.save(b"picture")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "kept" / "secret.png").write_bytes(b"secret")
    assert await evidence.load(name) is None


async def test_an_id_that_nobody_gave_out_is_none(evidence: FolderEvidence) -> None:
    assert await evidence.load(f"{uuid.uuid4()}.png") is None


@pytest.mark.parametrize("suffix", ["/../x.png", "png", ".PNG", ""])
async def test_a_suffix_that_is_none_is_refused(evidence: FolderEvidence, suffix: str) -> None:
    with pytest.raises(ValueError, match="no suffix"):
        await evidence.save(b"picture", suffix=suffix)
