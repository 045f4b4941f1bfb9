"""``python -m airflow_provider_platerec_ocr.webhook``: what it is told, and the real process over HTTP and TLS."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import httpx
import pytest

from airflow_provider_platerec_ocr.webhook.__main__ import INBOX_VARIABLE, SECRETS_VARIABLE, main
from airflow_provider_platerec_ocr.webhook.app import SECRET_HEADER
from support.certificates import self_signed
from support.inbox_stage import payload
from support.webhook_stage import OTHER_SECRET, PATH, SECRET, receiver_process

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {SECRETS_VARIABLE: SECRET}, f"--inbox, or {INBOX_VARIABLE}"),
        (["--inbox", "/tmp/in"], {}, "at least one secret"),  # noqa: S108  # never opened
        (["--inbox", "/tmp/in"], {SECRETS_VARIABLE: "brief"}, "secret 1 is shorter than 20"),  # noqa: S108
        (["--inbox", "in"], {SECRETS_VARIABLE: SECRET}, "'in' is a relative path"),
        (["--inbox", "nosuch://b/in?sig=geheim"], {SECRETS_VARIABLE: SECRET}, "nosuch://b/in cannot be opened"),
        (["--secrets-file", "/no/such/file", "--inbox", "/x"], {}, "/no/such/file"),
        (["--inbox", "/x", "--trusted-proxy", "nginx"], {SECRETS_VARIABLE: SECRET}, "'nginx' is no address"),
        (["--inbox", "/x", "--rate-per-s", "0"], {SECRETS_VARIABLE: SECRET}, "rate_per_s"),
        (
            ["--inbox", "/x"],
            {SECRETS_VARIABLE: SECRET, "PLATEREC_OCR_AIRFLOW_URL": "airflow.example"},
            "PLATEREC_OCR_AIRFLOW_URL",
        ),
    ],
)
def test_what_it_cannot_start_with_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], environment: dict[str, str], said: str
) -> None:
    code = main(arguments, environment)

    error = capsys.readouterr().err
    assert code == 2
    assert said in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "geheim" not in error
    assert SECRET not in error
    assert "brief" not in error


@pytest.mark.slow
def test_old_and_new_secret_both_open_it_while_one_replaces_the_other(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    statuses = []
    for secrets in (SECRET, f"{OTHER_SECRET}\n{SECRET}\n", OTHER_SECRET):
        file.write_text(secrets)
        with receiver_process(tmp_path, tmp_path / "inbox", "--secrets-file", str(file)) as running:
            answers = [
                httpx.post(f"{running.url}/webhook/{secret}", json=payload(1)) for secret in (SECRET, OTHER_SECRET)
            ]
        statuses.append([answer.status_code for answer in answers])

    assert statuses == [[200, 404], [200, 200], [404, 200]]


@pytest.mark.slow
def test_it_speaks_tls_takes_all_forms_and_logs_no_secret(tmp_path: Path) -> None:
    pem = self_signed(tmp_path)
    text = json.dumps(payload(1))
    options = ("--tls-certificate", str(pem), "--tls-key", str(pem))

    with (
        receiver_process(tmp_path, tmp_path / "inbox", *options) as running,
        httpx.Client(base_url=running.url, verify=ssl.create_default_context(cafile=str(pem))) as client,
    ):
        answers = [
            client.post(PATH, content=text),
            client.post(PATH, data={"json": text}),
            client.post(PATH, data={"json": text}, files={"upload": ("x.jpg", b"\xff\xd8" * 1000)}),
            client.post("/webhook", content=text, headers={SECRET_HEADER: SECRET}),
        ]
        wrong = client.post(f"{PATH}x", content=text)
        broken = client.post(PATH, content=text[1:])
        running.stop()

    assert running.url.startswith("https://")
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert (wrong.status_code, broken.status_code) == (404, 400)
    log = running.log.read_text()
    assert log.count("kept payload") == 1
    assert log.count("had payload") == 3
    assert SECRET not in log
    assert "files.example" not in log
    assert len(list((tmp_path / "inbox" / "payloads").rglob("*.json"))) == 1
