"""A hint as it travels: an ASCII JSON body that names the job, and two attributes. Ids only, never data.

    {"v":1,"job_id":"6b0f…"}     attributes: `hint` (its number), `correlation_id`

Whatever else arrives is poison: `parse_hint` says why, and the consumer puts it on the DLQ as it came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.errors import PoisonMessage
from workers.model import Hint, JobId
from workers.ports import Received

VERSION = 1
BODY_LIMIT = 1024
"""Bytes. A hint has 61; nothing that is longer can be one, and it need not be parsed to know."""

# Limits of SQS (developer guide, "message quotas"), and one of ours: attributes count towards the size of a message.
_ATTRIBUTE_LIMIT = 10
_REASON_LIMIT = 1000  # characters
_REFUSED_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_CORRELATION_ID = re.compile(r"[!-~]{1,128}")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as an adapter received it (`ports.Received`)."""

    body: str
    message_id: str
    queue: str
    receipt: str
    attributes: dict[str, str] = field(default_factory=dict)


def hint_body(hint: Hint) -> str:
    """Write the body of a hint."""
    return json.dumps({"v": VERSION, "job_id": hint.job_id}, separators=(",", ":"))


def hint_attributes(hint: Hint) -> dict[str, str]:
    """Write the attributes of a hint. A correlation id that is no plain ASCII word is left out: it is a courtesy."""
    attributes = {"hint": str(hint.number)}
    if _CORRELATION_ID.fullmatch(hint.correlation_id):
        attributes["correlation_id"] = hint.correlation_id
    return attributes


def epitaph(message: Received, reason: str) -> dict[str, str]:
    """Write the attributes of a dead letter: why and where from, then what it had, as far as SQS takes attributes."""
    ours = {
        "reason": _REFUSED_CHARACTERS.sub("?", reason)[:_REASON_LIMIT] or "unknown",
        "source": message.queue,
        "source_message_id": message.message_id,
        **({} if message.body else {"is_empty": "true"}),
    }
    theirs = {name: value for name, value in message.attributes.items() if name not in ours and value}
    return dict([*ours.items(), *theirs.items()][:_ATTRIBUTE_LIMIT])


def parse_hint(message: Received) -> Hint:
    """Read a received message; its queue `p1` … `p4` gives the priority.

    A message without the attribute `hint` (written by hand or by a shop) has number 0.
    Raises `PoisonMessage` with the reason, which never repeats what the message says.
    """
    body = _parse_body(message.body)
    if set(body) != {"v", "job_id"}:
        raise PoisonMessage("The body has other keys than v and job_id.")
    if type(body["v"]) is not int or body["v"] != VERSION:
        raise PoisonMessage(f"The version of the body is not {VERSION}.")
    if not isinstance(body["job_id"], str) or not _JOB_ID.fullmatch(body["job_id"]):
        raise PoisonMessage("The job_id of the body is not a UUID.")
    number = message.attributes.get("hint", "0")
    if not _NUMBER.fullmatch(number):
        raise PoisonMessage("The attribute hint is not a number.")
    correlation_id = message.attributes.get("correlation_id", "")
    return Hint(
        job_id=JobId(body["job_id"].lower()),
        number=int(number),
        priority=int(message.queue.removeprefix("p")),
        correlation_id=correlation_id if _CORRELATION_ID.fullmatch(correlation_id) else "",
    )


def _parse_body(text: str) -> Mapping[str, Any]:
    if not text.strip():
        raise PoisonMessage("The body is empty.")
    if (size := len(text.encode(errors="surrogatepass"))) > BODY_LIMIT:
        raise PoisonMessage(f"The body has {size:,} bytes; a hint has at most {BODY_LIMIT:,}.")
    if text.startswith("\ufeff"):
        raise PoisonMessage("The body is not JSON: it begins with a byte order mark.")
    try:
        body = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise PoisonMessage("The body is nested too deeply.") from None
    except ValueError:
        raise PoisonMessage("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise PoisonMessage("The body is JSON, but not an object.")
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(keys := dict(pairs)) < len(pairs):
        raise PoisonMessage("The body has the same key twice.")
    return keys


def _refuse_constant(_name: str) -> None:
    raise PoisonMessage("The body is not JSON: it holds NaN or Infinity.")
