"""From outcomes to rows to a published table, and back into a frame."""
