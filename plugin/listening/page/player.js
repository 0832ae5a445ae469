/* Plays one of several sounds in a loop. All of them run all the time, so that they stay aligned to the sample, and a
   change keeps the power, as Switcher does: the gains are cos and sin over what both have in common, which makes them
   add up to 1 from a sound to itself. */
const FADE = 0.005, CURVE_POINTS = 33, SHORTEST_LOOP = 0.5;

class Player {
  constructor(described) {
    this.described = {};
    for (const [item, row] of Object.entries(described.ids)) {
      for (const [key, id] of Object.entries(row)) this.described[id] = described.sounds[item][key];
    }
    const Context = window.AudioContext || window.webkitAudioContext;
    this.context = new Context({ sampleRate: Object.values(this.described)[0].sample_rate });
    this.buffers = {};
    this.nodes = [];
    this.ids = [];
    this.heard = null;
    this.part = null;
  }
  /* The sound as an AudioBuffer at its own rate, whole. */
  load(id) {
    if (this.buffers[id]) return;
    const { channels, sample_rate: rate } = this.described[id];
    const values = new Float32Array(bytesOf(document.getElementById(id).textContent).buffer);
    const n = values.length / channels;
    const buffer = this.context.createBuffer(channels, n, rate);
    for (let c = 0; c < channels; c++) buffer.copyToChannel(values.subarray(c * n, (c + 1) * n), c);
    this.buffers[id] = buffer;
  }
  /* The part of a sound that is looped, in seconds, with ends that fade. */
  cut(id) {
    const whole = this.buffers[id], rate = whole.sampleRate, [from, to] = this.part || [0, whole.duration];
    const start = Math.round(from * rate), n = Math.min(whole.length, Math.round(to * rate)) - start;
    const cut = this.context.createBuffer(whole.numberOfChannels, n, rate), edge = Math.round(FADE * rate);
    for (let c = 0; c < whole.numberOfChannels; c++) {
      const data = whole.getChannelData(c).slice(start, start + n);
      for (let i = 0; i < edge; i++) {
        const gain = Math.sin((i + 0.5) / edge * Math.PI / 2) ** 2;
        data[i] *= gain;
        data[n - 1 - i] *= gain;
      }
      cut.copyToChannel(data, c);
    }
    return cut;
  }
  get seconds() { return this.ids.length ? this.buffers[this.ids[0]].duration : 0; }
  /* Where it plays, in seconds of the whole sound. */
  get position() {
    const [from, to] = this.part || [0, this.seconds];
    const since = Math.max(0, this.context.currentTime - this.began) + this.offset;
    return from + since % (to - from);
  }
  /* Begin anew with these sounds, silent until one is chosen. */
  begin(ids) {
    this.stop();
    this.ids = ids;
    this.part = null;
    this.start(0);
  }
  start(offset) {
    this.began = this.context.currentTime + 0.05;
    this.offset = offset;
    const cuts = {};
    this.nodes = this.ids.map((id) => {
      const source = this.context.createBufferSource(), gain = this.context.createGain();
      source.buffer = cuts[id] = cuts[id] || this.cut(id);
      source.loop = true;
      gain.gain.value = 0;
      source.connect(gain).connect(this.context.destination);
      source.start(this.began, offset);
      return { source, gain };
    });
    this.heard = null;
  }
  /* Play from one time to another again and again, half a second at least; null: all of it. Every sound alike. */
  loop(part) {
    if (!this.ids.length) return;
    const place = this.position, heard = this.heard, seconds = this.seconds;
    if (part) {
      const from = Math.min(Math.max(0, part[0]), Math.max(0, seconds - SHORTEST_LOOP));
      const to = Math.min(Math.max(part[1], from + SHORTEST_LOOP), seconds);
      part = from <= 0 && to >= seconds ? null : [from, to];
    }
    this.part = part;
    const [from, to] = part || [0, seconds];
    this.stop();
    this.start(place >= from && place < to ? place - from : 0);
    if (heard !== null) this.fadeIn(heard, this.began);
  }
  seek(seconds) {
    const [from, to] = this.part || [0, this.seconds], heard = this.heard;
    this.stop();
    this.start(Math.min(Math.max(0, seconds - from), to - from - 0.01));
    if (heard !== null) this.fadeIn(heard, this.began);
  }
  fadeIn(index, at) {
    const level = this.nodes[index].gain.gain;
    level.setValueAtTime(0, at);
    level.linearRampToValueAtTime(1, at + FADE);
    this.heard = index;
  }
  play(index) {
    if (this.context.state === "suspended") this.context.resume();
    if (index === this.heard) return;
    const now = this.context.currentTime;
    if (this.heard === null) {
      this.fadeIn(index, now);
      return;
    }
    const alike = this.alike(this.heard, index);
    const before = new Float32Array(CURVE_POINTS), after = new Float32Array(CURVE_POINTS);
    for (let i = 0; i < CURVE_POINTS; i++) {
      const angle = i / (CURVE_POINTS - 1) * Math.PI / 2, both = Math.sqrt(1 + alike * Math.sin(2 * angle));
      before[i] = Math.cos(angle) / both;
      after[i] = Math.sin(angle) / both;
    }
    this.nodes.forEach(({ gain }, i) => {
      gain.gain.cancelScheduledValues(0);
      if (i === this.heard) gain.gain.setValueCurveAtTime(before, now, FADE);
      else if (i === index) gain.gain.setValueCurveAtTime(after, now, FADE);
      else gain.gain.setValueAtTime(0, now);
    });
    this.heard = index;
  }
  /* How much two sounds have in common within the fade: their correlation, 0 to 1. */
  alike(one, other) {
    const a = this.nodes[one].source.buffer, b = this.nodes[other].source.buffer;
    if (a === b) return 1;
    const n = Math.min(a.length, b.length), count = Math.max(1, Math.round(FADE * a.sampleRate));
    const start = Math.floor((this.position - (this.part || [0])[0]) * a.sampleRate);
    let ab = 0, aa = 0, bb = 0;
    for (let c = 0; c < Math.min(a.numberOfChannels, b.numberOfChannels); c++) {
      const x = a.getChannelData(c), y = b.getChannelData(c);
      for (let i = start; i < start + count; i++) {
        ab += x[i % n] * y[i % n];
        aa += x[i % n] ** 2;
        bb += y[i % n] ** 2;
      }
    }
    return aa > 0 && bb > 0 ? Math.min(1, Math.max(0, ab / Math.sqrt(aa * bb))) : 0;
  }
  pause() { return this.context.state === "running" ? this.context.suspend() : this.context.resume(); }
  stop() {
    const at = this.context.currentTime + FADE;
    this.nodes.forEach(({ source, gain }, i) => {
      gain.gain.cancelScheduledValues(0);
      gain.gain.setValueAtTime(i === this.heard ? 1 : 0, this.context.currentTime);
      gain.gain.linearRampToValueAtTime(0, at);
      source.stop(at + 0.01);
    });
    this.nodes = [];
  }
  close() { this.stop(); this.context.close(); }
}
