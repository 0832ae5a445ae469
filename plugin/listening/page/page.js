/* What is seen, and which key does what. */
const room = document.getElementById("room");
const whole = JSON.parse(unscrambled(document.getElementById("tests").textContent));
const taken = [];
let listener = "", started = "", keys = {}, test = null, state = null, player = null, heardIn = new Set();

function el(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick" || name === "oninput") made[name] = value;
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
}

const kbd = (text) => el("kbd", {}, text);
const now = () => new Date().toISOString().replace(/\.\d+Z$/, "+00:00");

function show(...parts) { room.replaceChildren(...parts); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && !event.key.startsWith("Arrow")) return;
  const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.target.type === "text" && event.key !== "Enter") return;
  event.preventDefault();
  action();
});

/* What was answered stays in this browser until the test is begun anew, scrambled, since what X is stands in it. The key
   tells one test from another: its ids are made of the sounds and the settings. */
const PLACE = `lamina listening ${sha256(whole.tests.map((one) => `${one.id} ${one.trials}`).join("; "))}`;

function keep(isSaved = false) {
  try {
    const content = { listener, started, taken, state: state === null ? null : state.state, isSaved };
    localStorage.setItem(PLACE, scrambled(JSON.stringify(content)));
  } catch { /* A browser that keeps nothing: the test goes on all the same. */ }
}

function kept() {
  try {
    const found = JSON.parse(unscrambled(localStorage.getItem(PLACE)));
    const fits = found.listener && found.taken.every((one, i) => one.id === whole.tests[i].id);
    return fits ? found : null;
  } catch {
    return null;
  }
}

function resume(found, before = null) {
  ({ listener, started } = found);
  taken.push(...found.taken);
  following(before);
}

function back(found) {
  const left = whole.tests.slice(found.taken.length);
  const next = left.length ? new KINDS[left[0].kind](left[0]) : null;
  if (next && found.state) {
    try {
      restore(left[0], next, found.state);
    } catch {
      return welcome();
    }
  }
  const on = () => resume(found, next && found.state);
  const anew = () => {
    localStorage.removeItem(PLACE);
    welcome();
  };
  const place = next ? `${next.constructor === Mushra ? "page" : "trial"} ${next.trial + 1} of ${next.n}` : "the results";
  show(
    el("h1", {}, `Welcome back, ${found.listener}`),
    el("p", {}, "This page was closed before the end; what you answered is still there. ",
      `${whole.tests.length > 1 && next ? `Test ${found.taken.length + 1} of ${whole.tests.length} goes` : "It goes"} on ` +
      `with ${place}.`),
    el("div", { class: "row" },
      el("button", { class: "main", id: "on", onclick: on }, "Go on ", kbd("Enter")),
      el("button", { id: "anew", onclick: anew }, "Forget it and begin anew ", kbd("N"))),
  );
  keys = { Enter: on, n: anew };
}

function welcome(saved = null) {
  const name = el("input", { type: "text", id: "name", maxlength: "80", autocomplete: "off" });
  const notice = el("p", { class: "notice", id: "notice", role: "status" });
  const begin = () => {
    if (!name.value.trim()) {
      notice.textContent = "Type a name first; it tells your results from others'.";
      name.focus();
      return;
    }
    listener = name.value.trim();
    started = now();
    following();
  };
  const counted = (n, word) => n ? [`${n} ${word}${n === 1 ? "" : "s"}`] : [];
  const steps = (isRated) => whole.tests.filter((one) => (one.kind === "mushra") === isRated)
    .reduce((sum, one) => sum + one.trials, 0);
  const extent = [...counted(steps(false), "trial"), ...counted(steps(true), "page")].join(" and ");
  show(
    el("h1", {}, "Listening test"),
    el("p", {}, "Put on headphones, and set a level that is comfortable. Take your time: there is no clock, and you may " +
      "listen as often as you like."),
    el("p", { class: "quiet" }, `${whole.tests.length > 1 ? `${whole.tests.length} tests, ` : ""}${extent}. ` +
      "Everything works by keyboard. Nothing is sent anywhere: at the end you save a " +
      "file and give it to whoever asked you. If the page is closed before, it goes on in this browser where it was."),
    ...(saved ? [el("p", { class: "quiet" }, `${saved.listener} has taken it here. `,
      el("button", { id: "again", onclick: () => resume(saved) }, "Show these results again"))] : []),
    el("label", { for: "name" }, "Your name, or any word for you"), name, notice,
    el("div", { class: "row" }, el("button", { class: "main", id: "begin", onclick: begin }, "Begin ", kbd("Enter"))),
  );
  keys = { Enter: begin };
  name.focus();
}

