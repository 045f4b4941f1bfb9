"""What a task has learned of its data, in OpenLineage's own words; loaded only where its provider is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    RunFacet,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

from airflow_provider_platerec_ocr.tasks.telling.lineage import name_of

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.tasks.telling.lineage import DataSet, Lineage

FACET = "platerec_ocr"
"""Name of the facet of the run that holds its counts."""


@attrs.define
class OCRCountsRunFacet(RunFacet):
    """The counts of one plan or export, as XCom has them."""

    counts: dict[str, Any]


def operator_lineage(lineage: Lineage) -> OperatorLineage[Any, Any]:
    """Return it as the extractor of the OpenLineage provider expects it."""
    return OperatorLineage(
        inputs=[_input(each) for each in lineage.inputs],
        outputs=[_output(each) for each in lineage.outputs],
        run_facets={FACET: OCRCountsRunFacet(counts=lineage.counts)} if lineage.counts else {},
    )


def _input(data: DataSet) -> InputDataset:
    namespace, name = name_of(data.uri)
    facet = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=data.rows, fileCount=data.files)
    return InputDataset(namespace, name, inputFacets={} if data.rows is None else {"inputStatistics": facet})


def _output(data: DataSet) -> OutputDataset:
    namespace, name = name_of(data.uri)
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=column.name, type=str(column.type)) for column in data.schema or ()
    ]
    facet = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=data.rows, fileCount=data.files
    )
    return OutputDataset(
        namespace,
        name,
        facets={"schema": schema_dataset.SchemaDatasetFacet(fields=fields)} if fields else {},
        outputFacets={} if data.rows is None else {"outputStatistics": facet},
    )
