#!/usr/bin/env python3
"""Runs `summarize` over a folder or an object store on a Ray cluster: pip install "ray[data]".

    ray_summarize.py [--cpus N | --gpus N] INPUT... [-o DIR] [-- OPTIONS OF SUMMARIZE]

Three steps, of which only the second uses the cluster:

1. `summarize feed` reads the articles here, as a run would, and leaves out those that are done.
2. Ray Data hands them to `summarize worker` processes, one for each N cores or each GPU. A worker that dies is started
   again; what a lost machine had in hand goes to another. The documents come back here and are written, JSON last.
3. `summarize` runs over the finished tree. It finds the documents done, loads no model, and writes index.md and run.json.

The tree is the one that `summarize INPUT... [-o DIR] [OPTIONS]` writes on one machine, but for the times in run.json. No
disk need be shared. Every machine needs `summarize` on its PATH (or --summarize), and the model, glossary and memory
that the options name under the same paths. INPUT and DIR may be URIs that pyarrow reads (s3://, gs://, abfs://, hdfs://).
"""

import argparse
import collections
import concurrent.futures
import contextlib
import functools
import gc
import hashlib
import importlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

import pyarrow as pa
import pyarrow.fs
import ray

CALLS = 6  # batches that a worker has in hand at most: the more articles it sees, the fuller its own batches are
CANNOT_START = (2, 3)  # exit statuses of `summarize`: wrong options; no model, hub or device
SAY_EVERY = 5  # seconds between two lines on how far it is


class Worker:
    """A `summarize worker` process; Ray Data calls it with batches of lines, several at a time."""

    def __init__(self, command, folder, environment):
        self.options = {
            "args": command, "cwd": folder if os.path.isdir(folder) else None, "env": {**os.environ, **environment},
            "stdout": subprocess.PIPE, "bufsize": 1 << 20,
        }
        self.lock = threading.Lock()  # held to write, so that lines and `waiting` are in one order
        self.start()

    def start(self):
        self.waiting = collections.deque()  # futures of the answers, in the order of the lines
        self.process = subprocess.Popen(stdin=subprocess.PIPE, **self.options)
        threading.Thread(target=self.listen, args=(self.process, self.waiting), daemon=True).start()

    def listen(self, process, waiting):
        for answer in process.stdout:
            if answer.endswith(b"\n"):
                waiting.popleft().set_result(answer)
        status = process.wait()
        with self.lock:
            while waiting:
                waiting.popleft().set_result(status)

    def send(self, lines):
        """Writes lines and returns the futures of their answers, or of the status of a process that died before."""
        futures = [concurrent.futures.Future() for _ in lines]
        with self.lock:
            if self.process.poll() is not None:
                self.start()
            self.waiting.extend(futures)
            with contextlib.suppress(BrokenPipeError):  # the listener settles the futures
                self.process.stdin.write(b"".join(lines))
                self.process.stdin.flush()
        return futures

    def together(self, lines):
        """Returns the answer of each line; None for those that were in hand when the process died."""
        answers = [future.result() for future in self.send(lines)]
        for status in {answer for answer in answers if isinstance(answer, int)}:
            if status in CANNOT_START:
                raise RuntimeError(f"summarize worker cannot start, status {status}: what it said is above")
            print(f"summarize worker ended with status {status}: started again", file=sys.stderr)
        return [None if isinstance(answer, int) else answer for answer in answers]

    def alone(self, line):
        """Answers a line on a process of its own, so that of those in hand only the one to blame fails."""
        run = subprocess.run(input=line, **self.options)
        if run.stdout.endswith(b"\n"):
            return run.stdout
        path = json.loads(line)["fed"]["draft"]["provenance"]["path"]
        reason = f"summarize worker ended with status {run.returncode} at this article"
        return json.dumps({"path": path, "status": "failed", "error": reason}).encode()

    def __call__(self, batch):
        lines = batch["line"].to_pylist()
        answers = dict(enumerate(self.together(lines)))
        for again in (self.together, lambda left: [self.alone(line) for line in left]):
            if left := [place for place, answer in answers.items() if answer is None]:
                answers.update(zip(left, again([lines[place] for place in left])))
        return pa.table({"answer": pa.array(list(answers.values()), pa.large_binary())})


