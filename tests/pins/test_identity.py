"""Whose pins they are, told from the request and the response alone."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from freezegun import freeze_time

from pinning.pins import cookies, identity
from pinning.pins.identity import Visitor


def request_with(**cookies):
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies)
    return request


def response_with(**cookies):
    response = HttpResponse()
    for name, value in cookies.items():
        response.set_cookie(name, value)
    return response


def introduced(request):
    """A response that gave the client a name of ours."""
    response = HttpResponse()
    identity.introduce(request, response)
    return response


def cookie_of(response):
    """The only cookie that ``response`` sets, which has the name."""
    (name,) = cookies_of(response)
    assert "-id." in name
    return response.cookies[name]


def cookies_of(response):
    """What the client that got ``response`` keeps of it."""
    return {name: morsel.value for name, morsel in response.cookies.items() if morsel.value}


def returning(response, **cookies):
    """The next request of the client that got ``response``."""
    return request_with(**cookies, **cookies_of(response))


def test_a_client_without_cookies_is_nobody():
    assert identity.identities_of(request_with()) == ()


def test_a_session_is_an_identity():
    assert len(identity.identities_of(request_with(sessionid="abc"))) == 1


def test_the_same_session_is_the_same_identity():
    first, second = request_with(sessionid="abc"), request_with(sessionid="abc", other="x")
    assert identity.identities_of(first) == identity.identities_of(second)


def test_two_sessions_are_two_identities():
    first, second = request_with(sessionid="abc"), request_with(sessionid="abd")
    assert set(identity.identities_of(first)).isdisjoint(identity.identities_of(second))


def test_no_session_key_can_be_read_from_an_identity():
    assert "abc" not in identity.identities_of(request_with(sessionid="abc"))[0]


def request_by(authorization, **cookies):
    request = request_with(**cookies)
    request.META["HTTP_AUTHORIZATION"] = authorization
    return request


def test_a_client_without_cookies_is_known_by_its_token():
    one, same = request_by("Token 401f"), request_by("Token 401f")
    assert len(identity.identities_of(one)) == 1
    assert identity.identities_of(one) == identity.identities_of(same)


@pytest.mark.parametrize("other", ["Token 401e", "Bearer 401f", "Token 401f ", "Basic d3JpdGVy"])
def test_another_header_is_another_identity(other):
    one = identity.identities_of(request_by("Token 401f"))
    assert set(one).isdisjoint(identity.identities_of(request_by(other)))


def test_an_empty_header_is_no_token():
    assert identity.identities_of(request_by("")) == ()


def test_a_header_may_have_any_bytes():
    assert len(identity.identities_of(request_by("Token \xff\xe9\ud800"))) == 1


def test_a_client_may_have_cookies_and_a_token():
    request = request_by("Token 401f", sessionid="abc")
    assert set(identity.identities_of(request)) == {
        *identity.identities_of(request_by("Token 401f")),
        *identity.identities_of(request_with(sessionid="abc")),
    }


def test_a_user_is_the_same_on_all_clients():
    (on_phone,) = identity.identities_of(request_with(), ["5"])
    assert on_phone in identity.identities_of(request_with(sessionid="abc"), ["5"])
    assert on_phone in identity.identities_after(request_with(), HttpResponse(), ["4", "5"])
    assert on_phone not in identity.identities_of(request_with(), ["55"])


def test_what_is_a_name_of_one_kind_is_none_of_another():
    """Else a session cookie that says 5 would have the pins of user 5."""
    kinds = [
        identity.identities_of(request_with(sessionid="5")),
        identity.identities_of(request_by("5")),
        identity.identities_of(request_with(), ["5"]),
    ]
    assert len(set(kinds)) == 3


def test_no_token_or_user_can_be_read_from_an_identity():
    names = identity.identities_of(request_by("Token 401f7ac8"), ["writer"])
    assert "401f" not in "".join(names)
    assert "writer" not in "".join(names)
    assert {len(name) for name in names} == {64}


@override_settings(SECRET_KEY="another")
def test_an_identity_cannot_be_computed_without_the_secret_key():
    here = identity.identities_of(request_with(sessionid="abc"))
    with override_settings(SECRET_KEY="tests"):
        assert identity.identities_of(request_with(sessionid="abc")) != here


def test_while_the_secret_key_is_changed_processes_find_what_the_others_filed():
    """Step by step, as docs/operations.md says: two steps that follow share a name."""
    steps = [("old", []), ("old", ["new"]), ("new", ["old"]), ("new", [])]
    names = []
    for key, fallbacks in steps:
        with override_settings(SECRET_KEY=key, SECRET_KEY_FALLBACKS=fallbacks):
            names.append(set(identity.identities_of(request_with(sessionid="abc"), ["5"])))
    assert [len(step) for step in names] == [2, 4, 4, 2]
    assert names[0] < names[1] == names[2] > names[3]


@override_settings(SESSION_COOKIE_NAME="visit")
def test_the_session_cookie_goes_by_its_setting():
    assert identity.session_of(request_with(visit="abc", sessionid="old")) == "abc"


def test_an_empty_session_cookie_is_no_session():
    assert identity.session_of(request_with(sessionid="")) is None


def test_the_session_stays_when_the_response_does_not_touch_it():
    assert identity.session_after(request_with(sessionid="abc"), HttpResponse()) == "abc"


def test_a_login_changes_the_session_in_the_response_that_wrote():
    request, response = request_with(sessionid="abc"), response_with(sessionid="new")
    assert identity.session_after(request, response) == "new"


def test_a_logout_ends_the_session():
    response = HttpResponse()
    response.delete_cookie("sessionid")
    assert identity.session_after(request_with(sessionid="abc"), response) is None


def test_after_a_login_the_client_is_known_by_its_new_session():
    after = identity.identities_after(request_with(), response_with(sessionid="new"))
    assert after == identity.identities_of(request_with(sessionid="new"))


def test_a_client_with_a_session_gets_a_name():
    response = introduced(request_with(sessionid="abc"))
    assert len(identity.identities_of(returning(response))) == 1


def test_a_client_without_a_session_gets_none():
    assert cookies_of(introduced(request_with())) == {}


def test_a_client_that_gets_a_session_gets_a_name():
    response = response_with(sessionid="abc")
    identity.introduce(request_with(), response)
    assert "pinning-id" in "".join(cookies_of(response))


def test_the_name_given_is_the_one_it_will_come_with():
    request = request_with(sessionid="abc")
    response = introduced(request)
    after = identity.identities_after(request, response)
    assert after == identity.identities_of(returning(response, sessionid="abc"))


def test_first_answers_that_cross_agree_on_one_name():
    with freeze_time("2026-01-01 12:00:00", auto_tick_seconds=1):
        answers = [introduced(request_with(sessionid="abc")) for _ in range(12)]
    jars = [cookies_of(answer) for answer in answers]
    assert len({cookie for jar in jars for cookie in jar}) == 1
    with freeze_time("2026-01-01 12:01:00"):
        assert len({identity.identities_of(request_with(**jar)) for jar in jars}) == 1


def test_a_browser_keeps_no_more_than_two_names_in_few_bytes():
    jar = {}
    for number in range(100):
        jar |= cookies_of(introduced(request_with(sessionid=f"session {number}")))
    assert len(jar) == len(identity.identities_of(request_with(**jar))) == 2
    assert len("; ".join(f"{name}={value}" for name, value in jar.items())) <= 100


@pytest.mark.parametrize("session", ["abc", "\ud800", "x" * 5000])
def test_a_name_has_the_length_that_is_kept_for_it(session):
    assert len(cookie_of(introduced(request_with(sessionid=session))).value) == cookies.IDENTITY


def test_all_names_that_a_client_sends_are_looked_at():
    jar = {}
    for number in range(100):
        jar |= cookies_of(introduced(request_with(sessionid=f"session {number}")))
    request = request_with(sessionid="other", **jar)
    again = introduced(request)
    assert set(cookies_of(again)) < set(jar)
    assert set(identity.identities_after(request, again)) == set(identity.identities_of(request))


@pytest.mark.parametrize("theirs", ["x", "a.b", "longer." + "x" * 43])
def test_a_cookie_of_a_domain_around_hides_no_name(theirs):
    """The browser sends both, and Django keeps the last."""
    jar = cookies_of(introduced(request_with(sessionid="abc")))
    ((cookie, ours),) = jar.items()
    both = RequestFactory().get("/", headers={"cookie": f"{cookie}={ours}; {cookie}={theirs}"})
    assert both.COOKIES[cookie] == theirs
    assert identity.identities_of(both) == identity.identities_of(request_with(**jar))
    again = introduced(
        RequestFactory().get(
            "/", headers={"cookie": f"sessionid=other; {both.META['HTTP_COOKIE']}"}
        )
    )
    assert identity.identities_of(returning(again)) == identity.identities_of(request_with(**jar))


@pytest.mark.parametrize(
    "cookie", ["pinning-id.(=", "pinning-id.", "pinning-id.2", "pinning-id.00", "é"]
)
def test_a_cookie_that_we_cannot_have_given_is_nobody(cookie):
    value = cookie_of(introduced(request_with(sessionid="abc"))).value
    assert identity.identities_of(request_with(**{cookie: value})) == ()


def test_a_client_keeps_its_name():
    request = returning(introduced(request_with(sessionid="abc")), sessionid="abd")
    again = returning(introduced(request), sessionid="abd")
    assert identity.identities_of(again) == identity.identities_of(request)


def test_a_name_outlives_a_login_beside_the_session():
    request = returning(introduced(request_with(sessionid="abc")), sessionid="abd")
    assert len(identity.identities_of(request)) == 2


def test_two_clients_get_two_names():
    first, second = (introduced(request_with(sessionid=name)) for name in ("abc", "abd"))
    assert cookie_of(first).value != cookie_of(second).value


def test_the_name_does_not_show_the_session():
    assert "abc" not in cookie_of(introduced(request_with(sessionid="abc"))).value


def test_a_client_that_logs_out_gets_a_name():
    response = HttpResponse()
    response.delete_cookie("sessionid")
    identity.introduce(request_with(sessionid="abc"), response)
    assert cookie_of(response).value


@pytest.mark.parametrize(
    "value", ["", "abc", "abc.def", ".", "\ud800.x", "é" * 5000, "a.b.c", "A" * 32]
)
def test_a_name_that_we_did_not_sign_is_nobody(value):
    assert identity.identities_of(request_with(**{"pinning-id.0": value})) == ()


def test_a_name_signed_with_another_key_is_nobody():
    with override_settings(SECRET_KEY="another"):
        request = returning(introduced(request_with(sessionid="abc")))
    assert identity.identities_of(request) == ()


@override_settings(PINNING={"MAX_PIN": 60, "WINDOW": 5.5})
def test_a_name_lasts_as_long_as_a_pin():
    assert cookie_of(introduced(request_with(sessionid="abc")))["max-age"] == 60


@override_settings(PINNING={"MAX_PIN": 5, "WINDOW": 5.5})
def test_a_name_lasts_no_shorter_than_the_window():
    assert cookie_of(introduced(request_with(sessionid="abc")))["max-age"] == 6


@pytest.mark.parametrize(
    ("passed", "count"),
    [(0, 1), (86_400 + 60, 1), (86_400 + 62, 0), (-86_400, 1), (-86_400 - 2, 0), (10**8, 0)],
)
def test_a_name_has_an_age(passed, count):
    """Whoever plants one in another's browser cannot do so for ever with the same."""
    with freeze_time("2026-01-01 12:00:00") as clock:
        request = returning(introduced(request_with(sessionid="abc")))
        clock.tick(passed)
        assert len(identity.identities_of(request)) == count


