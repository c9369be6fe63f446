"""Steps as asynchronous code takes them."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import F, Max, Model, aprefetch_related_objects

from tests.differential import queries
from tests.differential.kinds import step, text_of
from tests.differential.models import Author, Chapter, Mark, Tag, Work
from tests.differential.world import World

_find, _any = sync_to_async(World.find), sync_to_async(World.any)


async def _every(rows: Any) -> list[Any]:
    return [each async for each in rows]


async def _some(rows: Any, n: int) -> list[Any]:
    found: list[Any] = []
    async for each in rows:
        if len(found) == n:
            break
        found.append(each)
    return found


_ENDS: list[Callable[[Any, int], Awaitable[Any]]] = [
    lambda rows, n: _every(rows.all()),
    lambda rows, n: _every(rows.aiterator(chunk_size=1)),
    lambda rows, n: _every(rows.prefetch_related(*_PREFETCHED.get(rows.model, ())).aiterator(2)),
    lambda rows, n: _some(rows.all(), n % 3),
    lambda rows, n: rows.afirst(),
    lambda rows, n: rows.alast(),
    lambda rows, n: rows.aget(pk=n % 4 + 1),
    lambda rows, n: rows.acount(),
    lambda rows, n: rows.aexists(),
    lambda rows, n: rows.ain_bulk(),
    lambda rows, n: rows.aaggregate(Max("pk")),
    lambda rows, n: rows.alatest("pk"),
    lambda rows, n: _every(rows.filter(pk__gt=n % 3).select_related()),
    lambda rows, n: _every(rows.values_list("pk", flat=True)),
]
_PREFETCHED = queries.PREFETCHED


@step
async def aread(world: World, a: int, b: int, c: int) -> Any:
    """A table, or a relation of an object that is held."""
    rows = await sync_to_async(queries.SOURCES[a % len(queries.SOURCES)])(world, c)
    return world.hold(await _ENDS[b % len(_ENDS)](rows, c))


@step
async def aprefetch(world: World, a: int, b: int, c: int) -> Any:
    ways = [(Work, "tags"), (Mark, "target"), (Author, "work_set"), (Chapter, "work__marks")]
    kind, name = ways[a % len(ways)]
    found = await _find(world, kind, b)
    await aprefetch_related_objects([found], name)
    return found


@step
async def arefresh(world: World, a: int, b: int, c: int) -> Any:
    instance = await _any(world, a)
    await instance.arefresh_from_db(fields=[text_of(instance)] if b % 2 else None)
    return instance


@step
async def asave(world: World, a: int, b: int, c: int) -> Any:
    instance = await _any(world, a)
    setattr(instance, text_of(instance), f"saved {c}")
    if b % 3 == 0:
        await instance.asave(using=instance._state.db)
    else:
        await instance.asave(update_fields=[text_of(instance)] if b % 3 == 1 else None)
    return instance


@step
async def awrite(world: World, a: int, b: int, c: int) -> Any:
    name = f"new {b % 4}"
    ways: list[Callable[[], Awaitable[Any]]] = [
        lambda: Work.objects.acreate(title=name),
        lambda: Tag.objects.aget_or_create(name=name),
        lambda: Work.objects.aupdate_or_create(title=name, defaults={"number": c}),
        lambda: Work.objects.filter(pk__gt=b).aupdate(number=F("number") + c),
        lambda: Tag.objects.abulk_create([Tag(name=name)], ignore_conflicts=True),
        lambda: Chapter.objects.filter(pk=b).adelete(),
    ]
    return world.hold(await ways[a % len(ways)]())


@step
async def adelete(world: World, a: int, b: int, c: int) -> Any:
    return await (await _find(world, (Mark, Chapter, Tag, Work)[b % 4], a)).adelete()


@step
async def arelate(world: World, a: int, b: int, c: int) -> Any:
    ways: list[tuple[type[Model], str, type[Model]]] = [
        (Work, "tags", Tag),
        (Work, "cites", Work),
        (Work, "marks", Mark),
        (Author, "work_set", Work),
        (Author, "edited", Chapter),
    ]
    owner, relation, kind = ways[a % len(ways)]
    # A generic relation looks for its content type, which Django does not do on an event loop.
    manager = await sync_to_async(getattr)(await _find(world, owner, b), relation)
    other = await _find(world, kind, c)
    hows: list[Callable[[], Awaitable[Any]]] = [
        lambda: manager.aadd(other),
        lambda: manager.aset([other]),
        lambda: manager.aremove(other),
        lambda: manager.aclear(),
    ]
    await hows[c % len(hows)]()
    return await _every(manager.all())
