"""What Airflow is told about this package: the connection's form, the hook, links and options. Plain data.

Airflow calls :func:`get_provider_info` in every process that it starts, so nothing but the version is imported here.
The fields of the form are the keys of :class:`~.core.settings.ClientSettings`; a test keeps the two equal.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_platerec_ocr import __version__

NAME = "Plate Recognizer OCR"
API_REFERENCE_URL = "https://guides.platerecognizer.com/docs/other-apps/ocr/api-reference/"
"""The vendor's page on the API."""
ACCOUNT_URL = "https://app.platerecognizer.com/accounts/plan/"
"""The vendor's page on which an account sees its token, its plan and what it has used."""
REPOSITORY = "airflow-provider-platerec-ocr/airflow-provider-platerec-ocr"
"""This project, as GitHub names it."""
_PACKAGE = "airflow_provider_platerec_ocr"


def _field(label: str, description: str, type_: str, **limits: Any) -> dict[str, Any]:
    """Return one field of the form; ``null`` is always allowed, and means the default that the text names."""
    return {"label": label, "description": description, "schema": {"type": [type_, "null"], **limits}}


_CONN_FIELDS: dict[str, Any] = {
    "rate_per_s": _field(
        "Calls per second",
        "Most calls that may start in a second, in all tasks together, as your plan allows. Empty: found by itself, "
        "carefully, from the API's answers.",
        "number",
        minimum=0.01,
        maximum=1000,
    ),
    "max_in_flight": _field(
        "Calls in flight",
        "Most calls that one task may have open at once. Needed are calls per second x seconds per call: "
        "8/s x 30 s = 240. Empty: 512.",
        "integer",
        minimum=1,
        maximum=5000,
    ),
    "max_upload_bytes": _field(
        "Largest upload (bytes)",
        "Larger images are shrunk where a task allows it, and are dead letters otherwise. Empty: 2400000.",
        "integer",
        minimum=10_000,
        maximum=100_000_000,
    ),
    "connect_timeout_s": _field(
        "Connect timeout (s)",
        "Seconds for connecting, TLS included; running out of it costs nothing. Empty: 10.",
        "number",
        minimum=0.1,
        maximum=300,
    ),
    "call_timeout_s": _field(
        "Call timeout (s)",
        "Seconds for one whole paid call. The API takes 20 to 30 s, sometimes over two minutes; a call that is given "
        "up may still be billed. Empty: 180.",
        "number",
        minimum=1,
        maximum=3600,
    ),
    "statistics_timeout_s": _field(
        "Statistics timeout (s)",
        "Seconds for one statistics call, which costs nothing. Empty: 30.",
        "number",
        minimum=0.1,
        maximum=300,
    ),
    "proxy": _field(
        "Proxy",
        "Proxy URL for all calls, such as http://user:password@proxy:3128. Empty: none.",
        "string",
        format="password",
    ),
    "verify": _field(
        "TLS verification",
        "true, false, or the path of a CA bundle on the workers. Empty: true.",
        "string",
    ),
    "cert": _field(
        "Client certificate",
        "Path, on the workers, of a PEM file with a client certificate and its key. Empty: none.",
        "string",
    ),
    "trust_env": _field(
        "Proxies of the environment",
        "Use HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the workers. Empty: false.",
        "boolean",
    ),
    "allow_plain_http": _field(
        "Allow plain http",
        "Send the token unencrypted to an http:// base URL that is not this machine. Empty: false.",
        "boolean",
    ),
    "price_per_1000_calls": _field(
        "Price of 1,000 calls",
        "What your contract says, such as 12.40. With it, plans, progress and reports say what calls cost and what "
        "the ledger saved. It changes nothing else. Empty: they speak of calls.",
        "number",
        minimum=0,
        maximum=1_000_000,
    ),
    "currency": _field(
        "Currency of the price",
        "A code of three letters (ISO 4217), such as EUR. Needed where there is a price. Empty: none.",
        "string",
        maxLength=3,
    ),
}
_OPTIONS: dict[str, Any] = {
    "ledger": {
        "description": (
            "Folder or object store prefix that remembers every paid call, so that no image is paid "
            "for twice. All workers must see the same place. Empty: the folder platerec_ocr/ledger "
            "under AIRFLOW_HOME, which only serves where all tasks run on one machine."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "example": "s3://aws_default@my-bucket/ocr-ledger",
        "default": "",
    },
    "inbox": {
        "description": (
            "Folder or object store prefix in which the receiver of webhooks keeps what the API sends. Before a call "
            "in doubt is repeated, its answer is looked for there. Receiver and workers must see the same place. "
            "Empty: the folder platerec_ocr/inbox under AIRFLOW_HOME, if it is there."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "example": "s3://aws_default@my-bucket/ocr-inbox",
        "default": "",
    },
    "webhook_secrets": {
        "description": (
            "Secrets that open the receiver of webhooks in the API server, comma separated; any one of them does, so "
            "that one can replace another. At least 20 letters, digits, '.', '_', '~' or '-'. Empty: no receiver."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "sensitive": True,
        "example": None,
        "default": "",
    },
    "webhook_rate_per_s": {
        "description": "Requests a second that the receiver takes from one source, good and bad; more get 429.",
        "version_added": "0.1.0",
        "type": "float",
        "example": None,
        "default": "500",
    },
    "webhook_max_json_bytes": {
        "description": "Largest JSON that the receiver takes; larger ones get 413.",
        "version_added": "0.1.0",
        "type": "integer",
        "example": None,
        "default": "1000000",
    },
    "webhook_max_body_bytes": {
        "description": "Largest body with an image that the receiver takes; the image is dropped while it arrives.",
        "version_added": "0.1.0",
        "type": "integer",
        "example": None,
        "default": "20000000",
    },
    "webhook_trusted_proxies": {
        "description": (
            "Addresses or networks of proxies, comma separated, whose X-Forwarded-For says where a delivery came "
            "from. Empty: the header is ignored, and all that comes through a proxy is one source."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "example": "10.0.0.0/8",
        "default": "",
    },
    "datasets": {
        "description": (
            "URIs of published tables, comma separated, that the page in Airflow shows beside those that it finds by "
            "itself. It finds all whose plans use the ledger of this section. Empty: no others."
        ),
        "version_added": "0.2.0",
        "type": "string",
        "example": "s3://aws_default@my-bucket/other-yard/reads",
        "default": "",
    },
    "listeners": {
        "description": (
            "Functions that hear of each paid call that ended and of each step of a run (CallEvent, RunEvent), comma "
            "separated. Each is called in the task's process in a thread of its own, and can touch no call. Empty: "
            "Airflow's metrics and traces alone, where they are on."
        ),
        "version_added": "0.2.0",
        "type": "string",
        "example": "yard_alerts.ocr:heard",
        "default": "",
    },
    "spill_folder": {
        "description": (
            "Local folder of each worker that takes paid answers while the ledger cannot be written; "
            "the next task on that worker brings them to the ledger. Empty: the folder "
            "platerec_ocr/spill under AIRFLOW_HOME."
        ),
        "version_added": "0.1.0",
        "type": "string",
        "example": "/var/lib/airflow/ocr-spill",
        "default": "",
    },
    "thumbnails": {
        "description": (
            "Local folder of the API server that keeps the small pictures of the page, up to 200 MB for a week. Empty: "
            "the folder platerec_ocr/thumbnails under AIRFLOW_HOME."
        ),
        "version_added": "0.2.0",
        "type": "string",
        "example": "/var/cache/airflow/ocr-thumbnails",
        "default": "",
    },
}
"""Options of the section ``[platerec_ocr]`` of Airflow's configuration."""
_LINKS = (
    *("OCRAccountLink", "OCRReferenceLink"),
    *("OCRReportLink", "OCRTableLink", "OCRDeadLettersLink", "OCRQuotaLink"),
    *("OCRReviewLink", "OCRYardLink"),
)
"""Buttons on tasks."""
_ACCOUNTS: dict[str, Any] = {
    "schemes": ["platerec-ocr"],
    "handler": f"{_PACKAGE}.assets.sanitize_uri",
    "factory": f"{_PACKAGE}.assets.create_asset",
    "to_openlineage_converter": f"{_PACKAGE}.assets.convert_asset_to_openlineage",
}
"""URIs of accounts. Manifests and tables have the URIs of where they lie, whose schemes other providers know."""


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-platerec-ocr",
        "name": NAME,
        "description": "Reads VINs and trailer numbers from photographs with the Plate Recognizer OCR Cloud API.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": NAME,
                "external-doc-url": API_REFERENCE_URL,
                # Airflow's own providers name paths of its site here; these are not on it.
                "how-to-guide": [
                    f"https://github.com/{REPOSITORY}/blob/main/docs/{page}.md"
                    for page in ("tutorial/index", "how-to/index", "reference/supported-versions")
                ],
                "logo": f"https://raw.githubusercontent.com/{REPOSITORY}/main/docs/images/logo.svg",
                "tags": ["service", "ai"],
            },
        ],
        "hooks": [{"integration-name": NAME, "python-modules": [f"{_PACKAGE}.hooks.ocr"]}],
        "operators": [
            {
                "integration-name": NAME,
                "python-modules": [
                    f"{_PACKAGE}.operators.{name}"
                    for name in ("read", "plan", "approve", "read_batch", "export", "review", "inbox", "reconcile")
                ],
            },
        ],
        "sensors": [{"integration-name": NAME, "python-modules": [f"{_PACKAGE}.sensors.statistics"]}],
        "triggers": [
            {
                "integration-name": NAME,
                "python-modules": [f"{_PACKAGE}.triggers.{name}" for name in ("statistics", "inbox")],
            }
        ],
        "connection-types": [
            {
                "connection-type": "platerec_ocr",
                "hook-name": NAME,
                "hook-class-name": f"{_PACKAGE}.hooks.ocr.PlateRecOCRHook",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login"],
                    "relabeling": {"password": "API token", "host": "Base URL", "port": "Port (if not in the URL)"},
                    "placeholders": {
                        "host": "https://api.platerecognizer.com",
                        "password": f"from {ACCOUNT_URL}",
                    },
                },
                "conn-fields": _CONN_FIELDS,
            },
        ],
        "asset-uris": [_ACCOUNTS],
        "notifications": [f"{_PACKAGE}.notifications.notifier.OCRNotifier"],
        "cli": [f"{_PACKAGE}.cli.definition.get_commands"],
        "extra-links": [f"{_PACKAGE}.links.{name}" for name in _LINKS],
        "config": {"platerec_ocr": {"description": "Options of airflow-provider-platerec-ocr.", "options": _OPTIONS}},
    }
