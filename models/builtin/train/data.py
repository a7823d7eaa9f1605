"""Reads the sentence pairs and names, cleans them, and writes one TSV: arabic, english, source.

usage: data.py DATA WORK [--exclude FILE ...]
DATA holds permissive.tsv.xz, sharealike.tsv.xz and names.tsv.xz; WORK gets pairs.tsv and names.tsv. Lines that equal,
folded, a line of an excluded file (the test sets) are dropped. Only sources with a weight in config.toml are read.
"""

import argparse
import collections
import lzma
import pathlib
import re
import tomllib

import text

HERE = pathlib.Path(__file__).parent
NAMES = {"names_cldr", "wikidata_names_xlit", "google_ar2en_translit"}
CODE = re.compile(
    r"https?:|www\.|[{}<>\\|=`~^@]|\]\(|\*\*|::|\$\(|\w\.\w+\(|[a-z]_[a-z]|[a-z][A-Z]\w*[A-Z]|%[sd]\b|&[a-z]+;"
)


def rows(path: pathlib.Path):
    """Yields the rows of an xz-compressed TSV."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n").split("\t")


def fault(arabic: str, english: str, clean: dict) -> str | None:
    """Says why a normalised pair is not worth training on."""
    a, e = arabic.split(), english.split()
    letters = len(text.ARABIC.findall(arabic))
    if not letters or not text.LATIN.search(english) or text.ARABIC.search(english):
        return "script"
    if text.fold(arabic) == text.fold(english):
        return "untranslated"
    if len(text.LATIN.findall(arabic)) > clean["max_foreign"] * letters:
        return "foreign"
    if max(len(a), len(e)) > clean["max_words"]:
        return "long"
    if max(len(a) + 3, len(e) + 3) / min(len(a) + 3, len(e) + 3) > clean["max_ratio"]:
        return "ratio"
    if CODE.search(english) or len(re.findall(r"[^\w\s.,;:!?'\"()%-]", arabic)) > clean["max_marks"] * len(arabic):
        return "code"
    if sorted(re.findall(r"\d+", arabic)) != sorted(re.findall(r"\d+", english)):
        return "digits"
    return None


def read_names(data: pathlib.Path, weights: dict):
    """Yields (arabic, english, source) of the single names that sound alike, in title case."""
    for arabic, english, tag in rows(data / "names.tsv.xz"):
        arabic, english = text.source(arabic), text.ascii_letters(text.target(english))
        if tag not in NAMES or tag not in weights or not text.LATIN.search(english):
            continue
        if tag == "names_cldr":
            yield arabic, english, tag
        elif arabic.isalpha() and english.isalpha() and english.isascii() and text.sounds_alike(arabic, english):
            yield arabic, english.title(), tag


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--exclude", type=pathlib.Path, nargs="*", default=[])
    args = parser.parse_args()
    config = tomllib.loads((HERE / "config.toml").read_text())
    args.work.mkdir(parents=True, exist_ok=True)
    tests = {text.fold(line) for path in args.exclude for line in path.read_text().splitlines()}
    dropped, kept, words = collections.Counter(), collections.Counter(), collections.Counter()
    seen, english_seen = set(), collections.Counter()
    with open(args.work / "pairs.tsv", "w", encoding="utf-8") as out:
        for name in ("permissive", "sharealike"):
            for arabic, english, tag in rows(args.data / f"{name}.tsv.xz"):
                if tag not in config["weights"]:
                    dropped["source"] += 1
                    continue
                arabic, english = text.source(arabic), text.target(english)
                key, key_english = (text.fold(arabic), text.fold(english)), text.fold(english)
                why = fault(arabic, english, config["clean"])
                if why is None and (key[0] in tests or key[1] in tests):
                    why = "test set"
                if why is None and (key in seen or english_seen[key_english] >= config["clean"]["max_same_english"]):
                    why = "duplicate"
                if why:
                    dropped[why] += 1
                    continue
                seen.add(key)
                english_seen[key_english] += 1
                kept[tag] += 1
                words[tag] += len(english.split())
                out.write(f"{arabic}\t{english}\t{tag}\n")
    names = list(dict.fromkeys(read_names(args.data, config["weights"])))
    (args.work / "names.tsv").write_text("".join("\t".join(row) + "\n" for row in names), encoding="utf-8")
    print(f"names {len(names)}; pairs {sum(kept.values())}; dropped {dict(dropped)}")
    for tag, count in kept.most_common():
        print(f"{tag:24} {count:7} pairs {words[tag]:8} words x {config['weights'][tag]}")


if __name__ == "__main__":
    main()
