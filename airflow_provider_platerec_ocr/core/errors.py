"""What can go wrong, sorted by what it means for money and by what the caller can do.

This module knows no HTTP client, no Airflow and no file system: :mod:`.wire` turns answers into these classes, the
engine turns broken connections into them, and the operators turn them into task states.

::

    OCRError
    ├── OCRCallError                    a call to the API, sorted by what it means for money
    │   ├── OCRNotSent                  nothing left this machine: release, back off, try again
    │   ├── OCRRefused                  refused before work: release, back off, try again
    │   │   ├── OCRRateLimited          429; never again earlier than ``retry_after_s``
    │   │   └── OCRUnavailable          503; whether it is billed is unknown, so it is counted apart
    │   ├── OCRRejected                 400, 413, 415, 422 and a 2xx with an error body: never again for this content
    │   ├── OCRStop                     nothing further starts
    │   │   ├── OCRUnauthorized         401, or a 403 where the statistics are refused, too
    │   │   ├── OCRForbidden            403 whose reason is not known yet: ask the statistics
    │   │   │   ├── OCRNotEnabled       403 with calls left: OCR is not enabled for the account
    │   │   │   └── OCRQuotaExhausted   403 with no calls left, or the reserve is reached
    │   │   └── OCRWrongBaseURL         any other 3xx and 4xx, and any page: what answers is not the API
    │   └── OCROutcomeUnknown           the call may have been processed and billed: in doubt
    ├── OCRConfigError                  a setting, an argument or a connection is wrong (also a ``ValueError``)
    ├── OCRInputError                   something that a person handed in cannot be used (also a ``ValueError``)
    │   ├── OCRManifestError            the manifest as a whole; a bad *row* is a dead letter instead
    │   ├── OCRImageError               one image; carries the dead letter's ``reason``
    │   └── OCRDatasetError             the dataset: another schema version, a broken file
    ├── OCRLedgerError                  the ledger cannot be trusted or written
    │   ├── OCRLedgerUnsafe             the store cannot create exclusively: it must not hold a ledger
    │   ├── OCRLedgerUnwritable         read-only, full, or refusing writes
    │   └── OCROtherLedger              not the ledger that the dataset was read with: nothing is sent
    └── OCRRunError                     a task ends, for a reason that Airflow's retry policy reads
        ├── OCRDrained                  stopped early; calls in flight were finished and saved
        ├── OCRUnknownDialect           answers arrived whole and are kept, and this version cannot read them
        ├── OCRInDoubt                  some calls have an unknown outcome, and the policy wants another try
        ├── OCRIncomplete               planned images have no outcome
        └── OCRUnitsMissing             more expected units were not seen than the user lets pass
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Money(StrEnum):
    """What an error of one call means for money."""

    NOT_SENT = "not_sent"
    """Certainly nothing was billed: the request never reached the API whole."""
    REFUSED = "refused"
    """Refused before any work was done."""
    REJECTED = "rejected"
    """The content itself is refused; the same content never goes out again."""
    STOP = "stop"
    """No further call makes sense until a person or the calendar changes something."""
    UNKNOWN = "unknown"
    """The call may have been processed and billed."""


class OCRError(Exception):
    """The root of everything this provider raises; its text says what to do next."""

    def __init__(self, message: str, **attributes: Any) -> None:
        super().__init__(message)
        self.message = message
        self.attributes = attributes
        for name, value in attributes.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a trip between processes with every attribute and note."""
        return _rebuild, (type(self), self.message, self.attributes, getattr(self, "__notes__", []))

    def __str__(self) -> str:
        """Return the message alone; attributes are for programs."""
        return self.message


def _rebuild(cls: type[OCRError], message: str, attributes: dict[str, Any], notes: Sequence[str] = ()) -> OCRError:
    error = cls(message, **attributes)
    for note in notes:
        error.add_note(note)
    return error


class OCRCallError(OCRError):
    """A call to the API failed."""

    money: Money = Money.UNKNOWN
    """What the failure means for money."""
    status: int | None = None
    """HTTP status, or ``None`` where no answer came."""
    detail: str = ""
    """What the API said, shortened, without secrets."""
    from_api: bool = True
    """Whether the body was the API's own; a page, or JSON of another kind, is of something on the way."""
    retry_after_s: float | None = None
    """Seconds that the API asked to wait, or ``None`` where it did not say."""
    elapsed_s: float | None = None
    """Seconds from the start of the call to its failure."""


