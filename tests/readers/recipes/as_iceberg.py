"""The table as an Iceberg table in a local catalogue: no byte is copied, and the files stay ours."""

# --8<-- [start:register]
from pathlib import Path

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

Path("/data/ocr/iceberg").mkdir(exist_ok=True)
catalog = SqlCatalog("ocr", uri="sqlite:////data/ocr/iceberg/catalog.db", warehouse="file:///data/ocr/iceberg")
catalog.create_namespace_if_not_exists("ocr")

there = {str(path): path.stat().st_size for path in Path("/data/ocr/reads").glob("type=*/date=*/*.parquet")}
known = {}
if catalog.table_exists("ocr.reads"):
    listed = catalog.load_table("ocr.reads").inspect.files()
    known = dict(zip(listed["file_path"].to_pylist(), listed["file_size_in_bytes"].to_pylist(), strict=True))
    if known.items() - there.items():  # replaced, compacted or deleted: list all anew, which costs little
        catalog.drop_table("ocr.reads")
        known = {}

new = sorted(there.keys() - known.keys())
if new:
    table = catalog.create_table_if_not_exists("ocr.reads", schema=pq.read_schema(new[-1]))
    with table.update_schema() as columns:  # a later version of the schema has more
        for path in new:
            columns.union_by_name(pq.read_schema(path))
    table.add_files(new)
# --8<-- [end:register]

# --8<-- [start:query]
vins = catalog.load_table("ocr.reads").scan(row_filter="read_type = 'vin' and run_date >= '2026-03-01'").to_arrow()
# --8<-- [end:query]
