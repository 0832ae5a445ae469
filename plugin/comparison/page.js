"use strict";
// One player for each sound: all its versions run at once from the same sample, and gains decide which is heard.

const FADE_SECONDS = 0.008; // at most 10 ms: short enough to be instant, long enough not to click
const EDGE_SECONDS = 0.005; // fades when playing begins and ends
const STEP_SECONDS = 1;

/** The two curves of an equal-power crossfade: their squares add up to 1 at every point. */
function equalPower(nPoints) {
  const rising = new Float32Array(nPoints), falling = new Float32Array(nPoints);
  for (let k = 0; k < nPoints; k++) {
    const angle = (k / (nPoints - 1)) * Math.PI / 2;
    rising[k] = Math.sin(angle);
    falling[k] = Math.cos(angle);
  }
  falling[nPoints - 1] = 0;
  return { rising, falling };
}

/** From one gain to another, beginning at a time of their context. */
function crossfade(from, to, time) {
  const { rising, falling } = equalPower(65);
  from.setValueCurveAtTime(falling, time, FADE_SECONDS);
  to.setValueCurveAtTime(rising, time, FADE_SECONDS);
}

/** The bytes of a data: address. */
function bytesOf(address) {
  const text = atob(address.slice(address.indexOf(",") + 1));
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

/** A sound as it was stored: at its own rate, so that nothing is resampled. */
function decoded(address, rate) {
  return new OfflineAudioContext(1, 1, rate).decodeAudioData(bytesOf(address).buffer);
}

class Player {
  constructor(section) {
    this.section = section;
    this.rate = Number(section.dataset.rate);
    this.seconds = Number(section.dataset.seconds);
    this.rows = [...section.querySelectorAll("tr[data-key]")];
    this.figures = [...section.querySelectorAll("figure")];
    this.chosen = 0;
    this.isLooped = true;
    this.region = null;
    this.place = 0; // seconds, while nothing plays
    this.voices = null;
    this.busyUntil = 0;
    this.playButton = section.querySelector(".play");
    this.playButton.onclick = () => this.toggle();
    section.querySelector(".loop").onclick = () => this.loop(!this.isLooped);
    this.rows.forEach((row, index) => {
      row.onclick = (event) => {
        if (event.target.closest("a")) return;
        use(this);
        this.choose(index);
      };
    });
    this.figures.forEach((figure, index) => this.listenTo(figure.querySelector(".picture"), index));
    this.show();
  }

  listenTo(picture, index) {
    const secondsAt = (event) => {
      const box = picture.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.seconds;
    };
    let start = null;
    picture.onpointerdown = (event) => {
      if (event.button !== 0) return;
      start = secondsAt(event);
      picture.setPointerCapture(event.pointerId);
      use(this);
      this.choose(index);
    };
    picture.onpointermove = (event) => {
      if (start === null) return;
      const end = secondsAt(event);
      if (Math.abs(end - start) > 0.01 * this.seconds) this.showRegion([Math.min(start, end), Math.max(start, end)]);
    };
    picture.onpointerup = (event) => {
      if (start === null) return;
      const end = secondsAt(event), first = Math.min(start, end), last = Math.max(start, end);
      start = null;
      if (last - first > Math.max(0.01 * this.seconds, 0.05)) this.setRegion([first, last]);
      else { this.showRegion(this.region); this.seek(end); }
    };
    picture.onpointercancel = () => { start = null; this.showRegion(this.region); };
  }

  /** Decodes every version, once. */
  buffers() {
    this.loading ??= Promise.all(this.rows.map((row) => decoded(row.querySelector("a[download]").href, this.rate)));
    return this.loading;
  }

  async toggle() {
    if (this.voices) this.stop();
    else await this.play();
  }

  async play() {
    use(this);
    if (this.isStarting || this.voices) return;
    this.isStarting = true;
    try {
      this.context ??= new AudioContext({ sampleRate: this.rate });
      this.playButton.textContent = "Loading";
      const [buffers] = await Promise.all([this.buffers(), this.context.resume()]);
      this.start(buffers);
    } catch (error) {
      this.section.querySelector(".heard").textContent = `This browser can't play it: ${error.message}`;
    } finally {
      this.isStarting = false;
      this.show();
    }
  }

  start(buffers) {
    const [from, to] = this.region ?? [0, this.seconds];
    if (this.place < from || this.place >= to - 0.001) this.place = from;
    const context = this.context, time = context.currentTime + 0.02, out = context.createGain();
    out.gain.setValueAtTime(0, time);
    out.gain.linearRampToValueAtTime(1, time + EDGE_SECONDS);
    out.connect(context.destination);
    const gains = buffers.map((_, index) => {
      const gain = context.createGain();
      gain.gain.setValueAtTime(index === this.chosen ? 1 : 0, 0);
      gain.connect(out);
      return gain;
    });
    const sources = buffers.map((buffer, index) => {
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.loop = this.isLooped;
      source.loopStart = from;
      source.loopEnd = to;
      source.connect(gains[index]);
      source.start(time, this.place);
      return source;
    });
    const voices = { sources, gains, out, time, offset: this.place, from, to, heard: this.chosen };
    sources[0].onended = () => { if (this.voices === voices) { this.voices = null; this.place = from; this.show(); } };
    this.voices = voices;
    this.busyUntil = 0;
    this.follow();
  }

  stop() {
    this.place = this.now();
    const { sources, out } = this.voices, time = this.context.currentTime;
    this.voices = null;
    out.gain.cancelScheduledValues(time);
    out.gain.setValueAtTime(1, time);
    out.gain.linearRampToValueAtTime(0, time + EDGE_SECONDS);
    sources.forEach((source) => source.stop(time + EDGE_SECONDS + 0.01));
    this.show();
  }

  restart() {
    if (!this.voices) { this.show(); return; }
    const place = this.place;
    this.stop();
    this.place = place;
    this.buffers().then((buffers) => { if (!this.voices) this.start(buffers); this.show(); });
  }

  /** Seconds into the sound. */
  now() {
    if (!this.voices) return this.place;
    const { time, offset, from, to } = this.voices;
    const played = offset + Math.max(0, this.context.currentTime - time);
    if (played < to) return played;
    return this.isLooped ? from + ((played - from) % (to - from)) : Math.min(played, this.seconds);
  }

  choose(index) {
    if (index < 0 || index >= this.rows.length) return;
    this.chosen = index;
    this.show();
    this.fade();
  }

  /** Crossfades to what is chosen; while one crossfade runs the next waits for its end. */
  fade() {
    const voices = this.voices;
    if (!voices || voices.heard === this.chosen || this.isWaiting) return;
    const time = this.context.currentTime;
    if (time < this.busyUntil) {
      this.isWaiting = true;
      setTimeout(() => { this.isWaiting = false; this.fade(); }, 1000 * (this.busyUntil - time) + 1);
      return;
    }
    crossfade(voices.gains[voices.heard].gain, voices.gains[this.chosen].gain, time);
    voices.heard = this.chosen;
    this.busyUntil = time + FADE_SECONDS + 0.003;
  }

  seek(seconds) {
    const [from, to] = this.region ?? [0, this.seconds];
    if (this.region && (seconds < from || seconds >= to)) this.region = null;
    this.place = Math.min(Math.max(0, seconds), Math.max(0, this.seconds - 0.001));
    this.restart();
  }

  setRegion(region) {
    this.place = region ? region[0] : this.now();
    this.region = region;
    if (region) this.isLooped = true;
    this.restart();
  }

  loop(isLooped) {
    this.place = this.now();
    this.isLooped = isLooped;
    this.restart();
  }

  showRegion(region) {
    for (const mark of this.section.querySelectorAll(".region")) {
      mark.hidden = !region;
      if (region) {
        mark.style.left = `${(100 * region[0]) / this.seconds}%`;
        mark.style.width = `${(100 * (region[1] - region[0])) / this.seconds}%`;
      }
    }
  }

  show() {
    this.rows.forEach((row, index) => {
      row.classList.toggle("chosen", index === this.chosen);
      row.querySelector(".choose").setAttribute("aria-pressed", index === this.chosen);
    });
    this.figures.forEach((figure, index) => figure.classList.toggle("chosen", index === this.chosen));
    this.section.querySelector(".heard").textContent = this.rows[this.chosen].querySelector("th").textContent;
    this.section.querySelector(".loop").setAttribute("aria-pressed", this.isLooped);
    this.playButton.setAttribute("aria-pressed", this.voices !== null);
    this.playButton.textContent = this.voices ? "Stop" : "Play";
    this.showRegion(this.region);
    this.showPlace();
  }

  showPlace() {
    const now = this.now();
    this.section.querySelector(".place").textContent = `${Math.floor(now / 60)}:${(now % 60).toFixed(1).padStart(4, "0")}`;
    for (const head of this.section.querySelectorAll(".playhead")) {
      head.hidden = this.voices === null && this.place === 0;
      head.style.left = `${(100 * now) / this.seconds}%`;
    }
  }

  follow() {
    if (!this.voices) return;
    this.showPlace();
    requestAnimationFrame(() => this.follow());
  }
}

const players = [...document.querySelectorAll("section.sound")].map((section) => new Player(section));
let used = players[0];

/** The keys act on the player that was used last; another one stops. */
function use(player) {
  if (used !== player && used.voices) used.stop();
  used = player;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isOnControl = event.target.closest("button, a, summary") !== null;
  if (/^[1-9]$/.test(event.key)) used.choose(Number(event.key) - 1);
  else if (event.key === " " && !isOnControl) used.toggle();
  else if (event.key.toLowerCase() === "l") used.loop(!used.isLooped);
  else if (event.key === "ArrowLeft") used.seek(used.now() - STEP_SECONDS);
  else if (event.key === "ArrowRight") used.seek(used.now() + STEP_SECONDS);
  else if (event.key === "Escape") used.setRegion(null);
  else return;
  event.preventDefault();
});
