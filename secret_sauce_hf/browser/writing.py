"""The folder of a static page: its files, and where onnxruntime-web comes from.

The page needs a server, as browsers load no modules from files, but any: what it loads is loaded by its browser,
and nothing is sent. Its Content-Security-Policy allows connections to where it lies alone, and to jsDelivr if that is
where the runtime comes from, whose files then have to have the digests that stand here.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha384
from pathlib import Path
from typing import TYPE_CHECKING

from secret_sauce_hf.files import write_whole
from secret_sauce_hf.instruments.errors import InputError

if TYPE_CHECKING:
    from secret_sauce_hf.modeling.exporting import Exported

RUNTIME_VERSION = "1.30.0"
"""Of onnxruntime-web, the one that the page is tested with."""
SCRIPT = "ort.wasm.bundle.min.mjs"
WASM = "ort-wasm-simd-threaded.wasm"
INTEGRITY = {
    SCRIPT: "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    WASM: "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
}
"""Digests of the two files of the npm package that are needed, as browsers check them."""
CDN = "https://cdn.jsdelivr.net"
MODELS = "models"
RUNTIME = "runtime"
_OWN = Path(__file__).parent / "page"
_COPIED = ("page.js", "page.css")
_MOST_BYTES = 100_000_000


def page_files(names: Sequence[str], local: bool) -> list[str]:
    """The files of a page, relative to its folder.

    Args:
        names: of its models.
        local: whether the runtime lies beside it.
    """
    models = [f"{MODELS}/{name}.{ending}" for name in names for ending in ("onnx", "json")]
    return ["index.html", *_COPIED, "page.json", *models, *(f"{RUNTIME}/{name}" for name in INTEGRITY if local)]


def read_runtime(folder: Path) -> dict[str, bytes]:
    """The files of onnxruntime-web that a page needs, by their names.

    Args:
        folder: `dist` of the unpacked npm package.

    Raises:
        InputError: they are not there, or not those of `RUNTIME_VERSION`.
    """
    found = {}
    for name, digest in INTEGRITY.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"There is no {name} of onnxruntime-web in {folder}; give the folder dist of the package, which "
                f"`npm pack onnxruntime-web@{RUNTIME_VERSION}` brings."
            )
        found[name] = path.read_bytes()
        if integrity(found[name]) != digest:
            raise InputError(
                f"{path} is not that of onnxruntime-web {RUNTIME_VERSION}, with which the page is tested; "
                f"`npm pack onnxruntime-web@{RUNTIME_VERSION}` brings it."
            )
    return found


def integrity(content: bytes) -> str:
    """A file's digest as browsers check it."""
    return f"sha384-{b64encode(sha384(content).digest()).decode()}"


def write_page(folder: Path, models: Sequence["Exported"], runtime: dict[str, bytes] | None = None) -> list[Path]:
    """Write a page around models that lie in its folder `MODELS` already.

    Args:
        folder: of the page.
        models: those that can be chosen on it, the first one first.
        runtime: the files of `read_runtime`; if None, the page loads them from jsDelivr.

    Returns:
        The files, but those of the models.
    """
    content = {name: (_OWN / name).read_bytes() for name in _COPIED}
    page = (_OWN / "index.html").read_text(encoding="utf-8")
    content["index.html"] = page.replace("{policy}", policy(runtime is not None)).encode()
    records = [{"name": one.path.stem, "description": f"{MODELS}/{one.description.name}"} for one in models]
    told = {"runtime": _runtime(runtime is not None), "models": records}
    content["page.json"] = (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
    content |= {f"{RUNTIME}/{name}": file for name, file in (runtime or {}).items()}
    for name, file in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, file)
    return [folder / name for name in content]


def policy(local: bool) -> str:
    """The page's Content-Security-Policy.

    Args:
        local: whether the runtime lies beside it.
    """
    scripts = "'self' 'wasm-unsafe-eval'" + ("" if local else " blob:")
    connections = "'self'" + ("" if local else f" {CDN}")
    rules = {
        "default-src": "'none'",
        "script-src": scripts,
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": connections,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _runtime(local: bool) -> dict[str, str]:
    if local:
        return {"script": f"{RUNTIME}/{SCRIPT}", "wasm": f"{RUNTIME}/{WASM}"}
    place = f"{CDN}/npm/onnxruntime-web@{RUNTIME_VERSION}/dist"
    return {
        "script": f"{place}/{SCRIPT}",
        "script_integrity": INTEGRITY[SCRIPT],
        "wasm": f"{place}/{WASM}",
        "wasm_integrity": INTEGRITY[WASM],
    }
