"""Manifest and table in Airflow's asset graph, and what a downstream DAG is told of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow import sdk
from airflow.sdk import DAG, Asset, AssetAlias

from airflow_provider_platerec_ocr.assets import create_asset, place_of, with_assets
from airflow_provider_platerec_ocr.compat import key_event
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.inbox import OCRInboxOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup
from airflow_provider_platerec_ocr.tasks.telling.told_assets import asset_uri, table_among, tell_assets
from support.airflow_home import connection_env
from support.airflow_versions import stored
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow.sdk import Context

    from support.airflow_home import AirflowHome

YARD, READS = Asset("yard", uri="s3://lake/yard"), Asset("reads", uri="s3://lake/reads")
SOURCE = """
from airflow.sdk import DAG, Asset, AssetAlias, task
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

with DAG("{dag_id}", schedule=None):
    OCRManifestTaskGroup("ocr", manifest={manifest}, dataset={dataset}, retries=0, {more})
"""
HAS_KEYS = hasattr(sdk, "PartitionedAtRuntime")
"""From Airflow 3.3 on a task can give an event its partition key."""


@pytest.fixture
def _account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        make_load_images(tmp_path / "images", 3, 2_000)
        yield


def events(dag_id: str) -> list[dict[str, Any]]:
    """The asset events of a DAG's runs, as Airflow keeps them."""
    from airflow.models.asset import AssetEvent, AssetModel  # Airflow is claimed first
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(AssetEvent, AssetModel).join(AssetModel, AssetEvent.asset_id == AssetModel.id)
        found = session.execute(query.where(AssetEvent.source_dag_id == dag_id).order_by(AssetEvent.id)).all()
        return [
            {
                "name": asset.name,
                "uri": asset.uri,
                "extra": event.extra,
                "key": getattr(event, "partition_key", None),
                "aliases": [alias.name for alias in event.source_aliases],
            }
            for event, asset in found
        ]


def group(**given: Any) -> OCRManifestTaskGroup:
    with DAG("d", schedule=None):
        return OCRManifestTaskGroup("ocr", **{"manifest": "s3://lake/yard", "dataset": "s3://lake/reads"} | given)


def test_a_manifest_that_is_an_asset_is_an_inlet_and_a_dataset_an_outlet() -> None:
    made = group(manifest=YARD, dataset=READS)

    assert (made.plan.inlets, made.export.inlets, made.export.outlets) == ([YARD], [YARD], [READS])
    assert (made.plan.manifest, made.plan.dataset, made.export.dataset) == (YARD.uri, READS.uri, READS.uri)


def test_the_asset_graph_of_a_stored_dag_leads_from_the_manifest_to_the_table() -> None:
    made = group(manifest=YARD, dataset=READS)

    assert made.dag is not None
    text = stored(made.dag)
    assert YARD.uri in text
    assert READS.uri in text


def test_templates_and_texts_are_places_and_no_assets() -> None:
    made = group(manifest="{{ params.manifest }}", dataset="{{ params.dataset }}")

    assert (made.plan.inlets, made.export.inlets, made.export.outlets) == ([], [], [])
    assert made.plan.manifest == "{{ params.manifest }}"


def test_an_asset_beside_the_dataset_is_told_as_well_and_the_same_one_once() -> None:
    other = Asset("other")

    assert group(dataset=READS, asset=other).export.outlets == [other, READS]
    assert group(dataset=READS, asset=READS).export.outlets == [READS]


def test_the_operators_take_assets_each_alone() -> None:
    plan = OCRPlanOperator(task_id="p", manifest=YARD, dataset=READS, inlets=[Asset("price list")])
    export = OCRExportOperator(task_id="e", dataset=READS, outlets=Asset("other"))
    inbox = OCRInboxOperator(task_id="i", dataset=READS)

    assert plan.inlets == [Asset("price list"), YARD]
    assert export.outlets == [Asset("other"), READS]
    assert (inbox.outlets, inbox.dataset) == ([READS], READS.uri)


@pytest.mark.parametrize("given", [Asset("reads"), AssetAlias("reads")])
def test_an_asset_that_does_not_say_where_it_lies_is_refused_when_the_dag_is_parsed(given: Any) -> None:
    with pytest.raises(OCRConfigError, match=r"The asset 'reads' does not say where it lies"):
        group(dataset=given)


