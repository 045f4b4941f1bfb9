"""What Airflow's API server serves for us: the page, and the receiver of webhooks where a secret is set.

Airflow loads plugins in every process it starts. So nothing is imported and no option is read until somebody asks for
``fastapi_apps``, which only the API server and ``airflow plugins`` do. The entry point ``airflow.plugins`` is the only
place where the plugin is registered: naming it in the provider's description, too, would have it loaded twice.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import AirflowPlugin
from airflow_provider_platerec_ocr.core import page_urls
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.webhook.receiver import Listener
    from airflow_provider_platerec_ocr.webhook.settings import ReceiverSettings

URL_PREFIX = "/platerec_ocr"
"""Where the receiver is mounted: ``POST /platerec_ocr/webhook/{secret}``."""
_PAGE_OFF = "The page %s is off: %s"
_ICONS = {
    "icon": f"{page_urls.PREFIX}/static/icon.svg",
    "icon_dark_mode": f"{page_urls.PREFIX}/static/icon-dark.svg",
}
_SILENT = "webhooks are received, but no DAG is told of them: this Airflow cannot be told from within (%s)"
_OFF = "The receiver of webhooks is off: %s"
_BROKEN = (
    "The receiver of webhooks is off, and the rest of Airflow goes on: %s: %s. If a package is missing, install the "
    "provider again with Airflow's constraints; else check the options webhook_… of [platerec_ocr]. Then restart."
)
_log = logging.getLogger(__name__)


class PlateRecOCRPlugin(AirflowPlugin):
    """What Airflow's API server is to serve for us; one instance per process, made by Airflow."""

    name = "platerec_ocr"

    external_views: list[dict[str, Any]] = [  # noqa: RUF012  # as Airflow declares it
        {
            "name": "Plate Recognizer OCR",
            "href": page_urls.account_url(),
            "url_route": "platerec-ocr",
            "destination": "nav",
            "nav_top_level": False,
            **_ICONS,
        },
        {
            "name": "OCR",
            "href": f"{page_urls.PREFIX}/run?dag_id={{DAG_ID}}&run_id={{RUN_ID}}",
            "url_route": "platerec-ocr-run",
            "destination": "dag_run",
            **_ICONS,
        },
    ]
    """Where Airflow's interface shows the page, from 3.1 on; relative, so that a proxy may put Airflow anywhere."""

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # a list of Airflow's class, made late
        """The page and the receiver; a mistake in the options of one is logged, and never stops the API server."""
        return [*mounted_page(_app_of_page), *_receiver()]


def mounted_page(make: Callable[[], Any]) -> list[dict[str, Any]]:
    """Return the page, where this Airflow has what it needs to know who is signed in; else nothing, and log it.

    :param make: makes its app.
    """
    try:
        app = make()
    except Exception as error:  # noqa: BLE001  # Airflow declares none of it public, and may move or change it
        _log.error(_PAGE_OFF, f"/{page_urls.PREFIX}", error)
        return []
    return [{"app": app, "url_prefix": f"/{page_urls.PREFIX}", "name": "platerec_ocr_page"}]


def _app_of_page() -> Any:
    from airflow_provider_platerec_ocr.web.mounted import airflow_page  # others never need it

    return airflow_page()


def _receiver() -> list[dict[str, Any]]:
    return mounted_receiver(_app_of_receiver)


def mounted_receiver(make: Callable[[], Any]) -> list[dict[str, Any]]:
    """Return the receiver, where it is configured and can be made; else nothing, and log what to do.

    :param make: makes its app; ``None`` where no secret is set.
    """
    try:
        app = make()
    except OCRConfigError as error:
        _log.error(_OFF, error)  # a line, no stack trace
        return []
    except Exception as error:  # noqa: BLE001  # Airflow would start without any plugin, or not at all
        _log.error(_BROKEN, type(error).__name__, redact(str(error)))
        return []
    return [] if app is None else [{"app": app, "url_prefix": URL_PREFIX, "name": "platerec_ocr_webhook"}]


def _app_of_receiver() -> Any:
    """Return the receiver's app, ``None`` where no secret is set.

    :raises OCRConfigError: an option is not understood, or one is missing.
    """
    settings, inbox = _settings(), _inbox()
    if settings is None:
        return None
    if inbox is None:
        message = "a secret is set, but no inbox; set [platerec_ocr] inbox"
        raise OCRConfigError(message)
    return _app(settings, inbox)


def _settings() -> ReceiverSettings | None:
    """Return the receiver's settings from ``[platerec_ocr]``, or ``None`` where no secret is set."""
    from airflow_provider_platerec_ocr.runtime.places import option
    from airflow_provider_platerec_ocr.webhook.settings import (
        ReceiverSettings,
        parse_limits,
        parse_networks,
        parse_secrets,
    )

    secrets = parse_secrets(option("webhook_secrets"))
    if not secrets:
        return None
    names = ("rate_per_s", "max_json_bytes", "max_body_bytes")
    limits = parse_limits({name: option(f"webhook_{name}") for name in names})
    return ReceiverSettings(secrets, limits, parse_networks(option("webhook_trusted_proxies").split(",")))


def _inbox() -> str | None:
    from airflow_provider_platerec_ocr.runtime.inbox_access import inbox_uri

    return inbox_uri()


def _app(settings: ReceiverSettings, inbox: str) -> Any:
    """Return the app; the inbox is opened by the server's own process, since some file systems survive no fork."""
    from airflow_provider_platerec_ocr.runtime.places import open_place
    from airflow_provider_platerec_ocr.webhook.app import build_app
    from airflow_provider_platerec_ocr.webhook.inbox import Inbox

    clock = SystemClock()
    return build_app(settings, lambda: Inbox(open_place(inbox), clock=clock), clock=clock, listener=_listener(clock))


def _listener(clock: Clock) -> Listener:
    """Return who tells DAGs of payloads; nobody, where an Airflow to come has moved what is not declared public."""
    from airflow_provider_platerec_ocr.webhook.asset_events import Announcer
    from airflow_provider_platerec_ocr.webhook.receiver import Listener

    try:
        from airflow_provider_platerec_ocr.runtime.announcement import AirflowAnnouncement
    except ImportError as error:
        _log.error(_SILENT, error)  # a line, no stack trace
        return Listener()
    announcer = Announcer(AirflowAnnouncement(), clock=clock)
    return Listener(announcer, announcer.look, announcer.close)
