"""Pure rules over codes: what is near, what is one sighting, what came and what left, how sure a read is."""
