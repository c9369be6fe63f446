"""GraphQL by strawberry and graphene: queries by POST read from replicas."""

from typing import Any

from django.http import HttpRequest

from ecosystem.project import migrate, start
from pinning.contrib.graphql import is_query


def only_reads(request: HttpRequest) -> bool:
    """As the recipe says."""
    return request.path in ("/strawberry", "/graphene") and is_query(request)


PAIR = start(apps=("graphene_django",), pinning={"SAFE_METHODS": only_reads}, ROOT_URLCONF=__name__)
migrate(PAIR)

import graphene  # noqa: E402
import pytest  # noqa: E402
import strawberry  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from graphene_django.views import GraphQLView  # noqa: E402
from strawberry.django.views import GraphQLView as StrawberryView  # noqa: E402

from ecosystem.notes.models import Note  # noqa: E402


def texts() -> list[str]:
    return list(Note.objects.order_by("pk").values_list("text", flat=True))


def add(text: str) -> list[str]:
    Note.objects.create(text=text)
    return texts()


@strawberry.type
class Query:
    @strawberry.field
    def notes(self) -> list[str]:
        return texts()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def add(self, text: str) -> list[str]:
        return add(text)


class GrapheneQuery(graphene.ObjectType):  # type: ignore[misc]
    notes = graphene.List(graphene.String)

    def resolve_notes(self, info: Any) -> list[str]:
        return texts()


class Add(graphene.Mutation):  # type: ignore[misc]
    class Arguments:
        text = graphene.String()

    notes = graphene.List(graphene.String)

    def mutate(self, info: Any, text: str) -> "Add":
        return Add(notes=add(text))


class GrapheneMutation(graphene.ObjectType):  # type: ignore[misc]
    add = Add.Field()


urlpatterns = [
    path("strawberry", StrawberryView.as_view(schema=strawberry.Schema(Query, Mutation))),
    path(
        "graphene",
        GraphQLView.as_view(schema=graphene.Schema(query=GrapheneQuery, mutation=GrapheneMutation)),
    ),
]

ADD = {
    "/strawberry": 'mutation { add(text: "new") }',
    "/graphene": 'mutation { add(text: "new") { notes } }',
}


@pytest.mark.parametrize("place", ADD)
def test_queries_by_post_read_from_the_replica_and_whoever_wrote_sees_it(
    pair: Any, place: str
) -> None:
    def ask(client: Client, query: str) -> Any:
        answer = client.post(place, {"query": query}, content_type="application/json").json()
        assert "errors" not in answer, answer
        return answer["data"]

    writer, other = Client(), Client()
    with pair.paused():
        before = ask(other, "{ notes }")["notes"]
        assert "new" in str(ask(writer, ADD[place]))
        assert ask(writer, "{ notes }")["notes"] == [*before, "new"]
        assert ask(other, "{ notes }")["notes"] == before  # which only the replica shows
