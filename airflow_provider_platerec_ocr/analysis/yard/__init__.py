"""The rules, applied to tables: reads and lists in, tables and files out."""
