"""How a person would fill each sample site: one script a site, by what is seen on the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from playwright.async_api import FrameLocator, Locator, Page, expect

NAME, WEB, MAIL = "Blue Heron Coffee", "https://www.example.com", "hello@example.com"
ABOUT = "Small-batch coffee, roasted by the river."
LONG = "We roast coffee in small batches and teach how to brew it at home. " * 4

Script = Callable[[Page], Awaitable[None]]


async def _fill(place: Page | FrameLocator | Locator, answers: Mapping[str, str], button: str) -> None:
    for label, value in answers.items():
        await place.get_by_label(label, exact=True).fill(value)
    await place.get_by_role("button", name=button).click()


async def _see(place: Page | FrameLocator, text: str) -> None:
    await expect(place.get_by_text(text)).to_be_visible(timeout=10_000)


async def plain(page: Page) -> None:
    answers = {"Business name *": NAME, "Website *": WEB, "Contact e-mail *": MAIL, "Description *": ABOUT}
    await _fill(page, answers, "Submit listing")
    await _see(page, "Your reference is HBG-1001")


async def positional(page: Page) -> None:
    for row, value in {"Name of firm": NAME, "Home page": WEB, "E-mail address": MAIL, "About": ABOUT}.items():
        await page.get_by_role("row", name=row).locator("input, textarea").fill(value)
    await page.get_by_role("button", name="Suggest it").click()
    await _see(page, "Ticket no. YLI-1001")


async def categories(page: Page) -> None:
    await page.get_by_label("Category").select_option("Cafés & Coffee Shops")
    await page.get_by_label("I agree").check()
    answers = {"Name of your business *": NAME, "Website URL *": WEB, "Public email *": MAIL, "Summary *": ABOUT}
    await _fill(page, answers, "Submit business")
    await _see(page, "submission ID: MBF-1001")


async def regions(page: Page) -> None:
    await page.get_by_label("Country").select_option("United States of America")
    await page.get_by_label("State / Province").select_option("Texas")
    answers = {"Company name": NAME, "Company website": WEB, "Business e-mail": MAIL, "Company profile": ABOUT}
    await _fill(page, answers, "Register company")
    await _see(page, "under reference MWR-1001")


async def limits(page: Page) -> None:
    await page.get_by_label("Ich akzeptiere").check()
    await page.locator("#kurz").fill("Kaffee in kleinen Mengen")
    await page.locator("#beschreibung").fill(LONG[:250])
    answers = {"Firmenname *": NAME, "Internetadresse *": WEB, "E-Mail-Adresse *": MAIL}
    await _fill(page, answers, "Eintrag absenden")
    await _see(page, "Vorgangsnummer lautet FN-1001")


async def upload(page: Page) -> None:
    answers = {"Nombre del comercio *": NAME, "Página web *": WEB, "Correo electrónico *": MAIL, "Descripción *": ABOUT}
    await _fill(page, answers, "Enviar ficha")
    await _see(page, "Número de referencia: GM-1001")


async def wizard(page: Page) -> None:
    await _fill(page, {"Organisation name *": NAME, "Web address *": WEB}, "Next")
    await _fill(page, {"E-mail *": MAIL}, "Continue")
    await page.get_by_label("I accept").check()
    await _fill(page, {"About your organisation *": ABOUT}, "Finish")
    await _see(page, "Application number: FPN-1003")


async def preview(page: Page) -> None:
    answers = {"Trading name": NAME, "Homepage": WEB, "Mail address": MAIL, "What do you offer?": ABOUT}
    await _fill(page, answers, "Preview entry")
    await _see(page, "It has not been sent yet")
    await page.get_by_role("button", name="Submit entry").click()
    await _see(page, "Receipt: CTP-1002")


async def spa(page: Page) -> None:
    await page.get_by_label("Topic").select_option("Food & drink")
    answers = {"Product or company name": NAME, "Link": WEB, "Your email": MAIL, "Describe it": ABOUT}
    await _fill(page, answers, "Launch it")
    await _see(page, "Your reference: pond_1001")


async def iframe(page: Page) -> None:
    frame = page.frame_locator("iframe")
    answers = {"Nom de l'entreprise *": NAME, "Site web *": WEB, "Adresse e-mail *": MAIL}
    await frame.get_by_label("Présentation").fill(ABOUT)
    await _fill(frame, answers, "Envoyer la demande")
    await _see(frame, "Numéro de dossier : AT-1001")


async def honeypot(page: Page) -> None:
    answers = {"Organisation": NAME, "Link to your site": WEB, "Contact e-mail": MAIL, "Details": ABOUT}
    await _fill(page, answers, "Add site")
    await _see(page, "Reference: WTP-1001")


async def validation(page: Page) -> None:
    answers = {"Business name *": NAME, "Web address *": WEB + "/", "E-mail address *": MAIL, "Description *": LONG}
    await _fill(page, {**answers, "Phone number *": "+1 512-555-0142"}, "Apply")
    await _see(page, "must contain digits only")
    await _see(page, "must not end with a slash")
    await _see(page, "maximum is 160 characters, yours has 268")
    await expect(page.get_by_label("Business name *")).to_have_value(NAME)
    better = {"Web address *": WEB, "Description *": ABOUT, "Phone number *": "15125550142"}
    await _fill(page, better, "Apply")
    await _see(page, "case number is PVD-1002")


async def duplicate(page: Page) -> None:
    await _fill(page, {"Business name": NAME, "Website": WEB, "Email": MAIL, "Description": ABOUT}, "Add business")
    await _see(page, f"{NAME} is already listed")


async def friendly(page: Page) -> None:
    answers = {"Your business": NAME, "Your website": WEB, "Your e-mail": MAIL, "What do you do?": ABOUT}
    await _fill(page, answers, "Send")
    await _see(page, "Thank you for visiting!")


async def captcha(page: Page) -> None:
    await expect(page.frame_locator("iframe").get_by_role("checkbox")).to_be_visible()
    await _fill(page, {"Business": NAME, "Website": WEB, "Email": MAIL, "About": ABOUT}, "Send")
    await _see(page, "Please complete the captcha")


async def login(page: Page) -> None:
    await _see(page, "You need to sign in")
    await _fill(page, {"E-mail address": MAIL, "Password": "none"}, "Sign in")
    await _see(page, "Wrong e-mail address or password")


async def payment(page: Page) -> None:
    await _see(page, "costs $49.00 a year")
    await expect(page.get_by_label("Card number")).to_be_visible()


async def checkout(page: Page) -> None:
    answers = {"Vendor name": NAME, "Vendor website": WEB, "Vendor e-mail": MAIL, "What you do": ABOUT}
    await _fill(page, answers, "Continue")
    await _see(page, "Total due")


async def slow(page: Page) -> None:
    answers = {"Title of the business": NAME, "On the web": WEB, "E-mail": MAIL, "Text of the entry": ABOUT}
    await _fill(page, answers, "Save entry")
    await _see(page, "saved under number OMA-1001")


async def flaky(page: Page) -> None:
    await expect(page.get_by_text("Internal Server Error")).to_be_visible()
    await page.reload()
    answers = {"Site title": NAME, "Site URL": WEB, "Owner's email": MAIL, "Site description": ABOUT}
    await _fill(page, answers, "Add my site")
    await _see(page, "Confirmation code: DTL-1001")


async def closes(page: Page) -> None:
    answers = {"Registered name": NAME, "Website": WEB, "E-mail": MAIL, "Field of business": ABOUT}
    async with page.expect_event("requestfailed") as failed:
        await _fill(page, answers, "Register")
    assert (await failed.value).failure == "net::ERR_EMPTY_RESPONSE"


async def broken(page: Page) -> None:
    answers = {
        "Company name": NAME,
        "Company website": WEB,
        "Company e-mail": MAIL,
        "Information about the company": ABOUT,
    }
    await _fill(page, answers, "Create")
    await _see(page, "Something went wrong")
