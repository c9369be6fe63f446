"""What users do, on a replica that has stopped to replay."""

import httpx
import pytest

from pinning import Reason
from tests.live.conftest import on_each_database
from tests.live.site.clients import Site, last_read, reads, soon
from tests.live.site.pair import Pair

pytestmark = on_each_database


def is_on_replica(response: httpx.Response) -> bool:
    return {alias for _, alias, _ in reads(response)} == {"replica1"}


def test_the_writer_sees_the_note_and_others_stay_on_the_replica(site: Site, pair: Pair):
    writer, other = site.client(), site.client()
    pair.replica.pause_replay()
    assert is_on_replica(other.get("/notes"))

    response = writer.write("new")
    assert response.url.path == "/notes"
    assert response.json() == {"notes": ["new"]}
    assert last_read(response) == ("default", Reason.PINNED)
    assert writer.notes() == ["new"]

    assert other.notes() == []
    assert is_on_replica(other.get("/notes"))

    pair.replica.resume_replay()
    pair.replica.wait_until_caught_up()
    assert soon(lambda: is_on_replica(writer.get("/notes")))
    response = writer.get("/notes")
    assert response.json() == {"notes": ["new"]}
    assert last_read(response) == ("replica1", Reason.CAUGHT_UP)


def test_the_pin_holds_beyond_the_window_while_the_replica_lags(pair: Pair, sites):
    site = sites("sync-cookie", pinning={"WINDOW": 0.1})
    writer = site.client()
    pair.replica.set_delay(2)
    writer.write("new")
    seen = [writer.get("/notes") for _ in range(5)]
    assert all(response.json() == {"notes": ["new"]} for response in seen)
    pair.replica.set_delay(0)
    pair.replica.wait_until_caught_up()
    caught_up = ("replica1", Reason.CAUGHT_UP)
    assert soon(lambda: last_read(writer.get("/notes")) == caught_up)


def test_login_survives_lag(site: Site, pair: Pair):
    pair.replica.pause_replay()
    browser = site.client()
    assert browser.post("/sign-in").json() == {"user": "writer"}
    assert browser.get("/me").json() == {"user": "writer"}
    browser.write("mine")
    assert browser.notes() == ["mine"]
    assert browser.get("/me").json() == {"user": "writer"}


def test_a_note_written_before_login_or_logout_is_seen_after_it(site: Site, pair: Pair):
    pair.replica.pause_replay()
    browser = site.client()
    browser.write("before")
    browser.post("/sign-in")
    assert browser.notes() == ["before"]
    browser.post("/sign-out")
    assert browser.get("/me").json() == {"user": ""}
    assert browser.notes() == ["before"]


def test_two_tabs_share_a_pin(site: Site, pair: Pair):
    pair.replica.pause_replay()
    tab = site.client()
    tab.write("one")
    other_tab = site.client(tab.cookies)
    assert other_tab.notes() == ["one"]


@pytest.mark.parametrize("last", ["one", "two"])
def test_of_two_first_writes_neither_is_lost(site: Site, pair: Pair, last: str):
    """As of a double click: both are sent without cookies, and the answers come in any order."""
    tabs = {text: site.client(follows=False) for text in ("one", "two")}
    tabs["one"].write("one")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    tabs["two"].write("two")
    browser = site.client(next(tab for text, tab in tabs.items() if text != last).cookies)
    browser.cookies.update(tabs[last].cookies)
    assert sorted(browser.notes()) == ["one", "two"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/notes/rolled-back", {"text": "never"}),
        ("/notes/validated", {"text": ""}),
        ("/tags", {"name": "there"}),
    ],
)
def test_what_wrote_nothing_pins_nobody(site: Site, pair: Pair, path: str, data: dict[str, str]):
    pair.execute("INSERT INTO notes_tag (name) VALUES ('there')")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    browser = site.client()
    response = browser.post(path, data=data)
    assert response.status_code in {200, 400}
    assert not response.cookies
    assert is_on_replica(browser.get("/notes"))


@pytest.mark.parametrize("path", ["/notes/raw", "/notes/validated", "/notes/unseen"])
def test_other_writes_pin(site: Site, pair: Pair, path: str):
    pair.replica.pause_replay()
    browser = site.client()
    browser.write("new", path)
    assert browser.notes() == ["new"]


def test_a_get_that_writes_pins(site: Site, pair: Pair):
    pair.replica.pause_replay()
    browser = site.client()
    browser.get("/notes/by-get", params={"text": "new"})
    assert browser.notes() == ["new"]


def test_an_error_after_the_commit_pins(site: Site, pair: Pair):
    pair.replica.pause_replay()
    browser = site.client()
    assert browser.write("new", "/notes/failed").status_code == 500
    assert browser.notes() == ["new"]


