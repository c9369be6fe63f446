// The tour works the controls and the form as a visitor would. A step stays until somebody goes on,
// and what it says of the page is said anew whenever the page has changed.

const part = (name) => document.getElementById(`tour-${name}`);
const shows = (note) => [...document.querySelectorAll("#notes [data-note]")].some((item) => item.dataset.note === note);
const isFresh = () => document.querySelector("#notes .verdict.fresh") !== null;
const isPaused = () => document.getElementById("controls").dataset.replay === "paused";

let note = ""; // the one that the tour has posted last
let at = -1; // the step; -1 while there is no tour
let turn = 0; // grows with each step that is begun, so that the one before notices and ends
let isReady = false;
let timer = 0;
let earlier = Promise.resolve();

class Gone extends Error {}

const STEPS = [
  {
    prepare: (mine) => postOnPausedReplica("off", mine),
    text: () =>
      shows(note)
        ? `Pinning is off. The replica has “${note}” by now. While it had not, the page did not show it.`
        : `Pinning is off. The replica is paused, so that there is time to look. “${note}” was saved on the primary, and the page was read from the replica: the note is missing. Many would post it again now.`,
  },
  {
    prepare: (mine) => postOnPausedReplica("clock", mine),
    text: () =>
      shows(note)
        ? `Pinning by clock: for 5 s after a write, reads go to the primary. “${note}” is there, although the replica is paused. Wait until the 5 s are over …`
        : `Pinning by clock: the 5 s are over, and the replica is paused still. The page is read from it again, and “${note}” is missing.`,
  },
  {
    prepare: (mine) => postOnPausedReplica("position", mine),
    text: () => `Pinning by position: reads go to the primary until the replica has “${note}”, however long that takes. It is there and stays. Another visitor has written nothing, and reads from the replica.`,
  },
  {
    prepare: async (mine) => {
      await set({ action: "resume" });
      await until(isFresh, 20, "The replica does not catch up.", mine);
    },
    text: () => `Pinning by position: the replica replays again and has “${note}”, so the page is read from it. At no time was the note missing. That was the tour: now work the controls yourself.`,
  },
];

async function postOnPausedReplica(mode, mine) {
  await set({ action: "restart" });
  await set({ mode: "position", lag: 0, action: "resume" });
  await until(isFresh, 20, "The replica does not catch up.", mine);
  await set({ mode, action: "pause" });
  await until(isPaused, 20, "The replica does not pause.", mine);
  note = `Tour ${Date.now() % 10000}, ${mode === "off" ? "pinning off" : `by ${mode}`}`;
  document.querySelector("#post [name=text]").value = note;
  document.getElementById("post").requestSubmit();
  await until(() => document.querySelector("#post [name=text]").value === "", 20, "The note was not posted.", mine);
}

const set = (values) => htmx.ajax("POST", "/controls/", { values, source: "#live" });

async function until(question, seconds, otherwise, mine) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    if (mine !== turn) throw new Gone();
    if (question()) return;
    if (Date.now() > end) throw new Error(otherwise);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function say(sentence) {
  if (part("text").textContent !== sentence) part("text").textContent = sentence;
}

function tell() {
  if (at >= 0 && isReady) say(`${at + 1} of ${STEPS.length}. ${STEPS[at].text()}`);
}

function go(to) {
  if (to < 0 || to >= STEPS.length) return;
  at = to;
  isReady = false;
  clearTimeout(timer);
  show(true);
  say(`${to + 1} of ${STEPS.length}. One moment …`);
  turn += 1;
  const mine = turn;
  earlier = earlier.then(() => perform(to, mine));
}

async function perform(to, mine) {
  if (mine !== turn) return;
  try {
    await STEPS[to].prepare(mine);
    if (mine !== turn) return;
    isReady = true;
    tell();
    play();
  } catch (error) {
    if (!(error instanceof Gone)) end(`The tour ends here. ${error.message}`);
  }
}

function play() {
  clearTimeout(timer);
  if (at >= 0 && isReady && part("plays").checked) timer = setTimeout(() => go(at + 1), document.getElementById("tour").dataset.seconds * 1000);
}

function end(why = "The tour has ended.") {
  turn += 1;
  at = -1;
  clearTimeout(timer);
  show(false);
  say(why);
  const mine = turn;
  earlier = earlier.then(async () => {
    await set({ mode: "position", lag: 3, action: "resume" });
    if (mine === turn) say(`${why} Pinning is by position, and the replica lags by 3 s.`);
  });
}

function show(isRunning) {
  const hadFocus = document.getElementById("tour").contains(document.activeElement);
  const isLast = at === STEPS.length - 1;
  part("start").hidden = isRunning;
  part("box").hidden = !isRunning;
  part("back").disabled = at === 0;
  part("next").disabled = isLast;
  if (hadFocus && !document.activeElement.matches("#tour :enabled:not([hidden], [hidden] *)")) part(isLast ? "end" : isRunning ? "next" : "start").focus();
}

const KEYS = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Escape: () => end() };

document.addEventListener("keydown", (event) => {
  const isTaken = event.altKey || event.ctrlKey || event.metaKey || (event.key !== "Escape" && event.target.matches("input:not([type=checkbox])"));
  if (at < 0 || isTaken || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

if (part("start")) {
  part("start").addEventListener("click", () => go(0));
  part("back").addEventListener("click", () => go(at - 1));
  part("next").addEventListener("click", () => go(at + 1));
  part("end").addEventListener("click", () => end());
  part("plays").addEventListener("change", play);
  document.addEventListener("htmx:afterRequest", tell);
}