function following(before = null) {
  if (player) player.close();
  state = null;
  if (taken.length === whole.tests.length) return finish();
  test = whole.tests[taken.length];
  state = new KINDS[test.kind](test);
  if (before) restore(test, state, before);
  keep();
  player = new Player(test);
  show(el("h1", {}, "One moment …"), el("p", {}, "All sounds are made ready before the first is heard."));
  setTimeout(() => {
    Object.values(test.ids).forEach((row) => Object.values(row).forEach((id) => player.load(id)));
    if (test.kind === "mushra") rating(); else trial();
  }, 30);
}

function done() {
  taken.push({ id: test.id, kind: test.kind, title: test.title, settings: test.settings, sounds: test.sounds,
    state: state.state, outcome: state.outcome() });
  following();
  if (taken.length === whole.tests.length) keep();
}

function head(word) {
  if (state instanceof AbxTraining) {
    const score = state.trial ? `; ${state.right} of ${state.trial} were right` : "";
    return [el("p", { class: "quiet", id: "where" }, `Training ${state.trial + 1}${score}`), el("h1", {}, state.title)];
  }
  return [
    el("p", { class: "quiet", id: "where" }, `${word} ${state.trial + 1} of ${state.n}`),
    el("progress", { max: state.n, value: state.trial, "aria-label": "how far" }),
    el("h1", {}, state.title),
  ];
}

function trial() {
  const ids = test.ids[Object.keys(test.ids)[0]];
  heardIn = new Set();
  player.begin(state.buttons.map(([button]) => ids[state.sound(button)]));
  const isTraining = state instanceof AbxTraining;
  const notice = el("p", { class: "notice", id: "notice", role: "status" }, isTraining ? state.said : "");
  const play = (index) => {
    heardIn.add(state.buttons[index][0]);
    player.play(index);
    listen.forEach((one, i) => one.setAttribute("aria-pressed", String(i === index)));
    const left = state.needed.filter((button) => !heardIn.has(button));
    answers.forEach((one) => { one.disabled = left.length > 0; });
    notice.textContent = "";
  };
  const give = (which) => {
    const left = state.needed.filter((button) => !heardIn.has(button));
    if (left.length) {
      const names = state.buttons.filter(([button]) => left.includes(button)).map(([, name]) => name);
      notice.textContent = `Listen to ${names.join(" and ")} first.`;
      return;
    }
    state.answer(which);
    if (!isTraining) keep();
    if (state.over) done(); else trial();
  };
  const listen = state.buttons.map(([button, name, key], index) => el("button",
    { id: `play-${button}`, "aria-pressed": "false", onclick: () => play(index) }, el("b", {}, name), kbd(key.toUpperCase())));
  const answers = state.answers.map(([which, text, , sign]) => el("button",
    { id: `answer-${which}`, disabled: true, onclick: () => give(which) }, text, " ", kbd(sign)));
  const train = () => { state = new AbxTraining(test); trial(); };
  const begin = () => { state = new KINDS[test.kind](test); keep(); trial(); };
  const other = isTraining
    ? [el("button", { class: "main", id: "begin-test", onclick: begin }, "Begin the test ", kbd("Enter"))]
    : test.kind === "abx" && !state.trial
      ? [el("button", { id: "train", onclick: train }, "Train first: answers are told, and don't count ", kbd("T"))]
      : [];
  const { shown, keys: stripKeys } = strip();
  show(...head("Trial"), el("div", { class: "row" }, ...listen), shown, el("div", { class: "row" }, ...answers), notice,
    ...(other.length ? [el("div", { class: "row" }, ...other)] : []),
    el("p", { class: "quiet" }, "Switch as often as you like: it goes on at the same place. ", kbd("Space"), " pauses."));
  keys = { ...stripKeys, " ": () => player.pause(), ...(isTraining ? { Enter: begin } : other.length ? { t: train } : {}) };
  state.buttons.forEach(([, , key], index) => { keys[key] = () => play(index); });
  state.answers.forEach(([which, , key]) => { keys[key] = () => give(which); });
}

