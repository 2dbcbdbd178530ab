"""Finds the words that go into the catalogue; ``babel.cfg`` names these functions.

A probe's title and the line on what it sends are plain literals in its declaration, so that a
probe's file needs nothing but the declaration; they are looked up where they are shown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

PROBE_TEXTS = frozenset({"title", "sends"})
DECLARATIONS = frozenset({"Probe", "Step"})


def extract_probe(
    source: IO[bytes],
    keywords: Mapping[str, Any],
    comment_tags: Sequence[str],
    options: Any,  # noqa: ANN401  (Babel's own type, passed on)
) -> Iterator[tuple[Any, ...]]:
    """Yield what Babel finds in a probe's file, then the texts of its declaration.

    Args:
        source: the file.
        keywords: names of the functions that take a message.
        comment_tags: prefixes of comments meant for translators.
        options: of the mapping file.
    """
    from babel.messages.extract import extract_python

    yield from extract_python(source, keywords, comment_tags, options)
    source.seek(0)
    for node in ast.walk(ast.parse(source.read())):
        if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") in DECLARATIONS):
            continue
        for keyword in node.keywords:
            value = keyword.value
            if keyword.arg in PROBE_TEXTS and isinstance(value, ast.Constant):
                yield value.lineno, None, str(value.value), []
