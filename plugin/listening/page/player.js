/* Plays one of several sounds in a loop. All of them run all the time, so that they stay aligned to the sample, and a
   change is two straight ramps that add up to 1: from a sound to itself nothing at all is heard. */
const FADE = 0.005;

class Player {
  constructor(described) {
    const sound = Object.values(Object.values(described.sounds)[0])[0];
    const Context = window.AudioContext || window.webkitAudioContext;
    this.context = new Context({ sampleRate: sound.sample_rate });
    this.channels = sound.channels;
    this.buffers = {};
    this.nodes = [];
    this.heard = null;
  }
  load(id) {
    if (this.buffers[id]) return;
    const values = new Float32Array(bytesOf(document.getElementById(id).textContent).buffer);
    const n = values.length / this.channels;
    const buffer = this.context.createBuffer(this.channels, n, this.context.sampleRate);
    for (let c = 0; c < this.channels; c++) buffer.copyToChannel(values.subarray(c * n, (c + 1) * n), c);
    const edge = Math.round(FADE * this.context.sampleRate);
    for (let c = 0; c < this.channels; c++) {
      const data = buffer.getChannelData(c);
      for (let i = 0; i < edge; i++) {
        const gain = Math.sin((i + 0.5) / edge * Math.PI / 2) ** 2;
        data[i] *= gain;
        data[n - 1 - i] *= gain;
      }
    }
    this.buffers[id] = buffer;
  }
  /* Begin anew with these sounds, silent until one is chosen. */
  begin(ids) {
    this.stop();
    const at = this.context.currentTime + 0.05;
    this.nodes = ids.map((id) => {
      const source = this.context.createBufferSource(), gain = this.context.createGain();
      source.buffer = this.buffers[id];
      source.loop = true;
      gain.gain.value = 0;
      source.connect(gain).connect(this.context.destination);
      source.start(at);
      return { source, gain };
    });
    this.heard = null;
  }
  play(index) {
    this.context.resume();
    if (index === this.heard) return;
    const now = this.context.currentTime;
    this.nodes.forEach(({ gain }, i) => {
      const from = i === this.heard ? 1 : 0, to = i === index ? 1 : 0;
      gain.gain.cancelScheduledValues(now);
      gain.gain.setValueAtTime(from, now);
      gain.gain.linearRampToValueAtTime(to, now + FADE);
    });
    this.heard = index;
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
