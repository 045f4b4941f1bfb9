"""The sandbox's settings and the command line they come from."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.state.accounts import DEFAULT_QUOTA, Account, parse_tokens
from airflow_provider_platerec_ocr.sandbox.state.clock import parse_iso
from airflow_provider_platerec_ocr.sandbox.state.faults import FaultScript
from airflow_provider_platerec_ocr.sandbox.state.rate_limit import RateLimit
from airflow_provider_platerec_ocr.sandbox.state.webhooks import WebhookForm, WebhookSettings

if TYPE_CHECKING:
    from datetime import datetime

SUCCESS_STATUSES = (200, 201)
API_LATENCY_S = (20.0, 30.0)
DEFAULT_PORT = 8642
DEFAULT_MAX_UPLOAD_BYTES = 2_500_000


class ReaderKind(StrEnum):
    """What answers."""

    OCR = "ocr"
    """The OCR engine: really reads (needs the ``sandbox`` extra)."""
    DETERMINISTIC = "deterministic"
    """A valid code made from a hash of the bytes; for load tests."""


class OptionError(ValueError):
    """A setting that cannot be used; the message names it and what would be right."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds one call takes at least, drawn evenly between two bounds."""

    low_s: float = 0.0
    """The fastest call."""
    high_s: float = 0.0
    """The slowest call."""

    @classmethod
    def parse(cls, text: str) -> Latency:
        """Read ``fast`` (none), ``api`` (20 to 30 s, as documented), ``A-B`` or ``A`` in seconds.

        :raises OptionError: for anything else.
        """
        if text in {"fast", "api"}:
            return cls() if text == "fast" else cls(*API_LATENCY_S)
        low, dash, high = text.partition("-")
        try:
            latency = cls(float(low), float(high if dash else low))
        except ValueError:
            latency = cls(-1.0)
        if not 0 <= latency.low_s <= latency.high_s < float("inf"):
            msg = f"latency is fast, api, SECONDS or FROM-TO, not {text!r}"
            raise OptionError(msg)
        return latency


