// A keyboard on which the found preset is played.

import { audio } from "./player.js";

const BLACK = { 1: true, 3: true, 6: true, 8: true, 10: true };
const COMPUTER = "awsedftgyhujk";
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const COUNT = 25;
const RELEASE = 0.08;

/** A MIDI number as musicians write it: 60 is C4 here, as in the command line. */
export function noteName(pitch) { return `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`; }

/** A MIDI number of a name or of digits; null if it is none. */
export function notePitch(text) {
  if (/^\d{1,3}$/.test(text)) return Number(text) < 128 ? Number(text) : null;
  const found = /^([a-hA-H])([#♯b♭]?)(-?\d)$/.exec(text.trim());
  if (!found) return null;
  const letter = found[1].toUpperCase();
  const base = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11, H: 11 }[letter];
  const pitch = base + ({ "#": 1, "♯": 1, b: -1, "♭": -1 }[found[2]] ?? 0) + 12 * (Number(found[3]) + 1);
  return pitch >= 0 && pitch < 128 ? pitch : null;
}

export class Keyboard {
  /**
   * @param root the element that it is drawn into
   * @param load gives a promise of the buffer of a pitch
   */
  constructor(root, load) {
    this.root = root;
    this.load = load;
    this.lowest = 48;
    this.range = [0, 127];
    this.buffers = new Map();
    this.sounding = new Map();
    document.addEventListener("keydown", (event) => this.#computer(event, true));
    document.addEventListener("keyup", (event) => this.#computer(event, false));
  }

  /** Forget what was rendered: the preset is another one. */
  forget() { this.buffers.clear(); }

  shift(octaves) {
    const to = this.lowest + 12 * octaves;
    if (to >= this.range[0] - 11 && to + 12 <= this.range[1]) this.lowest = to;
    this.draw();
  }

  draw() {
    this.root.replaceChildren();
    const pitches = Array.from({ length: COUNT }, (_, i) => this.lowest + i).filter((one) => one < 128);
    const whites = pitches.filter((one) => !BLACK[one % 12]);
    for (const pitch of pitches) {
      const key = document.createElement("button");
      const black = BLACK[pitch % 12];
      key.type = "button";
      key.className = black ? "black" : "white";
      key.dataset.pitch = pitch;
      key.disabled = pitch < this.range[0] || pitch > this.range[1];
      key.setAttribute("aria-label", noteName(pitch));
      if (black) {
        const before = whites.filter((one) => one < pitch).length;
        key.style.left = `${((before - 0.32) / whites.length) * 100}%`;
        key.style.width = `${(0.64 / whites.length) * 100}%`;
        key.tabIndex = -1;
      } else if (pitch % 12 === 0) key.textContent = noteName(pitch);
      key.addEventListener("pointerdown", (event) => { event.preventDefault(); key.focus(); this.press(pitch); });
      for (const name of ["pointerup", "pointerleave", "pointercancel"]) key.addEventListener(name, () => this.release(pitch));
      key.addEventListener("keydown", (event) => {
        if ((event.key === "Enter" || event.key === " ") && !event.repeat) { event.preventDefault(); event.stopPropagation(); this.press(pitch); }
      });
      key.addEventListener("keyup", () => this.release(pitch));
      this.root.append(key);
    }
  }

  async press(pitch) {
    if (this.sounding.has(pitch) || pitch < this.range[0] || pitch > this.range[1]) return;
    const own = {};
    this.sounding.set(pitch, own);
    this.#mark(pitch, true);
    const context = audio();
    if (!this.buffers.has(pitch)) this.buffers.set(pitch, this.load(pitch));
    let buffer;
    try {
      buffer = await this.buffers.get(pitch);
    } catch {
      this.buffers.delete(pitch);
    }
    if (!buffer || own.released) { this.sounding.delete(pitch); return; }
    own.source = context.createBufferSource();
    own.source.buffer = buffer;
    own.gain = context.createGain();
    own.source.connect(own.gain).connect(context.destination);
    own.source.start();
  }

  release(pitch) {
    const own = this.sounding.get(pitch);
    this.#mark(pitch, false);
    if (!own) return;
    own.released = true;
    if (!own.source) return;
    this.sounding.delete(pitch);
    const now = audio().currentTime;
    own.gain.gain.setTargetAtTime(0, now, RELEASE / 3);
    own.source.stop(now + RELEASE * 2);
  }

  #mark(pitch, down) { this.root.querySelector(`[data-pitch="${pitch}"]`)?.classList.toggle("down", down); }

  #computer(event, down) {
    const typing = event.target.closest?.("input:not([type=radio]):not([type=checkbox]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !this.root.isConnected || !this.root.childElementCount) return;
    const place = COMPUTER.indexOf(event.key?.toLowerCase());
    if (place < 0 || event.key.length !== 1) return;
    if (down && !event.repeat) this.press(this.lowest + 12 + place);
    else if (!down) this.release(this.lowest + 12 + place);
  }
}
