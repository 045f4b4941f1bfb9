from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.sdk import DAG

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from support.recorder import recording_server
from support.single_reads import context, jpeg, operator
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from support.airflow_home import AirflowHome
    from support.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("ledger")


def test_an_image_is_read_and_a_second_run_pays_for_nothing(sandbox: Sandbox, image: Path) -> None:
    arguments = {"image": str(image), "camera_id": "gate-1", "timestamp": "2026-03-01T23:00:00+01:00"}

    first = operator(**arguments).execute(context())
    again = operator(**arguments).execute(context())

    assert first["identifiers"][0]["code"] == sandbox.calls()[0]["codes"][0]
    assert (first["calls_billed"], first["from_ledger"], again["from_ledger"]) == (1, False, True)
    assert (first["camera_id"], first["timestamp"]) == ("gate-1", "2026-03-01T22:00:00Z")
    assert first["raw"]["timestamp"].startswith("2026-03-01T22:00:00")
    assert {**again, "from_ledger": False} == first
    assert sandbox.books()["billed"] == 1


def test_a_mapped_task_that_took_an_answer_does_not_count_anothers_call(sandbox: Sandbox, image: Path) -> None:
    first = operator(image=str(image)).execute(context(map_index=0))
    second = operator(image=str(image)).execute(context(map_index=1))

    assert (first["calls_billed"], second["calls_billed"]) == (1, 0)
    assert sandbox.books()["billed"] == 1


@pytest.mark.usefixtures("sandbox")
def test_the_signature_of_a_url_goes_to_the_api_and_nowhere_else(
    ledger: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with recording_server(body=jpeg(), headers={"Content-Type": "image/jpeg"}) as store:
        task = operator(upload_url=f"{store.url}/a.jpg?X-Amz-Signature=geheim77")
        result = task.execute(context())

    assert store.asked[0][1] == "/a.jpg?X-Amz-Signature=geheim77"
    assert task.upload_url == f"{store.url}/a.jpg"
    assert result["image"] == f"{store.url}/a.jpg"
    written = [path.read_text() for path in ledger.rglob("*") if path.is_file()]
    assert len(written) >= 2
    shown = [
        json.dumps(result),
        caplog.text,
        *capfd.readouterr(),
        repr(vars(task).get("_BaseOperator__init_kwargs", "")),
    ]
    assert not [text for text in (*written, *shown[:-1]) if "geheim77" in text]


def test_a_rendered_url_is_kept_whole_and_shown_without_its_query() -> None:
    task = operator(upload_url="https://{{ host }}/a.jpg?sig={{ secret }}")
    assert task.upload_url == "https://{{ host }}/a.jpg?sig={{ secret }}"

    task.render_template_fields(cast("Context", {"host": "bucket.example.com", "secret": "geheim77"}))
    shown = task.upload_url
    task.upload_url = shown

    assert shown == task.upload_url == "https://bucket.example.com/a.jpg"
    assert task._upload_url == "https://bucket.example.com/a.jpg?sig=geheim77"  # noqa: SLF001  # what is sent


def test_the_api_rejecting_an_image_is_an_error_and_the_image_is_not_sent_again(sandbox: Sandbox, image: Path) -> None:
    sandbox.control(faults=["always:400"])
    for _ in range(2):
        with pytest.raises(errors.OCRRejected, match=r"door.jpg: .*rejected"):
            operator(image=str(image)).execute(context())

    assert len(sandbox.calls()) == 1


@pytest.mark.parametrize(
    ("content", "reason", "permanent"),
    [(None, "image_missing", False), (b"", "image_empty", True), (b"just text", "image_not_an_image", True)],
)
def test_an_image_that_cannot_be_sent_is_an_error_with_its_reason(
    content: bytes | None, reason: str, *, permanent: bool, sandbox: Sandbox, image: Path
) -> None:
    image.unlink()
    if content is not None:
        image.write_bytes(content)

    with pytest.raises(errors.OCRImageError) as caught:
        operator(image=str(image)).execute(context())

    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert sandbox.calls() == []


def test_an_image_outside_the_allowed_roots_is_never_sent(sandbox: Sandbox, image: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.jpg"
    outside.write_bytes(jpeg(10))
    (image.parent / "link.jpg").symlink_to(outside)

    for arguments in (
        {"image": f"{outside}", "allowed_roots": f"{image.parent}"},
        {"image": f"{image.parent}/link.jpg"},
    ):
        with pytest.raises(errors.OCRImageError) as caught:
            operator(**arguments).execute(context())
        assert caught.value.reason == "image_outside_roots"

    assert sandbox.calls() == []


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"tokens": ["other"]}, errors.OCRUnauthorized), ({"quota": 0}, errors.OCRForbidden)],
)
def test_an_account_that_cannot_read_stops_the_task(
    settings: dict[str, Any], error: type[Exception], sandbox: Sandbox, image: Path
) -> None:
    sandbox.control(**settings)

    with pytest.raises(error):
        operator(image=str(image)).execute(context())

    assert sandbox.books()["billed"] == 0


