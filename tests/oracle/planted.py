"""What the checks catch of errors that the table of `checks.py` has too few of: dates, ordinals, percent, bearers of offices.

    python tests/oracle/planted.py target/release/summarize ../shared

The pairs are FLORES-200 dev and the news of NTREX-128 (`articles/news`). For the months the pair itself is changed first,
on both sides: one set of Gregorian names is written for the other, or a Hijri month for a Gregorian one beside a number;
that pair must not be flagged. Then the English alone is made wrong. Counting is that of `checks.py`.
"""

import random
import re
import sys
from pathlib import Path

from checks import COMMON, MONTHS, names, other, qa, severe, share

NUMBERED = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth nineteenth twentieth".split()
EGYPT = "يناير فبراير مارس [أإا]بريل مايو يونيو يوليو [أا]غسطس سبتمبر [أا]كتوبر نوفمبر ديسمبر".split()
LEVANT = "كانون الثاني|شباط|آذار|نيسان|أيار|حزيران|تموز|آب|أيلول|تشرين الأول|تشرين الثاني|كانون الأول".split("|")
HIJRI = [
    ("محرم", ["Muharram"]),
    ("صفر", ["Safar"]),
    ("ربيع الأول", ["Rabi al-Awwal", "Rabi' al-awwal"]),
    ("ربيع الآخر", ["Rabi al-Thani", "Rabi' al-Akhir"]),
    ("جمادى الأولى", ["Jumada al-Ula", "Jumada al-Awwal"]),
    ("جمادى الآخرة", ["Jumada al-Akhirah", "Jumada al-Thani"]),
    ("رجب", ["Rajab"]),
    ("شعبان", ["Sha'ban", "Shaban", "Shaaban"]),
    ("رمضان", ["Ramadan"]),
    ("شوال", ["Shawwal"]),
    ("ذي القعدة", ["Dhu al-Qi'dah", "Dhu al-Qadah", "Dhul-Qa'dah"]),
    ("ذي الحجة", ["Dhu al-Hijjah", "Dhul Hijja"]),
]
TITLES = (
    r"President|Minister|Senator|Sen\.|King|Queen|Prince|Princess|Pope|Mr\.?|Mrs\.?|Ms\.?|Miss|Dr\.?|Professor|General(?! Assembly)|Colonel|Judge"
    r"|Governor|Chancellor|Secretary|Director|Captain|Bishop|Reverend|spokesman|spokeswoman|director|chairman|chief|CEO|coach"
)
WORDS = ["the carriage", "black stone", "open doors", "gentle rain", "an iron gate", "early markets", "two rivers"]


def english_month(text):
    found = [m for m in re.finditer(r"\b(" + "|".join(MONTHS) + r")\b", text)]
    return found[0] if len(found) == 1 and found[0].group(0) != "May" else None


def arabic_month(text, number):
    spelled = [m for name in (EGYPT[number], LEVANT[number]) for m in re.finditer(rf"\b([وبلف]?)({name})\b", text)]
    return spelled[0] if len(spelled) == 1 else None


def months(rng, source, text, write):
    """Writes the month of both sides anew and returns the pair and the English with another month."""
    theirs = english_month(text)
    ours = theirs and arabic_month(source, MONTHS.index(theirs.group(0)))
    if not ours:
        return None
    number = MONTHS.index(theirs.group(0))
    written = write(rng, number, source, ours)
    if not written:
        return None
    arabic, right, wrong = written
    put = lambda text, place, word: text[: place.start()] + word + text[place.end() :]
    return put(source, ours, ours.group(1) + arabic), put(text, theirs, right), put(text, theirs, wrong)


def gregorian(names):
    def write(rng, number, source, place):
        return names[number].replace("[أإا]", "أ").replace("[أا]", "أ"), MONTHS[number], other(rng, MONTHS, MONTHS[number])

    return lambda rng, source, text, pool: months(rng, source, text, write)


def hijri(rng, source, text, pool):
    def write(rng, number, source, place):
        beside = re.search(r"\d\s*$", source[: place.start()]) or re.match(r"\s*\d", source[place.end() :])
        number, wrong = rng.sample(range(12), 2)
        return beside and (HIJRI[number][0], rng.choice(HIJRI[number][1]), rng.choice(HIJRI[wrong][1]))

    return months(rng, source, text, write)


def changed(pattern, change):
    def kind(rng, source, text, pool):
        places = list(re.finditer(pattern, text))
        if not places:
            return None
        place = rng.choice(places)
        return source, text, text[: place.start()] + change(rng, place, pool) + text[place.end() :]

    return kind


