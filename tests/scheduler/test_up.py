"""What `make up` promises: a phone's call becomes a row by webhook, receiver, asset event and DAG; Ctrl-C ends it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from support.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
PACKAGE = "airflow_provider_platerec_ocr"
VIN = "1WHEYKVM4G9DW8655"

pytestmark = [pytest.mark.airflow, pytest.mark.ocr, pytest.mark.slow, pytest.mark.scheduler]


def test_a_phones_call_becomes_a_row_and_ctrl_c_ends_it_all(tmp_path: Path) -> None:
    for folder in (PACKAGE, "dags"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    log = tmp_path / "up.log"
    dataset = tmp_path / ".demo" / "airflow" / "platerec_ocr" / "reads"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-m", f"{PACKAGE}.demo", "up"],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until("it was never ready", lambda: "Ready." in log.read_text() or process.poll() is not None)
        said = log.read_text()
        api, token = re.search(r"Token (\S+)' (\S+)$", said, re.MULTILINE).group(2, 1)  # type: ignore[union-attr]
        image = tmp_path / "dags" / "sample_images" / "vin_plate_01.jpg"
        answer = httpx.post(
            api,
            headers={"Authorization": f"Token {token}"},
            data={"type": "vin"},
            files={"upload": ("phone.jpg", image.read_bytes(), "image/jpeg")},
            timeout=PATIENCE_S,
        )
        until("no row came", dataset.exists)
        until("no row came", lambda: len(read_dataset(str(dataset))) == 1)
        row = read_dataset(str(dataset)).to_dict("records")[0]

        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    assert answer.status_code == 200
    assert (row["code_normalized"], row["calls_billed"], row["dag_id"]) == (VIN, 0, "webhook_ingest")
    assert row["image"].startswith(api.partition("/v1/")[0])
    assert process.returncode == 0
    assert "secret" not in said.lower()
