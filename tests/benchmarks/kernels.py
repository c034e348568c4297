"""The engines by themselves: how fast they render, what compiling them costs, whether they are vectorised."""

from measuring import Report, core_count, figures, rate, run_child

# What is rendered, and the options of `probe.py` for it.
_RENDERED = {
    "noisemaker, from silence": ("noisemaker",),
    "noisemaker, in session": ("noisemaker", "--in-session"),
    "noisemaker-light": ("noisemaker-light",),
    "subphatty": ("subphatty",),
    "guitar": ("guitar",),
}
# One collection of each engine.
_ENGINES = ("noisemaker", "subphatty", "guitar")

# Least gain from vector instructions, in processor time, with AVX2. Measured, on a busy machine too:
# 4.7 to 5.3; 2.5 to 2.7, as half of the NoiseMaker is branches, lane by lane; 2.3 to 2.7, as a take
# of the guitar has more to it than the distortion.
# A large module that loses them brings each below its limit; the machine's speed does not matter.
_LEAST_GAIN = {"subphatty": 3.0, "noisemaker": 1.8, "distortion": 1.6}
_LABELS = {"distortion": "guitar, distortion only"}


def report_kernels(report: Report) -> None:
    """Takes a second per core and with all cores, and seconds to the first take."""
    sizes = ("--takes", report.options.takes, "--repeats", report.options.repeats)
    first = {}
    for collection in _ENGINES:
        report.say(f"compiling the engine of {collection}")
        found = run_child("probe.py", collection, "--takes", 2, "--repeats", 1, environment=report.warm)
        report.check_kernel_cache(report.warm)
        first[collection] = f"{found['first']:.1f}"
    table = figures(
        "Engines, warm",
        "",
        "takes/s, one core",
        f"takes/s, {core_count()} cores",
        "s to the first take",
        "compiling first",
    )
    for label, arguments in _RENDERED.items():
        report.say(f"rendering {label}")
        alone = run_child("probe.py", *arguments, *sizes, environment=report.warm)
        together = run_child("probe.py", *arguments, *sizes, environment=report.warm, one_thread=False)
        cold = first.pop(arguments[0], "")
        table.add_row(label, rate(alone["processor"]), rate(together["clock"]), f"{alone['first']:.1f}", cold)
    report.print(
        table,
        "One core: in processor time. First take: in a fresh process, its imports included, with and without the "
        "cache of compiled kernels.\n",
    )


def report_vectorisation(report: Report) -> None:
    """Fail where a kernel is hardly faster than when compiled without vector instructions."""
    table = figures("Vectorisation", "", "takes/s, one core", "not vectorised", "gain", "at least")
    sizes = ("--takes", max(64, report.options.takes // 4), "--repeats", report.options.repeats)
    scalar = report.kernel_cache("scalar") | {"NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "0"}
    wide = True
    slow = []
    for what, least in _LEAST_GAIN.items():
        label = _LABELS.get(what, what)
        report.say(f"rendering {label} with and without vector instructions")
        normal = run_child("probe.py", what, *sizes, environment=report.warm)
        without = run_child("probe.py", what, *sizes, environment=scalar)
        wide = normal["wide_vectors"]
        gain = normal["processor"] / without["processor"]
        if gain < least:
            slow.append(f"{label}: vector instructions gain {gain:.2f}×, and should at least {least}×.")
        table.add_row(label, rate(normal["processor"]), rate(without["processor"]), f"{gain:.1f}×", f"{least}×")
    report.check_kernel_cache(scalar)
    report.print(table)
    if not wide:
        report.print("Not checked: the limits are for processors with AVX2.\n")
        return
    for text in slow:
        report.fail(f"{text} A helper that is not inlined, or a branch in a loop over the lanes?")
