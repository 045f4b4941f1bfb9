"""What a task tells others of its run: counts for XCom, events of assets, OpenLineage."""
