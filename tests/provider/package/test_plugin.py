"""The receiver in Airflow's API server: once, where a secret is set, and else not at all."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.plugin import PlateRecOCRPlugin, mounted_page, mounted_receiver
from airflow_provider_platerec_ocr.provider_info import get_provider_info
from support.forks import ask
from support.webhook_stage import OTHER_SECRET, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from support.airflow_home import AirflowHome
    from support.forks import Answer

OPTIONS = "AIRFLOW__PLATEREC_OCR__"
ROUTES = """
import json
from airflow.api_fastapi.app import create_app
app = create_app(apps="core")
print("\\n" + json.dumps([route.path for route in app.routes if "platerec" in getattr(route, "path", "")]))
"""
PAGE = "platerec_ocr_page"
MOUNTED: dict[str, list[str]] = {SECRET: ["/platerec-ocr", "/platerec_ocr"], "": ["/platerec-ocr"]}
LOADED = """
import sys
from airflow_provider_platerec_ocr.compat import AirflowPlugin
airflows_own = set(sys.modules)
import airflow_provider_platerec_ocr.plugin
ours = ("webhook", "web", "hooks", "engine", "dataset")
heavy = ("fastapi", "starlette", "jinja2", *(f"airflow_provider_platerec_ocr.{room}" for room in ours))
print([name for name in heavy if name in set(sys.modules) - airflows_own])
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    for name in ("INBOX", "WEBHOOK_SECRETS", "WEBHOOK_RATE_PER_S", "WEBHOOK_MAX_JSON_BYTES", "WEBHOOK_TRUSTED_PROXIES"):
        monkeypatch.setenv(f"{OPTIONS}{name}", "")
    return tmp_path


def test_it_is_registered_in_one_place_only() -> None:
    ours = [point for point in entry_points(group="airflow.plugins") if "platerec" in point.value]

    assert [point.value for point in ours] == ["airflow_provider_platerec_ocr.plugin:PlateRecOCRPlugin"]
    assert "plugins" not in get_provider_info()


def test_without_a_secret_there_is_the_page_and_no_receiver(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (page,) = PlateRecOCRPlugin().fastapi_apps

    assert (page["url_prefix"], page["name"]) == ("/platerec-ocr", PAGE)
    assert caplog.records == []
    assert list(home.iterdir()) == []


def test_with_a_secret_and_an_inbox_there_is_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OPTIONS}WEBHOOK_SECRETS", f"{SECRET},{OTHER_SECRET}")
    monkeypatch.setenv(f"{OPTIONS}INBOX", str(home / "inbox"))

    _, app = PlateRecOCRPlugin().fastapi_apps

    assert (app["url_prefix"], app["name"]) == ("/platerec_ocr", "platerec_ocr_webhook")
    assert {route.path for route in app["app"].routes} == {"/webhook/{secret}", "/webhook", "/health"}
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"WEBHOOK_SECRETS": SECRET}, "no inbox; set [platerec_ocr] inbox"),
        ({"WEBHOOK_SECRETS": "brief", "INBOX": "/x"}, "secret 1 is shorter than 20"),
        ({"WEBHOOK_SECRETS": SECRET, "INBOX": "/x", "WEBHOOK_RATE_PER_S": "many"}, "rate_per_s"),
        ({"WEBHOOK_SECRETS": SECRET, "INBOX": "/x", "WEBHOOK_TRUSTED_PROXIES": "nginx"}, "'nginx' is no address"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_mistake_in_its_options_is_one_line_and_never_stops_the_api_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, options: dict[str, str], said: str
) -> None:
    for name, value in options.items():
        monkeypatch.setenv(f"{OPTIONS}{name}", value)

    with caplog.at_level(logging.ERROR):
        apps = PlateRecOCRPlugin().fastapi_apps

    assert [app["name"] for app in apps] == [PAGE]
    (record,) = caplog.records
    assert "The receiver of webhooks is off" in record.getMessage()
    assert said in record.getMessage()
    assert record.exc_info is None
    assert SECRET not in record.getMessage()
    assert "brief" not in record.getMessage()


@pytest.mark.parametrize("kind", [ImportError, TypeError, RuntimeError])
def test_a_receiver_that_cannot_be_made_is_one_line_that_says_what_to_do(
    caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    def make() -> None:
        message = "no module named x, token=abcdef1234567890"
        raise kind(message)

    assert mounted_receiver(make) == []
    (record,) = caplog.records
    assert "the rest of Airflow goes on" in record.getMessage()
    assert "Airflow's constraints" in record.getMessage()
    assert "abcdef1234567890" not in record.getMessage()
    assert record.exc_info is None


@pytest.mark.parametrize("kind", [ImportError, TypeError, RuntimeError])
def test_a_page_that_cannot_be_made_is_one_line_and_never_stops_the_api_server(
    caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    def make() -> None:
        message = "moved"
        raise kind(message)

    assert mounted_page(make) == []
    (record,) = caplog.records
    assert record.getMessage() == "The page /platerec-ocr is off: moved"
    assert record.exc_info is None


def test_the_page_is_in_the_navigation_and_on_a_dag_run_by_relative_addresses() -> None:
    nav, run = PlateRecOCRPlugin.external_views

    assert (nav["destination"], nav["href"]) == ("nav", "platerec-ocr/account")
    assert (run["destination"], run["href"]) == ("dag_run", "platerec-ocr/run?dag_id={DAG_ID}&run_id={RUN_ID}")
    icons = {view[kind] for view in (nav, run) for kind in ("icon", "icon_dark_mode")}
    static = files("airflow_provider_platerec_ocr.web") / "static"
    assert all(static.joinpath(icon.removeprefix("platerec-ocr/static/")).is_file() for icon in icons)
    assert len(icons) == 2


def test_loading_the_plugin_loads_nothing_of_the_receiver() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)  # noqa: S603  # ours

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.fixture(scope="module")
def apps(airflow_home: AirflowHome) -> dict[str, Answer]:
    """The routes of ours in Airflow's own app, by the secrets that are set."""
    inbox = str(airflow_home.path / "some inbox")
    questions = [
        f"import os; os.environ |= {{'{OPTIONS}WEBHOOK_SECRETS': {secrets!r}, '{OPTIONS}INBOX': {inbox!r}}}\n{ROUTES}"
        for secrets in MOUNTED
    ]
    return dict(zip(MOUNTED, ask("import airflow.api_fastapi.app", questions), strict=True))


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.parametrize("secrets", MOUNTED)
def test_airflows_own_app_has_it_exactly_once_or_not_at_all(apps: dict[str, Answer], secrets: str) -> None:
    app = apps[secrets]

    assert app.code == 0, app.said
    paths: Any = json.loads(app.said.splitlines()[-1])
    assert paths == MOUNTED[secrets]
    assert SECRET not in app.said
