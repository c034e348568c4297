// Two sounds beside each other: at equal loudness, exchanged without a gap.

const FADE = 0.012;
const AHEAD = 0.03;
const BLOCK = 0.05;
const SOFT = 1e-3; // Blocks more than 30 dB below the loudest are not part of what is heard as loudness.

let context = null;

/** The page's AudioContext; browsers let it play after a click only. */
export function audio() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  return context;
}

/** Samples of an encoded sound. */
export async function decode(content) {
  return audio().decodeAudioData(content instanceof ArrayBuffer ? content : content.buffer.slice(0));
}

/** Mean power of what is heard of a sound. */
export function power(buffer) {
  const data = buffer.getChannelData(0);
  const size = Math.max(1, Math.round(BLOCK * buffer.sampleRate));
  const blocks = [];
  for (let at = 0; at < data.length; at += size) {
    let sum = 0;
    const end = Math.min(at + size, data.length);
    for (let i = at; i < end; i++) sum += data[i] * data[i];
    blocks.push(sum / (end - at));
  }
  const loudest = Math.max(...blocks, 0);
  const heard = blocks.filter((one) => one > loudest * SOFT);
  return heard.length ? heard.reduce((a, b) => a + b, 0) / heard.length : 0;
}

/** Plays two buffers in step; what is heard is chosen at any time. */
export class Player {
  constructor(onState) {
    this.buffers = { reference: null, found: null };
    this.sources = { reference: null, found: null };
    this.gains = null;
    this.side = "found";
    this.loop = true;
    this.started = 0;
    this.onState = onState;
  }

  get playing() { return this.sources.reference !== null || this.sources.found !== null; }

  /** How long one round is, in seconds. */
  get length() {
    return Math.max(...Object.values(this.buffers).map((one) => one?.duration ?? 0));
  }

  set(side, buffer) {
    this.buffers[side] = buffer;
    if (!this.playing) return;
    // The new one goes on where the old one is: a turned knob is heard at once.
    const at = audio().currentTime + AHEAD;
    this.#drop(side, at);
    this.#begin(side, at, (at - this.started) % this.length);
    this.#level(at);
  }

  choose(side) {
    this.side = side;
    if (this.playing) this.#level(audio().currentTime);
  }

  toggle() { this.playing ? this.stop() : this.play(); }

  play() {
    const own = audio();
    this.stop();
    if (!this.length) return;
    if (this.gains === null) {
      this.gains = {};
      for (const side of ["reference", "found"]) {
        this.gains[side] = own.createGain();
        this.gains[side].gain.value = 0;
        this.gains[side].connect(own.destination);
      }
    }
    this.started = own.currentTime + AHEAD;
    for (const side of ["reference", "found"]) this.#begin(side, this.started, 0);
    this.#level(own.currentTime);
    this.onState(true);
  }

  stop() {
    const at = context?.currentTime ?? 0;
    for (const side of ["reference", "found"]) this.#drop(side, at);
    this.onState(false);
  }

  #begin(side, at, offset) {
    const buffer = this.#whole(this.buffers[side]);
    if (buffer === null) return;
    const source = audio().createBufferSource();
    source.buffer = buffer;
    source.loop = this.loop;
    const fade = audio().createGain();
    fade.gain.setValueAtTime(0, at);
    fade.gain.linearRampToValueAtTime(1, at + (offset > 0 ? FADE : 0.002));
    source.connect(fade).connect(this.gains[side]);
    source.fade = fade;
    source.onended = () => {
      if (this.sources[side] !== source) return;
      this.sources[side] = null;
      if (!this.playing) this.onState(false);
    };
    if (this.loop || offset < buffer.duration) source.start(at, offset);
    this.sources[side] = source;
  }

  /** A buffer as long as a round, so that both stay in step. */
  #whole(buffer) {
    if (buffer === null) return null;
    const frames = Math.round(this.length * buffer.sampleRate);
    if (frames <= buffer.length) return buffer;
    const longer = audio().createBuffer(1, frames, buffer.sampleRate);
    longer.copyToChannel(buffer.getChannelData(0), 0);
    return longer;
  }

  #drop(side, at) {
    const source = this.sources[side];
    if (source === null) return;
    this.sources[side] = null;
    source.fade.gain.cancelScheduledValues(at);
    source.fade.gain.setValueAtTime(source.fade.gain.value, at);
    source.fade.gain.linearRampToValueAtTime(0, at + FADE);
    source.stop(at + FADE);
  }

  /** The louder of the two is turned down to the other. */
  #level(at) {
    if (this.gains === null) return;
    const powers = Object.fromEntries(Object.entries(this.buffers).map(([side, one]) => [side, one ? power(one) : 0]));
    const least = Math.min(...Object.values(powers).filter((one) => one > 0), Infinity);
    for (const side of ["reference", "found"]) {
      const even = powers[side] > 0 && Number.isFinite(least) ? Math.sqrt(least / powers[side]) : 1;
      const gain = this.gains[side].gain;
      gain.cancelScheduledValues(at);
      gain.setTargetAtTime(side === this.side ? even : 0, at, FADE / 3);
    }
  }
}

/** A WAV of 16 bits of a buffer, for sounds that only the browser could read, and for recordings. */
export function wavOf(buffer) {
  const channels = Math.min(buffer.numberOfChannels, 2);
  const size = buffer.length * channels * 2;
  const view = new DataView(new ArrayBuffer(44 + size));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + size, true); text(8, "WAVEfmt "); view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); view.setUint16(22, channels, true); view.setUint32(24, buffer.sampleRate, true);
  view.setUint32(28, buffer.sampleRate * channels * 2, true); view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true); text(36, "data"); view.setUint32(40, size, true);
  const data = Array.from({ length: channels }, (_, channel) => buffer.getChannelData(channel));
  let at = 44;
  for (let i = 0; i < buffer.length; i++) {
    for (const samples of data) {
      view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32767))), true);
      at += 2;
    }
  }
  return new Blob([view.buffer], { type: "audio/wav" });
}
