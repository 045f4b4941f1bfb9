"""Waiting for a store that may hang: so long and no longer, in few threads."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.web.frame.patience import Patience
from support.waiting import PATIENCE_S, until


def test_what_answers_is_returned_and_what_raises_is_raised() -> None:
    patience: Patience[int] = Patience("the ledger")

    def raises() -> int:
        message = "the store's own"
        raise TimeoutError(message)

    assert patience.get("a", lambda: 7, PATIENCE_S) == 7
    with pytest.raises(TimeoutError, match="the store's own"):
        patience.get("a", raises, PATIENCE_S)


def test_what_hangs_is_given_up_and_asked_once_however_many_wait() -> None:
    patience: Patience[int] = Patience("the ledger", most=1)
    gate, asked = threading.Event(), []

    def hangs() -> int:
        asked.append(1)
        gate.wait()
        return 7

    for key in ("a", "a", "another"):
        with pytest.raises(OCRDatasetError, match="the ledger did not answer within 0 s"):
            patience.get(key, hangs, 0.0)
    assert len(asked) == 1

    gate.set()
    until("it still hangs", lambda: not patience.busy)
    assert patience.get("another", lambda: 8, PATIENCE_S) == 8
