"""The duration of a sign-on as a distribution, against exact figures and by both ways."""

from __future__ import annotations

import random

import pytest

from posdiag.diagnose.line_trace import LineTrace
from posdiag.diagnose.sign_on_time import (
    STEP_S,
    Masses,
    Player,
    SignOn,
    data_waits,
    independent,
    with_waits,
)

QUICK = SignOn(connect_s=0.03, tls_rounds=2, tls_s=0.06, service_s=0.7)


def even(count: int, lost: set[int], round_trip_s: float = 0.05, pause_s: float = 0.1) -> LineTrace:
    begun = [pause_s * number for number in range(count)]
    return LineTrace(begun, [None if n in lost else round_trip_s for n in range(count)])


def test_exact_chances_of_one_syn_and_one_exchange() -> None:
    # Diagnosis science, section 3.2: p = 0.10, no round trip time.
    none = [1.0] + [0.0] * round(120 / STEP_S)
    cells = with_waits(none, (0.0, 1.0, 3.0, 7.0), 0.1, 0.0)
    found = Masses(with_waits(cells, (0.0, 0.5, 1.5, 3.5), 0.1, 0.0), {})
    exact = {0.4: 0.19, 0.9: 0.109, 1.2: 0.028, 3.2: 0.00289, 5.0: 0.001108}
    for timer_s, chance in exact.items():
        assert found.chance(timer_s) == pytest.approx(chance, abs=1e-9)


@pytest.mark.parametrize(
    ("sign_on", "loss", "round_trip_s", "chances"),
    [
        # Diagnosis science, section 3.2: Ethernet, two requests.
        (
            SignOn(connect_s=0.03, tls_rounds=2, tls_s=0.06, service_s=0.7, messages=2),
            0.002,
            0.03,
            {10.0: (1e-7, 5e-5)},
        ),
        # The same table, 4G with p = 3 % and the host four times slower, without its attach.
        (
            SignOn(connect_s=0.09, tls_rounds=2, tls_s=0.18, service_s=2.8, sigma=0.7, messages=2),
            0.03,
            0.09,
            {30.0: (3e-4, 5e-3), 60.0: (1e-6, 1e-4)},
        ),
    ],
)
def test_lines_of_the_published_table(
    sign_on: SignOn,
    loss: float,
    round_trip_s: float,
    chances: dict[float, tuple[float, float]],
) -> None:
    found = independent(sign_on, loss, round_trip_s)
    for timer_s, (low, high) in chances.items():
        assert low < found.chance(timer_s) < high


def test_more_loss_and_shorter_timers_are_worse() -> None:
    forecasts = [independent(QUICK, loss, 0.03) for loss in (0.0, 0.01, 0.1, 0.3, 1.0)]
    chances = [one.chance(10.0) for one in forecasts]
    assert chances == sorted(chances)
    assert chances[-1] == pytest.approx(1.0)
    timers = [forecasts[2].chance(timer_s) for timer_s in (60.0, 10.0, 3.0, 1.0)]
    assert timers == sorted(timers)


def test_a_slow_host_alone_can_outlast_a_short_timer() -> None:
    # The median of the service time is the timer itself: about half of all sign-ons.
    found = independent(SignOn(connect_s=0.01, service_s=3.0), 0.0, 0.01)
    assert found.chance(3.0) == pytest.approx(0.5, abs=0.03)
    # The longer the line's loss, the later the timer that suits.
    assert (found.smallest(0.5) or 0.0) == pytest.approx(3.0, abs=0.1)
    assert independent(SignOn(connect_s=0.01, service_s=3.0), 1.0, 0.01).smallest(0.5) is None


def test_repeats_of_a_segment_as_the_kernel_was_seen_to_send_them() -> None:
    # Measured over an emulated line, Linux 6.18: round trips of 20, 300 and 600 ms.
    for round_trip_s, seen in (
        (0.02, (0.0, 0.22, 0.45, 0.94, 1.86, 3.68, 7.49)),
        (0.3, (0.0, 0.80, 1.74, 3.56, 7.30)),
        (0.6, (0.0, 1.41, 3.23, 7.01)),
    ):
        waits = data_waits(round_trip_s)
        for wait_s, at_s in zip(waits, seen, strict=False):
            assert wait_s == pytest.approx(at_s, rel=0.08, abs=0.02)


def test_a_line_without_loss_is_the_same_by_both_ways() -> None:
    sign_on = SignOn(connect_s=0.05, tls_rounds=2, tls_s=0.1, service_s=1.0)
    played = Player(even(1000, set()), sign_on).play()
    counted = independent(sign_on, 0.0, 0.05)
    for timer_s in (0.8, 1.2, 2.0, 3.0):
        assert played.chance(timer_s) == pytest.approx(counted.chance(timer_s), abs=0.02)


def test_single_losses_are_nearly_the_same_by_both_ways() -> None:
    sign_on = SignOn(connect_s=0.05, service_s=0.2, sigma=0.1)
    trace = even(2000, set(random.Random(3).sample(range(2000), 200)))
    played = Player(trace, sign_on).play(4000)
    counted = independent(sign_on, 0.1, 0.05)
    for timer_s in (0.4, 0.7, 1.4):
        assert played.chance(timer_s) == pytest.approx(counted.chance(timer_s), abs=0.05)


def test_stalls_hold_up_what_single_losses_of_the_same_share_do_not() -> None:
    sign_on = SignOn(connect_s=0.05, service_s=0.2, sigma=0.1)
    scattered = Player(even(1000, set(random.Random(3).sample(range(1000), 100))), sign_on).play()
    in_one_stall = Player(even(1000, set(range(400, 500))), sign_on).play()
    assert in_one_stall.chance(4.0) > 0.05
    assert scattered.chance(4.0) < 0.01
    assert in_one_stall.mean_s["connect"] > in_one_stall.mean_s["host"]


def test_a_dead_line_never_ends() -> None:
    lost = set(range(1, 100))
    found = Player(even(100, lost, pause_s=10.0), SignOn(connect_s=0.05, service_s=0.2)).play(200)
    assert found.chance(60.0) > 0.5
    assert found.smallest(0.001) is None
