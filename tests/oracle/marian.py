"""Writes goldens of encoder-decoder checkpoints with Hugging Face transformers: states, logits, tokens, attention.

    marian.py --make tests/goldens/marian             make the tiny checkpoints (tiny.py) and their goldens
    marian.py --make tests/goldens/marian --only NAME remake one of them
    marian.py --families tests/goldens/families       the same for the other architectures (families.py)
    marian.py --checkpoint DIR --out OUT              goldens of any checkpoint folder, written into OUT

README.md beside this file documents what is written. Needs torch and transformers 5; runs on the CPU in float32.

A source enters the goldens only if its tokens are the same in float32, in float64, with every weight nudged four times by
about three parts in a million, and alone as in a padded batch: a source where Python itself wavers proves nothing. Others are drawn again.
"""

import argparse
import copy
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSeq2SeqLM, GenerationConfig

import families
import tiny

FORCED_STEPS = 10
# How many sources, how long, and of how many of them more than tokens is kept.
SIZES = dict(sources=64, longest=120, encoder_sources=10, logit_sources=8, attention_sources=3)
FEW_SIZES = SIZES | dict(sources=52)
VARIANT_SOURCES = 16
BATCH = 16


def read_state(folder: Path):
    """Returns the tensors of a checkpoint folder as float32, from whichever format it has."""
    if (folder / "model.safetensors").exists():
        state = load_file(folder / "model.safetensors")
    elif (index := folder / "model.safetensors.index.json").exists():
        shards = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        state = {name: tensor for shard in shards for name, tensor in load_file(folder / shard).items()}
    else:
        state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    return {name: tensor.float() for name, tensor in state.items()}


def load(folder: Path):
    """Returns the model of a folder, a tied head taken from the embedding whatever the file has for `lm_head.weight`."""
    config = AutoConfig.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_config(config, attn_implementation="eager").eval().float()
    state = read_state(folder)
    if config.model_type in ("t5", "mt5", "umt5"):
        load_t5(model, state)
        return with_generation(model, folder)
    embeddings = ("model.shared.weight", "model.decoder.embed_tokens.weight")
    if config.tie_word_embeddings and any(name in state for name in embeddings):
        state.pop("lm_head.weight", None)
    missing = model.load_state_dict(state, strict=False)
    tied = set(model.all_tied_weights_keys) | set(model.all_tied_weights_keys.values())
    unknown = [name for name in missing.missing_keys if name not in tied and "embed_positions" not in name]
    assert not unknown and not missing.unexpected_keys, (unknown, missing.unexpected_keys)
    model.tie_weights()
    return with_generation(model, folder)


def load_t5(model, state):
    """Gives a T5 its tensors: one embedding, whatever it is called, and the file's head where it has one.

    Plain `from_pretrained` would take the head for the embedding where the file lacks `shared.weight`.
    """
    names = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    embedding = next(state[name] for name in names if name in state)
    if "lm_head.weight" in state:
        model.lm_head.weight = torch.nn.Parameter(state["lm_head.weight"].clone())
    model.load_state_dict({"lm_head.weight": embedding} | state | {name: embedding for name in names})


def with_generation(model, folder):
    """Returns the model with the folder's generation settings."""
    try:
        model.generation_config = GenerationConfig.from_pretrained(folder)
    except OSError:  # a folder of 2020: transformers takes the settings from config.json
        model.generation_config = GenerationConfig.from_pretrained(
            folder, config_file_name="config.json", _from_model_config=True
        )
    return model


def nudged(model, seed):
    """Returns a copy in float64 whose every weight is off by about three parts in a million."""
    other = copy.deepcopy(model).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter *= 1 + 3e-6 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return other


def draw_source(model, length, generator):
    """Returns `length` ids of which the last is the end of sentence and none else is special."""
    config = model.config
    special = {config.pad_token_id, config.decoder_start_token_id, *ends_of(model)}
    plain = torch.tensor([token for token in range(3, config.vocab_size) if token not in special])
    picked = plain[torch.randint(len(plain), (length - 1,), generator=generator)]
    return picked.tolist() + ends_of(model)[:1]


