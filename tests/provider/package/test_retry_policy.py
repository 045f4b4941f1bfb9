from __future__ import annotations

from datetime import timedelta

import aiohttp
import botocore.exceptions
import pytest
import requests

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from support.airflow_versions import AirflowTaskTimeout, RetryAction

POLICY = OCRRetryPolicy(base_delay_s=60, longest_delay_s=600, lease_s=270, jitter=lambda: 1.0)


@pytest.mark.parametrize(
    ("error", "try_number", "action", "delay_s"),
    [
        (errors.OCRRateLimited("429", retry_after_s=90.0), 1, RetryAction.RETRY, 90),
        (errors.OCRRateLimited("429", retry_after_s=5.0), 1, RetryAction.RETRY, 60),
        (errors.OCRRateLimited("429"), 2, RetryAction.RETRY, 120),
        (errors.OCRUnavailable("503"), 1, RetryAction.RETRY, 60),
        (errors.OCRUnavailable("503"), 3, RetryAction.RETRY, 240),
        (errors.OCRNotSent("refused connection"), 2, RetryAction.RETRY, 120),
        (errors.OCRNotSent("refused connection"), 50, RetryAction.RETRY, 600),
        (errors.OCRNotSent("refused connection"), 0, RetryAction.RETRY, 60),
        (errors.OCROutcomeUnknown("504"), 1, RetryAction.RETRY, 270),
        (errors.OCROutcomeUnknown("504", retry_after_s=400.0), 1, RetryAction.RETRY, 400),
        (errors.OCRRejected("400"), 1, RetryAction.FAIL, None),
        (errors.OCRUnauthorized("401"), 1, RetryAction.FAIL, None),
        (errors.OCRForbidden("403"), 1, RetryAction.FAIL, None),
        (errors.OCRNotEnabled("403"), 1, RetryAction.FAIL, None),
        (errors.OCRQuotaExhausted("403"), 1, RetryAction.FAIL, None),
        (errors.OCRWrongBaseURL("404"), 1, RetryAction.RETRY, 600),
        (errors.OCRWrongBaseURL("302"), 2, RetryAction.RETRY, 1200),
        (errors.OCRWrongBaseURL("302", retry_after_s=3000.0), 3, RetryAction.RETRY, 3000),
        (errors.OCRWrongBaseURL("404"), 4, RetryAction.FAIL, None),
        (errors.OCRRateLimited("429", retry_after_s=2_592_000.0), 1, RetryAction.RETRY, 3600),
        (errors.OCROutcomeUnknown("504", retry_after_s=2_592_000.0), 1, RetryAction.RETRY, 3600),
        (errors.OCRStop("statistics"), 1, RetryAction.FAIL, None),
        (errors.OCRConfigError("no token"), 1, RetryAction.FAIL, None),
        (errors.OCRManifestError("no column"), 1, RetryAction.FAIL, None),
        (errors.OCRDatasetError("schema"), 1, RetryAction.FAIL, None),
        (errors.OCRImageError("cut off"), 1, RetryAction.FAIL, None),
        (errors.OCRImageError("storage", permanent=False), 1, RetryAction.RETRY, 60),
        (errors.OCRLedgerUnsafe("s3"), 1, RetryAction.FAIL, None),
        (errors.OCRLedgerUnwritable("full"), 1, RetryAction.DEFAULT, None),
        (errors.OCRCallError("other"), 1, RetryAction.DEFAULT, None),
        (errors.OCRDrained("deadline"), 1, RetryAction.RETRY, None),
        (errors.OCRDrained("429", retry_after_s=33.0), 1, RetryAction.RETRY, 33),
        (errors.OCRDrained("quota", retry=False), 1, RetryAction.FAIL, None),
        (errors.OCRInDoubt("2 in doubt", retry_after_s=270.0), 1, RetryAction.RETRY, 270),
        (errors.OCRIncomplete("3 missing", retry=False), 1, RetryAction.FAIL, None),
        (ValueError("not ours"), 1, RetryAction.DEFAULT, None),
        (OSError("Input/output error"), 1, RetryAction.RETRY, 60),
        (ConnectionResetError("reset"), 2, RetryAction.RETRY, 120),
        (TimeoutError("timed out"), 1, RetryAction.RETRY, 60),
        (FileNotFoundError("not yet"), 1, RetryAction.RETRY, 60),
        (PermissionError("denied"), 1, RetryAction.DEFAULT, None),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://s3"), 1, RetryAction.RETRY, 60),
        (botocore.exceptions.ClientError({"Error": {"Code": "500"}}, "GetObject"), 1, RetryAction.RETRY, 60),
        (aiohttp.ServerDisconnectedError(), 1, RetryAction.RETRY, 60),
        (requests.ReadTimeout("slow"), 1, RetryAction.RETRY, 60),
        (type("HttpError", (Exception,), {"__module__": "gcsfs.retry"})("503"), 1, RetryAction.RETRY, 60),
        (type("ServiceUnavailable", (Exception,), {"__module__": "google.api_core"})(), 1, RetryAction.RETRY, 60),
        (AirflowTaskTimeout(), 1, RetryAction.DEFAULT, None),
    ],
)
def test_each_error_is_retried_by_what_it_means(
    error: BaseException, try_number: int, action: RetryAction, delay_s: float | None
) -> None:
    decision = POLICY.evaluate(error, try_number, max_tries=3)

    assert decision.action is action
    assert decision.retry_delay == (None if delay_s is None else timedelta(seconds=delay_s))


def test_a_maintenance_is_waited_out_as_often_as_asked() -> None:
    policy = OCRRetryPolicy(maintenance_tries=1)

    assert policy.evaluate(errors.OCRWrongBaseURL("404"), 1, 3).action is RetryAction.FAIL


def test_the_reason_names_the_error_and_shows_nothing_else() -> None:
    decision = POLICY.evaluate(errors.OCRNotSent("https://host/?X-Amz-Signature=secret"), 1, 3)

    assert decision.reason == "OCRNotSent: nothing was billed"


def test_a_crowd_that_failed_together_does_not_come_back_together() -> None:
    draws = iter([0.0, 1.0])
    policy = OCRRetryPolicy(base_delay_s=60, jitter=lambda: next(draws))

    delays = [policy.evaluate(errors.OCRUnavailable("503"), 1, 3).retry_delay for _ in range(2)]

    assert delays == [timedelta(seconds=30), timedelta(seconds=60)]


def test_the_default_lease_is_that_of_the_default_timeouts() -> None:
    assert OCRRetryPolicy().evaluate(errors.OCROutcomeUnknown("504"), 1, 3).retry_delay == timedelta(seconds=270)
