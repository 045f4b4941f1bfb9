"""``ledger … reparse``: what a person is told of answers that were kept unread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.ledger.command import main
from airflow_provider_platerec_ocr.core.answer.body import UNREAD, as_object, packed
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

READ, ODD = b'{"results": []}', b'{"data": 1}'


@pytest.mark.parametrize(
    ("bodies", "code", "said"),
    [
        ((), 0, "No answer was kept unread."),
        ((READ,), 0, "1 answer can be read now, 1 found for the first time"),
        ((ODD,), 3, "1 answer cannot be read by this version either"),
        ((READ, ODD), 3, "read now: "),
    ],
)
def test_it_says_what_can_be_read_now_and_what_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bodies: tuple[bytes, ...], code: int, said: str
) -> None:
    place = local_place(tmp_path / "ledger")
    ledger = Ledger.open(place, lease_s=270.0, clock=FakeClock(), owner=Owner())
    for number, body in enumerate((READ, *bodies)):
        claim = ledger.claim("vin", f"{number:064x}", 1, {"image": f"/{number}.jpg"})
        assert claim is not None
        ledger.answer(claim, as_object(body), {**packed(body), **({UNREAD: True} if number else {})})

    assert main([str(tmp_path / "ledger"), "reparse"]) == code
    assert said in capsys.readouterr().out
    assert main([str(tmp_path / "ledger"), "reparse", "-o", "json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert (len(told["understood"]), len(told["unread"])) == (bodies.count(READ), bodies.count(ODD))
