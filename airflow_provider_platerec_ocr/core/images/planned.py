"""An image that the API fetches itself, as it is planned: of a manifest's row and of a single read alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.identity import former_identity, web_identity
from airflow_provider_platerec_ocr.core.models import PlannedImage

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_platerec_ocr.core.images.facts import ImageFacts
    from airflow_provider_platerec_ocr.core.images.identity import WebIdentity

CURE = "Name what does in identity_params, or give an image_id."
"""What to do where a signed query may say which image it is."""


def planned_url(
    row: int,
    url: str,
    facts: ImageFacts,
    identity_params: Collection[str] = (),
    columns: str | None = None,
) -> tuple[PlannedImage, WebIdentity]:
    """Return the image behind ``url`` as it is planned, and what the URL is known by.

    :param url: one that :func:`.identity.is_web` lets pass.
    :param columns: the manifest's own columns of the row, as JSON.
    :raises OCRConfigError: what is left of the URL names no image: its answer would be any other's of that server.
    """
    web = web_identity(url, identity_params)
    name, former = facts.image_id, None
    if name is None:
        if web.is_vague:
            names = ", ".join(dict.fromkeys(web.dropped))
            message = f"upload_url is signed, and without its query it names no image; {names} may say which. {CURE}"
            raise OCRConfigError(message)
        name, former = web.name, former_identity(url, web.name)
    version = facts.image_version
    said = web.name if web.plain is None else url
    image = PlannedImage(
        row=row,
        image=name,
        type=facts.type,
        upload_url=web.name if web.plain is None else web.plain,
        signed=web.plain is None,
        image_version=version,
        camera_id=facts.camera_id,
        timestamp=facts.timestamp,
        formerly=None if former is None else identity_key(facts.type, former, version).hex(),
        image_name=None if said == name else said,
        manifest_columns=columns,
    )
    return image, web
