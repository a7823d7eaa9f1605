"""The endless stream of training batches: draws sentences by weight, changes some by rule, cuts and links pieces.

Separate from training because it has no state: block `n` is a function of the data, the seed, `n` and the longest
length allowed, so that a run resumes where it stopped by making its block again.
"""

import itertools
import math
import pathlib
import random

import numpy as np
import sentencepiece as spm

import text
from align import read_links

EOS, UNK = 0, 1
MONTHS = [
    (["يناير", "كانون الثاني"], "January"),
    (["فبراير", "شباط"], "February"),
    (["مارس", "اذار"], "March"),
    (["ابريل", "نيسان"], "April"),
    (["مايو", "ايار"], "May"),
    (["يونيو", "حزيران"], "June"),
    (["يوليو", "تموز"], "July"),
    (["اغسطس", "اب"], "August"),
    (["سبتمبر", "ايلول"], "September"),
    (["اكتوبر", "تشرين الاول"], "October"),
    (["نوفمبر", "تشرين الثاني"], "November"),
    (["ديسمبر", "كانون الاول"], "December"),
]
LOWERED = set(
    "the a an this that these those it he she they we you there if when what in on at for his her its".split()
)


class Pair:
    """A sentence pair as tokens, the gaps before them, and links between tokens."""

    def __init__(self, arabic: str, english: str, links: set | None = None) -> None:
        self.tokens, self.gaps = [], []
        for side in (arabic, english):
            found, end, gaps = list(text.TOKEN.finditer(side)), 0, []
            for match in found:
                gaps.append(side[end : match.start()])
                end = match.end()
            self.tokens.append([match.group() for match in found])
            self.gaps.append(gaps)
        diagonal = {(i, i) for i in range(min(map(len, self.tokens)))}
        self.links = diagonal if links is None else links

    def then(self, other: "Pair") -> "Pair":
        """Returns this pair followed by another."""
        joined = Pair("", "", set())
        shift = [len(tokens) for tokens in self.tokens]
        for side in (0, 1):
            gaps = other.gaps[side].copy()
            if gaps and shift[side]:
                gaps[0] = " "
            joined.tokens[side] = self.tokens[side] + other.tokens[side]
            joined.gaps[side] = self.gaps[side] + gaps
        joined.links = self.links | {(i + shift[0], j + shift[1]) for i, j in other.links}
        return joined

    def text(self, side: int) -> str:
        return "".join(gap + token for gap, token in zip(self.gaps[side], self.tokens[side]))


def new_number(old: str, draw: random.Random) -> str:
    """Returns another number: a year for a year more often than not, else one of another length."""
    if len(old) == 4 and old[:2] in ("19", "20") and draw.random() < 0.6:
        return str(draw.randint(1890, 2030))
    if len(old) == 3 and draw.random() < 0.5:
        return f"{draw.randint(0, 999):03}"
    length = draw.choice([1, 2, 2, 3, 3, 4, 4, 5, 6]) if len(old) > 1 else draw.choice([1, 2, 2, 3])
    return str(draw.randint(10 ** (length - 1), 10**length - 1))


def change_numbers(pair: Pair, draw: random.Random) -> None:
    """Puts other numbers in the place of those that both sides hold."""
    shared = {t for t in pair.tokens[0] if t.isascii() and t.isdigit()} & set(pair.tokens[1])
    fresh = {old: new_number(old, draw) for old in sorted(shared)}
    for side in (0, 1):
        pair.tokens[side] = [fresh.get(token, token) for token in pair.tokens[side]]


def change_names(pair: Pair, names: dict, pool: list, draw: random.Random) -> None:
    """Puts other names in the place of those that the list links."""
    for i, j in sorted(pair.links):
        old, english = pair.tokens[0][i], pair.tokens[1][j]
        if english[0].isupper() and english in names.get(old, ()):
            arabic, fresh = draw.choice(pool)
            pair.tokens[0] = [arabic if token == old else token for token in pair.tokens[0]]
            pair.tokens[1] = [fresh if token == english else token for token in pair.tokens[1]]


def insert(pair: Pair, draw: random.Random) -> Pair:
    """Puts a date before the sentence, or a number or a percentage after it."""
    number, year = new_number("12345", draw), str(draw.randint(1890, 2030))
    arabic_names, month = draw.choice(MONTHS)
    arabic_month, day = draw.choice(arabic_names), draw.randint(1, 31)
    one = " " not in arabic_month
    first = pair.tokens[1][0]
    if first.lower() in LOWERED and draw.random() < 0.7:
        dated = Pair(
            f"في {day} {arabic_month} {year}",
            f"On {day} {month} {year}",
            None if one else {(0, 0), (1, 1), (2, 2), (3, 2), (4, 3)},
        )
        before = draw.choice([dated, dated, Pair(f"في عام {year}", f"In {year}", {(0, 0), (2, 1)})])
        if draw.random() < 0.6:
            before = before.then(Pair(",", ","))
            before.gaps[0][-1] = before.gaps[1][-1] = ""
        pair.tokens[1][0] = first.lower()
        return before.then(pair)
    after = draw.choice(
        [f"({number})", f"({year})", f"({number}, {new_number('123', draw)})", f"- {number}", f"({day}.{number}%)"]
    )
    return pair.then(Pair(after, after))


