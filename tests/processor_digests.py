"""What the engines play as compiled for this processor, and for the oldest 64-bit x86."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = """
import hashlib, sys
from secret_sauce_hf.engines import render
from secret_sauce_hf.presets import draw_presets
for name in sys.argv[1:]:
    print(name, hashlib.sha256(render(draw_presets(name, 40, seed=5)).tobytes()).hexdigest())
"""


def digests_of_two_processors(collections: Sequence[str], cache: Path) -> tuple[list[str], list[str]]:
    """Digests of 40 takes of each collection; the second time without AVX and fused multiply-add.

    Args:
        collections: their names.
        cache: a folder for the kernels of the second time.
    """
    oldest = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse2", "XDG_CACHE_HOME": str(cache)}
    # glibc's code for processors without it: its functions round otherwise. Other libraries do not read this.
    oldest["GLIBC_TUNABLES"] = "glibc.cpu.hwcaps=-AVX2_Usable,-FMA_Usable,-FMA,-AVX2,-FMA4"
    ours, theirs = (
        subprocess.run(
            [sys.executable, "-c", _SCRIPT, *collections],
            env=os.environ | more,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        for more in ({}, oldest)
    )
    return ours, theirs
