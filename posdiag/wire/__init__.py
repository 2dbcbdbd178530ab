"""Protocols without I/O, both roles: codecs and conversations.

Nothing here opens a socket, reads a clock or draws a random number.
"""
