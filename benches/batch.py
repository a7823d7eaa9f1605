"""Seconds and memory of batches: python benches/batch.py target/release/summarize [COUNT...] [-- OPTION...]

Makes COUNT articles of one short sentence each (10, 100, 1,000 and 10,000 where none is named), all different, runs the
command over them, then once more with all of it done, and prints one row of a Markdown table for each count.
Options after -- go to the command.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WHO = ["الوزير", "المدير", "الرئيس", "الطبيب", "المعلم", "الصحفي", "المهندس", "السائق"]
DID = ["زار", "افتتح", "وصل إلى", "غادر", "شاهد", "أغلق", "صور", "دخل"]
WHERE = ["المدرسة", "المستشفى", "المكتبة", "المدينة", "القرية", "السوق", "المطار", "الجامعة"]


def write_articles(folder: Path, count: int) -> None:
    for i in range(count):
        path = folder / f"{i // 1000:03}" / f"{i:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{WHO[i % 8]} {DID[i // 8 % 8]} {WHERE[i // 64 % 8]} في اليوم {i + 1}.\n", encoding="utf-8")


def measured(command: list[str]) -> tuple[float, float, float]:
    """Returns wall seconds, processor seconds and peak resident MiB of a command that must succeed."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)}: status {status}")
    kib = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, kib / 1024


def main() -> None:
    arguments = sys.argv[1:]
    options = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    arguments = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if not arguments:
        sys.exit(__doc__)
    binary, counts = str(Path(arguments[0]).resolve()), [int(count) for count in arguments[1:]] or [10, 100, 1000, 10000]
    print("| articles | seconds | processor seconds | MiB at most | again, all done: seconds | MiB at most |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for count in counts:
        root = Path(tempfile.mkdtemp(prefix="summarize-batch-", dir=os.environ.get("BATCH_DIR")))
        try:
            write_articles(root / "in", count)
            command = [binary, str(root / "in"), "-o", str(root / "out"), "-q", "--model", "builtin", *options]
            wall, processor, peak = measured(command)
            again, _, peak_again = measured(command)
            print(f"| {count:,} | {wall:.1f} | {processor:.1f} | {peak:.0f} | {again:.1f} | {peak_again:.0f} |", flush=True)
        finally:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
