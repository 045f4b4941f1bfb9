"""What OpenLineage learns of a plan and an export, and that nothing of it is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Asset

from airflow_provider_platerec_ocr.assets import convert_asset_to_openlineage
from airflow_provider_platerec_ocr.core.errors import OCRIncomplete
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.tasks.telling.lineage import Lineage, facets, name_of
from support.airflow_home import connection_env
from support.batch_stage import BatchRun
from support.forks import ask
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.airflow_home import AirflowHome
    from support.batch_stage import BatchStage

SOURCE = """
from airflow.sdk import DAG
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

with DAG("lineage", schedule=None, params={{"dataset": "{root}/reads"}}):
    OCRManifestTaskGroup("ocr", manifest="{root}/images", dataset="{{{{ params.dataset }}}}", retries=0)
    OCRManifestTaskGroup("bad", manifest="{root}/bad.csv", dataset="{root}/other", retries=0)
"""


@pytest.fixture
def _account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        make_load_images(tmp_path / "images", 3, 2_000)
        (tmp_path / "images" / "text.jpg").write_text("this is no image at all")
        (tmp_path / "bad.csv").write_text("path\na.jpg\n")
        yield


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("/data/reads", "file", "/data/reads"),
        ("/data/reads/", "file", "/data/reads"),
        ("/", "file", "/"),
        ("file:///data/reads", "file", "/data/reads"),
        ("file://localhost/data/reads", "file", "/data/reads"),
        ("s3://bucket/ocr/reads", "s3://bucket", "ocr/reads"),
        ("s3://bucket/ocr/reads/", "s3://bucket", "ocr/reads"),
        ("s3://aws_default@bucket/ocr/reads", "s3://bucket", "ocr/reads"),
        ("s3a://bucket/ocr", "s3://bucket", "ocr"),
        ("s3://bucket", "s3://bucket", "/"),
        ("s3://bucket/a?b#c.csv", "s3://bucket", "a?b#c.csv"),
        ("gcs://bucket/ocr", "gs://bucket", "ocr"),
        ("abfs://container/ocr", "abfs://container", "ocr"),
        ("https://user:secret@host:8443/list.csv?sig=secret", "https://host:8443", "list.csv"),
    ],
)
def test_places_have_openlineages_names_without_connections_and_secrets(uri: str, namespace: str, name: str) -> None:
    assert name_of(uri) == (namespace, name)


@pytest.mark.parametrize("uri", ["file:///data/reads", "s3://bucket/ocr/reads", "s3://bucket/reads"])
def test_the_names_are_those_that_airflows_own_converters_give_to_assets(uri: str) -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")
    from airflow.providers.amazon.aws.assets import s3  # needs the one above
    from airflow.providers.common.io.assets import file

    converter = s3 if uri.startswith("s3") else file
    found = converter.convert_asset_to_openlineage(Asset(uri=uri), None)

    assert (found.namespace, found.name) == name_of(uri)


def test_the_account_has_a_name_in_openlineage_too() -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")

    found = convert_asset_to_openlineage(Asset(uri="platerec-ocr://yard"), None)

    assert (found.namespace, found.name) == ("platerec-ocr", "yard")


def test_a_task_that_has_learned_nothing_leaves_it_to_inlets_and_outlets() -> None:
    operators: list[OCRPlanOperator | OCRExportOperator] = [
        OCRPlanOperator(task_id="p", manifest="/m.csv", dataset="/reads"),
        OCRExportOperator(task_id="e", dataset="/reads"),
    ]

    assert [operator.get_openlineage_facets_on_complete(None) for operator in operators] == [None, None]
    assert facets(Lineage()) is None


WITHOUT = """
for name in ("airflow.providers.openlineage", "openlineage"):
    sys.modules[name] = None  # how Python marks what cannot be imported
from airflow_provider_platerec_ocr.tasks.telling.lineage import DataSet, Lineage, facets
print(facets(Lineage([DataSet("/m.csv", 3)], [DataSet("/reads", 3)], {"reads": 3})))
print([name for name, module in sys.modules.items() if module and name.startswith("openlineage")])
"""


def test_without_the_provider_nothing_is_told_nothing_loaded_and_nothing_fails() -> None:
    (answer,) = ask("import airflow.sdk", [WITHOUT])

    assert (answer.code, answer.said.splitlines()[-2:]) == (0, ["None", "[]"])  # an older Airflow logs to stdout first


def test_an_export_that_fails_tells_what_it_has_published(stage: BatchStage) -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")
    stage.plan(BatchRun(), "night")
    export = OCRExportOperator(task_id="export", dataset=str(stage.dataset), conn_id=stage.conn_id)

    with pytest.raises(OCRIncomplete):
        export.execute(stage.context("night", "export"))

    lineage = export.get_openlineage_facets_on_complete(None)
    table, _ = lineage.outputs
    assert (table.name, table.outputFacets["outputStatistics"].rowCount) == (str(stage.dataset), 0)
    assert lineage.run_facets["platerec_ocr"].counts["missing"] > 0


@pytest.mark.airflow
@pytest.mark.usefixtures("_account")
def test_the_file_transport_has_inputs_outputs_schema_rows_and_the_runs_counts_and_what_failed(
    airflow_home: AirflowHome, tmp_path: Path
) -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="the OpenLineage provider is not installed")
    airflow_home.add_dag("lineage.py", SOURCE.format(root=tmp_path))
    transport = {"type": "file", "log_file_path": str(tmp_path / "events.jsonl"), "append": True}
    variables: dict[str, Any] = {
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "yard",
    }

    done = airflow_home.airflow("dags", "test", "lineage", timeout_s=600, **variables)

    assert (tmp_path / "events.jsonl").is_file(), done.stdout
    told = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    events = {(event["job"]["name"], event["eventType"]): event for event in told}
    _plan_and_export_are_told(events, str(tmp_path))
    failed = events["lineage.bad.plan", "FAIL"]
    assert "image" in failed["run"]["facets"]["errorMessage"]["message"]
    assert failed["outputs"] == []


def _plan_and_export_are_told(events: dict[tuple[str, str], dict[str, Any]], root: str) -> None:
    plan, export = events["lineage.ocr.plan", "COMPLETE"], events["lineage.ocr.export", "COMPLETE"]
    (manifest,) = plan["inputs"]
    assert (manifest["namespace"], manifest["name"]) == ("file", f"{root}/images")
    assert manifest["inputFacets"]["inputStatistics"]["rowCount"] == 4
    assert plan["run"]["facets"]["platerec_ocr"]["counts"]["planned"] == 4
    assert [each["name"] for each in export["inputs"]] == [f"{root}/images"]
    table, dead_letters = export["outputs"]
    assert (table["namespace"], table["name"]) == ("file", f"{root}/reads")
    assert table["outputFacets"]["outputStatistics"].items() >= {"rowCount": 3, "fileCount": 1}.items()
    assert [field["name"] for field in table["facets"]["schema"]["fields"]] == reads_schema().names
    assert dead_letters["name"] == f"{root}/reads_dead_letters"
    assert dead_letters["outputFacets"]["outputStatistics"]["rowCount"] == 1
    assert [field["name"] for field in dead_letters["facets"]["schema"]["fields"]] == dead_letters_schema().names
    counts = export["run"]["facets"]["platerec_ocr"]["counts"]
    assert counts.items() >= {"reads": 3, "rows": 3, "calls_billed": 3, "dead_letters": 1, "missing": 0}.items()