class Tree:
    """The folder of the documents; where it is to be in an object store, a copy here and the store."""

    def __init__(self, output, stack):
        self.folder, self.store, self.base = pathlib.Path(output), None, None
        if is_uri(output):
            self.store, self.base = pyarrow.fs.FileSystem.from_uri(output)
            self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / last_part(output)
            self.folder.mkdir()
            if self.store.get_file_info(self.base).type == pyarrow.fs.FileType.Directory:
                pyarrow.fs.copy_files(self.base, str(self.folder), source_filesystem=self.store)

    def write(self, name, text):
        """Writes a file whole or not at all, as `summarize` does."""
        path = self.folder / name
        self.make(path.parent)
        # The name is one that `summarize` knows as a leftover of a killed run.
        mark = hashlib.sha256(path.name.encode()).hexdigest()[:16]
        part = path.with_name(f".summarize-{mark}-{os.getpid()}{threading.get_ident()}.tmp")
        with open(part, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self.upload(name)

    @functools.cache
    def make(self, folder):
        """Makes a folder of the tree, once."""
        if not folder.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"{folder} is not in the output folder")
        folder.mkdir(parents=True, exist_ok=True)

    def upload(self, name):
        """Copies a file into the object store, where there is one."""
        path = self.folder / name
        if self.store and path.is_file():
            self.store.create_dir(os.path.dirname(f"{self.base}/{name}"), recursive=True)
            with self.store.open_output_stream(f"{self.base}/{name}") as stream:
                stream.write(path.read_bytes())

    def store_answer(self, line):
        """Writes the files of an answer, JSON last, and returns the answer's status."""
        answer = json.loads(line)
        if "error" in answer:
            print(f"{answer['path']}: {answer['status']}: {answer['error']}", file=sys.stderr)
        files = answer.get("files", {})
        if files:
            # A JSON of before must not vouch for the documents of now, should this be killed between the two.
            (self.folder / f"{answer['name']}.json").unlink(missing_ok=True)
        for extension, content in files.items():
            self.write(f"{answer['name']}.{extension}", content)
        return answer["status"]


def is_uri(place):
    return "://" in str(place)


def last_part(uri):
    return uri.split("?")[0].rstrip("/").rsplit("/", 1)[-1]


def staged(place, stack):
    """Returns a path on this machine that holds what lies at a place."""
    if not is_uri(place):
        return place
    store, path = pyarrow.fs.FileSystem.from_uri(place)
    target = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), last_part(place))
    if store.get_file_info(path).type == pyarrow.fs.FileType.File:
        pyarrow.fs.copy_files(path, target, source_filesystem=store)
    else:
        os.mkdir(target)
        pyarrow.fs.copy_files(path, target, source_filesystem=store)
    return target


def environment():
    """Returns the settings of this place, summarize.toml among them, as the environment of a worker elsewhere."""
    kept = ("SUMMARIZE_", "HF_")
    settings = {}
    if os.path.exists("summarize.toml"):
        with open("summarize.toml", "rb") as file:
            for key, value in tomllib.load(file).items():
                text = ",".join(value) if isinstance(value, list) else str(value)
                settings["SUMMARIZE_" + key.replace("-", "_").upper()] = text
    return settings | {name: value for name, value in os.environ.items() if name.startswith(kept)}


def batches(command, size):
    """Reads the articles and returns them as tables of some lines each; ends the program where that fails."""
    tables = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as feed:
        while lines := list(itertools.islice(feed.stdout, size)):
            tables.append(pa.table({"line": pa.array(lines, pa.large_binary())}))
    if feed.returncode not in (0, 1):  # 1: some could not be read, which the last step reports
        sys.exit(feed.returncode)
    return tables


def worker_command(arguments):
    given = set(arguments.options)
    command = [arguments.summarize, "worker", *arguments.options]
    if not given & {"-q", "--quiet", "-v", "--verbose"}:
        command.append("--quiet")
    if not arguments.gpus and "--threads" not in given:
        command += ["--threads", str(arguments.cpus)]
    return command


