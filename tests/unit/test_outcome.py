"""Reasons and outcomes are closed lists that people can read."""

from __future__ import annotations

import pytest

from workers.outcome import Deferred, Outcome, Reason, Rejected, Submitted


def test_every_reason_has_a_sentence_of_its_own() -> None:
    sentences = [reason.sentence for reason in Reason]
    assert all(sentence.endswith(".") and len(sentence) > 15 for sentence in sentences)
    assert len(set(sentences)) == len(sentences)


def test_what_was_or_may_have_been_sent_is_never_retryable() -> None:
    after_the_click = {
        Reason.CONFIRMED,
        Reason.UNCONFIRMED,
        Reason.WORKER_LOST,
        Reason.DUPLICATE_LISTING,
        Reason.VALIDATION_REFUSED,
        Reason.ALREADY_SUBMITTED,
    }
    assert not any(reason.is_retryable for reason in after_the_click)


@pytest.mark.parametrize("other", [Rejected(Reason.CONFIRMED, "x"), Deferred(Reason.CONFIRMED, "x")])
def test_outcomes_of_different_kinds_are_never_equal(other: Outcome) -> None:
    outcome: Outcome = Submitted(Reason.CONFIRMED, "x")
    assert outcome == Submitted(Reason.CONFIRMED, "x")
    assert outcome != other
