"""Makes the small tokenizer files that fuzzing starts from: python tests/oracle/fuzz.py (needs sentencepiece, tokenizers).

They are as small as the trainers make them; what they know of a language does not matter.
"""

import json
import tempfile
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = Path(__file__).parent.parent / "fuzz" / "corpus"
LINES = ["زار الوزير المدرسة اليوم.", "افتتح المدير المكتبة الجديدة في المدينة.", "The minister opened 3 schools.", "a b c"] * 8


def sentencepiece_model(kind: str, rules: Path, folder: Path) -> bytes:
    prefix = folder / kind
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_prefix=str(prefix), vocab_size=70, model_type=kind, hard_vocab_limit=False,
        normalization_rule_tsv=str(rules), num_threads=1, minloglevel=2)
    return prefix.with_suffix(".model").read_bytes()


def tokenizer_json(model, trainer) -> str:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer.to_str()


def byte_level() -> bytes:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=60, show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    merges = "\n".join(" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"])
    return json.dumps(model["vocab"]).encode() + b"\0#version: 0.2\n" + merges.encode()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = folder / "rules.tsv"
        rules.write_text("AA\t41\n41\t61\n0640\t\n")
        for kind in ["unigram", "bpe"]:
            write("spm", kind, sentencepiece_model(kind, rules, folder))
    special = ["<unk>", "</s>", "<pad>"]
    unigram = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>", show_progress=False)
    write("tokenizer_json", "unigram.json", tokenizer_json(models.Unigram(), unigram).encode())
    bpe = trainers.BpeTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    write("tokenizer_json", "bpe.json", tokenizer_json(models.BPE(unk_token="<unk>"), bpe).encode())
    write("byte_level", "vocab-and-merges", byte_level())


def write(target: str, name: str, content: bytes) -> None:
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main()
