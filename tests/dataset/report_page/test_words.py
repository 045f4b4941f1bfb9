from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.dataset.report_page import words


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.number(4812), "4,812"),
        (words.number(None), words.NOTHING),
        (words.share(31, 1000), "3.1 %"),
        (words.share(0, 10), "0.0 %"),
        (words.share(1, 10_000), "under 0.1 %"),
        (words.share(1, 0), words.NOTHING),
        (words.share(None, 9), words.NOTHING),
        (words.percent(None), words.NOTHING),
        (words.percent(1.0), "100.0 %"),
        (words.seconds(None), words.NOTHING),
        (words.seconds(38.24), "38.2 s"),
        (words.seconds(125), "2 min 05 s"),
        (words.seconds(3725.4), "1 h 02 min 05 s"),
        (words.confidence(0.931), "0.93"),
        (words.confidence(None), words.NOTHING),
        (words.change(112, 100), "+12 %"),
        (words.change(92, 100), "\N{MINUS SIGN}8 %"),
        (words.change(100, 100), "as usual"),
        (words.change(100.4, 100), "as usual"),
        (words.change(5, 0), "none before"),
        (words.change(0, 0), "as usual"),
    ],
)
def test_a_number_is_said_in_one_way(said: str, expected: str) -> None:
    assert said == expected
