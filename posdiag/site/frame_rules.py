"""Rules of a profile's frames that no schema can say."""

from __future__ import annotations

from collections.abc import Iterator

from posdiag.model.errors import Mistake
from posdiag.model.frames import (
    Covers,
    Expected,
    FrameKind,
    FrameRead,
    FrameRequest,
    FrameSettings,
    Handshake,
    SumKind,
)
from posdiag.model.terminal_word import TOPICS
from posdiag.site.schema_words import did_you_mean, shown

_WITHOUT_SUM = (FrameKind.LENGTH,)
_WITHOUT_ACK = (FrameKind.LENGTH, FrameKind.MARKED_55AA)


def frame_mistakes(frames: FrameSettings, *, file: str) -> Iterator[Mistake]:
    """Yield what is wrong between the keys of ``[frames]``.

    Args:
        frames: of the right types.
        file: name in the messages.
    """
    if frames.kind in _WITHOUT_SUM and frames.checksum.kind is not SumKind.NONE:
        wish = f'"none": frames of kind {frames.kind} have no check sum'
        yield Mistake(file, "frames.checksum.kind", wish, shown(frames.checksum.kind))
    if frames.kind is FrameKind.MARKED_55AA and frames.checksum.covers is not Covers.DATA:
        wish = '"data": from the type on, without the end'
        yield Mistake(file, "frames.checksum.covers", wish, shown(frames.checksum.covers))
    if frames.kind in _WITHOUT_ACK and frames.handshake is not Handshake.NONE:
        wish = f'"none": frames of kind {frames.kind} are not acknowledged'
        yield Mistake(file, "frames.handshake", wish, shown(frames.handshake))
    names = [request.name for request in frames.requests]
    for position, request in enumerate(frames.requests):
        key = f"frames.requests.{position}"
        if names.index(request.name) != position:
            yield Mistake(file, f"{key}.name", "a name of its own", shown(request.name))
        yield from _request_mistakes(request, key, file)


def _request_mistakes(request: FrameRequest, key: str, file: str) -> Iterator[Mistake]:
    if bool(request.send) == bool(request.send_hex):
        found = "both" if request.send else "neither"
        yield Mistake(file, f"{key}.send", "send or send_hex", found)
    if "{" in request.send.replace("{tid}", ""):
        yield Mistake(file, f"{key}.send", "no other placeholder than {tid}", shown(request.send))
    if request.answer is Expected.ACK and request.reads:
        wish = "nothing: an acknowledgement says nothing more"
        yield Mistake(file, f"{key}.reads", wish, f"{len(request.reads)}")
    for position, read in enumerate(request.reads):
        yield from _read_mistakes(read, f"{key}.reads.{position}", file)


def _read_mistakes(read: FrameRead, key: str, file: str) -> Iterator[Mistake]:
    topic = TOPICS.get(read.topic)
    if topic is None:
        known = ", ".join(TOPICS)
        wish = f"a topic{did_you_mean(read.topic, list(TOPICS))} (known: {known})"
        yield Mistake(file, f"{key}.topic", wish, shown(read.topic))
        return
    if topic.is_number and (read.codes or read.default is not None):
        yield Mistake(file, f"{key}.codes", f"none: {read.topic} is a number", "some")
        return
    if topic.words and not read.codes:
        yield Mistake(file, f"{key}.codes", f"at least one code for {read.topic}", "none")
    words = {f"codes.{code}": word for code, word in read.codes.items()}
    if read.default is not None:
        words["default"] = read.default
    for name, word in words.items():
        if topic.words and word not in topic.words:
            wish = f"one of {', '.join(topic.words)}{did_you_mean(word, list(topic.words))}"
            yield Mistake(file, f"{key}.{name}", wish, shown(word))
    if read.part and not read.separator:
        yield Mistake(file, f"{key}.separator", "what parts the answer", "nothing")
