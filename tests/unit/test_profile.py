from __future__ import annotations

import json
from typing import Any

import pytest

from workers.errors import ProfileInvalid
from workers.profile import Profile, _rules, parse_profile

MINIMAL: dict[str, Any] = {
    "business_name": "Harbour Bakery",
    "website": "https://harbour-bakery.example",
    "email": "hello@harbour-bakery.example",
    "description": "Bread and pastry, baked at night and sold at six.",
}
FULL: dict[str, Any] = {
    **MINIMAL,
    "tagline": "Warm at six",
    "short_description": "A bakery by the harbour.",
    "phone": "+1 202-555-0123",
    "fax": "+12025550124",
    "contact_name": "Jo Sample",
    "contact_first_name": "Jo",
    "contact_last_name": "Sample",
    "contact_title": "Owner",
    "street_address": "1 Quay Street",
    "address_line2": "Unit 4",
    "city": "Washington",
    "state": "DC",
    "postal_code": "20001",
    "country": "United States",
    "category": ["Bakery", "Café"],
    "keywords": ["bread", "pastry"],
    "logo": "pictures/logo.PNG",
    "image": "https://harbour-bakery.example/front",
    "hours": {"mon": [["06:00", "12:00"], ["13:00", "17:30"]], "sat": [["22:00", "02:00"]], "sun": []},
    "year_founded": 1998,
    "employees": "11-50",
    "price_range": "$$",
    "facebook": "https://facebook.example/harbour",
    "x": "https://x.example/harbour",
    "linkedin": "https://linkedin.example/company/harbour",
    "instagram": "https://instagram.example/harbour",
    "youtube": "https://youtube.example/@harbour",
    "latitude": 38.9,
    "longitude": -77,
    "vat_number": "DE000000000",
    "message": "Please list us.\nThank you.",
    "extra": {"Do you deliver?": "Yes, by bicycle."},
}


def faults_of(data: object) -> tuple[str, ...]:
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(data)
    return caught.value.faults


def fault_of(key: str, value: object, **others: object) -> str:
    """The one fault of a profile that is right but for `key`."""
    faults = faults_of({**MINIMAL, **others, key: value})
    assert len(faults) == 1, faults
    assert faults[0].startswith(f"`{key}` ")
    return faults[0]


def kept(key: str, value: object, **others: object) -> object:
    return getattr(parse_profile({**MINIMAL, **others, key: value}), key)


def test_the_minimal_and_the_full_profile_are_taken() -> None:
    assert set(FULL) == set(Profile.model_fields)
    assert parse_profile(MINIMAL).business_name == "Harbour Bakery"
    profile = parse_profile(FULL)
    assert profile.phone == "+12025550123"
    assert profile.hours == {"mon": (("06:00", "12:00"), ("13:00", "17:30")), "sat": (("22:00", "02:00"),), "sun": ()}


def test_what_was_parsed_survives_json_and_a_second_parse() -> None:
    profile = parse_profile(FULL)
    stored = json.loads(json.dumps(profile.model_dump(mode="json", exclude_none=True)))
    assert Profile.model_validate(stored) == profile
    assert parse_profile(stored) == profile


def test_every_key_has_a_rule() -> None:
    assert list(_rules(None)) == list(Profile.model_fields)


def test_every_fault_is_named_at_once_and_no_value_is_repeated() -> None:
    bad = {
        "business_name": "Secret\x00Name",
        "website": "ftp://secret.example",
        "email": "secret at example.com",
        "phone": "call secret",
        "postal_code": "SECRET",
        "country": "DE",
        "year_founded": "secret",
        "latitude": 91,
        "longitude": 0,
        "category": ["fine", 7, "sec\x1bret"],
        "hours": {"mon": [["9", "17:00"]], "tue": "secret"},
        "busines_name": "secret",
    }
    faults = faults_of(bad)
    named = [fault.split("`")[1] if fault.startswith("`") else fault.split("'")[1] for fault in faults]
    assert named == [
        "description", "business_name", "website", "email", "phone", "postal_code", "category", "category",
        "hours", "hours", "year_founded", "latitude", "busines_name",
    ]  # fmt: skip
    assert "secret" not in "".join(faults).lower()


@pytest.mark.parametrize("data", [None, [], "text", 7, True, [MINIMAL]])
def test_what_is_no_object_is_refused(data: object) -> None:
    assert faults_of(data)[0].endswith("expected an object")


def test_an_empty_profile_names_the_four_required_keys() -> None:
    assert [fault.split("`")[1] for fault in faults_of({})] == ["business_name", "website", "email", "description"]


