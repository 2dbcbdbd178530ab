"""Finds, merges and checks profiles, site files and facts."""

from posdiag.site.site_file import load_site

__all__ = ["load_site"]
