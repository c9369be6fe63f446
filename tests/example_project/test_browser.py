"""The example in a real browser, on the real servers. Screenshots are left in .artefacts/."""

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from example_project.panel.modes import NaiveReason
from pinning import Reason
from tests.example_project.conftest import ROOT, Demo, Visitor
from tests.services import give_up, is_required

if not is_required():
    pytest.importorskip("playwright", reason="pip install -e '.[browser]'")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as Late

pytestmark = pytest.mark.live

ARTEFACTS = ROOT / ".artefacts"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Root has no sandbox; and the browser looks for nothing outside this machine.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECOND = 1000
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
expect.set_options(timeout=20 * SECOND)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        give_up("There is no chromium on the PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(
    browser: Browser, demo: Demo, visitor: Visitor, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens pages of a new person's browser; each must be free of errors to the end."""
    complaints: list[str] = []
    contexts = []

    def watch(page: Page) -> None:
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

    def open_page(path: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(20 * SECOND)
        context.on("page", watch)
        contexts.append(context)
        page = context.new_page()
        page.goto(demo.url + path)
        return page

    yield open_page
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    for number, page in enumerate(page for context in contexts for page in context.pages):
        page.screenshot(path=ARTEFACTS / f"{name}-{number}.png", full_page=True)
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


def post(page: Page, text: str) -> None:
    page.get_by_label("New note").fill(text)
    page.get_by_role("button", name="Post", exact=True).click()


def note(page: Page, text: str, pane: str = "notes") -> Any:
    return page.locator(f'#{pane} [data-note="{text}"]')


def verdict(page: Page, kind: str, pane: str = "notes") -> Any:
    return page.locator(f"#{pane} .verdict.{kind}")


def wider_than_the_screen(page: Page) -> int:
    """By how many pixels: what is not seen without moving the page sideways."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus, and see that this can be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus-visible").count():
            outline = page.locator(selector).evaluate("it => getComputedStyle(it).outlineStyle")
            assert outline != "none"
            return
    pytest.fail(f"Tab never reaches {selector}.")


def enter_on(page: Page, selector: str) -> None:
    """Press Enter on a form's button, again if its part of the page was put in anew just then."""
    form = page.locator(selector).evaluate("it => it.form.action")
    for _ in range(3):
        tab_to(page, selector)
        with contextlib.suppress(Late):
            with page.expect_request(form, timeout=3 * SECOND):  # another form may be under way
                page.keyboard.press("Enter")
            return
    pytest.fail(f"Enter does nothing on {selector}.")


class TestWhatItTeaches:
    def test_the_writer_sees_the_note_at_once_and_the_other_visitor_later(self, visitor, page):
        visitor.set(lag="6")
        post(page, "seen by me")
        expect(note(page, "seen by me")).to_be_visible()
        expect(verdict(page, "kept")).to_contain_text("read from the primary")
        expect(verdict(page, "late", "other")).to_contain_text("read from replica1")
        assert note(page, "seen by me", "other").count() == 0
        expect(note(page, "seen by me", "other")).to_be_visible()
        expect(verdict(page, "fresh")).to_contain_text("replica1 has what the user wrote")

    def test_the_panel_updates_itself(self, page):
        panel = page.locator("#panel")
        expect(panel).to_contain_text("None: the store remembers no write of yours.")
        post(page, "for the panel")
        expect(panel).to_contain_text("replica1: known behind by 1 write")
        expect(panel).to_contain_text("not on replica1 yet: the primary answers")
        expect(panel).to_contain_text("INSERT board.Note")
        expect(panel).to_contain_text("replica1 has it")
        expect(panel).to_contain_text("replica1: has every write")
        assert page.locator(".chart polyline").count() > 0

    def test_the_replica_is_paused_killed_and_started(self, page):
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        post(page, "while paused")
        expect(verdict(page, "kept")).to_be_visible()
        page.get_by_role("button", name="Kill").click()
        expect(verdict(page, "alone")).to_contain_text("read from the primary")
        expect(note(page, "while paused")).to_be_visible()
        page.get_by_role("button", name="Start it").click()
        expect(verdict(page, "fresh")).to_contain_text("replica1")

    def test_an_error_without_pinning_breaks_no_part_of_the_page(self, visitor, page):
        like = page.locator("#notes form").first.element_handle()
        visitor.set(mode="off", action="kill")
        like.evaluate("form => form.requestSubmit()")
        expect(verdict(page, "missing")).to_contain_text("the replica is dead")
        page.get_by_label("New note").fill("posted in vain")
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_role("button", name="Post", exact=True)).to_be_enabled()
        expect(page.get_by_label("New note")).to_have_value("posted in vain")
        visitor.set(mode="position", action="restart")
        expect(verdict(page, "fresh")).to_contain_text("replica1")

    @pytest.mark.usefixtures("redis_server")
    def test_pins_can_live_in_redis(self, page):
        page.get_by_role("radio", name="Redis").check()
        expect(page.get_by_role("radio", name="Redis")).to_be_checked()
        post(page, "a pin in redis")
        expect(verdict(page, "kept")).to_be_visible()
        expect(page.locator("#panel")).to_contain_text("not on replica1 yet: the primary answers")

    def test_a_wait_is_shown_and_can_be_set(self, visitor, page):
        visitor.set(lag="0.5")
        page.get_by_role("radio", name="2 s").check()
        expect(page.get_by_role("radio", name="2 s")).to_be_checked()
        post(page, "worth a wait")
        waited = re.compile(r"replica1 has what the user wrote; waited \d+ ms")
        expect(page.locator("#queries .why").filter(has_text=waited).first).to_be_visible()

    def test_page_and_panel_never_contradict_each_other(self, visitor, page):
        """Looked at in the browser at each change, as somebody does who sees both."""
        visitor.set(lag="1")
        page.evaluate(
            """() => {
                window.seen = [];
                const look = () => window.seen.push([
                    document.querySelector("#notes .verdict").textContent,
                    document.querySelector("#panel h3").textContent,
                ]);
                document.addEventListener("htmx:afterRequest", look);
            }"""
        )
        for mode in ("off", "position"):
            visitor.set(mode=mode)
            post(page, f"looked at with pinning {mode}")
            page.wait_for_timeout(4 * SECOND)
        seen = page.evaluate("window.seen")
        assert {"known behind" in panel for _, panel in seen} == {True, False}
        for said, panel in seen:
            assert ("has every write" in panel) == ("has all that the primary has" in said)

    def test_an_answer_that_comes_late_brings_nothing_back(self, visitor, page):
        """A page that was asked for before a note was posted is not shown after it."""
        visitor.set(lag="0")
        page.evaluate(
            """() => {
                window.vanished = false;
                let wasThere = false;
                setInterval(() => {
                    const isThere = document.querySelector('#notes [data-note="stays"]') !== null;
                    window.vanished ||= wasThere && !isThere;
                    wasThere = isThere;
                }, 5);
            }"""
        )
        page.route("**/", late)
        page.wait_for_timeout(1.2 * SECOND)  # now one is under way
        post(page, "stays")
        expect(note(page, "stays")).to_be_visible()
        page.wait_for_timeout(2 * SECOND)
        assert not page.evaluate("window.vanished")


def late(route: Any) -> None:
    """Bring the answer to a question of the page half a second after it was given."""
    if route.request.method != "GET":
        return route.continue_()
    with contextlib.suppress(Error):  # nobody wants it any more
        response = route.fetch()
        time.sleep(0.5)
        route.fulfill(response=response)
    return None


class TestTour:
    """It stays where it is until somebody goes on."""

    def test_it_shows_the_bug_and_the_two_remedies(self, page):
        told = page.locator("#tour-text")
        page.get_by_role("button", name="Start the tour").click()
        expect(told).to_contain_text(re.compile(r"^1 of 4\. Pinning is off\. .* is missing\."))
        expect(verdict(page, "missing")).to_contain_text("pinning is off")
        page.screenshot(path=ARTEFACTS / "tour-1.png")
        page.wait_for_timeout(8 * SECOND)  # longer than the lag, and than the window
        expect(told).to_contain_text(re.compile(r"^1 of 4\. Pinning is off\. .* is missing\."))
        expect(verdict(page, "missing")).to_contain_text("pinning is off")
        page.get_by_role("button", name="Next").click()
        expect(told).to_contain_text(re.compile(r"^2 of 4\. .* is there, although"))
        expect(told).to_contain_text(re.compile(r"^2 of 4\. .* is missing\.$"))
        expect(verdict(page, "missing")).to_contain_text("the window of 5 s is over")
        page.screenshot(path=ARTEFACTS / "tour-2.png")
        page.get_by_role("button", name="Next").click()
        expect(told).to_contain_text(re.compile(r"^3 of 4\. .* It is there and stays\."))
        expect(verdict(page, "kept")).to_be_visible()
        page.screenshot(path=ARTEFACTS / "tour-3.png")
        page.get_by_role("button", name="Next").click()
        expect(told).to_contain_text(re.compile(r"^4 of 4\. .* At no time was the note missing\."))
        expect(verdict(page, "fresh")).to_contain_text("replica1 has what the user wrote")
        page.get_by_role("button", name="End").click()
        expect(told).to_contain_text("The tour has ended.")
        expect(page.get_by_role("radio", name="by position")).to_be_checked()
        expect(page.locator("#lag-shown")).to_have_text("3 s")
        expect(page.get_by_role("button", name="Start the tour")).to_be_focused()

    def test_it_goes_by_keys(self, page):
        told = page.locator("#tour-text")
        page.get_by_role("button", name="Start the tour").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Next")).to_be_focused()
        expect(told).to_contain_text("is missing.")
        page.keyboard.press("ArrowRight")
        expect(told).to_contain_text(re.compile(r"^2 of 4\. Pinning by clock"))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(told).to_contain_text(re.compile(r"^4 of 4\. Pinning by position"))
        expect(page.get_by_role("button", name="End")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(told).to_contain_text(re.compile(r"^3 of 4\. .* It is there and stays\."))
        page.get_by_label("New note").press("ArrowLeft")
        page.keyboard.press("Alt+ArrowRight")
        expect(told).to_contain_text("3 of 4.")
        page.keyboard.press("Escape")
        expect(told).to_contain_text("The tour has ended.")
        expect(page.get_by_role("button", name="Pause")).to_be_visible()

    def test_it_can_be_ended_while_a_step_begins(self, page):
        newest = page.locator("#notes li").first.get_attribute("data-note")
        page.get_by_role("button", name="Start the tour").click()
        page.keyboard.press("Escape")
        expect(page.locator("#tour-text")).to_contain_text("The tour has ended.")
        page.wait_for_timeout(2 * SECOND)
        expect(page.get_by_role("radio", name="by position")).to_be_checked()
        assert page.locator("#notes li").first.get_attribute("data-note") == newest

    def test_it_plays_by_itself_when_asked(self, page):
        assert int(page.locator("#tour").get_attribute("data-seconds")) >= 10
        page.locator("#tour").evaluate("it => { it.dataset.seconds = 2; }")
        told = page.locator("#tour-text")
        page.get_by_role("button", name="Start the tour").click()
        page.get_by_label("Play slowly").check()
        for number in range(1, 5):
            expect(told).to_contain_text(re.compile(rf"^{number} of 4\. Pinning"))
        page.wait_for_timeout(3 * SECOND)
        expect(told).to_contain_text("4 of 4.")

    def test_it_says_what_the_page_shows_also_when_somebody_works_the_replica(self, visitor, page):
        page.get_by_role("button", name="Start the tour").click()
        told = page.locator("#tour-text")
        expect(told).to_contain_text("is missing.")
        page.get_by_role("button", name="Resume").click()
        expect(told).to_contain_text("by now")


class TestPeople:
    def test_signing_in_under_lag_lasts(self, page):
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("pinning")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Signed in as ada")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Signed in as ada")).to_be_visible()
        expect(verdict(page, "fresh")).to_contain_text("replica1")
        page.reload()
        expect(page.get_by_text("Signed in as ada")).to_be_visible()

    def test_the_back_button_shows_what_is_new(self, page):
        post(page, "with a comment")
        note(page, "with a comment").get_by_role("link").click()
        page.get_by_label("New comment").fill("on my way back")
        page.get_by_role("button", name="Comment").click()
        expect(page.locator(".notes")).to_contain_text("on my way back")
        while page.locator("#notes").count() == 0:
            page.go_back()
        expect(note(page, "with a comment")).to_contain_text("1 comment")

    def test_a_double_click_posts_one_note(self, page):
        page.get_by_label("New note").fill("only once")
        page.get_by_role("button", name="Post", exact=True).dblclick()
        expect(note(page, "only once")).to_be_visible()
        page.wait_for_timeout(1 * SECOND)  # for what the second click may have sent
        page.reload()
        assert note(page, "only once").count() == 1

    def test_a_form_that_is_sent_twice_at_once_posts_one_note(self, page):
        page.get_by_label("New note").fill("sent twice")
        page.evaluate(
            """async () => {
                const form = document.getElementById("post");
                const send = () => fetch("/", { method: "POST", body: new FormData(form) });
                await Promise.all([send(), send()]);
            }"""
        )
        page.reload()
        assert note(page, "sent twice").count() == 1

    def test_two_tabs_are_one_person(self, visitor, page):
        visitor.set(lag="10")
        other_tab = page.context.new_page()
        other_tab.goto(page.url)
        post(page, "from the first tab")
        expect(note(page, "from the first tab")).to_be_visible()
        other_tab.reload()
        assert note(other_tab, "from the first tab").count() == 1
        assert verdict(other_tab, "kept").count() == 1

    def test_signing_in_in_one_tab_leaves_the_other_in_order(self, page):
        other_tab = page.context.new_page()
        other_tab.goto(f"{page.url}login/")
        other_tab.get_by_label("Username").fill("grace")
        other_tab.get_by_label("Password").fill("pinning")
        other_tab.get_by_role("button", name="Sign in").click()
        expect(other_tab.get_by_text("Signed in as grace")).to_be_visible()
        post(page, "as grace by now")
        expect(note(page, "as grace by now")).to_contain_text("by grace")

    def test_it_fits_a_phone(self, open_page):
        page = open_page(**PHONE)
        post(page, "a note of " + "very" * 40 + " long words")
        expect(verdict(page, "kept")).to_be_visible()
        assert wider_than_the_screen(page) <= 0
        for button in page.get_by_role("button").all():
            assert button.bounding_box()["height"] >= 24
        page.get_by_role("button", name=re.compile("^Like a note of")).click()
        expect(note(page, "a note of " + "very" * 40 + " long words")).to_contain_text("♥ 1")

    def test_on_a_phone_the_panel_is_one_tap_away(self, open_page):
        page = open_page(**PHONE)
        page.locator("#notes li").last.scroll_into_view_if_needed()
        page.get_by_role("link", name="What happens").click()
        expect(page.get_by_role("heading", name="What happens")).to_be_in_viewport()
        page.get_by_role("link", name="You", exact=True).click()
        expect(page.get_by_role("heading", name="You", exact=True)).to_be_in_viewport()

    def test_the_panel_stays_in_its_place_while_what_is_above_it_grows(self, open_page):
        page = open_page(**PHONE)
        page.add_init_script(
            """const held = new Promise((go) => { window.letGo = go; });
            const fetched = window.fetch;
            window.fetch = async (...what) => { await held; return fetched(...what); };"""
        )
        page.reload()
        page.get_by_role("link", name="What happens").click()
        place = "document.getElementById('panel').getBoundingClientRect().top"
        page.wait_for_function(f"{place} < 100")
        before = page.evaluate(place)
        page.evaluate("letGo()")
        expect(page.locator("#other .verdict")).to_be_attached()
        assert page.evaluate(place) == pytest.approx(before, abs=2)

    def test_what_was_away_for_a_while_has_the_focus_again(self, visitor, page):
        visitor.set(lag="30")
        post(page, "away for a while")
        note(page, "away for a while").get_by_role("button").focus()
        visitor.set(mode="off")
        expect(note(page, "away for a while")).not_to_be_attached()
        visitor.set(mode="position")
        expect(note(page, "away for a while").get_by_role("button")).to_be_focused()

    @pytest.mark.parametrize("width", [360, 1280])
    def test_a_reason_takes_two_lines_at_most(self, open_page, width):
        page = open_page(viewport={"width": width, "height": 800})
        reasons = [reason.explanation for reason in Reason]
        reasons += [NaiveReason.explanation, "replica1 has what the user wrote; waited 1999 ms"]
        lines = page.evaluate(
            """reasons => reasons.map((said) => {
                const queries = document.getElementById("queries");
                const why = queries.appendChild(document.createElement("li"));
                why.textContent = said;
                const { lineHeight, paddingTop } = getComputedStyle(why);
                const height = why.clientHeight - 2 * parseFloat(paddingTop);
                why.remove();
                return Math.round(height / parseFloat(lineHeight));
            })""",
            reasons,
        )
        assert set(lines) <= {1, 2}, dict(zip(reasons, lines, strict=True))

    @pytest.mark.parametrize(("width", "height"), [(1280, 720), (1280, 800), (1920, 1080)])
    def test_the_list_of_queries_ends_within_the_screen(self, visitor, open_page, width, height):
        page = open_page(viewport={"width": width, "height": height})
        for mode in ["clock", "off", "position"] * 3:  # until the list is long
            visitor.set(mode=mode)
            post(page, f"by {mode}")
            if page.locator("#queries li").count() > 8:
                break
        expect(page.locator("#queries li").nth(8)).to_be_attached()
        bottom = page.locator("#panel").evaluate("it => it.getBoundingClientRect().bottom")
        assert bottom <= height
        assert page.locator("#queries").evaluate("it => it.clientHeight") >= 100
        assert page.evaluate("document.documentElement.scrollHeight") <= height

    def test_the_longest_word_fits_a_phone_wherever_it_is_quoted(self, visitor, open_page):
        page = open_page(**PHONE)
        visitor.set(mode="off", lag="10")
        post(page, "w" * 200)
        expect(verdict(page, "missing")).to_contain_text("w" * 200)
        said = verdict(page, "missing").inner_text()
        page.evaluate("said => { document.getElementById('tour-text').textContent = said; }", said)
        assert wider_than_the_screen(page) <= 0
        visitor.set(lag="0", mode="position")
        note(page, "w" * 200).get_by_role("link").click()
        expect(page.get_by_label("New comment")).to_be_visible()
        assert wider_than_the_screen(page) <= 0

    def test_it_works_by_keyboard_alone(self, page):
        tab_to(page, "#lag")
        page.keyboard.press("End")
        expect(page.locator("#lag-shown")).to_have_text("30 s")
        page.keyboard.press("Home")
        tab_to(page, "#mode-position")
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("radio", name="by clock")).to_be_checked()
        tab_to(page, "#post [name=text]")
        page.keyboard.type("typed")
        page.keyboard.press("Enter")
        expect(note(page, "typed")).to_be_visible()
        enter_on(page, "#notes li:first-child button")
        expect(note(page, "typed")).to_contain_text("♥ 1")
        page.wait_for_timeout(2.5 * SECOND)  # the part has been fetched anew meanwhile
        expect(page.locator("#notes li:first-child button")).to_be_focused()

    def test_what_updates_itself_is_not_taken_from_under_ones_hands(self, visitor, page):
        post(page, "held")
        like = note(page, "held").get_by_role("button")
        like.hover()
        page.mouse.down()
        page.wait_for_timeout(2.5 * SECOND)
        page.mouse.up()
        expect(note(page, "held")).to_contain_text("♥ 1")
        expect(verdict(page, "fresh")).to_be_visible()
        note(page, "held").get_by_role("link").focus()
        note(page, "held").locator("p").first.evaluate("it => getSelection().selectAllChildren(it)")
        visitor.post("by another visitor")
        page.wait_for_timeout(2.5 * SECOND)
        expect(note(page, "held").get_by_role("link")).to_be_focused()
        assert page.evaluate("getSelection().toString()") == "held"
        page.evaluate("getSelection().removeAllRanges()")
        expect(note(page, "by another visitor")).to_be_visible()

    def test_the_slider_takes_every_key(self, visitor, page):
        tab_to(page, "#lag")
        for _ in range(20):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(0.05 * SECOND)
        page.wait_for_timeout(4.5 * SECOND)  # the strip has been fetched anew meanwhile
        expect(page.locator("#lag-shown")).to_have_text("12 s")
        assert 'value="12.0"' in visitor.look().text

    def test_the_strip_shows_what_others_do_also_while_it_has_the_focus(self, visitor, page):
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_role("button", name="Resume", exact=True)).to_be_focused()
        visitor.set(action="resume")
        expect(page.get_by_role("button", name="Pause", exact=True)).to_be_focused()

    def test_what_is_typed_stays_while_the_page_updates_itself(self, page):
        page.get_by_label("New note").press_sequentially("half a ")
        page.wait_for_timeout(2.5 * SECOND)
        page.get_by_label("New note").press_sequentially("note")
        expect(page.get_by_label("New note")).to_have_value("half a note")

    def test_it_works_without_javascript(self, open_page):
        page = open_page(java_script_enabled=False)
        post(page, "without a script")
        expect(note(page, "without a script")).to_be_visible()
        page.get_by_role("button", name="Like without a script").click()
        expect(note(page, "without a script")).to_contain_text("♥ 1")
        page.get_by_role("radio", name="off").check()
        page.get_by_role("button", name="Set").nth(1).click()
        expect(page.get_by_role("radio", name="off")).to_be_checked()

    def test_without_javascript_nothing_is_promised_that_does_not_come(self, open_page):
        page = open_page(java_script_enabled=False)
        expect(page.locator("noscript p")).to_contain_text("the page stays as it was")
        expect(page.locator("noscript p")).to_be_visible()
        expect(page.locator("#panel")).to_contain_text("replica1: has every write")
        for promise in page.locator(".needs-script").all():
            expect(promise).to_be_hidden()
        expect(page.get_by_role("heading", name="Another visitor")).to_be_hidden()
        assert page.get_by_role("button", name="Start the tour").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(demo, open_page, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    post(page, f"in {scheme}, {width} wide")
    expect(verdict(page, "kept")).to_be_visible()
    assert problems(page) == ""
    page.get_by_role("button", name="Start the tour").click()
    expect(page.locator("#tour-text")).to_contain_text("is missing.")
    assert problems(page) == ""
    page.keyboard.press("Escape")
    expect(note(page, f"in {scheme}, {width} wide")).to_be_visible()
    note(page, f"in {scheme}, {width} wide").get_by_role("link").click()
    expect(page.get_by_label("New comment")).to_be_visible()
    assert problems(page) == ""
    page.goto(f"{demo.url}login/")
    assert problems(page) == ""


def problems(page: Page) -> str:
    """What axe finds: labels, names, landmarks, contrast and more."""
    found = Axe().run(page)
    return found.generate_report() if found.violations_count else ""
