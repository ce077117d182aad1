"""A Spanish form that takes a logo: a real multipart POST, with or without the file."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.sites.site import Site


class Upload(Site):
    """The logo is optional; what is no image is refused."""

    slug = "upload"
    name = "Guía Mirador"
    tagline = "Comercios con vistas"
    language = "es"
    submission_path = "/alta"
    accent = "#b0562b"
    clutter = frozenset({"search", "newsletter"})
    title_field = "nombre"
    required = ("nombre", "sitio", "correo", "resena")
    missing = "Este campo es obligatorio."
    thanks = "¡Gracias! Hemos recibido la ficha de {business}. Número de referencia: {reference}."

    def faults(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Check the logo, if there is one."""
        faults = super().faults(fields)
        logo = fields.get("logotipo", "")
        if logo and "(image/" not in logo:
            faults["logotipo"] = "El logotipo debe ser una imagen."
        return faults
