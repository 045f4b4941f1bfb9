"""Where the demo keeps everything: one folder in the clone, with an Airflow of its own and nothing of the user's."""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

TOKEN = "sandbox-token"  # noqa: S105  # the sandbox's own, worth nothing anywhere else
FIRST_PORT = 8642
WEB_PORT = 8080


class DemoError(RuntimeError):
    """The demo cannot go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DemoHome:
    """The demo's folders, in a clone of the project."""

    clone: Path
    """Root of the clone."""

    @classmethod
    def find(cls) -> DemoHome:
        """Return the home in the clone that this file lies in."""
        clone = Path(__file__).resolve().parents[2]
        if not (clone / "dags" / "nightly_ocr_batch.py").is_file():
            message = "The demo needs a clone of the project: its DAGs and sample images are not part of the wheel."
            raise DemoError(message)
        return cls(clone)

    @property
    def root(self) -> Path:
        """What `make clean` removes."""
        return self.clone / ".demo"

    @property
    def samples(self) -> Path:
        """Sample images with their manifest and truth."""
        return self.clone / "dags" / "sample_images"

    @property
    def dataset(self) -> Path:
        """The published table."""
        return self.root / "data" / "reads"

    @property
    def reports(self) -> Path:
        """The runs' reports."""
        return self.root / "data" / "reads_reports"

    @property
    def ledger(self) -> Path:
        """The ledger of paid calls."""
        return self.root / "data" / "ledger"

    @property
    def inbox(self) -> Path:
        """What the sandbox's webhooks bring."""
        return self.root / "data" / "inbox"

    @property
    def airflow(self) -> Path:
        """The demo's own ``AIRFLOW_HOME``."""
        return self.root / "airflow"

    def log(self, name: str) -> Path:
        """Return the file that a process writes to."""
        return self.root / f"{name}.log"

    def port(self) -> int:
        """Return the sandbox's port: the same in every run, since the base URL is part of what a paid call is."""
        kept = self.root / "sandbox.port"
        if kept.is_file():
            port = int(kept.read_text())
            if not _is_free(port):
                message = (
                    f"Port {port} is in use, and the demo's paid calls belong to it. Stop what uses it, e.g. `make up`."
                )
                raise DemoError(message)
            return port
        port = next((port for port in range(FIRST_PORT, FIRST_PORT + 50) if _is_free(port)), 0)
        if not port:
            message = f"No port from {FIRST_PORT} to {FIRST_PORT + 49} is free for the sandbox."
            raise DemoError(message)
        self.root.mkdir(exist_ok=True)
        kept.write_text(str(port))
        return port

    def web_port(self) -> int:
        """Return the port of Airflow's web UI: the usual one, else the next that is free."""
        port = next((port for port in range(WEB_PORT, WEB_PORT + 20) if _is_free(port)), 0)
        if not port:
            message = f"No port from {WEB_PORT} to {WEB_PORT + 19} is free for Airflow's web UI."
            raise DemoError(message)
        return port

    def environment(self, sandbox_url: str, *, web_port: int = WEB_PORT, webhook_secret: str = "") -> dict[str, str]:
        """Return the environment of the demo's Airflow: the user's own, less every Airflow setting in it.

        :param webhook_secret: opens the receiver of webhooks; without it there is none.
        """
        mine = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        connection = {"conn_type": "platerec_ocr", "host": sandbox_url, "password": TOKEN}
        return mine | {
            "AIRFLOW_HOME": str(self.airflow),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.clone / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(web_port),
            "AIRFLOW__API__BASE_URL": f"http://localhost:{web_port}",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{web_port}/execution/",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__PLATEREC_OCR__LEDGER": str(self.ledger),
            "AIRFLOW__PLATEREC_OCR__INBOX": str(self.inbox),
            "AIRFLOW__PLATEREC_OCR__WEBHOOK_SECRETS": webhook_secret,
            "AIRFLOW_CONN_PLATEREC_OCR_DEFAULT": json.dumps(connection),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "NO_PROXY": "localhost,127.0.0.1",
        }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
