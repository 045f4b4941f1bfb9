"""pandas, with this package and without it."""

# --8<-- [start:ours]
from airflow_provider_platerec_ocr.dataset import read_dataset

vins = read_dataset("/data/ocr/reads", type="vin", since="2026-03-02", manifest_columns=True)
units = vins[["m_unit", "code_normalized", "read_at"]]
# --8<-- [end:ours]

# --8<-- [start:plain]
import json
from datetime import date

import pandas as pd

reads = pd.read_parquet(
    "/data/ocr/reads",
    dtype_backend="pyarrow",
    filters=[("type", "==", "vin"), ("run_date", ">=", date(2026, 3, 2))],
)
own = pd.DataFrame([json.loads(text) for text in reads["manifest_columns"].fillna("{}")], index=reads.index)
reads = reads.join(own)
# --8<-- [end:plain]