@pytest.mark.parametrize("given", [None, "", "/data/reads", 7])
def test_what_is_no_asset_stays_what_it_is(given: Any) -> None:
    assert place_of(given) is given
    assert with_assets(None, given) == []


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("platerec-ocr://platerec_ocr_default", "platerec-ocr://platerec_ocr_default"),
        ("platerec-ocr://platerec_ocr_default/", "platerec-ocr://platerec_ocr_default"),
        ("PLATEREC-OCR://yard", "platerec-ocr://yard"),
    ],
)
def test_the_account_is_an_asset_of_its_own(uri: str, kept: str) -> None:
    assert Asset(uri=uri).uri == kept


@pytest.mark.parametrize("uri", ["platerec-ocr:///", "platerec-ocr://one/two", "platerec-ocr://one?two=2"])
def test_an_account_without_a_connection_or_with_more_is_none(uri: str) -> None:
    with pytest.raises(ValueError, match="platerec-ocr:// and the id of its connection"):
        Asset(uri=uri)


def test_the_accounts_asset_is_made_from_its_connection() -> None:
    assert create_asset().uri == "platerec-ocr://platerec_ocr_default"
    assert create_asset(conn_id="yard", extra={"team": "north"}).extra == {"team": "north"}


@pytest.mark.parametrize(
    ("dataset", "uri"),
    [
        ("/data/reads", "file:///data/reads"),
        ("/data/reads/", "file:///data/reads"),
        ("file:///data/reads", "file:///data/reads"),
        ("file:///data/ocr%20reads", "file:///data/ocr reads"),
        ("/data/100%20", "file:///data/100%2520"),
        ("s3://aws_default@lake/ocr/reads", "s3://lake/ocr/reads"),
    ],
)
def test_a_tables_uri_says_where_it_lies_and_not_how_it_is_opened(
    dataset: str, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "extra": {"region_name": "eu-central-1"}}')

    assert asset_uri(dataset) == uri


def test_an_alias_means_the_asset_that_is_declared_with_the_tables_uri() -> None:
    mine = Asset("mine", uri="file:///data/reads")

    assert table_among([Asset("x"), mine], "/data/reads") is mine
    assert table_among([Asset("x")], "/data/reads") == Asset(uri="file:///data/reads")


def test_an_alias_means_the_asset_of_the_table_also_where_one_of_them_writes_escapes() -> None:
    escaped = Asset("mine", uri="file:///data/ocr%20reads")

    assert table_among([Asset("x"), Asset("y", uri="file:///data/reads"), escaped], "/data/ocr reads") is escaped


def told_by(*outlets: Any, key: str | None = None) -> Any:
    """Tell the outlets of a table, through the events that Airflow itself hands to a task."""
    from airflow.sdk.execution_time.context import OutletEventAccessors  # loads the task runner

    events = OutletEventAccessors()
    tell_assets(cast("Context", {"outlet_events": events}), outlets, "/data/reads", {"reads": 3}, key=key)
    return events


def test_what_is_no_asset_may_be_an_outlet_and_is_told_nothing() -> None:
    events = told_by("a text", {"any": "thing"}, READS)

    assert list(events) == [Asset(READS.name, READS.uri)]
    assert events[READS].extra == {"reads": 3}


def test_an_asset_and_an_alias_beside_each_other_are_both_told_of_one_table() -> None:
    alias, table = AssetAlias("reads"), Asset("mine", uri="file:///data/reads")

    events = told_by(alias, table)

    assert events[table].extra == {"reads": 3}
    (event,) = events[alias].asset_alias_events
    assert (event.dest_asset_key.name, event.extra) == ("mine", {"reads": 3})


@pytest.mark.skipif(not HAS_KEYS, reason="Airflow before 3.3: a task cannot give an event a key")
def test_a_key_is_on_an_assets_event_and_never_on_that_of_an_alias(caplog: pytest.LogCaptureFixture) -> None:
    alias = AssetAlias("reads")

    with caplog.at_level("INFO"):
        events = told_by(READS, alias, key="2026-03-01")

    assert events[READS].partition_keys == {"2026-03-01"}
    assert len(events[alias].asset_alias_events) == 1
    assert "Airflow keeps none for aliases" in caplog.text


class Event:
    """An event as Airflow before 3.3 has it."""


