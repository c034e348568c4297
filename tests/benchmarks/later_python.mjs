// Whether every source compiles under a later Python, warnings being errors: under the one of Pyodide, which npm has.
//
//     npm pack pyodide@314.0.8 && tar -xzf pyodide-314.0.8.tgz && node tests/benchmarks/later_python.mjs package/pyodide.mjs

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const { loadPyodide } = await import(pathToFileURL(path.resolve(process.argv[2])));
const python = await loadPyodide();
const check = python.runPython(`
import warnings

def check(text, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(text, name, "exec")
        except (SyntaxError, SyntaxWarning, DeprecationWarning, ValueError) as error:
            return repr(error)
    return ""

check
`);

function* sources(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(place);
    else if (entry.name.endsWith(".py")) yield place;
  }
}

let [count, wrong] = [0, 0];
for (const folder of ["secret_sauce_hf", "loading_scripts", "examples", "tests", "docs"]) {
  for (const file of sources(folder)) {
    const told = check(fs.readFileSync(file, "utf8"), file);
    count += 1;
    if (told) {
      wrong += 1;
      console.log(`${file}: ${told}`);
    }
  }
}
console.log(`Python ${python.runPython("import sys; sys.version.split()[0]")}: ${count} files, ${wrong} with an error or a warning`);
process.exit(wrong ? 1 : 0);
