"""Manifests of presigned URLs, from plan to table: what was planned is what is sent, paid for and published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from airflow.sdk import DAG

from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup
from support.batch_stage import BatchRun, connected
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000, fetch_urls=False) as running:
        yield running


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchStage:
    return connected(monkeypatch, tmp_path, sandbox, images=1)


def truck(name: str, signature: str) -> str:
    return f"https://b.s3.amazonaws.com/{name}.jpg?X-Amz-Signature={signature}"


def write(stage: BatchStage, *urls: str) -> str:
    manifest = stage.root / "m.csv"
    manifest.write_text("upload_url\n" + "".join(f"{url}\n" for url in urls))
    return str(manifest)


def code_of(sandbox: Sandbox, url: str) -> str:
    """What the sandbox answers for a URL, made of the URL it got."""
    answer = requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": "vin", "upload_url": url},
        headers={"Authorization": f"Token {sandbox.token}"},
        timeout=PATIENCE_S,
    ).json()
    return str(answer["results"][0]["identifier"]["props"]["code"][0]["value"])


def test_a_manifest_written_anew_between_plan_and_read_puts_no_code_on_another_image(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    """A newcomer is on top, one image is gone, and every signature is fresh."""
    run, manifest = BatchRun(), write(stage, *(truck(name, "old") for name in ("truck1", "truck2", "truck3")))
    stage.plan(run, "night-1", manifest=manifest)
    write(stage, *(truck(name, "new") for name in ("NEWCOMER", "truck1", "truck2")))

    stage.read(run, "night-1")
    stage.export(run, "night-1")
    posts = sandbox.books()["posts"]

    codes = {row["image"].rpartition("/")[2]: row["code"] for row in stage.rows()}
    assert codes == {f"truck{n}.jpg": code_of(sandbox, truck(f"truck{n}", "new")) for n in (1, 2)}
    assert (posts, run.counts["dead_letters_by_reason"]) == (2, {"row_invalid": 1})


def test_the_next_night_plans_what_the_manifest_said_no_more_and_pays_for_nothing_twice(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    run, manifest = BatchRun(), write(stage, *(truck(name, "1") for name in ("truck1", "truck2")))
    stage.plan(run, "night-1", manifest=manifest)
    write(stage, truck("truck1", "2"))
    stage.read(run, "night-1")
    stage.export(run, "night-1")
    write(stage, *(truck(name, "3") for name in ("truck2", "truck1")))

    second = stage.run("night-2", manifest=manifest)

    assert (second.counts["reads"], second.counts["already_done"]) == (1, 1)
    assert sandbox.books()["posts"] == 2


def test_nothing_of_a_night_holds_a_signature(stage: BatchStage, tmp_path: Path) -> None:
    forms = ("X-Amz-Signature=", "q-signature=", "tempauth=", "Authorization=", "hdnts=exp=1~hmac=", "api_key=")
    manifest = write(stage, *(f"https://x.example/{n}.jpg?{form}geheim77" for n, form in enumerate(forms)))

    run = stage.run("night-1", manifest=manifest)

    assert run.counts["reads"] == len(forms)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "m.csv"]
    assert not [path for path in written if b"geheim77" in path.read_bytes()]
    assert "geheim77" not in str((run.shards, run.plan, run.counts))


def test_named_parameters_tell_images_apart_from_the_plan_to_the_table(stage: BatchStage, sandbox: Sandbox) -> None:
    manifest = write(stage, *(f"https://x.example/get?id={n}&token=geheim{n}" for n in (1, 2)))

    without = stage.run("night-1", manifest=manifest, max_bad_rows="100%")
    named = stage.run("night-2", manifest=manifest, identity_params="id")

    assert (without.counts["planned"], without.counts["dead_letters_by_reason"]) == (0, {"row_invalid": 2})
    assert named.counts["reads"] == 2
    assert [row["image"] for row in stage.rows()] == [f"https://x.example/get?id={n}" for n in (1, 2)]
    assert sandbox.books()["posts"] == 2


def test_an_image_id_is_what_the_table_calls_the_image(stage: BatchStage, sandbox: Sandbox) -> None:
    manifest = stage.root / "ids.jsonl"

    for link in ("aa", "bb"):
        row = {"upload_url": f"https://x.example/tmp/{link}?token=geheim77", "image_id": 7}
        manifest.write_text(json.dumps(row) + "\n")
        stage.run(f"night-{link}", manifest=str(manifest))

    assert [row["image"] for row in stage.rows()] == ["7"]
    assert sandbox.books()["posts"] == 1


def test_the_task_group_hands_its_named_parameters_to_the_plan() -> None:
    with DAG("yard", schedule=None):
        group = OCRManifestTaskGroup("ocr", manifest="/m.csv", dataset="/reads", identity_params=["id"])

    assert group.plan.identity_params == ["id"]
    assert "identity_params" in group.plan.template_fields
