// The page: what is on it, and what happens when.

import * as api from "./api.js";
import { Keyboard, noteName, notePitch } from "./keyboard.js";
import * as midi from "./midi.js";
import { Panel } from "./panel.js";
import { drawFalling, drawSpectrogram } from "./picture.js";
import { audio, decode, Player, wavOf } from "./player.js";
import { exchange, listed, loadTexts, number, onLanguage, remark, t } from "./texts.js";
import RegionsPlugin from "./vendor/regions.esm.js";
import WaveSurfer from "./vendor/wavesurfer.esm.js";

const $ = (id) => document.getElementById(id);
const KEY_SECONDS = 2;
const TURNED_AFTER = 60; // Milliseconds after the last turn of a knob.
const SECONDS = [0, 3, 10, 30, 60];
const SHOWN_NOTES = 8;
const OF_FIELDS = "fields";
const MATCHED = "matched";
const MEASURED = 6; // Of how many controls is shown what they change.

const state = { limits: null, sound: null, match: null, answer: null, number: 0, preset: null, panel: null, instruments: [] };
let wave = null;
let regions = null;
let search = 0;

const player = new Player((playing) => {
  $("play").textContent = t(playing ? "pause" : "play");
  $("play").setAttribute("aria-pressed", playing);
});
const panel = new Panel($("panel"), turned);
const keyboard = new Keyboard($("keys"), keySound);

function tell(error) {
  if (error?.name === "AbortError") return;
  if (!(error instanceof api.Mistake)) console.error(error);
  $("mistake").textContent = error?.message ?? String(error);
}

/** Run what a click asks for; what goes wrong is told on the page. */
function on(id, name, action) {
  $(id).addEventListener(name, async (event) => {
    $("mistake").textContent = "";
    try { await action(event); } catch (error) { tell(error); }
  });
}

// ---------------------------------------------------------------- the sound

async function take(blob, name) {
  $("sent").textContent = t("sending", { name });
  let told;
  try {
    if (state.limits && blob.size > state.limits.bytes) throw new api.Mistake(t("limits", { megabytes: state.limits.bytes / 2 ** 20 }));
    told = await api.upload(blob, name);
  } catch (error) {
    // The browser may read what the server cannot.
    let read;
    try { read = await decode(await blob.arrayBuffer()); } catch { $("sent").textContent = ""; throw error; }
    const long = Math.min(read.length, read.sampleRate * 60);
    const part = audio().createBuffer(Math.min(read.numberOfChannels, 2), long, read.sampleRate);
    for (let i = 0; i < part.numberOfChannels; i++) part.copyToChannel(read.getChannelData(i).subarray(0, long), i);
    told = await api.upload(wavOf(part), name);
  }
  await loaded(told);
}

async function loaded(told) {
  state.sound = told;
  $("sent").textContent = t("sent", { name: told.name, seconds: number(told.seconds) });
  $("answer").hidden = true;
  player.stop();
  $("loaded").hidden = false;
  for (const id of ["from", "to"]) { $(id).value = ""; $(id).max = told.seconds; }
  const content = await api.sound(told.sound);
  wave?.destroy();
  regions = RegionsPlugin.create();
  const style = getComputedStyle(document.documentElement);
  wave = WaveSurfer.create({
    container: $("waveform"), height: 96, normalize: true, plugins: [regions],
    waveColor: style.getPropertyValue("--soft"), progressColor: style.getPropertyValue("--accent"), cursorColor: style.getPropertyValue("--accent"),
  });
  regions.enableDragSelection({ color: "rgba(255, 179, 71, .3)" });
  const follow = (region) => {
    for (const other of regions.getRegions()) if (other !== region) other.remove();
    $("from").value = region.start.toFixed(2);
    $("to").value = region.end.toFixed(2);
  };
  // What the fields say is drawn late where the picture is not ready, and must not be written back then.
  regions.on("region-created", (region) => { if (region.id !== OF_FIELDS && region.id !== MATCHED) follow(region); });
  regions.on("region-updated", follow);
  for (const [name, playing] of [["play", true], ["pause", false], ["finish", false]]) {
    wave.on(name, () => { $("play-sound").textContent = t(playing ? "stop_sound" : "play_sound"); });
  }
  await wave.loadBlob(new Blob([content], { type: "audio/wav" }));
}

