"""A shard's images, from the first look into the ledger to an outcome each: the only room in which calls are paid."""
