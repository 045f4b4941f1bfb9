from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import (
    OCRLedgerError,
    OCRNotSent,
    OCRQuotaExhausted,
    OCRRateLimited,
    OCRStop,
    OCRUnauthorized,
    OCRUnavailable,
    OCRWrongBaseURL,
)
from airflow_provider_platerec_ocr.core.saying.choices import WithoutStatistics
from airflow_provider_platerec_ocr.core.spending.purse import Limits
from airflow_provider_platerec_ocr.core.spending.statistics import goes_on

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.errors import OCRError

STOP, GO_ON = WithoutStatistics.STOP, WithoutStatistics.GO_ON
NONE, LIMITED = Limits(), Limits(reserve=10)
NULL = OCRStop("total_calls is null", status=200)


@pytest.mark.parametrize(
    ("error", "limits", "choice", "on"),
    [
        (NULL, LIMITED, STOP, False),
        (NULL, LIMITED, GO_ON, True),
        (NULL, NONE, STOP, True),
        (NULL, NONE, GO_ON, True),
        (OCRUnavailable("503", status=503), LIMITED, STOP, False),
        (OCRUnavailable("503", status=503), NONE, STOP, False),  # another try asks again
        (OCRUnavailable("503", status=503), LIMITED, GO_ON, True),
        (OCRRateLimited("429", status=429), LIMITED, GO_ON, True),
        (OCRNotSent("refused"), LIMITED, GO_ON, True),
        (OCRUnauthorized("401", status=401), NONE, GO_ON, False),
        (OCRWrongBaseURL("html", status=200), NONE, GO_ON, False),
        (OCRQuotaExhausted("none left", status=403), NONE, GO_ON, False),
        (OCRStop("404", status=404), NONE, GO_ON, False),
        (OCRLedgerError("no store"), NONE, GO_ON, False),
    ],
)
def test_without_statistics_a_plan_goes_on_where_nobody_asked_for_a_limit_or_the_user_says_so(
    error: OCRError,
    limits: Limits,
    choice: WithoutStatistics,
    on: bool,  # noqa: FBT001  # a table's cell
) -> None:
    assert goes_on(error, limits, choice) is on
