"""Many histories: ``python -m tests.lambdas.histories --deliveries 1000000 [--seed N]``."""

from __future__ import annotations

import argparse
import time

from tests.lambdas.histories.driver import History, quietly


def main() -> int:
    parser = argparse.ArgumentParser(description="Drive the collector through random histories.")
    parser.add_argument("--deliveries", type=int, default=10_000, help="how many in all, at least")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=300, help="steps of each history")
    wanted = parser.parse_args()
    done = events = wrong = 0
    seed, began = wanted.seed, time.monotonic()
    with quietly():
        while done < wanted.deliveries:
            history = History(seed)
            found = history.play(wanted.steps)
            done, events = done + history.deliveries, events + history.oracle.events
            wrong += len(found)
            for line in found[:3]:
                print(f"seed {seed}: {line}", flush=True)
            seed += 1
            if seed % 100 == 0:
                print(
                    f"{seed - wanted.seed} histories, {done} deliveries, {events} events, "
                    f"{wrong} differences, {time.monotonic() - began:.0f} s",
                    flush=True,
                )
    print(
        f"{seed - wanted.seed} histories, {done} deliveries, {events} events, {wrong} differences",
        flush=True,
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
