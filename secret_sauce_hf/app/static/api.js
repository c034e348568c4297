// What the page asks of its server.

import { t } from "./texts.js";

let session = null;

/** A mistake that the person at the page can be told. */
export class Mistake extends Error {}

async function ask(path, options = {}, again = true) {
  if (session === null) await begin();
  const headers = { ...(options.headers || {}), "X-Session": session };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Mistake(t("error_reach"));
  }
  if (response.status === 401 && again && path === "/api/sounds/example") {
    session = null;
    return ask(path, options, false);
  }
  if (!response.ok) throw new Mistake(await reason(response));
  return response;
}

async function reason(response) {
  try {
    const told = (await response.json()).detail;
    return typeof told === "string" ? told : told.map((one) => `${one.loc.at(-1)}: ${one.msg}`).join("; ");
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

async function begin() {
  const response = await fetch("/api/sessions", { method: "POST" }).catch(() => { throw new Mistake(t("error_reach")); });
  if (!response.ok) throw new Mistake(await reason(response));
  const told = await response.json();
  session = told.session;
  return told.limits;
}

const json = (body) => ({ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

export const visit = begin;
export const instruments = async () => (await ask("/api/instruments")).json();
export const panel = async (name) => (await ask(`/api/instruments/${encodeURIComponent(name)}`)).json();
export const upload = async (blob, name) =>
  (await ask(`/api/sounds?name=${encodeURIComponent(name)}`, { method: "POST", body: blob })).json();
export const example = async () => (await ask("/api/sounds/example", { method: "POST" })).json();
export const sound = async (key) => (await ask(`/api/sounds/${key}`)).arrayBuffer();
export const order = async (body) => (await ask("/api/matches", json(body))).json();
export const stop = async (key) => (await ask(`/api/matches/${key}/stop`, { method: "POST" })).json();
export const answer = async (key) => (await ask(`/api/matches/${key}`)).json();
export const reference = async (key) => (await ask(`/api/matches/${key}/reference.wav`)).arrayBuffer();
export const candidate = async (key, number) => (await ask(`/api/matches/${key}/candidates/${number}.wav`)).arrayBuffer();
export const reasons = async (key, number) => (await ask(`/api/matches/${key}/candidates/${number}/reasons`)).json();
export const render = async (body, signal) => (await ask("/api/render", { ...json(body), signal })).json();
export const messages = async (body) => (await ask("/api/messages", json(body))).json();
export const file = async (kind, body) => (await ask(`/api/files/${kind}`, json(body))).blob();

/** What becomes of a search, one thing at a time. */
export async function* events(key) {
  const response = await ask(`/api/matches/${key}/events`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

/** Bytes of base64. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
