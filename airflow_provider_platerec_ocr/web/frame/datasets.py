"""Which datasets the page knows: those that plans have noted beside the ledger, and those that an option names."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.page_urls import dataset_key
from airflow_provider_platerec_ocr.dataset.report.ledger_memory import remembered_ledger
from airflow_provider_platerec_ocr.dataset.report.nights import last_nights
from airflow_provider_platerec_ocr.engine.kept.known_datasets import KnownDataset, known_dataset, known_datasets
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.patience import Patience
from airflow_provider_platerec_ocr.web.frame.viewer import may_see_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath
    from airflow_provider_platerec_ocr.web.frame.viewer import Viewer

FRESH_S = 15.0
"""Seconds for which the list is kept: a new dataset is there that much later."""
GIVE_UP_S = 6.0
"""Seconds after which a store is shown as silent."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A dataset with the ledger that it was found beside, opened."""

    known: KnownDataset
    ledger: StoragePath

    @property
    def name(self) -> str:
        """What it is called in lists: the last part of its URI."""
        return self.known.key.rpartition("/")[2] or self.known.key


@dataclass(frozen=True, slots=True)
class DatasetList:
    """All datasets, and what could not be read on the way, as sentences."""

    found: tuple[Shown, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the list comes from."""

    ledgers: tuple[str, ...]
    """URIs of ledgers: the one that Airflow's configuration names."""
    datasets: tuple[str, ...] = ()
    """URIs of datasets whose ledger is another one, or which no plan has noted."""
    opener: Opener = field(kw_only=True)


class Datasets:
    """The list, kept for some seconds; blocking, for any thread.

    :param sources: where it comes from.
    :param give_up_s: seconds after which a store that does not answer is told as silent.
    """

    def __init__(self, sources: Sources, clock: Clock, *, give_up_s: float = GIVE_UP_S) -> None:
        self._sources = sources
        self._give_up_s = give_up_s
        self._patience: Patience[DatasetList] = Patience("The store of the ledger, or of a dataset that is named,")
        self._cached: Cached[DatasetList] = Cached(FRESH_S, clock)

    @property
    def opener(self) -> Opener:
        """What opens a dataset's places."""
        return self._sources.opener

    def all(self) -> DatasetList:
        """Return all there are, whoever asks; a store that does not answer is told in words."""
        return self._cached.get("all", self._asked)

    def visible(self, viewer: Viewer) -> list[Shown]:
        """Return those that somebody may see: who may read a DAG that wrote one; see :func:`.may_see_one`."""
        shown = self.all().found
        may = {dags: may_see_one(viewer, dags) for dags in {each.known.dags for each in shown}}
        return [each for each in shown if may[each.known.dags]]

    def one(self, uri: str) -> Shown | None:
        """Return the dataset of a URI, ``None`` where nobody has noted it: nothing else is ever opened."""
        key = dataset_key(uri)
        return next((each for each in self.all().found if each.known.key == key), None)

    def _asked(self) -> DatasetList:
        try:
            return self._patience.get("all", self._look, self._give_up_s)
        except OCRError as error:
            return DatasetList(troubles=(error.message,))

    def _look(self) -> DatasetList:
        found: dict[str, Shown] = {}
        troubles: list[str] = []
        for uri in self._sources.ledgers:
            try:
                ledger = self._sources.opener(uri)
                for known in known_datasets(ledger):
                    found.setdefault(known.key, Shown(known, ledger))
            except (OCRError, OSError, ValueError, ImportError) as error:
                troubles.append(str(error))
        for uri in self._sources.datasets:
            if dataset_key(uri) not in found:
                self._named(uri, found, troubles)
        for trouble in troubles:
            _log.warning("The page cannot show all datasets: %s", trouble)
        return DatasetList(tuple(found[key] for key in sorted(found)), tuple(troubles))

    def _named(self, uri: str, found: dict[str, Shown], troubles: list[str]) -> None:
        """Add a dataset that the option names, with what its own ledger knows of it."""
        try:
            memory = remembered_ledger(self._sources.opener(beside(uri, "ledger.json")))
            places = (memory.place,) if memory is not None else self._sources.ledgers[:1]
            ledgers = [self._sources.opener(place) for place in places]
            known = known_dataset(ledgers, uri) or named_only(uri, self._sources.opener)
            found[dataset_key(uri)] = Shown(known, ledgers[0])
        except (OCRError, OSError, ValueError, ImportError) as error:
            troubles.append(str(error))


def named_only(uri: str, opener: Opener) -> KnownDataset:
    """Return what can be said of a dataset of which no plan has noted anything: where its places are by default.

    Its DAG, and so who may see it, is the newest report's; it is empty where there is none.

    :raises OCRDatasetError: the reports cannot be read.
    """
    newest = last_nights(opener(beside(uri, "reports")), 1)
    return KnownDataset(
        dag_id=newest[0].dag_id if newest else "",
        dataset=uri,
        dead_letters=beside(uri, "dead_letters"),
        workspace=beside(uri, "workspace"),
        reports=beside(uri, "reports"),
        corrections=beside(uri, "corrections"),
    )


def in_order(shown: Iterable[Shown]) -> Sequence[Shown]:
    """Return datasets as a chooser lists them."""
    return sorted(shown, key=lambda each: (each.name, each.known.key))
