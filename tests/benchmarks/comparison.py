"""The engines beside what one would use in their place, in the same run, each on one core."""

from typing import NamedTuple

from measuring import Report, figures, installed, rate, run_child

_ROUNDS = 2
"""Ours and theirs take turns, so that whatever disturbs the machine disturbs both."""


class _Peer(NamedTuple):
    """Something to compare with."""

    name: str
    """For `peers.py`."""
    package: str
    """That it needs."""
    about: str
    """What it is and how it differs."""


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
    missing: dict[str, str] = {}
    sizes = ("--takes", report.options.takes, "--repeats", report.options.repeats)
    fewer = ("--takes", max(16, report.options.takes // 4), "--repeats", report.options.repeats)
    for collection, peers in _PEERS.items():
        ours = 0.0
        theirs: dict[str, float] = {}
        for _ in range(_ROUNDS):
            report.say(f"rendering {collection}")
            found = run_child("probe.py", collection, *sizes, environment=report.warm)
            ours = max(ours, found["processor"])
            for peer in peers:
                if not installed(peer.package):
                    missing[peer.name] = "not installed: make bench installs it"
                if peer.name in missing:
                    continue
                report.say(f"rendering with {peer.name}")
                try:
                    found = run_child("peers.py", peer.name, *fewer, environment=report.warm)
                except ChildProcessError as error:
                    missing[peer.name] = "did not run, see below"
                    notes.append(str(error))
                    continue
                theirs[peer.name] = max(theirs.get(peer.name, 0.0), found["processor"])
        table.add_row(f"secret_sauce_hf, {collection}", rate(ours), "")
        for peer in peers:
            if peer.name in missing:
                table.add_row(f"  {peer.name}", missing[peer.name], "")
                continue
            label = f"  {peer.name} ({peer.package} {installed(peer.package)})"
            table.add_row(label, rate(theirs[peer.name]), f"{ours / theirs[peer.name]:.1f}×")
            notes.append(f"{peer.name}: {peer.about}")
    report.print(table, "In processor time. Ours ends in limited 16-bit takes at 22.05 kHz, theirs in floats.")
    report.print(*notes, "")
