"""A STAND-IN for PostgREST, for tests only: there is no PostgREST binary in the registries that the project builds on.

It serves `POST /{database}/rest/v1/rpc/{function}` as PostgREST 12 does, as far as Fleet relies on it: it verifies the
token, sets the role and `request.jwt.claims` for the transaction, finds the function by its named arguments, decodes
the body by the arguments' types, and answers PostgREST's error JSON with its status.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SECRET = "only-for-tests-" + "x" * 32
_STATUS = {"23503": 409, "23505": 409, "25006": 405, "42501": 403, "42883": 404, "P0001": 400}
_STATUS_BY_CLASS = {"08": 503, "28": 403, "40": 500, "53": 503, "54": 413, "57": 500}
_ARGUMENTS = """
SELECT proargnames[1:pronargs] AS names, ARRAY(SELECT format_type(one, NULL) FROM unnest(proargtypes) AS one) AS types,
       pronargs - pronargdefaults AS required
FROM pg_proc WHERE proname = $1 AND pronamespace = 'public'::regnamespace
"""


def token(role: str, **claims: Any) -> str:
    return jwt.encode({"role": role, "exp": int(time.time()) + 600, **claims}, SECRET, algorithm="HS256")


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, details: str | None = None) -> None:
        self.response = JSONResponse(
            {"code": code, "message": message, "details": details, "hint": None}, status_code=status
        )


@dataclass
class StandIn:
    """Serves all databases of one Postgres. `before_answer` may take the place of an answer, to break it."""

    url_of: Callable[[str], str]

    def __post_init__(self) -> None:
        self._pools: dict[str, asyncpg.Pool] = {}
        self.before_answer: Callable[[str], Awaitable[Response | None]] | None = None
        route = Route("/{database}/rest/v1/rpc/{function}", self._serve, methods=["POST"])
        config = uvicorn.Config(Starlette(routes=[route]), host="127.0.0.1", port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline, "the stand-in did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def url(self, database: str) -> str:
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/{database}"

    async def _serve(self, request: Request) -> Response:
        function = request.path_params["function"]
        try:
            claims = _verify(request.headers)
            answer = await self._call(request.path_params["database"], function, claims, await request.body())
        except Refused as refused:
            return refused.response
        except asyncpg.PostgresError as error:
            return _error(error, claims.get("role", "anon"))
        if self.before_answer and (instead := await self.before_answer(function)):
            return instead
        return Response(answer, media_type="application/json")

    async def _call(self, database: str, function: str, claims: dict[str, Any], body: bytes) -> str:
        if database not in self._pools:
            self._pools[database] = await asyncpg.create_pool(self.url_of(database), min_size=0, max_size=10)
        async with self._pools[database].acquire() as connection, connection.transaction():
            names, types = await _find(connection, function, set(_object(body)))
            await connection.execute(
                "SELECT set_config('role', $1, true), set_config('request.jwt.claims', $2, true),"
                " set_config('search_path', 'public', true)",
                claims.get("role", "anon"),
                json.dumps(claims),
            )
            passed = ", ".join(f"{name} => body.{name}" for name in names)
            columns = ", ".join(f"{name} {type_}" for name, type_ in zip(names, types, strict=True))
            source = f"FROM json_to_record($1::json) AS body({columns})" if names else "WHERE $1::text IS NOT NULL"
            answer = await connection.fetchval(f"SELECT {function}({passed}) {source}", body.decode())
        return "null" if answer is None else str(answer)


def _verify(headers: Any) -> dict[str, Any]:
    if headers.get("content-profile", "public") != "public":
        raise Refused(406, "PGRST106", "The schema must be one of the following: public")
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme != "Bearer":
        return {"role": "anon"}
    try:
        return dict(jwt.decode(given, SECRET, algorithms=["HS256"]))
    except jwt.ExpiredSignatureError:
        raise Refused(401, "PGRST303", "JWT expired") from None
    except jwt.InvalidTokenError as error:
        raise Refused(401, "PGRST301", f"JWT is not valid: {error}") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body)
    except ValueError:
        raise Refused(400, "PGRST102", "Empty or invalid json") from None
    assert isinstance(arguments, dict)
    return arguments


async def _find(connection: Any, function: str, given: set[str]) -> tuple[list[str], list[str]]:
    for row in await connection.fetch(_ARGUMENTS, function):
        names, types = list(row["names"] or []), list(row["types"])
        if set(names[: row["required"]]) <= given <= set(names):
            return [name for name in names if name in given], [
                type_ for name, type_ in zip(names, types, strict=True) if name in given
            ]
    raise Refused(404, "PGRST202", f"Could not find the function public.{function} in the schema cache")


def _error(error: asyncpg.PostgresError, role: str) -> JSONResponse:
    code = error.sqlstate or "XX000"
    status = _STATUS.get(code) or _STATUS_BY_CLASS.get(code[:2]) or 400
    if code == "42501" and role == "anon":
        status = 401
    return JSONResponse(
        {"code": code, "message": error.args[0], "details": getattr(error, "detail", None), "hint": None},
        status_code=status,
    )