@pytest.mark.parametrize("blank", [None, "", "  \n"])
def test_null_and_blank_text_count_as_not_given(blank: object) -> None:
    assert parse_profile({**MINIMAL, "phone": blank, "hours": blank}) == parse_profile(MINIMAL)
    assert faults_of({**MINIMAL, "email": blank}) == ("`email` is required and was not given",)


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("busines_name", "business_name"),
        ("Web-Site", "website"),
        ("e-mail", "email"),
        ("phone_number", "phone"),
        ("zip", "postal_code"),
        ("twitter", "x"),
        ("long_description", "description"),
        ("\ud800", ""),
        (7, ""),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(unknown: object, nearest: str) -> None:
    profile: dict[Any, object] = {**MINIMAL}
    profile[unknown] = "value"
    (fault,) = faults_of(profile)
    assert fault.endswith(f"`{nearest}`") or not nearest
    fault.encode()  # a lone surrogate in a key does not reach a terminal or a log


def test_a_thousand_unknown_keys_are_counted_not_listed() -> None:
    faults = faults_of({**MINIMAL, **{f"key_{n}": n for n in range(1000)}})
    assert len(faults) == 21
    assert faults[-1] == "980 more keys are unknown"


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧‍👦 family 🏳️‍🌈",
        "مخبز الميناء",
        "מאפיית הנמל",
        "Cafe\u0301 (combining), Café (composed)",
        "１２３ full-width",
        "'; DROP TABLE jobs; --",
        "{{7*7}} $(id) %_ =cmd|'/c calc'!A1 <script>alert(1)</script> <!channel>",
        "or=(id.eq.1,name.eq.2)",
        'a[name="b"] > c::after \\',
        "\u200fمرحبا\u200e",
        "  spaces around  ",
        "株式会社港パン",
    ],
)
def test_texts_arrive_unchanged(text: str) -> None:
    profile = parse_profile({**MINIMAL, "business_name": text, "description": f"{text}\r\n{text}\n\t{text}"})
    assert profile.business_name == text
    assert profile.description == f"{text}\r\n{text}\n\t{text}"
    assert parse_profile({**MINIMAL, "extra": {text: text}}).extra == {text: text}


FORBIDDEN = [
    *(chr(code) for code in (0, 1, 7, 8, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F)),
    "\ud800", "\udfff", "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\U0010ffff",
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
]  # fmt: skip


@pytest.mark.parametrize("character", FORBIDDEN, ids=lambda c: f"U+{ord(c):04X}")
def test_what_cannot_be_stored_or_seen_is_refused_in_every_text(character: str) -> None:
    text = f"a{character}b"
    texts = [key for key, value in FULL.items() if isinstance(value, str) and key not in ("price_range", "email")]
    faults = faults_of({**MINIMAL, **dict.fromkeys(texts, text), "extra": {text: text}, "keywords": [text]})
    for key in [*texts, "extra", "keywords"]:
        assert any(fault.startswith(f"`{key}` ") and f"U+{ord(character):04X}" in fault for fault in faults), key
    "".join(faults).encode()


@pytest.mark.parametrize("brk", ["\n", "\r", "\t", "\u2028", "\u2029"])
def test_a_line_has_no_break_but_a_paragraph_may(brk: str) -> None:
    assert "line break" in fault_of("business_name", f"a{brk}b")
    assert kept("message", f"a{brk}b") == f"a{brk}b"


def test_text_that_shows_nothing_is_refused() -> None:
    assert "shows nothing" in fault_of("business_name", "\u200b\u200d")


@pytest.mark.parametrize(
    ("key", "limit"), [("business_name", 200), ("description", 10_000), ("city", 120), ("message", 10_000)]
)
def test_lengths_are_bounded(key: str, limit: int) -> None:
    assert kept(key, "x" * limit) == "x" * limit
    assert f"expected at most {limit:,}" in fault_of(key, "x" * (limit + 1))


@pytest.mark.parametrize("key", sorted(set(FULL) - {"employees"}))
@pytest.mark.parametrize("value", [True, {"a": object()}, 7.5j, b"bytes", float("nan"), [[[[]]]], 10**400])
def test_a_value_of_a_wrong_type_is_a_fault_never_a_crash(key: str, value: object) -> None:
    assert any(fault.startswith(f"`{key}` ") for fault in faults_of({**FULL, key: value}))