def translate(tables, arguments, tree):
    """Has the batches translated and writes the documents as they come back."""
    resources = {"num_gpus": arguments.gpus} if arguments.gpus else {"num_cpus": arguments.cpus}
    there = ray.cluster_resources()
    fitting = int(there.get("GPU", 0) / arguments.gpus if arguments.gpus else there.get("CPU", 0) / arguments.cpus)
    size = arguments.workers or max(1, min(fitting, len(tables)))
    # Half of the batches are kept back, so that workers which began late get their share.
    calls = min(CALLS, max(2, len(tables) // (2 * size)))
    ray.data.DataContext.get_current().enable_progress_bars = False
    pool = ray.data.ActorPoolStrategy(
        size=size, max_concurrent_calls_per_actor=calls, enable_true_multi_threading=True,
        max_tasks_in_flight_per_actor=calls,
    )
    # Other sources have tasks look at every batch first, for which processes must be started.
    documents = ray.data.from_blocks(tables).map_batches(
        Worker, fn_constructor_args=(worker_command(arguments), os.getcwd(), environment()),
        batch_size=None, batch_format="pyarrow", zero_copy_batch=True, compute=pool, **resources,
    )
    counts, said = collections.Counter(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as writers:
        for batch in documents.iter_batches(batch_size=None, batch_format="pyarrow"):
            counts.update(writers.map(tree.store_answer, batch["answer"].to_pylist()))
            if time.monotonic() - said > SAY_EVERY:
                print(", ".join(f"{count} {status}" for status, count in counts.items()), file=sys.stderr)
                said = time.monotonic()
    return counts


def parsed():
    words = sys.argv[1:]
    own, options = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, patterns or URIs")
    parser.add_argument("-o", "--output", metavar="DIR", help="where the documents go, a folder or a URI [outputs]")
    parser.add_argument("--force", action="store_true", help="redo articles that are done")
    parser.add_argument("--cpus", type=int, default=1, metavar="N", help="cores, and threads, of a worker [1]")
    parser.add_argument("--gpus", type=float, default=0, metavar="N", help="GPUs of a worker, in place of cores")
    parser.add_argument("--workers", type=int, metavar="N", help="workers [as many as the cluster has room for]")
    parser.add_argument("--batch", type=int, default=32, metavar="N", help="articles handed over together [32]")
    parser.add_argument("--summarize", default="summarize", metavar="PATH", help="the program [summarize]")
    parser.add_argument("--address", help="the Ray cluster [the one that runs here, else one of this machine alone]")
    arguments = parser.parse_args(own)
    arguments.options = options
    return arguments


def main():
    arguments, began = parsed(), time.monotonic()
    gc.freeze()  # Ray collects garbage again and again: not among its own modules
    say = lambda what: print(f"{time.monotonic() - began:.1f} s: {what}", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        tree = Tree(arguments.output or "outputs", stack)
        run = [staged(place, stack) for place in arguments.inputs]
        run += ["-o", str(tree.folder)] if arguments.output else []
        force = ["--force"] if arguments.force else []
        with concurrent.futures.ThreadPoolExecutor(2) as early:
            feed = [arguments.summarize, "feed", *run, *force, *arguments.options]
            read = early.submit(batches, feed, arguments.batch)
            early.submit(importlib.import_module, "ray.data")
            ray.init(address=arguments.address, log_to_driver=True, logging_level="warning")
        tables = read.result()
        say(f"connected, {len(tables)} batches read")
        counts = translate(tables, arguments, tree) if tables else {}
        say(f"{counts.get('translated', 0)} documents written; index and report")
        with subprocess.Popen([arguments.summarize, *run, *arguments.options]) as last:
            ray.shutdown()
        status = last.returncode
        for name in ("index.md", "index.glossary.tsv", "run.json"):
            tree.upload(name)
        say("done")
    sys.exit(status)


if __name__ == "__main__":
    main()