def ordinal_word(rng, place, pool):
    word = place.group(0)
    new = other(rng, NUMBERED, word)
    return new.capitalize() if word[0].isupper() else new


def ordinal_digits(rng, place, pool):
    return f"{int(place.group(1)) + rng.randint(1, 8)}th"


def percent(rng, place, pool):
    return f"{int(place.group(1)) + rng.randint(1, 40)}{place.group(2)}"


def bearer(rng, place, pool):
    return f"{place.group(1)} {rng.choice(WORDS)}"


def bearer_name(rng, place, pool):
    return f"{place.group(1)} {other(rng, pool, place.group(2).split()[-1])}"


NAME = r"((?:[A-Z][\w’'-]{3,})(?: [A-Z][\w’'-]{3,}){0,2})"
KINDS = [
    ("months of the Levant", "date", gregorian(LEVANT)),
    ("months of Egypt and the Gulf", "date", gregorian(EGYPT)),
    ("Hijri months", "date", hijri),
    ("ordinals in words", "number", changed(r"(?i)\b(" + "|".join(NUMBERED) + r")\b", ordinal_word)),
    ("ordinals in digits", "number", changed(r"\b(\d{1,2})(?:th|rd)\b", ordinal_digits)),
    ("percent", "number", changed(r"(?<![\d.,])(\d{1,3})(?![\d.,])( ?%| per ?cent)", percent)),
    ("bearer of an office another name", "name", changed(rf"\b({TITLES}) {NAME}", bearer_name)),
    ("bearer of an office made common words", "name", changed(rf"\b({TITLES}) {NAME}", bearer)),
]


def news(folder):
    """Lines of the articles that both sides have."""
    lines = lambda path: path.read_text(encoding="utf-8").splitlines()
    for path in sorted(Path(folder).glob("*.ar.txt")):
        pairs = zip(lines(path), lines(path.with_name(path.name.replace(".ar.", ".en."))), strict=True)
        yield from ((a, e) for a, e in pairs if a.strip() and e.strip())


def plant(kind, name, pairs, pool):
    made, seen = [], set()
    for turn in range(60):
        for index, (source, target) in enumerate(pairs):
            found = kind(random.Random(f"{name} {turn} {index}"), source, target, pool)
            if found and found[1] != found[2] and (index, found[2]) not in seen:
                seen.add((index, found[2]))
                made.append((index, *found))
        if len(made) >= 250:
            break
    return made[:600]


def main():
    binary, folder, *options = sys.argv[1:]
    show, options = "--show" in options, [o for o in options if o != "--show"]
    lines = lambda name: Path(folder, "mt", name).read_text(encoding="utf-8").splitlines()
    flores = list(zip(lines("flores200_dev.ar"), lines("flores200_dev.en"), strict=True))
    articles = list(news(Path(folder, "articles", "news")))
    pairs = flores + articles
    COMMON.update(w for _, text in pairs for w in re.findall(r"\b[a-z]+\b", text))
    pool = sorted({w for _, text in pairs for w in names(text)})
    print("| what is planted | sentences | planted | recall | of them critical or major | right pairs flagged |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, label, kind in KINDS:
        made = plant(kind, name, pairs, pool)
        clean = qa(binary, [m[1] for m in made], [m[2] for m in made], options)
        rows = qa(binary, [m[1] for m in made], [m[3] for m in made], options)
        of = lambda flags: [flag for flag in flags if flag["kind"] == label]
        found = severely = 0
        for (index, source, right, wrong), before, after in zip(made, clean, rows):
            new = [flag for flag in of(after) if flag["message"] not in {f["message"] for f in of(before)}]
            found, severely = found + bool(new), severely + severe(new)
            if show and not new:
                print(f"missed {name}:\n  {source}\n  {wrong}", file=sys.stderr)
            if show and of(before):
                print(f"false {name}: {of(before)[0]['message']}\n  {source}\n  {right}", file=sys.stderr)
        percent = lambda part: f"{100 * part / max(len(made), 1):.1f} %"
        right = percent(sum(bool(of(flags)) for flags in clean))
        sentences = len({index for index, *_ in made})
        print(f"| {name} | {sentences} | {len(made)} | {percent(found)} | {percent(severely)} | {right} |")
    rows = qa(binary, [a for a, _ in articles], [e for _, e in articles], options)
    print(f"\nNTREX-128, human: {share(rows):.1f} % of {len(rows)} critical or major")


if __name__ == "__main__":
    main()
