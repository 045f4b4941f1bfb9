"""Which images of a manifest a run reads: what is done left out, the rest cut to the budget and into shards."""
