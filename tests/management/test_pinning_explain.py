"""What the command tells of a page: each read and write, one sentence, and what to do."""

import re

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from pinning import Reason, unpinned, use_primary, use_replica
from pinning.management.remedies import OF_A_WRITE, REMEDIES
from pinning.scopes import ON_REPLICA
from tests.docs.pages import ROOT
from tests.docs.test_pages import slug
from tests.notes.models import Note, Tag

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.urls(__name__),
]


def notes(request):
    if request.method == "POST":
        Note.objects.create(text=request.POST["text"])
    for _ in range(3):
        Note.objects.count()
    with use_primary():
        Tag.objects.count()
    return HttpResponse(status=201 if request.method == "POST" else 200)


def counter(request):
    Note.objects.create(text="visit")
    return HttpResponse()


@unpinned
def quiet_counter(request):
    return counter(request)


def who(request):
    return HttpResponse(request.user.get_username() + request.get_host())


def feed(request):
    return StreamingHttpResponse(str(Note.objects.count()) for _ in range(2))


@use_replica
def figures(request):
    return HttpResponse(Note.objects.count())


async def later(request):
    return HttpResponse(await Note.objects.acount())


def broken(request):
    raise ValueError("the cause")


def empty(request):
    return HttpResponse()


def sent(request):
    Note.objects.create(text=f"{request.GET.urlencode()} {request.body.decode()}")
    return HttpResponse()


VIEWS = (notes, counter, quiet_counter, who, feed, figures, later, broken, empty, sent)
urlpatterns = [path(f"{view.__name__}/", view) for view in VIEWS]

PINNED = "the user has written, and no replica that was asked has it yet (pinned)"
HERE = "tests/management/test_pinning_explain.py"


def told(capsys, *args, **options):
    """All lines but those that say what to do, which come last."""
    call_command("pinning_explain", *args, **options)
    lines = capsys.readouterr().out.splitlines()
    found = [line for line in lines if not line.startswith("- ")]
    assert lines[: len(found)] == found
    return found


def remedies(capsys, *args, **options):
    """The lines that say what to do, which come last."""
    call_command("pinning_explain", *args, **options)
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("- ")]


def test_each_read_has_its_alias_reason_and_line(capsys):
    first, *rows, summary = told(capsys, "/notes/")
    assert first == "GET /notes/ answers 200:"
    assert [row.split()[:4] for row in rows] == [
        ["read", "notes.Note", "replica1", "replica"],
        ["read", "notes.Tag", "default", "use_primary"],
    ]
    assert rows[0].endswith("(3 times)")
    assert all(f"  {HERE}:" in row for row in rows)
    assert summary == (
        "This page reads 3 of 4 from replicas, the rest from the primary, because the code asked "
        "for the primary (use_primary)."
    )


def test_in_shadow_mode_it_tells_what_replicas_would_serve(capsys, settings):
    settings.PINNING = {**settings.PINNING, "USE_REPLICAS": "shadow"}
    *_, summary = told(capsys, "/notes/")
    assert "In shadow mode the primary answers. Without it this page reads 3 of 4" in summary


def test_after_a_write_it_is_served_by_the_primary(capsys):
    *_, summary = told(capsys, "/notes/", after_write=True)
    assert summary.startswith("This page reads 3 of 4 from replicas, ")
    assert f"; after a write nothing from replicas, because {PINNED}, and" in summary


def test_after_a_write_a_replica_may_serve_what_asks_for_it(capsys):
    *_, summary = told(capsys, "/figures/", after_write=True)
    assert summary == "This page reads 1 of 1 from replicas; after a write 1 of 1 from replicas."


@pytest.mark.parametrize(
    "stores", [["cookie"], ["tests.test_middleware.Memory"], ["cookie", "cache"]]
)
def test_after_a_write_leaves_no_pin_in_a_store(capsys, settings, stores):
    settings.PINNING = {**settings.PINNING, "STORES": stores}
    User.objects.create(username="ada")
    for _ in range(2):
        *_, summary = told(capsys, "/later/", after_write=True, user="ada")
        assert summary == (
            "This page reads 1 of 1 from replicas; after a write nothing from replicas, because "
            f"{PINNED}."
        )


def test_each_reason_has_its_remedy_and_the_page_that_tells_more(capsys):
    (last,) = remedies(capsys, "/notes/")
    assert last == (
        "- use_primary: Take use_primary out where old rows do no harm. "
        "See docs/overrides.md#use_primary"
    )
    first, *more = remedies(capsys, "/notes/", after_write=True)
    assert first == last
    assert [line.split()[1] for line in more] == ["pinned:"]
    assert remedies(capsys, "/figures/") == []


def test_a_page_that_pins_whoever_asks_for_it_has_a_remedy(capsys):
    (last,) = remedies(capsys, "/counter/")
    assert last.startswith("- pins: ")
    assert last.endswith(" See docs/recipes.md#what-writes-all-the-time")
    assert remedies(capsys, "/quiet_counter/") == []


