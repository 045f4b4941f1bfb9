"""Telling Airflow that payloads came: few events, and none too few.

An event only says "look into the inbox": whoever it starts takes everything that is new there, so two hundred payloads
need no two hundred events. What matters is that after *each* payload at least one event follows. It does: the first
payload is announced at once, those that come within :data:`EVERY_S` of it share one event at the end of that time, and
an event that could not be sent is sent again until it could. What a process that was killed still owed is made good
when the next one starts: it sends one event for whatever is in the inbox.

Events carry a partition key, the minute. Events without one can be left lying when many come quickly; with one, Airflow
either adds an event to a run that has not been created yet (which will see the payload, since it was kept before the
event was sent), or starts another. An Airflow before 3.2 has no partitions, and refuses an event that names one.

Nothing here knows what a payload holds, and nothing of Airflow but its public REST API.
"""

from __future__ import annotations

import atexit
import http.client
import json
import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock

ASSET = "platerec_ocr_inbox"
"""Name of the asset whose events say that the inbox has something new."""
EVERY_S = 30.0
"""Seconds between two events of one process at least."""
_FIRST_RETRY_S, _LONGEST_RETRY_S = 1.0, 60.0
_TIMEOUT_S = 30.0
_UNAUTHORIZED, _UNPROCESSABLE = 401, 422
log = logging.getLogger(__name__)


def partition_key(now: datetime) -> str:
    """Return the partition of an event: the minute in UTC, such as ``2026-03-01T22:15Z``."""
    return f"{now:%Y-%m-%dT%H:%M}Z"


class Announcer:
    """Announces payloads from a thread of its own; call it after each payload that is safe in the inbox.

    :param announce: sends one event, given its partition key and how many payloads came since the last; blocks, and
        raises where it could not. What it returns does not matter.
    :param clock: where time comes from.
    :param every_s: seconds between two events at least.
    """

    def __init__(
        self, announce: Callable[[str, int], object], *, clock: Clock | None = None, every_s: float = EVERY_S
    ) -> None:
        self._announce = announce
        self._clock = clock or SystemClock()
        self._every_s = every_s
        self._changed = threading.Condition()
        self._waiting = 0
        self._owed = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def __call__(self, *_: object) -> None:
        """Note that a payload came; returns at once. Arguments have no effect."""
        with self._changed:
            self._waiting += 1
            self._begin()

    def look(self) -> None:
        """Have one event sent without a payload that came: somebody is to look into the inbox. Returns at once."""
        with self._changed:
            self._owed = True
            self._begin()

    def close(self, within_s: float = 5.0) -> None:
        """Announce what still waits, and end; gives up after ``within_s``."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(within_s)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="platerec-announcer")
            self._thread.start()
            atexit.register(self.close)
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._owed or self._closed)
                count, owed = self._waiting, self._owed
                self._waiting, self._owed = 0, False
            if count or owed:
                self._send(count)
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, self._every_s) and not (self._waiting or self._owed):
                    return

    def _send(self, count: int) -> None:
        pause_s = _FIRST_RETRY_S
        while True:
            try:
                self._announce(partition_key(self._clock.now()), count)
            except Exception as error:  # noqa: BLE001  # the network's, the database's, Airflow's own
                log.warning("Not announced: %s (%s). Trying again.", count_of(count, "payload"), type(error).__name__)
            else:
                return
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, pause_s):
                    return
                count, self._waiting = count + self._waiting, 0
            pause_s = min(pause_s * 2, _LONGEST_RETRY_S)


class RestError(Exception):
    """Airflow's API did not take the event.

    :param status: HTTP status.
    :param path: what was asked.
    """

    def __init__(self, status: int, path: str) -> None:
        super().__init__(f"Airflow answered {status} to {path.partition('?')[0]}.")
        self.status = status


class RestAnnouncement:
    """Announces through Airflow's public REST API; for :class:`Announcer`. Blocks.

    :param base_url: of Airflow, such as ``https://airflow.example``.
    :param asset: name of the asset that gets the event.
    :param token: a bearer token; or give ``username`` and ``password``, which fetch one whenever the last has expired.
    """

    def __init__(self, base_url: str, asset: str, *, token: str = "", username: str = "", password: str = "") -> None:
        self._parts = urlsplit(base_url.rstrip("/"))
        self._asset = asset
        self._token = token
        self._login = {"username": username, "password": password} if username else None
        self._has_partitions = True

    def __call__(self, key: str, payloads: int) -> bool:
        """Create one event; return ``False`` where no DAG knows the asset.

        :raises RestError: naming the status; never the token.
        """
        found = self._call("GET", f"/api/v2/assets?name_pattern={quote(self._asset)}&limit=100")
        ids = [each["id"] for each in found.get("assets", ()) if each.get("name") == self._asset]
        if not ids:
            log.info(
                "%s came, and no DAG has the asset %s: nothing is started.", count_of(payloads, "payload"), self._asset
            )
            return False
        self._tell({"asset_id": ids[0], "extra": {"payloads": payloads}}, key)
        return True

    def _tell(self, event: dict[str, Any], key: str) -> None:
        path = "/api/v2/assets/events"
        if self._has_partitions:
            try:
                self._call("POST", path, event | {"partition_key": key})
            except RestError as error:
                if error.status != _UNPROCESSABLE:
                    raise
            else:
                return
        self._call("POST", path, event)
        if self._has_partitions:
            self._has_partitions = False
            log.info(
                "Airflow takes events without a partition only: it is older than 3.2. A run may stand for several."
            )

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        if not self._token and self._login:
            self._sign_in()
        status, answer = self._send(method, path, body)
        if status == _UNAUTHORIZED and self._login:
            self._sign_in()
            status, answer = self._send(method, path, body)
        return _checked(status, answer, path)

    def _sign_in(self) -> None:
        status, answer = self._send("POST", "/auth/token", self._login)
        self._token = str(_checked(status, answer, "/auth/token")["access_token"])

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=_TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        if self._token and path != "/auth/token":
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, self._parts.path + path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, None


def announcer_from(environment: Mapping[str, str]) -> Announcer | None:
    """Return what announces to the Airflow that the environment names, ``None`` where it names none.

    ``PLATEREC_OCR_AIRFLOW_URL``, and ``…_TOKEN`` or ``…_USERNAME`` and ``…_PASSWORD``.

    :raises OCRConfigError: the address is none, or nobody may sign in with what is given.
    """
    url, token, username, password = (
        environment.get(f"PLATEREC_OCR_AIRFLOW_{name}", "").strip() for name in ("URL", "TOKEN", "USERNAME", "PASSWORD")
    )
    if not url:
        return None
    if not url.startswith(("http://", "https://")):
        message = "PLATEREC_OCR_AIRFLOW_URL is no address such as https://airflow.example."
        raise OCRConfigError(message)
    if not token and not (username and password):
        message = "Set PLATEREC_OCR_AIRFLOW_TOKEN, or PLATEREC_OCR_AIRFLOW_USERNAME and PLATEREC_OCR_AIRFLOW_PASSWORD."
        raise OCRConfigError(message)
    return Announcer(RestAnnouncement(url, ASSET, token=token, username=username, password=password))


def _checked(status: int, answer: Any, path: str) -> Any:
    if status not in {200, 201} or not isinstance(answer, dict):
        raise RestError(status, path)
    return answer