@pytest.mark.parametrize(("in_doubt", "retry"), [("resend", True), ("hold", False), ("fail", False)])
def test_a_call_of_unknown_outcome_is_in_doubt_and_not_sent_again_at_once(
    in_doubt: str, *, retry: bool, sandbox: Sandbox, image: Path
) -> None:
    sandbox.control(faults=["nth=1:cut-after"])

    with pytest.raises(errors.OCRInDoubt) as caught:
        operator(image=str(image), in_doubt=in_doubt).execute(context())

    assert caught.value.retry is retry
    assert (caught.value.retry_after_s == 270) is retry
    assert len(sandbox.calls()) == 1


def test_a_kill_lets_the_call_in_flight_finish_and_saves_its_answer(sandbox: Sandbox, image: Path) -> None:
    sandbox.control(faults=["always:hold"])
    task = operator(image=str(image))
    killer = threading.Thread(target=_kill_in_flight, args=(task, sandbox))
    killer.start()

    result = task.execute(context())
    killer.join()

    assert result["calls_billed"] == 1
    assert operator(image=str(image)).execute(context())["from_ledger"] is True
    assert sandbox.books()["billed"] == 1


def _kill_in_flight(task: OCRReadOperator, sandbox: Sandbox) -> None:
    until("no call came", lambda: sandbox.state()["held"])
    task.on_kill()
    sandbox.control(faults=[])


def test_a_kill_before_the_call_pays_for_nothing(sandbox: Sandbox, image: Path) -> None:
    sandbox.control(faults=["always:503;retry_after=600"])
    task = operator(image=str(image))
    killer = threading.Thread(target=_kill_after_a_refusal, args=(task, sandbox))
    killer.start()

    with pytest.raises(errors.OCRDrained):
        task.execute(context())
    killer.join()

    assert sandbox.books()["billed"] == 0


def _kill_after_a_refusal(task: OCRReadOperator, sandbox: Sandbox) -> None:
    until("nothing was refused", lambda: [call for call in sandbox.calls() if call["status"] == 503])
    task.on_kill()


def test_a_kill_before_anything_is_open_is_not_forgotten(sandbox: Sandbox, image: Path) -> None:
    task = operator(image=str(image))
    task.on_kill()

    with pytest.raises(errors.OCRDrained):
        task.execute(context())

    assert sandbox.calls() == []


def test_an_execution_timeout_shorter_than_a_call_is_refused_before_anything_is_paid(
    sandbox: Sandbox, image: Path
) -> None:
    with pytest.raises(errors.OCRConfigError, match="execution_timeout is 0:02:00"):
        operator(image=str(image), execution_timeout=timedelta(minutes=2)).execute(context())

    assert sandbox.calls() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give either image"),
        ({"image": "photos/a.jpg"}, "relative path"),
        ({"image": "/a.jpg", "in_doubt": "maybe"}, "in_doubt must be one of resend, hold, fail"),
        ({"image": "/a.jpg", "shrink": "perhaps"}, "shrink must be true or false"),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.OCRConfigError, match=message):
        operator(**arguments).execute(context())


def test_the_retry_policy_is_preset_and_default_args_can_change_it() -> None:
    other = OCRRetryPolicy(base_delay_s=1)
    with DAG("d", schedule=None, default_args={"retry_policy": other}):
        changed = operator(image="/a.jpg")

    assert changed.retry_policy is other
    assert isinstance(operator(image="/a.jpg").retry_policy, OCRRetryPolicy)