/* The sound's length as a strip, with where it plays and the part that is looped: by keys, or dragged over. */
function strip() {
  const part = el("i", { class: "part" }), place = el("i", { class: "place" });
  const said = el("span", { id: "part", role: "status" });
  const bar = el("div", { class: "bar", id: "bar" }, part, place);
  const told = () => {
    const [from, to] = player.part || [0, player.seconds];
    part.style.left = `${100 * from / player.seconds}%`;
    part.style.width = player.part ? `${100 * (to - from) / player.seconds}%` : "0";
    said.textContent = player.part ? `${from.toFixed(1)} to ${to.toFixed(1)} s of ${player.seconds.toFixed(1)} s`
      : `the whole sound, ${player.seconds.toFixed(1)} s`;
  };
  const loop = (wanted) => { player.loop(wanted); told(); };
  const at = (event) => {
    const box = bar.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * player.seconds;
  };
  let pressed = null, x = 0;
  bar.onpointerdown = (event) => { pressed = at(event); x = event.clientX; bar.setPointerCapture(event.pointerId); };
  bar.onpointerup = (event) => {
    if (pressed === null) return;
    const released = at(event);
    if (Math.abs(event.clientX - x) < 5) player.seek(pressed);
    else loop([Math.min(pressed, released), Math.max(pressed, released)]);
    pressed = null;
  };
  bar.ondblclick = () => loop(null);
  const move = () => {
    if (!bar.isConnected) return;
    place.style.left = `${100 * player.position / player.seconds}%`;
    requestAnimationFrame(move);
  };
  setTimeout(() => { told(); move(); });
  const stripKeys = {
    ",": () => {
      const here = player.position, to = player.part ? player.part[1] : player.seconds;
      loop([here, to - here < SHORTEST_LOOP ? player.seconds : to]);
    },
    ".": () => loop([player.part ? player.part[0] : 0, player.position]),
    w: () => loop(null),
  };
  const shown = el("div", { class: "strip" }, bar, el("p", { class: "quiet" }, "Plays ", said, ". ", kbd(","),
    " loops from here, ", kbd("."), " to here, ", kbd("W"), " plays all of it."));
  return { shown, keys: stripKeys };
}

const SLOT_KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-"];

