// The tour works the controls and the form as a visitor would, and tells what it sees on the page.

const button = document.getElementById("tour-button");
const text = document.getElementById("tour-text");
let tour = null;

class Stopped extends Error {}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(question, seconds, otherwise) {
  const end = Date.now() + seconds * 1000;
  while (!question()) {
    if (tour.stopped) throw new Stopped();
    if (Date.now() > end) throw new Error(otherwise);
    await pause(100);
  }
}

const set = (values) => htmx.ajax("POST", "/controls/", { values, target: "#controls", swap: "outerHTML" });
const shows = (note) => [...document.querySelectorAll("#notes [data-note]")].some((item) => item.dataset.note === note);
const verdict = () => document.querySelector("#notes .verdict").textContent;
const isFresh = () => document.querySelector("#notes .verdict.fresh") !== null;

function say(sentence) {
  text.textContent = sentence;
}

async function read(sentence, seconds = 2.5) {
  say(sentence);
  const end = Date.now() + seconds * 1000;
  await until(() => Date.now() > end, seconds + 1, "");
}

async function post(note) {
  document.querySelector("#post [name=text]").value = note;
  const posted = new Promise((resolve) => document.addEventListener("htmx:afterSettle", resolve, { once: true }));
  document.getElementById("post").requestSubmit();
  await posted;
  await until(() => document.querySelector("#post [name=text]").value === "", 10, "The note was not posted.");
}

async function begin(mode, lag, sentence) {
  await set({ lag: 0 });
  await until(isFresh, 15, "The replica does not catch up.");
  await set({ mode, lag });
  await read(sentence);
}

async function withPinningOff(note) {
  await begin("off", 3, "1. Pinning is off, and the replica lags by 3 s. A note is posted.");
  await post(note);
  await until(() => !shows(note), 3, "The note is there, although pinning is off.");
  await read(`1. The page after the redirect: ${verdict()}`);
  await until(() => shows(note), 20, "The note never appears.");
  await read("1. Now the replica has it, and it is there. Whoever saw that has posted it twice by now.");
}

async function byClock(note) {
  await begin("clock", 8, "2. By clock: reads stay on the primary for 5 s after a write. The replica lags by 8 s.");
  await post(note);
  await until(() => shows(note), 3, "The note is missing within the window.");
  say("2. The note is there, read from the primary. But the window is 5 s, and the lag is 8 s …");
  await until(() => !shows(note), 12, "The note was never missing.");
  await read(`2. Missing again: ${verdict()}`);
  await until(() => shows(note), 20, "The note never appears.");
}

async function byPosition(note) {
  await begin("position", 8, "3. By position: reads stay on the primary exactly until the replica has the note. The lag is 8 s still.");
  await post(note);
  say("3. The note is there, read from the primary, for as long as it takes …");
  await until(() => isFresh() || !shows(note), 30, "The replica does not catch up.");
  if (!shows(note)) throw new Error(`It is missing, which must never be: ${verdict()}`);
  await read(`3. It was never missing. ${verdict()}`, 4);
}

async function run() {
  await set({ action: "restart" });
  await set({ action: "resume" });
  const number = Date.now() % 10000;
  await withPinningOff(`Tour ${number}, pinning off`);
  await byClock(`Tour ${number}, by clock`);
  await byPosition(`Tour ${number}, by position`);
  await set({ lag: 3 });
  say("That was the tour. Pinning stays by position. Now move the slider, pause the replica, or kill it.");
}

async function toggle() {
  if (tour) {
    tour.stopped = true;
    return;
  }
  tour = { stopped: false };
  button.textContent = "Stop the tour";
  try {
    await run();
  } catch (error) {
    say(error instanceof Stopped ? "The tour was stopped. Everything stays as it is now." : `The tour ends here. ${error.message}`);
  }
  tour = null;
  button.textContent = "Run the tour";
}

if (button) {
  button.hidden = false;
  button.addEventListener("click", toggle);
}
