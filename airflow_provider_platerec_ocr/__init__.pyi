from typing import Final

from airflow_provider_platerec_ocr.analysis.yard.what import decode_code as decode_code
from airflow_provider_platerec_ocr.analysis.yard.what import decode_reads as decode_reads
from airflow_provider_platerec_ocr.compat import each_partition as each_partition
from airflow_provider_platerec_ocr.compat import from_next_slot as from_next_slot
from airflow_provider_platerec_ocr.core.errors import OCRCallError as OCRCallError
from airflow_provider_platerec_ocr.core.errors import OCRConfigError as OCRConfigError
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError as OCRDatasetError
from airflow_provider_platerec_ocr.core.errors import OCRDrained as OCRDrained
from airflow_provider_platerec_ocr.core.errors import OCRError as OCRError
from airflow_provider_platerec_ocr.core.errors import OCRForbidden as OCRForbidden
from airflow_provider_platerec_ocr.core.errors import OCRImageError as OCRImageError
from airflow_provider_platerec_ocr.core.errors import OCRIncomplete as OCRIncomplete
from airflow_provider_platerec_ocr.core.errors import OCRInDoubt as OCRInDoubt
from airflow_provider_platerec_ocr.core.errors import OCRInputError as OCRInputError
from airflow_provider_platerec_ocr.core.errors import OCRLedgerError as OCRLedgerError
from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnsafe as OCRLedgerUnsafe
from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnwritable as OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.errors import OCRManifestError as OCRManifestError
from airflow_provider_platerec_ocr.core.errors import OCRNotEnabled as OCRNotEnabled
from airflow_provider_platerec_ocr.core.errors import OCRNotSent as OCRNotSent
from airflow_provider_platerec_ocr.core.errors import OCROtherLedger as OCROtherLedger
from airflow_provider_platerec_ocr.core.errors import OCROutcomeUnknown as OCROutcomeUnknown
from airflow_provider_platerec_ocr.core.errors import OCRQuotaExhausted as OCRQuotaExhausted
from airflow_provider_platerec_ocr.core.errors import OCRRateLimited as OCRRateLimited
from airflow_provider_platerec_ocr.core.errors import OCRRefused as OCRRefused
from airflow_provider_platerec_ocr.core.errors import OCRRejected as OCRRejected
from airflow_provider_platerec_ocr.core.errors import OCRRunError as OCRRunError
from airflow_provider_platerec_ocr.core.errors import OCRStop as OCRStop
from airflow_provider_platerec_ocr.core.errors import OCRUnauthorized as OCRUnauthorized
from airflow_provider_platerec_ocr.core.errors import OCRUnavailable as OCRUnavailable
from airflow_provider_platerec_ocr.core.errors import OCRUnitsMissing as OCRUnitsMissing
from airflow_provider_platerec_ocr.core.errors import OCRUnknownDialect as OCRUnknownDialect
from airflow_provider_platerec_ocr.core.errors import OCRWrongBaseURL as OCRWrongBaseURL
from airflow_provider_platerec_ocr.core.events import CallEvent as CallEvent
from airflow_provider_platerec_ocr.core.events import RunEvent as RunEvent
from airflow_provider_platerec_ocr.core.models import InDoubtPolicy as InDoubtPolicy
from airflow_provider_platerec_ocr.core.models import OnQuota as OnQuota
from airflow_provider_platerec_ocr.dataset import correct as correct
from airflow_provider_platerec_ocr.dataset import find_reads as find_reads
from airflow_provider_platerec_ocr.dataset import read_dataset as read_dataset
from airflow_provider_platerec_ocr.dataset import read_dead_letters as read_dead_letters
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook as PlateRecOCRHook
from airflow_provider_platerec_ocr.notifications.notifier import OCRNotifier as OCRNotifier
from airflow_provider_platerec_ocr.operators.approve import OCRApproveOperator as OCRApproveOperator
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator as OCRExportOperator
from airflow_provider_platerec_ocr.operators.inbox import OCRInboxOperator as OCRInboxOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator as OCRPlanOperator
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator as OCRReadOperator
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator as OCRReadBatchOperator
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator as OCRReconcileOperator
from airflow_provider_platerec_ocr.operators.review import OCRReviewOperator as OCRReviewOperator
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy as OCRRetryPolicy
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor as OCRStatsSensor
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup as OCRManifestTaskGroup
from airflow_provider_platerec_ocr.triggers.inbox import OCRInboxTrigger as OCRInboxTrigger
from airflow_provider_platerec_ocr.triggers.statistics import OCRStatsTrigger as OCRStatsTrigger

__version__: Final[str]
__all__ = [
    "CallEvent",
    "InDoubtPolicy",
    "OCRApproveOperator",
    "OCRCallError",
    "OCRConfigError",
    "OCRDatasetError",
    "OCRDrained",
    "OCRError",
    "OCRExportOperator",
    "OCRForbidden",
    "OCRImageError",
    "OCRInDoubt",
    "OCRInboxOperator",
    "OCRInboxTrigger",
    "OCRIncomplete",
    "OCRInputError",
    "OCRLedgerError",
    "OCRLedgerUnsafe",
    "OCRLedgerUnwritable",
    "OCRManifestError",
    "OCRManifestTaskGroup",
    "OCRNotEnabled",
    "OCRNotSent",
    "OCRNotifier",
    "OCROtherLedger",
    "OCROutcomeUnknown",
    "OCRPlanOperator",
    "OCRQuotaExhausted",
    "OCRRateLimited",
    "OCRReadBatchOperator",
    "OCRReadOperator",
    "OCRReconcileOperator",
    "OCRRefused",
    "OCRRejected",
    "OCRRetryPolicy",
    "OCRReviewOperator",
    "OCRRunError",
    "OCRStatsSensor",
    "OCRStatsTrigger",
    "OCRStop",
    "OCRUnauthorized",
    "OCRUnavailable",
    "OCRUnitsMissing",
    "OCRUnknownDialect",
    "OCRWrongBaseURL",
    "OnQuota",
    "PlateRecOCRHook",
    "RunEvent",
    "__version__",
    "correct",
    "decode_code",
    "decode_reads",
    "each_partition",
    "find_reads",
    "from_next_slot",
    "read_dataset",
    "read_dead_letters",
]
