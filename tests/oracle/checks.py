"""What the checks catch and how often they cry wolf: errors planted into human translations, by `summarize qa --json`.

    python tests/oracle/checks.py target/release/summarize ../shared/mt
    python tests/oracle/checks.py target/release/summarize ../shared/mt --kinds omission,clause --model models/builtin --offline

Even lines of FLORES-200 dev are for tuning, odd lines for the report, TICO-19 for false flags on unseen text. The
planting depends on nothing but the seed and the line. A planted error counts as found where a flag of its kind is there
that the unchanged translation does not have; precision is taken over planted and unchanged sentences together.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NUMBERS = "three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty".split()
SYSTEMS = ["google", "microsoft", "nllb", "opusmt", "argos", "bergamot-base"]
COMMON = set()
NOT_NAMES = set(MONTHS + DAYS + "The This That These Those There They When What With From Your".split())


def qa(binary, sources, targets, options):
    with tempfile.TemporaryDirectory() as folder:
        a, b = Path(folder, "a.txt"), Path(folder, "b.txt")
        a.write_text("".join(s + "\n" for s in sources), encoding="utf-8")
        b.write_text("".join(t + "\n" for t in targets), encoding="utf-8")
        run = subprocess.run([binary, "qa", a, b, "--json", "-q", *options], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert [row["line"] for row in found] == list(range(1, len(sources) + 1))
    return [row["flags"] for row in found]


def sub(rng, pattern, text, change):
    """Changes one occurrence, chosen by the seed; None where there is none."""
    places = list(re.finditer(pattern, text))
    if not places:
        return None
    place = rng.choice(places)
    return text[: place.start()] + change(place) + text[place.end() :]


def other(rng, words, word):
    return rng.choice([w for w in words if w.lower() != word.lower()])


def number(rng, source, text, pool):
    def change(place):
        word = place.group(0)
        if word.isdigit():
            return str((int(word) + rng.randint(1, 9)) % 10)
        new = {"thousand": "million", "million": "billion", "billion": "million"}.get(word.lower())
        new = new or other(rng, NUMBERS, word)
        return new.capitalize() if word[0].isupper() else new

    digits = sub(rng, r"(?<![A-Za-z\d.,])\d(?=\d)|\d(?!\d|[\d.,]*\d|[A-Za-z])", text, change)
    words = sub(rng, r"(?i)\b(" + "|".join(NUMBERS + ["thousand", "million", "billion"]) + r")\b", text, change)
    return rng.choice([t for t in (digits, words) if t]) if digits or words else None


def date(rng, source, text, pool):
    def change(place):
        word = place.group(0)
        return other(rng, MONTHS if word in MONTHS else DAYS, word)

    return sub(rng, r"\b(" + "|".join([m for m in MONTHS if m not in ("May", "March")] + DAYS) + r")\b", text, change)


def name(rng, source, text, pool):
    here = names(text)
    return sub(rng, rf"\b{rng.choice(here)}\b", text, lambda place: other(rng, pool, place.group(0))) if here else None


def names(text):
    """Words with a capital inside a sentence that are never written without one."""
    return [w for w in re.findall(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b", text) if w not in NOT_NAMES and w.lower() not in COMMON]


def negation(rng, source, text, pool):
    lost = sub(rng, r"(?i)\b(do|does|did) not |\bnot |n['’]t\b|\bnever |(?<!\w)no (?!longer|doubt)", text, lambda _: "")
    verb = r"\b(is|are|was|were|will|can|could|would|should|has|have|had|may|must)\b(?! not|n['’]t)"
    return lost or sub(rng, verb, text, lambda place: place.group(0) + " not")


def piece(rng, words):
    share = rng.uniform(0.35, 0.6)
    length = max(3, round(len(words) * share))
    start = rng.randint(0, max(0, len(words) - length))
    return start, start + length


def omission(rng, source, text, pool):
    words = text.split()
    start, end = piece(rng, words)
    return " ".join(words[:start] + words[end:]) if len(words) >= 8 else None


def clause(rng, source, text, pool):
    """A smaller omission: 15 to 35 % of the words."""
    words = text.split()
    length = max(3, round(len(words) * rng.uniform(0.15, 0.35)))
    start = rng.randint(0, max(0, len(words) - length))
    return " ".join(words[:start] + words[start + length :]) if len(words) >= 8 else None


clause.flag = "omission"


def addition(rng, source, text, pool, texts=()):
    words, foreign = text.split(), rng.choice(texts).split()
    length = max(3, round(len(words) * rng.uniform(0.35, 0.6)))
    return " ".join(words + (foreign * 3)[:length]) if len(words) >= 8 else None


def repetition(rng, source, text, pool):
    words = text.split()
    length = rng.randint(1, 4)
    if len(words) <= length:
        return None
    end = rng.randint(length, len(words))
    return " ".join(words[:end] + words[end - length : end] * rng.randint(2, 5) + words[end:])


def untranslated(rng, source, text, pool):
    arabic = [w for w in source.split() if re.fullmatch(r"[\u0621-\u064A]{3,}", w)]
    return sub(rng, r"\b[a-z]{4,}\b", text, lambda _: rng.choice(arabic)) if arabic else None


def quotation(rng, source, text, pool):
    if '"' in text or "“" in text:
        return re.sub(r'["“”]', "", text)
    words = text.split()
    start = rng.randint(0, max(0, len(words) - 4))
    return " ".join(words[:start] + ['"' + " ".join(words[start : start + 3]) + '"'] + words[start + 3 :])


KINDS = [number, date, name, negation, omission, clause, addition, repetition, untranslated, quotation]


def plant(kind, indices, sources, targets, pool):
    """Plants at least 200 errors where there is room, with several different ones in a sentence where it takes them."""
    made, seen = [], set()
    for turn in range(40):
        for index in indices:
            rng = random.Random(f"{kind.__name__} {turn} {index}")
            extra = {"texts": targets} if kind is addition else {}
            text = kind(rng, sources[index], targets[index], pool, **extra)
            if text and text != targets[index] and (index, text) not in seen:
                seen.add((index, text))
                made.append((index, text))
        if len(made) >= 250:
            break
    return made[:600]


def severe(flags):
    return any(flag["severity"] != "minor" for flag in flags)


def share(rows):
    return 100 * sum(map(severe, rows)) / len(rows)


def main():
    binary, folder, *options = sys.argv[1:]
    show, options = "--show" in options, [o for o in options if o != "--show"]
    wanted = KINDS
    if "--kinds" in options:
        at = options.index("--kinds")
        names_of = options[at + 1].split(",")
        wanted, options = [kind for kind in KINDS if kind.__name__ in names_of], options[:at] + options[at + 2 :]
    lines = lambda name: Path(folder, name).read_text(encoding="utf-8").splitlines()
    sources, targets = lines("flores200_dev.ar"), lines("flores200_dev.en")
    COMMON.update(w for n in ("flores200_dev.en", "tico19.en") for t in lines(n) for w in re.findall(r"\b[a-z]+\b", t))
    clean = qa(binary, sources, targets, options)
    pool = sorted({w for text in targets for w in names(text)})
    kinds_of = lambda flags, kind: {(f["message"]) for f in flags if f["kind"] == kind}
    halves = {"tuned on": range(0, len(sources), 2), "reported": range(1, len(sources), 2)}
    for half, indices in halves.items():
        print(f"\n{half}: {len(indices)} sentences\n")
        print("| kind | planted | recall | of them critical or major | precision | clean sentences flagged | critical or major |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for kind in wanted:
            made = plant(kind, indices, sources, targets, pool)
            rows = qa(binary, [sources[i] for i, _ in made], [text for _, text in made], options)
            label, found, severely = getattr(kind, "flag", kind.__name__), 0, 0
            for (index, text), flags in zip(made, rows):
                new = [f for f in flags if f["kind"] == label and f["message"] not in kinds_of(clean[index], label)]
                found += bool(new)
                severely += severe(new)
                if show and not new and half == "tuned on":
                    print(f"missed {label}:\n  {sources[index]}\n  {text}", file=sys.stderr)
            flagged = [i for i in indices if kinds_of(clean[i], label)]
            loud = [i for i in flagged if severe([f for f in clean[i] if f["kind"] == label])]
            if show and half == "tuned on":
                for i in flagged:
                    for f in clean[i]:
                        if f["kind"] == label:
                            print(f"false {f['severity']} {label}: {f['message']}\n  {sources[i]}\n  {targets[i]}", file=sys.stderr)
            percent = lambda part, whole: f"{100 * part / max(whole, 1):.1f} %"
            print(
                f"| `{kind.__name__}` | {len(made)} | {percent(found, len(made))} | {percent(severely, len(made))} "
                f"| {percent(found, found + len(flagged))} | {percent(len(flagged), len(indices))} | {percent(len(loud), len(indices))} |"
            )
        print(f"\nall kinds, critical or major, on the human translations: {share([clean[i] for i in indices]):.1f} %")
    if (Path(folder) / "tico19.ar").exists():
        rows = qa(binary, lines("tico19.ar"), lines("tico19.en"), options)
        print(f"TICO-19, human: {share(rows):.1f} % of {len(rows)}")
    for system in SYSTEMS:
        outputs = [t.replace("&#39;", "'").replace("&quot;", '"') for t in lines(f"flores200_dev.systems/{system}.en")]
        print(f"{system}: {share(qa(binary, sources, outputs, options)):.1f} %")


if __name__ == "__main__":
    main()
