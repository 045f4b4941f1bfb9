"""Tokens, quota, periods."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_platerec_ocr.sandbox.state.accounts import Account, Accounts, next_month, parse_tokens
from airflow_provider_platerec_ocr.sandbox.state.replies import Refusal

MARCH = datetime(2025, 3, 10, 12, tzinfo=UTC)


def test_statistics_have_the_documented_shape() -> None:
    account = Account("a", {"t"}, quota=5000, used=55, resets_on=datetime(2025, 3, 20, tzinfo=UTC))
    assert account.statistics(MARCH) == {
        "usage": {"month": 3, "calls": 55, "year": 2025, "resets_on": "2025-03-20T00:00:00Z"},
        "total_calls": 5000,
    }


def test_a_call_counts_when_its_work_is_done_and_not_before() -> None:
    account = Account("a", {"t"}, quota=2)
    account.begin(MARCH)
    assert account.used == 0
    account.end(billed=True)
    assert account.used == 1
    account.begin(MARCH)
    account.end(billed=False)
    assert account.used == 1


def test_calls_in_flight_cannot_take_the_account_over_its_quota() -> None:
    account = Account("a", {"t"}, quota=2, used=1)
    account.begin(MARCH)
    with pytest.raises(Refusal) as refusal:
        account.begin(MARCH)
    assert refusal.value.reply.status == 403


def test_an_account_that_is_not_enabled_gets_403_for_both_calls() -> None:
    account = Account("a", {"t"}, enabled=False)
    with pytest.raises(Refusal, match="403"):
        account.begin(MARCH)
    with pytest.raises(Refusal, match="403"):
        account.statistics(MARCH)


def test_a_new_period_begins_when_the_old_one_has_ended() -> None:
    account = Account("a", {"t"}, quota=1, used=1, resets_on=datetime(2025, 3, 20, tzinfo=UTC))
    with pytest.raises(Refusal):
        account.begin(datetime(2025, 3, 19, 23, 59, 59, tzinfo=UTC))
    account.begin(datetime(2025, 3, 20, tzinfo=UTC))
    assert (account.used, account.resets_on) == (0, datetime(2025, 4, 1, tzinfo=UTC))


def test_without_auto_reset_the_date_stays_in_the_past() -> None:
    account = Account("a", {"t"}, used=7, resets_on=datetime(2025, 3, 1, tzinfo=UTC), auto_reset=False)
    assert account.statistics(MARCH)["usage"]["resets_on"] == "2025-03-01T00:00:00Z"
    assert account.used == 7


@pytest.mark.parametrize(
    ("moment", "following"),
    [
        (MARCH, (2025, 4)),
        (datetime(2025, 12, 31, tzinfo=UTC), (2026, 1)),
        (datetime(2025, 11, 1, tzinfo=UTC), (2025, 12)),
    ],
)
def test_the_next_month_also_crosses_the_year(moment: datetime, following: tuple[int, int]) -> None:
    assert next_month(moment) == datetime(*following, 1, tzinfo=UTC)


def test_the_header_finds_the_account_by_any_of_its_tokens() -> None:
    accounts = Accounts([Account("north", {"n1", "n2"}), Account("south", {"s"})])
    assert accounts.of_header("Token n2").name == "north"
    assert accounts.of_header("token  s").name == "south"
    assert accounts.get().name == "north"
    assert [account.name for account in accounts.all()] == ["north", "south"]


@pytest.mark.parametrize("header", [None, "", "Bearer n1", "Token", "Token nope", "Token ü"])
def test_no_token_and_a_wrong_one_get_401(header: str | None) -> None:
    with pytest.raises(Refusal, match="401"):
        Accounts([Account("north", {"n1"})]).of_header(header)


def test_an_unknown_account_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown account 'west'; known: north"):
        Accounts([Account("north", {"n1"})]).get("west")


def test_tokens_are_read_with_and_without_an_account() -> None:
    assert parse_tokens(["abc", "north=n1", "north=n2"]) == {"sandbox": {"abc"}, "north": {"n1", "n2"}}
    assert parse_tokens([]) == {"sandbox": {"YOUR_API_TOKEN"}}


@pytest.mark.parametrize("spec", ["=abc", "north=", ""])
def test_half_a_token_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="ACCOUNT=TOKEN"):
        parse_tokens([spec])
