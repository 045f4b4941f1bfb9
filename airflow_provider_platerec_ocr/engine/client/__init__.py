"""One HTTP call, sent once: session, transport, and how a failure sounds."""
