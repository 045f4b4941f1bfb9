"""Apache Airflow provider for the Plate Recognizer OCR Cloud API.

What is public can be imported from here; it is loaded when somebody asks for it, so that this costs nothing where
Airflow imports the package for ``provider_info`` at every start. The page *Public names* of the documentation says what
may change, and when. For type checkers the names stand in ``__init__.pyi``.

.. versionadded:: 0.2
   The public names at the top.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "CallEvent": "core.events",
    "InDoubtPolicy": "core.models",
    "OCRApproveOperator": "operators.approve",
    "OCRCallError": "core.errors",
    "OCRConfigError": "core.errors",
    "OCRDatasetError": "core.errors",
    "OCRDrained": "core.errors",
    "OCRError": "core.errors",
    "OCRExportOperator": "operators.export",
    "OCRForbidden": "core.errors",
    "OCRImageError": "core.errors",
    "OCRInDoubt": "core.errors",
    "OCRInboxOperator": "operators.inbox",
    "OCRInboxTrigger": "triggers.inbox",
    "OCRIncomplete": "core.errors",
    "OCRInputError": "core.errors",
    "OCRLedgerError": "core.errors",
    "OCRLedgerUnsafe": "core.errors",
    "OCRLedgerUnwritable": "core.errors",
    "OCRManifestError": "core.errors",
    "OCRManifestTaskGroup": "task_group",
    "OCRNotEnabled": "core.errors",
    "OCRNotSent": "core.errors",
    "OCRNotifier": "notifications.notifier",
    "OCROtherLedger": "core.errors",
    "OCROutcomeUnknown": "core.errors",
    "OCRPlanOperator": "operators.plan",
    "OCRQuotaExhausted": "core.errors",
    "OCRRateLimited": "core.errors",
    "OCRReadBatchOperator": "operators.read_batch",
    "OCRReadOperator": "operators.read",
    "OCRReconcileOperator": "operators.reconcile",
    "OCRRefused": "core.errors",
    "OCRRejected": "core.errors",
    "OCRRetryPolicy": "retry_policy",
    "OCRReviewOperator": "operators.review",
    "OCRRunError": "core.errors",
    "OCRStatsSensor": "sensors.statistics",
    "OCRStatsTrigger": "triggers.statistics",
    "OCRStop": "core.errors",
    "OCRUnauthorized": "core.errors",
    "OCRUnavailable": "core.errors",
    "OCRUnitsMissing": "core.errors",
    "OCRUnknownDialect": "core.errors",
    "OCRWrongBaseURL": "core.errors",
    "OnQuota": "core.models",
    "PlateRecOCRHook": "hooks.ocr",
    "RunEvent": "core.events",
    "correct": "dataset",
    "decode_code": "analysis.yard.what",
    "decode_reads": "analysis.yard.what",
    "each_partition": "compat",
    "find_reads": "dataset",
    "from_next_slot": "compat",
    "read_dataset": "dataset",
    "read_dead_letters": "dataset",
}
"""Each public name and the module it lives in, where it can be imported from as well."""

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # names, from the table above


def __getattr__(name: str) -> object:
    """Import a public name when somebody asks for it."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Return what is public, for completion."""
    return sorted(__all__)
