"""Causes, evidence, fixes, tests and messages as TOML in two languages, and their loader."""
