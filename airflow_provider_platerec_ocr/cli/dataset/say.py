"""The dataset's commands about corrections: say that a code is wrong, and print the view that lays corrections over."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.dataset.places import beside_of, command, refuse_absent, takes_places
from airflow_provider_platerec_ocr.cli.shared.common import FINE, complain, fingerprint, refuse_empty, say, user_name
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.models import format_timestamp, parse_timestamp
from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind, correction_files
from airflow_provider_platerec_ocr.dataset.corrections.view import DIALECTS, VIEW_NAME, corrected_view, is_view_name
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock


def add_to(commands: Any) -> None:
    """Declare the commands."""
    about = "keep what a person says of a read beside the table, which keeps what the API said"
    say_so = command(commands, "correct", _correct, about)
    say_so.add_argument("code", metavar="CODE", nargs="?", help="the right code; none with --take-back and --accept")
    which = say_so.add_mutually_exclusive_group(required=True)
    which.add_argument("--image", help="the image as the table has it, by image or image_name")
    which.add_argument("--fingerprint", type=fingerprint, help="the read by its content instead")
    say_so.add_argument("--identifier", help="which code of the image: its identifier_index, or the code as read")
    say_so.add_argument("--type", help="what was read (vin, trailer_id), where it was read as several")
    kind = say_so.add_mutually_exclusive_group()
    kind.add_argument("--add", action="store_true", help="CODE is one more that the API did not give")
    about = "there is no such code; without --identifier, the whole read is none, such as one of the wrong type"
    kind.add_argument("--take-back", action="store_true", help=about)
    about = "the code is right as it was read; where there are several or none, the whole read is"
    kind.add_argument("--accept", action="store_true", help=about)
    say_so.add_argument("--by", default=user_name(), help="who says so (default: %(default)s)")
    say_so.add_argument("--why", required=True, help="how you know")
    say_so.add_argument("--at", metavar="TIME", help="when it was said, with its zone (default: now)")
    takes_places(say_so, "corrections")
    view = command(commands, "view", _view, "print the view of the corrected reads as SQL", for_programs=False)
    view.add_argument("--for", dest="dialect", choices=sorted(DIALECTS), required=True, help="whose SQL")
    view.add_argument("--name", type=_view_name, default="corrected_reads", help="of the view (default: %(default)s)")
    takes_places(view, "corrections")


def _view_name(text: str) -> str:
    if text.strip() and not is_view_name(text):
        message = f"{text!r} is no name of a view. {VIEW_NAME}"
        raise argparse.ArgumentTypeError(message)
    return text


def _correct(given: argparse.Namespace, clock: Clock) -> int:
    refuse_empty(given, "dataset", "image", "fingerprint", "identifier", "type", "by", "why", "at", "corrections")
    refuse_absent(given)
    said = correct(
        given.dataset,
        given.code,
        image=given.image,
        fingerprint=given.fingerprint,
        identifier=given.identifier,
        type=given.type,
        kind=_kind(given),
        by=given.by,
        why=given.why,
        at=None if given.at is None else parse_timestamp(given.at, "--at"),
        corrections=given.corrections,
        opener=any_place,
        clock=clock,
    )
    which = "the whole read" if said.identifier_index is None else f"identifier {said.identifier_index}"
    what = "is taken back" if said.code is None else f"is {said.code_normalized}"
    if said.kind == CorrectionKind.ACCEPT:
        what = "is right as it was read"
    if said.check_digit_ok is False:
        complain(f"The check digit of {said.code_normalized} does not fit. It is kept all the same.")
    with Output(given.output) as out:
        out.say(f"{said.image} as {said.read_type}: {which} {what}, says {said.corrected_by}: {said.why}")
        out.put(**asdict(said) | {"corrected_at": format_timestamp(said.corrected_at)})
    return FINE


def _kind(given: argparse.Namespace) -> CorrectionKind:
    asked = {CorrectionKind.ADD: given.add, CorrectionKind.TAKE_BACK: given.take_back}
    asked |= {CorrectionKind.ACCEPT: given.accept}
    return next((kind for kind, is_meant in asked.items() if is_meant), CorrectionKind.CORRECT)


def _view(given: argparse.Namespace, _clock: Clock) -> int:
    refuse_empty(given, "dataset", "corrections", "name")
    refuse_absent(given)
    corrections = beside_of(given, "corrections")
    if not correction_files(corrections):
        complain(f"-- There is no correction yet in {corrections}: the view can be made once there is one.")
    reads = any_place(given.dataset)
    say(corrected_view(given.dialect, reads_schema().names, reads.uri, corrections.uri, given.name).rstrip() + ";")
    return FINE
