"""Fleet's HTTP API. Run it with `uvicorn api.app:create_app --factory`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api import evidence, health
from api.headers import HEADERS, SecurityHeaders
from api.services import Services
from workers.log import configure_logging, get_logger
from workers.settings import Settings, load_settings

log = get_logger("api")


def create_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """Build the app; tests pass services of their own."""
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    services = services or Services.from_settings(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await services.close()

    app = FastAPI(title="Fleet", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.state.health = health.Health(services)
    app.include_router(health.router)
    app.include_router(evidence.router)
    app.add_exception_handler(Exception, _internal_error)
    # A page on another site must not read evidence through a name of its own that leads to the loopback.
    hosts = {"127.0.0.1", "localhost", urlsplit(settings.public_url).hostname or "localhost"}
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(hosts))
    app.add_middleware(SecurityHeaders)
    return app


async def _internal_error(request: Request, error: Exception) -> JSONResponse:
    log.error("request.failed", path=request.url.path, error=type(error).__name__, exc_info=error)
    answer = {"error": "internal", "message": "Fleet failed to answer; its log says why."}
    return JSONResponse(answer, 500, HEADERS)  # Starlette sends this past every middleware of ours
