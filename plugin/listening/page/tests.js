/* The tests' states, as lamina/plugin/listening has them: what is drawn is drawn here, when a listener begins. */
function chance(n) {
  const drawn = new Uint32Array(1), limit = 4294967296 - 4294967296 % n;
  do crypto.getRandomValues(drawn); while (drawn[0] >= limit);
  return drawn[0] % n;
}

function shuffled(values) {
  const mixed = values.slice();
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = chance(i + 1);
    [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
  }
  return mixed;
}

const tosses = (n, words) => Array.from({ length: n }, () => words[chance(2)]);

function binomialP(right, n) {
  let sum = 0, ways = 1;
  for (let k = 0; k <= n; k++) {
    if (k >= right) sum += ways / Math.pow(2, n);
    ways = ways * (n - k) / (k + 1);
  }
  return sum;
}

const shownP = (p) => (p >= 1e-4 ? String(Number(p.toPrecision(2))) : "less than 0.0001");

class Abx {
  constructor(test) {
    this.state = { kind: "abx", training: false, x_is: tosses(test.trials, ["a", "b"]), answers: [] };
    this.n = test.trials;
    this.title = "Is X the same as A, or as B?";
    this.buttons = [["a", "A", "a"], ["b", "B", "b"], ["x", "X", "x"]];
    this.answers = [["a", "X is A", "ArrowLeft", "←"], ["b", "X is B", "ArrowRight", "→"]];
    this.needed = ["a", "b", "x"];
  }
  get trial() { return this.state.answers.length; }
  get over() { return this.trial === this.n; }
  sound(button) { return button === "x" ? this.state.x_is[this.trial] : button; }
  answer(which) { this.state.answers.push(which); }
  outcome() {
    const right = this.state.answers.filter((one, i) => one === this.state.x_is[i]).length;
    const p = binomialP(right, this.n);
    return `${right} of ${this.n} were right (p = ${shownP(p)}): ` + (p <= 0.05
      ? "a difference was heard." : "this doesn't show that a difference was heard, nor that there is none.");
  }
}

/* As many trials as one likes, each told at once; none of them counts. */
class AbxTraining extends Abx {
  constructor(test) {
    super(test);
    this.state.training = true;
    this.title = "Training: is X the same as A, or as B?";
    this.said = "";
    this.right = 0;
  }
  get over() { return false; }
  answer(which) {
    const x = this.state.x_is[this.trial];
    this.right += which === x;
    this.said = `${which === x ? "Right" : "Wrong"}: X was ${x.toUpperCase()}.`;
    this.state.x_is.push(...tosses(1, ["a", "b"]));
    super.answer(which);
  }
}

class Preference {
  constructor(test) {
    this.state = { kind: "preference", a_is: tosses(test.trials, ["first", "second"]), answers: [] };
    this.n = test.trials;
    this.title = "Which do you like better?";
    this.buttons = [["first", "First", "1"], ["second", "Second", "2"]];
    this.answers = [["first", "The first", "ArrowLeft", "←"], ["same", "Neither", "ArrowDown", "↓"],
      ["second", "The second", "ArrowRight", "→"]];
    this.needed = ["first", "second"];
    this.test = test;
  }
  get trial() { return this.state.answers.length; }
  get over() { return this.trial === this.n; }
  sound(button) { return button === this.state.a_is[this.trial] ? "a" : "b"; }
  answer(which) { this.state.answers.push(which); }
  outcome() {
    const a = this.state.answers.filter((one, i) => one === this.state.a_is[i]).length;
    const same = this.state.answers.filter((one) => one === "same").length;
    const names = Object.values(this.test.sounds)[0];
    const times = (n) => n === 1 ? "once" : `${n} times`;
    return `${names.a.label} was preferred ${times(a)}, ${names.b.label} ${times(this.n - same - a)}` +
      (same ? `, neither ${times(same)}.` : ".");
  }
}

