"""Translations, and how words are set for a console."""