function regionFromFields() {
  const [from, to] = ["from", "to"].map((id) => ($(id).value === "" ? null : Number($(id).value)));
  if (from === null && to === null) return null;
  const region = [from ?? 0, to ?? Math.min(state.sound.seconds, (from ?? 0) + 4)];
  if (!(region[1] > region[0])) throw new api.Mistake(t("bad_region"));
  return region;
}

function showRegion() {
  if (regions === null) return;
  regions.clearRegions();
  try {
    const region = regionFromFields();
    if (region !== null) regions.addRegion({ id: OF_FIELDS, start: region[0], end: region[1], color: "rgba(255, 179, 71, .3)" });
  } catch { /* It is told when it is asked for. */ }
}

function notesAsked() {
  const words = $("notes").value.split(/[\s,;]+/).filter(Boolean);
  if (!words.length) return null;
  return words.map((text) => {
    const pitch = notePitch(text);
    if (pitch === null) throw new api.Mistake(t("bad_note", { text }));
    return { pitch };
  });
}

let recorder = null;

async function record() {
  if (recorder !== null) { recorder.stop(); return; }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      // What makes speech clearer would change the sound.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    throw new api.Mistake(t("no_microphone", { reason: error.message }));
  }
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = async () => {
    for (const track of stream.getTracks()) track.stop();
    recorder = null;
    $("record").textContent = t("record");
    $("record").setAttribute("aria-pressed", "false");
    try { await take(wavOf(await decode(await new Blob(parts).arrayBuffer())), "recording.wav"); } catch (error) { tell(error); }
  };
  recorder.start();
  $("record").textContent = t("recording");
  $("record").setAttribute("aria-pressed", "true");
}

// ---------------------------------------------------------------- the search

async function match() {
  if (state.sound === null) return;
  const own = ++search;
  player.stop();
  const body = {
    sound: state.sound.sound, collection: $("instrument").value || null, region: regionFromFields(),
    notes: notesAsked(), seconds: Number($("seconds").value), candidates: 5,
  };
  const points = [];
  $("going").hidden = false;
  $("stop").hidden = false;
  $("match").disabled = true;
  $("share").removeAttribute("value");
  $("state").textContent = t("listening");
  drawFalling($("falling"), points);
  try {
    const { match: key } = await api.order(body);
    state.going = key;
    let last = null;
    for await (const now of api.events(key)) {
      if (own !== search) return;
      last = now;
      progress(now, points);
    }
    if (last?.state === "failed") throw new api.Mistake(last.error);
    if (last?.state !== "done") throw new api.Mistake(t("ended"));
    await answered(key);
  } finally {
    if (own === search) {
      $("going").hidden = true;
      $("stop").hidden = true;
      $("match").disabled = false;
    }
  }
}

function progress(now, points) {
  if (now.state === "waiting") {
    $("state").textContent = t("waiting", { ahead: now.ahead, seconds: now.wait_seconds });
  } else if (now.distance !== undefined && now.distance !== null) {
    // With several instruments the search begins anew with each.
    if (points.length && now.share < points.at(-1)[0]) points.length = 0;
    points.push([now.share, now.distance]);
    $("share").value = now.share;
    $("state").textContent = t("searching", { renders: now.renders, distance: number(now.distance) });
    drawFalling($("falling"), points);
  } else if (now.state === "running") $("state").textContent = t("listening");
}

// ---------------------------------------------------------------- the answer

