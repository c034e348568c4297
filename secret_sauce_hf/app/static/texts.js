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

/** A sentence that the search wrote, in English, in this language. One that nobody has translated stays as it is. */
export function remark(line) {
  for (const [written, meant] of Object.entries(table.remarks?.[language] ?? {})) {
    const places = [];
    const pattern = written
      .replace(/[.*+?^$()|[\]\\]/g, "\\$&")
      .replace(/\{(\w+)\}/g, (_, name) => { places.push(name); return "(.+?)"; });
    const found = line.match(new RegExp(`^${pattern}$`));
    if (found === null) continue;
    const values = Object.fromEntries(places.map((name, place) => [name, placed(name, found[place + 1])]));
    return meant.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }
  return line;
}

/** What stands in a place of a remark: the words that are known of it, a number as `number` writes it. */
function placed(name, text) {
  const words = table.remarks.words[language]?.[name] ?? {};
  const point = number(0, 1)[1];
  return text.replace(/[A-Za-z]+/g, (word) => words[word] ?? word).replace(/^([+-]?\d+)\.(\d+)$/, `$1${point}$2`);
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
