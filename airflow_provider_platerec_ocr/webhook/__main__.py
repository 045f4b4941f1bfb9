"""``python -m airflow_provider_platerec_ocr.webhook``: the receiver alone, outside of Airflow, under uvicorn.

Secrets come from the environment or a file, never from the command line, which every process of the machine can read.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.storage.file_uri import is_file_uri
from airflow_provider_platerec_ocr.storage.path import fsspec_path
from airflow_provider_platerec_ocr.webhook.app import build_app
from airflow_provider_platerec_ocr.webhook.asset_events import announcer_from
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.webhook.receiver import Listener
from airflow_provider_platerec_ocr.webhook.settings import Limits, ReceiverSettings, parse_networks, parse_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

INBOX_VARIABLE = "AIRFLOW__PLATEREC_OCR__INBOX"
SECRETS_VARIABLE = "AIRFLOW__PLATEREC_OCR__WEBHOOK_SECRETS"  # the variable's name
"""The same names as Airflow's own, so that one environment file serves both."""
_CONNECTIONS = 512
_DRAIN_S = 20


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the receiver until it is told to stop; 2 where it cannot start as it is told to."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        server = make_server(given, environment)
    except (OCRConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  # a command's own output
        return 2
    server.run()
    return 0 if server.started else 1


def make_server(given: argparse.Namespace, environment: Mapping[str, str]) -> uvicorn.Server:
    """Return the server, not started.

    :raises OCRConfigError: a secret or the inbox is missing or wrong.
    """
    uri = given.inbox or environment.get(INBOX_VARIABLE, "")
    if not uri:
        message = f"Say where the inbox is: --inbox, or {INBOX_VARIABLE}."
        raise OCRConfigError(message)
    secrets = Path(given.secrets_file).read_text() if given.secrets_file else environment.get(SECRETS_VARIABLE, "")
    limits = Limits(
        max_json_bytes=given.max_json_bytes, max_body_bytes=given.max_body_bytes, rate_per_s=given.rate_per_s
    )
    settings = ReceiverSettings(parse_secrets(secrets), limits, parse_networks(given.trusted_proxy))
    clock = SystemClock()
    inbox = Inbox(open_place(uri), clock=clock)
    announcer = announcer_from(environment)
    return uvicorn.Server(
        uvicorn.Config(
            build_app(
                settings,
                lambda: inbox,
                clock=clock,
                listener=Listener(announcer, announcer.look, announcer.close) if announcer else None,
            ),
            host=given.host,
            port=given.port,
            ssl_certfile=given.tls_certificate,
            ssl_keyfile=given.tls_key,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="on",
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_DRAIN_S,
        )
    )


def open_place(uri: str) -> StoragePath:
    """Return the place of an absolute path or URI, opened by fsspec with the credentials of this process.

    :raises OCRConfigError: the path is relative, or nothing installed knows the scheme.
    """
    is_uri = "://" in uri or is_file_uri(uri)
    if not is_uri and not Path(uri).expanduser().is_absolute():
        message = f"{uri!r} is a relative path: give an absolute path or a URI."
        raise OCRConfigError(message)
    try:
        return fsspec_path(uri if is_uri else str(Path(uri).expanduser()))
    except (ValueError, ImportError) as error:
        message = f"The inbox {redact_url(uri)} cannot be opened: {error}"
        raise OCRConfigError(message) from error


def _parser() -> argparse.ArgumentParser:
    limits = Limits()
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_platerec_ocr.webhook",
        description="Receive what the OCR API posts, and keep it in an inbox that Airflow reads.",
        epilog="POST /webhook/SECRET, or POST /webhook with the header X-Webhook-Secret; GET /health.",
    )
    add = parser.add_argument
    add("--inbox", metavar="URI", help=f"absolute path or URI of the inbox (default: {INBOX_VARIABLE})")
    add("--secrets-file", metavar="FILE", help=f"one secret a line (default: {SECRETS_VARIABLE}, comma separated)")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8090, help="port to listen on, 0 for any (default: %(default)s)")
    add("--tls-certificate", metavar="FILE", help="PEM with the certificate chain; without it a proxy must do TLS")
    add("--tls-key", metavar="FILE", help="PEM with the key")
    add(
        "--trusted-proxy",
        metavar="NETWORK",
        action="append",
        default=[],
        help="believe X-Forwarded-For from it; repeatable",
    )
    add("--rate-per-s", type=float, default=limits.rate_per_s, help="requests per second and source (%(default)s)")
    add("--max-json-bytes", type=int, default=limits.max_json_bytes, help="largest JSON (%(default)s)")
    add("--max-body-bytes", type=int, default=limits.max_body_bytes, help="largest multipart body (%(default)s)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
