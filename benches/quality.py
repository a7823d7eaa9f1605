"""What a precision costs: BLEU, chrF and identical sentences of two runs of the program on the same lines.

usage: quality.py PROGRAM SOURCE REFERENCE [--model NAME] [--beam N] -- OPTIONS OF THE SECOND RUN

SOURCE and REFERENCE have one sentence a line. The first run is in f32, all of it computed. Needs sacrebleu.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import sacrebleu


def translate(program, lines, options):
    """Returns the translation of each line, each line a document of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "lines.jsonl")
        records = ({"id": f"{i:06}", "text": line} for i, line in enumerate(lines))
        source.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
        out = Path(folder, "out")
        command = [program, str(source), "-o", str(out), "--from", "ar", "--summary", "off", "--format", "json", "-q"]
        subprocess.run(command + options, check=True, stdout=subprocess.DEVNULL)
        texts = []
        for i in range(len(lines)):
            document = json.loads((out / "lines" / f"{i:06}.json").read_text("utf-8"))
            texts.append(" ".join(sentence["translation"] for sentence in document["sentences"]))
        return texts


def main():
    own, second = sys.argv[1:], []
    if "--" in own:
        own, second = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("source", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--beam", default="4")
    options = parser.parse_args(own)
    lines = options.source.read_text("utf-8").splitlines()
    references = options.reference.read_text("utf-8").splitlines()
    shared = ["--model", options.model, "--beam", options.beam, "--offline"]
    first = translate(options.program, lines, shared + ["--precision", "f32", "--exact"])
    other = translate(options.program, lines, shared + second)
    for name, texts in (("f32 exact", first), (" ".join(second), other)):
        bleu, chrf = sacrebleu.corpus_bleu(texts, [references]), sacrebleu.corpus_chrf(texts, [references])
        same = sum(a == b for a, b in zip(texts, first)) / len(lines)
        print(f"{name}: BLEU {bleu.score:.2f} chrF {chrf.score:.2f} identical {same:.1%} of {len(lines)}")


if __name__ == "__main__":
    main()
