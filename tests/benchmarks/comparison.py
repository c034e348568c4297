"""The engines beside what one would use in their place, in the same run, each on one core."""

from typing import Any

from measuring import Report, figures, installed, rate, run_child

_ROUNDS = 2
"""Ours and theirs take turns, so that whatever disturbs the machine disturbs both."""


class _Peer:
    """Something to compare with.

    Args:
        name: for `peers.py`.
        package: that it needs.
        about: what it is and how it differs.
    """

    def __init__(self, name: str, package: str, about: str):
        self.name = name
        self.package = package
        self.about = about


_PEERS = {
    "subphatty": (
        _Peer(
            "faust",
            "dawdreamer",
            "voice.dsp in DawDreamer, the same presets: 44.1 kHz without oversampling, linear ladder; ours makes "
            "the sound at 88.2 kHz, through nonlinear stages.",
        ),
        _Peer(
            "torchsynth",
            "torchsynth",
            "its Voice at 44.1 kHz, 32 presets of its own at a time: two oscillators, noise, six envelopes, two "
            "LFOs; no filter and no sync, so that nothing in it waits for the sample before.",
        ),
    ),
    "guitar": (
        _Peer(
            "pedalboard",
            "pedalboard",
            "the same note at 22.05 kHz through Distortion, Delay, Chorus, Reverb and LadderFilter, those that are "
            "on in ours.",
        ),
        _Peer(
            "pedalboard_alike",
            "pedalboard",
            "the same with what ours has besides: distortion at eight times the rate, a cabinet of six filters.",
        ),
    ),
}


def report_comparison(report: Report) -> None:
    """Takes of the same length a second, and ours over theirs."""
    table = figures("Compared, one core", "", "takes/s", "ours is faster by")
    notes = []
    sizes = ("--takes", report.options.takes, "--repeats", report.options.repeats)
    fewer = ("--takes", max(16, report.options.takes // 4), "--repeats", report.options.repeats)
    for collection, peers in _PEERS.items():
        ours = 0.0
        theirs: dict[str, Any] = {}
        for _ in range(_ROUNDS):
            report.say(f"rendering {collection}")
            found = run_child("probe.py", collection, *sizes, environment=report.warm)
            ours = max(ours, found["processor"])
            for peer in peers:
                if installed(peer.package):
                    report.say(f"rendering with {peer.name}")
                    found = run_child("peers.py", peer.name, *fewer, environment=report.warm)
                    theirs[peer.name] = max(theirs.get(peer.name, 0.0), found["processor"])
        table.add_row(f"secret_sauce_hf, {collection}", rate(ours), "")
        for peer in peers:
            label = f"  {peer.name} ({peer.package} {installed(peer.package)})"
            if peer.name in theirs:
                table.add_row(label, rate(theirs[peer.name]), f"{ours / theirs[peer.name]:.1f}×")
                notes.append(f"{peer.name}: {peer.about}")
            else:
                table.add_row(f"  {peer.name}", "not installed: make bench installs it", "")
    report.print(table, "In processor time. Ours ends in limited 16-bit takes at 22.05 kHz, theirs in floats.")
    report.print(*notes, "")
