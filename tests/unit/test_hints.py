from __future__ import annotations

import json
import uuid

import pytest

from workers.errors import PoisonMessage
from workers.hints import Message, hint_attributes, hint_body, parse_hint
from workers.model import Hint, JobId

JOB = "6b0f0000-0000-4000-8000-000000000001"
GOOD = f'{{"v":1,"job_id":"{JOB}"}}'

POISON = {
    "empty": ("", "empty"),
    "blank": (" \n\t ", "empty"),
    "text": ("hello", "not JSON"),
    "half": (GOOD[:-1], "not JSON"),
    "two objects": (GOOD + GOOD, "not JSON"),
    "single quotes": (GOOD.replace('"', "'"), "not JSON"),
    "html": ("<html><body>502 Bad Gateway</body></html>", "not JSON"),
    "null": ("null", "not an object"),
    "true": ("true", "not an object"),
    "number": ("7", "not an object"),
    "string": (json.dumps(GOOD), "not an object"),
    "list": (f"[{GOOD}]", "not an object"),
    "empty object": ("{}", "other keys"),
    "no job": ('{"v":1}', "other keys"),
    "no version": (f'{{"job_id":"{JOB}"}}', "other keys"),
    "more keys": (f'{{"v":1,"job_id":"{JOB}","email":"jo@example.com"}}', "other keys"),
    "wrapped": (f'{{"message":{GOOD}}}', "other keys"),
    "version 2": (f'{{"v":2,"job_id":"{JOB}"}}', "version"),
    "version text": (f'{{"v":"1","job_id":"{JOB}"}}', "version"),
    "version true": (f'{{"v":true,"job_id":"{JOB}"}}', "version"),
    "version 1.0": (f'{{"v":1.0,"job_id":"{JOB}"}}', "version"),
    "job null": ('{"v":1,"job_id":null}', "UUID"),
    "job number": ('{"v":1,"job_id":7}', "UUID"),
    "job list": (f'{{"v":1,"job_id":["{JOB}"]}}', "UUID"),
    "job object": ('{"v":1,"job_id":{}}', "UUID"),
    "job empty": ('{"v":1,"job_id":""}', "UUID"),
    "job word": ('{"v":1,"job_id":"job-1"}', "UUID"),
    "job in braces": (f'{{"v":1,"job_id":"{{{JOB}}}"}}', "UUID"),
    "job without hyphens": (f'{{"v":1,"job_id":"{JOB.replace("-", "")}"}}', "UUID"),
    "job with line break": (f'{{"v":1,"job_id":"{JOB}\\n"}}', "UUID"),
    "job with full-width digits": (f'{{"v":1,"job_id":"{JOB.replace("1", "１")}"}}', "UUID"),
    "job with SQL": ('{"v":1,"job_id":"\'; DROP TABLE jobs;--"}', "UUID"),
    "same key twice": (f'{{"v":1,"job_id":"{JOB}","job_id":"{JOB}"}}', "twice"),
    "same key twice inside": ('{"v":{"a":1,"a":2},"job_id":""}', "twice"),
    "NaN": (f'{{"v":NaN,"job_id":"{JOB}"}}', "NaN"),
    "Infinity": (f'{{"v":-Infinity,"job_id":"{JOB}"}}', "NaN"),
    "huge number": (f'{{"v":1{"0" * 900},"job_id":"{JOB}"}}', "version"),
    "byte order mark": ("\ufeff" + GOOD, "byte order mark"),
    "UTF-16 read as text": ("\x00".join(GOOD), "not JSON"),
    "control character": (f'{{"v":1,"job_id":"{JOB}\x01"}}', "not JSON"),
    "lone surrogate": ('{"v":1,"job_id":"\ud800"}', "UUID"),
    "deep lists": ("[" * 1000, "nested|not JSON"),
    "deep objects": ('{"a":' * 200, "not JSON"),
    "deep and long": ("[" * 10_000 + "]" * 10_000, "20,000 bytes"),
    "1 MiB": ("x" * 1_048_576, "1,048,576 bytes"),
    "long by its bytes": ("é" * 600, "1,200 bytes"),
    "padded good one": (GOOD + " " * 2000, "bytes"),
}


def message(body: str, queue: str = "p1", **attributes: str) -> Message:
    return Message(body, "message-1", queue, "receipt", attributes)


def test_what_was_written_is_read() -> None:
    hint = Hint(JobId(str(uuid.uuid4())), 12, 3, "shop-42")
    assert parse_hint(message(hint_body(hint), "p3", **hint_attributes(hint))) == hint
    assert hint_body(hint).isascii()


@pytest.mark.parametrize(("body", "reason"), POISON.values(), ids=POISON)
def test_poison_is_named_and_not_repeated(body: str, reason: str) -> None:
    with pytest.raises(PoisonMessage, match=reason) as caught:
        parse_hint(message(body))
    assert len(str(caught.value)) < 100
    assert "example.com" not in str(caught.value)


@pytest.mark.parametrize("number", ["", "one", "-1", "1.5", "１", "1" * 10, " 1"])
def test_a_hint_number_that_is_none_is_poison(number: str) -> None:
    with pytest.raises(PoisonMessage, match="attribute hint"):
        parse_hint(message(GOOD, hint=number))


def test_a_message_without_attributes_has_number_zero() -> None:
    assert parse_hint(message(GOOD, "p4")) == Hint(JobId(JOB), 0, 4)


def test_a_job_id_in_capitals_is_the_same_job() -> None:
    assert parse_hint(message(GOOD.replace(JOB, JOB.upper()))).job_id == JOB


@pytest.mark.parametrize("correlation_id", ["two words", "line\nbreak", "\x1b[31m", "x" * 129, "naïve"])
def test_a_correlation_id_that_could_disturb_a_log_is_left_out(correlation_id: str) -> None:
    assert parse_hint(message(GOOD, correlation_id=correlation_id)).correlation_id == ""
    assert "correlation_id" not in hint_attributes(Hint(JobId(JOB), 1, 1, correlation_id))
