"""The ledger's command on one ledger, and what it said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.ledger.command import main
from airflow_provider_platerec_ocr.core.claims import decide
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from airflow_provider_platerec_ocr.core.claims import Decision
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim
    from airflow_provider_platerec_ocr.storage.path import StoragePath

PRINT = "ab" * 32
OTHER = "cd" * 32
OWNER = Owner(dag_id="nightly", run_id="r1", task_id="read", map_index=3)
FACTS = {"image": "/in/4711.jpg", "row": 7}
RAW: dict[str, Any] = {
    "results": [
        {"identifier": {"type": "text", "props": {"code": [{"value": "1HGCM82633A004352"}], "confidence": 0.9}}}
    ]
}


class Shell:
    """The command on one ledger, and what it said."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.ledger = opened(local_place(root))
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str]:
        self._capsys.readouterr()  # some Airflows log to the standard output, and did so before
        code = main([str(self.root), *arguments])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def decision(self, fingerprint: str = PRINT) -> Decision:
        history = self.ledger.look("vin", fingerprint)
        return decide(history, owner=Owner(run_id="next"), policy=InDoubtPolicy.RESEND, lease_s=270)


def opened(place: StoragePath) -> Ledger:
    return Ledger.open(place, lease_s=270, clock=FakeClock(), owner=OWNER)


def claimed(ledger: Ledger, fingerprint: str = PRINT, number: int = 1, type_: str = "vin") -> Claim:
    claim = ledger.claim(type_, fingerprint, number, FACTS)
    assert claim is not None
    return claim
