from __future__ import annotations

import string

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.webhook.limits import UNKNOWN_SOURCE, Secrets, SourceRate, source_of
from airflow_provider_platerec_ocr.webhook.settings import (
    Limits,
    ReceiverSettings,
    parse_limits,
    parse_networks,
    parse_secrets,
)
from support.clock import FakeClock
from support.webhook_stage import OTHER_SECRET, SECRET


def test_every_secret_opens_and_nothing_else_does() -> None:
    secrets = Secrets([SECRET, OTHER_SECRET])

    assert secrets.open_for(SECRET)
    assert secrets.open_for(OTHER_SECRET)
    for wrong in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), SECRET + OTHER_SECRET, "é", "\udcff", "\x00"):
        assert not secrets.open_for(wrong)


def test_secrets_are_separated_by_commas_or_lines() -> None:
    assert parse_secrets(f" {SECRET},{OTHER_SECRET}\n{SECRET}\n") == (SECRET, OTHER_SECRET)
    assert parse_secrets(" \n,") == ()


@pytest.mark.parametrize("bad", ["brief", "x" * 19, "x" * 30 + "/", "x" * 30 + "é", "x" * 30 + "%20"])
def test_a_secret_that_is_weak_or_needs_encoding_is_refused_unquoted(bad: str) -> None:
    with pytest.raises(OCRConfigError, match="secret 2") as refused:
        parse_secrets(f"{SECRET},{bad}")
    assert bad not in str(refused.value)
    assert "secrets.token_urlsafe" in str(refused.value)


def test_every_character_of_a_drawn_secret_is_allowed() -> None:
    drawn = string.ascii_letters + string.digits + "-_.~"

    assert parse_secrets(drawn) == (drawn,)


def test_settings_show_no_secret() -> None:
    settings = ReceiverSettings((SECRET, OTHER_SECRET))

    assert SECRET not in repr(settings)
    assert "2 secrets" in repr(settings)


def test_a_receiver_without_a_secret_is_refused() -> None:
    with pytest.raises(OCRConfigError, match="at least one secret"):
        ReceiverSettings(())


@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_lets_nothing_in_or_everything_is_refused(name: str, bad: float) -> None:
    with pytest.raises(OCRConfigError, match=name):
        Limits(**{name: bad})  # type: ignore[arg-type]


def test_limits_are_read_from_text() -> None:
    given = {"rate_per_s": "2.5", "max_json_bytes": "10", "max_body_bytes": ""}

    assert parse_limits(given) == Limits(rate_per_s=2.5, max_json_bytes=10)


@pytest.mark.parametrize("text", ["many", "1e6", "0"])
def test_a_limit_that_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(OCRConfigError, match="max_json_bytes"):
        parse_limits({"max_json_bytes": text})


def test_a_source_may_send_its_rate_and_a_burst() -> None:
    clock = FakeClock()
    rate = SourceRate(Limits(rate_per_s=10, burst=5), clock)

    assert [rate.admit("a") for _ in range(7)] == [True] * 5 + [False] * 2
    clock.tick(0.1)
    assert [rate.admit("a") for _ in range(2)] == [True, False]
    clock.tick(60)
    assert [rate.admit("a") for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_source_that_sends_too_much_neither_harms_others_nor_its_own_future() -> None:
    clock = FakeClock()
    rate = SourceRate(Limits(rate_per_s=10, burst=5), clock)
    for _ in range(1000):
        rate.admit("a")

    assert rate.admit("b")
    clock.tick(0.1)
    assert rate.admit("a")


def test_a_flood_of_sources_takes_no_memory() -> None:
    rate = SourceRate(Limits(rate_per_s=1, burst=1), FakeClock())
    for number in range(10_500):
        assert rate.admit(str(number))

    assert len(rate._busy_until) == 10_000  # noqa: SLF001  # memory stays flat
    assert not rate.admit("10499")


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "source"),
    [
        ("203.0.113.5", [], [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], [], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.0.0.2"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3"], ["10.0.0.0/8"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", [""], ["10.0.0.0/8"], "10.0.0.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], ["10.0.0.1"], "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", [], [], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["2001:db8:1:2::9"], ["10.0.0.1", "2001:db8::/64"], "2001:db8:1:2::/64"),
        (None, ["198.51.100.1"], ["10.0.0.0/8"], UNKNOWN_SOURCE),
        ("a.socket", [], [], UNKNOWN_SOURCE),
    ],
)
def test_a_source_is_who_trusted_proxies_say_and_else_the_peer(
    peer: str | None, forwarded: list[str], trusted: list[str], source: str
) -> None:
    settings = ReceiverSettings((SECRET,), trusted_proxies=parse_networks(trusted))

    assert source_of(peer, forwarded, settings) == source


def test_a_network_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(OCRConfigError, match=r"'10\.0\.0\.0/99' is no address"):
        parse_networks(["127.0.0.1", "", "10.0.0.0/99"])
