"""`GET /evidence/{id}`: the proof kept with an outcome.

Ids are random UUIDs, so a link is only known to whoever was given it; anything else is 404, whatever the cause.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from fastapi import APIRouter, HTTPException, Request, Response

from api.services import Services

router = APIRouter()

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z]{2,5}")
# Whatever else is kept is shown as text: a page that was saved as proof must not run here.
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".json": "application/json"}


@router.get("/evidence/{evidence_id}")
async def read_evidence(evidence_id: str, request: Request) -> Response:
    """Return one file of evidence."""
    services: Services = request.app.state.services
    data = await services.evidence.load(evidence_id) if _ID.fullmatch(evidence_id) else None
    if data is None:
        raise HTTPException(404)
    return Response(data, media_type=_TYPES.get(PurePath(evidence_id).suffix, "text/plain; charset=utf-8"))
