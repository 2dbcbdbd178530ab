"""Fixed words of the program in the reader's language.

The message ids are the English texts, so English needs no catalogue. Chinese comes from the gettext
catalogue ``posdiag`` below ``locale/zh_CN``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, Protocol

if TYPE_CHECKING:
    from posdiag.model.text import Language, Text

DOMAIN = "posdiag"
_CATALOGUES = {"zh": Path(__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES"}


def N_(text: LiteralString) -> str:  # noqa: N802  (gettext's own name for it)
    """Return the text as it is, marked for the catalogue; it is translated where it is shown."""
    return text


class _Translations(Protocol):
    def gettext(self, message: str) -> str: ...

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str: ...


class Words:
    """Looks words up in one language.

    The variable that holds it must be called ``words``: that is what the extraction looks for.
    """

    def __init__(self, language: Language) -> None:
        """Keep the language; its catalogue is read at the first look-up."""
        self.language = language

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a message in the language, with its ``{placeholders}`` filled.

        Args:
            text: the English message, a literal here or one that was marked with ``N_``.
            values: what the placeholders stand for. Without any, braces are kept as they are.
        """
        catalogue = _catalogue(self.language)
        found = catalogue.gettext(text) if catalogue and text else text
        return found.format(**values) if values else found

    def plural(self, one: str, many: str, n: int, /, **values: object) -> str:
        """Return the message that fits a number; ``{n}`` is filled with it."""
        catalogue = _catalogue(self.language)
        english = one if n == 1 else many
        found = catalogue.ngettext(one, many, n) if catalogue else english
        return found.format(n=n, **values)

    def of(self, text: Text) -> str:
        """Return the reader's half of a text that comes in both languages."""
        return text.in_language(self.language)


def choose_language(option: str | None, environ: Mapping[str, str]) -> Language:
    """Return the language of this run.

    The option wins, then the first of ``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` that is not empty.
    Anything that begins with ``zh`` is Chinese, everything else English.
    """
    wanted = option or next(
        (environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), ""
    )
    return "zh" if wanted.lower().startswith("zh") else "en"


@cache
def _catalogue(language: Language) -> _Translations | None:
    folder = _CATALOGUES.get(language)
    if folder is None:
        return None
    import gettext
    import io
    import zlib

    from posdiag.text.catalogue import CHECKSUM_ID, compile_catalogue

    source, compiled = folder / f"{DOMAIN}.po", folder / f"{DOMAIN}.mo"
    if compiled.is_file():
        with compiled.open("rb") as stream:
            found = gettext.GNUTranslations(stream)
        # In a source tree the .mo may be older than an edited .po; file times do not tell, since an
        # installer writes both in any order.
        if not source.is_file() or found.gettext(CHECKSUM_ID) == str(
            zlib.crc32(source.read_bytes())
        ):
            return found
    return gettext.GNUTranslations(io.BytesIO(compile_catalogue(source)))
