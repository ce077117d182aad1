"""What an attempt yields, as a value: seven kinds of outcome, a closed list of reasons, and the evidence.

"Later" and "never" are not tracebacks. Whoever handles an outcome matches on its class and ends with
`assert_never`, so that a new kind fails the type check wherever it was forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Reason(StrEnum):
    """Why an outcome is what it is. `sentence` is for people; `is_retryable` says whether another try can help."""

    sentence: str
    is_retryable: bool

    def __new__(cls, value: str, sentence: str, is_retryable: bool = False) -> Reason:
        """Build one member from its value, sentence and whether it may be tried again."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.is_retryable = is_retryable
        return member

    CONFIRMED = "confirmed", "The directory confirmed the submission."

    DUPLICATE_LISTING = "duplicate_listing", "The directory says that it has this business already."
    VALIDATION_REFUSED = "validation_refused", "The directory refused what was entered."

    CAPTCHA = "captcha", "The directory asks for a captcha; a person has to solve it."
    LOGIN_REQUIRED = "login_required", "The directory asks for an account."
    PAYMENT_REQUIRED = "payment_required", "The directory asks for money."
    VERIFICATION_REQUIRED = (
        "verification_required",
        "The directory waits for a confirmation by e-mail or phone.",
    )
    ANSWER_MISSING = "answer_missing", "The form requires an answer that the profile does not hold."
    BLOCKED = "blocked", "The directory does not let us in."

    ALREADY_LISTED = "already_listed", "The business was found in the directory before anything was sent."
    ALREADY_SUBMITTED = "already_submitted", "This customer was submitted to this directory before."
    EARLIER_UNRESOLVED = (
        "earlier_unresolved",
        "An earlier submission of this customer to this directory has no known outcome yet.",
    )
    DIRECTORY_INACTIVE = "directory_inactive", "The directory takes no submissions now."
    ROBOTS_DISALLOWED = "robots_disallowed", "The directory's robots.txt forbids it."
    AUTOMATION_FORBIDDEN = "automation_forbidden", "The directory forbids automated submissions."

    FORM_NOT_FOUND = "form_not_found", "No submission form was found on the page.", True
    FORM_CHANGED = "form_changed", "The form is not the one that the recipe describes.", True
    FIELD_REFUSED = "field_refused", "A field did not take its value.", True
    NAVIGATION_TIMEOUT = "navigation_timeout", "The directory did not answer in time.", True
    NAVIGATION_FAILED = "navigation_failed", "The directory could not be reached.", True
    DIRECTORY_ERROR = "directory_error", "The directory answered with a server error.", True
    ATTEMPT_TIMEOUT = "attempt_timeout", "The attempt took longer than its deadline.", True
    BROWSER_CRASHED = "browser_crashed", "The browser died during the attempt.", True
    INTERNAL_ERROR = "internal_error", "Fleet failed while it worked on this submission.", True
    PACE = "pace", "The directory was visited too recently.", True

    UNCONFIRMED = "unconfirmed", "The form was sent, but nothing proves that the directory took it."
    WORKER_LOST = "worker_lost", "The worker was lost between the click and the answer."


@dataclass(frozen=True, slots=True)
class Evidence:
    """Proof kept with an outcome. `screenshot` is the id that the evidence store gave, never a path."""

    screenshot: str | None = None
    final_url: str | None = None
    confirmation: str | None = None
    listing_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    reason: Reason
    message: str = ""
    evidence: Evidence = field(default_factory=Evidence)


class Submitted(_Outcome):
    """The directory confirmed the submission; `evidence.confirmation` quotes it."""


class Rejected(_Outcome):
    """The directory answered, and it does not want this submission."""


class NeedsHuman(_Outcome):
    """A person has to go on: a captcha, a login, a payment, a question without an answer."""


class Skipped(_Outcome):
    """Nothing was sent, and nothing shall be."""


@dataclass(frozen=True, slots=True)
class Deferred(_Outcome):
    """Nothing was sent; try again after `delay` at the earliest (the backoff may make it longer)."""

    delay: timedelta = timedelta(0)


class Failed(_Outcome):
    """Nothing was sent and the attempts are spent; an operator may retry it."""


class Unknown(_Outcome):
    """The form was sent and what became of it is not known. Never sent again blindly; reconciled."""


Outcome = Submitted | Rejected | NeedsHuman | Skipped | Deferred | Failed | Unknown
