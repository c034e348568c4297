// The instrument's front panel, drawn from its declaration.

import { number, t } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";
const SWEEP = 135; // Degrees to either side of the top.
const FEW = 5; // Positions of a switch that are shown at once.
const PIXELS = 180; // How far to drag from one end to the other.

function polar(angle, radius) {
  const radians = ((angle - 90) * Math.PI) / 180;
  return [28 + radius * Math.cos(radians), 28 + radius * Math.sin(radians)];
}

function arc(from, to, radius) {
  const [x1, y1] = polar(from, radius);
  const [x2, y2] = polar(to, radius);
  return `M ${x1} ${y1} A ${radius} ${radius} 0 ${to - from > 180 ? 1 : 0} 1 ${x2} ${y2}`;
}

function svg(name, attributes, parent) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

function make(name, className, parent, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

/** What a knob shows: its setting, and what the machine itself calls it where it counts otherwise. */
function shown(control, value) {
  const text = number(value, 2);
  return control.top ? `${text} (${Math.round((value / 10) * control.top)})` : text;
}

export class Panel {
  /**
   * @param root the element that it is drawn into
   * @param onTurn called with the name and the setting of what was turned
   */
  constructor(root, onTurn) {
    this.root = root;
    this.onTurn = onTurn;
    this.controls = new Map();
  }

  /** Draw the panel of an instrument. */
  draw(description) {
    this.root.replaceChildren();
    this.controls.clear();
    for (const section of description.sections) {
      const box = make("section", "", this.root);
      const id = `section-${section.name}`;
      make("h4", "", box, section.title).id = id;
      box.setAttribute("aria-labelledby", id);
      const row = make("div", "controls", box);
      for (const control of section.controls) {
        const name = `${section.title}: ${control.label}`;
        const drawn = control.kind === "knob" ? this.#knob(control, name, row) : this.#switch(control, name, row);
        this.controls.set(control.name, { ...drawn, control, title: name });
      }
    }
  }

  /** Set every control: what is sure, what is not heard, what was changed by hand. */
  show(preset, { heard = {}, confidence = {}, original = preset } = {}) {
    for (const [name, own] of this.controls) {
      const fixed = "fixed" in own.control;
      const value = fixed ? own.control.fixed : preset[name];
      const sure = confidence[name];
      const isHeard = heard[name] !== false;
      const changed = !fixed && original[name] !== value;
      const note = fixed ? t("fixed") : changed ? t("changed") : !isHeard ? t("not_heard") : "";
      own.box.classList.toggle("unheard", !fixed && !isHeard && !changed);
      own.box.classList.toggle("fixed", fixed);
      own.box.classList.toggle("changed", changed);
      const told = !fixed && isHeard && !changed && sure !== undefined;
      own.sure.style.width = told ? `${Math.round(sure * 100)}%` : "0";
      const words = told ? t("sure", { percent: Math.round(sure * 100) }) : note;
      own.note.textContent = note;
      own.box.title = [own.control.about, words].filter(Boolean).join(" – ");
      own.set(value, words);
    }
  }

  /** What a control is called, with its section. */
  title(name) { return this.controls.get(name)?.title ?? name; }

  #box(control, row, wide) {
    const box = make("div", `control${wide ? " wide" : ""}`, row);
    box.dataset.name = control.name;
    return box;
  }

  #foot(box) {
    const bar = make("span", "sure", box);
    const sure = make("i", "", bar);
    const note = make("span", "note", box);
    bar.setAttribute("aria-hidden", "true");
    note.setAttribute("aria-hidden", "true");
    return { box, sure, note };
  }

  #knob(control, title, row) {
    const box = this.#box(control, row, false);
    const fixed = "fixed" in control;
    const knob = make("div", "knob", box);
    knob.setAttribute("role", "slider");
    knob.setAttribute("aria-label", title);
    knob.setAttribute("aria-valuemin", control.low);
    knob.setAttribute("aria-valuemax", control.high);
    if (fixed) knob.setAttribute("aria-disabled", "true");
    knob.tabIndex = fixed ? -1 : 0;
    const picture = svg("svg", { viewBox: "0 0 56 56", "aria-hidden": "true" }, knob);
    svg("path", { class: "track", d: arc(-SWEEP, SWEEP, 25) }, picture);
    const lit = svg("path", { class: "arc" }, picture);
    svg("circle", { class: "body", cx: 28, cy: 28, r: 18 }, picture);
    const hand = svg("line", { class: "hand", x1: 28, y1: 28 }, picture);
    const label = make("span", "name", box, control.label);
    label.setAttribute("aria-hidden", "true");
    const value = make("span", "value", box);
    value.setAttribute("aria-hidden", "true");
    let now = control.low;
    const range = control.high - control.low || 1;
    const set = (setting, words) => {
      now = setting;
      const angle = -SWEEP + ((setting - control.low) / range) * 2 * SWEEP;
      lit.setAttribute("d", angle > -SWEEP + 0.5 ? arc(-SWEEP, angle, 25) : "");
      const [x, y] = polar(angle, 16);
      hand.setAttribute("x2", x);
      hand.setAttribute("y2", y);
      value.textContent = shown(control, setting);
      knob.setAttribute("aria-valuenow", setting);
      knob.setAttribute("aria-valuetext", [shown(control, setting), words].filter(Boolean).join(", "));
    };
    const turn = (to) => {
      const steps = Math.round((Math.min(control.high, Math.max(control.low, to)) - control.low) / control.step);
      const setting = Math.min(control.high, control.low + steps * control.step);
      if (Math.abs(setting - now) > 1e-9) this.onTurn(control.name, setting);
    };
    if (!fixed) {
      knob.addEventListener("keydown", (event) => {
        const big = range / 10;
        const moves = {
          ArrowUp: control.step, ArrowRight: control.step, ArrowDown: -control.step, ArrowLeft: -control.step,
          PageUp: big, PageDown: -big, Home: -Infinity, End: Infinity,
        };
        if (!(event.key in moves)) return;
        event.preventDefault();
        turn(now + moves[event.key]);
      });
      knob.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        knob.focus();
        knob.setPointerCapture(event.pointerId);
        const [from, start] = [event.clientY - event.clientX, now];
        const move = (moved) => {
          const scale = moved.shiftKey ? PIXELS * 5 : PIXELS;
          turn(start + ((from - (moved.clientY - moved.clientX)) / scale) * range);
        };
        knob.addEventListener("pointermove", move);
        knob.addEventListener("pointerup", () => knob.removeEventListener("pointermove", move), { once: true });
        knob.addEventListener("pointercancel", () => knob.removeEventListener("pointermove", move), { once: true });
      });
    }
    return { ...this.#foot(box), set };
  }

  #switch(control, title, row) {
    const few = control.options.length <= FEW;
    const box = this.#box(control, row, true);
    const fixed = "fixed" in control;
    let set;
    if (few) {
      const group = make("fieldset", "", box);
      make("legend", "", group, title);
      const positions = make("div", "positions", group);
      const inputs = control.options.map(([value, text]) => {
        const label = make("label", "", positions);
        const input = make("input", "", label);
        Object.assign(input, { type: "radio", name: `switch-${control.name}`, value, disabled: fixed });
        input.addEventListener("change", () => this.onTurn(control.name, value));
        make("span", "", label, text);
        return input;
      });
      set = (setting) => inputs.forEach((input) => { input.checked = input.value === setting; });
    } else {
      const select = make("select", "", box);
      select.setAttribute("aria-label", title);
      select.disabled = fixed;
      for (const [value, text] of control.options) {
        const option = make("option", "", select, text);
        option.value = value;
      }
      select.addEventListener("change", () => this.onTurn(control.name, select.value));
      set = (setting) => { select.value = setting; };
    }
    const label = make("span", "name", box, control.label);
    label.setAttribute("aria-hidden", "true");
    return { ...this.#foot(box), set };
  }
}