def test_a_name_gets_its_age_anew_with_each_write():
    with freeze_time("2026-01-01 12:00:00") as clock:
        request = returning(introduced(request_with(sessionid="abc")))
        first = identity.identities_of(request)
        for _ in range(5):
            clock.tick(50_000)
            request = returning(introduced(request_with(sessionid="abd", **request.COOKIES)))
            assert identity.identities_of(request) == first


def test_nobody_makes_a_name_younger():
    jar = cookies_of(introduced(request_with(sessionid="abc")))
    ((cookie, value),) = jar.items()
    for place, old in enumerate(value):
        other = value[:place] + ("A" if old != "A" else "B") + value[place + 1 :]
        assert identity.identities_of(request_with(**{cookie: other})) == ()


@override_settings(PINNING={"COOKIE": {"NAME": "pin"}})
def test_the_name_goes_by_the_cookie_setting():
    assert cookie_of(introduced(request_with(sessionid="abc"))).key.startswith("pin-id.")


def cookie_set(response=None, value="x"):
    response = response or HttpResponse()
    cookies.set_cookies(response, {"pinning.1": value}, 4.2)
    return response.cookies["pinning.1"]


def test_a_cookie_cannot_be_read_by_scripts():
    assert cookie_set()["httponly"] is True


def test_a_cookie_does_not_travel_with_posts_of_other_sites():
    assert cookie_set()["samesite"] == "Lax"


