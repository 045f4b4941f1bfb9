from __future__ import annotations

from typing import Any, cast

import pytest
from airflow.sdk import BaseOperatorLink

from airflow_provider_platerec_ocr.provider_info import get_provider_info
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor
from support.airflow_versions import import_string

NAMED = get_provider_info()["extra-links"]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("Plate Recognizer account", "https://app.platerecognizer.com/accounts/plan/"),
        ("OCR API reference", "https://guides.platerecognizer.com/docs/other-apps/ocr/api-reference/"),
    ],
)
def test_each_link_leads_to_a_fixed_page_of_the_vendor(name: str, address: str) -> None:
    (link,) = [import_string(path)() for path in NAMED if import_string(path)().name == name]

    assert link.get_link(cast("Any", None), ti_key=cast("Any", None)) == address


def test_the_links_on_tasks_are_the_registered_ones() -> None:
    registered = {import_string(path) for path in NAMED}
    links: list[BaseOperatorLink] = list(OCRStatsSensor(task_id="gate").operator_extra_links)

    assert {type(link) for link in links} == registered
    assert all(issubclass(link, BaseOperatorLink) for link in registered)
