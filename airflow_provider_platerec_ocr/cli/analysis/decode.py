"""The command ``decode``: what a VIN or a container's number says of what carries it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, whole_container
from airflow_provider_platerec_ocr.analysis.yard.decode import HINT, is_there
from airflow_provider_platerec_ocr.analysis.yard.what import Told
from airflow_provider_platerec_ocr.cli.shared.common import FINE
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.identifiers import VIN

if TYPE_CHECKING:
    import argparse

_MARKS = re.compile(r"[\s./-]+")


def add_to(commands: Any) -> None:
    """Declare the command."""
    about = "say what a VIN or a container's number says of the vehicle or the container"
    parser = commands.add_parser("decode", help=about, description=about[0].upper() + about[1:])
    parser.add_argument("codes", metavar="CODE", nargs="+", help="a VIN, or a container's number with or without size")
    takes_output(parser)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    if not all(code.strip() for code in given.codes):
        message = "A code is empty, so nothing was done. Is a variable of your script not set?"
        raise OCRInputError(message)
    wholes = [whole_container(_MARKS.sub("", code).upper()) for code in given.codes]
    found = list(zip(given.codes, Told().rows([a or b for a, b in zip(wholes, given.codes, strict=True)]), strict=True))
    with Output(given.output) as out:
        told = [(code, name, str(value)) for code, said in found for name, value in said.items() if value is not None]
        out.table(["CODE", "COLUMN", "SAYS"], [list(each) for each in told])
        silent = [code for code, said in found if not any(said.values())]
        for code, whole in zip(given.codes, wholes, strict=True):
            if whole:
                out.say(f"{code} is {whole} without its check digit.")
        if silent:
            out.say(f"Nothing is known of {', '.join(silent)}.")
        if any(code_of(code).system == VIN for code in silent) and not is_there():
            out.say(HINT)
        out.put(codes=[{"code": code, **said} for code, said in found])
    return FINE
