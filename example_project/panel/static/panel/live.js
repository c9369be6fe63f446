// The live parts that htmx does not do by itself.

// A form may be older than the token: signing in, in another tab too, makes a new one.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )board_csrftoken=([^;]+)/);
  if (token) {
    event.detail.headers["X-CSRFToken"] = token[1];
    delete event.detail.parameters.csrfmiddlewaretoken;
  }
});

// Without cookies we are somebody else: the other half of the page is read like that.
async function lookAsAnotherVisitor() {
  const pane = document.getElementById("other");
  if (!pane) return;
  try {
    const response = await fetch("/other/", { credentials: "omit" });
    const answer = await response.text();
    if (response.ok && !isSame(pane, answer)) pane.outerHTML = answer;
  } catch {
    // The demo was stopped, which the other parts notice too.
  }
  setTimeout(lookAsAnotherVisitor, 1000);
}

// Parts are fetched anew all the time. What has changed is put in place of the old, but not under the
// hands of somebody: a click, a selection, the focus and the slider would be lost with it.
const isSame = (part, answer) => new DOMParser().parseFromString(answer, "text/html").getElementById(part.id)?.textContent === part.textContent;
let slidAt = 0;
let scrolledTo = 0;

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, serverResponse } = event.detail;
  const isHeld = requestConfig.verb === "get" && target.querySelector(":active") !== null;
  const isSliding = target.id === "controls" && Date.now() - slidAt < 1000;
  if (isHeld || isSliding || (target.id === "notes" && isSame(target, serverResponse))) event.detail.shouldSwap = false;
  scrolledTo = document.getElementById("queries")?.scrollLeft;
});

document.addEventListener("htmx:afterSwap", () => {
  const queries = document.getElementById("queries");
  if (queries) queries.scrollLeft = scrolledTo;
});

document.addEventListener("htmx:sendError", () => {
  document.getElementById("stopped").hidden = false;
});

document.addEventListener("htmx:afterOnLoad", () => {
  document.getElementById("stopped").hidden = true;
});

document.addEventListener("input", (event) => {
  if (event.target.id === "lag") {
    slidAt = Date.now();
    document.getElementById("lag-shown").textContent = `${event.target.value} s`;
  }
});

document.addEventListener("DOMContentLoaded", lookAsAnotherVisitor);
