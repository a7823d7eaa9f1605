#!/usr/bin/env python3
"""A Ray cluster of three nodes on this machine, one of them killed in mid-run: the tree must be that of one machine.

    python distributed/test_ray.py target/debug/summarize [--articles N]

Needs pip install "ray[data]". Everything stays on the loopback interface.
"""

import argparse
import filecmp
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "SOURCE_DATE_EPOCH": "1613650680", "HF_HUB_OFFLINE": "1"}
# Ray takes the address of the network card for 127.0.0.1 where this is not switched off.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

from ray.cluster_utils import Cluster

HERE = pathlib.Path(__file__).resolve().parent
WORDS = "قال الوزير إن المدينة القديمة تشهد اليوم افتتاح مكتبة جديدة بعد عامين من العمل في المدرسة والطريق".split()
OPTIONS = ["--model", "builtin", "--beam", "2", "--format", "md,json,tsv"]


def article(dice):
    """Returns a small article of made-up sentences; a number makes each one's own."""
    sentence = lambda: " ".join(dice.sample(WORDS, 7)) + f" {dice.randint(10, 99999)}."
    return f"{' '.join(dice.sample(WORDS, 4))}\n\n" + " ".join(sentence() for _ in range(6)) + "\n"


def write_inputs(folder, count):
    """Writes small articles of every kind of input, some of which cannot be translated."""
    dice = random.Random(7)
    for number in range(count):
        path = folder / f"{number % 5}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(article(dice))
    records = [json.dumps({"id": i % 9, "text": article(dice)}, ensure_ascii=False) for i in range(12)]
    (folder / "week.jsonl").write_text("\n".join([*records, "not json"]) + "\n")
    (folder / "english.txt").write_text("The library is open again, and the mayor said that it was now open to all.\n")
    (folder / "bad.docx").write_bytes(b"PK not a document")


def descendants(parent):
    """Returns the processes below one, with their command lines."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True).stdout.splitlines()
    rows = [(int(pid), int(above), command) for pid, above, command in (line.split(None, 2) for line in listed)]
    family = {parent}
    while grown := {pid for pid, above, _ in rows if above in family} - family:
        family |= grown
    return [(pid, command) for pid, _, command in rows if pid in family]


def wait_for(what, ready):
    for _ in range(6000):
        if value := ready():
            return value
        time.sleep(0.1)
    sys.exit(f"waited too long for {what}")


def compared(one, other):
    """Returns the paths at which two trees differ, but for the run report, which holds the times."""
    files = lambda root: {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    differing = files(one) ^ files(other)
    same = lambda path: filecmp.cmp(one / path, other / path, shallow=False)
    return sorted(differing | {path for path in files(one) & files(other) if path.name != "run.json" and not same(path)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("summarize", type=pathlib.Path)
    parser.add_argument("--articles", type=int, default=150)
    arguments = parser.parse_args()
    program = str(arguments.summarize.resolve())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        place = pathlib.Path(folder)
        write_inputs(place / "in", arguments.articles)
        one = subprocess.run([program, "in", "-o", "out", *OPTIONS], stderr=subprocess.DEVNULL)
        assert one.returncode == 1, "two of the inputs cannot be read"
        (place / "out").rename(place / "one")

        node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 100 << 20}
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        nodes = [cluster.add_node(**node) for _ in range(2)]
        many = subprocess.Popen(
            [sys.executable, HERE / "ray_summarize.py", "in", "-o", "out", "--batch", "8",
             "--summarize", program, "--address", cluster.address, "--", *OPTIONS],
        )
        written = lambda: len(list((place / "out").rglob("*.json")))
        wait_for("the first documents", lambda: written() > 8)
        before = [pid for pid, command in descendants(os.getpid()) if f"{program} worker" in command]
        os.kill(before[0], signal.SIGKILL)
        print(f"killed a worker process; {written()} documents are written", flush=True)
        wait_for("more documents", lambda: written() > 24)
        cluster.remove_node(nodes[0], allow_graceful=False)
        at = written()
        print(f"killed a node of three; {at} documents are written", flush=True)
        status = many.wait()
        cluster.shutdown()
        assert status == 1, f"the exit status is {status}, on one machine it is 1"
        assert at < arguments.articles, "the node was killed too late to matter: ask for more articles"
        assert not (differing := compared(place / "one", place / "out")), f"these differ: {differing}"
        rows = json.loads((place / "out/run.json").read_text())["totals"]
        assert rows["written"] == 0, f"the last pass translated {rows['written']} articles that workers should have"
        print(f"{written()} documents; the tree is that of one machine")


if __name__ == "__main__":
    main()
