"""Word links against anchors whose link is known: numbers, Latin words, names.

    python tests/oracle/links.py target/release/summarize models/builtin ../shared/mt/flores200_dev ../shared/bitext/names.tsv.xz

An anchor is a number in digits or a word in Latin letters that stands once on each side, or a name of the list (one word
each, four letters or more) whose Arabic, with or without joined letters, stands once and whose English stands once with a
capital, or a mark of punctuation that stands once on each side (of straight quotation marks two, the first opens and the
second closes). Links are read for the human references (forced decoding, `summarize qa --model`) and for the model's own
translations. Precision: of the links of anchored English words, those to the right Arabic word. Recall: of all anchors,
those so linked. Alone: of the right links, those whose English is the anchor and no other word.
Even lines are for tuning, odd lines for the report.
"""

import json
import lzma
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

WORD = re.compile(r"\w+(?:['’.,٫٬:]\w+)*")
MARKS = {c: c for c in ",;:.?!()“”\""} | {"،": ",", "؛": ";", "؟": "?", "«": "“", "»": "”"}
GROUPS = {", ; :": ",;:", ". ? !": ".?!", "quotation marks": "“”\"", "parentheses": "()", "all marks": ",;:.?!“”\"()"}
JOINED = ["", "و", "ب", "ل", "ف", "ك", "ال", "وال", "بال", "لل", "فال", "ول", "وب", "كال"]


def fold(word):
    bare = "".join(c for c in unicodedata.normalize("NFKC", word) if not unicodedata.combining(c)).replace("ـ", "")
    return bare.translate(str.maketrans("أإآٱىة", "اااايه"))


def words(text):
    """Returns the words with their byte ranges."""
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [((at[m.start()], at[m.end()]), m.group()) for m in WORD.finditer(text)]


def number(word):
    digits = re.sub(r"[.,٫٬:]", "", word)
    return str(int(digits)) if digits.isdigit() else None


def read_names(path):
    names = defaultdict(set)
    for line in lzma.open(path, "rt", encoding="utf-8"):
        arabic, english = line.split("\t")[:2]
        if min(len(arabic), len(english)) >= 4 and " " not in arabic + english:
            names[fold(arabic)].add(english.lower())
    return names


def once(pairs):
    """Returns the pairs whose ends stand in no other pair."""
    left, right = Counter(pair[-2] for pair in pairs), Counter(pair[-1] for pair in pairs)
    return [pair for pair in pairs if left[pair[-2]] == 1 and right[pair[-1]] == 1]


def equal(source, target, key):
    ends = lambda side: [(key(word), span) for span, word in side if key(word)]
    return once([(a, b) for k, a in ends(source) for other, b in ends(target) if k == other])


def named(source, target, names):
    found = set()
    for span, word in source:
        word = fold(word)
        forms = {word[len(p) :] for p in JOINED if word.startswith(p) and len(word) - len(p) >= 4} | {word}
        english = {name for form in forms for name in names.get(form, ())}
        found |= {(span, other) for other, w in target if w[0].isupper() and w.lower() in english}
    return once(sorted(found))


def anchors(source, target, names):
    source, target = words(source), words(target)
    latin = lambda word: word.lower() if re.fullmatch(r"[A-Za-z]{2,}", word) else None
    return {
        "numbers": equal(source, target, number),
        "Latin words": equal(source, target, latin),
        "names": named(source, target, names),
    }


def marks(text):
    """Returns the marks outside words with their byte ranges, each as the English mark of its meaning."""
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    inside = {i for m in WORD.finditer(text) for i in range(m.start(), m.end())}
    found = [(i, MARKS[c]) for i, c in enumerate(text) if c in MARKS and i not in inside]
    straight = [i for i, mark in found if mark == '"']
    sides = dict(zip(straight, ["“", "”"])) if len(straight) == 2 else {}
    return [((at[i], at[i + 1]), sides.get(i, mark)) for i, mark in found]


def punctuation(source, target):
    source, target = marks(source), marks(target)
    found = once([(mark, a, b) for a, mark in source for b, other in target if mark == other])
    return {name: [(a, b) for mark, a, b in found if mark in group] for name, group in GROUPS.items()}


def judge(rows, names):
    """Counts anchors, linked anchors, right links, right links alone."""
    counts = defaultdict(lambda: [0, 0, 0, 0])
    for source, target, words, marks in rows:
        kinds = [(kind, pairs, words) for kind, pairs in anchors(source, target, names).items()]
        kinds += [(kind, pairs, marks) for kind, pairs in punctuation(source, target).items()]
        for kind, pairs, links in kinds:
            for arabic, english in pairs:
                own = [link for link in links if link[1][0] <= english[0] and english[1] <= link[1][1]]
                right = [link for link in own if tuple(link[0]) == arabic]
                alone = any(tuple(link[1]) == english for link in right)
                for index, value in enumerate((1, bool(own), bool(right), alone)):
                    counts[kind][index] += value
    return counts


def forced(binary, model, sources, targets, folder):
    a, b = Path(folder, "a.txt"), Path(folder, "b.txt")
    a.write_text("".join(s + "\n" for s in sources), encoding="utf-8")
    b.write_text("".join(t + "\n" for t in targets), encoding="utf-8")
    command = [binary, "qa", a, b, "--json", "-q", "--offline", "--model", model]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = map(json.loads, run.stdout.splitlines())
    return [(s, t, row.get("words", []), row.get("marks", [])) for s, t, row in zip(sources, targets, rows)]


def own(binary, model, sources, folder):
    lines = Path(folder, "lines.jsonl")
    rows = (json.dumps({"id": f"{n:05}", "text": line}, ensure_ascii=False) for n, line in enumerate(sources))
    lines.write_text("\n".join(rows), encoding="utf-8")
    command = [binary, lines, "--from", "ar", "--summary", "off", "--offline", "-q", "--model", model, "--format", "json"]
    subprocess.run([*command, "-o", folder], check=True)
    documents = (json.loads(Path(folder, "lines", f"{n:05}.json").read_text(encoding="utf-8")) for n in range(len(sources)))
    return [
        [(s["source"], s["translation"], s["words"], s.get("marks", [])) for s in document["sentences"]]
        for document in documents
    ]


def main():
    binary, model, prefix, names = sys.argv[1:]
    sources, targets = (Path(prefix + end).read_text(encoding="utf-8").splitlines() for end in (".ar", ".en"))
    names = read_names(names)
    with tempfile.TemporaryDirectory() as folder:
        given = [[row] for row in forced(binary, model, sources, targets, folder)]
        made = own(binary, model, sources, folder)
    print("| lines | translation | anchors | count | precision | recall | alone |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for half, start in (("even", 0), ("odd", 1)):
        for title, rows in (("reference", given), ("own", made)):
            counts = judge([row for line in rows[start::2] for row in line], names)
            for kind, (count, linked, right, alone) in counts.items():
                share = lambda part, whole: f"{part / max(whole, 1):.3f}"
                cells = (half, title, kind, str(count), share(right, linked), share(right, count), share(alone, right))
                print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