def ends_of(model):
    """Returns the tokens that end an output."""
    eos = model.generation_config.eos_token_id
    eos = model.config.eos_token_id if eos is None else eos
    return eos if isinstance(eos, list) else [eos]


def trimmed(row, ends):
    """Returns generated tokens without the decoder start and without the padding behind the end of sentence."""
    tokens = row[1:]
    found = [place for place, token in enumerate(tokens) if token in ends]
    return tokens[: found[0] + 1] if found else tokens


def generate(model, sources, **options):
    """Returns the tokens of each source and, for beam search, their scores; one padded batch."""
    width = max(len(source) for source in sources)
    pad = model.config.pad_token_id
    ids = torch.tensor([source + [pad] * (width - len(source)) for source in sources])
    mask = torch.tensor([[1] * len(source) + [0] * (width - len(source)) for source in sources])
    out = model.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, return_dict_in_generate=True, output_scores=True, **options
    )
    tokens = [trimmed(row, ends_of(model)) for row in out.sequences.tolist()]
    scores = getattr(out, "sequences_scores", None)
    return tokens, scores.tolist() if scores is not None else [None] * len(sources)


def in_batches(model, sources, size, **options):
    """Returns what `generate` returns for all sources, `size` at a time."""
    tokens, scores = [], []
    for start in range(0, len(sources), size):
        some = generate(model, sources[start : start + size], **options)
        tokens += some[0]
        scores += some[1]
    return tokens, scores


class Searcher:
    """Runs a search in every way that must agree."""

    def __init__(self, model):
        self.model = model
        self.witnesses = [copy.deepcopy(model).double()] + [nudged(model, seed) for seed in range(17, 21)]

    def search(self, sources, **options):
        """Returns tokens, scores, and whether every way of running agrees, per source."""
        tokens, scores = in_batches(self.model, sources, 1, **options)
        agrees = [True] * len(sources)
        for model in [self.model] + self.witnesses:
            others, _ = in_batches(model, sources, BATCH, **options)
            agrees = [ok and one == other for ok, one, other in zip(agrees, tokens, others)]
        return tokens, scores, agrees


def stable_sources(searcher, generator, sizes):
    """Returns the sources with their greedy and beam results, unstable draws replaced, and how many were replaced."""
    count, longest = sizes["sources"], sizes["longest"]
    lengths = [1 + round(index * (longest - 1) / (count - 1)) for index in range(count)]
    sources = [draw_source(searcher.model, length, generator) for length in lengths]
    results = [None] * count
    pending, redrawn = list(range(count)), 0
    for _ in range(8):
        greedy = searcher.search([sources[index] for index in pending], num_beams=1)
        beam = searcher.search([sources[index] for index in pending])
        for place, index in enumerate(pending):
            if greedy[2][place] and beam[2][place]:
                results[index] = (greedy[0][place], beam[0][place], beam[1][place])
        pending = [index for index in pending if results[index] is None]
        if not pending:
            break
        redrawn += len(pending)
        for index in pending:
            sources[index] = draw_source(searcher.model, lengths[index], generator)
    kept = [index for index in range(count) if results[index] is not None]
    return [sources[index] for index in kept], [results[index] for index in kept], redrawn


def spread(count, total):
    """Returns `count` indices spread over `0..total`, both ends included."""
    return sorted({round(index * (total - 1) / (count - 1)) for index in range(count)})


@torch.no_grad()
def teacher_forced(model, sources, generator, sizes):
    """Returns encoder states, decoder inputs, logits and attention taps of some sources, each run alone."""
    tensors, forced = {}, []
    for index in spread(sizes["encoder_sources"], len(sources)):
        ids = torch.tensor([sources[index]])
        tensors[f"encoder.{index}"] = model.get_encoder()(input_ids=ids).last_hidden_state[0].contiguous()
    chosen = spread(sizes["logit_sources"], len(sources))
    attended = set(chosen[1 : 1 + sizes["attention_sources"]])
    decoder_vocabulary = model.get_output_embeddings().weight.shape[0]
    for index in chosen:
        drawn = torch.randint(decoder_vocabulary, (FORCED_STEPS - 1,), generator=generator).tolist()
        # Padding inside an output would move M2M100's positions, which no search does.
        moved = (model.config.pad_token_id + 3) % decoder_vocabulary
        drawn = [token if token != model.config.pad_token_id else moved for token in drawn] if sizes != SIZES else drawn
        given = [model.config.decoder_start_token_id] + drawn
        forced.append({"source": index, "decoder_input_ids": given})
        ids, given = torch.tensor([sources[index]]), torch.tensor([given])
        out = model(input_ids=ids, decoder_input_ids=given, output_attentions=True)
        tensors[f"logits.{index}"] = out.logits[0].contiguous()
        if index in attended:
            tensors[f"cross_attention.{index}"] = out.cross_attentions[-1][0, 0].contiguous()
    return tensors, forced


