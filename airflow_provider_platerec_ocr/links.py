"""Buttons on a task's page that lead to the vendor.

Both are fixed addresses: nothing of a run is in them, so nothing of a run can leak through them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from airflow_provider_platerec_ocr.provider_info import ACCOUNT_URL, API_REFERENCE_URL

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class OCRAccountLink(BaseOperatorLink):
    """The account's page: token, plan, calls used."""

    name = "Plate Recognizer account"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the address; it is the same for every task."""
        return ACCOUNT_URL


class OCRReferenceLink(BaseOperatorLink):
    """The vendor's description of the API."""

    name = "OCR API reference"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the address; it is the same for every task."""
        return API_REFERENCE_URL
