"""What version 0.1.0 had: its public names and their parameters. Frozen: what is new says so."""

from __future__ import annotations

_GROUP = """group_id manifest dataset type workspace dead_letters reports ledger conn_id reserve daily_limit pace
    on_quota images_per_shard in_doubt allowed_roots recursive retry_rejected shrink as_base64 plan_only
    keep_workspaces_days asset pool retries retry_policy read_timeout max_active_shards"""
_PLAN = """manifest dataset type workspace dead_letters ledger conn_id reserve daily_limit pace images_per_shard
    allowed_roots recursive retry_rejected plan_only"""
_READ = """image upload_url type camera_id timestamp image_version conn_id ledger in_doubt allowed_roots shrink
    as_base64 retry_policy map_index_template"""
_HOOK_READ = """type image upload_url filename camera_id timestamp ledger in_doubt as_base64 shrink allowed_roots"""

PARAMETERS = {
    "OCRExportOperator": "dataset workspace dead_letters reports ledger conn_id plan_only keep_workspaces_days",
    "OCRInboxOperator": "dataset type type_by_camera inbox dead_letters sweeps ledger",
    "OCRInboxTrigger": "inbox poll_s",
    "OCRManifestTaskGroup": _GROUP,
    "OCRPlanOperator": _PLAN,
    "OCRReadBatchOperator": "shard ledger conn_id reserve on_quota in_doubt allowed_roots shrink as_base64",
    "OCRReadOperator": _READ,
    "OCRRetryPolicy": "base_delay_s longest_delay_s lease_s jitter",
    "OCRStatsSensor": "min_remaining reserve conn_id deferrable poke_interval timeout mode",
    "PlateRecOCRHook": "conn_id adapter",
    "PlateRecOCRHook.read": _HOOK_READ,
    "read_dataset": "uri type since until columns latest_only storage_options opener",
}
"""By what takes them, divided by spaces; without the clock that only tests pass."""

_NAMES = """InDoubtPolicy OCRCallError OCRConfigError OCRDatasetError OCRDrained OCRError OCRExportOperator
    OCRForbidden OCRImageError OCRInDoubt OCRInboxOperator OCRInboxTrigger OCRIncomplete OCRInputError
    OCRLedgerError OCRLedgerUnsafe OCRLedgerUnwritable OCRManifestError OCRManifestTaskGroup
    OCRNotEnabled OCRNotSent OCROutcomeUnknown OCRPlanOperator OCRQuotaExhausted OCRRateLimited
    OCRReadBatchOperator OCRReadOperator OCRRefused OCRRejected OCRRetryPolicy OCRRunError OCRStatsSensor
    OCRStop OCRUnauthorized OCRUnavailable OCRWrongBaseURL OnQuota PlateRecOCRHook read_dataset"""
NAMES = frozenset(_NAMES.split())