def pieces_of_tokens(pieces: list[str], pair: Pair, side: int) -> list[range]:
    """Returns the numbers of the pieces that hold each token, the space before it included."""
    ends = list(itertools.accumulate(map(len, pieces)))
    held, begin, piece = [], 0, 0
    for gap, token in zip(pair.gaps[side], pair.tokens[side]):
        # The first piece begins with the mark of a space that the text does not hold.
        end = begin + len(token) + (len(gap) if held else 1)
        while piece + 1 < len(pieces) and ends[piece] <= begin:
            piece += 1
        last = piece
        while last + 1 < len(pieces) and ends[last] < end:
            last += 1
        held.append(range(piece, last + 1))
        begin = end
    return held


def link_pieces(pair: Pair, cut: list[list[str]]) -> list[tuple[int, int, float]]:
    """Returns (target piece, source piece, share): number to number digit by digit, other tokens whole to whole."""
    held = [pieces_of_tokens(cut[side], pair, side) for side in (0, 1)]
    sources: dict[int, set] = {}
    for i, j in pair.links:
        if i >= len(held[0]) or j >= len(held[1]):
            continue
        p, q = held[0][i], held[1][j]
        if pair.tokens[0][i] == pair.tokens[1][j]:
            for back in range(1, len(q) + 1):
                sources.setdefault(q[-back], set()).add(p[-min(back, len(p))])
        else:
            for target in q:
                sources.setdefault(target, set()).update(p)
    return [(t, s, 1 / len(linked)) for t, linked in sources.items() for s in linked]


class Stream:
    """Makes blocks of batches; see the top of the file."""

    def __init__(self, work: pathlib.Path, config: dict) -> None:
        def read(name: str) -> list[str]:
            return (work / name).read_text(encoding="utf-8").splitlines()

        names = [line.split("\t") for line in read("names.tsv")]
        self.rows = [line.split("\t") for line in read("pairs.tsv")]
        self.links = read("links.tsv") + ["0-0"] * len(names)
        self.config, self.names = config, {}
        self.models = [
            spm.SentencePieceProcessor(model_file=str(work / f"{side}.spm")) for side in ("source", "target")
        ]
        self.ids = [{m.id_to_piece(i): i for i in range(m.get_piece_size())} for m in self.models]
        self.pool = [(a, e) for a, e, _ in names if a.isalpha() and e.isalpha() and len(a) > 2]
        for arabic, english in self.pool:
            self.names.setdefault(arabic, set()).add(english)
        self.rows += names
        weights = np.array([config["weights"][row[2]] for row in self.rows])
        self.chances = np.cumsum(weights / weights.sum())
        self.longest = [max(len(row[0]), len(row[1])) for row in self.rows]

    def example(self, index: int, limit: int, draw: random.Random):
        """Returns source ids, target ids and piece links of one drawn sentence, or None where it does not do."""
        arabic, english, tag = self.rows[index]
        rules = self.config["augment"]
        pair = Pair(arabic, english, read_links(self.links[index]))
        if index + 1 < len(self.rows) and self.rows[index + 1][2] == tag and draw.random() < rules["join"]:
            pair = pair.then(Pair(*self.rows[index + 1][:2], read_links(self.links[index + 1])))
        if draw.random() < rules["names"]:
            change_names(pair, self.names, self.pool, draw)
        if draw.random() < rules["numbers"]:
            change_numbers(pair, draw)
        if draw.random() < rules["insert"] and pair.tokens[1]:
            pair = insert(pair, draw)
        sampled = {"enable_sampling": True, "alpha": 0.2, "nbest_size": -1} if draw.random() < rules["sample"] else {}
        cut = [
            self.models[0].encode(pair.text(0), out_type=str, **sampled),
            self.models[1].encode(pair.text(1), out_type=str),
        ]
        ids = [[self.ids[s].get(piece, UNK) for piece in cut[s]] + [EOS] for s in (0, 1)]
        if not all(1 < len(side) <= limit for side in ids) or UNK in ids[1]:
            return None
        return *ids, [*link_pieces(pair, cut), (len(cut[1]), len(cut[0]), 1.0)]

    def block(self, number: int, limit: int) -> list[list]:
        """Returns the batches of a block, each a list of examples of about one length."""
        train, seed = self.config["train"], self.config["seed"] * 1_000_003 + number
        draw = random.Random(seed)
        spm.set_random_generator_seed(seed % 2**31)
        chosen = np.searchsorted(self.chances, np.random.default_rng(seed).random(train["block"]))
        made = [self.example(i, limit, draw) for i in chosen if self.longest[i] < 7 * limit]
        # Both lengths matter: buckets of one target length, give or take a tenth, are sorted by source length.
        made = sorted(filter(None, made), key=lambda e: (round(10 * math.log(len(e[1]) + 8)), len(e[0])))
        batches, batch, wide = [], [], [0, 0]
        for example in made:
            wider = [max(wide[s], len(example[s])) for s in (0, 1)]
            if batch and sum(wider) * (len(batch) + 1) > 2 * train["batch_tokens"]:
                batches.append(batch)
                batch, wider = [], [len(example[0]), len(example[1])]
            batch.append(example)
            wide = wider
        draw.shuffle(batches)
        return batches + ([batch] if batch else [])
