"""The only I/O that probes use. Every call takes a deadline and raises LinkError or CannotRun."""
