"""Accounts: tokens, the monthly quota, and what the statistics call shows.

A call takes its place in the quota when it begins and is counted when its work is done, so that calls in flight can
never take an account over 100 %. Knows no HTTP and reads no clock of its own.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_provider_platerec_ocr.sandbox.state import replies
from airflow_provider_platerec_ocr.sandbox.state.clock import iso
from airflow_provider_platerec_ocr.sandbox.state.rate_limit import RateLimit

DEFAULT_ACCOUNT = "sandbox"
DEFAULT_TOKEN = "YOUR_API_TOKEN"  # noqa: S105 - the placeholder of the vendor's samples, so that they run unchanged
DEFAULT_QUOTA = 5000


def next_month(moment: datetime) -> datetime:
    """Give the first moment of the following month, UTC."""
    year, month = divmod(moment.year * 12 + moment.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Account:
    """One customer: what they may call, and what they have called."""

    name: str
    """How logs and the control API call the account; never the token."""
    tokens: set[str]
    """The tokens that open it; empty after a revocation."""
    quota: int = DEFAULT_QUOTA
    """Calls per period (``total_calls``)."""
    used: int = 0
    """Calls counted in this period (``usage.calls``)."""
    resets_on: datetime | None = None
    """When the period ends; None: at the end of the month that is seen first."""
    auto_reset: bool = True
    """Whether passing ``resets_on`` begins a new period; else the date stays in the past, as in the document."""
    enabled: bool = True
    """Whether OCR is enabled for the account."""
    limit: RateLimit = field(default_factory=lambda: RateLimit(None))
    """The account's rate limit."""
    in_work: int = 0
    """Calls that took their place in the quota and are not done."""

    def roll_over(self, now: datetime) -> None:
        """Begin a new period if the old one has ended."""
        if self.resets_on is None:
            self.resets_on = next_month(now)
        if self.auto_reset and now >= self.resets_on:
            self.new_period(now)

    def new_period(self, now: datetime) -> None:
        """Count from zero; the period ends with the month ``now`` lies in."""
        self.used, self.resets_on = 0, next_month(now)

    def begin(self, now: datetime) -> None:
        """Take a place in the quota.

        :raises replies.Refusal: 403 when OCR is not enabled or the quota is used up.
        """
        self.roll_over(now)
        if not self.enabled or self.used + self.in_work >= self.quota:
            raise replies.Refusal(replies.forbidden())
        self.in_work += 1

    def end(self, *, billed: bool) -> None:
        """Give the place back, and count the call if its work was done."""
        self.in_work -= 1
        self.used += billed

    def statistics(self, now: datetime) -> dict[str, Any]:
        """Answer the statistics call.

        :raises replies.Refusal: 403 when OCR is not enabled.
        """
        if not self.enabled:
            raise replies.Refusal(replies.forbidden())
        self.roll_over(now)
        resets_on = self.resets_on or now
        usage = {"month": now.month, "calls": self.used, "year": now.year, "resets_on": iso(resets_on)}
        return {"usage": usage, "total_calls": self.quota}


class Accounts:
    """All accounts, by name; finds the one a request belongs to."""

    def __init__(self, accounts: list[Account]) -> None:
        """Keep the accounts in their order; the first is the default of the control API."""
        self._by_name = {account.name: account for account in accounts}

    def get(self, name: str | None = None) -> Account:
        """Give an account by name, the first without one.

        :raises ValueError: for an unknown name; the message lists the known ones.
        """
        if name is None:
            return next(iter(self._by_name.values()))
        if name not in self._by_name:
            msg = f"unknown account {name!r}; known: {', '.join(self._by_name)}"
            raise ValueError(msg)
        return self._by_name[name]

    def all(self) -> list[Account]:
        """Give all accounts in order."""
        return list(self._by_name.values())

    def of_header(self, authorization: str | None) -> Account:
        """Find the account of an ``Authorization: Token …`` header.

        :raises replies.Refusal: 401 without a token or with an unknown one.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "token":
            raise replies.Refusal(replies.missing_token())
        sent = token.strip().encode()
        for account in self._by_name.values():
            if any(hmac.compare_digest(sent, known.encode()) for known in account.tokens):
                return account
        raise replies.Refusal(replies.invalid_token())


def parse_tokens(specs: list[str]) -> dict[str, set[str]]:
    """Read ``TOKEN`` or ``ACCOUNT=TOKEN`` items into tokens by account name, in order.

    :raises ValueError: for an empty account name or token.
    """
    tokens: dict[str, set[str]] = {}
    for spec in specs or [DEFAULT_TOKEN]:
        name, equals, token = spec.partition("=")
        if not equals:
            name, token = DEFAULT_ACCOUNT, spec
        if not name or not token:
            msg = "a token is written TOKEN or ACCOUNT=TOKEN, neither part empty"
            raise ValueError(msg)
        tokens.setdefault(name, set()).add(token)
    return tokens
