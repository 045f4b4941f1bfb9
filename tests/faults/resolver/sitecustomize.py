"""What a name server does to every process of the fault suite's Airflow: names under ``.faults.test`` come and go.

Python loads this before anything else. A name is known while it has a file in ``FAULTS_HOSTS``; to the processes that
make calls it is known from the second that the file says.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

DOMAIN = ".faults.test"
CALLS = "airflow_provider_platerec_ocr.worker.child"
_ask = socket.getaddrinfo


def _getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    if not (isinstance(host, str) and host.endswith(DOMAIN)):
        return _ask(host, *args, **kwargs)
    known_from = Path(os.environ["FAULTS_HOSTS"], host)
    if not known_from.exists() or (CALLS in sys.orig_argv and time.time() < float(known_from.read_text())):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _ask("127.0.0.1", *args, **kwargs)


socket.getaddrinfo = _getaddrinfo
