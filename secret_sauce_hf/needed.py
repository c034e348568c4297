"""What to install where a package of an extra is missing."""

EXTRAS = {
    "torch": "models",
    "transformers": "models",
    "accelerate": "models",
    "cma": "models",
    "onnx": "onnx",
    "onnxscript": "onnx",
    "onnxruntime": "onnx",
    "matplotlib": "plots",
    "evaluate": "metrics",
    "rtmidi": "midi",
    "jack": "record",
    "sounddevice": "record",
    "fastapi": "app",
    "uvicorn": "app",
    "mcp": "app",
    "dexed": "dx7",
    "vita": "vital",
    "distributed": "cluster",
    "dask": "cluster",
}
"""The extra that brings a package, by the name that it is imported under."""


def remedy(error: ImportError) -> str | None:
    """What is missing and what to install, as the end of "… needs …"; None if it is no package of an extra."""
    extra = EXTRAS.get(str(error.name).partition(".")[0])
    return extra and f"{error.name}, which is not installed: pip install 'secret_sauce_hf[{extra}]'."
