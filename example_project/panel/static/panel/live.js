// The live parts that htmx does not do by itself.

document.documentElement.classList.add("scripted");

// A form may be older than the token: signing in, in another tab too, makes a new one.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )board_csrftoken=([^;]+)/);
  if (token) {
    event.detail.headers["X-CSRFToken"] = token[1];
    delete event.detail.parameters.csrfmiddlewaretoken;
  }
});

// Without cookies we are somebody else: the other half of the page is read like that, right after
// the rest, so that both show the same moment.
let isLooking = false;

async function lookAsAnotherVisitor() {
  const pane = document.getElementById("other");
  if (!pane || isLooking) return;
  isLooking = true;
  try {
    const response = await fetch(otherUrl, { credentials: "omit" });
    const found = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("other");
    if (!found || found.textContent === pane.textContent) return;
    remember();
    pane.replaceWith(found);
    restore();
  } catch {
    // The demo was stopped, which the rest of the page says.
  } finally {
    isLooking = false;
  }
}

const otherUrl = document.getElementById("other")?.dataset.source;
if (otherUrl) {
  document.addEventListener("htmx:afterRequest", lookAsAnotherVisitor);
  lookAsAnotherVisitor();
}

// The whole page is fetched anew all the time, and its parts put in place of the old ones. But not
// under the hands of somebody: a click, a selection and the slider would be lost with them.
let slidAt = 0;
let selectedAt = 0;

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const isHeld = target.querySelector(":active") !== null;
  const isSliding = target.id === "controls" && Date.now() - slidAt < 1000;
  const isSame = target.id === "notes" && target.textContent === fragment.textContent;
  const isSelected = Date.now() - selectedAt < 10000 && getSelection().containsNode(target, true) && !getSelection().isCollapsed;
  if (isHeld || isSliding || isSame || isSelected) event.detail.shouldSwap = false;
  remember();
});

document.addEventListener("htmx:oobAfterSwap", () => restore());

// What somebody reads stays where it is on the screen, although parts above it grow. And what had
// the focus gets it back, also when it was away for a while: a note that a late replica lacked.
const columns = () => [...document.querySelectorAll(".columns > *")];
const topOf = (part) => part.getBoundingClientRect().top;
let place = { index: -1, top: 0, queries: 0 };
let focused = "";

function remember() {
  const tops = columns().map(topOf);
  const index = tops.findLastIndex((top) => top < innerHeight / 2);
  place = { index, top: tops[index], queries: document.getElementById("queries").scrollTop };
}

function restore() {
  document.getElementById("queries").scrollTop = place.queries;
  const part = columns()[place.index];
  if (part) scrollBy(0, topOf(part) - place.top);
  if (document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
}

document.addEventListener("focusin", (event) => {
  focused = event.target.id;
});
document.addEventListener("pointerdown", () => {
  focused = "";
});

// What was asked for before a click was answered may be older than the answer.
let clicks = 0;
let unanswered = 0;

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (detail.requestConfig.verb === "post") unanswered += 1;
  detail.requestConfig.clicks = clicks;
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { verb, clicks: known } = detail.requestConfig;
  if (verb === "get" && (unanswered || known !== clicks)) detail.shouldSwap = false;
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.requestConfig.verb !== "post") return;
  unanswered -= 1;
  clicks += 1;
});

document.addEventListener("input", (event) => {
  if (event.target.id === "lag") {
    slidAt = Date.now();
    document.getElementById("lag-shown").textContent = `${event.target.value} s`;
  }
});

document.addEventListener("selectionchange", () => {
  selectedAt = Date.now();
});

const isStopped = (is) => {
  document.getElementById("stopped").hidden = !is;
};

document.addEventListener("htmx:sendError", () => isStopped(true));
document.addEventListener("htmx:responseError", (event) => isStopped(event.detail.xhr.status >= 500));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) isStopped(false);
});
