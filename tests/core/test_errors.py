from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.errors import Money, OCRError


def every_error(root: type[OCRError] = OCRError) -> list[type[OCRError]]:
    return [root, *(found for child in root.__subclasses__() for found in every_error(child))]


@pytest.mark.parametrize("kind", every_error())
def test_an_error_survives_the_trip_between_processes_with_its_attributes(kind: type[OCRError]) -> None:
    error = kind("Do this next.", status=429, detail="Slow down.", retry_after_s=2.5)

    copies = [pickle.loads(pickle.dumps(error)), copy.copy(error)]  # noqa: S301  # our own bytes
    for copied in copies:
        assert type(copied) is kind
        assert str(copied) == "Do this next."
        shown = [getattr(copied, name) for name in ("status", "detail", "retry_after_s")]
        assert shown == [429, "Slow down.", 2.5]


@pytest.mark.parametrize(
    ("kind", "money"),
    [
        (errors.OCRNotSent, Money.NOT_SENT),
        (errors.OCRRefused, Money.REFUSED),
        (errors.OCRRateLimited, Money.REFUSED),
        (errors.OCRUnavailable, Money.REFUSED),
        (errors.OCRRejected, Money.REJECTED),
        (errors.OCRStop, Money.STOP),
        (errors.OCRUnauthorized, Money.STOP),
        (errors.OCRForbidden, Money.STOP),
        (errors.OCRNotEnabled, Money.STOP),
        (errors.OCRQuotaExhausted, Money.STOP),
        (errors.OCRWrongBaseURL, Money.STOP),
        (errors.OCROutcomeUnknown, Money.UNKNOWN),
        (errors.OCRCallError, Money.UNKNOWN),
    ],
)
def test_each_call_error_says_what_it_means_for_money(kind: type[errors.OCRCallError], money: Money) -> None:
    assert kind("x").money is money


@pytest.mark.parametrize("kind", [errors.OCRConfigError, errors.OCRManifestError, errors.OCRImageError])
def test_what_a_person_got_wrong_is_also_a_value_error(kind: type[OCRError]) -> None:
    assert issubclass(kind, ValueError)


def test_a_run_error_without_counts_has_empty_ones() -> None:
    assert dict(errors.OCRDrained("x").counts) == {}
    assert errors.OCRDrained("x", counts={"read": 3}).counts == {"read": 3}


def test_the_tree_in_the_docstring_names_every_error() -> None:
    ours = [kind.__name__ for kind in every_error() if kind.__module__ == errors.__name__]

    assert [name for name in ours if name not in (errors.__doc__ or "")] == []
