"""Steps a conversation against a played device, on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from posdiag.wire.conversation import Conversation, Done, Ended, Send, Wait


class Late(NamedTuple):
    """Bytes that come some time after the request."""

    after_s: float
    data: bytes


Device = Callable[[bytes], "bytes | Iterable[Late]"]


class Played(NamedTuple):
    """What happened."""

    sent: list[bytes]
    took_s: float


def play(
    conversation: Conversation,
    device: Device,
    *,
    budget_s: float = 1000.0,
    piece: int = 4096,
    greeting: bytes = b"",
    end: Ended | None = None,
    most_sends: int = 100,
) -> Played:
    """Step the conversation to its end.

    Args:
        conversation: to step.
        device: what it answers to one transmission: bytes at once, or pieces later.
        budget_s: after which the waits end with BUDGET.
        piece: most bytes handed over at once; 1 is byte by byte.
        greeting: bytes that are there before anything is sent.
        end: told instead of silence.
        most_sends: more is a failure of the test.
    """
    now_s, sent = 100.0, []
    over_s = now_s + budget_s
    coming: list[Late] = [Late(now_s, greeting)] if greeting else []
    for _ in range(20_000):
        match conversation.step(now_s):
            case Send(data):
                sent.append(data)
                assert len(sent) <= most_sends
                answer = device(data)
                late = [Late(0.001, answer)] if isinstance(answer, bytes) else list(answer)
                coming += [Late(now_s + item.after_s, item.data) for item in late if item.data]
                coming.sort(key=lambda item: item.after_s)
            case Wait(limit_s, _):
                assert limit_s > 0
                since_s, until_s = now_s, min(now_s + limit_s, over_s)
                if coming and coming[0].after_s <= until_s:
                    first = coming.pop(0)
                    now_s = max(now_s, first.after_s)
                    if first.data[piece:]:
                        coming.insert(0, Late(now_s + 0.0001, first.data[piece:]))
                    conversation.receive(first.data[:piece], now_s)
                else:
                    now_s = until_s
                    why = end or (Ended.BUDGET if until_s == over_s else Ended.LIMIT)
                    conversation.ended(why, now_s, now_s - since_s)
            case Done():
                return Played(sent, now_s - 100.0)
    raise AssertionError("the conversation does not end")