def test_a_generic_relation_is_written_on_the_primary_and_read_back(site: Site, pair: Pair):
    pair.execute(
        "INSERT INTO notes_note (text) VALUES ('note'); "
        "INSERT INTO notes_comment (text, object_id, content_type_id) SELECT 'old', notes_note.id, "
        "django_content_type.id FROM notes_note, django_content_type WHERE model = 'note'"
    )
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    browser = site.client()
    response = browser.post("/comments/update", data={"note": "note", "text": "new"})
    assert response.status_code == 200
    assert browser.notes("/comments") == ["new"]
    assert site.client().notes("/comments") == ["old"]


def test_a_streamed_body_is_read_where_the_request_is(site: Site, pair: Pair):
    pair.execute("INSERT INTO notes_note (text) VALUES ('old')")
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    writer = site.client()
    assert site.client().get("/notes/streamed").text == "replica1:old\n"
    writer.write("new")
    assert writer.get("/notes/streamed").text == "default:old\ndefault:new\n"


@pytest.mark.parametrize("kind", ["sync-redis", "async-redis"])
def test_a_write_while_streaming_reaches_the_server_side_store(pair: Pair, sites, kind: str):
    pair.replica.pause_replay()
    browser = sites(kind).client()
    browser.post("/sign-in")
    assert browser.get("/notes/streamed", params={"text": "late"}).text == "written\n"
    assert browser.notes() == ["late"]


def test_late_templates_are_pinned(pair: Pair, sites):
    pair.replica.pause_replay()
    browser = sites("sync-cookie").client()
    browser.write("new")
    assert browser.get("/notes/rendered").text == "new "


def test_overrides_hold_for_views_and_what_they_return(site: Site, pair: Pair):
    pair.replica.pause_replay()
    writer, other = site.client(), site.client()
    writer.write("new")
    assert writer.notes("/notes/on-replica") == []
    assert other.notes("/notes/on-primary") == ["new"]
    assert other.get("/notes/rendered/on-primary").text == "new "
    assert other.get("/notes/rendered").text == ""


def test_a_search_by_post_reads_from_the_replica(site: Site, pair: Pair):
    pair.execute("INSERT INTO notes_note (text) VALUES ('old')")
    pair.replica.wait_until_caught_up()
    response = site.client().post("/notes/search", data={"text": "old"})
    assert response.json() == {"notes": ["old"]}
    assert is_on_replica(response)


@pytest.mark.parametrize("atomic_requests", [True, False])
def test_a_get_that_writes_reads_its_own_write(pair: Pair, sites, atomic_requests: bool):
    pair.replica.pause_replay()
    browser = sites("sync-cookie", atomic_requests=atomic_requests).client()
    response = browser.get("/notes/written-and-read", params={"text": "new"})
    assert response.json() == {"notes": ["new"]}
    assert last_read(response) == ("default", Reason.WRITTEN)


def test_the_database_is_read_on_the_replica_under_atomic_requests(pair: Pair, sites):
    site = sites("sync-cookie", atomic_requests=True)
    pair.replica.pause_replay()
    writer, other = site.client(), site.client()
    assert is_on_replica(other.get("/notes"))
    assert last_read(other.get("/notes/atomic")) == ("default", Reason.TRANSACTION)
    assert writer.write("new").json() == {"notes": ["new"]}
    assert writer.get("/notes/rendered").text == "new "
    assert writer.write("never", "/notes/failed").status_code == 500
    assert writer.notes() == ["new"]
    browser = site.client()
    assert not browser.write("never", "/notes/failed").cookies
    assert is_on_replica(browser.get("/notes"))
    browser.get("/notes/by-get", params={"text": "by get"})
    assert browser.notes() == ["new", "by get"]


def test_a_get_sets_no_cookie_and_may_be_cached(site: Site, pair: Pair):
    response = site.client().get("/notes")
    assert "set-cookie" not in response.headers
    assert "cache-control" not in response.headers


def test_a_write_is_kept_from_shared_caches(site: Site, pair: Pair):
    browser = site.client(follows=False)
    response = browser.post("/notes", data={"text": "new"})
    assert response.headers["cache-control"] == "private"
    assert "HttpOnly" in response.headers["set-cookie"]


@pytest.mark.parametrize("kind", ["sync-cookie", "async-cookie"])
def test_broken_cookies_are_ignored(pair: Pair, sites, kind: str):
    site: Site = sites(kind)
    browser = site.client(follows=False)
    browser.post("/notes", data={"text": "new"})
    name, value = max(browser.cookies.items(), key=lambda cookie: len(cookie[1]))  # the token
    for broken in (value[:-1], "x", "", value[::-1], value[1:]):
        forger = site.client({name: broken})
        pair.replica.pause_replay()
        response = forger.get("/notes")
        assert response.status_code == 200
        assert last_read(response)[1] in {Reason.REPLICA, Reason.NO_REPLICA}  # it may lag by now
        assert "set-cookie" not in response.headers
