"""The command ``accuracy``: how sure the reads are, held against a truth file or what persons corrected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.analysis.results.reviewed import MOST, reviewed
from airflow_provider_platerec_ocr.analysis.rules.accuracy import Verdict, confused, curve, groups, suggested
from airflow_provider_platerec_ocr.analysis.yard.judging import judged, read_truth, several
from airflow_provider_platerec_ocr.cli.analysis.table import places_of, reads_of, span_of, takes_reads
from airflow_provider_platerec_ocr.cli.shared.common import FINE
from airflow_provider_platerec_ocr.cli.shared.output import Output, takes_output
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.table_files import refuse_unknown_types

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.analysis.results.reviewed import Reviewed
    from airflow_provider_platerec_ocr.analysis.rules.accuracy import Group, Judged, Share

_CONFUSIONS = 10
_NAMED = 10
_CURVE = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def add_to(commands: Any) -> None:
    """Declare the command."""
    about = "say how many reads are right, by kind, and where to draw the line"
    parser = commands.add_parser("accuracy", help=about, description=about[0].upper() + about[1:])
    takes_reads(parser)
    parser.add_argument("truth", metavar="TRUTH", nargs="?", help="file with the columns image (or file) and truth")
    parser.add_argument("--corrections", action="store_true", help="hold them against what persons decided instead")
    parser.add_argument("--truth-column", default="truth", help="the column with what is really there")
    parser.add_argument("--target", default="1%", help="share of wrong codes to let through (default: %(default)s)")
    takes_output(parser)
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    target = _share(given.target)
    found = _judged(given)
    every, elsewhere, whole = found.judged, found.elsewhere, found.whole
    if not every and found.several:
        message = f"Each of these names may mean several images: {_named(found.several)}. Give their whole names."
        raise OCRInputError(message)
    if not every and given.corrections:
        message = "Nobody has corrected any of these reads so far: nothing can be said."
        raise OCRInputError(message)
    if not every:
        message = "No image of the truth is among these reads: nothing can be said. Are the images' names the same?"
        raise OCRInputError(message)
    line = suggested(every, target)
    told = [each for each in curve(every) if round(each.confidence, 2) in _CURVE]
    with Output(given.output) as out:
        out.table(
            ["BY", "", "IMAGES", "EXACT", "OFF BY ONE", "OFF BY MORE", "NOTHING READ"],
            [[each.by, each.name, each.verdicts.total(), *map(_told, _shares(each))] for each in groups(every)],
        )
        if elsewhere:
            out.say(f"Not among these reads: {count_of(elsewhere, 'code')} of the truth; they count for nothing.")
        if found.several:
            out.say(f"Names that may mean several images, which count for nothing: {_named(found.several)}.")
        if found.blank:
            out.say(f"Images whose truth is empty, which count for nothing: {found.blank:,}.")
        if not whole:
            out.say(f"These are the newest {MOST:,}: name the days with --since and --until for others.")
        out.say("")
        pairs = confused(every)[:_CONFUSIONS]
        out.say("Confused: " + (", ".join(f"{a} read as {b} ({number:,})" for a, b, number in pairs) or "nothing"))
        for each in told:
            out.say(f"  {each}")
        out.say(
            f"For {given.target} wrong: {line}." if line else f"No threshold lets as little as {given.target} through."
        )
        out.put(
            images=len(every),
            not_among_reads=elsewhere,
            ambiguous_names=list(found.several),
            without_truth=found.blank,
            whole=whole,
            groups=[_group(each) for each in groups(every)],
            confusions=[{"truth": a, "read": b, "times": number} for a, b, number in confused(every)],
            curve=[
                {"confidence": each.confidence, "reviewed": each.reviewed.value, "wrong": each.wrong.value}
                for each in curve(every)
            ],
            suggested=line.confidence if line else None,
        )
    return FINE


@dataclass(frozen=True, slots=True)
class _Found:
    """The images whose truth is known, and what of the truth counts for nothing."""

    judged: Sequence[Judged]
    elsewhere: int = 0
    """Codes of images that nobody read."""
    whole: bool = True
    """Whether these are all that persons decided."""
    several: Sequence[str] = ()
    """Names that may mean several images."""
    blank: int = 0
    """Images whose truth is empty."""


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def _judged(given: argparse.Namespace) -> _Found:
    if bool(given.truth) == given.corrections:
        message = "Give a truth file, or --corrections."
        raise OCRInputError(message)
    if given.corrections:
        by_persons = _judged_by_persons(given)
        return _Found(by_persons.judged, whole=by_persons.whole)
    reads = reads_of(given)
    truth = read_truth(
        given.truth, opener=lambda uri: any_place(uri, "TRUTH"), column=given.truth_column, option="--truth-column"
    )
    found, ambiguous = judged(reads, truth), several(reads, truth)
    counted = len(found) + sum(len(truth[image]) for image in ambiguous)
    blank = sum(not codes for codes in truth.values())
    return _Found(found, sum(map(len, truth.values())) - counted, several=ambiguous, blank=blank)


def _judged_by_persons(given: argparse.Namespace) -> Reviewed:
    place, corrections = places_of(given)
    since, until = span_of(given)
    types = [given.type] if given.type else []
    refuse_unknown_types(place, types or None)
    return reviewed(place, corrections, since=since, until=until, types=types)


def _shares(group: Group) -> list[Share]:
    return [group.share(verdict) for verdict in Verdict]


def _told(share: Share) -> str:
    low, high = (100 * end for end in share.interval)
    return f"{100 * share.value:.1f} % ({low:.0f} to {high:.0f})"


def _group(group: Group) -> dict[str, Any]:
    shares = {
        verdict.value: {"number": share.number, "share": share.value, "interval": list(share.interval)}
        for verdict, share in zip(Verdict, _shares(group), strict=True)
    }
    return {"by": group.by, "name": group.name, "images": group.verdicts.total(), **shares}


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if value >= 1 and not text.endswith("%"):
        message = f"--target {text} may mean {text}% or {100 * value:g}%: say {text}%, or {value / 100:g}."
        raise OCRInputError(message)
    if not 0 <= value <= 1:
        message = f"--target must be a share such as 1% or 0.01, not {text!r}."
        raise OCRInputError(message)
    return value