def test_an_event_that_can_have_no_key_keeps_that_of_its_run(caplog: pytest.LogCaptureFixture) -> None:
    key_event(Event(), "2026-03-01")

    assert "lets no task give an event a partition key" in caplog.text


@pytest.mark.airflow
@pytest.mark.usefixtures("_account")
def test_an_alias_emits_an_event_of_the_table_with_its_counts(airflow_home: AirflowHome, tmp_path: Path) -> None:
    """A green run with an alias as its outlet left no event at all."""
    more = 'asset=AssetAlias("reads_of_the_yard")'
    places = {"manifest": repr(str(tmp_path / "images")), "dataset": repr(str(tmp_path / "reads"))}
    airflow_home.add_dag("alias.py", SOURCE.format(dag_id="told_by_alias", more=more, **places))

    run = airflow_home.run_dag("told_by_alias")

    (event,) = events("told_by_alias")
    assert (event["uri"], event["aliases"]) == (f"file://{tmp_path}/reads", ["reads_of_the_yard"])
    assert event["extra"].items() >= {"reads": 3, "dataset": str(tmp_path / "reads"), "run_id": run.run_id}.items()


@pytest.mark.airflow
@pytest.mark.usefixtures("_account")
def test_a_dataset_given_as_an_asset_has_its_event_without_a_key(airflow_home: AirflowHome, tmp_path: Path) -> None:
    manifest, table = f'Asset(uri="file://{tmp_path}/images")', f'Asset("told_table", uri="file://{tmp_path}/reads")'
    airflow_home.add_dag("told.py", SOURCE.format(dag_id="told_plainly", more="", manifest=manifest, dataset=table))

    run = airflow_home.run_dag("told_plainly")

    (event,) = events("told_plainly")
    assert run.state == "success"
    assert (event["name"], event["key"], event["extra"]["reads"]) == ("told_table", None, 3)


LISTENERS = """
from airflow.sdk import DAG, Asset, task
from airflow_provider_platerec_ocr import each_partition

READS = Asset("heard_reads")
with DAG("listens_plainly", schedule=[READS]) as plainly:
    task(lambda: None, task_id="t")()
with DAG("listens_by_day", schedule=each_partition(READS)) as by_day:
    task(lambda: None, task_id="t")()
"""


def queued() -> tuple[list[str], list[tuple[str, str]]]:
    """Who is to run since an asset had an event, and who for which partition; what is plain is forgotten again."""
    from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    with create_session() as session:
        plainly = sorted(session.scalars(select(AssetDagRunQueue.target_dag_id)))
        by_day = session.execute(select(AssetPartitionDagRun.target_dag_id, AssetPartitionDagRun.partition_key)).all()
        session.execute(delete(AssetDagRunQueue))
        return plainly, sorted((dag_id, key) for dag_id, key in by_day)


def listening(home: AirflowHome) -> None:
    """Have Airflow know the two DAGs that listen, and let them run."""
    from airflow.models import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    home.add_dag("listeners.py", LISTENERS)
    done = home.airflow("dags", "reserialize")
    assert done.returncode == 0, done.stdout
    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id.like("listens_%")).values(is_paused=False))


@pytest.mark.airflow
@pytest.mark.skipif(not HAS_KEYS, reason="Airflow before 3.3: a task cannot give an event a key")
@pytest.mark.usefixtures("_account")
def test_an_event_with_a_key_starts_who_listens_by_day_and_nobody_else(
    airflow_home: AirflowHome, tmp_path: Path
) -> None:
    """Which is why a key has to be asked for: it would have kept every DAG quiet that is scheduled on the asset."""
    for dag_id, keyed in (("heard_plainly", False), ("heard_by_day", True)):
        places = {"manifest": repr(str(tmp_path / "images")), "dataset": repr(str(tmp_path / dag_id))}
        more = f'asset=Asset("heard_reads"), partition_events={keyed}'
        airflow_home.add_dag(f"{dag_id}.py", SOURCE.format(dag_id=dag_id, more=more, **places))
    listening(airflow_home)

    airflow_home.run_dag("heard_plainly")
    after_plain = queued()
    airflow_home.run_dag("heard_by_day")
    after_key = queued()

    (event,) = events("heard_by_day")
    day = event["extra"]["date"]
    assert event["key"] == day
    assert after_plain == (["listens_plainly"], [])
    assert after_key == ([], [("listens_by_day", day)])
