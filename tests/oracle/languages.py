"""Makes tiny tokenizers without tokenizer.json, with the ids transformers gives: T5, MADLAD, Pegasus, mBART-50, M2M100, BART.

    python tests/oracle/languages.py tests/goldens/tokenizer
    python tests/oracle/languages.py OUT --lines TEXT...    larger ones, for a run by hand

Writes a folder each: the SentencePiece model (or BART's vocabulary and merges) with the small files beside it, and cases.jsonl: `text`, `ids` of the text
framed for Arabic to French where the family has languages, `forced` (the first token of every output, or null), `decoded`.
With `--lines` the tokenizers are trained on the lines of those files, unigram and BPE, with the rules of nmt_nfkc; each is
written twice, the second time (`NAME-json`) as transformers saves it, and cases.jsonl has every line and tokenizer.py's hard strings.
tests/tokenizer_parity.rs reads them where `TOKENIZER_FRAMED` names OUT.

Separate from tokenizer.py because no family here is Marian's. Needs transformers 5, sentencepiece and protobuf.
"""

import argparse
import itertools
import json
import shutil
from pathlib import Path

import sentencepiece
from tokenizer import FREE, hard_strings, sentences, train, write_json
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoTokenizer
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

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


def write_cases(folder, model_type, languages, texts=HARD + FREE[:12]):
    """Writes the ids that transformers gives some texts, read back from the folder."""
    family = folder.name.removesuffix("-json").removesuffix("-bpe")
    # Without a tokenizer.json transformers gives NLLB no languages unless it is told them.
    told = dict(extra_special_tokens=FAIRSEQ_LANGUAGE_CODES) if folder.name == "nllb-bpe" else {}
    tokenizer = AutoTokenizer.from_pretrained(folder, **told)
    forced = None
    if languages:
        tokenizer.src_lang = languages[0]
        name = f"__{languages[1]}__" if family == "m2m100" else languages[1]
        forced = tokenizer.convert_tokens_to_ids(name)
    cases = []
    for text in texts:
        ids = tokenizer(f"<2fr> {text}" if family == "madlad" else text)["input_ids"]
        # These tokenizers leave the language in the text.
        decoded = tokenizer.decode(ids[1:] if family in ("madlad", "m2m100") else ids, skip_special_tokens=True)
        cases.append(dict(text=text, ids=ids, forced=forced, decoded=decoded))
    lines = [json.dumps(case, ensure_ascii=False) for case in cases]
    (folder / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tokenizer


# Families whose real models are trained as BPE, or in either way; the others are unigram models.
BPE = {"nllb-bpe": ("sentencepiece.bpe.model", FAIRSEQ_MARKS, "m2m_100", "NllbTokenizer", ("arb_Arab", "fra_Latn"))}
BPE["m2m100-bpe"] = FAMILIES["m2m100"]


def make_larger(out: Path, lines):
    """Writes every family twice, trained on these lines, with cases of all of them."""
    texts = lines + list(hard_strings())
    for name, (file, marks, model_type, class_name, languages) in (FAMILIES | BPE).items():
        folder = out / name
        pieces = train_larger(folder / file, lines, "bpe" if name in BPE else "unigram", marks)
        write_json(folder / "config.json", {"model_type": model_type})
        write_json(folder / "tokenizer_config.json", {"tokenizer_class": class_name})
        if class_name == "M2M100Tokenizer":
            names = ["<s>", "<pad>", "</s>", "<unk>"]
            write_json(folder / "vocab.json", {piece: id for id, piece in enumerate(names + pieces[3:])})
        save_again(folder, model_type, languages, texts, write_cases(folder, model_type, languages, texts))
        if class_name == "NllbTokenizer":
            shutil.rmtree(folder)
    folder = out / "bart"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = ByteLevelBPETokenizer()
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(lines, vocab_size=6000, special_tokens=marks, show_progress=False)
    tokenizer.save_model(str(folder))
    write_json(folder / "config.json", {"model_type": "bart"})
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BartTokenizer"})
    save_again(folder, "bart", None, texts, write_cases(folder, "bart", None, texts))


def train_larger(out: Path, lines, kind, marks):
    """Trains a SentencePiece model and returns its pieces."""
    out.parent.mkdir(parents=True, exist_ok=True)
    text = out.parent / "lines.txt"
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(out), model_type=kind, vocab_size=6000, character_coverage=0.9995,
        num_threads=1, minloglevel=2, hard_vocab_limit=False, **marks,
    )
    text.unlink()
    Path(f"{out}.vocab").unlink()
    shutil.move(f"{out}.model", out)
    model = sentencepiece.SentencePieceProcessor(str(out))
    return [model.id_to_piece(i) for i in range(model.get_piece_size())]


def save_again(folder, model_type, languages, texts, tokenizer):
    """Writes the same tokenizer as transformers saves it: a tokenizer.json, where the family has one."""
    if tokenizer.is_fast:
        again = folder.with_name(f"{folder.name}-json")
        again.mkdir(exist_ok=True)
        tokenizer.save_pretrained(again)
        write_json(again / "config.json", {"model_type": model_type})
        write_cases(again, model_type, languages, texts)


def main():
    """Writes every family into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--lines", type=Path, nargs="+", help="files to train larger tokenizers on")
    given = parser.parse_args()
    if given.lines:
        make_larger(given.out, [line for file in given.lines for line in file.read_text(encoding="utf-8").splitlines()])
        return
    for name, family in FAMILIES.items():
        make(given.out / name, *family)
    make_byte_level(given.out / "bart")


if __name__ == "__main__":
    main()
