"""What goes into a field: fitted to what it takes, never invented."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.sites.catalogue import SAMPLE_PROFILE
from tests.unit.forms_bench import control, form_of, select, textarea
from workers.forms.correct import correct
from workers.forms.plan import Plan, make_plan
from workers.forms.values import cut
from workers.forms.view import Control
from workers.profile import parse_profile


def plan(*controls: Control, **changes: Any) -> Plan:
    return make_plan(form_of(*controls), parse_profile({**SAMPLE_PROFILE, **changes}))


def value(*controls: Control, **changes: Any) -> object:
    """The value of the only entry, or None."""
    entries = plan(*controls, **changes).entries
    assert len(entries) <= 1
    return entries[0].value if entries else None


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (100, "One two. Three four five."),
        (19, "One two."),
        (22, "One two. Three four"),
        (8, "One two."),
        (7, "One two"),
        (5, "One"),
        (2, "On"),
    ],
)
def test_a_text_is_cut_at_a_sentence_then_at_a_word(limit: int, expected: str) -> None:
    text = "One two. Three four five."
    assert cut(text, limit) == expected


def test_an_address_is_never_cut() -> None:
    assert value(control("E-mail", max_length=5)) is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "+15125550142"),
        ({"placeholder": "(555) 555-5555"}, "(512) 555-0142"),
        ({"pattern": "[0-9]{10}"}, "5125550142"),
        ({"pattern": r"\d{3}-\d{3}-\d{4}"}, "512-555-0142"),
        ({"pattern": r"\+1 .*"}, "+1 512-555-0142"),
    ],
)
def test_a_phone_number_takes_the_form_that_is_asked_for(attributes: dict[str, str], expected: str) -> None:
    assert value(control("Phone", type="tel", attributes=attributes)) == expected


@pytest.mark.parametrize(
    ("label", "options", "expected"),
    [
        ("Country", ["Germany", "United States of America", "United Arab Emirates"], "United States of America"),
        ("Country", ["DE", "US"], "US"),
        ("Country", ["Deutschland", "USA"], "USA"),
        ("Land", ["Deutschland", "Vereinigte Staaten"], "Vereinigte Staaten"),
        ("State", ["Alaska", "Texas"], "Texas"),
        ("State", ["AK", "TX"], "TX"),
        ("Category", ["Plumbers", "Cafés & Coffee Shops"], "Cafés & Coffee Shops"),
        ("Category", ["Dentists", "Plumbers"], None),
    ],
)
def test_an_option_is_chosen_by_its_meaning(label: str, options: list[str], expected: str | None) -> None:
    assert value(select(label, options)) == expected


def test_a_category_that_must_be_chosen_and_does_not_exist_is_other() -> None:
    assert value(select("Category", ["Dentists", "Other"], is_required=True)) == "Other"


@pytest.mark.parametrize(("count", "expected"), [(7, "2-10"), (300, "251+"), (None, None)])
def test_a_head_count_finds_its_range(count: int | None, expected: str | None) -> None:
    assert value(select("Employees", ["1", "2-10", "11-250", "251+"]), employees=count) == expected


def test_terms_are_accepted_and_newsletters_are_not() -> None:
    terms = control("I agree to the terms of service", type="checkbox", is_required=True)
    news = control("Subscribe to our newsletter", type="checkbox", is_checked=True)
    offers = control("Send me offers", type="checkbox")
    entries = {entry.control.label: entry.value for entry in plan(control("Company"), terms, news, offers).entries}
    assert entries["I agree to the terms of service"] is True
    assert entries["Subscribe to our newsletter"] is False
    assert "Send me offers" not in entries


def test_a_required_question_without_an_answer_is_quoted() -> None:
    asked = plan(control("Company"), control("What is your licence number? *"))
    assert asked.questions == ("What is your licence number?",)


def test_a_question_that_the_profile_answers_in_its_own_words_is_answered() -> None:
    answer = plan(control("Licence number *"), extra={"Licence number": "L-17"})
    assert [entry.value for entry in answer.entries] == ["L-17"]
    assert answer.questions == ()


def test_a_password_is_never_invented() -> None:
    entries = plan(control("Company"), control("Website"), control("Password", type="password")).entries
    assert [entry.key for entry in entries] == ["business_name", "website"]


def test_a_honeypot_stays_empty() -> None:
    trap = control("Fax", is_visible=False, hidden_why="off-screen", attributes={"name": "fax", "tabindex": "-1"})
    assert plan(trap).entries == ()


def test_a_field_out_of_sight_or_out_of_use_stays_as_it_is() -> None:
    hidden, locked = control("City", is_visible=False, hidden_why="display"), control("Phone", is_readonly=True)
    assert plan(hidden, locked).entries == ()


def test_a_select_that_waits_for_the_country_is_awaited() -> None:
    country, state = select("Country", ["United States"]), select("State", [], is_disabled=True)
    planned = plan(country, state)
    assert [one.label for one in planned.awaited] == ["State"]


def test_a_street_and_its_number_go_where_they_are_asked() -> None:
    entries = plan(control("Straße"), control("Hausnummer"), street_address="Musterweg 12a").entries
    assert [entry.value for entry in entries] == ["Musterweg", "12a"]


@pytest.mark.parametrize(
    ("label", "message", "expected"),
    [
        ("Phone", "Phone number must contain digits only.", "15125550142"),
        ("Website", "Please enter without http://", "www.example.com/blue-heron"),
        ("Description", "Description is too long (maximum is 120 characters).", None),
        ("E-mail", "This address is not allowed.", "unchanged"),
    ],
)
def test_a_complaint_changes_what_it_names_and_nothing_else(label: str, message: str, expected: str | None) -> None:
    field = textarea(label) if label == "Description" else control(label)
    entries = plan(field, control("City")).entries
    corrected = correct(entries, [(entries[0].control, message)])
    if expected == "unchanged":
        assert corrected == []
        return
    text = str(corrected[0].value)
    assert corrected[1].value == "Austin"
    assert (len(text) <= 120 and text.endswith(".")) if expected is None else text == expected
