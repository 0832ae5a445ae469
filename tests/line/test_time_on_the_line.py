"""Clocks that differ, packets that come late, links that are cut: told in virtual time, with sound that shows every
click: a sine whose phase the frames tell.
"""

import os
from array import array
from pathlib import Path

import numpy as np
import pytest
from line_rig import Roughness, cheap_line, silence

from lamina.plugin.line.adaptation import NONE
from lamina.plugin.line.simulator import Link, simulate

HOURS = int(os.environ.get("LAMINA_LINE_HOURS", "1"))
"""A day takes most of an hour; so many hours are tried otherwise."""
SMOOTH = 4
"""Second differences, in those of the sine itself: a cross-fade of two places that aren't quite alike bends it up to
three times as much, one sample left out or played twice 17 times, and a jump by a frame more than a hundred times."""


class Hourly:
    """Notes, of each report, how deep the buffer is, and now and then what the process takes, in bytes."""

    def __init__(self):
        self.depths, self.memory = array("d"), []

    def __call__(self, report):
        self.depths.append(report.buffer_ms)
        if len(self.depths) % 600 == 1:
            self.memory.append(resident_bytes())


def resident_bytes():
    """What this process takes of memory now; 0 where the system doesn't tell it this way."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def run(link, seconds, ppm=0.0, sender=None, receiver=None, **options):
    """A cheap line at work: sender, receiver, what came of it, and how rough it sounded."""
    ends = cheap_line(sender=sender, receiver=receiver)
    rough = Roughness()
    result = simulate(*ends, link, seconds, ppm, sound=silence, listen=rough, **{"block": 240, **options})
    return *ends, result, rough


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [300, -300])
@pytest.mark.parametrize(("jitter_ms", "buffer_ms"), [(0, None), (20, None), (10, 20)])
def test_clocks_that_differ_are_neither_heard_nor_run_out(ppm, jitter_ms, buffer_ms):
    _, receiver, result, rough = run(Link(jitter_ms=jitter_ms), 120, ppm, receiver={"buffer_ms": buffer_ms})
    assert receiver.counts.concealed == receiver.counts.late == 0
    assert rough.worst < SMOOTH
    assert receiver.drift_ppm == pytest.approx(ppm, abs=40)
    depths = result.buffer_ms[len(result.buffer_ms) // 2 :]
    assert max(depths) - min(depths) < 8


@pytest.mark.long
@pytest.mark.timeout(900)
def test_an_hour_of_differing_clocks_is_like_its_first_minute():
    _, receiver, result, rough = run(Link(jitter_ms=10), 3600, 300, block=320)
    assert receiver.counts.concealed == receiver.counts.late == 0
    assert rough.worst < SMOOTH
    depths = result.buffer_ms
    assert abs(depths[-1] - depths[len(depths) // 60]) < 8


@pytest.mark.long
@pytest.mark.timeout(HOURS * 900)
def test_hours_of_drift_and_loss_grow_nothing():
    ends = cheap_line(sender={"frames_per_packet": 4}, kept=1000)
    receiver, hears, told = ends[1], Roughness(), Hourly()
    link = Link(loss=0.02, jitter_ms=10)
    simulate(*ends, link, HOURS * 3600, 120, sound=silence, block=1280, listen=hears, tell=told)
    counts, depths = receiver.counts, [np.median(part) for part in np.array_split(np.array(told.depths), 24)]
    print(f"{HOURS} h: {counts}, drift {receiver.drift_ppm:.0f} ppm, roughness {hears.worst:.1f}")
    print("buffer, median ms:", *(f"{depth:.1f}" for depth in depths), "deepest", f"{max(told.depths):.1f}")
    print("memory, MB:", *(f"{size / 1e6:.1f}" for size in told.memory[:: max(1, len(told.memory) // 24)]))
    assert counts.concealed < 0.03 * counts.played
    assert abs(depths[-1] - depths[1]) < 15
    assert receiver._buffer.n_waiting < 40
    # The depths noted here are 8 bytes each; what an allocator keeps for itself is some pages.
    assert told.memory[-1] - told.memory[len(told.memory) // 10] < 4e6


@pytest.mark.slow
@pytest.mark.parametrize("jitter_ms", [0, 10, 30, 60])
def test_an_adaptive_buffer_is_as_deep_as_the_jitter_asks(jitter_ms):
    _, receiver, result, _ = run(Link(jitter_ms=jitter_ms), 40)
    assert receiver.counts.concealed <= 3
    settled = result.buffer_ms[len(result.buffer_ms) // 2 :]
    # The sender's block, the sink's, and the margin come on top.
    assert 0.8 * jitter_ms < np.median(settled) < jitter_ms + 30


@pytest.mark.slow
def test_a_buffer_gets_deeper_at_once_and_less_deep_without_a_click():
    sender, receiver = cheap_line()
    on_the_way, rough, depths = [], Roughness(), []
    for index in range(4000):
        now = index / 100
        delay = 0.1 if 10 <= now < 15 else 0.02
        on_the_way += [(now + delay, data) for data in sender.push(silence(0, 240), now)]
        for at, data in [entry for entry in on_the_way if entry[0] <= now]:
            receiver.receive(data, at)
        on_the_way = [entry for entry in on_the_way if entry[0] > now]
        heard = receiver.pull(240, now)
        depths.append(receiver.buffer_ms)
        if now > 16:
            rough(heard)
    concealed = receiver.counts.concealed
    # 80 ms that weren't there are six frames: they are concealed once, and nothing is missing afterwards.
    assert 5 <= concealed <= 8
    assert max(depths[1040:1500]) > 90
    assert depths[-1] < 45
    assert receiver.counts.shortened > 3
    assert rough.worst < SMOOTH


def test_sound_is_back_within_a_second_of_a_link_that_was_cut_for_ten():
    _, receiver, _, _ = run(Link(cuts=[(8.0, 18.0)]), 22)
    numbers = receiver._decoder.numbers
    frames_per_second = 75
    missing = [index for index, number in enumerate(numbers) if number is None]
    assert len(missing) == pytest.approx(10 * frames_per_second, abs=3)
    assert missing[-1] - missing[0] == len(missing) - 1, "nothing is missing before or afterwards"
    assert receiver.buffer_ms < 60


def test_what_waited_while_a_link_was_cut_makes_no_buffer_deeper():
    sender, receiver = cheap_line()
    waited = []
    for index in range(2400):
        now = index / 100
        for data in sender.push(silence(0, 240), now):
            if 8 <= now < 18:
                waited = [*waited, data][-30:]
            else:
                receiver.receive(data, now)
        if now == 18:
            for data in waited:
                receiver.receive(data, now)
        receiver.pull(240, now)
    assert receiver.buffer_ms < 60
    assert receiver.counts.concealed < 10.1 * 75


def test_a_link_that_is_slower_after_a_cut_is_heard_again():
    sender, receiver = cheap_line()
    on_the_way = []
    for index in range(2400):
        now = index / 100
        delay = 0.02 if now < 8 else 0.3
        if not 8 <= now < 18:
            on_the_way += [(now + delay, data) for data in sender.push(silence(0, 240), now)]
        else:
            sender.push(silence(0, 240), now)
        while on_the_way and on_the_way[0][0] <= now:
            at, data = on_the_way.pop(0)
            receiver.receive(data, at)
        receiver.pull(240, now)
    assert receiver.counts.concealed < 11.3 * 75, "of 10.3 s without a packet"
    assert receiver.counts.played - receiver.counts.concealed > 12 * 75


def test_nothing_behind_the_end_counts_as_having_come():
    sender, receiver = cheap_line()
    heard = 0
    for index in range(400):
        now = index / 100
        packets = sender.push(silence(0, 240), now) if index < 200 else sender.flush() if index == 200 else []
        for data in packets:
            receiver.receive(data, now)
        heard += receiver.pull(240, now).shape[1]
    assert receiver.is_over
    played = 2 * receiver.sample_rate
    assert receiver.n_past > 1.5 * receiver.sample_rate
    waited = receiver.sample_rate * 0.08
    assert heard - receiver.n_past == pytest.approx(played, abs=waited)


def test_a_sink_that_paused_hears_the_present_and_not_what_it_missed():
    sender, receiver = cheap_line()
    for index in range(3000):
        now = index / 100
        for data in sender.push(silence(0, 240), now):
            receiver.receive(data, now)
        if not 5 < now < 20:
            receiver.pull(240, now)
        if now == 20.5:
            assert receiver.buffer_ms < 1100
    newest = sender.n_frames
    played = [number for number in receiver._decoder.numbers if number is not None]
    assert newest - played[-1] < 10


@pytest.mark.parametrize("stall_seconds", [0.1, 0.3, 0.45])
def test_a_sink_that_stands_still_and_catches_up_makes_no_buffer_deeper(stall_seconds):
    """As on a busy machine: what came meanwhile did not come early, so that all else is no later than before."""
    sender, receiver = cheap_line()
    n_pulled, depths, queues = 0, [], []
    for index in range(3000):
        now = index / 100
        for data in sender.push(silence(0, 240), now):
            receiver.receive(data, now)
        is_still = 1 <= now % 5 < 1 + stall_seconds
        for _ in range(0 if is_still else min(index + 1 - n_pulled, 4)):
            receiver.pull(240, now)
            n_pulled += 1
        if now > 8 and index % 25 == 0:
            report = receiver.report(now)
            depths.append(report.buffer_ms)
            queues.append(report.queue_ms)
    assert receiver.counts.concealed == 0
    assert np.median(depths) < 30
    # A sender takes 60 ms for a queue in the network, and would send fewer packets and layers.
    assert max(queues) < 20


@pytest.mark.slow
def test_a_narrow_link_gets_what_it_can_carry():
    """65 kbit/s with all heads are sent at first; 64 kbit/s get through."""
    sender, _, result, _ = run(Link(bandwidth=64), 40)
    late = result.reports[-60:]
    assert all(report.late == 0 and report.loss == 0 for report in late)
    assert np.median([report.queue_ms for report in late]) < 60
    assert sender.rates.network < 64


def test_what_comes_twice_or_in_another_order_is_played_once_in_order():
    _, receiver, _, _ = run(Link(reorder=0.1, duplicate=0.2, jitter_ms=10, seed=3), 30)
    numbers = [number for number in receiver._decoder.numbers if number is not None]
    assert numbers == sorted(set(numbers))
    assert receiver.counts.duplicates > 300
    assert receiver.counts.concealed < 20


def test_the_same_seed_is_the_same_hour():
    link = Link(loss=0.1, burst=3, jitter_ms=40, reorder=0.05, duplicate=0.05, bandwidth=100, seed=4)
    one, other = (run(link, 8)[1] for _ in range(2))
    assert one.counts == other.counts
    assert one._decoder.numbers == other._decoder.numbers
    assert run(Link(**{**vars(link), "seed": 5}), 8)[1]._decoder.numbers != one._decoder.numbers


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "burst"), [(0.01, 1), (0.05, 1), (0.1, 1), (0.2, 1), (0.3, 1), (0.1, 3)])
def test_redundancy_brings_most_of_what_was_lost(loss, burst):
    _, receiver, _, _ = run(Link(loss=loss, burst=burst, seed=2), 40)
    plain = run(Link(loss=loss, burst=burst, seed=2), 40, sender={"redundancy": NONE})[1]
    lost = receiver.counts.lost / (receiver.counts.lost + receiver.counts.packets)
    assert lost == pytest.approx(loss, rel=0.5)
    assert receiver.counts.concealed < 0.5 * plain.counts.concealed


def test_the_round_trip_is_told():
    sender, _, _, _ = run(Link(delay_ms=40), 5)
    assert sender.round_trip_ms == pytest.approx(80, abs=15)
