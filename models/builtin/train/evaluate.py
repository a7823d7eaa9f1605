"""Translates test sets through the program itself and prints a row of the model card.

usage: evaluate.py BINARY MODEL SET [SET ...] [--limit N] [--keep DIR] [--no-repair]
A SET is the prefix of SET.ar and SET.en, a sentence a line. Numbers: of the sentences that hold digits, the share whose
digit runs (separators inside numbers taken out) all stand in the translation. Loops: the share of sentences in which
one to four words, or one to four digits, come four or more times in a row.
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile

import sacrebleu

import text

LOOP = re.compile(r"(?:^|\s)((?:\S+\s+){0,3}\S+)(?:\s+\1(?=\s|$)){3,}|(\d{1,4})\2{3,}")


def translate(binary: str, model: str, options: list[str], lines: list[str], folder: pathlib.Path) -> list[str]:
    """Returns the program's translation of each line, its sentences joined."""
    articles = folder / "lines.jsonl"
    rows = (json.dumps({"id": f"{n:05}", "text": line}, ensure_ascii=False) for n, line in enumerate(lines))
    articles.write_text("\n".join(rows), encoding="utf-8")
    command = [binary, str(articles), "--from", "ar", "--summary", "off", "--offline", "-q", "--model", model]
    subprocess.run([*command, *options, "--format", "json", "--force", "-o", str(folder / "out")], check=True)
    results = (folder / "out" / "lines" / f"{n:05}.json" for n in range(len(lines)))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in results]
    return [" ".join(s["translation"] or "" for s in document["sentences"]) for document in documents]


def numbers(line: str) -> set[str]:
    """Returns the digit runs of a line, separators inside a number taken out."""
    return set(re.findall(r"\d+", re.sub(r"(?<=\d)[.,:/](?=\d)", "", text.source(line))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    parser.add_argument("model")
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the translations")
    parser.add_argument("--no-repair", action="store_true", help="sentences in doubt are not decoded again")
    args = parser.parse_args()
    options = ["--no-repair"] * args.no_repair
    cells = []
    for prefix in args.sets:
        sources, references = (
            pathlib.Path(prefix + end).read_text(encoding="utf-8").splitlines()[: args.limit] for end in (".ar", ".en")
        )
        with tempfile.TemporaryDirectory() as folder:
            outputs = translate(args.binary, args.model, options, sources, pathlib.Path(folder))
        name = pathlib.Path(prefix).name
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            (args.keep / f"{name}.out").write_text("\n".join(outputs) + "\n", encoding="utf-8")
        bleu, chrf = (
            sacrebleu.corpus_bleu(outputs, [references]).score,
            sacrebleu.corpus_chrf(outputs, [references]).score,
        )
        with_numbers = [(s, o, r) for s, o, r in zip(sources, outputs, references) if numbers(s)]
        kept = sum(numbers(s) <= numbers(o) for s, o, _ in with_numbers)
        human = sum(numbers(s) <= numbers(r) for s, _, r in with_numbers)
        loops = sum(bool(LOOP.search(o)) for o in outputs)
        total = max(1, len(with_numbers))
        cells.append(
            f"{name}: BLEU {bleu:.1f}, chrF {chrf:.1f}, numbers kept {100 * kept / total:.1f} % of {total} (human "
            f"{100 * human / total:.1f} %), loops {100 * loops / len(outputs):.1f} % of {len(outputs)}"
        )
    print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
