"""What a browser writes at first: many requests at once, and bodies that write as they stream."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pinning import Reason
from tests.live.site.clients import Client, Site, last_read
from tests.live.site.pair import Pair

AT_ONCE = 12


def signed_in(site: Site) -> Client:
    client = site.client()
    assert client.post("/sign-in").status_code == 200
    return site.client({"sessionid": client.cookies["sessionid"]})  # as after MAX_PIN


def written_at_once(site: Site, browser: Client) -> Client:
    """Sends all before any answer has come; they arrive in any order."""

    def write(number: int) -> dict[str, str]:
        tab = site.client(dict(browser.cookies), follows=False)
        response = tab.write(f"{number}")
        assert response.status_code == 302
        return dict(response.cookies)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for cookies in threads.map(write, range(AT_ONCE)):
            browser.cookies.update(cookies)
    return browser


@pytest.mark.parametrize("who", [Site.client, signed_in])
@pytest.mark.parametrize("kind", ["sync-redis", "async-redis", "sync-both"])
def test_of_many_first_writes_at_once_all_are_seen(
    pair: Pair, sites: Callable[..., Site], kind: str, who, figure
):
    site, stale, longest = sites(kind), 0, 0
    for _ in range(10):
        pair.reset()
        browser = who(site)
        pair.replica.wait_until_caught_up()
        pair.replica.pause_replay()
        written_at_once(site, browser)
        longest = max(longest, sum(len(f"{k}={v}; ") for k, v in ours(browser).items()))
        stale += sum(len(browser.notes()) != AT_ONCE for _ in range(3))
        pair.replica.resume_replay()
    figure(f"Stale reads after {AT_ONCE} first writes at once, {kind}, {who.__name__}", stale)
    figure(f"... bytes of our cookies, {kind}, {who.__name__}", longest)
    assert stale == 0


def ours(browser: Client) -> dict[str, str]:
    return {name: value for name, value in browser.cookies.items() if name.startswith("pinning")}


@pytest.mark.parametrize("who", [Site.client, signed_in])
def test_what_the_body_of_a_post_writes_is_seen(site: Site, pair: Pair, who):
    writer = who(site)
    pair.replica.wait_until_caught_up()
    pair.replica.pause_replay()
    response = writer.post("/notes/streamed", params={"text": "late"})
    assert response.text == "written\n"
    assert writer.notes() == ["late"]
    assert last_read(writer.get("/notes")) == ("default", Reason.PINNED)


def test_what_the_body_of_a_get_writes_is_told_of_where_nothing_pins(pair: Pair, sites):
    site = sites("sync-cookie")
    assert site.client().get("/notes/streamed", params={"text": "late"}).text.endswith("written\n")
    told = "tests.live.site.sync_urls.streamed wrote when its headers had left"
    assert told in site.log()
