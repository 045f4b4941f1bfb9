"""What to do about each reason of a dead letter, in words and as a command. Pure.

The commands are for a shell on a machine that sees the same places as the workers; nothing is run here.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Reason

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.engine.kept.known_datasets import KnownDataset

_PYTHON = "python -m airflow_provider_platerec_ocr.ledger"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a reason asks for."""

    what: str
    """A sentence or two."""
    again: str
    """When such an image is tried again by itself."""
    retry: bool = False
    """Whether a run with ``retry_rejected`` tries it again."""


_EACH_RUN, _RETRY = "each run", "only with retry_rejected"
REMEDIES: dict[str, Remedy] = {
    Reason.ROW_INVALID: Remedy("Correct the row of the manifest: the message says what is wrong with it.", _EACH_RUN),
    Reason.IMAGE_MISSING: Remedy("Upload the file, or correct the row that names it.", _EACH_RUN),
    Reason.IMAGE_EMPTY: Remedy("Replace the file: it has no bytes.", "when its version changes"),
    Reason.IMAGE_TRUNCATED: Remedy("Let the file arrive whole, or replace it.", "when its version changes"),
    Reason.IMAGE_NOT_AN_IMAGE: Remedy(
        "Replace the file: it is in no format that the API reads.", "when its version changes"
    ),
    Reason.IMAGE_TOO_LARGE: Remedy(
        "Set shrink=True in the task group, or max_upload_bytes in the connection. Then run once with retry_rejected.",
        _RETRY,
        retry=True,
    ),
    Reason.IMAGE_OUTSIDE_ROOTS: Remedy(
        "Move the file, or name its folder in allowed_roots. Then run once with retry_rejected.", _RETRY, retry=True
    ),
    Reason.IMAGE_UNREADABLE: Remedy("Look at the rights of the storage: it did not hand the file out.", _EACH_RUN),
    Reason.API_REJECTED: Remedy(
        "Look at the image and its type. The API will not read it, and the same content is never sent again. Was it "
        "rejected by mistake? Have the ledger forget it, then run once with retry_rejected.",
        "never",
        retry=True,
    ),
    Reason.URL_NOT_FETCHED: Remedy("See that the API can fetch the URL; a signature may have been over.", _EACH_RUN),
    Reason.API_UNAVAILABLE: Remedy("Nothing: the API was down, or refused it over and over.", _EACH_RUN),
    Reason.IN_DOUBT: Remedy(
        "Nobody knows how the call ended; it may have been billed. With the policy resend the next run settles it; "
        "with hold or fail it waits for you: say how it ended.",
        "as the policy in_doubt says",
    ),
    Reason.IN_DOUBT_TWICE: Remedy(
        "Two calls went out, and nobody knows how either ended. No run sends it again before you say how they ended.",
        "never",
    ),
}
_UNKNOWN = Remedy("This version does not know the reason; the messages say what happened.", "not known")
DOUBTS = (Reason.IN_DOUBT, Reason.IN_DOUBT_TWICE)


def remedy(reason: str) -> Remedy:
    """Return what a reason asks for."""
    return REMEDIES.get(reason, _UNKNOWN)


def commands(reason: str, known: KnownDataset, fingerprint: str = "") -> list[tuple[str, str]]:
    """Return what can be typed about a reason: what it does, and the command.

    :param fingerprint: of one image, for a command that is about one.
    """
    ledger = shlex.quote(known.ledger)
    one = fingerprint or "FINGERPRINT"
    if reason in DOUBTS:
        return [
            ("list all calls in doubt", f"{_PYTHON} {ledger} doubts"),
            ("it was not billed", f"{_PYTHON} {ledger} settle {one} --released --why 'the account has no such call'"),
            ("it was answered, and you have the answer", f"{_PYTHON} {ledger} settle {one} --answer answer.json"),
        ]
    said = [("tell all that is known of one image", f"{_PYTHON} {ledger} show {one}")] if fingerprint else []
    if reason == Reason.API_REJECTED:
        said.append(("have the ledger forget one", f"{_PYTHON} {ledger} forget {one}"))
    if remedy(reason).retry:
        conf = shlex.quote(json.dumps({"retry_rejected": True}))
        said.append(("try again", f"airflow dags trigger {shlex.quote(known.dag_id or 'DAG_ID')} --conf {conf}"))
    return said