/* See staircase.py, whose names these are. */
class Staircase {
  constructor(test) {
    const levels = Object.keys(Object.values(test.ids)[0]).map(Number).filter((n) => n > 0).sort((a, b) => a - b);
    this.state = { kind: "staircase", levels, coded_is: tosses(test.trials, ["first", "second"]), answers: [], played: [] };
    this.n = test.trials;
    this.title = "Which one is not the original?";
    this.buttons = [["original", "Original", "o"], ["first", "First", "1"], ["second", "Second", "2"]];
    this.answers = [["first", "The first", "ArrowLeft", "←"], ["second", "The second", "ArrowRight", "→"]];
    this.needed = ["first", "second"];
    this.model = [];
    for (let threshold = -1; threshold <= levels.length; threshold += 0.25) {
      for (const spread of [0.25, 0.5, 1, 2, 4]) {
        this.model.push(levels.map((_, level) => 0.5 + 0.48 /
          (1 + Math.exp(Math.max(-60, Math.min(60, 2 * (level - threshold) / spread))))));
      }
    }
    this.belief = this.model.map(() => 1 / this.model.length);
    this.level = this.next();
  }
  get trial() { return this.state.answers.length; }
  get over() { return this.trial === this.n; }
  sound(button) {
    return String(button === this.state.coded_is[this.trial] ? this.state.levels[this.level] : 0);
  }
  answer(which) {
    const right = which === this.state.coded_is[this.trial];
    let sum = 0;
    this.belief = this.belief.map((p, i) => {
      const value = p * (right ? this.model[i][this.level] : 1 - this.model[i][this.level]);
      sum += value;
      return value;
    });
    this.belief = this.belief.map((p) => p / sum);
    this.state.played.push(this.state.levels[this.level]);
    this.state.answers.push(which);
    this.level = this.next();
  }
  next() {
    const left = this.state.levels.map((_, level) => {
      let right = 0;
      this.belief.forEach((p, i) => { right += p * this.model[i][level]; });
      let entropy = 0;
      this.belief.forEach((p, i) => {
        const yes = p * this.model[i][level] / right, no = p * (1 - this.model[i][level]) / (1 - right);
        entropy -= right * yes * Math.log(Math.max(yes, 1e-300)) + (1 - right) * no * Math.log(Math.max(no, 1e-300));
      });
      return entropy;
    });
    const least = Math.min(...left);
    return left.findIndex((value) => value <= least + 1e-9);
  }
  outcome() {
    const right = this.state.answers.filter((one, i) => one === this.state.coded_is[i]).length;
    return `${right} of ${this.n} were right. How many layers that means is told from your results file.`;
  }
}

class Mushra {
  constructor(test) {
    const orders = shuffled(Object.keys(test.ids)).map((item) => [item, shuffled(Object.keys(test.ids[item]))]);
    this.state = { kind: "mushra", orders, ratings: orders.map(([, order]) => order.map(() => null)), page: 0 };
    this.n = orders.length;
    this.title = "How good is each one beside the reference?";
  }
  get trial() { return this.state.page; }
  get item() { return this.state.orders[this.state.page][0]; }
  get slots() { return this.state.orders[this.state.page][1]; }
  get ratings() { return this.state.ratings[this.state.page]; }
  get over() { return this.state.ratings.every((row) => row.every((value) => value !== null)); }
  outcome() {
    let sum = 0;
    this.state.orders.forEach(([, order], i) => { sum += this.state.ratings[i][order.indexOf("reference")]; });
    return `You gave the hidden reference ${Math.round(sum / this.n)} of 100 on average.`;
  }
}

/* Go on where a state was that this page kept. */
function restore(test, state, kept) {
  if (test.kind === "staircase") {
    state.state.coded_is = kept.coded_is;
    kept.answers.forEach((which) => state.answer(which));
  } else {
    Object.assign(state.state, kept);
  }
}

const KINDS = { abx: Abx, preference: Preference, staircase: Staircase, mushra: Mushra };