def test_a_mapped_task_is_called_by_its_file_and_never_by_a_signature() -> None:
    assert operator(image="s3://c@bucket/yard/door.jpg").label == "door.jpg"
    assert operator(upload_url="https://host/yard/door.jpg?sig=geheim77").label == "door.jpg"
    assert operator().label == ""


def test_every_argument_that_can_differ_per_task_is_templated() -> None:
    fields = set(OCRReadOperator.template_fields)

    assert fields >= {"image", "upload_url", "type", "camera_id", "timestamp", "ledger", "conn_id", "in_doubt"}
    assert all(hasattr(operator(image="/a.jpg"), field) for field in fields)


def test_the_hook_reads_bytes_through_the_same_ledger(sandbox: Sandbox, image: Path) -> None:
    hook = PlateRecOCRHook("yard")

    first = hook.read(type="vin", image=image.read_bytes(), filename="door.jpg")
    again = operator(image=str(image)).execute(context())

    assert (first["image"], first["calls_billed"]) == ("bytes/door.jpg", 1)
    assert again["from_ledger"] is True
    assert sandbox.books()["billed"] == 1


def test_the_hooks_client_speaks_for_the_connection(sandbox: Sandbox) -> None:
    async def remaining() -> int:
        async with PlateRecOCRHook("yard").get_client() as client:
            return (await client.statistics()).remaining

    assert asyncio.run(remaining()) == sandbox.state()["accounts"][0]["quota"]


HOOK_DAG = """
from airflow.sdk import dag, task

@dag(schedule=None)
def read_by_hook():
    @task
    def door(dag_run=None) -> str:
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook

        return PlateRecOCRHook("yard").read(type="vin", image=dag_run.conf["image"])["fingerprint"]

    door()

read_by_hook()
"""


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.usefixtures("sandbox")
def test_a_task_that_reads_by_the_hook_is_named_in_the_ledger(
    airflow_home: AirflowHome, image: Path, ledger: Path
) -> None:
    airflow_home.add_dag("read_by_hook.py", HOOK_DAG)

    run = airflow_home.run_dag("read_by_hook", {"image": str(image)})

    (claim,) = ledger.glob(f"vin/*/{run.xcom('door')}.1.claim")
    owner = json.loads(claim.read_text())["owner"]
    assert (owner["dag_id"], owner["run_id"], owner["task_id"]) == ("read_by_hook", run.run_id, "door")


EXPAND_DAG = """
from airflow.sdk import dag, task
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator

@dag(schedule=None)
def read_expanded():
    @task(show_return_value_in_logs=False)
    def urls(params=None, dag_run=None) -> list[str]:
        return dag_run.conf["urls"]

    @task
    def codes(reads) -> list[str]:
        return [read["identifiers"][0]["code"] for read in reads]

    codes(OCRReadOperator.partial(task_id="read", conn_id="yard").expand(upload_url=urls()).output)

read_expanded()
"""


@pytest.mark.airflow
@pytest.mark.slow
def test_expand_over_signed_urls_shows_no_signature(
    sandbox: Sandbox, airflow_home: AirflowHome, caplog: pytest.LogCaptureFixture
) -> None:
    airflow_home.add_dag("read_expanded.py", EXPAND_DAG)
    with recording_server(body=jpeg()) as store, recording_server(body=jpeg(90)) as other:
        urls = [f"{server.url}/{i}.jpg?X-Amz-Signature=geheim{i}77" for i, server in enumerate((store, other))]
        run = airflow_home.run_dag("read_expanded", {"urls": urls})

    assert run.state == "success"
    reads = [run.xcom("read", map_index=i) for i in (0, 1)]
    assert run.xcom("codes") == [read["identifiers"][0]["code"] for read in reads]
    assert "geheim" not in json.dumps(reads)
    assert "geheim" not in json.dumps([run.rendered("read", map_index=i) for i in (0, 1)])
    assert [run.rendered("read", map_index=i)["upload_url"] for i in (0, 1)] == [u.partition("?")[0] for u in urls]
    assert sandbox.books()["billed"] == 2
    assert "makes the calls" in caplog.text
    assert "geheim" not in caplog.text