function rating() {
  const ids = test.ids[state.item], slots = state.slots;
  let at = 0;
  player.begin([ids.reference, ...slots.map((key) => ids[key])]);
  const notice = el("p", { class: "notice", id: "notice", role: "status" });
  const outputs = [], sliders = [], plays = [];
  const reference = el("button", { id: "play-reference", "aria-pressed": "false", onclick: () => play(-1) },
    el("b", {}, "Reference"), kbd("R"));
  const play = (index) => {
    player.play(index + 1);
    reference.setAttribute("aria-pressed", String(index < 0));
    plays.forEach((one, i) => one.setAttribute("aria-pressed", String(i === index)));
    if (index >= 0) { at = index; sliders[index].focus(); }
  };
  const word = (value) => ["Bad", "Poor", "Fair", "Good", "Excellent"][Math.min(4, Math.floor(value / 20))];
  const rate = (index, value) => {
    const score = Math.max(0, Math.min(100, Math.round(value)));
    state.ratings[index] = score;
    sliders[index].value = score;
    sliders[index].classList.remove("unrated");
    outputs[index].textContent = `${score} ${word(score)}`;
    notice.textContent = "";
    keep();
  };
  const rows = slots.map((_, index) => {
    const rated = state.ratings[index];
    plays.push(el("button", { id: `play-${index}`, "aria-pressed": "false", onclick: () => play(index) },
      `Sound ${index + 1} `, kbd(SLOT_KEYS[index])));
    sliders.push(el("input", { type: "range", class: rated === null ? "unrated" : false, id: `rate-${index}`, min: 0, max: 100, value: rated === null ? 50 : rated,
      "aria-label": `Sound ${index + 1}, 0 bad to 100 excellent`, oninput: (event) => rate(index, Number(event.target.value)) }));
    outputs.push(el("output", { id: `score-${index}` }, rated === null ? "not yet" : `${rated} ${word(rated)}`));
    return el("div", { class: "slot" }, plays[index], sliders[index], outputs[index]);
  });
  const next = () => {
    const missing = state.ratings.findIndex((value) => value === null);
    if (missing >= 0) {
      notice.textContent = `Rate sound ${missing + 1} too.`;
      return;
    }
    if (state.state.page + 1 < state.n) { state.state.page += 1; keep(); rating(); } else done();
  };
  const step = (by) => rate(at, (state.ratings[at] === null ? 50 : state.ratings[at]) + by);
  const { shown, keys: stripKeys } = strip();
  const back = () => { state.state.page -= 1; keep(); rating(); };
  show(...head("Page"), el("p", { class: "quiet" }, "One of them is the reference itself; it deserves 100."),
    el("div", { class: "row tight" }, reference), shown,
    el("div", { class: "words" }, el("i"), el("span", {}, ...["Bad", "Poor", "Fair", "Good", "Excellent"].map((text) =>
      el("i", {}, text))), el("i")),
    ...rows, notice,
    el("div", { class: "row" }, ...(state.state.page
      ? [el("button", { id: "back", onclick: back }, "Back ", kbd("Backspace"))] : []),
    el("button", { class: "main", id: "next", onclick: next },
      state.state.page + 1 < state.n ? "Next " : "Finish ", kbd("Enter"))),
    el("p", { class: "quiet" }, kbd("↑"), " ", kbd("↓"), " change a rating by 1, ", kbd("Page ↑"), " ", kbd("Page ↓"),
      " by 10, ", kbd("Space"), " pauses."));
  keys = { ...stripKeys, ...(state.state.page ? { Backspace: back } : {}), " ": () => player.pause(), Enter: next, r: () => play(-1), ArrowUp: () => step(1), ArrowDown: () => step(-1),
    PageUp: () => step(10), PageDown: () => step(-10) };
  slots.forEach((_, index) => { keys[SLOT_KEYS[index]] = () => play(index); });
}

function finish() {
  const outcomes = taken.map((one) => el("p", {}, `${one.title}: ${one.outcome}`));
  const content = { format: whole.format, version: whole.version, lamina: whole.lamina, listener, started, finished: now(),
    tests: taken.map(({ outcome, ...rest }) => rest) };
  const file = new Blob([sealed(content)], { type: "application/json" });
  const name = `listening ${listener.replace(/[^\p{L}\p{N}_-]+/gu, "-")}.json`;
  const save = el("a", { class: "button main", id: "save", download: name, href: URL.createObjectURL(file),
    onclick: () => keep(true) },
    "Save the results ", kbd("Enter"));
  show(el("h1", {}, "Thank you"), ...outcomes,
    el("p", {}, "Now save the file and give it to whoever asked you."), el("div", { class: "row" }, save));
  keys = { Enter: () => save.click() };
  save.focus();
}

const found = kept();
if (found && !found.isSaved) back(found); else welcome(found);
