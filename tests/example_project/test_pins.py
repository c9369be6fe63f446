"""What the panel says of a pin."""

import pytest

from example_project.panel import modes
from example_project.panel.modes import Mode
from example_project.panel.pins import effect_of
from pinning.pins.pin import Pin, Position

PIN = Pin(cluster="default", written_at=100.0, timeline="1.1", position=50)
BEFORE = Position(places={"1.1": 49}, clock=103.0)
THERE = Position(places={"1.1": 50}, clock=103.0)

CASES = [
    (Mode.POSITION, BEFORE, 103.0, "not on replica1 yet: the primary answers"),
    (Mode.POSITION, THERE, 103.0, "replica1 has it"),
    (Mode.POSITION, None, 110.0, "replica1 is silent: the primary answers"),
    (Mode.CLOCK, BEFORE, 103.0, "the primary answers for 2 s more"),
    (Mode.CLOCK, BEFORE, 110.0, "its time is over"),
    (Mode.OFF, BEFORE, 103.0, "nobody looks at it: pinning is off"),
]


@pytest.mark.parametrize(("mode", "seen", "now", "effect"), CASES)
def test_the_effect_of_a_pin(monkeypatch, mode, seen, now, effect):
    monkeypatch.setattr(modes, "_mode", mode)
    assert effect_of(PIN, seen, now) == effect
