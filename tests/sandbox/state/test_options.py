"""The command line and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr.sandbox.state.options import Latency, OptionError, Options, ReaderKind, options_from
from airflow_provider_platerec_ocr.sandbox.state.webhooks import WebhookForm


def test_without_arguments_the_defaults_hold() -> None:
    assert options_from([]) == Options()


def test_every_argument_reaches_its_setting() -> None:
    line = """
        --host 192.0.2.1 --port 0 --token a=t --quota 9 --used 2 --resets-on 2025-03-20T00:00:00Z --no-auto-reset
        --disabled --rate 8 --burst 3 --no-retry-after --latency 1-2 --reader deterministic --fetch-urls yes
        --fault every=7:503 --webhook http://127.0.0.1:1/x --webhook-form multipart --webhook-retries 2
        --rename-files --success-status 201 --max-upload-bytes 77 --log calls.jsonl --seed 5
    """
    given = options_from(line.split())
    assert (given.host, given.port, given.tokens, given.quota, given.used) == ("192.0.2.1", 0, ("a=t",), 9, 2)
    assert (given.resets_on, given.auto_reset) == (datetime(2025, 3, 20, tzinfo=UTC), False)
    assert (given.enabled, given.rate_per_s, given.burst, given.retry_after_header) == (False, 8.0, 3, False)
    assert (given.latency, given.reader, given.fetch_urls) == (Latency(1, 2), ReaderKind.DETERMINISTIC, True)
    assert given.faults == ("every=7:503",)
    assert given.webhooks.targets == ("http://127.0.0.1:1/x",)
    assert (given.webhooks.form, given.webhooks.retries) == (WebhookForm.MULTIPART, 2)
    assert (given.rename_files, given.success_status, given.max_upload_bytes) == (True, 201, 77)
    assert (given.log, given.seed) == (Path("calls.jsonl"), 5)


@pytest.mark.parametrize(
    ("text", "latency"),
    [("fast", Latency(0, 0)), ("api", Latency(20, 30)), ("0.5", Latency(0.5, 0.5)), ("1-2.5", Latency(1, 2.5))],
)
def test_latency_is_a_word_a_number_or_a_range(text: str, latency: Latency) -> None:
    assert Latency.parse(text) == latency


@pytest.mark.parametrize("text", ["slow", "2-1", "-1", "1-", "1-inf", ""])
def test_other_latencies_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="fast, api, SECONDS or FROM-TO"):
        Latency.parse(text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("--fault every=7:teapot", "unknown kind 'teapot'"),
        ("--rate 0", "rate must be above 0"),
        ("--token =x", "ACCOUNT=TOKEN"),
        ("--quota -1", "at least 0"),
        ("--reader psychic", "invalid"),
        ("--latency soon", "--latency"),
        ("--success-status 204", "--success-status"),
    ],
)
def test_a_setting_that_cannot_be_used_ends_the_program_with_its_name(
    arguments: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        options_from(arguments.split())
    assert end.value.code == 2
    assert says in capsys.readouterr().err


def test_a_success_status_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="200 or 201, not 204"):
        Options(success_status=204)
