"""The script that checks a code while it is typed says what core/identifiers says, sign for sign."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

import airflow_provider_platerec_ocr
from airflow_provider_platerec_ocr.core.identifiers import check_code

SCRIPT = Path(airflow_provider_platerec_ocr.__file__).parent / "web" / "static" / "check_digit.js"
WIDE = "".join(chr(ord(sign) + 0xFEE0) for sign in "CSQU3054383")
TYPES = ("vin", "trailer_id", "plate")
WRITTEN = [
    "", " ", "1M8GDM9AXKP042788", "1m8gdm9axkp042788", "1M8GDM9AXKPO42788", "I1M8GDM9AXKP042788", "*WP0ZZZ99ZTS392124*",
    "VIN: 1M8GDM9AXKP042788", "CSQU3054383", "CSQU 305438-3", "CSQU3054384", "CSQU3054383 45G1", "CSQU305438345G1",
    "CSQU3054384 45G1",
    "HAMA1234561", "TRL-53 0042", "12.5", "Größe 7", "ﬁ-1", WIDE, "1M8GDM9AXKP04278?",
    "\u200b1M8GDM9AXKP042788", "CSQU\u20133054383", "№ 4711", "ΑΒΓ 123", "🚗 4711", "\x1c7\x85",
]  # fmt: skip
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ODD = " -./*_•·|<>~?ßé\u2013\u00a0\u200b№#&'\"\uff21\uff22\uff11\uff12\u00b4\u0301ﬁ"


def drawn() -> list[str]:
    """Return codes near to good ones, and near to none."""
    draw, found = random.Random(7), list[str]()  # noqa: S311  # a table, no secret
    for _ in range(400):
        vin = "".join(draw.choices(SIGNS, k=17))
        container = (
            "".join(draw.choices("ABCHLMSTU", k=3))
            + draw.choice("UJZABDEKX")
            + "".join(draw.choices("0123456789", k=7))
        )
        size = draw.choice(["", " 45G1", "45G1", " DE 4310", "/L5R1"])
        text = draw.choice([vin, draw.choice(["VIN ", "I", "FIN: ", "*"]) + vin, container + size])
        place = draw.randrange(len(text))
        found.append(draw.choice([text, text.lower(), text[:place] + draw.choice(ODD) + text[place:]]))
    return found


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run a script of the page")
def test_the_script_says_of_each_code_what_the_table_will_say() -> None:
    cases = [(code, type_) for code in [*WRITTEN, *drawn()] for type_ in TYPES]
    run = (
        f"require({json.dumps(str(SCRIPT))});"
        "const cases = JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(cases.map(([code, type]) => platerecCheckCode(code, type))));"
    )
    done = subprocess.run(  # noqa: S603  # our own script
        [str(shutil.which("node")), "-e", run], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    names = ("code_normalized", "code_system", "check_digit_ok", "repaired")

    said = [{name: getattr(check_code(*case), name) for name in names} for case in cases]

    assert dict(zip(cases, json.loads(done.stdout), strict=True)) == dict(zip(cases, said, strict=True))
    assert {each["code_system"] for each in said} == {"vin", "bic", "ilu", None}
    assert {each["check_digit_ok"] for each in said} == {True, False, None}
