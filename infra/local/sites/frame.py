"""A French form inside a frame: the page around it never changes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.sites.ledger import Entry
from infra.local.sites.site import Site


class Iframe(Site):
    """The form, its complaints and its confirmation all appear in the frame."""

    slug = "iframe"
    name = "Annuaire des Tilleuls"
    tagline = "Les entreprises de la vallée"
    language = "fr"
    submission_path = "/proposer"
    accent = "#4c6b2f"
    clutter = frozenset({"search", "newsletter"})
    title_field = "societe"
    required = ("societe", "site_web", "courriel", "presentation")
    missing = "Ce champ est obligatoire."
    thanks = "Merci ! Votre demande d'inscription a bien été envoyée. Numéro de dossier : {reference}."

    def routes(self) -> list[BaseRoute]:
        """Add the frame, which is what posts."""
        return [
            *super().routes(),
            Route("/cadre", self.show_frame),
            Route("/cadre", self.take, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Answer with the page around the frame."""
        return self.page("iframe_around.html")

    async def show_frame(self, request: Request) -> Response:
        """Answer with the frame."""
        return await super().show(request)

    def answer(self, entry: Entry) -> Response:
        """Confirm inside the frame."""
        return self.page("iframe_confirmed.html", entry=entry, thanks=self.thanks_for(entry))
