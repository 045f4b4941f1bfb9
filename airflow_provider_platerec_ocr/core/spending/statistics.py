"""Whether a run goes on where the account's statistics do not say how many calls are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRCallError, OCRStop
from airflow_provider_platerec_ocr.core.saying.choices import WithoutStatistics

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.errors import OCRError
    from airflow_provider_platerec_ocr.core.spending.purse import Limits


def is_useless(error: OCRError) -> bool:
    """Return whether the API did answer, and the answer is no count: ``null``, ``"unlimited"``."""
    return type(error) is OCRStop and error.status in {200, 201}


def goes_on(error: OCRError, limits: Limits, choice: WithoutStatistics) -> bool:
    """Return whether a plan goes on after ``error`` of the statistics call.

    A bad token, an account without OCR and a wrong host end it in any case. An answer without a count binds only those
    who set a limit that needs it; no answer at all is asked for again by a later try, unless the user said otherwise.
    """
    if isinstance(error, OCRStop):
        return is_useless(error) and (choice is WithoutStatistics.GO_ON or not limits.any)
    return isinstance(error, OCRCallError) and choice is WithoutStatistics.GO_ON
