"""The vocabulary: data only. No I/O, no clock, no behaviour beyond checking a value."""
