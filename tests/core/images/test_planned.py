"""An image that the API fetches, as it is planned."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.facts import image_facts
from airflow_provider_platerec_ocr.core.images.planned import planned_url
from airflow_provider_platerec_ocr.core.models import PlannedImage

FACTS = image_facts("vin")


def test_a_plan_has_no_secret_and_knows_the_older_name() -> None:
    image, _ = planned_url(7, "https://x.example/a.jpg?w=8&sig=geheim77", FACTS)

    name = "https://x.example/a.jpg"
    former = identity_key("vin", "https://x.example/a.jpg?w=8", None).hex()
    assert image == PlannedImage(7, name, "vin", upload_url=name, signed=True, formerly=former)


def test_a_url_without_secrets_is_planned_as_it_is_written() -> None:
    image, _ = planned_url(1, "https://X.example/a.jpg?name=a%20b#top", FACTS)

    assert (image.upload_url, image.signed) == ("https://X.example/a.jpg?name=a%20b", False)
    assert image.image == "https://x.example/a.jpg?name=a+b"


def test_an_image_id_is_the_identity() -> None:
    facts = image_facts("vin", image_id="gate-7", image_version=3)
    image, _ = planned_url(1, "https://x.example/get?id=7&token=geheim77", facts)

    assert (image.identity, image.signed, image.formerly) == (("gate-7", "3"), True, None)
    assert "geheim77" not in repr(image)


def test_a_signed_url_that_names_no_image_without_its_query_is_refused_until_a_person_says_what_does() -> None:
    url = "https://x.example/get?id=7&token=geheim77"

    with pytest.raises(OCRConfigError, match=r"id may say which.*identity_params"):
        planned_url(1, url, FACTS)

    assert planned_url(1, url, FACTS, ["id"])[0].image == "https://x.example/get?id=7"
