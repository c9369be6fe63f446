"""use_primary, use_replica and read_only: nested, decorating, and for what a view returns."""

import asyncio
import pickle

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.utils.decorators import method_decorator
from django.views import View

from pinning import read_only, use_primary, use_replica
from pinning.scopes.overrides import wishes


def forced() -> str | None:
    return wishes().database


def is_read_only() -> bool:
    return wishes().is_read_only


def test_blocks_nest_and_the_innermost_counts():
    with use_primary():
        with use_replica():
            with use_primary():
                assert forced() == "primary"
            assert forced() == "replica"
        assert forced() == "primary"
    assert forced() is None


def test_a_block_ends_when_it_raises():
    with pytest.raises(ValueError, match="^$"), use_primary():
        raise ValueError
    assert forced() is None


def test_read_only_is_beside_the_others():
    with use_primary(), read_only():
        assert (forced(), is_read_only()) == ("primary", True)


@pytest.mark.parametrize("decorator", [use_primary, use_primary()])
def test_a_function_is_decorated_with_and_without_brackets(decorator):
    @decorator
    def view():
        """Shows."""
        return forced()

    assert view() == "primary"
    assert view() == "primary"
    assert forced() is None
    assert (view.__name__, view.__doc__) == ("view", "Shows.")


def test_a_decorated_function_may_call_itself():
    @use_primary
    def countdown(number):
        return [forced(), *(countdown(number - 1) if number else [])]

    assert countdown(2) == ["primary"] * 3


def test_an_asynchronous_function_stays_one():
    @use_primary
    async def view():
        await asyncio.sleep(0)
        return forced()

    assert iscoroutinefunction(view)
    assert async_to_sync(view)() == "primary"


def test_concurrent_tasks_do_not_see_each_others_blocks():
    async def task(block):
        with block:
            await asyncio.sleep(0)
            return forced()

    async def both():
        return await asyncio.gather(task(use_primary()), task(use_replica()))

    assert async_to_sync(both)() == ["primary", "replica"]


def test_a_class_based_view_is_decorated_by_method_decorator():
    @method_decorator(use_primary, name="dispatch")
    class Shown(View):
        def get(self, request):
            return HttpResponse(forced())

    response = Shown.as_view()(RequestFactory().get("/"))
    assert response.content == b"primary"


def test_an_asynchronous_class_based_view_is_decorated():
    class Shown(View):
        async def get(self, request):
            await asyncio.sleep(0)
            return HttpResponse(forced())

    view = use_primary(Shown.as_view())
    assert iscoroutinefunction(view)
    assert async_to_sync(view)(RequestFactory().get("/")).content == b"primary"


def test_a_synchronous_function_that_returns_an_awaitable_is_decorated():
    async def work():
        await asyncio.sleep(0)
        return forced()

    @use_primary
    def view():
        return work()

    async def call():
        return await view()

    assert async_to_sync(call)() == "primary"
    assert forced() is None


def test_a_template_that_is_rendered_later_is_inside():
    template = engines["django"].from_string("{{ forced }}")

    @use_primary
    def view(request):
        return TemplateResponse(request, template, {"forced": forced})

    response = view(RequestFactory().get("/"))
    assert not response.is_rendered
    assert response.render().content == b"primary"
    assert pickle.loads(pickle.dumps(response)).content == b"primary"


def test_stacked_decorators_render_once_and_inside_both():
    template = engines["django"].from_string("{{ forced }} {{ is_read_only }}")

    @use_primary
    @read_only
    def view(request):
        return TemplateResponse(request, template, {"forced": forced, "is_read_only": is_read_only})

    assert view(RequestFactory().get("/")).render().content == b"primary True"


def test_a_body_that_streams_is_inside():
    @use_replica
    def view():
        return StreamingHttpResponse(str(forced()) for _ in range(2))

    assert list(view()) == [b"replica"] * 2
    assert forced() is None


def test_an_asynchronous_body_that_streams_is_inside():
    @use_replica
    async def view():
        async def parts():
            yield str(forced())

        return StreamingHttpResponse(parts())

    async def collect():
        return [part async for part in await view()]

    assert async_to_sync(collect)() == [b"replica"]


def test_a_generator_function_is_refused():
    def generate():
        yield

    async def agenerate():
        yield

    for function in (generate, agenerate):
        with pytest.raises(TypeError, match="with block"):
            use_primary(function)


def rows_read_only():
    with read_only():
        yield 1
        yield 2


def test_a_block_in_a_generator_takes_back_its_own_wish_alone():
    rows = rows_read_only()
    with use_replica():
        next(rows)
    rows.close()
    assert (forced(), is_read_only()) == (None, False)


def test_a_generator_that_ends_inside_a_block_leaves_it_alone():
    rows = rows_read_only()
    next(rows)
    with use_primary():
        list(rows)
        assert (forced(), is_read_only()) == ("primary", False)
