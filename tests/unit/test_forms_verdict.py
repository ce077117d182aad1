"""A verdict needs evidence: no success without a sentence to quote, whatever else looks friendly."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from tests.unit.forms_bench import button, control, form_of, page, textarea
from workers.forms.choose import understand
from workers.forms.exchange import Answer
from workers.forms.verdict import Finding, Scene, Verdict, is_confirmation, judge
from workers.forms.view import Control, PageView
from workers.outcome import Reason

FIELDS = (control("Company"), control("Website"), textarea("Description"))
BEFORE = page(FIELDS, lines=["Add your business", "Company", "Website", "Description"])

CONFIRMATIONS = [
    "Thank you! Blue Heron was submitted to our editors.",
    "Your submission has been received and will be reviewed.",
    "Thank you for your submission!",
    "Ihr Eintrag wurde erfolgreich gespeichert.",
    "Wir haben Ihre Anmeldung erhalten.",
    "Votre demande a bien été envoyée.",
    "Hemos recibido la ficha de su empresa.",
    "La tua richiesta è stata inviata correttamente.",
    "O seu cadastro foi realizado com sucesso: dados enviados com sucesso.",
    "Wij hebben uw aanmelding ontvangen.",
    "Your details have been received.",
    "Ihre Daten wurden erfolgreich übermittelt.",
    "Vos informations ont bien été transmises.",
    "Sus datos han sido enviados.",
    "I tuoi dati sono stati inviati.",
    "Os seus dados foram enviados.",
    "Uw gegevens zijn verzonden.",
]
NO_CONFIRMATIONS = [
    "Thank you for visiting!",
    "Thank you for your interest in our directory.",
    "Your submission was not received.",
    "Your listing could not be saved.",
    "Sorry, an error occurred: your entry has not been submitted.",
    "Every listing is reviewed by our editors.",
    "Your listing will be published after payment.",
    "Once you submit the form, your listing will be reviewed.",
    "Please submit your listing again.",
    "Vielen Dank für Ihren Besuch!",
    "Ihr Eintrag wurde nicht gespeichert.",
    "Merci de votre visite !",
    "Votre demande n'a pas été envoyée.",
    "Gracias por su visita.",
    "Su solicitud no ha sido enviada.",
    "Grazie per la visita.",
    "Uw aanmelding is niet ontvangen.",
    "Welcome back!",
    "Success stories",
    "",
    # What pages say anyhow, what is to come, and what waits for money.
    "Your data is stored in accordance with our privacy policy.",
    "Business listings are listed alphabetically.",
    "Your details have been saved. Continue to payment",
    "Your listing will be published for $49",
    "Your request is being processed, please wait…",
    "Your listing will be reviewed within 5 days.",
    "Listings pending review are shown in grey.",
    "We have added 50 new categories.",
    "We saved your cookie settings.",
    "Your listing has been saved as a draft.",
    "Ihre Daten sind gemäß unserer Datenschutzerklärung gespeichert.",
    "Firmeneinträge sind alphabetisch eingetragen.",
    "Ihre Angaben wurden gespeichert. Weiter zur Zahlung",
    "Ihr Eintrag wird für 49 € veröffentlicht.",
    "Ihre Anfrage wird bearbeitet, bitte warten…",
    "Ihr Eintrag wird in Kürze geprüft.",
    "Vos données sont enregistrées conformément à notre politique de confidentialité.",
    "Les entreprises sont inscrites par ordre alphabétique.",
    "Vos informations ont été enregistrées. Continuer vers le paiement",
    "Votre annonce sera publiée pour 49 €.",
    "Votre demande est en cours de traitement, veuillez patienter…",
    "Votre fiche sera examinée sous 5 jours.",
    "Sus datos están guardados según nuestra política de privacidad.",
    "Las empresas están registradas por orden alfabético.",
    "Sus datos han sido guardados. Continuar al pago",
    "Su anuncio será publicado por 49 €.",
    "Su solicitud está siendo procesada, espere…",
    "Su ficha será revisada en 5 días.",
    "I tuoi dati sono salvati secondo la nostra informativa sulla privacy.",
    "Le aziende sono inserite in ordine alfabetico.",
    "I tuoi dati sono stati salvati. Continua al pagamento",
    "La tua scheda sarà pubblicata per 49 €.",
    "La tua richiesta è in corso di elaborazione, attendi…",
    "La tua scheda sarà verificata entro 5 giorni.",
    "Os seus dados estão gravados de acordo com a nossa política de privacidade.",
    "As empresas estão cadastradas por ordem alfabética.",
    "Os seus dados foram salvos. Continuar para o pagamento",
    "O seu anúncio será publicado por 49 €.",
    "O seu pedido está sendo processado, aguarde…",
    "O seu cadastro será analisado em 5 dias.",
    "Uw gegevens zijn opgeslagen volgens ons privacybeleid.",
    "Bedrijven zijn alfabetisch geplaatst.",
    "Uw gegevens zijn opgeslagen. Ga door naar betaling",
    "Uw vermelding wordt geplaatst voor € 49.",
    "Uw aanvraag wordt verwerkt, even geduld…",
    "Uw vermelding wordt binnenkort beoordeeld.",
]


def answer(status: int | None = 200, *, failure: str = "", body: str = "", is_navigation: bool = True) -> Answer:
    return Answer("POST", "http://d.example/add", status, failure, is_navigation, body)


def verdict(after: PageView, *answers: Answer, has_sent: bool = True) -> Verdict:
    form = form_of(*FIELDS)
    return judge(Scene(form, BEFORE, after, answers or (answer(),), "Blue Heron", has_sent))


@pytest.mark.parametrize("text", CONFIRMATIONS)
def test_a_confirmation_is_quoted(text: str) -> None:
    found = verdict(page(lines=["Welcome", text]))
    assert (found.finding, found.quote) == (Finding.CONFIRMED, text)


@pytest.mark.parametrize("text", NO_CONFIRMATIONS)
def test_a_friendly_page_is_no_confirmation(text: str) -> None:
    assert not is_confirmation(text)
    assert verdict(page(lines=["Welcome", text])).finding is not Finding.CONFIRMED


@pytest.mark.parametrize(
    "unpaid", ["Continue to payment", "Weiter zur Zahlung", "Passer au paiement", "Ir al pago", "Vai al pagamento"]
)
def test_a_confirmation_beside_a_call_to_pay_proves_nothing(unpaid: str) -> None:
    assert verdict(page(lines=[CONFIRMATIONS[1], unpaid])).finding is Finding.UNCONFIRMED


def test_a_page_that_was_only_opened_confirms_nothing_of_a_form_that_posts() -> None:
    form = form_of(*FIELDS)
    posting = replace(form, form=replace(form.form, attributes={"method": "post"}))
    opened = replace(answer(), method="GET")
    after = page(lines=[CONFIRMATIONS[1]])
    assert judge(Scene(posting, BEFORE, after, (opened,))).finding is Finding.UNCONFIRMED
    assert judge(Scene(posting, BEFORE, after, (answer(), opened))).finding is Finding.CONFIRMED
    assert judge(Scene(form, BEFORE, after, (opened,))).finding is Finding.CONFIRMED


def test_what_the_page_said_before_proves_nothing() -> None:
    text = CONFIRMATIONS[0]
    form = form_of(*FIELDS)
    before = page(FIELDS, lines=[text])
    scene = Scene(form, before, page(lines=[text]), (answer(),))
    assert judge(scene).finding is Finding.UNCONFIRMED


@pytest.mark.parametrize(
    ("text", "status", "is_back"),
    list(product([*CONFIRMATIONS, *NO_CONFIRMATIONS], [500, 502, 503, 404, 422], [True, False])),
)
def test_no_text_makes_a_success_of_an_error(text: str, status: int, is_back: bool) -> None:
    after = page(FIELDS if is_back else (), lines=[text])
    found = verdict(after, answer(status))
    assert found.finding is not Finding.CONFIRMED
    if status >= 500:
        assert found.finding is Finding.UNCONFIRMED
        assert str(status) in found.quote


@pytest.mark.parametrize("text", [*CONFIRMATIONS, *NO_CONFIRMATIONS])
def test_a_form_that_is_back_with_its_values_is_no_success(text: str) -> None:
    kept = [replace(one, value="what was entered") for one in FIELDS]
    assert verdict(page(kept, lines=[text])).finding is not Finding.CONFIRMED


def test_a_form_that_is_back_empty_with_a_confirmation_is_a_success() -> None:
    assert verdict(page(FIELDS, lines=[CONFIRMATIONS[0]])).finding is Finding.CONFIRMED


def test_a_connection_that_closed_is_unconfirmed() -> None:
    found = verdict(page(lines=[CONFIRMATIONS[0]]), answer(None, failure="net::ERR_EMPTY_RESPONSE"))
    assert found.finding is Finding.UNCONFIRMED
    assert "ERR_EMPTY_RESPONSE" in found.quote


@pytest.mark.parametrize(
    "text",
    [
        "Blue Heron is already listed in our directory.",
        "Dieser Betrieb ist bereits eingetragen.",
        "Cette entreprise est déjà inscrite.",
        "La empresa ya existe.",
        "Azienda già presente.",
        "A empresa já existe.",
        "Dit bedrijf bestaat al.",
    ],
)
def test_a_duplicate_is_told_in_every_language(text: str) -> None:
    assert verdict(page(lines=[text])).finding is Finding.DUPLICATE


@pytest.mark.parametrize("text", ["Already listed? Claim your listing.", "If your site is already listed, log in."])
def test_a_question_about_duplicates_is_no_duplicate(text: str) -> None:
    assert verdict(page(lines=[text])).finding is Finding.UNCONFIRMED


def complaining(field: Control, message: str) -> PageView:
    return page([replace(one, messages=(message,) if one is field else ()) for one in FIELDS], lines=[message])


def test_complaints_beside_fields_are_quoted_with_their_fields() -> None:
    found = verdict(complaining(FIELDS[1], "Must start with https://"), answer(422))
    assert found.finding is Finding.REFUSED
    assert found.quote == "Must start with https://"
    assert [(one.label, message) for one, message in found.complaints] == [("Website", "Must start with https://")]


HINTED = tuple(replace(one, attributes={"name": one.label}, messages=("* required field",)) for one in FIELDS)


def test_a_hint_that_was_there_before_is_no_complaint() -> None:
    emptied = page(HINTED, lines=["Company"], alerts=["* required field"])
    form = form_of(*HINTED)
    scene = Scene(form, emptied, emptied, (answer(),))
    assert judge(scene).finding is Finding.UNCONFIRMED
    thanked = page(HINTED, lines=["Company", CONFIRMATIONS[0]], alerts=["* required field"])
    assert judge(replace(scene, after=thanked)).finding is Finding.CONFIRMED


def test_a_refusing_answer_makes_an_old_message_a_complaint_again() -> None:
    shown = page(HINTED, lines=["Company"])
    scene = Scene(form_of(*HINTED), shown, shown, (answer(422),))
    assert judge(scene).finding is Finding.REFUSED


def test_a_complaint_without_a_request_means_that_nothing_was_sent() -> None:
    form = form_of(*FIELDS)
    scene = Scene(form, BEFORE, complaining(FIELDS[0], "Please fill in this field."), (), has_sent=False)
    assert judge(scene).finding is Finding.NOTHING_SENT


def test_a_script_that_answers_with_errors_is_a_refusal() -> None:
    body = '{"errors": {"website": "is not reachable"}}'
    found = verdict(page(FIELDS), answer(422, body=body, is_navigation=False))
    assert (found.finding, found.quote) == (Finding.REFUSED, "website: is not reachable")


def test_a_script_that_answers_200_with_success_false_is_no_success() -> None:
    body = '{"success": false, "message": "Your listing was submitted successfully to the bin"}'
    found = verdict(page(lines=["Your listing was submitted successfully"]), answer(body=body, is_navigation=False))
    assert found.finding is not Finding.CONFIRMED


ANOTHER_FORM = (control("E-mail"), control("Phone"))


def test_another_form_that_counts_its_steps_is_the_next_step() -> None:
    found = verdict(page(ANOTHER_FORM, lines=["Step 2 of 3"]))
    assert found.finding is Finding.NEXT_STEP
    assert found.next_form is not None


def test_another_form_after_a_button_that_says_next_is_the_next_step() -> None:
    (form,) = understand(page(FIELDS, heading="Add your business", buttons=[button("Continue")]))
    scene = Scene(form, BEFORE, page(ANOTHER_FORM), (answer(),))
    assert judge(scene).finding is Finding.NEXT_STEP


@pytest.mark.parametrize(
    ("following", "lines"),
    [
        ((control("E-mail"), textarea("Message")), ["Contact us"]),
        ((control("E-mail"), control("Company")), []),
        (ANOTHER_FORM, ["Your company has been added."]),
    ],
)
def test_another_form_after_a_next_is_no_step_when_it_looks_like_another_errand(
    following: tuple[Control, ...], lines: list[str]
) -> None:
    (form,) = understand(page(FIELDS, heading="Add your business", buttons=[button("Continue")]))
    scene = Scene(form, BEFORE, page(following, lines=lines), (answer(),))
    assert judge(scene).finding is not Finding.NEXT_STEP


def test_a_step_whose_page_counts_may_ask_for_anything() -> None:
    (form,) = understand(page(FIELDS, heading="Add your business", buttons=[button("Continue")]))
    before = page(FIELDS, lines=["Step 1 of 2"])
    scene = Scene(form, before, page((control("E-mail"), textarea("Message"))), (answer(),))
    assert judge(scene).finding is Finding.NEXT_STEP


def test_a_confirmation_is_never_a_next_step() -> None:
    after = page(ANOTHER_FORM, lines=["Thank you! Your listing was submitted.", "Preview our magazine"])
    assert verdict(after).finding is Finding.CONFIRMED


def test_another_form_after_a_plain_submit_proves_nothing() -> None:
    """A directory that took the form may offer another; to go on would be a second submission."""
    assert verdict(page(ANOTHER_FORM, lines=["Welcome back"])).finding is Finding.UNCONFIRMED


def test_what_the_page_said_of_previews_before_the_click_is_no_sign_of_a_next_step() -> None:
    form = form_of(*FIELDS)
    before = page(FIELDS, lines=["Preview our magazine"])
    scene = Scene(form, before, page(ANOTHER_FORM, lines=["Preview our magazine"]), (answer(),))
    assert judge(scene).finding is Finding.UNCONFIRMED


def test_a_preview_is_the_next_step_and_nothing_was_sent() -> None:
    after = page(lines=["This is a preview. It has not been sent yet."], buttons=[button("Submit entry")])
    found = verdict(after)
    assert (found.finding, found.quote) == (Finding.NEXT_STEP, "This is a preview. It has not been sent yet.")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (page([control("Card number"), control("CVC")], lines=["Total due: $29.00"]), Reason.PAYMENT_REQUIRED),
        (
            page([control("E-mail"), control("Password", type="password")], lines=["Sign in to go on"]),
            Reason.LOGIN_REQUIRED,
        ),
        (page(lines=["Please check your e-mail and click the link."]), Reason.VERIFICATION_REQUIRED),
    ],
)
def test_a_wall_behind_the_form_is_told_apart(after: PageView, reason: Reason) -> None:
    found = verdict(after)
    assert (found.finding, found.reason) == (Finding.WALL, reason)
