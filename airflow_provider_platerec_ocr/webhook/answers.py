"""From the inbox to the answer of one call of ours: what settles a doubt in the ledger.

Our uploads carry their fingerprint at the end of their file name, so one LIST finds what came for it. A call by URL or
with base64 text has no file name of ours and is never found. It knows no ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.wire import read_from_json

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.webhook.inbox import Inbox
    from airflow_provider_platerec_ocr.webhook.payload import Payload


class Answers:
    """Answers to calls of ours that came as webhooks; call it with a type and a fingerprint. Blocks.

    :param inbox: where they are kept.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def __call__(self, type_: str, fingerprint: str) -> dict[str, Any] | None:  # noqa: ARG002  # the fingerprint says it
        """Return the first answer that is a read, as the API would have given it to the caller, else ``None``.

        :raises InboxError: the inbox cannot be read.
        """
        for payload in self._inbox.find(fingerprint):
            if why_unreadable(payload) is None:
                return answer_of(payload)
        return None


def answer_of(payload: Payload) -> dict[str, Any]:
    """Return the payload's answer as the call's own would have been: without ``file_url``."""
    return {key: value for key, value in payload.data.items() if key != "file_url"}


def why_unreadable(payload: Payload) -> str | None:
    """Return why the payload's answer is no read, ``None`` where it is one."""
    try:
        read_from_json(payload.data)
    except OCRCallError as error:
        return error.message
    return None
