"""PySpark."""

# --8<-- [start:read]
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  # as everybody calls it

spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()

reads = spark.read.option("mergeSchema", "true").parquet("/data/ocr/reads")  # files of several schema versions
units = reads.where("type = 'vin' AND date >= DATE'2026-03-02'").select(
    F.get_json_object("manifest_columns", "$.unit").alias("unit"), "code_normalized", "read_at"
)
# --8<-- [end:read]
