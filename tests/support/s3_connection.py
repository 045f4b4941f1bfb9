"""An Airflow connection to the S3 server of a test, as the real Amazon provider takes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.stores import S3Stand

SECRET = "hush-hush/of+the=store"  # of a server that takes any


def aws_env(s3: S3Stand, conn_id: str = "aws_default") -> tuple[str, str]:
    """Return name and value of the variable that defines the connection ``conn_id``."""
    extra = {"endpoint_url": s3.endpoint, "region_name": "us-east-1"}
    value = {"conn_type": "aws", "login": "AKIATEST", "password": SECRET, "extra": extra}
    return f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(value)
