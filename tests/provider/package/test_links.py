from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import BaseOperatorLink

from airflow_provider_platerec_ocr.links import EXPORT_LINKS, REVIEW_LINKS, RUN_LINKS, YARD_LINKS, dataset_of
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator
from airflow_provider_platerec_ocr.operators.review import OCRReviewOperator
from airflow_provider_platerec_ocr.provider_info import get_provider_info
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor
from support.airflow_versions import import_string

NAMED = get_provider_info()["extra-links"]
TI = cast("Any", SimpleNamespace(dag_id="nightly", run_id="scheduled__2026-03-01T22:00:00+00:00", map_index=-1))
RUN = "platerec-ocr/run?dag_id=nightly&run_id=scheduled__2026-03-01T22:00:00%2B00:00"
DATASET = "/srv/ocr reads"


def links(task: Any) -> dict[str, str]:
    """What Airflow pushes when the task has ended."""
    return {link.name: link.get_link(cast("Any", task), ti_key=TI) for link in RUN_LINKS}


def task(**attributes: Any) -> SimpleNamespace:
    return SimpleNamespace(**attributes)


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
    tasks: tuple[Any, ...] = (OCRStatsSensor, OCRReadOperator, OCRPlanOperator, OCRReadBatchOperator)
    tasks += (OCRExportOperator, OCRReviewOperator, OCRReconcileOperator)
    found: list[BaseOperatorLink] = [link for kind in tasks for link in cast("Any", kind.operator_extra_links)]

    assert {type(link) for link in found} == registered
    assert all(issubclass(link, BaseOperatorLink) for link in registered)


@pytest.mark.parametrize("kind", [OCRPlanOperator, OCRReadBatchOperator, OCRExportOperator])
def test_plan_read_and_export_lead_to_report_table_dead_letters_and_account(kind: Any) -> None:
    assert tuple(kind.operator_extra_links)[: len(RUN_LINKS)] == RUN_LINKS


def test_an_export_and_a_review_lead_to_where_a_person_decides_and_a_reconciliation_to_the_yard() -> None:
    found = [
        kind.operator_extra_links[at].get_link(cast("Any", task(**facts)), ti_key=TI)
        for kind, at, facts in (
            (OCRExportOperator, -1, {"dataset": DATASET}),
            (OCRReviewOperator, 0, {"dataset": DATASET}),
            (OCRReconcileOperator, 0, {"reads": DATASET}),
            (OCRReconcileOperator, 0, {"reads": "{{ params.reads }}"}),
        )
    ]

    review = "platerec-ocr/review?dataset=/srv/ocr%20reads"
    assert found == [review, review, "platerec-ocr/yard?dataset=/srv/ocr%20reads", ""]
    assert (OCRExportOperator.operator_extra_links, OCRReviewOperator.operator_extra_links) == (
        EXPORT_LINKS,
        REVIEW_LINKS,
    )
    assert OCRReconcileOperator.operator_extra_links == YARD_LINKS


def test_an_export_leads_to_the_report_that_it_wrote() -> None:
    assert links(task(dataset=DATASET, reported=["nightly__1"])) == {
        "OCR report": "platerec-ocr/report?dataset=/srv/ocr%20reads&run=nightly__1",
        "OCR table": "platerec-ocr/reads?dataset=/srv/ocr%20reads",
        "OCR dead letters": "platerec-ocr/problems?dataset=/srv/ocr%20reads",
        "OCR account": "platerec-ocr/account",
    }


@pytest.mark.parametrize(
    ("attributes", "address"),
    [
        ({"dataset": DATASET, "reported": []}, ""),
        ({"dataset": DATASET, "reported": ["a", "b"]}, "platerec-ocr/nights?dataset=/srv/ocr%20reads"),
        ({"dataset": DATASET, "reported": None}, RUN),
        ({"dataset": DATASET}, RUN),
        ({"shard": {"facts": {"dataset": DATASET}}}, RUN),
        ({"shard": {"facts": None}}, ""),
        ({"shard": "{{ shard }}"}, ""),
        ({"dataset": "{{ params.dataset }}"}, ""),
        ({"dataset": ""}, ""),
        ({}, ""),
    ],
    ids=[
        "an export that wrote none",
        "an export of several plans",
        "a plan that was written",
        "no word of reports",
        "a read task",
        "a shard of an older version",
        "a shard that was not rendered",
        "arguments that were not rendered",
        "nothing",
        "no task of ours",
    ],
)
def test_a_link_that_does_not_apply_is_empty_and_one_that_will_is_there(
    attributes: dict[str, Any], address: str
) -> None:
    assert links(task(**attributes))["OCR report"] == address


def test_a_link_that_cannot_be_made_fails_no_task() -> None:
    class Broken:
        """A task of which nothing can be asked."""

        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    assert set(links(Broken()).values()) == {"", "platerec-ocr/account"}


def test_addresses_are_relative_so_that_airflow_may_have_a_path_of_its_own() -> None:
    assert all(not address.startswith(("/", "http")) for address in links(task(dataset=DATASET)).values())


def test_links_of_a_mapped_read_task_are_those_of_its_class() -> None:
    mapped = OCRReadBatchOperator.partial(task_id="read").expand(shard=[{"facts": {}}])

    assert tuple(cast("Any", mapped.operator_extra_links)) == RUN_LINKS
    assert dataset_of(mapped) == ""
