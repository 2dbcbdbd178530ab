"""nexo messages in XML as the same tables that JSON gives: attributes and elements by their names.

    <SaleToPOIResponse><MessageHeader ServiceID="A1"/><DiagnosisResponse>
      <Response Result="Success"/><POIStatus GlobalStatus="OK" PrinterStatus="NoPaper"/>
      <HostStatus AcquirerID="0" IsReachableFlag="false"/></DiagnosisResponse></SaleToPOIResponse>

A document type is refused before anything in it is read: no entity is ever expanded, none from
outside is ever fetched.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from posdiag.model.errors import RemoteWireError

MAX_BYTES: Final = 262144
_MAX_DEPTH: Final = 30
_MAX_ELEMENTS: Final = 2000

Table = dict[str, object]


class _Refused(Exception):  # noqa: N818  (never seen outside)
    """The parser's callback stops the parsing."""


class _Tree:
    """Builds tables while the parser reads."""

    def __init__(self) -> None:
        self.root: Table = {}
        self._path: list[Table] = [self.root]
        self._names: list[str] = []
        self._texts: list[list[str]] = [[]]
        self._elements = 0

    def open(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._path) > _MAX_DEPTH or self._elements > _MAX_ELEMENTS:
            raise _Refused("too many elements, or nested too deep")
        self._path.append(dict(attributes))
        self._names.append(name.rpartition(":")[2])
        self._texts.append([])

    def text(self, data: str) -> None:
        self._texts[-1].append(data)

    def close(self, _name: str) -> None:
        table, text = self._path.pop(), "".join(self._texts.pop()).strip()
        name = self._names.pop()
        parent = self._path[-1]
        value: object = table if table or not text else text
        if name not in parent:
            parent[name] = value
            return
        earlier = parent[name]
        if isinstance(earlier, list):
            earlier.append(value)
        else:
            parent[name] = [earlier, value]


def _refuse(*_arguments: object) -> int:
    raise _Refused("a document type, which may hold entities")


def parse_xml(data: bytes) -> Table:
    """Return a message as tables, the root element's name at the top.

    Raises:
        RemoteWireError: too long, no XML, a document type or an entity in it, nested too deep.
    """
    if len(data) > MAX_BYTES:
        raise RemoteWireError("a message of too many bytes", field="message")
    tree = _Tree()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = tree.open
    parser.EndElementHandler = tree.close
    parser.CharacterDataHandler = tree.text
    try:
        parser.Parse(data, True)  # noqa: FBT003  (expat takes it by position)
    except _Refused as refusal:
        raise RemoteWireError(str(refusal), field="xml") from None
    except (expat.ExpatError, ValueError, LookupError):
        raise RemoteWireError("no XML", field="xml") from None
    return tree.root