def longest_output(model):
    """Returns the most tokens an output can have, the start token not counted."""
    settings = model.generation_config
    return settings.max_new_tokens or settings.max_length - 1


def summary(model, rows):
    """Returns figures that show whether the goldens test anything: variety, lengths, beam against greedy."""
    greedy = [row["greedy"] for row in rows]
    return {
        "distinct_greedy": len({tuple(tokens) for tokens in greedy}),
        "distinct_tokens_per_output": round(sum(len(set(tokens)) for tokens in greedy) / len(greedy), 1),
        "greedy_lengths": [min(map(len, greedy)), max(map(len, greedy))],
        "greedy_at_maximum": sum(len(tokens) >= longest_output(model) for tokens in greedy),
        "beam_ends_by_eos": sum(row["beam"][-1] in ends_of(model) for row in rows),
        "beam_differs_from_greedy": sum(row["beam"] != row["greedy"] for row in rows),
    }


def write(folder: Path, out: Path, sizes):
    """Writes golden.json and golden.safetensors of a checkpoint folder."""
    return write_goldens(load(folder), out, sizes)


@torch.no_grad()
def write_goldens(model, out: Path, sizes):
    """Writes golden.json and golden.safetensors of a loaded model into `out`."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(11)
    searcher = Searcher(model)
    sources, results, redrawn = stable_sources(searcher, generator, sizes)
    tensors, forced = teacher_forced(model, sources, generator, sizes)
    rows = [
        {"source": source, "greedy": greedy, "beam": beam, "beam_score": score}
        for source, (greedy, beam, score) in zip(sources, results)
    ]
    golden = {
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "model_class": type(model).__name__,
        "generation": model.generation_config.to_diff_dict(),
        "redrawn": redrawn,
        "summary": summary(model, rows),
        "sources": rows,
        "teacher_forced": forced,
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "golden.safetensors")
    (out / "golden.safetensors").chmod(0o644)  # safetensors makes its files private
    write_json(out / "golden.json", golden)
    print(out.name, golden["summary"], "redrawn", redrawn, "kept", len(rows))
    return searcher, sources


def write_json(path, value):
    """Writes JSON with one line per list of numbers, so that differences read well."""
    lists = {}

    def fold(item):
        if isinstance(item, list) and not any(isinstance(part, dict) for part in item):
            lists[f"<{len(lists)}>"] = json.dumps(item)
            return f"<{len(lists) - 1}>"
        if isinstance(item, dict):
            return {key: fold(part) for key, part in item.items()}
        return [fold(part) for part in item] if isinstance(item, list) else item

    text = json.dumps(fold(value), indent=1)
    for mark, folded in lists.items():
        text = text.replace(f'"{mark}"', folded)
    path.write_text(text + "\n")


VARIANTS = {
    "length_penalty 0.6": dict(length_penalty=0.6),
    "length_penalty 1.0": dict(length_penalty=1.0),
    "length_penalty 2.0": dict(length_penalty=2.0),
    "length_penalty 0": dict(length_penalty=0.0),
    "length_penalty -1": dict(length_penalty=-1.0),
    "early_stopping true": dict(early_stopping=True),
    "early_stopping true, length_penalty 2.0": dict(early_stopping=True, length_penalty=2.0),
    "early_stopping false, length_penalty 0.6": dict(early_stopping=False, length_penalty=0.6),
    "early_stopping never": dict(early_stopping="never"),
    "early_stopping never, length_penalty 2.0": dict(early_stopping="never", length_penalty=2.0),
    "early_stopping never, length_penalty -1": dict(early_stopping="never", length_penalty=-1.0),
    "no_repeat_ngram_size 2": dict(no_repeat_ngram_size=2),
    "no_repeat_ngram_size 3": dict(no_repeat_ngram_size=3),
    "no_repeat_ngram_size 2, greedy": dict(no_repeat_ngram_size=2, num_beams=1),
    "min_length 12": dict(min_length=12),
    "min_length 5, greedy": dict(min_length=5, num_beams=1),
    "min_new_tokens 5": dict(min_new_tokens=5),
    "max_length 12": dict(max_length=12),
    "max_length 12, no forced end": dict(max_length=12, forced_eos_token_id=None),
    "max_length 12, greedy": dict(max_length=12, num_beams=1),
    "max_new_tokens 12": dict(max_new_tokens=12),
    "max_new_tokens 1": dict(max_new_tokens=1),
    "forced_bos_token_id 7": dict(forced_bos_token_id=7),
    "forced_bos_token_id 7, greedy": dict(forced_bos_token_id=7, num_beams=1),
    "num_beams 2": dict(num_beams=2),
    "num_beams 3": dict(num_beams=3),
    "num_beams 4": dict(num_beams=4),
    "num_beams 5": dict(num_beams=5),
    "num_beams 12": dict(num_beams=12),
    "repetition_penalty 1.3": dict(repetition_penalty=1.3),
    "repetition_penalty 1.3, greedy": dict(repetition_penalty=1.3, num_beams=1),
    "renormalize_logits": dict(renormalize_logits=True),
    "renormalize_logits, no_repeat_ngram_size 2": dict(renormalize_logits=True, no_repeat_ngram_size=2),
    "renormalize_logits, repetition_penalty 1.3": dict(renormalize_logits=True, repetition_penalty=1.3),
}


def bad_words(golden_rows, pad):
    """Returns banned sequences that the plain beams use: two single words, pairs and a triple."""
    first = [row["beam"] for row in golden_rows if len(row["beam"]) > 6][:4]
    pairs = [tokens[2:4] for tokens in first[:3]]
    return [[pad], [first[3][1]]] + pairs + [first[3][2:5]]


def write_variants(searcher, sources, out: Path):
    """Writes variants.json: the tokens and scores of some sources under other generation settings."""
    rows = json.loads((out / "golden.json").read_text())["sources"]
    banned = bad_words(rows, searcher.model.config.pad_token_id)
    variants = VARIANTS | {
        "bad_words_ids": dict(bad_words_ids=banned),
        "bad_words_ids, greedy": dict(bad_words_ids=banned, num_beams=1),
    }
    chosen = spread(VARIANT_SOURCES, len(sources))
    written = []
    for name, options in variants.items():
        tokens, scores, agrees = searcher.search([sources[index] for index in chosen], **options)
        results = [
            {"source": index, "tokens": row, "score": score}
            for index, row, score, ok in zip(chosen, tokens, scores, agrees)
            if ok
        ]
        changed = sum(entry["tokens"] != rows[entry["source"]]["beam"] for entry in results)
        written.append({"name": name, "options": options, "results": results})
        print(f"  {name}: {len(results)} kept, {changed} differ from the default beams")
    write_json(out / "variants.json", {"variants": written})


def main():
    """Reads the arguments and writes what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", type=Path, help="folder for the tiny checkpoints and their goldens")
    parser.add_argument("--families", type=Path, help="the same for the architectures of families.py")
    parser.add_argument("--only", help="with either, remake this checkpoint alone")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder to write goldens of")
    parser.add_argument("--out", type=Path, help="where to write them")
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    if given.checkpoint:
        write(given.checkpoint, given.out or given.checkpoint, SIZES)
    entries, parent = (families.FAMILIES, given.families) if given.families else (tiny.CHECKPOINTS, given.make)
    for name in [given.only] if given.only else entries if parent else []:
        folder, entry = parent / name, entries[name]
        tiny.make(entry, folder)
        sizes = FEW_SIZES | {key: entry[key] for key in SIZES if key in entry} if given.families else SIZES
        searcher, sources = write(folder, folder, sizes)
        if name == "post-swish-shared":
            write_variants(searcher, sources, folder)


if __name__ == "__main__":
    main()