async function answered(key) {
  const answer = await api.answer(key);
  Object.assign(state, { match: key, answer, number: 0 });
  state.panel = await api.panel(answer.collection);
  panel.draw(state.panel);
  const offered = state.instruments.find((one) => one.name === answer.collection);
  keyboard.range = offered?.plays ?? [0, 127];
  $("playing").hidden = !offered?.renders;
  $("reasons").hidden = !offered?.renders;
  const pitch = answer.notes?.[0]?.pitch ?? 60;
  keyboard.lowest = Math.max(0, Math.floor(pitch / 12) * 12 - 12);
  drawKeys();
  player.buffers = { reference: null, found: null };
  $("answer").hidden = false;
  words();
  drawSpectrogram($("picture-reference"), answer.reference);
  if (regionFromFields() === null && regions !== null) {
    regions.clearRegions();
    regions.addRegion({ id: MATCHED, start: answer.region[0], end: answer.region[1], drag: false, resize: false, color: "rgba(120, 90, 220, .18)" });
  }
  player.set("reference", await decode(await api.reference(key)));
  await choose(0);
  $("answer").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  $("answer").focus({ preventScroll: true });
}

/** Everything on the answer that is a sentence. */
function words() {
  const answer = state.answer;
  if (answer === null) return;
  const values = { instrument: answer.instrument, distance: number(answer.distance), renders: answer.renders, seconds: number(answer.search_seconds, 1) };
  const verdict = answer.distance === null ? "verdict_untold" : answer.renders ? "verdict" : "verdict_alone";
  $("verdict").textContent = answer.silent ? t("silent") : t(verdict, values);
  $("cannot").hidden = !answer.doubtful;
  const percent = answer.in_domain === null ? "" : Math.round(answer.in_domain * 100);
  $("cannot").textContent = answer.doubtful ? t("cannot", { percent }) : "";
  const lines = facts(answer).concat(answer.remarks.map(remark));
  if (answer.floor) lines.push(t("floor", { floor: number(answer.floor) }));
  if (answer.others.length) lines.push(t("others", { list: listed(answer.others.map((one) => `${one.instrument} ${number(one.distance)} dB`)) }));
  $("remarks").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  for (const [id, what] of [["picture-reference", "reference"], ["picture-found", "found"]]) {
    $(id).setAttribute("aria-label", t("picture_of", { what: t(what), seconds: number(answer.seconds) }));
  }
  which();
  files();
}

/** What was heard, and what was allowed for: sentences. */
function facts(answer) {
  const lines = [];
  const [from, to] = answer.region;
  if (!answer.silent && to - from < answer.sound_seconds - 0.001) {
    lines.push(t("part", { from: number(from), to: number(to), seconds: number(answer.sound_seconds) }));
  }
  if (answer.played?.length) {
    const told = answer.played.slice(0, SHOWN_NOTES).map(([pitch, start, end]) =>
      t("played_note", { note: noteName(pitch), pitch, from: number(start), to: number(end) }));
    lines.push(t("played", { list: listed(answer.played.length > SHOWN_NOTES ? [...told, "…"] : told) }));
  }
  if (answer.in_domain !== null && !answer.silent && !answer.doubtful) {
    lines.push(t("can", { percent: Math.round(answer.in_domain * 100) }));
  }
  if (answer.late) {
    lines.push(t(answer.late > 0 ? "late" : "early", { milliseconds: number(1000 * Math.abs(answer.late), 1) }));
  }
  return lines;
}

function which() {
  const { candidates } = state.answer;
  const one = candidates[state.number];
  const values = { number: state.number + 1, count: candidates.length, distance: number(one.distance) };
  $("which").textContent = t(one.distance === null ? "candidate_untold" : "candidate", values);
  $("previous").disabled = state.number === 0;
  $("next").disabled = state.number === candidates.length - 1;
}

async function choose(at) {
  const one = state.answer.candidates[at];
  state.number = at;
  state.preset = { ...one.preset };
  which();
  $("turned").textContent = "";
  $("reset").hidden = true;
  panel.show(state.preset, one);
  keyboard.forget();
  drawSpectrogram($("picture-found"), one.picture);
  $("side-found").disabled = one.picture === null;
  if (one.picture !== null) {
    const buffer = await decode(await api.candidate(state.match, at));
    if (state.number === at) player.set("found", buffer);
    reasons(at).catch(tell);
  }
}

async function reasons(at) {
  const key = state.match;
  $("why").textContent = t("measuring");
  $("effects").replaceChildren();
  const changes = await api.reasons(key, at);
  if (key !== state.match || at !== state.number) return;
  state.changes = changes;
  because();
}

