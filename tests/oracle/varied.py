"""Draws checkpoints of every family at random, with their goldens: sizes, flags, weight formats and generation settings.

    python tests/oracle/varied.py OUT --count 5 --seed 1            five of each family into OUT/FAMILY-SEED
    python tests/oracle/varied.py OUT --family t5-gated --seed 7    one

Separate from tiny.py and families.py, whose checkpoints are committed: these are too many, and serve to look for
disagreements that nobody thought of. They are compared as README.md says under "Parity on other checkpoints".

The goldens are those of plain `from_pretrained`, in float32, but for a store where it is known to be wrong (`lonely head`,
transformers #48238).
"""

import argparse
import copy
import json
import random
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSeq2SeqLM

import marian
import tiny

SIZES = dict(sources=54, longest=70, encoder_sources=8, logit_sources=6, attention_sources=2)
ACTIVATIONS = ["relu", "gelu", "gelu_new", "swish", "silu", "gelu_fast", "quick_gelu", "gelu_pytorch_tanh", "tanh"]
T5_ACTIVATIONS = ["relu", "gelu", "gelu_new", "silu", "swish"]
BART_LIKE = ["marian", "bart", "mbart", "m2m100", "nllb", "pegasus"]
T5_LIKE = ["t5", "t5-gated", "madlad", "mt5", "umt5"]
TYPES = {"m2m100": "m2m_100", "nllb": "m2m_100", "t5-gated": "t5", "madlad": "t5"}
STORES = ["safetensors", "safetensors f16", "safetensors bf16", "safetensors shards"]
PICKLES = ["zip", "zip f16", "zip shards", "legacy", "legacy f16"]


def heads_of(d, draw):
    """Returns a count of heads that share a width."""
    return draw.choice([heads for heads in range(1, 9) if d % heads == 0])


def bart_like(family, draw):
    """Returns `config.json` of a model of the BART family."""
    d = draw.choice([12, 14, 15, 18, 20, 21, 24, 30, 33, 36, 40])
    vocab = draw.randint(80, 260)
    config = dict(
        model_type=TYPES.get(family, family),
        vocab_size=vocab,
        d_model=d,
        encoder_layers=draw.randint(1, 4),
        decoder_layers=draw.randint(1, 4),
        encoder_attention_heads=heads_of(d, draw),
        decoder_attention_heads=heads_of(d, draw),
        encoder_ffn_dim=draw.randint(9, 70),
        decoder_ffn_dim=draw.randint(9, 70),
        max_position_embeddings=draw.choice([72, 80, 127, 160]),
        activation_function=draw.choice(ACTIVATIONS),
        scale_embedding=draw.random() < 0.5,
        tie_word_embeddings=draw.random() < 0.7,
        dropout=0.0,
        encoder_layerdrop=0.1,
    )
    if family == "marian":
        shared = draw.random() < 0.6
        target = vocab if shared else draw.randint(70, vocab)
        pad = target - 1
        ids = dict(pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=draw.choice([0, 2, 25]), bos_token_id=0)
        config |= ids | dict(share_encoder_decoder_embeddings=shared, decoder_vocab_size=target)
    elif family == "pegasus":
        config |= dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    else:
        pad = draw.choice([1, 1, 4]) if config["model_type"] == "m2m_100" else 1
        config |= dict(pad_token_id=pad, eos_token_id=2, bos_token_id=0, decoder_start_token_id=2)
    config["forced_eos_token_id"] = draw.choice([None, config["eos_token_id"]])
    return config


