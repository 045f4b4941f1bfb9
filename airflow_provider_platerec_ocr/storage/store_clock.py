"""The time as the ledger's store has it: workers' clocks differ, and the store dates the claims."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnwritable

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.store import Store

PROBES = "store-probe"
"""Folder of the probes; the hyphen keeps it apart from every type's folder."""
FRESH_S = 10.0
"""Seconds for which one probe serves; drift of a monotonic clock over them does not matter."""


class StoreClock:
    """Reads the store's time off the modification time of a probe just written.

    :param trusting: whether this machine's own time will do where the store takes no probe (for looking only).
    """

    def __init__(self, store: Store, clock: Clock, *, trusting: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._trusting = trusting
        self._lock = threading.Lock()
        self._seen: tuple[float, float] | None = None

    def now_s(self) -> float:
        """Return seconds since 1970. Never ahead of the store: the probe's moment is taken after it was written."""
        with self._lock:
            if self._seen is None or self._clock.monotonic() - self._seen[1] > FRESH_S:
                probed = self._probe()
                self._seen = (probed, self._clock.monotonic())
            time_s, at = self._seen
            return time_s + (self._clock.monotonic() - at)

    def _probe(self) -> float:
        nonce = uuid.uuid4().hex
        name = f"{PROBES}/{nonce}.time"
        try:
            self._store.overwrite(name, nonce.encode())
        except OCRLedgerUnwritable:
            if self._trusting:
                return self._clock.now().timestamp()
            raise
        written = self._store.modified_s(name)
        self._store.remove(name)
        if written is None:
            raise self._store.unwritable(FileNotFoundError(f"{name} was written and is gone"))
        return written
