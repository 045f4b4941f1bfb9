"""What Airflow gives the page: the connection as the API server finds it, and what it names in its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.web.mounted import airflow_page, settings_in_server
from support.airflow_home import connection_env

if TYPE_CHECKING:
    from pathlib import Path


def test_a_connection_is_read_in_the_api_server_as_workers_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*connection_env("http://127.0.0.1:9", "a-token", conn_id="page_yard", rate_per_s=8))

    settings = settings_in_server("page_yard")

    assert (settings.base_url, settings.token, settings.rate_per_s) == ("http://127.0.0.1:9", "a-token", 8.0)


def test_a_connection_that_cannot_be_used_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*connection_env("http://127.0.0.1:9", "a token with spaces", conn_id="page_yard"))

    with pytest.raises(OCRConfigError, match="page_yard"):
        settings_in_server("page_yard")


def test_making_the_page_opens_and_creates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__DATASETS", "s3://nobody@bucket/reads, ,/data/reads")

    app = airflow_page()

    assert list(tmp_path.iterdir()) == []
    assert {"/account", "/nights", "/problems", "/running"} <= {getattr(route, "path", "") for route in app.routes}
