// The page's words: all of them in texts.json, by language.

const LANGUAGES = ["en", "de"];
let table = {};
let language = "en";
const listeners = new Set();

/** Load the words; the language is the one chosen before, or the browser's. */
export async function loadTexts() {
  table = await (await fetch("/static/texts.json")).json();
  let wanted = null;
  try { wanted = localStorage.getItem("language"); } catch { /* storage may be forbidden */ }
  use(LANGUAGES.includes(wanted) ? wanted : (navigator.language || "").startsWith("de") ? "de" : "en");
}

/** A text with its {places} filled in. */
export function t(name, values = {}) {
  const text = table[language]?.[name] ?? table.en?.[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** A number as people of this language write it. */
export function number(value, digits = 2) {
  return Number(value).toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Words joined as in a sentence. */
export function listed(words) {
  return new Intl.ListFormat(language, { type: "conjunction" }).format(words);
}

/** Switch to the other language. */
export function exchange() {
  use(LANGUAGES[(LANGUAGES.indexOf(language) + 1) % LANGUAGES.length]);
  try { localStorage.setItem("language", language); } catch { /* as above */ }
}

/** Have a function called whenever the language changes. */
export function onLanguage(listener) { listeners.add(listener); }

function use(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const listener of listeners) listener();
}
