"""What was found of an account's rate, kept on its board from one night to the next.

One small file, written whole and read once a task. Whatever is wrong with it, the rate is found anew: nothing here may
keep a call from being made, or make one come sooner than an account was ever seen to take it.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRLedgerError
from airflow_provider_platerec_ocr.core.models import format_timestamp, parse_timestamp
from airflow_provider_platerec_ocr.core.rate.pacing import FoundRate, rate_to_keep
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)

FILE = "found-rate.json"
SCHEMA = 1
MOST_PER_S = 1000.0
"""As much as can be configured; whatever says more was not written here."""
_LONGEST_BYTES = 2000
_CLOCKS_S = 3600.0
"""By how much the clock of another machine may be ahead of this one's."""


class RateMemory:
    """Reads and writes the file; blocking, and no method raises.

    :param place: the account's folder, which is another for another token or base URL.
    :param clock: says how old it is.
    """

    def __init__(self, place: StoragePath, clock: Clock) -> None:
        self._store = Store(place)
        self._clock = clock
        self._named = False

    def read(self) -> FoundRate | None:
        """Return what is remembered, or ``None`` where that is nothing, or nothing that can be used."""
        try:
            data = self._store.read(FILE)
            return None if data is None else unpack(data, self._clock.now().timestamp())
        except (OCRConfigError, OCRLedgerError) as error:
            self._name(f"The rate that was found last time cannot be used, so it is found anew: {error}")
            return None

    def keep(self, found: FoundRate, since_s: float) -> None:
        """Remember ``found``, unless what another shard has written meanwhile is better.

        :param since_s: since when it was found without hearing from others; seconds since 1970.
        """
        try:
            there = self.read()
            if rate_to_keep(there, found, since_s=since_s) is found:
                self._store.replace(FILE, pack(found))
        except OCRLedgerError as error:
            self._name(f"The rate that was found cannot be remembered for the next run: {error}")

    def _name(self, trouble: str) -> None:
        """Say it once."""
        if not self._named:
            self._named = True
            log.warning(trouble)


def pack(found: FoundRate) -> bytes:
    """Return ``found`` as the content of its file."""
    record = {
        "schema": SCHEMA,
        "rate_per_s": round(found.rate_per_s, 4),
        "sure": round(found.sure, 3),
        "found_at": format_timestamp(datetime.fromtimestamp(found.at_s, UTC)),
    }
    return json.dumps(record).encode()


def unpack(data: bytes, now_s: float) -> FoundRate:
    """Return what a file says.

    :param now_s: seconds since 1970.
    :raises OCRConfigError: it is torn, of a later version, or says what cannot be; the text names what.
    """
    try:
        record = json.loads(data) if len(data) <= _LONGEST_BYTES else None
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        message = f"{FILE} is torn, or was not written by this version."
        raise OCRConfigError(message)
    rate, sure = _number(record, "rate_per_s", MOST_PER_S), _number(record, "sure", 1.0)
    at_s = parse_timestamp(str(record.get("found_at")), f"found_at in {FILE}").timestamp()
    if at_s > now_s + _CLOCKS_S:
        message = f"{FILE} was written in the future."
        raise OCRConfigError(message)
    return FoundRate(rate, sure, at_s)


def _number(record: dict[str, Any], name: str, most: float) -> float:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= most:
        message = f"{name} in {FILE} is no number over 0 and up to {most:g}."
        raise OCRConfigError(message)
    return float(value)
