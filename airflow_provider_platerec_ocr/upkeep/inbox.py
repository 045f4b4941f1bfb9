"""Payloads of the inbox of webhooks that are to go, by what they say or by when they came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.webhook.payload import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.storage.path import StoragePath


class Received:
    """What was received.

    :param codes_of: returns the codes of an answer's JSON text.
    """

    def __init__(self, place: StoragePath, clock: Clock, codes_of: Callable[[str | None], list[str]]) -> None:
        self._inbox = Inbox(place, clock=clock)
        self._codes_of = codes_of
        self._fingerprints: dict[str, str] = {}

    def find(self, wanted: Wanted) -> set[str]:
        """Return the ids of the payloads that are about what is wanted."""
        by_version = {version for _, version in wanted.versions}
        return {id_ for id_, data in self._all() if id_ in by_version or self._is_about(id_, data, wanted)}

    def older_than(self, moment: str) -> set[str]:
        """Return the ids of the payloads that came before a moment (UTC, ISO 8601)."""
        return {id_ for id_, data in self._all() if (at := str(_loaded(data).get("received_at") or "")) and at < moment}

    def fingerprints(self, ids: set[str]) -> set[str]:
        """Return the fingerprints that payloads of :meth:`find` answer."""
        return {self._fingerprints[id_] for id_ in ids if id_ in self._fingerprints}

    def erase(self, ids: Iterable[str]) -> None:
        """Delete what payloads say; their ids stay, so that none is taken for new when it comes again."""
        for id_ in ids:
            self._inbox.forget(id_)

    def _all(self) -> Iterator[tuple[str, bytes]]:
        for id_ in self._inbox.ids():
            data = self._inbox.raw(id_)
            if data is not None:
                yield id_, data

    def _is_about(self, id_: str, data: bytes, wanted: Wanted) -> bool:
        if not wanted.maybe_in(data):
            return False
        answer = _loaded(data).get("data")
        answer = answer if isinstance(answer, dict) else {}
        name = answer.get("filename")
        fingerprint = fingerprint_of(name) if isinstance(name, str) else None
        if fingerprint is not None:
            self._fingerprints[id_] = fingerprint
        if fingerprint in wanted.fingerprints or wanted.in_text(data) or name in wanted.images:
            return True
        url = str(answer.get("file_url") or "")
        if any(image in url for image in wanted.images):
            return True
        return bool(wanted.codes) and any(map(wanted.has_code, self._codes_of(json.dumps(answer))))


def _loaded(data: bytes) -> dict[str, Any]:
    try:
        record = json.loads(data)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