def test_a_write_before_the_reads_is_told_once(capsys):
    lines = remedies(capsys, "/notes/", "--method=post", "--data=text=new")
    assert [line.split()[1] for line in lines] == ["written:", "use_primary:"]


def test_every_reason_to_read_on_the_primary_has_a_remedy():
    assert set(Reason) == {*REMEDIES, *ON_REPLICA}


@pytest.mark.parametrize(("what", "page"), [*REMEDIES.values(), OF_A_WRITE])
def test_a_remedy_names_a_page_and_heading_that_are_there(what, page):
    name, _, anchor = page.partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / name).read_text(), re.MULTILINE)
    assert what.endswith(".")
    assert anchor in {slug(heading) for heading in headings}


@pytest.mark.parametrize("words", [*map(str, REMEDIES.values()), *(r.told for r in Reason)])
def test_what_is_said_needs_no_word_that_only_the_docs_explain(words):
    assert not re.search(r"\b(cluster|scope(?!\(\)|-and)|router|identity)\b", words)


def test_a_write_is_told_with_what_it_leaves(capsys):
    first, write, *_, warning, summary = told(capsys, "/notes/", "--method=post", "--data=text=new")
    assert first == "POST /notes/ answers 201:"
    assert write.split()[:5] == ["write", "notes.Note", "default", "INSERT,", "pins"]
    assert "it has written notes.Note." in warning
    assert f"it pins whoever asks for it, because it writes notes.Note ({HERE}:" in summary
    assert Note.objects.get().text == "new"


def test_a_get_that_writes_is_told(capsys):
    *_, warning, summary = told(capsys, "/counter/")
    assert "it has written notes.Note." in warning
    assert summary.startswith(
        "This page reads no model; it pins whoever asks for it, because it writes "
        f"notes.Note ({HERE}:"
    )


def test_a_write_that_pins_nobody_is_told_as_well(capsys):
    _, write, warning, summary = told(capsys, "/quiet_counter/")
    assert "INSERT, pins nobody" in write
    assert "it has written notes.Note." in warning
    assert summary == "This page reads no model."


def test_a_user_is_signed_in_and_nothing_is_left_of_it(capsys, settings):
    User.objects.create(username="ada")
    _, *rows, summary = told(capsys, "/who/", user="ada")
    assert [row.split()[1] for row in rows] == ["auth.User"]
    assert summary == "This page reads 1 of 1 from replicas."
    assert settings.SESSION_ENGINE.endswith(".db")
    assert not Session.objects.exists()
    assert not User.objects.exclude(last_login=None).exists()


def test_a_body_that_streams_and_an_asynchronous_view_are_told(capsys):
    assert told(capsys, "/feed/")[-1] == "This page reads 2 of 2 from replicas."
    assert f"{HERE}:" in told(capsys, "/later/")[1]


def test_a_page_that_fails_or_is_not_there_is_told(capsys):
    assert told(capsys, "/broken/")[0] == "GET /broken/ answers 500:"
    assert told(capsys, "/nowhere/")[0] == "GET /nowhere/ answers 404:"
    assert told(capsys, "/empty/")[-1] == "This page reads no model."


def test_why_a_page_fails_is_told(capsys):
    call_command("pinning_explain", "/broken/")
    assert "ValueError: the cause" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "arrives"),
    [
        ("get", "page=2&text=a+b&text=c "),
        ("post", "page=2 text=a+b&text=c"),
        ("put", "page=2 text=a+b&text=c"),
        ("session", "page=2 text=a+b&text=c"),  # the test client has an attribute of that name
    ],
)
def test_the_form_is_sent_as_the_method_has_it(capsys, method, arrives):
    told(capsys, "/sent/?page=2", f"--method={method}", "--data=text=a b", "--data=text=c")
    assert Note.objects.get().text == arrives


@pytest.mark.parametrize("hosts", [[".notes.example"], ["*"], ["notes.example", "*"]])
def test_the_host_is_one_that_the_site_takes(capsys, settings, hosts):
    settings.ALLOWED_HOSTS = hosts
    assert told(capsys, "/who/")[0] == "GET /who/ answers 200:"
    assert told(capsys, "/who/", host="elsewhere")[0].endswith("200:" if "*" in hosts else "400:")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--user=nobody"], "no user 'nobody'"),
        (["--data=text", "--method=POST"], "NAME=VALUE"),
        (["--method=POST", "--after-write"], "only show"),
    ],
)
def test_a_wrong_option_is_told(options, message):
    with pytest.raises(CommandError, match=message):
        call_command("pinning_explain", "/notes/", *options)


def test_the_help_says_that_it_is_served_for_real(capsys):
    with pytest.raises(SystemExit):
        call_command("pinning_explain", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "for a GET as well as for a POST" in text
