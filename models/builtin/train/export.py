"""Writes a checkpoint as a Hugging Face Marian folder in f16.

usage: export.py WORK OUT [--checkpoint NAME ...]
Several checkpoints are averaged. The default is `annealed`, which train.py --anneal writes.
"""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import load_file, save_file

from model import sinusoids


PAD = 2


def pad_third(rows: list) -> list:
    """Moves the last of a vocabulary's rows, <pad>, to one id for both sides: transformers knows only one."""
    return rows[:PAD] + rows[-1:] + rows[PAD:-1]


def pad_last(rows: torch.Tensor) -> torch.Tensor:
    """Moves <pad> back to the end, where training has it."""
    return torch.cat([rows[:PAD], rows[PAD + 1 :], rows[PAD : PAD + 1]])


def hugging_face_names(weights: dict, shape: dict) -> dict:
    """Returns the weights under the names of transformers' MarianMTModel."""
    order = {
        side: torch.tensor(pad_third(list(range(len(weights[f"{side}.weight"]))))) for side in ("source", "target")
    }
    out = {
        "final_logits_bias": weights["bias"][order["target"]][None],
        "model.encoder.embed_tokens.weight": weights["source.weight"][order["source"]],
        "model.decoder.embed_tokens.weight": weights["target.weight"][order["target"]],
    }
    for side in ("encoder", "decoder"):
        out[f"model.{side}.embed_positions.weight"] = sinusoids(512, shape["d_model"])
    for name, weight in weights.items():
        if not name.startswith(("encoder.", "decoder.")):
            continue
        name = "model." + name.replace("coder.", "coder.layers.", 1)
        if ".inputs." in name:
            for part, block in zip("qkv", weight.chunk(3)):
                out[name.replace("inputs", f"{part}_proj")] = block
        else:
            out[name] = weight
    return out


def training_names(folder: pathlib.Path) -> dict:
    """Returns the weights of an exported folder under the names of model.py, in f32: what hugging_face_names undoes."""
    named = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    out = {"bias": pad_last(named.pop("final_logits_bias")[0])}
    for side, theirs in (("source", "encoder"), ("target", "decoder")):
        out[f"{side}.weight"] = pad_last(named.pop(f"model.{theirs}.embed_tokens.weight"))
    for name, weight in named.items():
        ours = name.removeprefix("model.").replace(".layers", "")
        if ".q_proj." in ours:
            parts = [named[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            out[ours.replace("q_proj", "inputs")] = torch.cat(parts)
        elif ".k_proj." not in ours and ".v_proj." not in ours and "embed_positions" not in ours:
            out[ours] = weight
    return out


def settings(shape: dict, source: int, target: int) -> tuple[dict, dict, dict]:
    """Returns config.json, generation_config.json and tokenizer_config.json."""
    ends = dict(bos_token_id=0, eos_token_id=0, forced_eos_token_id=0, pad_token_id=PAD, decoder_start_token_id=PAD)
    config = dict(
        architectures=["MarianMTModel"],
        model_type="marian",
        dtype="float16",
        d_model=shape["d_model"],
        vocab_size=source,
        decoder_vocab_size=target,
        share_encoder_decoder_embeddings=False,
        tie_word_embeddings=True,
        activation_function="relu",
        normalize_before=False,
        normalize_embedding=False,
        add_final_layer_norm=False,
        scale_embedding=True,
        static_position_embeddings=True,
        max_position_embeddings=512,
        is_encoder_decoder=True,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        use_cache=True,
        **ends,
    )
    for side in ("encoder", "decoder"):
        config |= {
            f"{side}_layers": shape[f"{side}_layers"],
            f"{side}_ffn_dim": shape["ffn"],
            f"{side}_attention_heads": shape["heads"],
        }
    generation = dict(
        bad_words_ids=[[PAD], [1]], max_length=512, num_beams=4, length_penalty=1.0, renormalize_logits=True, **ends
    )
    tokenizer = dict(
        source_lang="ar",
        target_lang="en",
        model_max_length=512,
        separate_vocabs=True,
        tokenizer_class="MarianTokenizer",
    )
    return config, generation, tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--checkpoint", nargs="+", default=["annealed"])
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    states = [torch.load(args.work / f"{name}.pt", weights_only=False) for name in args.checkpoint]
    weights = {k: sum(s["model"][k] for s in states) / len(states) for k in states[0]["model"]}
    shape = states[0]["config"]["model"]
    named = hugging_face_names(weights, shape)
    save_file(
        {k: v.half().contiguous().clone() for k, v in named.items()}, args.out / "model.safetensors", {"format": "pt"}
    )
    files = ("config.json", "generation_config.json", "tokenizer_config.json")
    for name, table in zip(files, settings(shape, len(weights["source.weight"]), len(weights["target.weight"]))):
        (args.out / name).write_text(json.dumps(table, indent=2) + "\n")
    for name in ("source.spm", "target.spm"):
        shutil.copy(args.work / name, args.out / name)
    for name in ("vocab.json", "target_vocab.json"):
        pieces = pad_third(sorted(vocabulary := json.loads((args.work / name).read_text()), key=vocabulary.get))
        (args.out / name).write_text(
            json.dumps({p: i for i, p in enumerate(pieces)}, ensure_ascii=False), encoding="utf-8"
        )
    (args.out / "model.safetensors").chmod(0o644)
    print(f"{args.out}: {states[0]['place']['tokens'] / 1e6:.1f} M target pieces seen")


if __name__ == "__main__":
    main()
