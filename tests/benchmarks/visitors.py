"""Many visitors of the page at once: what they wait, and whether anything but waiting happens to them.

    python tests/benchmarks/visitors.py --visitors 50 --minutes 5

Each sends the sound that ships, asks for a match of three seconds, watches it, takes the answer and its sounds, turns
a knob ten times, and in between asks for what another visitor has sent, under that one's own keys and under his own.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx2 as httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from page_server import page_server

from secret_sauce_hf.matching import demo_sound

SECONDS = 3
TURNS = 10
COLLECTIONS = ("noisemaker-light", "noisemaker", "subphatty", "guitar")


class Tally:
    """What happened to all of them."""

    def __init__(self):
        self.answers = Counter()
        self.waited = []
        self.turned = []
        self.paged = []
        self.leaks = 0
        self.tried = 0
        self.secrets = []


async def visit(address, until, tally, number):
    draw = random.Random(number)
    content = demo_sound().path.read_bytes()
    async with httpx.AsyncClient(base_url=address, timeout=600) as http:

        async def ask(method, path, **options):
            response = await http.request(method, path, **options)
            tally.answers[response.status_code] += 1
            return response

        while time.monotonic() < until:
            began = time.monotonic()
            await ask("GET", "/")
            tally.paged.append(time.monotonic() - began)
            session = (await ask("POST", "/api/sessions")).json()["session"]
            own = {"X-Session": session}
            sound = (await ask("POST", "/api/sounds", content=content, headers=own)).json()["sound"]
            tally.secrets.append((session, f"/api/sounds/{sound}"))
            body = {"sound": sound, "collection": draw.choice(COLLECTIONS), "seconds": SECONDS, "candidates": 3}
            began = time.monotonic()
            order = await ask("POST", "/api/matches", json=body, headers=own)
            if order.status_code == 503:
                await asyncio.sleep(float(order.headers["Retry-After"]) / 10)
                continue
            key = order.json()["match"]
            async with http.stream("GET", f"/api/matches/{key}/events", headers=own) as events:
                async for _ in events.aiter_lines():
                    pass
            tally.waited.append(time.monotonic() - began)
            found = (await ask("GET", f"/api/matches/{key}", headers=own)).json()
            tally.secrets.append((session, f"/api/matches/{key}"))
            preset = found["candidates"][0]["preset"]
            for _ in range(TURNS):
                began = time.monotonic()
                turned = {
                    "collection": found["collection"],
                    "preset": preset,
                    "seconds": found["seconds"],
                    "match": key,
                }
                await ask("POST", "/api/render", json=turned, headers=own)
                tally.turned.append(time.monotonic() - began)
                _, path = draw.choice(tally.secrets)
                if path not in (f"/api/sounds/{sound}", f"/api/matches/{key}"):
                    tally.tried += 1
                    tally.leaks += (await http.get(path, headers=own)).status_code == 200
                    tally.leaks += (await http.get(path)).status_code == 200


async def all_of_them(address, visitors, minutes):
    tally, until = Tally(), time.monotonic() + 60 * minutes
    told = await asyncio.gather(
        *(visit(address, until, tally, number) for number in range(visitors)), return_exceptions=True
    )
    return tally, [one for one in told if one is not None]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=5.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, page_server(folder=Path(folder)) as (address, process):
        tally, faults = asyncio.run(all_of_them(address, given.visitors, given.minutes))
        peak = next(
            line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
        )
    print(f"{given.visitors} visitors, {given.minutes:g} minutes: {len(tally.waited)} matches of {SECONDS} s")
    print(f"answers by status: {dict(sorted(tally.answers.items()))}; broken off: {[repr(one)[:80] for one in faults]}")
    for what, values in (("a match", tally.waited), ("a turned knob", tally.turned), ("the page", tally.paged)):
        if len(values) > 1:
            last = statistics.quantiles(values, n=20)[-1]
            print(f"{what}: median {statistics.median(values):.2f} s, 95 % within {last:.2f} s")
    print(f"tried to reach what another had sent: {tally.tried} times, reached: {tally.leaks}")
    print(f"memory of the server: {peak.split(':')[1].strip()}")


if __name__ == "__main__":
    main()