class OCRNotSent(OCRCallError):
    """Refused connection, DNS, TLS, connect timeout, or a connection cut before the body was whole."""

    money = Money.NOT_SENT


class OCRRefused(OCRCallError):
    """The API refused the call before doing any work."""

    money = Money.REFUSED


class OCRRateLimited(OCRRefused):
    """429: never send again earlier than ``retry_after_s``."""


class OCRUnavailable(OCRRefused):
    """503: the prediction service failed; the document leaves open whether that is billed."""


class OCRRejected(OCRCallError):
    """The API will never read this content: a dead letter."""

    money = Money.REJECTED
    body: bytes | None = None
    """The whole body of a 2xx with an error, which may have been billed."""


class OCRStop(OCRCallError):
    """Nothing further may start."""

    money = Money.STOP


class OCRUnauthorized(OCRStop):
    """The token is missing, wrong or revoked."""


class OCRForbidden(OCRStop):
    """403: not enabled, or the quota is used up; the statistics tell which."""


class OCRNotEnabled(OCRForbidden):
    """403 while calls are left: OCR is not enabled for this account."""


class OCRQuotaExhausted(OCRForbidden):
    """No calls are left in this period, or none above the reserve."""

    remaining: int | None = None
    """Calls left when it was seen."""
    resets_on: str | None = None
    """ISO 8601 time of the reset as the API gave it."""


class OCRWrongBaseURL(OCRStop):
    """What answers is not the API: another host, or a proxy, a gateway, a firewall or a maintenance before it."""


class OCROutcomeUnknown(OCRCallError):
    """Read timeout, cut connection after the body was sent, 500, 502, 504, an empty or cut 2xx."""

    money = Money.UNKNOWN


class OCRConfigError(OCRError, ValueError):
    """A setting, an argument or a connection is wrong."""


class OCRInputError(OCRError, ValueError):
    """Something that a person handed in cannot be used."""

    permanent: bool = True
    """Whether another try meets the same; a passing fault of the store that holds it is not permanent."""


class OCRManifestError(OCRInputError):
    """The manifest as a whole cannot be read; not permanent where its store failed, or it is not there yet."""

    missing: bool = False
    """Whether there is no such file or folder."""


class OCRImageError(OCRInputError):
    """One image cannot be sent."""

    reason: str = "image_unreadable"
    """Reason code of the dead letter, see :class:`~.models.Reason`."""


class OCRDatasetError(OCRInputError):
    """The dataset cannot be read or extended as it is; not permanent where its store failed."""


class OCRLedgerError(OCRError):
    """The ledger cannot be used."""


class OCRLedgerUnsafe(OCRLedgerError):
    """The store lets two writers create the same name: a ledger there would pay twice."""


class OCRLedgerUnwritable(OCRLedgerError):
    """The ledger's store refuses writes."""


class OCROtherLedger(OCRLedgerError):
    """A new or another ledger than the one that the dataset was read with: all would be paid for again.

    .. versionadded:: 0.2
    """

    ledger_id: str = ""
    """Id of the ledger that was found; empty where it has none."""
    remembered_id: str = ""
    """Id of the one that was expected; empty where nobody wrote it down."""


class OCRRunError(OCRError):
    """A task ends early or incomplete, with all that was paid for saved."""

    retry: bool = True
    """Whether Airflow should try the task again."""
    retry_after_s: float | None = None
    """Seconds before another try makes sense."""
    counts: Mapping[str, int] = MappingProxyType({})
    """How many images ended how, by status."""


class OCRDrained(OCRRunError):
    """Stopped before the end of the shard; what was in flight is finished and saved."""


class OCRUnknownDialect(OCRRunError):
    """Answers arrived whole, are kept and never paid for again, and this version cannot read them.

    Another try cannot help, so ``retry`` is false where it is raised.

    .. versionadded:: 0.2
    """


class OCRInDoubt(OCRRunError):
    """Some calls may have been billed without an answer; another try resends each at most once."""


class OCRIncomplete(OCRRunError):
    """Planned images have no outcome: the run is not whole."""


class OCRUnitsMissing(OCRRunError):
    """More expected units were not seen than the user lets pass; what was found is written.

    .. versionadded:: 0.2
    """