@pytest.mark.parametrize(
    "address",
    [
        "plain", "a@b", "a@localhost", "a b@example.com", "a@example..com", "a@example.com\n", "@example.com",
        "Jo <jo@example.com>", "a@[127.0.0.1]", "a@exam_ple.com", "a" * 65 + "@example.com",
    ],
)  # fmt: skip
def test_what_is_no_email_is_refused(address: str) -> None:
    fault_of("email", address)


@pytest.mark.parametrize("address", ["jo+list@example.com", "Jo.S@EXAMPLE.com", "jö@bücher.example"])
def test_an_email_arrives_unchanged(address: str) -> None:
    assert kept("email", address) == address


@pytest.mark.parametrize(
    "url",
    [
        "example.com", "//example.com", "ftp://example.com", "javascript:alert(1)", "ja\nvascript://example.com/",
        "data:text/html,x", "file:///etc/passwd", "http://", "https:///example.com", "https:example.com",
        "https://user@example.com", "https://user:word@example.com", "https://@example.com", "https://exa mple.com",
        " https://example.com", "https://example.com\\@evil.example", "https://localhost", "https://127.0.0.1/",
        "https://2130706433", "https://0x7f.1", "https://[::1]/", "https://example.com:99999", "https://-a.example",
        "https://a..example", "https://example.com/\x00", "https://example.com/" + "a" * 2048, 7, ["https://a.example"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["website", "linkedin"])
def test_what_is_no_full_web_address_is_refused(key: str, url: object) -> None:
    fault_of(key, url)


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "HTTPS://Example.com:8443/a?b=c#d", "https://bücher.example/ü", "https://a.example/?q=a@b"],
)
def test_a_web_address_arrives_unchanged(url: str) -> None:
    assert kept("website", url) == url


@pytest.mark.parametrize(
    ("number", "country", "stored"),
    [
        ("+1 (202) 555-0123", None, "+12025550123"),
        ("202-555-0123", "US", "+12025550123"),
        ("030 5550100", "Germany", "+49305550100"),
        ("+44 20 7946 0018", "US", "+442079460018"),
        ("020 7946 0018", "UK", "+442079460018"),
        ("＋４４２０７９４６００１８", None, "+442079460018"),
    ],
)
def test_a_phone_number_is_kept_as_e164(number: str, country: str | None, stored: str) -> None:
    assert kept("phone", number, country=country) == stored
    assert kept("fax", number, country=country) == stored


@pytest.mark.parametrize(
    ("number", "country", "part"),
    [
        ("202-555-0123", None, "national one together with `country`"),
        ("555-0100", "US", "United States"),
        ("+1 555 010 0000", None, "code +1"),
        ("+999 1234567", None, "not a phone number"),
        ("call me", "US", "not a phone number"),
        ("+1 202 555 0123 ext. 7", None, "extension"),
        ("12", "US", "United States"),
        (2025550123, "US", "is a number; expected text"),
        ("+" + "1" * 60, None, "at most 40"),
    ],
)
def test_a_phone_number_that_cannot_be_called_is_refused(number: object, country: str | None, part: str) -> None:
    assert part in fault_of("phone", number, country=country)


def test_a_national_number_is_not_blamed_alone_when_the_country_is_wrong() -> None:
    phone, country = faults_of({**MINIMAL, "phone": "030 5550100", "country": "Atlantis"})
    assert "`country` is not valid" in phone
    assert country.startswith("`country` is not a country")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("de", "Germany"), ("DEU", "Germany"), ("276", "Germany"), ("germany", "Germany"), ("USA", "United States"),
        ("uk", "United Kingdom"), ("Bolivia", "Bolivia"), ("Turkey", "Türkiye"), ("Russia", "Russian Federation"),
        ("Czech Republic", "Czechia"), ("South Korea", "South Korea"),
    ],
)  # fmt: skip
def test_a_country_is_kept_by_its_english_name(text: str, name: str) -> None:
    assert kept("country", text) == name
    assert kept("country", name) == name


@pytest.mark.parametrize("text", ["Atlantis", "XX", "0", "Deutschlan"])
def test_what_is_no_country_is_refused(text: str) -> None:
    fault_of("country", text)


