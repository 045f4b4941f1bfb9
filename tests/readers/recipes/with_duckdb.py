"""DuckDB: the table where it lies, and a database of one's own that takes it in."""

# --8<-- [start:view]
import duckdb

con = duckdb.connect("/data/ocr/warehouse.duckdb")
con.execute("SET TimeZone = 'UTC'")  # in which times are shown; they are stored as moments
con.execute("""
    CREATE OR REPLACE VIEW reads AS
    SELECT * FROM read_parquet('/data/ocr/reads/type=*/date=*/*.parquet', union_by_name = true)
""")
units = con.sql("""
    SELECT manifest_columns ->> 'unit' AS unit, code_normalized, read_at
    FROM reads
    WHERE type = 'vin' AND date >= DATE '2026-03-02'
    ORDER BY unit
""").df()
# --8<-- [end:view]

# --8<-- [start:load]
con.execute("CREATE OR REPLACE TABLE ocr_reads AS SELECT * FROM reads")
# --8<-- [end:load]

# --8<-- [start:load_days]
since = "2026-03-02"  # such as the day of an asset's event
con.execute("BEGIN")
con.execute("DELETE FROM ocr_reads WHERE date >= CAST(? AS DATE)", [since])
con.execute("INSERT INTO ocr_reads BY NAME SELECT * FROM reads WHERE date >= CAST(? AS DATE)", [since])
con.execute("COMMIT")
# --8<-- [end:load_days]
