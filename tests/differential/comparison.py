"""Runs programs on one database and on a cluster whose replicas lag, and compares.

A program is a list of visits. Each visit is one scope, with steps: reads, relations, writes,
transactions. The scope is a block or a request, sync or async. What a visitor holds he takes along
to his next visits, and pins go with him as text or in a cookie. In between, the replicas replay
some commits, and time passes.

The cluster goes first, under pinning. Then the same steps run on one database, under Django as it
is. These have to be the same:

- **What each step tells**: its result, or the class and the text of its error. Of an object that is
  all of its fields, which of them are deferred, its alias, and what it leads to without a query.
- **The statements of each step**, in their order. Of the cluster's, on whichever database.
- **All rows** at the end.

*Who is alone* has written all that was ever written. For him nothing may be stale: neither before
he writes, when the replicas have everything, nor after, when his pins keep him from those that have
not. So each step is compared with one database as it is then. The replicas may move at any moment,
also within a step.

*Of two visitors* each may see the other's writes late. But what he sees has to be what one database
showed once. Each statement of the cluster is noted with how far its database was. If all reads of a
step were on a replica at one place, the one database is set back to that place for the step, and
has to tell the same. If they were on the primary, it is left as it is. If some were here and some
there, or if the step wrote after it had read something old, the comparison ends before this step:
one database has no such moment. So it does if the place is in the middle of somebody's step.

And whoever has written: no statement of his may ever run on a replica that is behind his own last
commit. This is looked at by itself (``look``), since an old row is not always told.

Not compared are numbers that Django takes from elsewhere: the names of savepoints.
"""

import random
from typing import Any

from tests.differential.sides import Side
from tests.differential.told import Call, Difference, Program, Told, Unseen
from tests.differential.twins import Twins
from tests.differential.visits import visits


def check(twins: Twins, clock: Any, program: Program) -> tuple[int, int]:
    """Run the program on both sides. How many steps it had, and how many could be compared.

    Raises Difference or Unseen.
    """
    told = run_on_cluster(twins, clock, program)
    look(told)
    return len(told), compare(twins, clock, program, told)


def run_on_cluster(twins: Twins, clock: Any, program: Program) -> list[Told]:
    """What each step tells. At the end, all rows."""
    side, told = Side(twins, clock, is_cluster=True), list[Told]()
    visit = visits(side, in_cookies=program.in_cookies, is_async=program.is_async)
    clock.move_to(twins.begins)
    random.seed(program.luck)
    twins.begin(has_positions=program.has_positions, moves=program.moves)
    with twins.on_cluster(), side:
        for visitor, calls in program.visits:
            visit(visitor, calls, told)
        told.append(side.run(0, Call("rows")))
    return told


def compare(twins: Twins, clock: Any, program: Program, told: list[Told]) -> int:
    """Run the steps on one database, and compare. How many steps could be compared.

    Raises Difference at the first step that differs.
    """
    side = Side(twins, clock, is_cluster=False)
    clock.move_to(twins.begins)
    with twins.on_one(), side:
        for number, there in enumerate(told):
            if program.is_alone or there.places <= {None}:
                here = side.run(there.visitor, there.call)
                twins.remember(there.after)
            elif there.has_written or len(there.places) > 1 or not twins.knows(*there.places):
                return number
            else:
                with twins.showing(*there.places):
                    here = side.run(there.visitor, there.call)
            if here.words != there.words:
                raise Difference(program, told[:number], here, there)
    return len(told)


def look(told: list[Told]) -> None:
    """Each read of a visitor shows all that he has committed before. Raises Unseen."""
    written: dict[int, int] = {}
    for each in told:
        for statement in each.statements:
            if statement.reads and statement.place < written.get(each.visitor, 0):
                raise Unseen(each, statement)
        if each.after > each.before:
            written[each.visitor] = each.after
