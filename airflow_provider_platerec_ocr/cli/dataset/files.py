"""The dataset's commands that write the table anew: compact and rebuild."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.dataset.places import (
    beside_of,
    command,
    ledger_of,
    refuse_absent,
    takes_places,
)
from airflow_provider_platerec_ocr.cli.shared.common import FINDINGS, FINE, complain, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import Output
from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS
from airflow_provider_platerec_ocr.dataset.upkeep.compact import compact
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.upkeep.rebuild import EVERY, rebuild

if TYPE_CHECKING:
    import argparse

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.upkeep.compact import Compacted
    from airflow_provider_platerec_ocr.upkeep.rebuild import RebuildResult


def add_to(commands: Any) -> None:
    """Declare the commands."""
    few = command(commands, "compact", _compact, "make one file of those of each day, beside readers and runs")
    few.add_argument("--until", metavar="DAY", help="only days up to this one (default: all)")
    few.add_argument("--dry-run", action="store_true", help="only say what it would do")
    takes_places(few, "repeats", "dead_letters", "workspace")
    again = command(commands, "rebuild", _rebuild, "make the table again from the ledger, without photographs or calls")
    again.add_argument(
        "--of", help=f"whose answers, as a plan names the dataset (default: DATASET; {EVERY}: anybody's)"
    )
    again.add_argument("--type", action="append", help="only this type; may be given several times")
    again.add_argument("--dag", action="append", help="only what this DAG paid for; may be given several times")
    again.add_argument("--replace", action="store_true", help="put it in the place of the table that is there")
    again.add_argument("--dry-run", action="store_true", help="only say what it would make")
    takes_places(again, "ledger", "workspace")


def _compact(given: argparse.Namespace, clock: Clock) -> int:
    refuse_empty(given, "dataset", "until", "repeats", "dead_letters", "workspace")
    until, workspace, code = _day(given.until), beside_of(given, "workspace"), FINE
    dataset = any_place(given.dataset)
    refuse_absent(given)
    with Output(given.output) as out:
        out.put(dataset=dataset.uri, dry_run=given.dry_run)
        for name, folder, table in (
            ("table", dataset, READS),
            ("repeats", beside_of(given, "repeats"), REPEATS),
            ("dead letters", beside_of(given, "dead_letters"), DEAD_LETTERS),
        ):
            with working(f"Compacting the {name}"):
                done = compact(
                    folder, workspace, table=table, dataset=dataset, until=until, dry_run=given.dry_run, clock=clock
                )
            _tell(out, name, done, dry_run=given.dry_run)
            out.add("tables", {"table": table} | asdict(done))
            code = FINDINGS if done.left else code
    return code


def _tell(out: Output, name: str, done: Compacted, *, dry_run: bool) -> None:
    out.say(
        f"{name:<13} {count_of(done.files_before, 'file')} {_are(done.files_before, dry_run=dry_run)} "
        f"{done.files_after:,}; {count_of(done.partitions, 'folder')} written anew"
    )
    if done.older:
        out.say(
            f"{'':<13} {done.older:,} of an older version, or rewritten by others, "
            f"{_are(done.older, dry_run=dry_run)} of today's"
        )
    if done.twice:
        out.say(
            f"{'':<13} {count_of(done.twice, 'row')} {agree(done.twice, 'was', 'were')} there twice, since a "
            "compaction before was cut short"
        )
    for partition in done.left:
        complain(f"{partition} was written to meanwhile and is left as it was: run again.")


def _are(number: int, *, dry_run: bool) -> str:
    return "would be" if dry_run else agree(number, "is", "are")


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        message = f"--until is a day such as 2026-03-01, not {text!r}."
        raise OCRInputError(message) from error


def _rebuild(given: argparse.Namespace, clock: Clock) -> int:
    refuse_empty(given, "dataset", "ledger", "workspace", "of")
    place = ledger_of(given)
    if place is None:
        message = "Nobody wrote down which ledger this dataset was read with: say it with --ledger."
        raise OCRInputError(message)
    with working("Making the table again"):
        done = rebuild(
            Ledger.peek(place, lease_s=ClientSettings().lease_s, clock=clock),
            any_place(given.dataset),
            beside_of(given, "workspace"),
            of=given.of,
            types=given.type,
            dags=given.dag,
            replace=given.replace,
            dry_run=given.dry_run,
            clock=clock,
        )
    return _tell_rebuilt(given, done)


def _tell_rebuilt(given: argparse.Namespace, done: RebuildResult) -> int:
    made = done.made
    with Output(given.output) as out:
        _say_rebuilt(out, done, dry_run=given.dry_run)
        out.put(dataset=any_place(given.dataset).uri, dry_run=given.dry_run)
        out.put(reads=made.reads, rows=made.rows, files=done.files, days=dict(made.days))
        out.put(
            without_version=made.without_version, unsaid=done.unsaid, carried=done.carried, forgotten=done.forgotten
        )
        out.put(retained=done.retained, single=done.single, of_others=dict(done.of_others))
    if not made.reads and not done.carried and not done.forgotten:
        return complain("The ledger has no answer that belongs into this table.")
    return FINE


def _say_rebuilt(out: Output, done: RebuildResult, *, dry_run: bool) -> None:
    made = done.made
    out.say(
        f"{count_of(made.reads, 'read')} {_are(made.reads, dry_run=dry_run)} in the table: "
        f"{count_of(made.rows, 'row')} in {count_of(done.files, 'file')}. No call was made."
    )
    days = ", ".join(f"{number:,} by the {name}" for name, number in sorted(made.days.items(), reverse=True))
    if days:
        out.say(f"their days: {days}")
    if made.without_version:
        out.say(f"{count_of(made.without_version, 'read')} without a version of the image: see the documentation")
    if done.unsaid:
        out.say(f"{count_of(done.unsaid, 'answer')} without a note for which dataset it was paid: taken")
    if done.carried:
        out.say(f"{count_of(done.carried, 'row')} that the ledger does not know: taken over from the table before")
    if done.forgotten:
        out.say(f"{count_of(done.forgotten, 'row')} of the table before left out: `forget` had deleted what they say")
    if done.retained:
        out.say(
            f"{count_of(done.retained, 'answer')} left out: `retain` or `forget` had taken their rows from the table"
        )
    if done.single:
        out.say(f"{count_of(done.single, 'answer')} to single images: left out")
    for name, number in sorted(done.of_others.items()):
        out.say(f"{count_of(number, 'answer')} paid for {name}: left out; take them with --of {name}")
