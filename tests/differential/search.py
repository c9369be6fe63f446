"""Makes random programs, runs each on both sides, and counts."""

from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.differential.comparison import check
from tests.differential.kinds import STEPS
from tests.differential.sides import EVENTS
from tests.differential.told import Call, Program
from tests.differential.twins import Twins

_NUMBERS = st.integers(0, 31)
_OFTEN = 3 * ("query", "follow") + 2 * ("relation", "run_kept") + ("replay", "close")
#: Steps that have much to do with each other. Half of the programs take theirs from one of these.
_SUBJECTS = [
    ("keep", "keep_copy", "run_kept", "run_kept", "relation"),
    ("query", "relation", "follow", "point", "refresh", "prefetch"),
    ("keep", "run_kept", "follow", "follow", "look"),
    ("cache", "from_cache", "follow", "relation", "look", "duplicate"),
    ("atomic", "fail", "close", "query", "follow", "after_commit", "inner_scope"),
    ("aread", "aread", "asave", "awrite", "arelate", "aprefetch", "arefresh", "adelete"),
]
_NAMES = st.sampled_from([[*STEPS, *EVENTS, *_OFTEN]] * len(_SUBJECTS) + _SUBJECTS)
_WRITES = st.sampled_from(["create", "save", "update", "relate", "find_or_make", "delete"])

#: What comes before a visit: often the replicas catch up, and pins by the clock end.
_CATCH_UP = [Call("replay", 99), Call("tick", 3)]
_FIRST = st.sampled_from([[], [Call("replay", 1)], _CATCH_UP, _CATCH_UP])
_MOVES = st.lists(st.integers(0, 2), max_size=10)

FIND, SHRINK = (Phase.generate,), (Phase.generate, Phase.shrink)


@st.composite
def programs(draw: st.DrawFn, visitors: int) -> Program:
    """A program of so many visitors at most.

    It has steps of a few kinds, with few numbers, so that they often have to do with each other.
    The replicas move within a step only for one who is alone: what he is told is the same even so.
    """
    # Django has no transactions in asynchronous code: none stays open from step to step.
    is_async = draw(st.booleans())
    names = [name for name in draw(_NAMES) if not (is_async and name == "atomic")]
    known = st.sampled_from(names)
    chosen = draw(st.lists(known, min_size=2, max_size=6))
    often = st.sampled_from([*chosen, draw(_WRITES)])
    numbers = st.sampled_from(draw(st.lists(_NUMBERS, min_size=2, max_size=8)))
    calls = st.lists(st.builds(Call, often, numbers, numbers, numbers), min_size=3, max_size=10)
    visit = st.builds(lambda first, calls: [*first, *calls], _FIRST, calls)
    visits = st.tuples(st.integers(0, visitors - 1), visit)
    return Program(
        visits=draw(st.lists(visits, min_size=1, max_size=4)),
        has_positions=draw(st.booleans()),
        in_cookies=draw(st.booleans()),
        is_async=is_async,
        moves=draw(_MOVES) if visitors == 1 else [],
        luck=draw(_NUMBERS),
    )


def search(
    twins: Twins,
    *,
    visitors: int,
    count: int,
    number: int = 0,
    phases: Sequence[Phase] = SHRINK,
) -> dict[str, int]:
    """Run so many programs; ``number`` says which. Raises Difference or Unseen."""
    done = {"programs": 0, "steps": 0, "compared": 0}

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(programs(visitors))
    def run(program: Program) -> None:
        steps, compared = check(twins, clock, program)
        done["programs"] += 1
        done["steps"] += steps
        done["compared"] += compared

    with twins.clock() as clock:
        run()
    return done
