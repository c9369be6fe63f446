"""What the counters tell: shares, tables, and advice."""

from collections import Counter

import pytest

from pinning.conf.settings import parse
from pinning.management.advice import advice
from pinning.shadow import WAITS, Forecast
from pinning.shadow.counts import MOST, Counts, name_of

PAGES: dict[tuple[str, ...], int] = {
    ("read", "board", "replica"): 600,
    ("read", "board", "caught_up"): 50,
    ("read", "board", "pinned"): 200,
    ("read", "board", "unsafe_method"): 150,
    ("won", "board", "20"): 80,
    ("won", "board", "50"): 100,
    ("unknown", "board"): 100,
    ("read", "search", "replica"): 1000,
}


def told(more: dict[tuple[str, ...], int], **settings: object) -> str:
    found = Forecast(Counter({**PAGES, **more}))
    return "\n".join(advice(found, parse(settings)))


def write(model: str, safe: int, unsafe: int = 0, alone: int = 0) -> dict[tuple[str, ...], int]:
    return {
        ("pinned", "search"): safe + unsafe,
        ("write", "search", model, "safe"): safe,
        ("write", "search", model, "unsafe"): unsafe,
        ("alone", "search", model, "safe"): alone or safe,
    }


def test_the_shares_of_a_view():
    """What nobody knows does as the others do: of 100 known ones a WAIT of 20 ms brings 80."""
    board, search = Forecast(Counter(PAGES)).views
    assert (search.name, search.reads, search.shares) == ("search", 1000, (1, 1, 1, 1))
    assert (board.name, board.reads) == ("board", 1000)
    assert board.shares == pytest.approx((0.65, 0.65, 0.65 + 0.16, 0.65 + 0.2))
    assert board.reasons == {"pinned": 200, "unsafe_method": 150}


def test_the_share_of_all():
    total = Forecast(Counter(PAGES)).total
    assert total.reads == 2000
    assert total.shares == pytest.approx((0.825, 0.825, 0.825 + 0.08, 0.825 + 0.1))


def test_where_nobody_knows_no_wait_brings_anything():
    counts = {("read", "board", "pinned"): 10, ("unknown", "board"): 10}
    assert Forecast(Counter(counts)).total.shares == (0, 0, 0, 0)


def test_nothing_is_no_share():
    assert Forecast(Counter()).total.shares == (0, 0, 0, 0)


def test_tables_are_told_by_what_they_pin():
    counts = {
        ("pinned", "board"): 5,
        ("pinned", "search"): 4,
        ("write", "search", "notes.Hit", "safe"): 4,
        ("alone", "search", "notes.Hit", "safe"): 4,
        ("write", "board", "notes.Hit", "unsafe"): 2,
        ("write", "board", "notes.Note", "unsafe"): 5,
        ("alone", "board", "notes.Note", "unsafe"): 3,
    }
    found = Forecast(Counter(counts))
    hit, note = found.tables
    assert (hit.model, hit.pins, hit.alone, hit.safe, hit.views) == (
        *("notes.Hit", 6, 4, 4),
        ("search", "board"),
    )
    assert (note.pins, note.alone, note.safe, note.views) == (5, 3, 0, ("board",))
    assert found.pins == 9


def test_the_sample_is_told_by_model():
    counts = {("compared", "a.A"): 9, ("stale", "a.A"): 0, ("compared", "b.B"): 3}
    found = Forecast(Counter({**counts, ("stale", "b.B"): 1})).sample
    assert [(each.model, each.compared, each.stale) for each in found] == [
        ("b.B", 3, 1),
        ("a.A", 9, 0),
    ]


def test_few_reads_give_no_advice():
    (sentence,) = advice(Forecast(Counter({("read", "a", "pinned"): 5})), parse({}))
    assert sentence.startswith("Only 5 reads")


@pytest.mark.parametrize(
    ("won", "sentence"),
    [
        ({"5": 190, "20": 195, "50": 200}, '"WAIT": 0.005'),
        ({"5": 10, "20": 195, "50": 200}, '"WAIT": 0.02'),
        ({"5": 10, "20": 95, "50": 200}, '"WAIT": 0.05'),
        ({"50": 10}, '"WAIT": 0.'),
    ],
)
def test_the_shortest_wait_that_does_is_advised(won, sentence):
    counts = {("won", "board", wait): times for wait, times in won.items()}
    nothing = {("won", "board", name_of(wait)): 0 for wait in WAITS}
    assert sentence in told({**nothing, **counts, ("unknown", "board"): 0})


@pytest.mark.parametrize(
    ("writes", "settings", "sentence"),
    [
        (write("notes.Hit", 50), {}, "UNPINNED_MODELS and to PRIMARY_MODELS"),
        (write("notes.Hit", 50, 10), {}, "use unpinned() around"),
        (write("raw SQL", 50), {}, "inside unpinned()"),
        (write("notes.Hit", 50), {"PRIMARY_MODELS": ["notes.hit"]}, "add it to UNPINNED_MODELS"),
        (write("notes.Hit", 50), {"UNPINNED_MODELS": ["notes.Hit"]}, "inside unpinned()"),
    ],
)
def test_what_pins_by_showing_is_told(writes, settings, sentence):
    text = told(writes, **settings)
    assert sentence in text
    assert "(search)" in text


@pytest.mark.parametrize("writes", [write("notes.Note", 0, 50), write("notes.Note", 10, 50)])
def test_what_users_write_pins_and_that_is_right(writes):
    assert "notes.Note" not in told(writes)


def test_what_pins_little_is_not_told():
    writes = {**write("notes.Hit", 2), ("pinned", "search"): 100}
    assert "notes.Hit" not in told(writes)


def test_replicas_that_are_out_are_told():
    assert "pinning_status" in told({("read", "board", "no_replica"): 100})


def test_what_is_late_for_everybody_is_told():
    sample = {("compared", "a.A"): 100, ("stale", "a.A"): 20, ("compared", "b.B"): 100}
    text = told({**sample, ("stale", "b.B"): 1})
    assert "a.A" in text
    assert "b.B" not in text


def test_the_counters_are_bounded():
    counts = Counts()
    for number in range(2 * MOST):
        counts.add([(("write", f"v{number}", "a.A", "safe"), 1), (("pinned", f"v{number}"), 1)])
    counts.add([(("read", "new", "replica"), 1), (("won", "new", "5"), 1), (("stale", "c.C"), 2)])
    found = counts.all()
    assert len(found) <= MOST + 10
    assert sum(n for key, n in found.items() if key[0] == "write") == 2 * MOST
    assert found["read", "others", "replica"] == found["won", "others", "5"] == 1
    assert found["stale", "others"] == 2
