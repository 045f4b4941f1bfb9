from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator
from airflow_provider_platerec_ocr.provider_info import get_provider_info
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize(
    ("page", "documented"),
    [
        ("read-operator.md", OCRReadOperator),
        ("statistics-sensor.md", OCRStatsSensor),
        ("retries.md", OCRRetryPolicy),
    ],
)
def test_every_parameter_is_on_its_page_and_in_the_docstring(page: str, documented: Any) -> None:
    text = (REFERENCE / page).read_text()
    parameters = set(inspect.signature(documented.__init__).parameters) - {"self", "kwargs", "args", "clock"}

    assert [name for name in sorted(parameters) if f"| `{name}` |" not in text] == []
    assert [name for name in sorted(parameters) if f":param {name}:" not in (documented.__doc__ or "")] == []


@pytest.mark.parametrize("documented", [OCRReadOperator, OCRStatsSensor])
def test_templated_parameters_say_so(documented: Any) -> None:
    paragraphs = (documented.__doc__ or "").split(":param ")[1:]
    templated = {paragraph.partition(":")[0] for paragraph in paragraphs if "(templated)" in paragraph}

    assert templated == set(documented.template_fields)


def test_every_error_is_on_the_page_of_errors() -> None:
    text = (REFERENCE / "errors.md").read_text()
    classes = [
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.OCRError)
    ]

    assert len(classes) > 20
    assert [name for name in classes if name not in text] == []


def test_every_option_is_on_the_page_of_the_configuration() -> None:
    text = (REFERENCE / "configuration.md").read_text()

    assert [
        name for name in get_provider_info()["config"]["platerec_ocr"]["options"] if f"| `{name}` |" not in text
    ] == []
