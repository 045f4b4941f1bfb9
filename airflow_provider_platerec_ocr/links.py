"""Buttons on a task's page: to the vendor, and into the page that this package has inside Airflow.

A task pushes its links as XComs when it ends, so nothing here asks a database, and showing one costs nothing. What a
link does not apply to (a run that planned only has no report) gives an empty text, which Airflow shows as no button.
Nothing raises: before 3.1 Airflow would let a task fail for it. The addresses have nothing of a run in them but its
name and its dataset's, and are relative to Airflow's own, so that a prefix of its address is in front of them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperatorLink

from airflow_provider_platerec_ocr.core import page_urls
from airflow_provider_platerec_ocr.provider_info import ACCOUNT_URL, API_REFERENCE_URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

_log = logging.getLogger(__name__)


class OCRAccountLink(BaseOperatorLink):
    """The account's page at the vendor: token, plan, calls used."""

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


class _PageLink(BaseOperatorLink):
    """A view of the page inside Airflow."""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, empty where there is nothing to show."""
        try:
            return self._address(operator, ti_key)
        except Exception as error:  # noqa: BLE001  # no link is worth a task
            _log.debug("No link to %s: %s: %s", self.name, type(error).__name__, error)
            return ""

    def _address(self, operator: Any, ti_key: Any) -> str:
        raise NotImplementedError


class _DatasetLink(_PageLink):
    """A view of the task's dataset, the same for each run."""

    view: ClassVar[Callable[[str], str]]
    """Gives the view's address for a dataset."""

    def _address(self, operator: Any, ti_key: Any) -> str:  # noqa: ARG002  # the same for each run
        dataset = dataset_of(operator)
        return type(self).view(dataset) if dataset else ""


class OCRReportLink(_PageLink):
    """The run's report: of an export the one that it wrote, before it the one that there will be."""

    name = "OCR report"

    def _address(self, operator: Any, ti_key: Any) -> str:
        dataset, reports = dataset_of(operator), getattr(operator, "reported", None)
        if not dataset or reports == []:  # an empty list: it has ended, and there is none
            return ""
        if reports is None:
            return page_urls.run_url(ti_key.dag_id, ti_key.run_id)
        return page_urls.report_url(dataset, reports[0]) if len(reports) == 1 else page_urls.nights_url(dataset)


class OCRTableLink(_DatasetLink):
    """The reads of the dataset, to be searched."""

    name = "OCR table"

    view = staticmethod(page_urls.reads_url)


class OCRDeadLettersLink(_DatasetLink):
    """What of the dataset could not be read, and what to do about it."""

    name = "OCR dead letters"

    view = staticmethod(page_urls.problems_url)


class OCRReviewLink(_DatasetLink):
    """The view in which a person decides on doubtful reads of the dataset."""

    name = "OCR review"

    view = staticmethod(page_urls.review_url)


class OCRYardLink(_DatasetLink):
    """Which units of the list were seen, which are missing, and what else was there."""

    name = "OCR yard"

    view = staticmethod(page_urls.yard_url)


class OCRQuotaLink(_PageLink):
    """The account inside Airflow: calls left, what runs hold, the rate, holds."""

    name = "OCR account"

    def _address(self, operator: Any, ti_key: Any) -> str:  # noqa: ARG002  # the same for each run
        return page_urls.account_url()


def dataset_of(operator: Any) -> str:
    """Return the dataset that a task works for, as its DAG names it; empty where its arguments were not rendered."""
    dataset = getattr(operator, "dataset", None) or getattr(operator, "reads", None)
    if dataset is None:  # of a read task, which knows it from its plan
        shard = getattr(operator, "shard", None)
        facts = shard.get("facts") if isinstance(shard, dict) else None
        dataset = facts.get("dataset") if isinstance(facts, dict) else None
    return dataset if isinstance(dataset, str) and "{{" not in dataset else ""


RUN_LINKS: tuple[BaseOperatorLink, ...] = (OCRReportLink(), OCRTableLink(), OCRDeadLettersLink(), OCRQuotaLink())
"""What plan, read and export have."""
EXPORT_LINKS: tuple[BaseOperatorLink, ...] = (*RUN_LINKS, OCRReviewLink())
"""What an export has: what it published may want a person's eyes."""
REVIEW_LINKS: tuple[BaseOperatorLink, ...] = (OCRReviewLink(), OCRTableLink())
"""What a review has."""
YARD_LINKS: tuple[BaseOperatorLink, ...] = (OCRYardLink(), OCRTableLink())
"""What a reconciliation has."""
