"""What a control is taken for: by its words in seven languages, by its kind, by its neighbours."""

from __future__ import annotations

import pytest

from tests.unit.forms_bench import button, control, form_of, keys_of, page, select, textarea
from workers.forms.choose import Purpose, choose, understand
from workers.forms.classify import GUARDS, PROFILE_KEYS, classify
from workers.forms.words import LANGUAGES, find_keys, language_data


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("Company name *", "business_name"),
        ("Your business", "business_name"),
        ("E-mail address", "email"),
        ("Business address", "street_address"),
        ("Company website", "website"),
        ("Name of firm", "business_name"),
        ("Firmenname", "business_name"),
        ("Straße und Hausnummer", "street_address"),
        ("Kurzbeschreibung *", "short_description"),
        ("PLZ", "postal_code"),
        ("Nom de l'entreprise", "business_name"),
        ("Adresse e-mail", "email"),
        ("Code postal", "postal_code"),
        ("Página web", "website"),
        ("Correo electrónico", "email"),
        ("Teléfono", "phone"),
        ("Ragione sociale", "business_name"),
        ("Città", "city"),
        ("Código postal", "postal_code"),
        ("Razão social", "business_name"),
        ("Telemóvel", "phone"),
        ("Bedrijfsnaam", "business_name"),
        ("Plaats", "city"),
        ("E-mailadres", "email"),
        ("Date of birth", "other"),
        ("How did you hear about us?", "other"),
        ("Username or e-mail", "username"),
        ("Promo code", "coupon"),
        ("Card number", "payment"),
        ("Enter the code shown", "captcha"),
        ("Leave this field blank", "honeypot"),
    ],
)
def test_a_label_names_its_key(label: str, key: str) -> None:
    reading = classify(control(label))
    assert reading.key == key, reading
    assert reading.why


def test_autocomplete_beats_the_name() -> None:
    reading = classify(control(attributes={"name": "field_17", "autocomplete": "shipping postal-code"}))
    assert (reading.key, reading.why) == ("postal_code", "autocomplete=postal-code")


def test_the_label_beats_the_name() -> None:
    assert classify(control("Phone", attributes={"name": "email2"})).key == "phone"


def test_a_field_that_nothing_names_gets_no_key() -> None:
    assert classify(control(attributes={"name": "xk_41"})).key is None


def test_a_name_is_split_into_words() -> None:
    assert classify(control(attributes={"name": "biz[postalCode]"})).key == "postal_code"


def test_a_control_only_gets_keys_that_it_can_hold() -> None:
    assert classify(select("E-mail", ["daily", "weekly"])).key != "email"
    assert classify(control("Category", type="file")).key is None


@pytest.mark.parametrize("why", ["off-screen", "clipped", "opacity", "size"])
def test_a_field_that_is_hidden_by_a_trick_is_a_trap(why: str) -> None:
    hidden = control("Email", is_visible=False, hidden_why=why, attributes={"name": "email", "tabindex": "-1"})
    assert classify(hidden).key == "honeypot"


def test_a_hidden_field_that_browsers_complete_is_no_trap() -> None:
    attributes = {"name": "zip", "tabindex": "-1", "autocomplete": "billing postal-code"}
    assert classify(control("Zip", is_visible=False, hidden_why="size", attributes=attributes)).key == "postal_code"


def test_a_select_of_calling_codes_is_no_country() -> None:
    assert (
        classify(select("Country code", ["Germany (+49)", "France (+33)", "Spain (+34)", "Italy (+39)"])).key == "other"
    )


def test_a_bare_name_beside_a_first_name_is_the_last_name() -> None:
    assert keys_of(control("Vorname"), control("Name"), heading="") == ["contact_first_name", "contact_last_name"]


def test_the_second_address_line_is_told_from_the_first() -> None:
    assert keys_of(control("Address"), control("Address"), control("City")) == [
        "street_address",
        "address_line2",
        "city",
    ]


def test_a_street_beside_a_house_number_is_a_part() -> None:
    street, number = form_of(control("Straße"), control("Hausnummer")).readings
    assert (street.key, street.part) == ("other", "street")
    assert (number.key, number.part) == ("other", "house_number")


def test_in_a_listings_form_the_name_is_the_business() -> None:
    controls = (control("Name"), control("Website"), control("E-mail"), textarea("Description"))
    assert keys_of(*controls) == ["business_name", "website", "email", "description"]


def test_in_a_contact_form_the_name_is_the_person() -> None:
    assert keys_of(control("Name"), control("E-mail"), textarea("Message"), heading="Contact us") == [
        "contact_name",
        "email",
        "message",
    ]


@pytest.mark.parametrize(
    ("purpose", "controls", "text"),
    [
        (Purpose.SEARCH, [control(attributes={"name": "q"})], "Search"),
        (Purpose.LOGIN, [control("E-mail"), control("Password", type="password")], "Sign in"),
        (Purpose.NEWSLETTER, [control("E-mail", type="email")], "Subscribe"),
        (Purpose.COMMENT, [control("Name"), control("E-mail"), textarea("Comment")], "Post comment"),
        (Purpose.PAYMENT, [control("Card number"), control("CVC")], "Pay"),
        (Purpose.LISTING, [control("Company"), control("Website"), textarea("Description")], "Send"),
    ],
)
def test_a_form_is_known_by_what_it_asks(purpose: Purpose, controls: list, text: str) -> None:  # type: ignore[type-arg]  # of controls
    view = page(controls, buttons=[button(text)])
    (form,) = understand(view)
    assert form.purpose is purpose
    assert (choose([form]) is form) == (purpose is Purpose.LISTING)


@pytest.mark.parametrize("text", ["Reset", "Upload file", "Cancel", "Search"])
def test_the_button_that_sends_is_not_another_one(text: str) -> None:
    other = button(text, ref=1, kind="button")
    (form,) = understand(page([control("Company")], buttons=[other, button("Add listing")]))
    assert form.press is not None
    assert form.press.button.text == "Add listing"


@pytest.mark.parametrize(("text", "is_next"), [("Continue", True), ("Preview", True), ("Submit listing", False)])
def test_a_button_promises_a_step_by_its_own_words(text: str, is_next: bool) -> None:
    (form,) = understand(page([control("Company")], buttons=[button(text)], lines=["Step 1 of 3"]))
    assert form.press is not None
    assert form.press.is_next is is_next


@pytest.mark.parametrize("language", [*LANGUAGES, "names"])
def test_the_words_of_a_language_only_name_known_keys(language: str) -> None:
    data = language_data(language)
    assert set(data["strong"]) | set(data.get("weak", {})) <= PROFILE_KEYS | GUARDS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_of_a_language_is_found_in_its_own_text(language: str) -> None:
    for key, phrases in language_data(language)["strong"].items():
        for phrase in phrases:
            assert find_keys(phrase.replace("*", "")), (key, phrase)
