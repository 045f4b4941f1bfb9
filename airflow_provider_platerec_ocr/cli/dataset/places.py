"""Where the things of a dataset lie, as a person names them in a shell, and what the dataset's commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.cli.shared.common import complain, refuse_empty
from airflow_provider_platerec_ocr.cli.shared.output import takes_output
from airflow_provider_platerec_ocr.cli.shared.places import any_place, configured, with_connection_of
from airflow_provider_platerec_ocr.core.errors import OCRError, OCRInputError
from airflow_provider_platerec_ocr.core.page_urls import dataset_key
from airflow_provider_platerec_ocr.dataset.layout.table_files import table_files
from airflow_provider_platerec_ocr.dataset.report.analysis_memory import remembered
from airflow_provider_platerec_ocr.dataset.report.ledger_memory import remembered_ledger
from airflow_provider_platerec_ocr.engine.kept.known_datasets import known_datasets
from airflow_provider_platerec_ocr.engine.ledger.identity import read_identity
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.upkeep.places import Places

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Run = Callable[[argparse.Namespace, Clock], int]

_BESIDE = {
    "repeats": "folder of the reads that added no rows",
    "dead_letters": "folder of the dead letters",
    "corrections": "folder of the corrections",
    "workspace": "folder of the workspaces",
    "reports": "folder of the reports",
    "sweeps": "log of the sweeps through the inbox",
}
"""Places beside the dataset, which an argument of the same name may move."""
ANALYSES = ("results", "sightings")
"""Arguments that name folders of analyses."""
_FOLDERS = {"sweeps": "inbox"}


def command(commands: Any, name: str, run: Run, about: str, *, for_programs: bool = True) -> argparse.ArgumentParser:
    """Declare a command about one dataset and return its parser.

    :param for_programs: whether it answers as JSON, too.
    """
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about[0].upper() + about[1:])
    parser.add_argument("dataset", metavar="DATASET", help="the dataset's folder: a path or a URI")
    parser.set_defaults(run=run)
    if for_programs:
        takes_output(parser)
    return parser


def takes_places(parser: argparse.ArgumentParser, *names: str) -> None:
    """Have a command take places beside the dataset that lie elsewhere.

    :param names: of :data:`_BESIDE`, and ``analyses``, ``ledger``, ``inbox``, ``spill``.
    """
    for name in names:
        if name in _BESIDE:
            default = f"DATASET_{_FOLDERS.get(name, name)}"
            parser.add_argument(f"--{name.replace('_', '-')}", help=f"{_BESIDE[name]} (default: {default})")
    for name in ANALYSES if "analyses" in names else ():
        parser.add_argument(
            f"--{name}",
            action="append",
            metavar="DIR",
            help=f"another folder that reconciliations wrote {name} into; may be given several times",
        )
    if "ledger" in names:
        parser.add_argument("--ledger", help="ledger of paid calls (default: the one that the dataset was read with)")
    if "inbox" in names:
        parser.add_argument("--inbox", help="inbox of webhooks (default: as Airflow's configuration says)")
        parser.add_argument("--spill", help="spill folder of this machine (default: as Airflow's configuration says)")


def refuse_absent(given: argparse.Namespace) -> None:
    """Refuse a dataset of which nothing is there: a mistyped path would be a command that finds nothing to do.

    What lies beside it is enough: a table may be lost, and where nothing could be read there are dead letters alone.

    :raises OCRInputError: neither a file of the table nor anything beside it is there.
    """
    place = any_place(given.dataset)
    if table_files(place) or remembered_ledger(any_place(beside(given.dataset, "ledger.json"))):
        return
    if any(Store(beside_of(given, name)).bare_names() for name in _BESIDE):
        return
    message = f"There is no dataset at {place}: no Parquet file lies below it, and nothing beside it. Check the path."
    raise OCRInputError(message)


def beside_of(given: argparse.Namespace, name: str) -> StoragePath:
    """Return one of the places beside the dataset, or where an argument says that it lies."""
    elsewhere = getattr(given, name, None)
    return any_place(elsewhere or beside(given.dataset, _FOLDERS.get(name, name)))


def places_of(given: argparse.Namespace, *, needs_ledger: bool) -> Places:
    """Return all places of a dataset.

    :raises OCRInputError: there is no ledger, and one is needed.
    """
    refuse_empty(given, "dataset", "ledger", "inbox", "spill", *_BESIDE)
    ledger = ledger_of(given)
    if ledger is None and needs_ledger:
        message = (
            "Nobody wrote down which ledger this dataset was read with: say it with --ledger. Without the ledger, "
            "whatever is deleted would come back from it with the next run."
        )
        raise OCRInputError(message)
    inbox = given.inbox or configured("inbox", "inbox")
    spill = given.spill or configured("spill_folder", "spill")
    folders, reports = _of_analyses(given)
    return Places(
        dataset=any_place(given.dataset),
        analyses=folders,
        other_reports=reports,
        **{name: beside_of(given, name) for name in _BESIDE},
        ledger=ledger,
        inbox=any_place(inbox) if inbox else None,
        spill=Path(spill) if spill else None,
        other_workspaces=tuple(_other_workspaces(given.dataset, ledger)),
    )


def _of_analyses(given: argparse.Namespace) -> tuple[tuple[StoragePath, ...], tuple[StoragePath, ...]]:
    """Return the folders of analyses, and of reports, that are named or that reconciliations wrote down.

    :raises OCRInputError: a folder is named by an empty text.
    """
    named = [uri for name in ANALYSES for uri in getattr(given, name, None) or ()]
    if not all(uri.strip() for uri in named):
        message = "--results and --sightings are folders: one of them is empty."
        raise OCRInputError(message)
    folders = {place.uri: place for place in map(any_place, named)}
    reports: dict[str, StoragePath] = {}
    own = beside_of(given, "reports").uri
    for one in remembered(any_place(given.dataset)):
        for uri, found in ((one.results, folders), (one.sightings, folders), (one.reports, reports)):
            try:
                place = any_place(uri) if uri else None
            except (OCRError, OSError, ImportError) as error:
                complain(f"What reconciliations wrote into {uri} nobody can look at: {error}")
            else:
                if place is not None and place.uri != own:
                    found[place.uri] = place
    return tuple(folders.values()), tuple(reports.values())


def _other_workspaces(dataset: str, ledger: StoragePath | None) -> Iterator[StoragePath]:
    """Yield the workspaces of the other datasets that a ledger pays for, and say which cannot be looked at."""
    for known in known_datasets(ledger) if ledger is not None else ():
        if known.key == dataset_key(dataset):
            continue
        try:
            place = any_place(known.workspace or beside(known.dataset, "workspace"))
            Store(place).bare_names()
        except (OCRError, OSError, ImportError) as error:
            complain(f"Whether a run of {known.dataset} is at work nobody can say: {error}")
        else:
            yield place


def ledger_of(given: argparse.Namespace) -> StoragePath | None:
    """Return the ledger that was named, else the one that the dataset was read with, ``None`` where nobody knows.

    A dataset remembers where its ledger is, and no connection: that of its own URI is tried, where one is in it.

    :raises OCRInputError: there is none in that place, or another one.
    """
    if given.ledger is not None:
        return _with_claims(any_place(given.ledger))
    remembered = remembered_ledger(any_place(beside(given.dataset, "ledger.json")))
    if remembered is None:
        return None
    uri = with_connection_of(given.dataset, remembered.place)
    place = _with_claims(any_place(uri))
    if uri != remembered.place and remembered.id and not read_identity(Store(place)).is_also(remembered.id):
        message = f"{uri} is another ledger than {remembered}, which this dataset was read with: say it with --ledger."
        raise OCRInputError(message)
    return place


def _with_claims(place: StoragePath) -> StoragePath:
    if not Store(place).bare_names():
        message = f"There is no ledger in {place}: nothing is there. Check the path, or say it with --ledger."
        raise OCRInputError(message)
    return place