def t5_like(family, draw):
    """Returns `config.json` of a model of the T5 family."""
    function = draw.choice(T5_ACTIVATIONS)
    gated = {"t5": function, "mt5": draw.choice(["gated-gelu", f"gated-{function}"])}
    buckets = draw.choice([4, 5, 7, 8, 12, 13, 32])
    config = dict(
        model_type=TYPES.get(family, family),
        vocab_size=draw.randint(80, 260),
        d_model=draw.choice([12, 15, 18, 20, 21, 24, 30, 33, 40]),
        d_kv=draw.choice([3, 4, 5, 6, 7, 8, 11]),
        d_ff=draw.randint(9, 70),
        num_layers=draw.randint(1, 4),
        num_decoder_layers=draw.choice([None, 1, 2, 3]),
        num_heads=draw.randint(1, 6),
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=draw.choice([buckets + 3, 20, 33, 64, 128]),
        feed_forward_proj=gated.get(family, draw.choice(["gated-gelu", "gated-gelu", f"gated-{function}"])),
        layer_norm_epsilon=draw.choice([1e-6, 1e-5, 1e-4]),
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    if family in ("t5-gated", "madlad"):
        config["tie_word_embeddings"] = False
    if family in ("mt5", "umt5") and draw.random() < 0.6:
        config["tie_word_embeddings"] = False
    return config


def generation(config, draw):
    """Returns generation settings with a few of everything that changes a search."""
    eos, vocab = config["eos_token_id"], config.get("decoder_vocab_size") or config["vocab_size"]
    plain = [token for token in range(5, vocab) if token not in (eos, config["pad_token_id"])]
    given = {
        "num_beams": draw.choice([4, 4, 4, 2, 3, 5]),
        "decoder_start_token_id": config["decoder_start_token_id"],
        "pad_token_id": config["pad_token_id"],
        "eos_token_id": draw.choice([eos, eos, eos, [eos, plain[3]]]),
        "length_penalty": draw.choice([1.0, 0.0, 0.6, 0.8, 1.4, 2.0, -0.5]),
        "early_stopping": draw.choice([True, False, False, "never"]),
        draw.choice(["max_length", "max_new_tokens"]): draw.choice([6, 17, 24, 31]),
    }
    some = {
        "no_repeat_ngram_size": draw.choice([1, 2, 3, 4]),
        draw.choice(["min_length", "min_new_tokens"]): draw.choice([2, 4, 9]),
        "repetition_penalty": draw.choice([1.1, 1.3, 0.9]),
        "forced_bos_token_id": draw.choice(plain),
        "forced_eos_token_id": draw.choice([eos, [eos]]),
        "bad_words_ids": [[config["pad_token_id"]], [draw.choice(plain)], draw.sample(plain, 2), draw.sample(plain, 3)],
        "suppress_tokens": draw.sample(plain, 5),
        "begin_suppress_tokens": draw.sample(plain, 5) + [eos],
        "renormalize_logits": True,
    }
    return given | {key: value for key, value in some.items() if draw.random() < 0.3}


def separate_heads(family, model, seed):
    """Gives a T5 a head of its own, as T5 1.1 has it; transformers makes every T5 with a tied one."""
    generator = torch.Generator().manual_seed(seed)
    head = 0.5 * torch.randn(model.lm_head.weight.shape, generator=generator)
    head[model.config.eos_token_id] *= 3
    model.lm_head.weight = torch.nn.Parameter(head)


def store(model, folder, how, head, draw):
    """Writes the tensors in one of the formats."""
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tied = model.config.tie_word_embeddings
    copies = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    shared = next((name for name in ("shared.weight", "model.shared.weight") if name in kept), None)
    if head == "lonely":  # MADLAD: a head, and the embedding under the decoder's name alone
        kept = {name: tensor for name, tensor in kept.items() if name not in ("shared.weight", copies[0])}
    elif tied and how.startswith("safetensors") and shared and draw.random() < 0.7:
        kept = {name: tensor for name, tensor in kept.items() if not name.endswith(copies)}
    if tied and head == "tied" and (how.startswith("safetensors") or draw.random() < 0.5):
        kept.pop("lm_head.weight", None)
    kept = {name: tensor for name, tensor in kept.items() if "embed_positions" not in name or learned(model.config)}
    if tied and head == "tied" and draw.random() < 0.15:  # as a model without its head is saved
        kept = {name.removeprefix("model."): tensor for name, tensor in kept.items() if name != "final_logits_bias"}
    dtype = torch.float16 if "f16" in how.split() else torch.bfloat16 if "bf16" in how else torch.float32
    kept = {name: tensor.to(dtype) for name, tensor in kept.items()}
    if "shards" in how:
        names = sorted(kept)
        parts = [names[: len(names) // 2], names[len(names) // 2 :]]
        stem, ending = ("model", "safetensors") if how.startswith("safetensors") else ("pytorch_model", "bin")
        files = [f"{stem}-{number:05}-of-00002.{ending}" for number in (1, 2)]
        weight_map = {name: file for file, part in zip(files, parts) for name in part}
        index = dict(metadata=dict(total_size=sum(t.numel() * t.element_size() for t in kept.values())))
        (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index | dict(weight_map=weight_map)))
        for file, part in zip(files, parts):
            write_file(folder / file, {name: kept[name] for name in part}, how)
    else:
        write_file(folder / ("model.safetensors" if how.startswith("safetensors") else "pytorch_model.bin"), kept, how)


def write_file(path, tensors, how):
    """Writes one weight file."""
    if how.startswith("safetensors"):
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=how.startswith("zip"))


def learned(config):
    """Returns true where positions are learned and therefore stored."""
    return config.model_type in ("bart", "mbart")


def load(folder, lonely):
    """Returns what transformers makes of the folder, in float32."""
    if lonely:
        return marian.load(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    model = marian.with_generation(model, folder)
    # transformers 5.23 makes a cache of as many layers as the encoder of a T5 has, and fails where the decoder has more.
    if (getattr(model.config, "num_decoder_layers", None) or 0) > model.config.num_hidden_layers:
        model.generation_config.use_cache = False
    return model


def is_varied(model):
    """Returns true where outputs differ from source to source, and are neither all empty nor all one token repeated."""
    generator = torch.Generator().manual_seed(3)
    sources = [marian.draw_source(model, length, generator) for length in range(2, 26, 2)]
    tokens, _ = marian.generate(model, sources, num_beams=1)
    lengths = sorted(map(len, tokens))
    distinct = sum(len(set(row)) for row in tokens) / len(tokens)
    return len({tuple(row) for row in tokens}) >= 7 and lengths[len(lengths) // 2] >= 4 and distinct >= 3


@torch.no_grad()
def is_steady(model):
    """Returns true where float32 leaves logits within a fifth of the tolerance of float64: else Python itself wavers."""
    generator = torch.Generator().manual_seed(5)
    exact = copy.deepcopy(model).double()
    vocabulary = model.get_output_embeddings().weight.shape[0]
    for length in (1, 9, 30, 60):
        source = torch.tensor([marian.draw_source(model, length, generator)])
        given = torch.randint(5, vocabulary - 1, (1, marian.FORCED_STEPS), generator=generator)
        given[0, 0] = model.config.decoder_start_token_id
        logits = [each(input_ids=source, decoder_input_ids=given).logits for each in (model, exact)]
        if (logits[0].double() - logits[1]).abs().max() > 2e-4:
            return False
    return True


def make(family, seed, folder):
    """Writes one checkpoint, drawn again until its outputs are varied and steady; returns how it was stored."""
    draw = random.Random(f"{family} {seed}")
    how = draw.choice(STORES + PICKLES)
    for attempt in range(60):
        config = bart_like(family, draw) if family in BART_LIKE else t5_like(family, draw)
        settings = generation(config, draw)
        if family in ("madlad", "t5-gated"):
            head = "lonely" if family == "madlad" else "own"
        else:
            head = "own" if family in ("mt5",) and draw.random() < 0.7 else "tied"
        model = build(config, seed * 100 + attempt, head)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        saved = config | dict(architectures=[type(model).__name__])
        if draw.random() < 0.3:  # as transformers 5 saves it
            saved = json.loads(model.config.to_json_string(use_diff=True)) | dict(architectures=[type(model).__name__])
        no_file = draw.random() < 0.2
        (folder / "config.json").write_text(json.dumps(saved | (settings if no_file else {}), indent=1))
        if not no_file:
            (folder / "generation_config.json").write_text(json.dumps(settings, indent=1))
        store(model, folder, how, head, draw)
        loaded = load(folder, head == "lonely")
        if is_varied(loaded) and is_steady(loaded):
            return f"{how}, head {head}", loaded
    raise SystemExit(f"{family} {seed}: no varied checkpoint")


def build(config, seed, head):
    """Returns a model of this configuration with drawn weights."""
    given = {key: value for key, value in config.items() if key != "model_type"}
    configuration = AutoConfig.for_model(config["model_type"], **given)
    torch.manual_seed(seed)
    model = AutoModelForSeq2SeqLM.from_config(configuration).eval()
    tiny.draw(model, seed, random.Random(seed).choice([1, 3, 5]))
    if head in ("own", "lonely"):
        separate_heads(config["model_type"], model, seed)
    return model


def main():
    """Reads the arguments and writes what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1, help="checkpoints of each family")
    parser.add_argument("--seed", type=int, default=1, help="of the first of them")
    parser.add_argument("--family", choices=BART_LIKE + T5_LIKE)
    given = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for seed in range(given.seed, given.seed + given.count):
        for family in [given.family] if given.family else BART_LIKE + T5_LIKE:
            folder = given.out / f"{family}-{seed}"
            how, model = make(family, seed, folder)
            print(folder.name, how, flush=True)
            marian.write_goldens(model, folder, SIZES)


if __name__ == "__main__":
    main()