function because() {
  const changes = state.changes ?? [];
  const heard = changes.filter(([, change]) => change > 1.5);
  const silent = changes.filter(([, change]) => change <= 1.5).map(([name]) => panel.title(name));
  const sentences = [];
  if (heard.length) {
    sentences.push(t("why_first", { control: panel.title(heard[0][0]), change: number(heard[0][1], 1) }));
    if (heard.length > 1) sentences.push(t("why_then", { list: listed(heard.slice(1, 4).map(([name]) => panel.title(name))) }));
  }
  if (silent.length) sentences.push(t("why_nothing", { list: listed(silent.length > 8 ? [...silent.slice(0, 7), "…"] : silent) }));
  $("why").textContent = sentences.join(" ");
  const most = heard[0]?.[1] || 1;
  $("effects").replaceChildren(...heard.slice(0, MEASURED).map(([name, change]) => {
    const item = document.createElement("li");
    const label = Object.assign(document.createElement("span"), { textContent: panel.title(name) });
    const track = document.createElement("span");
    const bar = Object.assign(document.createElement("span"), { className: "bar" });
    bar.style.cssText = `display: block; width: ${Math.max(1, (change / most) * 100)}%`;
    track.append(bar);
    const told = Object.assign(document.createElement("span"), { className: "number", textContent: `${number(change, 1)} dB` });
    item.append(label, track, told);
    return item;
  }));
}

let turning = null;
let waiting = null;

function turned(name, setting) {
  state.preset[name] = setting;
  const one = state.answer.candidates[state.number];
  panel.show(state.preset, { ...one, original: one.preset });
  keyboard.forget();
  $("reset").hidden = false;
  clearTimeout(waiting);
  waiting = setTimeout(() => hear().catch(tell), TURNED_AFTER);
}

/** Render the preset as it is turned now. */
async function hear() {
  turning?.abort();
  turning = new AbortController();
  const { answer, match: key } = state;
  const took = await api.render({ collection: answer.collection, preset: state.preset, notes: answer.notes, seconds: answer.seconds, match: key }, turning.signal);
  const buffer = await decode(api.bytes(took.wav));
  if (key !== state.match) return;
  $("turned").textContent = t("turned", { distance: number(took.distance) });
  drawSpectrogram($("picture-found"), took.picture);
  player.set("found", buffer);
  if (!player.playing) {
    player.choose("found");
    $("side-found").checked = true;
    const loop = player.loop;
    player.loop = false;
    player.play();
    player.loop = loop;
  }
}

async function keySound(pitch) {
  const notes = [{ pitch, velocity: 110, onset: 0.01, duration: KEY_SECONDS * 0.75 }];
  const took = await api.render({ collection: state.answer.collection, preset: state.preset, notes, seconds: KEY_SECONDS });
  return decode(api.bytes(took.wav));
}

function drawKeys() {
  keyboard.draw();
  $("octave").textContent = t("octave", { note: noteName(keyboard.lowest) });
}

// ---------------------------------------------------------------- what is taken away

function files() {
  $("sending").hidden = !state.panel.files.includes("mid");
  const stem = state.answer.sound.replace(/\.[^.]*$/, "") || "sound";
  const kinds = [...state.panel.files, ...(state.answer.candidates[0].picture ? ["wav"] : [])];
  $("files").replaceChildren(...kinds.map((kind) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.kind = kind;
    const text = t(`download_${kind}`);
    button.textContent = text === `download_${kind}` ? t("download", { kind: `.${kind}` }) : text;
    button.addEventListener("click", () => download(kind, `${stem}.${kind}`).catch(tell));
    return button;
  }));
}

