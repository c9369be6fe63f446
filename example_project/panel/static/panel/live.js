// The live parts that htmx does not do by itself.

// A form may be older than the token: signing in, in another tab too, makes a new one.
document.addEventListener("htmx:configRequest", (event) => {
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
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
    if (response.ok) pane.outerHTML = await response.text();
  } catch {
    // The demo was stopped; htmx tells of it for the other parts.
  }
  setTimeout(lookAsAnotherVisitor, 1000);
}

document.addEventListener("input", (event) => {
  if (event.target.id === "lag") {
    document.getElementById("lag-shown").textContent = `${event.target.value} s`;
  }
});

document.addEventListener("DOMContentLoaded", lookAsAnotherVisitor);