def test_the_age_of_a_cookie_is_rounded_up():
    assert cookie_set()["max-age"] == 5


def test_a_cookie_is_not_secure_where_the_session_cookie_is_not():
    assert not cookie_set()["secure"]


@override_settings(SESSION_COOKIE_SECURE=True)
def test_a_cookie_is_secure_where_the_session_cookie_is():
    assert cookie_set()["secure"] is True


@override_settings(PINNING={"COOKIE": {"SECURE": True}})
def test_a_cookie_is_secure_where_the_setting_says_so():
    assert cookie_set()["secure"] is True


@override_settings(PINNING={"COOKIE": {"SECURE": False}}, SESSION_COOKIE_SECURE=True)
def test_a_cookie_is_not_secure_where_the_setting_says_no():
    assert not cookie_set()["secure"]


@override_settings(SESSION_COOKIE_DOMAIN="example.org")
def test_a_cookie_has_the_domain_of_the_session_cookie():
    assert cookie_set()["domain"] == "example.org"


@override_settings(SESSION_COOKIE_PATH="/shop/")
def test_a_cookie_reaches_pages_that_the_session_cookie_does_not():
    """What is written on a page outside /shop/ is read there too."""
    assert cookie_set()["path"] == "/"


@override_settings(
    PINNING={"COOKIE": {"DOMAIN": "a.example.org", "PATH": "/a", "SAMESITE": "Strict"}},
    SESSION_COOKIE_DOMAIN="example.org",
)
def test_a_cookie_goes_where_the_setting_says():
    cookie = cookie_set()
    assert (cookie["domain"], cookie["path"]) == ("a.example.org", "/a")
    assert cookie["samesite"] == "Strict"


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("", {"private"}),
        ("public", {"private"}),
        ("public, max-age=60", {"private", "max-age=60"}),
        ("no-store", {"private", "no-store"}),
    ],
)
def test_no_shared_cache_may_keep_a_response_with_a_cookie(said, sent):
    response = HttpResponse(headers={"Cache-Control": said} if said else {})
    cookie_set(response=response)
    assert set(response["Cache-Control"].split(", ")) == sent


@override_settings(PINNING={"COOKIE": {"DOMAIN": "example.org", "PATH": "/a"}})
def test_a_cookie_is_removed_from_where_it_was_set():
    response = HttpResponse()
    cookies.remove_cookies(response, ["pinning.1"])
    cookie = response.cookies["pinning.1"]
    assert (cookie.value, cookie["max-age"]) == ("", 0)
    assert (cookie["domain"], cookie["path"]) == ("example.org", "/a")


def test_no_shared_cache_may_keep_a_response_that_removes_a_cookie():
    response = HttpResponse(headers={"Cache-Control": "public"})
    cookies.remove_cookies(response, ["pinning.1"])
    assert response["Cache-Control"] == "private"


def test_a_visitor_may_have_no_identity():
    assert Visitor(cookies={}).identities == ()
