"""Making a dataset's table again from its ledger, into a new folder or in the place of the one that is there."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.names import OTHERS_CALLS, READS, upkeep_slug
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.layout.table_files import table_files
from airflow_provider_platerec_ocr.dataset.table.publish import turn_to_publish
from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter
from airflow_provider_platerec_ocr.dataset.upkeep.rebuilt import PaidRead, Rebuilding, Rebuilt, gone_keys
from airflow_provider_platerec_ocr.engine.kept.answers import kept_answers
from airflow_provider_platerec_ocr.engine.kept.tombstones import deleted_fingerprints, forgotten_keys, kept_key_files
from airflow_provider_platerec_ocr.storage.files import relative, remove, remove_folder
from airflow_provider_platerec_ocr.storage.swap import can_exchange, make_folder, recover, staging_of, swap_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys
    from airflow_provider_platerec_ocr.engine.kept.answers import KeptAnswer
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.storage.turn import Turn

EVERY = "all"
"""Instead of a dataset's name: the answers that were paid for any."""


@dataclass(slots=True)
class RebuildResult:
    """What a table was made of, and what was left out."""

    made: Rebuilt = field(default_factory=Rebuilt)
    of_others: Counter[str] = field(default_factory=Counter)
    """Answers that were paid for other datasets, by their names."""
    single: int = 0
    """Answers to single images, which are in no table."""
    unsaid: int = 0
    """Answers, taken, that do not say for which dataset they were paid: older versions wrote down none."""
    retained: int = 0
    """Answers that were left out, since their rows were deleted from the table: their age, or a person, had them go."""
    carried: int = 0
    """Rows of the table before that the ledger does not know, such as webhooks of other people's calls: they stay."""
    forgotten: int = 0
    """Rows of the table before that were left out: somebody had their content deleted, for any dataset."""
    files: int = 0
    """Files written."""


def rebuild(  # noqa: PLR0913  # two places, and choices by name
    ledger: Ledger,
    dataset: StoragePath,
    workspace: StoragePath,
    *,
    of: str | None = None,
    types: Collection[str] | None = None,
    dags: Collection[str] | None = None,
    replace: bool = False,
    dry_run: bool = False,
    clock: Clock | None = None,
) -> RebuildResult:
    """Write the table of what the ledger keeps, each read into the day of the run that paid, and say what it is.

    :param dataset: folder of the reads; empty or not there, unless ``replace``.
    :param workspace: folder beside it in which files are made, on the same disk.
    :param of: the dataset whose answers are taken, as a plan names it; default: ``dataset`` itself. ``all`` takes any.
    :param types: only these. :param dags: only what these DAGs paid for.
    :param replace: put it in the place of a table that is there; its rows that the ledger does not know stay, but for
        those whose content was deleted.
    :param dry_run: count only.
    :raises OCRDatasetError: a table is there, or something was deleted meanwhile.
    :raises OCRLedgerError: the ledger cannot be read.
    """
    clock = clock or SystemClock()
    before = table_files(dataset)
    if before and not replace and not dry_run:
        message = (
            f"There is a table at {dataset} ({count_of(len(before), 'file')}). Name a folder that is empty, or say "
            "--replace: the new table then takes its place, and what the ledger does not know stays."
        )
        raise OCRDatasetError(message)
    if not dry_run:
        recover(workspace, clock)
    result, deleted = RebuildResult(), kept_key_files(ledger.store)
    choice = _Choice(of or dataset.uri, dags, result, gone_keys(forgotten_keys(ledger.root)))
    with Rebuilding() as rebuilding:
        for answers in kept_answers(ledger, sorted(types) if types is not None else None):
            rebuilding.add(choice.of(answers))
        result.made = rebuilding.finish()
        if not dry_run:
            with turn_to_publish(dataset, "a rebuild", clock) as turn:
                if kept_key_files(ledger.store) != deleted:
                    message = (
                        "Something was deleted from the ledger while its answers were read, and they would bring it "
                        "back. Nothing was changed: run it again."
                    )
                    raise OCRDatasetError(message)
                rebuilding.leave_out(deleted_fingerprints(ledger.store) if before else ())
                _publish(rebuilding, dataset, workspace, result, clock, turn)
    return result


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which answers become rows."""

    dataset: str
    dags: Collection[str] | None
    result: RebuildResult
    gone: DoneKeys
    """Images whose rows were deleted."""

    def of(self, answers: Sequence[KeptAnswer]) -> list[PaidRead]:
        """Return those of some answers that do, and count the others."""
        taken = [answer for answer in answers if self._takes(answer)]
        keys = [identity_key(each.type, str(each.facts.get("image")), _version(each)) for each in taken]
        are_gone = self.gone.look_up(keys)
        self.result.retained += sum(are_gone)
        return [_read(answer) for answer, is_gone in zip(taken, are_gone, strict=True) if not is_gone]

    def _takes(self, answer: KeptAnswer) -> bool:
        if self.dags is not None and answer.owner.dag_id not in self.dags:
            return False
        if answer.facts.get("single"):
            self.result.single += 1
            return False
        whose = answer.facts.get("dataset")
        if whose is None:
            self.result.unsaid += 1
            return True
        if self.dataset in (EVERY, whose):
            return True
        self.result.of_others[str(whose)] += 1
        return False


def _version(answer: KeptAnswer) -> str | None:
    version = answer.facts.get("image_version")
    return None if version is None else str(version)


def _read(answer: KeptAnswer) -> PaidRead:
    return PaidRead(
        type=answer.type,
        fingerprint=answer.fingerprint,
        dag_id=answer.owner.dag_id,
        run_id=answer.owner.run_id,
        facts=answer.facts,
        answer=answer.answer,
        read_at=answer.read_at,
        calls_billed=answer.calls_billed,
    )


def _publish(  # noqa: PLR0913, PLR0917  # what is published, where, and when
    rebuilding: Rebuilding,
    dataset: StoragePath,
    workspace: StoragePath,
    result: RebuildResult,
    clock: Clock,
    turn: Turn,
) -> None:
    """Write the table, since no run publishes, and let it take its place."""
    with ExitStack() as stack:
        before = table_files(dataset)
        staging = staging_of(workspace)
        stack.callback(remove_folder, staging)
        in_one_step = bool(before) and can_exchange(dataset, staging)
        where = staging / "new" if in_one_step else dataset
        if in_one_step:
            make_folder(where)
        writers = [stack.enter_context(_writer(where, staging, of_others=of_others)) for of_others in (False, True)]
        for writer, of_others in zip(writers, (False, True), strict=True):
            some = [file for file in before if bool(OTHERS_CALLS.search(file.place.name)) is of_others]
            carried, forgotten = rebuilding.carry(some, writer)
            result.carried += carried
            result.forgotten += forgotten
        rebuilding.write(writers[0], clock.now())
        turn.check()
        result.files = sum(len(writer.reveal()) for writer in writers)
        if in_one_step:
            swap_tree(dataset, where, [relative(file.place, dataset) for file in before])
        else:
            for file in before:
                remove(file.place)


def _writer(where: StoragePath, staging: StoragePath, *, of_others: bool) -> TableWriter:
    slug = upkeep_slug("rebuilt", staging.name, of_others=of_others)
    return TableWriter(where, READS, reads_schema(), slug, staging=staging / "files")


__all__ = ["EVERY", "RebuildResult", "rebuild"]