@dataclass(frozen=True, slots=True)
class Options:
    """All settings of one sandbox."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = DEFAULT_PORT
    """Port to listen on; 0 takes a free one."""
    tokens: tuple[str, ...] = ()
    """``TOKEN`` or ``ACCOUNT=TOKEN``; none: the placeholder of the vendor's samples, ``YOUR_API_TOKEN``."""
    quota: int = DEFAULT_QUOTA
    """Calls per period of each account."""
    used: int = 0
    """Calls already used when the sandbox starts."""
    resets_on: datetime | None = None
    """End of the period; None: end of the current month."""
    auto_reset: bool = True
    """Whether the period rolls over when it has ended."""
    enabled: bool = True
    """Whether OCR is enabled."""
    rate_per_s: float | None = None
    """Call starts per second and account; None: no limit."""
    burst: int | None = None
    """Starts at once; None: the rate, rounded up."""
    retry_after_header: bool = True
    """Whether 429 carries Retry-After besides its text."""
    latency: Latency = field(default_factory=Latency)
    """How long a call takes at least."""
    reader: ReaderKind = ReaderKind.OCR
    """What answers."""
    fetch_urls: bool | None = None
    """Whether ``upload_url`` is fetched; None: only by the OCR reader."""
    faults: tuple[str, ...] = ()
    """The fault script."""
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    """Where answers are sent to."""
    rename_files: bool = False
    """Whether file names come back with a prefix, as sibling products do."""
    success_status: int = 200
    """200 or 201."""
    max_upload_bytes: int = DEFAULT_MAX_UPLOAD_BYTES
    """Largest image; third parties saw 413 from 2,590,988 bytes up and none at 2,411,654."""
    log: Path | None = None
    """JSON lines file for the call log."""
    seed: int = 0
    """For everything that is drawn: latency and ``chance`` faults."""

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything listens.

        :raises ValueError: naming the setting.
        """
        FaultScript(self.faults)
        RateLimit(self.rate_per_s, self.burst)
        parse_tokens(list(self.tokens))
        if self.quota < 0 or self.used < 0 or self.max_upload_bytes < 1:
            msg = "quota and used are at least 0, max_upload_bytes at least 1"
            raise OptionError(msg)
        if self.success_status not in SUCCESS_STATUSES:
            msg = f"success_status is 200 or 201, not {self.success_status}"
            raise OptionError(msg)

    def accounts(self) -> list[Account]:
        """Make fresh accounts."""
        return [
            Account(
                name=name,
                tokens=set(tokens),
                quota=self.quota,
                used=self.used,
                resets_on=self.resets_on,
                auto_reset=self.auto_reset,
                enabled=self.enabled,
                limit=RateLimit(self.rate_per_s, self.burst),
            )
            for name, tokens in parse_tokens(list(self.tokens)).items()
        ]


def parser() -> argparse.ArgumentParser:
    """Make the command line."""
    line = argparse.ArgumentParser(
        prog="python -m airflow_provider_platerec_ocr.sandbox",
        description="A local server with the contract of the Plate Recognizer OCR Cloud API.",
    )
    add = line.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=DEFAULT_PORT, help="port; 0 takes a free one (default: %(default)s)")
    add("--token", action="append", default=[], metavar="[ACCOUNT=]TOKEN", help="repeatable; default YOUR_API_TOKEN")
    add("--quota", type=int, default=DEFAULT_QUOTA, help="calls per period (default: %(default)s)")
    add("--used", type=int, default=0, help="calls used at the start (default: %(default)s)")
    add("--resets-on", type=parse_iso, metavar="ISO", help="end of the period (default: end of the month)")
    add("--no-auto-reset", action="store_true", help="leave a passed reset date in the past")
    add("--disabled", action="store_true", help="OCR is not enabled for the accounts")
    add("--rate", type=float, help="call starts per second and account (default: no limit)")
    add("--burst", type=int, help="starts at once (default: the rate, rounded up)")
    add("--no-retry-after", action="store_true", help="429 without the Retry-After header")
    add("--latency", type=Latency.parse, default=Latency(), metavar="fast|api|A-B", help="default: fast")
    add("--reader", type=ReaderKind, choices=list(ReaderKind), default=ReaderKind.OCR, help="default: %(default)s")
    add("--fetch-urls", choices=("yes", "no"), help="fetch upload_url (default: only with --reader ocr)")
    add("--fault", action="append", default=[], metavar="SPEC", help="repeatable, for example every=7:503")
    add("--webhook", action="append", default=[], metavar="URL", help="repeatable")
    add("--webhook-form", type=WebhookForm, choices=list(WebhookForm), default=WebhookForm.JSON, help="body")
    add("--webhook-retries", type=int, default=0, help="attempts after one that failed (default: %(default)s)")
    add("--rename-files", action="store_true", help="file names come back as 1617_7M83K_name.jpg")
    add("--success-status", type=int, choices=SUCCESS_STATUSES, default=200, help="default: %(default)s")
    add("--max-upload-bytes", type=int, default=DEFAULT_MAX_UPLOAD_BYTES, help="default: %(default)s")
    add("--log", type=Path, metavar="FILE", help="append the call log to this file, as JSON lines")
    add("--seed", type=int, default=0, help="for everything drawn (default: %(default)s)")
    return line


def options_from(arguments: list[str] | None = None) -> Options:
    """Read the command line; a setting that cannot be used ends the program with a message that names it."""
    line = parser()
    given = line.parse_args(arguments)
    try:
        return Options(
            host=given.host,
            port=given.port,
            tokens=tuple(given.token),
            quota=given.quota,
            used=given.used,
            resets_on=given.resets_on,
            auto_reset=not given.no_auto_reset,
            enabled=not given.disabled,
            rate_per_s=given.rate,
            burst=given.burst,
            retry_after_header=not given.no_retry_after,
            latency=given.latency,
            reader=given.reader,
            fetch_urls=None if given.fetch_urls is None else given.fetch_urls == "yes",
            faults=tuple(given.fault),
            webhooks=WebhookSettings(tuple(given.webhook), given.webhook_form, given.webhook_retries),
            rename_files=given.rename_files,
            success_status=given.success_status,
            max_upload_bytes=given.max_upload_bytes,
            log=given.log,
            seed=given.seed,
        )
    except ValueError as error:
        line.error(str(error))
