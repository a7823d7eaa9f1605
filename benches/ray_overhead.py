#!/usr/bin/env python3
"""What Ray costs: the same small articles translated by one plain run and by ray_summarize.py, in turn.

    python benches/ray_overhead.py target/release/summarize [--articles 1000] [--reps 3] [--beam 4]

Needs pip install "ray[data]". One node with all cores of this machine, started before and not counted: a cluster is there.
Counted is all else, from the start of the script to its exit. One worker has all cores, as the plain run has.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "distributed"))

from test_ray import Cluster, compared, write_inputs

CORES = len(os.sched_getaffinity(0))


def timed(command):
    """Runs a command into a folder that is not there yet and returns its seconds."""
    shutil.rmtree("out", ignore_errors=True)
    began = time.monotonic()
    subprocess.run(command, stderr=open("log", "w"))
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("summarize", type=pathlib.Path)
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--batch", default="32")
    parser.add_argument("--beam", default="4")
    arguments = parser.parse_args()
    options = ["--model", "builtin", "--beam", arguments.beam]
    program = str(arguments.summarize.resolve())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_inputs(pathlib.Path("in"), arguments.articles)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": CORES, "include_dashboard": False})
        plain = [program, "in", "-o", "out", *options]
        ray = [sys.executable, HERE.parent / "distributed/ray_summarize.py", "in", "-o", "out", "--cpus", str(CORES),
               "--batch", arguments.batch, "--summarize", program, "--address", cluster.address, "--", *options]
        seconds = {"plain": [], "ray": []}
        for _ in range(arguments.reps):
            seconds["plain"].append(timed(plain))
            shutil.rmtree("one", ignore_errors=True)
            os.rename("out", "one")
            seconds["ray"].append(timed(ray))
            assert not (differing := compared(pathlib.Path("one"), pathlib.Path("out"))), f"these differ: {differing}"
            steps = [line.strip() for line in open("log") if " s: " in line]
            print({name: round(times[-1], 1) for name, times in seconds.items()}, steps, file=sys.stderr, flush=True)
        last_pass = timed_again(plain)
        cluster.shutdown()
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    print(json.dumps({
        "articles": arguments.articles, "beam": int(arguments.beam), "cores": CORES, "seconds": seconds,
        "overhead": round(middle["ray"] / middle["plain"] - 1, 4), "last_pass_seconds": round(last_pass, 2),
    }))


def timed_again(command):
    """Returns the seconds of a run that finds all done: the last step of the script."""
    began = time.monotonic()
    subprocess.run(command, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
