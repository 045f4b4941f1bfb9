"""Polars: a folder, or files by a glob."""

# --8<-- [start:folder]
import polars as pl

units = (
    pl.scan_parquet("/data/ocr/reads")
    .filter(pl.col("type") == "vin", pl.col("date") >= pl.date(2026, 3, 2))
    .select(pl.col("manifest_columns").str.json_path_match("$.unit").alias("unit"), "code_normalized", "read_at")
    .collect()
)
# --8<-- [end:folder]

# --8<-- [start:glob]
from pathlib import Path

files = "/data/ocr/reads/type=*/date=*/*.parquet"
schemas = [pl.read_parquet_schema(path) for path in Path("/data/ocr/reads").glob("type=*/date=*/*.parquet")]
newest = max(schemas, key=len)  # where files of several schema versions lie beside each other
reads = pl.scan_parquet(files, hive_partitioning=True, schema=newest, missing_columns="insert").collect()
# --8<-- [end:glob]
