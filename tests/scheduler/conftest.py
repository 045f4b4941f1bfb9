"""One whole Airflow for all of these tests: starting it takes about a minute, and it can run everything at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.airflow_home import connection_env
from support.airflow_versions import ASKS_PEOPLE
from support.fleet import fleet
from support.sandbox import TOKEN, running_sandbox
from support.webhook_stage import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fleet import Fleet
    from support.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "dags"
NIGHTLY = "nightly_ocr_batch"
USER = ("ann", "of-the-tests")
"""Who runs everything: others may be refused."""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The API that the connection names."""
    with running_sandbox(rate=50.0, latency="0.2-0.4", quota=100_000) as running:
        yield running


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Fleet]:
    """Every example DAG, paused; the nightly one twice, and with a person asked; the watch as quick as a test."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    for example in EXAMPLES.glob("*.py"):
        shutil.copy(example, dags)
    nightly, watch = ((EXAMPLES / f"{name}.py").read_text() for name in (NIGHTLY, "webhook_watch"))
    if ASKS_PEOPLE:
        for dag_id, within in (("asking", "hours=1"), ("asking_briefly", "seconds=1")):
            text = nightly.replace(f'"{NIGHTLY}"', f'"{dag_id}"')
            text = text.replace("catchup=", 'default_args={"retry_delay": timedelta(seconds=5)}, catchup=')
            more = f"approve_above_calls=2, approve_within=timedelta({within}),"
            text = text.replace("asset=OCR_READS,", f"asset=OCR_READS, {more}")
            (dags / f"{dag_id}.py").write_text(text)
    (dags / "twin.py").write_text(nightly.replace(f'"{NIGHTLY}"', f'"{NIGHTLY}_twin"'))
    (dags / "webhook_watch.py").write_text(watch.replace('"reads"', '"watched"').replace("poll_s=30", "poll_s=2"))
    name, value = connection_env(sandbox.url, TOKEN, rate_per_s=50)
    extra = {
        name: value,
        "AIRFLOW__PLATEREC_OCR__INBOX": str(home / "inbox"),
        "AIRFLOW__PLATEREC_OCR__WEBHOOK_SECRETS": SECRET,
        "AIRFLOW__PLATEREC_OCR__LEDGER": str(home / "ledger"),
        # A person's answer may come in the moment in which its task goes to wait: Airflow then tries the task again.
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # new and touched files are seen all the same
    }
    with fleet(home, dags, extra, user=USER) as running:
        yield running
