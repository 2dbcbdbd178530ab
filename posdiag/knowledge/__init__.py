"""Causes, evidence, fixes, tests and messages as TOML in two languages, and their loader."""

from posdiag.knowledge.loader import load_knowledge

__all__ = ["load_knowledge"]
