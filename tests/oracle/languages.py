"""Makes tiny tokenizers without tokenizer.json, with the ids transformers gives: T5, MADLAD, Pegasus, mBART-50, M2M100, BART.

    python tests/oracle/languages.py tests/goldens/tokenizer

Writes a folder each: the SentencePiece model (or BART's vocabulary and merges) with the small files beside it, and cases.jsonl: `text`, `ids` of the text
framed for Arabic to French where the family has languages, `forced` (the first token of every output, or null), `decoded`.
Separate from tokenizer.py because no family here is Marian's. Needs transformers 5, sentencepiece and protobuf.
"""

import itertools
import json
import sys
from pathlib import Path

from tokenizer import FREE, sentences, train, write_json
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoTokenizer

HARD = [
    "مرحباً بالعالم",
    "سألت: «متى؟» فقال: غداً.",
    "Ünïcödé and 日本語",
    "x=1;y=[2,3]",
    "word",
    "ﷺ",
]
T5_MARKS = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
FAIRSEQ_MARKS = dict(unk_id=0, bos_id=1, eos_id=2)

# Folder: SentencePiece file, its marks, model_type, tokenizer class, and languages where the family has them.
FAMILIES = {
    "t5": ("spiece.model", T5_MARKS, "t5", "T5Tokenizer", None),
    "madlad": ("spiece.model", T5_MARKS | dict(user_defined_symbols=["<2en>", "<2fr>"]), "t5", "T5Tokenizer", None),
    "pegasus": ("spiece.model", T5_MARKS, "pegasus", "PegasusTokenizer", None),
    "mbart50": ("sentencepiece.bpe.model", FAIRSEQ_MARKS, "mbart", "MBart50Tokenizer", ("ar_AR", "fr_XX")),
    "m2m100": ("sentencepiece.bpe.model", FAIRSEQ_MARKS, "m2m_100", "M2M100Tokenizer", ("ar", "fr")),
}


def make(folder: Path, file, marks, model_type, class_name, languages):
    """Writes one tokenizer and its cases."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = FREE + list(itertools.islice(sentences(), 60))
    pieces = train(folder / file, lines, model_type="unigram", vocab_size=220, **marks)
    write_json(folder / "config.json", {"model_type": model_type})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": class_name})
    if model_type == "m2m_100":
        marks = ["<s>", "<pad>", "</s>", "<unk>"]
        write_json(folder / "vocab.json", {piece: id for id, piece in enumerate(marks + pieces[3:])})
    write_cases(folder, model_type, languages)


def make_byte_level(folder: Path):
    """Writes a BART tokenizer and its cases."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(FREE, vocab_size=330, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.save_model(str(folder))
    write_json(folder / "config.json", {"model_type": "bart"})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BartTokenizer"})
    write_cases(folder, "bart", None)


def write_cases(folder, model_type, languages):
    """Writes the ids that transformers gives some texts, read back from the folder."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    forced = None
    if languages:
        tokenizer.src_lang = languages[0]
        name = languages[1] if model_type == "mbart" else f"__{languages[1]}__"
        forced = tokenizer.convert_tokens_to_ids(name)
    cases = []
    for text in HARD + FREE[:12]:
        ids = tokenizer(f"<2fr> {text}" if folder.name == "madlad" else text)["input_ids"]
        # These tokenizers leave the language in the text.
        decoded = tokenizer.decode(ids[1:] if folder.name in ("madlad", "m2m100") else ids, skip_special_tokens=True)
        cases.append(dict(text=text, ids=ids, forced=forced, decoded=decoded))
    lines = [json.dumps(case, ensure_ascii=False) for case in cases]
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    """Writes every family into the folder given."""
    for name, family in FAMILIES.items():
        make(Path(sys.argv[1]) / name, *family)
    make_byte_level(Path(sys.argv[1]) / "bart")


if __name__ == "__main__":
    main()
