"""Waiting for a store that may hang: so long and no longer, in few threads."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.web.frame.patience import Patience
from support.waiting import PATIENCE_S


def test_what_answers_is_returned_and_what_raises_is_raised() -> None:
    patience: Patience[int] = Patience("the ledger")

    def raises() -> int:
        message = "the store's own"
        raise TimeoutError(message)

    assert patience.get("a", lambda: 7, PATIENCE_S) == 7
    with pytest.raises(TimeoutError, match="the store's own"):
        patience.get("a", raises, PATIENCE_S)


def test_what_hangs_is_given_up_and_asked_once_however_many_wait() -> None:
    patience: Patience[int] = Patience("the ledger", most=2)
    gate, asked, before = threading.Event(), list[str](), set(threading.enumerate())

    for key in ("a", "a", "b", "one too many"):

        def hangs(key: str = key) -> int:
            asked.append(key)
            gate.wait()
            return 7

        with pytest.raises(OCRDatasetError, match="the ledger did not answer within 0 s"):
            patience.get(key, hangs, 0.0)

    gate.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "ocr-page":
            thread.join(PATIENCE_S)
    assert sorted(asked) == ["a", "b"]
    assert patience.get("one too many", lambda: 8, PATIENCE_S) == 8
