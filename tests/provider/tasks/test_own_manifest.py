"""A manifest that is its run's own says why; one that the next run has as well says nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from airflow_provider_platerec_ocr.dataset.plan.model import Plan
from airflow_provider_platerec_ocr.tasks.own_manifest import own

DAYS = {date(2026, 3, 1), date(2026, 3, 2)}


@pytest.mark.parametrize(
    ("template", "manifest", "given", "why"),
    [
        ("/yard/m.csv", "/yard/m.csv", {}, ""),
        ("{{ params.manifest }}", "/yard", {}, ""),
        ("{{ params.manifest }}", "/yard", {"dataset": "/x"}, ""),
        ("/yards/{{ var.value.yard }}", "/yards/north", {}, ""),
        ("/yard/ds/m.csv", "/yard/ds/m.csv", {}, ""),
        ("/yard/2025-01-01", "/yard/2025-01-01", {}, ""),
        ("/yard/1202603011", "/yard/1202603011", {}, ""),
        ("", "/yard", {}, ""),
        ("/yard/{{ ds }}", "/yard/2026-03-01", {}, "made from ds"),
        ("/yard/{{ds_nodash}}/", "/yard/20260301/", {}, "made from ds_nodash"),
        ("/y/{{ data_interval_start | ds }}", "/y/2026-03-01", {}, "made from data_interval_start"),
        ("{% if ds %}/a{% endif %}", "/a", {}, "made from ds"),
        ("/y/{{ macros.ds_add(x, -1) }}", "/y/1", {}, "made from macros"),
        ("/y/{{ dag_run.conf['day'] }}", "/y/1", {}, "made from dag_run"),
        ("/y/{{ run_id }}", "/y/manual", {}, "made from run_id"),
        ("{{ params.manifest }}", "/old", {"manifest": "/old"}, "given to this run alone, as manifest"),
        ("{{ params['site'] }}/x", "/old/x", {"site": "/old"}, "given to this run alone, as site"),
        ("", "/yard/2026-03-01", {}, "the run's day 2026-03-01 in its name"),
        ("", "s3://yard/2026/03/02/", {}, "the run's day 2026/03/02 in its name"),
        ("", "/yard/IMG_20260301_1.csv", {}, "the run's day 20260301 in its name"),
        ("", "/yard/manual__1/m.csv", {}, "the run's id manual__1 in its name"),
    ],
)
def test_whether_a_manifest_is_its_runs_own(template: str, manifest: str, given: dict[str, Any], why: str) -> None:
    found = own(template, manifest, days=DAYS, run_id="manual__1", given=given)

    assert (why in found) if why else not found


@pytest.mark.parametrize(
    ("left", "bad", "why", "warns"),
    [(0, 0, "its own", False), (1, 0, "its own", True), (0, 1, "its own", True), (1, 1, "", False)],
)
def test_a_plan_says_that_no_later_run_finds_what_is_left_where_that_is_so(
    left: int, bad: int, why: str, *, warns: bool
) -> None:
    plan = Plan("/yard", rows=5, left_over=left, bad_rows=bad, own_manifest=why)

    said = " ".join(plan.describe())
    assert ("No later run will find what this one leaves over" in said) is warns
    assert ("clear its plan task and what comes after it" in said) is warns
