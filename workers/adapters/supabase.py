"""Through Supabase's REST interface (PostgREST) with its own client: hosted or self-hosted."""

from __future__ import annotations

from typing import Any

import httpx
from postgrest import APIError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from workers.adapters.rpc import CallUndone, error_from
from workers.adapters.store import DatabaseStore
from workers.errors import SettingsInvalid, StoreUnavailable
from workers.settings import Settings

_LIMITS = httpx.Timeout(30.0, connect=10.0, pool=10.0)  # seconds


class SupabaseRpc:
    """Calls database functions as `POST /rest/v1/rpc/<function>`, one transaction each."""

    def __init__(self, client: AsyncClient, http: httpx.AsyncClient) -> None:
        self._client = client
        self._http = http

    async def call(self, function: str, **arguments: Any) -> Any:
        """Call a function (see `rpc.Rpc`)."""
        try:
            response = await self._client.rpc(function, arguments).execute()
        except APIError as error:
            # Without its cause, whose details quote the refused row: a customer's profile.
            raise error_from(str(error.code or ""), error.message or "no message") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise CallUndone(f"No connection to Supabase: {error or type(error).__name__}") from error
        except httpx.TransportError as error:
            raise StoreUnavailable(f"The connection to Supabase was lost: {error or type(error).__name__}") from error
        return response.data

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._http.aclose()


async def open_supabase_store(settings: Settings) -> DatabaseStore:
    """Make the client for `settings.supabase_url`; the first call connects."""
    if settings.supabase_url is None or settings.supabase_service_role_key is None:
        raise SettingsInvalid("The settings are not valid:", ["SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY must be set"])
    http = httpx.AsyncClient(timeout=_LIMITS)
    options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False, persist_session=False)
    key = settings.supabase_service_role_key.get_secret_value()
    client = await acreate_client(settings.supabase_url, key, options=options)
    return DatabaseStore(SupabaseRpc(client, http))
