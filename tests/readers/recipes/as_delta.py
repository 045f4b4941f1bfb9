"""The table as a Delta table, where it lies: no byte is copied, and the files stay ours."""

# --8<-- [start:register]
from pathlib import Path

from deltalake import DeltaTable, Field, Schema, convert_to_deltalake

DATASET = Path("/data/ocr/reads")

if not DeltaTable.is_deltatable(str(DATASET)):  # once; it writes the folder _delta_log, and nothing else
    folders = Schema([Field("type", "string"), Field("date", "date")])
    convert_to_deltalake(str(DATASET), partition_by=folders, partition_strategy="hive")
# --8<-- [end:register]

# --8<-- [start:sync]
import json

import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

table = DeltaTable(str(DATASET))
log = table.get_add_actions(flatten=True)
listed = zip(log["size_bytes"].to_pylist(), log["modification_time"].to_pylist(), strict=True)
known = dict(zip(log["path"].to_pylist(), listed, strict=True))

there = {}
for path in DATASET.glob("type=*/date=*/*.parquet"):
    state = path.stat()
    there[path.relative_to(DATASET).as_posix()] = state.st_size, int(state.st_mtime * 1000)

new = sorted(name for name in there if known.get(name) != there[name])
gone = [name for name in known if known[name] != there.get(name)]  # replaced by a cleared run, compacted, or deleted

if new:  # a later version of the schema has more columns
    columns = {field.name for field in table.schema().fields}
    more = {field.name: field for name in new for field in Schema.from_arrow(pq.read_schema(DATASET / name)).fields}
    if missing := [field for name, field in more.items() if name not in columns]:
        table.alter.add_columns(missing)
if gone:  # first out, then in: one commit must not hold both of one file
    out = [RemoveAction(name, data_change=True, deletion_timestamp=0) for name in gone]
    table.create_write_transaction(out, "append", table.schema(), ["type", "date"])
if new:
    came_in = []
    for name in new:
        size, changed_at = there[name]
        partition = dict(folder.split("=") for folder in name.split("/")[:-1])
        rows = json.dumps({"numRecords": pq.read_metadata(DATASET / name).num_rows})
        came_in.append(AddAction(name, size, partition, changed_at, data_change=True, stats=rows))
    table.update_incremental()
    table.create_write_transaction(came_in, "append", table.schema(), ["type", "date"])
# --8<-- [end:sync]
