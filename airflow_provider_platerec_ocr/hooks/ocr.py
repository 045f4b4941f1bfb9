"""The hook: an Airflow connection as a client of the API.

The free calls go through a ``requests`` session made from the connection, as with any hook of the HTTP provider. A paid
call goes through the engine and its ledger, from here too: there is one way to pay. Requests are built and answers are
read in :mod:`~..core.wire`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from requests.auth import AuthBase

from airflow_provider_platerec_ocr.core import wire
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import (
    OCRConfigError,
    OCRError,
    OCRForbidden,
    OCRNotSent,
    OCRUnavailable,
)
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.client.trust import proxy_of
from airflow_provider_platerec_ocr.hooks.adapter import TrustingAdapter
from airflow_provider_platerec_ocr.runtime.connection import CONN_TYPE, DEFAULT_CONN_ID, load_settings

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from datetime import datetime

    from requests.adapters import HTTPAdapter

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.engine.client.client import OCRClient


class TokenAuth(AuthBase):
    """Sets the token's header last of all: a ``.netrc`` entry for the host would overwrite a plain header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return ``request`` with the token."""
        request.headers["Authorization"] = f"Token {self._token}"
        return request


class PlateRecOCRHook(HttpHook):
    """Speak to the Plate Recognizer OCR Cloud API with an Airflow connection.

    :param conn_id: connection of type ``platerec_ocr``: its password is the API token, its host the base URL.
    :param adapter: a ``requests`` adapter for the free calls; default: one with TCP keep-alive.
    :param clock: where time comes from.
    """

    conn_name_attr = "conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = CONN_TYPE
    hook_name = "Plate Recognizer OCR"

    def __init__(
        self,
        conn_id: str = DEFAULT_CONN_ID,
        *,
        adapter: HTTPAdapter | None = None,
        clock: Clock | None = None,
    ) -> None:
        # GET, so that the inherited run() cannot send a paid call past the ledger.
        super().__init__(method="GET", http_conn_id=conn_id, adapter=adapter)
        self.conn_id = conn_id
        self._clock = clock or SystemClock()
        self._settings: ClientSettings | None = None

    def settings(self) -> ClientSettings:
        """Return the connection's settings, read once; its secrets are masked in the logs.

        :raises OCRConfigError: a value of the connection cannot be used.
        """
        if self._settings is None:
            self._settings = load_settings(self.conn_id)
        return self._settings

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """Return a session with the connection's token, proxy and TLS options.

        The HTTP provider would turn each key of the extra that it does not know into a request header; none of ours
        reaches it. Redirects are never followed: they would carry the token somewhere else.
        """
        settings = self.settings()
        self.base_url = settings.base_url
        proxy = proxy_of(settings)
        session = requests.Session()
        session.auth = TokenAuth(settings.token)
        session.headers.update(headers or {})
        session.trust_env = (
            False  # what the environment says is in the proxy and in the adapter: see engine.client.trust
        )
        session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        session.verify = settings.verify
        session.cert = settings.cert
        keep_alive = getattr(self.keep_alive_adapter, "socket_options", None)
        adapter = self.adapter or TrustingAdapter(settings, keep_alive)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        timeouts = (settings.timeouts.connect_s, settings.timeouts.statistics_s)
        self.merged_extra = {"timeout": timeouts, **(extra_options or {}), "allow_redirects": False}
        return session

    def get_client(self) -> OCRClient:
        """Return the engine's asyncio client for this connection; enter it with ``async with``."""
        from airflow_provider_platerec_ocr.engine.client.client import OCRClient

        return OCRClient(self.settings(), clock=self._clock)

    def read(  # the API's own parameters, by name only
        self,
        *,
        type: str = "vin",  # noqa: A002  # the API's own name
        image: str | os.PathLike[str] | bytes | bytearray | memoryview | None = None,
        upload_url: str | None = None,
        filename: str | None = None,
        camera_id: str | float | None = None,
        timestamp: str | datetime | None = None,
        ledger: str | None = None,
        in_doubt: InDoubtPolicy | str = InDoubtPolicy.RESEND,
        as_base64: bool = False,
        shrink: bool = False,
        allowed_roots: Sequence[str] | str = (),
        image_version: str | None = None,
        identity_params: Sequence[str] | str = (),
        image_id: str | None = None,
    ) -> dict[str, Any]:
        """Read one image and return the read as plain data; an image that was read before costs nothing.

        It blocks until the answer is there and saved (20 to 30 s), in a notebook, too; from async code that must go
        on meanwhile use ``await asyncio.to_thread(hook.read, …)``. The call goes through the ledger, as every paid
        call does, and is made in a process of its own: what interrupts the waiting (a task's ``execution_timeout``, a
        kill, Ctrl-C) loses no answer. Another read of the same image waits for it, and takes it from the ledger.

        Parameters, result and errors are those of :class:`~..operators.read.OCRReadOperator`; ``image`` may also be
        bytes, which ``filename`` names.

        :raises OCRConfigError: an argument cannot be used.

        .. versionadded:: 0.2
           ``image_version``, ``identity_params`` and ``image_id``.
        """
        from airflow_provider_platerec_ocr.hooks.single_read import SingleRead
        from airflow_provider_platerec_ocr.runtime.read_request import ReadRequest
        from airflow_provider_platerec_ocr.runtime.task import current_owner

        request = ReadRequest.given(
            type=type,
            image=image,
            upload_url=upload_url,
            filename=filename,
            camera_id=camera_id,
            timestamp=timestamp,
            as_base64=as_base64,
            shrink=shrink,
            allowed_roots=allowed_roots,
            image_version=image_version,
            identity_params=identity_params,
            image_id=image_id,
            in_doubt=in_doubt,
        )
        return SingleRead.open(self.settings(), request, current_owner(), ledger=ledger).run()

    def statistics(self) -> Statistics:
        """Return the account's usage: one free call, not repeated.

        :raises OCRNotSent: the API could not be reached. :raises OCRUnavailable: it gave no whole answer.
        :raises OCRStop: bad token, OCR not enabled, wrong base URL, or an answer without numbers.
        """
        request = wire.statistics_request(self.settings())
        headers = {key: value for key, value in request.headers.items() if key != "Authorization"}
        with self.get_conn(headers) as session:
            try:
                response = session.request(
                    request.method, request.url, timeout=self.merged_extra["timeout"], allow_redirects=False
                )
            except (requests.RequestException, OSError, ValueError) as error:
                raise self._unreached(error) from None
        try:
            return wire.parse_statistics(
                response.status_code, response.headers, response.content, now=self._clock.now()
            )
        except OCRForbidden as error:
            from airflow_provider_platerec_ocr.runtime.gate import name_refusal

            raise name_refusal(error) from None

    def _unreached(self, error: Exception) -> OCRError:
        if isinstance(error, OCRConfigError):
            return error
        settings = self.settings()
        detail = shorten(redact(str(error), settings.token, settings.proxy), 200)
        if isinstance(error, ValueError):
            message = f"The host of the connection ({settings.base_url}), or its proxy, is no address: {detail}"
            return OCRConfigError(message)
        if isinstance(error, requests.exceptions.ConnectionError):
            message = (
                f"The API at {settings.base_url} cannot be reached ({detail}). Check the connection's host, the "
                "network, and the proxy and TLS options in its extra."
            )
            return OCRNotSent(message, detail=detail)
        if isinstance(error, requests.RequestException):
            message = f"The API at {settings.base_url} gave no whole answer to the statistics call ({detail})."
            return OCRUnavailable(message, detail=detail)
        return OCRConfigError(f"The TLS options in the connection's extra cannot be used: {detail}")

    def test_connection(self) -> tuple[bool, str]:
        """Return whether the connection works, and one sentence: the usage, or what is wrong. It costs nothing."""
        from airflow_provider_platerec_ocr.runtime.gate import announced_reset

        try:
            statistics = self.statistics()
        except OCRError as error:
            return False, error.message
        reset = announced_reset(statistics)
        if reset is None:
            when = "the API does not say when the count starts anew"
        elif reset <= self._clock.now():
            when = f"the reset announced for {reset:%Y-%m-%d %H:%M} UTC is past, so the next one is not known"
        else:
            when = f"the count starts anew on {reset:%Y-%m-%d %H:%M} UTC"
        used = f"{statistics.calls:,} of {count_of(statistics.total_calls, 'call')} of this period used"
        if statistics.total_calls == 0:
            return False, f"The token is good, but the account's plan has no OCR calls: OCR is not enabled ({used})."
        if statistics.remaining == 0:
            return True, f"The connection works, but the quota is used up: {used}; {when}."
        return True, f"The connection works: {used}, {statistics.remaining:,} left; {when}."
