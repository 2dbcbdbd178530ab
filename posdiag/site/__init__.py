"""Finds, merges and checks profiles, site files and facts."""
