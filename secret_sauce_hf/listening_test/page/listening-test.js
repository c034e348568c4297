"use strict";
/* A listening test: start, training, trials, end. What is asked lies in test.js, the sounds in sounds/, as scripts: a page
   that was opened as a file may read nothing else. Answers stay in this browser until somebody saves them. */
(() => {
  const test = window.listeningTest;
  const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c"];
  const SCALE = ["bad", "poor", "fair", "good", "excellent"];
  const PAUSE = 0.25; // seconds between two repetitions
  const TAU = 0.003; // time constant of a change from one stimulus to another, in seconds
  const query = new URLSearchParams(location.search);
  const store = `listening-test:${test.test}`;

  /* Plays stimuli of one length all at the same time, of which one is heard. All gains move to their new values by the same
     law, so that their sum is 1 at every moment: a change leaves no gap, and where two stimuli are the same it is none. */
  class Player {
    constructor(context, buffers) {
      this.context = context;
      this.buffers = buffers;
      this.output = context.createGain();
      this.output.connect(context.destination);
      this.voices = new Map();
      this.current = null;
      this.loop = true;
      this.playing = false;
      this.ended = () => {};
    }

    start(name, when = this.context.currentTime) {
      this.stop();
      this.current = name;
      this.playing = true;
      for (const [other, buffer] of this.buffers) {
        const source = new AudioBufferSourceNode(this.context, { buffer, loop: this.loop });
        const gain = new GainNode(this.context, { gain: other === name ? 1 : 0 });
        source.connect(gain).connect(this.output);
        source.start(when);
        this.voices.set(other, { source, gain });
      }
      const { source } = this.voices.get(name);
      source.onended = () => {
        if (this.voices.get(name)?.source === source) {
          this.stop();
          this.ended();
        }
      };
    }

    change(name, when = this.context.currentTime) {
      this.current = name;
      for (const [other, voice] of this.voices) {
        voice.gain.gain.setTargetAtTime(other === name ? 1 : 0, when, TAU);
      }
    }

    stop() {
      const now = this.context.currentTime;
      for (const { source, gain } of this.voices.values()) {
        gain.gain.setTargetAtTime(0, now, TAU);
        source.onended = null;
        source.stop(now + 10 * TAU);
      }
      this.voices = new Map();
      this.playing = false;
    }
  }

  // Random numbers that a seed repeats (mulberry32).
  const random = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
  const shuffled = (items, draw) => {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last--) {
      const place = Math.floor(draw() * (last + 1));
      [result[last], result[place]] = [result[place], result[last]];
    }
    return result;
  };
  const plan = (seed) => {
    const draw = random(seed);
    return shuffled(test.trials, draw).map((trial) => ({ ...trial, order: shuffled(trial.stimuli, draw) }));
  };

  // --- What is kept -----------------------------------------------------------------------------------------------

  let keeps = true;
  const keep = () => {
    try {
      localStorage.setItem(store, JSON.stringify(state));
    } catch {
      keeps = false;
    }
  };
  const forget = () => {
    try {
      localStorage.removeItem(store);
    } catch {
      keeps = false;
    }
  };
  const kept = () => {
    try {
      const found = JSON.parse(localStorage.getItem(store));
      return found && found.test === test.test && Array.isArray(found.trials) ? found : null;
    } catch {
      return null;
    }
  };
  const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const fresh = () => {
    const code = query.get("participant") ?? "";
    const seed = /^\d{1,9}$/.test(query.get("seed") ?? "") ? Number(query.get("seed")) : crypto.getRandomValues(new Uint32Array(1))[0];
    return {
      schema: test.schema,
      kind: test.kind,
      test: test.test,
      method: test.method,
      participant: /^[A-Za-z0-9_-]{1,40}$/.test(code) ? code : hex(8),
      seed,
      language,
      about: { device: "", experience: "" },
      started: new Date().toISOString(),
      finished: "",
      comment: "",
      trials: [],
    };
  };

  // --- Sounds -----------------------------------------------------------------------------------------------------

  let context = null;
  let player = null;
  const arrived = new Map();
  window.listeningTestSounds = (sound, stimuli) => arrived.set(sound, stimuli);

  const script = (path) =>
    new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = path;
      element.onload = resolve;
      element.onerror = reject;
      document.head.append(element);
      element.remove();
    });

  const decoded = async (text) => {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const sound = await context.decodeAudioData(bytes.buffer);
    const padded = new AudioBuffer({ length: sound.length + Math.round(PAUSE * sound.sampleRate), sampleRate: sound.sampleRate });
    padded.copyToChannel(sound.getChannelData(0), 0);
    return padded;
  };

  const load = async (trial) => {
    player?.stop();
    player = null;
    context ??= new AudioContext();
    if (!arrived.has(trial.sound)) await script(`sounds/${trial.sound}.js`);
    const stimuli = arrived.get(trial.sound);
    // Those of other sounds are loaded again when they are needed.
    for (const sound of arrived.keys()) if (sound !== trial.sound) arrived.delete(sound);
    const names = [test.references[trial.sound], ...trial.order];
    const buffers = await Promise.all(names.map((name) => decoded(stimuli[name])));
    return new Player(context, new Map(names.map((name, place) => [name, buffers[place]])));
  };

  // --- Words and elements -----------------------------------------------------------------------------------------

  const main = document.getElementById("main");
  const status = document.getElementById("status");
  const wanted = query.get("lang") ?? kept()?.language ?? (navigator.language ?? "").slice(0, 2);
  let language = wanted in test.texts ? wanted : test.language;
  const say = (name, values = {}) => test.texts[language][name].replace(/\{(\w+)\}/g, (_, one) => values[one]);

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (typeof value === "boolean") element.toggleAttribute(name, value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  let keys = {};
  const show = (heading, ...children) => {
    document.documentElement.lang = language;
    document.title = test.title || say("title");
    keys = {};
    const title = make("h1", {}, heading);
    main.replaceChildren(title, ...children);
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const { tagName, type } = event.target;
    if (tagName === "TEXTAREA" || tagName === "SELECT") return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    // A button that has the focus does what these keys do to buttons; arrows move a slider.
    if (tagName === "BUTTON" && (name === " " || name === "Enter")) return;
    if (type === "range" && name.startsWith("Arrow")) return;
    if (keys[name]) {
      event.preventDefault();
      keys[name]();
    }
  });

  // --- Start ------------------------------------------------------------------------------------------------------

  let state = null;
  const choice = (name, options, value, chosen) => {
    const select = make("select", { id: name, onchange: (event) => chosen(event.target.value) });
    for (const option of ["", ...options]) {
      select.append(make("option", { value: option, selected: option === value }, say(option || "choose")));
    }
    return make("p", { class: "field" }, make("label", { for: name }, say(name)), select);
  };

  const start = () => {
    const before = kept();
    const about = { device: "", experience: "" };
    const languages = make("p", { class: "languages" });
    for (const [code, words] of Object.entries(test.texts)) {
      const here = code === language;
      languages.append(make("button", { type: "button", lang: code, "aria-pressed": String(here), onclick: () => ((language = code), start()) }, words.language));
    }
    const begin = make("button", { type: "button", id: "begin", class: "primary", disabled: true, onclick: () => begun() }, say("begin"));
    const begun = () => {
      state = fresh();
      state.about = { ...about };
      keep();
      training(0);
    };
    const set = (name) => (value) => {
      about[name] = value;
      begin.disabled = !(about.device && about.experience);
    };
    const parts = [];
    if (before?.finished) {
      const button = make("button", { type: "button", id: "show-result", onclick: () => ((state = before), end()) }, say("show_result"));
      parts.push(make("section", { class: "kept" }, make("p", {}, say("finished_here")), button));
    } else if (before) {
      const values = { trial: before.trials.length + 1, trials: test.trials.length };
      const go = () => {
        state = { ...before, language };
        trial();
      };
      parts.push(make("section", { class: "kept" }, make("button", { type: "button", id: "continue", class: "primary", onclick: go }, say("continue", values))));
    }
    const form = make("section", {});
    form.append(choice("device", ["headphones", "earphones", "loudspeakers"], "", set("device")));
    form.append(choice("experience", ["never", "sometimes", "often"], "", set("experience")));
    form.append(make("p", {}, begin));
    if (before) parts.push(make("h2", {}, say("again")));
    show(
      test.title || say("title"),
      languages,
      make("p", {}, say(`intro_${test.method}`, { trials: test.trials.length })),
      make("p", {}, say("advice")),
      make("p", {}, say("privacy")),
      ...parts,
      form,
    );
    if (typeof AudioContext === "undefined") show(say("title"), make("p", { role: "alert" }, say("no_audio")));
  };

  // --- A trial ----------------------------------------------------------------------------------------------------

  /* Shows a trial and gives back, once it is done, what was answered. */
  const ask = async (one, heading, intro, go, progress) => {
    show(heading, make("p", { class: "loading" }, say("loading")));
    let loaded;
    try {
      loaded = await load(one);
    } catch {
      show(heading, make("p", { role: "alert" }, say("broken")));
      return new Promise(() => {});
    }
    player = loaded;
    const reference = test.references[one.sound];
    const mushra = test.method === "mushra";
    const labels = mushra ? KEYS : ["A", "B"];
    const label = new Map([[reference, say("reference")], ...one.order.map((name, place) => [name, labels[place].toUpperCase()])]);
    const heard = new Set();
    const ratings = {};
    let chosen = null;
    let switches = 0;
    let selected = reference;
    const shown = performance.now();

    return new Promise((resolve) => {
      const missing = make("p", { id: "missing", class: "missing" });
      const next = make("button", { type: "button", id: "next", class: "primary", disabled: true, onclick: () => done() }, go);
      const play = make("button", { type: "button", id: "play", onclick: () => toggle() }, say("play"));
      const loop = make("input", { type: "checkbox", id: "loop", onchange: () => relooped() });
      loop.checked = player.loop = ask.loop;
      const buttons = new Map();
      const sliders = new Map();

      const update = () => {
        play.textContent = say(player.playing ? "pause" : "play");
        for (const [name, button] of buttons) {
          button.setAttribute("aria-pressed", String(name === selected));
          button.classList.toggle("sounding", player.playing && name === selected);
          button.classList.toggle("heard", heard.has(name));
          button.closest("li")?.classList.toggle("selected", name === selected);
        }
        const unheard = [...label.keys()].filter((name) => !heard.has(name));
        const unrated = mushra ? one.order.filter((name) => !(name in ratings)) : [];
        const list = (names) => names.map((name) => label.get(name)).join(", ");
        missing.textContent = [
          unheard.length ? say("to_hear", { names: list(unheard) }) : "",
          unrated.length ? say("to_rate", { names: list(unrated) }) : "",
          !mushra && !chosen ? say("to_choose") : "",
        ].join(" ").trim();
        next.disabled = Boolean(missing.textContent);
      };
      const toggle = () => {
        if (player.playing) player.stop();
        else {
          context.resume();
          player.start(selected);
          heard.add(selected);
        }
        update();
      };
      const select = (name) => {
        if (selected !== name) switches += 1;
        selected = name;
        if (player.playing) {
          player.change(name);
          heard.add(name);
          update();
        } else toggle();
        (sliders.get(name) ?? main).focus({ preventScroll: true });
      };
      const relooped = () => {
        ask.loop = player.loop = loop.checked;
        if (player.playing) player.start(selected);
        update();
      };
      const done = () => {
        if (next.disabled) return;
        player.stop();
        const answer = { trial: one.id, order: one.order, seconds: Math.round((performance.now() - shown) / 100) / 10, switches };
        resolve(mushra ? { ...answer, ratings } : { ...answer, chosen });
      };
      player.ended = update;

      const hear = (name, key) => {
        const attributes = { type: "button", class: "stimulus", "aria-pressed": "false", onclick: () => select(name) };
        if (name !== reference) attributes["aria-label"] = say("sound", { name: label.get(name) });
        attributes["aria-keyshortcuts"] = key;
        const button = make("button", attributes, label.get(name));
        buttons.set(name, button);
        return button;
      };
      const head = make("div", { class: "controls" }, hear(reference, "0"), play, make("label", { class: "loop" }, loop, say("loop")));
      const body = mushra ? make("ol", { class: "ratings" }) : make("div", { class: "pair" });
      if (mushra) {
        const scale = make("div", { class: "scale", "aria-hidden": "true" }, make("span", {}), make("div", { class: "words" }, ...SCALE.map((word) => make("span", {}, say(word)))), make("span", {}));
        body.append(make("li", { class: "head", "aria-hidden": "true" }, scale));
        one.order.forEach((name, place) => {
          const output = make("output", {}, "–");
          const slider = make("input", { type: "range", min: "0", max: "100", step: "1", value: "50", class: "unset", "aria-label": say("rating", { name: label.get(name) }), "aria-valuetext": say("unrated") });
          const rated = () => {
            ratings[name] = Number(slider.value);
            output.textContent = slider.value;
            slider.classList.remove("unset");
            slider.setAttribute("aria-valuetext", `${slider.value}, ${say(SCALE[Math.min(Math.floor(slider.value / 20), 4)])}`);
            update();
          };
          // A click on the middle, where the slider stands at first, changes nothing and is a rating all the same.
          for (const event of ["input", "change", "pointerup"]) slider.addEventListener(event, rated);
          sliders.set(name, slider);
          body.append(make("li", {}, hear(name, KEYS[place]), make("div", { class: "track" }, slider), output));
        });
      } else {
        const answers = one.order.map((name, place) => {
          const choose = () => {
            chosen = name;
            answers.forEach((button, other) => button.setAttribute("aria-pressed", String(other === place)));
            update();
          };
          keys[place ? "ArrowRight" : "ArrowLeft"] = choose;
          return make("button", { type: "button", class: "choice", "aria-pressed": "false", onclick: choose }, say(place ? "choose_b" : "choose_a"));
        });
        one.order.forEach((name, place) => body.append(make("div", { class: "side" }, hear(name, KEYS[place]), answers[place])));
      }
      const names = `1–${KEYS[one.order.length - 1].toUpperCase()}`;
      const parts = [...intro.map((text) => make("p", {}, text))];
      if (progress !== null) parts.push(make("progress", { max: String(test.trials.length), value: String(progress), "aria-label": heading }));
      if (!keeps) parts.push(make("p", { class: "missing", role: "alert" }, say("not_kept")));
      const choices = keys;
      show(heading, ...parts, make("p", { class: "question" }, say(`question_${test.method}`)), head, body, missing, make("p", {}, next), make("p", { class: "keys" }, say(`keys_${test.method}`, { names })));
      keys = { ...choices, " ": toggle, Enter: done, 0: () => select(reference), l: () => ((loop.checked = !loop.checked), relooped()) };
      one.order.forEach((name, place) => (keys[KEYS[place]] = () => select(name)));
      update();
      status.textContent = heading;
    });
  };
  ask.loop = true;

  const training = async (number) => {
    if (number >= test.training.length) {
      trial();
      return;
    }
    const last = number + 1 === test.training.length;
    const one = test.training[number];
    const order = shuffled(one.stimuli, random(state.seed ^ (number + 1)));
    await ask({ ...one, order }, say("training"), [say("training_text")], say(last ? "start_test" : "next_training"), null);
    training(number + 1);
  };

  const trial = async () => {
    const all = plan(state.seed);
    const number = state.trials.length;
    if (number >= all.length) {
      end();
      return;
    }
    const values = { trial: number + 1, trials: all.length };
    const answer = await ask(all[number], say("trial", values), [], say(number + 1 === all.length ? "finish" : "next"), number);
    state.trials.push(answer);
    if (state.trials.length === all.length) state.finished = new Date().toISOString();
    keep();
    trial();
  };

  // --- End --------------------------------------------------------------------------------------------------------

  const end = () => {
    const comment = make("textarea", { id: "comment", rows: "4", maxlength: "2000" });
    comment.value = state.comment;
    const told = make("p", { id: "told", role: "status" });
    const save = () => {
      state.comment = comment.value;
      keep();
      const file = `listening-test-${test.test.slice(0, 6)}-${state.participant}.json`;
      const address = URL.createObjectURL(new Blob([`${JSON.stringify(state, null, 1)}\n`], { type: "application/json" }));
      const link = make("a", { href: address, download: file });
      main.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
      told.textContent = say("saved", { file });
      remove.hidden = false;
    };
    const remove = make("button", { type: "button", id: "remove", hidden: true, onclick: () => (forget(), (told.textContent = say("removed")), (remove.hidden = true)) }, say("remove"));
    show(
      say("thanks"),
      make("p", {}, say("thanks_text")),
      make("p", { class: "field" }, make("label", { for: "comment" }, say("comment")), comment),
      make("p", {}, make("button", { type: "button", id: "save", class: "primary", onclick: save }, say("save"))),
      told,
      make("p", {}, remove),
    );
  };

  // For whoever wants to see that changes leave no gap, and how orders are drawn.
  window.listeningTestPlayer = { Player, plan, current: () => player };
  start();
})();
