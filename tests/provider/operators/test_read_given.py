"""What people give to the operator and the hook means what it means in a manifest, and costs no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from support.recorder import recording_server
from support.single_reads import context, jpeg, operator

if TYPE_CHECKING:
    from pathlib import Path

    from support.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("ledger")


@pytest.mark.parametrize("camera_id", [7, 7.0, "7"])
def test_a_number_names_a_camera_and_locks_nothing(sandbox: Sandbox, image: Path, ledger: Path, camera_id: Any) -> None:
    result = operator(image=str(image), camera_id=camera_id).execute(context())

    assert (result["camera_id"], result["calls_billed"]) == ("7", 1)
    assert sandbox.calls()[0]["camera_id"] == "7"
    assert len(list(ledger.rglob("*.answer"))) == 1


def test_a_camera_that_cannot_be_sent_is_refused_before_anything_is_claimed(
    sandbox: Sandbox, image: Path, ledger: Path
) -> None:
    with pytest.raises(errors.OCRConfigError, match="camera_id"):
        operator(image=str(image), camera_id={"gate": 7}).execute(context())

    assert sandbox.books()["posts"] == 0
    assert not list(ledger.rglob("*.claim"))


def test_the_hook_takes_bytes_of_every_kind_and_what_the_operator_takes(sandbox: Sandbox) -> None:
    hook = PlateRecOCRHook("yard")

    results = [hook.read(image=kind(jpeg()), camera_id=7, in_doubt="HOLD") for kind in (bytearray, memoryview, bytes)]

    assert [result["from_ledger"] for result in results] == [False, True, True]
    assert results[0]["type"] == "vin"
    assert sandbox.books()["posts"] == 1
    with pytest.raises(errors.OCRConfigError, match="in_doubt must be one of"):
        hook.read(image=jpeg(), in_doubt="perhaps")


def test_the_hook_reads_a_changed_url_again_when_its_version_says_so(sandbox: Sandbox, image: Path) -> None:
    hook = PlateRecOCRHook("yard")
    with recording_server(body=image.read_bytes()) as server:
        reads = [hook.read(upload_url=f"{server.url}/a.jpg", image_version=version) for version in ("1", "2", "1")]

    assert [read["from_ledger"] for read in reads] == [False, False, True]
    assert sandbox.books()["posts"] == 2


def test_two_signatures_of_one_url_are_one_image_and_named_parameters_tell_two_apart(
    sandbox: Sandbox, image: Path
) -> None:
    with recording_server(body=image.read_bytes()) as server:
        reads = [
            operator(upload_url=f"{server.url}/get?id={number}&token={token}", identity_params=["id"]).execute(
                context()
            )
            for number, token in ((1, "geheim77"), (1, "geheim78"), (2, "geheim77"))
        ]

    assert [read["image"] for read in reads] == [f"{server.url}/get?id={number}" for number in (1, 1, 2)]
    assert [read["fingerprint"] == reads[0]["fingerprint"] for read in reads] == [True, True, False]
    assert sandbox.books()["posts"] == 2
    assert "geheim7" not in json.dumps(reads)
