// A model in the visitor's browser: a sound in, a preset out, nothing sent anywhere.
//
// The first half is `secret_sauce_hf/instruments/listening.py` in JavaScript, function by function: see there for what
// each number means. Tests compare the two.

const SAME_LENGTH = 0.001;
const BLOCK = 32;
const LASTS = 14;
const BEFORE = 28;
const RISE = 4;
const SILENT = 9e-10;
const AVERAGE = 110;
const BELOW = 1e-3;
const NEAR = 0.01;
const LATE = 0.03;
const SHARP = 10;
const SUDDEN = 1e-3;
const FAINT = 0.015;
const HISS_FLATNESS = 0.4;
const MAINS = [50, 60];
const HARMONICS = 3;
const HUM_SHARE = 0.8;
const STEADY = 0.04;
const MISSING = 0.4;
const FLAT = 0.25;
const LEAST_OFFSET = 5e-4;
const QUIET = 1e-3;
const ATTACK = 330;
const ONSET = 0.01;
const BEGUN = 2;
const MARGIN = 8;
const RINGING = 100;

const MOST_SECONDS = 60;
const MOST_BYTES = 200e6;

/** Rounded to the even neighbour where both are as near, as Python does. */
function round(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}

function loudest(samples) {
  let peak = 0;
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  return peak;
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function meanSquare(values) {
  return values.reduce((sum, value) => sum + value * value, 0) / values.length;
}

function median(values) {
  const ordered = Float64Array.from(values).sort();
  const half = ordered.length >> 1;
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}

/** Cut or pad a sound so that its note lies where a take's note starts: `{take, start, remarks}`. */
export function align(samples, length, noteOn, rate) {
  const isTake = Math.abs(samples.length - length) <= SAME_LENGTH * rate;
  if (!samples.length) return { take: new Float32Array(length), start: 0, remarks: [] };
  const seconds = isTake ? Math.min(STEADY, (0.75 * noteOn) / rate) : STEADY;
  const steady = withoutSteady(samples, seconds, rate);
  const onset = hearOnset(steady.samples);
  if (!onset.heard) {
    const start = isTake ? 0 : -noteOn;
    return { take: cut(samples, start, length), start, remarks: [] };
  }
  const atHome = isTake && !isElsewhere(steady.samples, onset, noteOn, rate);
  const begins = atHome ? noteOn : onset.sample;
  const alone = withoutLead(steady.samples, begins, atHome);
  const start = begins - noteOn;
  return { take: cut(alone.samples, start, length), start, remarks: [...steady.remarks, ...alone.remarks] };
}

/** Samples from `start` on, with silence where there are none. */
export function cut(samples, start, length) {
  const take = new Float32Array(length);
  take.set(samples.subarray(Math.max(start, 0), Math.max(start + length, 0)), Math.min(Math.max(-start, 0), length));
  return take;
}

/** Find out where a sound's note starts: `{sample, heard, rises, power}`. */
export function hearOnset(samples) {
  const power = powers(samples);
  const rises = risesOf(power);
  if (!rises.length) {
    const heard = largest(power) > SILENT;
    const half = loudest(samples) / 2;
    const sample = heard ? samples.findIndex((value) => Math.abs(value) >= half) : 0;
    return { sample, heard, rises, power };
  }
  let first = rises[0];
  if (first <= 1) first = background(samples, power, rises) || first;
  return { sample: within(samples, first), heard: true, rises, power };
}

function within(samples, block) {
  const start = block * BLOCK;
  const before = start ? samples[start - 1] : 0;
  const soon = samples.slice(start, start + ATTACK).map((value) => Math.abs(value - before));
  const loud = ONSET * largest(soon);
  return Math.max(start + soon.findIndex((value) => value >= loud) - BEGUN, 0);
}

function powers(samples) {
  const count = samples.length;
  const sums = new Float64Array(2 * AVERAGE + count + 1);
  for (let place = 0; place < 2 * AVERAGE + count; place++) {
    sums[place + 1] = sums[place] + samples[Math.min(Math.max(place - AVERAGE, 0), count - 1)];
  }
  const ofBlocks = (shift) => {
    const power = new Float64Array(Math.ceil(count / BLOCK));
    for (let place = 0; place < count; place++) {
      const moving = samples[place] - (sums[AVERAGE + shift + place] - sums[shift + place]) / AVERAGE;
      power[Math.floor(place / BLOCK)] += (moving * moving) / BLOCK;
    }
    return power;
  };
  const after = ofBlocks(AVERAGE + 1);
  return ofBlocks(1).map((before, block) => Math.min(before, after[block]));
}

/** The value at a place of a window of values in order; beyond the ends there are zeros. */
function ranked(power, start, count, rank) {
  const window = new Float64Array(count);
  const from = Math.max(start, 0);
  window.set(power.subarray(from, Math.max(start + count, 0)), from - start);
  return window.sort()[rank];
}

function risesOf(power) {
  const rises = [];
  for (let block = 0; block < power.length; block++) {
    if (rises.length && block < rises[rises.length - 1] + LASTS) continue;
    if (power[block] < SILENT) continue;
    const lasting = ranked(power, block, LASTS, LASTS >> 1);
    const earlier = ranked(power, block - BEFORE, BEFORE, BEFORE - 4);
    if (Math.min(power[block], lasting) >= Math.max(SILENT, RISE * earlier)) rises.push(block);
  }
  return rises;
}

function background(samples, power, rises) {
  if (power.length <= 3 * LASTS) return 0;
  const lasting = new Float64Array(power.length - LASTS + 1);
  for (let block = 0; block < lasting.length; block++) lasting[block] = mean(power.subarray(block, block + LASTS));
  const beginning = lasting.subarray(0, LASTS);
  const level = median(beginning);
  if (beginning.some((value) => value < level / 2 || value > 2 * level)) return 0;
  const find = (test) => {
    const found = lasting.findIndex(test);
    return found < 0 ? lasting.length : found;
  };
  const up = find((value) => value > 2 * level);
  const down = find((value) => value < level / 2);
  const ends = Math.min(up, down);
  if (level > BELOW * largest(lasting) && !isHiss(samples.subarray(0, (ends + (LASTS >> 1)) * BLOCK))) return 0;
  for (const rise of rises.slice(1)) {
    if (largest(power.subarray(Math.max(rise - 3, 0), rise - 1)) < level / 10 && rise > down) return rise;
  }
  if (up > lasting.length - 1 || down < up || up < LASTS) return 0;
  const loud = power.subarray(up, up + 2 * LASTS).findIndex((value) => value >= RISE * level);
  return up + (loud < 0 ? LASTS >> 1 : loud);
}

/** Powers of the bins of a real transform, of any size. */
function spectrumOf(frame) {
  const size = frame.length;
  const power = new Float64Array((size >> 1) + 1);
  for (let bin = 0; bin < power.length; bin++) {
    let real = 0;
    let imaginary = 0;
    for (let place = 0; place < size; place++) {
      const angle = (2 * Math.PI * ((bin * place) % size)) / size;
      real += frame[place] * Math.cos(angle);
      imaginary -= frame[place] * Math.sin(angle);
    }
    power[bin] = real * real + imaginary * imaginary;
  }
  return power;
}

/** The same by a fast transform, of a size that is a power of two. */
function fastSpectrumOf(frame) {
  const size = frame.length;
  if (size & (size - 1)) return spectrumOf(frame);
  const real = Float64Array.from(frame);
  const imaginary = new Float64Array(size);
  for (let place = 1, other = 0; place < size; place++) {
    let bit = size >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (place < other) [real[place], real[other]] = [real[other], real[place]];
  }
  for (let span = 2; span <= size; span *= 2) {
    for (let start = 0; start < size; start += span) {
      for (let place = 0; place < span / 2; place++) {
        const angle = (-2 * Math.PI * place) / span;
        const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
        const [low, high] = [start + place, start + place + span / 2];
        const re = real[high] * cosine - imaginary[high] * sine;
        const im = real[high] * sine + imaginary[high] * cosine;
        real[high] = real[low] - re;
        imaginary[high] = imaginary[low] - im;
        real[low] += re;
        imaginary[low] += im;
      }
    }
  }
  return real.subarray(0, (size >> 1) + 1).map((value, bin) => value * value + imaginary[bin] * imaginary[bin]);
}

export function isHiss(samples) {
  const size = Math.min(256, samples.length);
  if (size < 64) return false;
  const total = new Float64Array((size >> 1) + 1);
  let frames = 0;
  for (let start = 0; start + size <= samples.length; start += size >> 1) {
    const frame = Float64Array.from(samples.subarray(start, start + size), (value, place) => {
      return value * (0.5 - 0.5 * Math.cos((2 * Math.PI * place) / (size - 1)));
    });
    fastSpectrumOf(frame).forEach((value, bin) => (total[bin] += value));
    frames += 1;
  }
  const spectrum = total.subarray(2).map((value) => value / frames);
  return Math.exp(mean(spectrum.map((value) => Math.log(value + 1e-20)))) > HISS_FLATNESS * (mean(spectrum) + 1e-20);
}

/** A sound without the offset and hum that it begins with: `{samples, remarks}`. */
export function withoutSteady(samples, seconds, rate) {
  const same = { samples, remarks: [] };
  const beginning = samples.subarray(0, round(seconds * rate));
  if (beginning.length === samples.length || !beginning.length || loudest(beginning) < LEAST_OFFSET) return same;
  let fitted = fitSteady(beginning, samples.length, rate);
  if (!fitted) return same;
  const rest = Float64Array.from(samples, (value, place) => value - fitted.offset - fitted.hum[place]);
  const spread = loudest(rest.subarray(0, beginning.length));
  let end = rest.findIndex((value) => Math.abs(value) > 1.5 * spread + 2e-4);
  if (end < 0) end = samples.length;
  if (end > 2 * beginning.length) {
    const longer = samples.subarray(0, Math.min(end, 10 * beginning.length));
    fitted = fitSteady(longer, samples.length, rate) || fitted;
  }
  const { offset, hum } = fitted;
  let then = 0;
  for (const value of samples.subarray(end, end + AVERAGE)) then += (value * value) / AVERAGE;
  const ended = end < samples.length - AVERAGE && then < 0.1 * meanSquare(hum.map((value) => value + offset));
  const remarks = [];
  const cleaned = Float32Array.from(samples);
  if (hum.some((value) => value !== 0)) {
    remarks.push("Hum is taken off.");
    const until = ended || isMissing(samples.subarray(end), hum.subarray(end)) ? end : samples.length;
    for (let place = 0; place < until; place++) cleaned[place] -= hum[place];
  }
  if (Math.abs(offset) >= LEAST_OFFSET) {
    remarks.push(`An offset of ${offset.toFixed(3)} is taken off.`);
    const flat = new Float64Array(samples.length - end).fill(offset);
    const until = ended || isMissing(samples.subarray(end), flat) ? end : samples.length;
    for (let place = 0; place < until; place++) cleaned[place] -= offset;
  }
  if (!remarks.length) return same;
  for (let place = 0; place < end; place++) if (Math.abs(cleaned[place]) <= 1.5 * spread + 2e-4) cleaned[place] = 0;
  return { samples: cleaned, remarks };
}

function isMissing(samples, steady) {
  const size = samples.length;
  let found = 0;
  let expected = 0;
  for (let place = 0; place < size; place++) {
    const window = size === 1 ? 1 : 0.5 - 0.5 * Math.cos((2 * Math.PI * place) / (size - 1));
    found += samples[place] * window * steady[place];
    expected += steady[place] * window * steady[place];
  }
  return size > AVERAGE && Math.abs(found / Math.max(expected, 1e-12)) < MISSING;
}

/** Offset and hum, if samples are nothing else; null if they are. */
function fitSteady(samples, length, rate) {
  const middle = mean(Float64Array.from(samples));
  const around = meanSquare(Float64Array.from(samples, (value) => value - middle));
  if (Math.sqrt(around) < FLAT * Math.abs(middle)) return { offset: middle, hum: new Float64Array(length) };
  if (samples.length < rate / Math.min(...MAINS)) return null;
  let best = null;
  let least = (1 - HUM_SHARE) * around;
  for (const mains of MAINS) {
    const waves = (place) => {
      const row = [1];
      for (const wave of [Math.cos, Math.sin]) {
        for (let harmonic = 1; harmonic <= HARMONICS; harmonic++) {
          row.push(wave(((2 * Math.PI * mains) / rate) * place * harmonic));
        }
      }
      return row;
    };
    const weights = leastSquares(samples, waves);
    const sum = (row, from) => row.slice(from).reduce((told, value, column) => told + value * weights[from + column], 0);
    const rest = meanSquare(Float64Array.from(samples, (value, place) => value - sum(waves(place), 0)));
    if (rest < least) {
      least = rest;
      best = { offset: weights[0], hum: Float64Array.from({ length }, (_, place) => sum(waves(place), 1)) };
    }
  }
  return best;
}

/** Weights of the columns of `row(place)` whose sum comes nearest to samples, by the normal equations. */
function leastSquares(samples, row) {
  const count = row(0).length;
  const matrix = Array.from({ length: count }, () => new Float64Array(count + 1));
  samples.forEach((value, place) => {
    const values = row(place);
    for (let one = 0; one < count; one++) {
      for (let other = 0; other < count; other++) matrix[one][other] += values[one] * values[other];
      matrix[one][count] += values[one] * value;
    }
  });
  for (let pivot = 0; pivot < count; pivot++) {
    for (let one = 0; one < count; one++) {
      if (one === pivot) continue;
      const factor = matrix[one][pivot] / matrix[pivot][pivot];
      for (let other = pivot; other <= count; other++) matrix[one][other] -= factor * matrix[pivot][other];
    }
  }
  return matrix.map((values, one) => values[count] / values[one]);
}

function isElsewhere(samples, onset, noteOn, rate) {
  if (loudest(samples) < FAINT) return false;
  const { power, rises, sample } = onset;
  const block = Math.floor(sample / BLOCK);
  const home = Math.floor(noteOn / BLOCK);
  if (sample > noteOn + LATE * rate) {
    const now = largest(power.subarray(block, block + 7));
    const before = Math.max(median(power.subarray(Math.max(block - LASTS, 0), Math.max(block - 1, 1))), SILENT);
    return rises.length > 0 && now > SHARP * before && now > SUDDEN * largest(power);
  }
  if (sample < noteOn - NEAR * rate) {
    const atHome = rises.some((rise) => Math.abs(rise - home) <= (0.015 * rate) / BLOCK);
    const begins = Math.max(block - 1, 0) * BLOCK;
    const soon = loudest(samples.subarray(begins, begins + round(0.02 * rate)));
    return !atHome && Math.abs(samples[begins]) < 0.1 * soon;
  }
  return false;
}

function withoutLead(samples, begins, atHome) {
  const lead = samples.subarray(0, Math.max(begins - Math.min(RINGING, begins >> 2), 0));
  const alone = !lead.length || loudest(lead) < QUIET || !(!atHome || isHiss(lead) || isClick(lead));
  if (alone) return { samples, remarks: [] };
  const without = Float32Array.from(samples);
  without.fill(0, 0, Math.max(begins - MARGIN, 0));
  return { samples: without, remarks: ["What is heard before the note is left out."] };
}

function isClick(lead) {
  const loud = 0.02 * loudest(lead);
  const first = lead.findIndex((value) => Math.abs(value) > loud);
  const last = lead.findLastIndex((value) => Math.abs(value) > loud);
  return last - first < 4 * BLOCK && first > 0 && last < lead.length - 1;
}

// From a sound to what a model takes.

function turnedDown(samples, peak) {
  const factor = Math.fround(peak / Math.max(peak, loudest(samples)));
  return factor === 1 ? samples : samples.map((value) => value * factor);
}

/** A sound as the model of a description takes it: `{inputs, remarks, onset}`, of which inputs are typed arrays. */
export function inputsOf(model, samples, played) {
  const rate = model.sampling_rate;
  const length = model.take_samples;
  if (!model.inputs.some((input) => input.name === "pitches")) {
    const placed = align(samples, length, model.note_on_sample, rate);
    const onset = (placed.start + model.note_on_sample) / rate;
    return { inputs: { takes: turnedDown(placed.take, model.peak) }, remarks: placed.remarks, onset };
  }
  const steady = withoutSteady(samples, STEADY, rate);
  const sound = turnedDown(steady.samples, model.peak);
  const onset = sound.length ? hearOnset(sound).sample / rate : 0;
  const until = sound.length / rate - onset;
  const pitches = new Float32Array(128);
  pitches[played.pitch] = 1;
  const inputs = {
    takes: strokeWindow(sound, onset, until, model),
    pitches,
    until: Float32Array.of(until),
    duration: Float32Array.of(played.duration || until),
    velocity: Float32Array.of(played.velocity),
  };
  return { inputs, remarks: steady.remarks, onset };
}

/** The part of a sound that tells of a note, as `window` of `strokes_secret_sauce.py` cuts it. */
export function strokeWindow(samples, onset, until, model) {
  const rate = model.sampling_rate;
  const first = round(onset * rate) - model.note_on_sample;
  const last = Math.min(first + model.take_samples, round((onset + until) * rate), samples.length);
  const result = new Float32Array(model.take_samples);
  const start = Math.max(first, 0);
  if (last > start) {
    result.set(samples.subarray(start, last), start - first);
    if (last < samples.length) {
      const fade = Math.min(model.fade, last - start);
      for (let place = 0; place < fade; place++) result[last - first - fade + place] *= 1 - place / Math.max(fade - 1, 1);
    }
  }
  return result;
}

/** What a session tells of one take, per parameter, in the form that the pipeline has. */
export function answerOf(model, outputs) {
  const parameters = model.parameters.map((parameter, place) => {
    const setting = outputs.settings[place];
    const isSwitch = parameter.kind === "switch";
    const code = isSwitch ? parameter.codes[setting] : Math.round((setting * parameter.steps) / 10);
    const parts = parameter.control.length === 2 ? [code >> 7, code & 127] : [code];
    return {
      ...parameter,
      setting: isSwitch ? parameter.labels[setting] : (code * 10) / parameter.steps,
      shown: isSwitch ? parameter.shown[setting] : ((code * 10) / parameter.steps).toFixed(2),
      code,
      confidence: outputs.confidence[place],
      heard: outputs.heard[place] > 0.5,
      controllers: parameter.control.map((control, half) => [control, parts[half]]),
    };
  });
  const domain = outputs.in_domain ? outputs.in_domain[0] : null;
  return { parameters, silent: outputs.peak[0] < model.silence, inDomain: domain };
}

/** An answer as JSON, under the names that the pipeline uses. */
export function jsonOf(model, answer) {
  const by = (value) => Object.fromEntries(answer.parameters.map((one) => [one.name, value(one)]));
  const told = {
    collection: model.collection,
    preset: by((one) => one.setting),
    confidence: by((one) => one.confidence),
    heard: by((one) => one.heard),
    controllers: by((one) => Object.fromEntries(one.controllers)),
  };
  return answer.inDomain === null ? told : { ...told, in_domain: answer.inDomain };
}

/** A standard MIDI file, format 0, of the controllers that set a preset, all at its beginning. */
export function midiOf(answer) {
  const messages = answer.parameters.flatMap((one) => one.controllers.flatMap(([control, value]) => [0, 0xb0, control, value]));
  const track = [...messages, 0, 0xff, 0x2f, 0];
  const size = [24, 16, 8, 0].map((shift) => (track.length >> shift) & 255);
  const text = (letters) => [...letters].map((letter) => letter.charCodeAt(0));
  return Uint8Array.from([...text("MThd"), 0, 0, 0, 6, 0, 0, 0, 1, 1, 0xe0, ...text("MTrk"), ...size, ...track]);
}

// The runtime.

/** Load onnxruntime-web, from beside the page, or from elsewhere if it has the digest that it should have. */
async function loadRuntime(runtime) {
  const fetched = (url, integrity) => fetch(url, integrity ? { integrity, credentials: "omit" } : {}).then(checked);
  let script = new URL(runtime.script, document.baseURI).href;
  if (runtime.script_integrity) {
    const source = await (await fetched(script, runtime.script_integrity)).blob();
    script = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  }
  const [ort, wasm] = await Promise.all([
    import(script),
    fetched(runtime.wasm, runtime.wasm_integrity).then((response) => response.arrayBuffer()),
  ]);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = wasm;
  return ort;
}

function checked(response) {
  if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
  return response;
}

/** A model that answers: its description, and `run` from inputs to outputs, both by name. */
async function openModel(ort, record) {
  const model = await (await fetch(record.description).then(checked)).json();
  const file = await (await fetch(new URL(model.file, new URL(record.description, document.baseURI))).then(checked)).arrayBuffer();
  const session = await ort.InferenceSession.create(new Uint8Array(file));
  const run = async (inputs) => {
    const feeds = {};
    for (const input of model.inputs) feeds[input.name] = new ort.Tensor("float32", inputs[input.name], [1, ...input.shape.slice(1)]);
    const told = await session.run(feeds);
    return Object.fromEntries(model.outputs.map((output) => [output.name, told[output.name].data]));
  };
  // The first run is slower than all others.
  const silence = Object.fromEntries(model.inputs.map((input) => [input.name, new Float32Array(input.shape.slice(1).reduce((a, b) => a * b, 1))]));
  await run(silence);
  return { model, run };
}

/** The samples of a sound file at the rate of a model: the mean of its channels, a minute at most. */
async function decode(file, rate) {
  if (file.size > MOST_BYTES) throw new Error(`${file.name} is larger than ${MOST_BYTES / 1e6} MB.`);
  let buffer;
  try {
    // Decoded at its rate, and resampled by the browser.
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is no sound that this browser can read; try WAV, FLAC, MP3 or Ogg.`);
  }
  const samples = new Float32Array(Math.min(buffer.length, MOST_SECONDS * rate));
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const data = buffer.getChannelData(channel);
    for (let place = 0; place < samples.length; place++) samples[place] += data[place] / buffer.numberOfChannels;
  }
  return samples;
}

// The page.

const element = (id) => document.getElementById(id);

function made(name, text, attributes = {}) {
  const node = document.createElement(name);
  if (text !== null) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

const percent = (share) => `${Math.round(100 * share)} %`;

function rowOf(parameter) {
  const row = made("tr", null, parameter.heard ? {} : { class: "unheard" });
  const words = parameter.name.replaceAll("_", " ");
  const own = words.startsWith(`${parameter.section} `) ? words.slice(parameter.section.length + 1) : words;
  const name = made("th", own, { scope: "row", title: parameter.about });
  const setting = made("td", null, { class: "setting" });
  setting.append(made("span", parameter.shown));
  if (parameter.kind === "knob") {
    setting.append(made("meter", null, { min: 0, max: 10, value: parameter.setting, "aria-hidden": "true" }));
  }
  const sent = parameter.controllers.map(([control, value]) => `${control}: ${value}`).join(", ");
  row.append(name, setting, made("td", percent(parameter.confidence)), made("td", parameter.heard ? "yes" : "no"), made("td", sent || "–"));
  return row;
}

function show(answer) {
  const table = element("preset");
  table.querySelectorAll("tbody").forEach((body) => body.remove());
  const sections = Map.groupBy
    ? Map.groupBy(answer.parameters, (one) => one.section)
    : answer.parameters.reduce((map, one) => map.set(one.section, [...(map.get(one.section) || []), one]), new Map());
  for (const [section, parameters] of sections) {
    const body = made("tbody", null);
    const head = made("tr", null);
    head.append(made("th", section, { scope: "rowgroup", colspan: 5, class: "section" }));
    body.append(head, ...parameters.map(rowOf));
    table.append(body);
  }
}

function offer(id, name, content, type) {
  const link = element(id);
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
}

async function start() {
  const status = (text) => (element("status").textContent = text);
  let opened = null;
  let sound = null;

  const answer = async () => {
    if (!opened || !sound) return;
    const { model, run } = opened;
    const began = performance.now();
    const played = Object.fromEntries(["pitch", "duration", "velocity"].map((name) => [name, Number(element(name).value)]));
    const given = inputsOf(model, sound.samples, played);
    const told = answerOf(model, await run(given.inputs));
    const seconds = (performance.now() - began) / 1000;
    show(told);
    const stem = sound.name.replace(/\.[^.]*$/, "") || "sound";
    offer("json", `${stem}.json`, `${JSON.stringify(jsonOf(model, told), null, 1)}\n`, "application/json");
    offer("midi", `${stem}.mid`, midiOf(told), "audio/midi");
    const remarks = [`The note starts at ${given.onset.toFixed(3)} s.`, ...given.remarks];
    if (told.silent) remarks.push("The sound is silent: nothing is heard in it.");
    if (told.inDomain !== null && told.inDomain < model.domain_warning) remarks.push(`Probably no sound of ${model.instrument} (${percent(told.inDomain)}).`);
    element("remarks").textContent = remarks.join(" ");
    element("caption").textContent = `${sound.name}: ${model.instrument}`;
    element("answer").hidden = false;
    document.documentElement.dataset.seconds = seconds;
    status(`Answered in ${seconds.toFixed(2)} s.`);
  };

  const told = (work) => async (...given) => {
    try {
      await work(...given);
    } catch (error) {
      status(error.message);
    }
  };

  const read = told(async (file) => {
    if (!file || !opened) return;
    status(`Reading ${file.name} …`);
    sound = { name: file.name, samples: await decode(file, opened.model.sampling_rate) };
    await answer();
  });

  const config = await (await fetch("page.json").then(checked)).json();
  const began = performance.now();
  const runtime = loadRuntime(config.runtime);
  const choose = told(async () => {
    status("Loading the model …");
    element("file").disabled = true;
    const ort = await runtime;
    opened = await openModel(ort, config.models[element("model").selectedIndex]);
    const { model } = opened;
    element("title").textContent = model.title;
    element("notes").hidden = !model.inputs.some((input) => input.name === "pitches");
    if (model.pitch !== undefined) {
      element("pitch").value = model.pitch;
      element("velocity").value = model.velocity;
    }
    element("file").disabled = false;
    document.documentElement.dataset.loaded = (performance.now() - began) / 1000;
    status("Ready. Nothing leaves this browser.");
    await answer();
  });

  element("model").append(...config.models.map((model) => made("option", model.name)));
  element("models").hidden = config.models.length < 2;
  element("model").addEventListener("change", choose);
  element("file").addEventListener("change", async ({ target }) => {
    await read(target.files[0]);
    // The same file again is then a change, too: it may be another by now.
    target.value = "";
  });
  for (const name of ["pitch", "duration", "velocity"]) element(name).addEventListener("change", told(answer));
  const drop = element("drop");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") read(event.dataTransfer.files[0]);
    });
  }
  await choose();
}

if (typeof document !== "undefined") {
  start().catch((error) => (element("status").textContent = error.message));
}