POSTAL_CODES = {
    "US": (["20001", "20001-0123"], ["2000", "200011", "SW1A 1AA", "２０００１"]),
    "GB": (["SW1A 1AA", "sw1a1aa", "M1 1AE", "GIR 0AA"], ["SW1A", "12345"]),
    "CA": (["K1A 0B1", "k1a0b1"], ["K1A 0BB", "12345"]),
    "DE": (["10115"], ["1011", "D-10115"]),
    "NL": (["1012 AB", "1012AB"], ["1012", "AB 1012"]),
    "SE": (["114 55", "11455"], ["1145"]),
    "PL": (["00-001", "00001"], ["000-01"]),
    "PT": (["1000-001"], ["1000"]),
    "BR": (["01001-000", "01001000"], ["01001"]),
    "JP": (["100-0001", "1000001"], ["100-001"]),
    "IE": (["D02 X285", "D6W X285"], ["D02"]),
    "IN": (["110001", "110 001"], ["11001"]),
    "AU": (["2000"], ["20000"]),
    "AR": (["1000", "C1000AAA"], ["C1000"]),
    "LV": (["LV-1010", "1010"], ["LV-10101"]),
    "TW": (["100", "10048", "100048"], ["1000"]),
    "AE": (["anything 1"], ["under_score"]),
}


@pytest.mark.parametrize("country", POSTAL_CODES)
def test_a_postal_code_fits_its_country(country: str) -> None:
    good, bad = POSTAL_CODES[country]
    for code in good:
        assert kept("postal_code", code, country=country) == code
    for code in bad:
        assert "postal code" in fault_of("postal_code", code, country=country)


def test_a_postal_code_without_a_country_is_lenient_but_bounded() -> None:
    assert kept("postal_code", "AB-12 3") == "AB-12 3"
    assert "at most 16" in fault_of("postal_code", "1" * 17)
    assert "16 letters" in fault_of("postal_code", "12;34")


@pytest.mark.parametrize(
    "value",
    [
        [], "mon-fri 9-5", {"monday": []}, {"mon": "closed"}, {"mon": [["09:00"]]}, {"mon": [["9:00", "17:00"]]},
        {"mon": [["09:00", "25:00"]]}, {"mon": [["09:00", "09:00"]]}, {"mon": [["24:00", "01:00"]]},
        {"mon": [["09:00", "13:00"], ["12:00", "17:00"]]}, {"mon": [["22:00", "02:00"], ["23:00", "23:30"]]},
        {"mon": [["09:00", "17:00", "18:00"]]}, {"mon": [[9, 17]]}, {"mon": None}, {1: []},
    ],
)  # fmt: skip
def test_what_are_no_opening_hours_is_refused(value: object) -> None:
    fault_of("hours", value)


@pytest.mark.parametrize(
    "value",
    [{}, {"sun": []}, {"mon": [["00:00", "24:00"]]}, {"fri": [["13:00", "17:00"], ["09:00", "12:00"]]}],
)
def test_opening_hours_arrive_unchanged(value: dict[str, list[list[str]]]) -> None:
    expected = {day: tuple(map(tuple, spans)) for day, spans in value.items()}
    assert kept("hours", value) == expected


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("year_founded", [1998, "1998", 705], [499, 3000, 1998.5, "next year", "１９９８", float("inf")]),
        ("price_range", ["$", "$$$$"], ["", "€", "$$$$$", 2]),
        ("employees", [0, 12, "11-50"], [-1, 1.5, 10**9, [12]]),
        ("logo", ["logo.png", "/srv/a b/logo.svg", "https://a.example/l"],
         ["logo", "http://a.example/l.png", "data:image/png;base64,AA", "/etc/passwd", "x" * 1100 + ".png", 7]),
    ],
)  # fmt: skip
def test_values_have_their_range(key: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert str(kept(key, value)) == str(value)
    for value in filter(None, bad):
        fault_of(key, value)


def test_coordinates_come_in_pairs_and_in_range() -> None:
    profile = parse_profile({**MINIMAL, "latitude": "-90", "longitude": 180})
    assert (profile.latitude, profile.longitude) == (-90.0, 180.0)
    assert faults_of({**MINIMAL, "latitude": 1}) == (
        "`latitude` was given without `longitude`; expected both or neither",
    )
    fault_of("longitude", 180.1, latitude=0)


def test_category_and_keywords_are_text_or_list() -> None:
    assert kept("category", "Bars, Pubs & Clubs") == ("Bars, Pubs & Clubs",)
    assert kept("category", ["Bakery", "Café"]) == ("Bakery", "Café")
    assert kept("keywords", "bread, pastry ,, cake") == ("bread", "pastry", "cake")
    assert "entry 2 is a number" in fault_of("keywords", ["bread", 7])
    assert "at most 50" in fault_of("keywords", ["x"] * 51)


def test_extra_holds_text_by_question() -> None:
    assert "answer 1 is a number" in fault_of("extra", {"How many rooms?": 7})
    assert "at most 50" in fault_of("extra", {f"question {n}": "yes" for n in range(51)})
    fault_of("extra", ["yes"])
