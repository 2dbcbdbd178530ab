"""Where on a way of several hops a loss or a queue begins: at the first hop that never recovers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

LEAST_LOSS = 0.02
"""Loss of the whole way below that has no place."""
LEAST_LOST = 4
LEAST_QUEUE_S = 0.15
"""Median less quickest of the whole way below that has no place."""
_LONGEST_OWN_S = 0.7
_SHARE_OF_WHOLE = 0.4
"""A hop shares a fault of the whole way where it shows that part of it."""


class Segment(StrEnum):
    """A part of the way.

    ``shop``: to the gateway; ``access``: the line behind it, to the first router beyond;
    ``beyond``: further on; ``outside``: access or beyond, since the router between answers no
    echoes.
    """

    NOWHERE = "nowhere"
    SHOP = "shop"
    ACCESS = "access"
    BEYOND = "beyond"
    OUTSIDE = "outside"


class HopSeries(NamedTuple):
    """Echoes to one hop.

    Attributes:
        number: of the hop, from 1.
        times_s: in order; None: lost. Empty: it answers no echoes, so nothing is known of it.
    """

    number: int
    times_s: Sequence[float | None]

    @property
    def loss(self) -> float:
        """Return the share that is lost."""
        return sum(time_s is None for time_s in self.times_s) / len(self.times_s)

    @property
    def queueing_s(self) -> float:
        """Return the median less the quickest, which counts as the line's own up to 0.7 s."""
        times = sorted(time_s for time_s in self.times_s if time_s is not None)
        return times[len(times) // 2] - min(times[0], _LONGEST_OWN_S)


def loss_begins(hops: Sequence[HopSeries], gateway: int) -> Segment:
    """Return where loss begins.

    Args:
        hops: in order, the target last.
        gateway: number of the hop that is the shop's gateway; 0: none of them.
    """
    whole = hops[-1]
    lost = sum(time_s is None for time_s in whole.times_s)
    if lost < LEAST_LOST or whole.loss < LEAST_LOSS:
        return Segment.NOWHERE
    least = whole.loss * _SHARE_OF_WHOLE
    return _begins(hops, gateway, lambda hop: hop.loss >= least)


def queue_begins(hops: Sequence[HopSeries], gateway: int) -> Segment:
    """Return where a queue delays; arguments as for ``loss_begins``."""
    whole_s = hops[-1].queueing_s
    if whole_s < LEAST_QUEUE_S:
        return Segment.NOWHERE
    return _begins(hops, gateway, lambda hop: hop.queueing_s >= whole_s * _SHARE_OF_WHOLE)


def _begins(
    hops: Sequence[HopSeries], gateway: int, shares: Callable[[HopSeries], bool]
) -> Segment:
    """Return the segment before the first hop from which on all known ones share the fault.

    A single router that answers late or not is busy with better things: what lies behind it is
    quick, so nothing is wrong there.
    """
    known = [hop for hop in hops if any(time_s is not None for time_s in hop.times_s)]
    first = known[-1]
    for hop in reversed(known):
        if not shares(hop):
            break
        first = hop
    before = max((hop.number for hop in known if hop.number < first.number), default=0)
    if first.number <= gateway:
        return Segment.SHOP
    if first.number == gateway + 1:
        return Segment.ACCESS
    return Segment.BEYOND if before > gateway else Segment.OUTSIDE
