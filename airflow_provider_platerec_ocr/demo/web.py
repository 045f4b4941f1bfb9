"""What ``make up`` asks of the running Airflow and of the sandbox over HTTP: readiness, an unpaused DAG, webhooks."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from airflow_provider_platerec_ocr.demo.home import DemoError

if TYPE_CHECKING:
    import subprocess

    from airflow_provider_platerec_ocr.demo.home import DemoHome

READY_WITHIN_S = 300.0
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def ask(method: str, url: str, body: Any = None, token: str = "") -> Any:
    """Return the JSON answer of an address on this machine."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers, method=method), timeout=10) as response:  # noqa: S310  # loopback
        return json.load(response)


def send_webhooks(sandbox_url: str, target: str) -> None:
    """Have the sandbox send each answer to ``target``; told over HTTP, since a command line shows the secret in it."""
    ask("POST", f"{sandbox_url}/_sandbox/control", {"webhooks": [target], "webhook_retries": 3})


def unpause(web_url: str, dag_id: str, airflow: subprocess.Popen[bytes], home: DemoHome) -> None:
    """Return when Airflow is up, knows the DAG and has it unpaused."""
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and airflow.poll() is None:
        try:
            health = ask("GET", f"{web_url}/api/v2/monitor/health")
            if all(health.get(part, {}).get("status") == "healthy" for part in PARTS):
                token = ask("GET", f"{web_url}/auth/token")["access_token"]
                ask("PATCH", f"{web_url}/api/v2/dags/{dag_id}", {"is_paused": False}, token)
                return
        except (URLError, OSError, ValueError):  # not up yet, or the DAG is not parsed yet
            pass
        time.sleep(1)
    message = f"Airflow did not come up; {home.log('standalone')} ends with:\n{_end_of(home)}"
    raise DemoError(message)


def _end_of(home: DemoHome) -> str:
    return home.log("standalone").read_text(errors="replace")[-2000:]