async function download(kind, name) {
  const blob = kind === "wav" ? wavOf(player.buffers.found) : await api.file(kind, { collection: state.answer.collection, preset: state.preset });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function findOutputs() {
  const messages = await api.messages({ collection: state.answer.collection, preset: state.preset });
  let found = [];
  try { found = await midi.outputs(messages.some((one) => one[0] === 0xf0)); } catch (error) { $("midi-state").textContent = t(error.message); return; }
  $("midi-state").textContent = found.length ? "" : t("midi_none");
  $("midi-output").replaceChildren(...found.map(([id, name]) => new Option(name, id)));
  for (const id of ["midi-outputs", "midi-channels", "midi-send"]) $(id).hidden = !found.length;
}

async function sendPreset() {
  const messages = await api.messages({ collection: state.answer.collection, preset: state.preset });
  const name = midi.send($("midi-output").value, messages, Number($("midi-channel").value));
  $("midi-state").textContent = t("midi_sent", { count: messages.length, name });
}

// ---------------------------------------------------------------- the page itself

function offered() {
  const chosen = $("instrument").value;
  const options = [new Option(t("any"), "")];
  for (const one of state.instruments) {
    options.push(new Option(`${one.instrument_title}: ${one.name}${one.model ? "" : ` (${t("no_model")})`}`, one.name));
  }
  $("instrument").replaceChildren(...options);
  $("instrument").value = chosen;
}

function durations() {
  const chosen = $("seconds").value || "10";
  $("seconds").replaceChildren(...SECONDS.map((one) => new Option(one ? t("seconds_short", { seconds: one }) : t("none"), one)));
  $("seconds").value = chosen;
}

function retold() {
  $("limits").textContent = state.limits ? t("limits", { megabytes: state.limits.bytes / 2 ** 20 }) : "";
  offered();
  durations();
  if (state.sound) $("sent").textContent = t("sent", { name: state.sound.name, seconds: number(state.sound.seconds) });
  if (state.answer) {
    words();
    because();
    const one = state.answer.candidates[state.number];
    panel.show(state.preset, { ...one, original: one.preset });
    drawKeys();
  }
  $("play").textContent = t(player.playing ? "pause" : "play");
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* storage may be forbidden */ }
}

function wire() {
  on("choose", "click", () => $("file").click());
  on("file", "change", async () => { const [file] = $("file").files; $("file").value = ""; if (file) await take(file, file.name); });
  on("record", "click", record);
  on("example", "click", async () => loaded(await api.example()));
  on("drop", "dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
  on("drop", "dragleave", () => $("drop").classList.remove("over"));
  on("drop", "drop", async (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) await take(file, file.name);
  });
  on("play-sound", "click", () => { audio(); wave?.playPause(); });
  for (const id of ["from", "to"]) on(id, "change", showRegion);
  on("whole", "click", () => { $("from").value = $("to").value = ""; showRegion(); });
  on("order", "submit", async (event) => { event.preventDefault(); await match(); });
  on("stop", "click", async () => { if (state.going) await api.stop(state.going); });
  on("play", "click", () => player.toggle());
  for (const side of ["reference", "found"]) on(`side-${side}`, "change", () => player.choose(side));
  on("loop", "change", () => { player.loop = $("loop").checked; if (player.playing) player.play(); });
  on("previous", "click", () => choose(state.number - 1));
  on("next", "click", () => choose(state.number + 1));
  on("reset", "click", () => choose(state.number));
  on("lower", "click", () => { keyboard.shift(-1); drawKeys(); });
  on("higher", "click", () => { keyboard.shift(1); drawKeys(); });
  on("midi-ask", "click", findOutputs);
  on("midi-send", "click", sendPreset);
  $("midi-channel").replaceChildren(...Array.from({ length: 16 }, (_, i) => new Option(i + 1)));
  on("language", "click", exchange);
  on("theme", "click", theme);
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest?.("input:not([type=radio]), select, textarea, button, a");
    if ($("answer").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === " " && !busy) { event.preventDefault(); player.toggle(); }
    const typing = event.target.closest?.("input:not([type=radio]):not([type=checkbox]), select, textarea");
    if (event.key.toLowerCase() === "x" && !typing) {
      const side = player.side === "found" ? "reference" : "found";
      $(`side-${side}`).checked = true;
      player.choose(side);
    }
  });
  onLanguage(retold);
}

async function begin() {
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch { /* storage may be forbidden */ }
  wire();
  await loadTexts();
  try {
    state.limits = await api.visit();
    state.instruments = await api.instruments();
  } catch (error) { tell(error); }
  retold();
  document.body.dataset.ready = "yes";
}

begin();
