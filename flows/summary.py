"""One line for people about what a caretaker's run did."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def summary(report: DataclassInstance, **more: int) -> str:
    """Return the counts of a report that are not zero, `sent 2, recovered 1`; a list counts its members."""
    counts = {field.name: _count(getattr(report, field.name)) for field in fields(report)} | more
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "Nothing to do."


def _count(value: Any) -> int:
    return value if isinstance(value, int) else len(value)
