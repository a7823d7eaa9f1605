"""Trains source.spm and target.spm (SentencePiece unigram, digits one by one) and numbers their pieces.

usage: vocabulary.py WORK
`source.spm` carries the source folds of text.py in its own normalisation rules, beyond nmt_nfkc: whatever loads the
model folds a text the same way. Ids: 0 is </s>, 1 <unk>, the last one <pad>; WORK/vocab.json and target_vocab.json.
"""

import json
import pathlib
import random
import sys
import tempfile
import tomllib

import sentencepiece as spm

import text

HERE = pathlib.Path(__file__).parent
EOS, UNK = 0, 1


def normalisation_rules() -> str:
    """Returns nmt_nfkc, written out for single characters of the first plane, with the source folds on top."""
    plain = spm.SentencePieceNormalizer(
        rule_name="nmt_nfkc", add_dummy_prefix=False, escape_whitespaces=False, remove_extra_whitespaces=False
    )
    rows = []
    for code in [*range(1, 0xAC00), *range(0xF900, 0x10000)]:
        char = chr(code)
        mapped = "".join(text.SOURCE_FOLDS.get(c, c) for c in plain.normalize(char))
        if mapped != char:
            rows.append(f"{code:X}\t{' '.join(f'{ord(c):X}' for c in mapped)}\n")
    return "".join(rows)


def train(lines: list[str], prefix: pathlib.Path, size: int, rules: str | None) -> None:
    """Trains one SentencePiece model."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, tsv = pathlib.Path(folder, "corpus"), pathlib.Path(folder, "rules.tsv")
        corpus.write_text("\n".join(lines), encoding="utf-8")
        tsv.write_text(rules or "")
        normalisation = {"normalization_rule_tsv": str(tsv)} if rules else {"normalization_rule_name": "nmt_nfkc"}
        spm.SentencePieceTrainer.train(
            input=str(corpus),
            model_prefix=str(prefix),
            vocab_size=size,
            model_type="unigram",
            split_digits=True,
            character_coverage=0.9995,
            unk_id=UNK,
            eos_id=EOS,
            bos_id=-1,
            pad_id=-1,
            num_threads=2,
            required_chars="0123456789",
            minloglevel=1,
            **normalisation,
        )
    prefix.with_suffix(".model").rename(prefix.with_suffix(".spm"))
    prefix.with_suffix(".vocab").unlink()


def main() -> None:
    work = pathlib.Path(sys.argv[1])
    config = tomllib.loads((HERE / "config.toml").read_text())
    draw = random.Random(config["seed"])
    pairs = [line.split("\t") for line in (work / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    names = [line.split("\t") for line in (work / "names.tsv").read_text(encoding="utf-8").splitlines()]
    chosen = draw.choices(pairs + names, [config["weights"][row[2]] for row in pairs + names], k=200_000)
    jobs = [("source", 0, normalisation_rules(), "vocab.json"), ("target", 1, None, "target_vocab.json")]
    for side, column, rules, name in jobs:
        train([row[column] for row in chosen], work / side, config["vocabulary"][side], rules)
        model = spm.SentencePieceProcessor(model_file=str(work / f"{side}.spm"))
        ids = {model.id_to_piece(i): i for i in range(model.get_piece_size())}
        (work / name).write_text(json.dumps(ids | {"<pad>": len(ids)}, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
