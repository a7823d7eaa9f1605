"""Makes the tiny random checkpoints of tests/goldens/marian/ and, by families.py, of tests/goldens/families/.

Separate from marian.py, which writes the goldens of any checkpoint, so that goldens never depend on how the checkpoint
was made: marian.py reads each folder back from disk.

Seeds and `eos_bias` were picked so that outputs vary with the source, end at varied lengths and some reach the maximum.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSeq2SeqLM, GenerationConfig

SMALL = dict(
    d_model=16,
    encoder_layers=3,
    decoder_layers=2,
    encoder_attention_heads=2,
    decoder_attention_heads=4,
    encoder_ffn_dim=32,
    decoder_ffn_dim=48,
    max_position_embeddings=160,
    scale_embedding=True,
    dropout=0.0,
)


def marian(vocab, eos=0, **more):
    """Returns the configuration of a Marian model whose last id is the padding and the decoder start."""
    pad = vocab - 1
    given = dict(model_type="marian", vocab_size=vocab, decoder_vocab_size=vocab, pad_token_id=pad)
    given |= dict(decoder_start_token_id=pad, eos_token_id=eos, bos_token_id=0, forced_eos_token_id=eos)
    return SMALL | given | dict(normalize_before=False, normalize_embedding=False, static_position_embeddings=True) | more


def beams(pad, eos, **more):
    """Returns generation settings as OPUS-MT conversions have them, short."""
    given = dict(max_length=40, num_beams=4, pad_token_id=pad, decoder_start_token_id=pad, eos_token_id=eos)
    return given | dict(bos_token_id=0, forced_eos_token_id=eos, bad_words_ids=[[pad]]) | more


# Per checkpoint: configuration, generation settings (None: no generation_config.json, as in 2020), how the weights are
# stored, and how they are drawn.
CHECKPOINTS = {
    "post-swish-shared": dict(
        config=marian(120, activation_function="swish"),
        generation=beams(119, 0),
        store="safetensors",
        seed=1,
        eos_bias=3,
    ),
    # MarianMTModel reads neither normalize_before, add_final_layer_norm nor normalize_embedding: it is post-norm always.
    "ignored-pre-norm-relu": dict(
        config=marian(
            130,
            eos=1,
            activation_function="relu",
            d_model=24,
            encoder_attention_heads=3,
            encoder_layers=2,
            decoder_layers=1,
            normalize_before=True,
            add_final_layer_norm=True,
            normalize_embedding=True,
            scale_embedding=False,
        ),
        generation=beams(129, 1, num_beams=6, length_penalty=0.8, renormalize_logits=True),
        store="safetensors",
        seed=8,
        eos_bias=3,
    ),
    "separate-vocabs": dict(
        config=marian(
            150,
            decoder_vocab_size=97,
            share_encoder_decoder_embeddings=False,
            activation_function="gelu",
            pad_token_id=96,
            decoder_start_token_id=96,
            encoder_layers=2,
            decoder_layers=3,
            forced_eos_token_id=None,
        ),
        generation=beams(96, 0, forced_eos_token_id=None, max_length=30, early_stopping=True),
        store="safetensors",
        seed=5,
        eos_bias=3,
    ),
    "separate-vocabs-untied": dict(
        config=marian(
            110,
            eos=2,
            decoder_vocab_size=95,
            share_encoder_decoder_embeddings=False,
            tie_word_embeddings=False,
            activation_function="swish",
            pad_token_id=94,
            decoder_start_token_id=94,
            encoder_layers=2,
            decoder_layers=1,
            decoder_attention_heads=2,
        ),
        generation=beams(94, 2, length_penalty=1.4, no_repeat_ngram_size=3),
        store="safetensors shards",
        seed=7,
        eos_bias=3,
    ),
    "legacy-pickle": dict(
        config=marian(100, activation_function="swish", max_length=36, num_beams=4, bad_words_ids=[[99]]),
        generation=None,
        store="legacy pickle",
        seed=2,
        eos_bias=3,
    ),
    "zip-f16-stale-head": dict(
        config=marian(140, eos=25, activation_function="relu", encoder_layers=2, decoder_layers=2),
        generation=beams(139, 25, renormalize_logits=True),
        store="zip pickle f16, stale head",
        seed=5,
        eos_bias=6,
    ),
}


def draw(model, seed, eos_bias):
    """Draws every parameter anew, so that outputs vary by source and step and often end by themselves.

    Plain random models repeat one token for ever. What breaks the loop: sharp attention in the decoder (in the encoder it
    would only magnify rounding, until float32 differs from float64 by more than the tolerance), norms of random sign in the
    decoder (a tied head would favour the token just read), and a long end-of-sentence row, whose logit then varies most.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        if "embed_positions" in name and model.config.model_type not in ("bart", "mbart"):
            continue  # sinusoidal
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in name and name.endswith("weight"):
            centre = torch.sign(noise) if "decoder" in name else 1.0
            parameter.data = 1.2 * centre + 0.2 * noise
        elif name.endswith("bias"):
            parameter.data = 0.2 * noise
        elif "relative_attention_bias" in name:
            parameter.data = noise
        elif "shared" in name or "embed" in name or "lm_head" in name:
            parameter.data = 0.6 * noise
            if parameter.shape[0] > model.config.eos_token_id and "positions" not in name:
                parameter.data[model.config.eos_token_id] *= 4
        else:
            sharp = any(part in name for part in ("q_proj", "k_proj", "Attention.q.", "Attention.k."))
            gain = (3.0 if "decoder" in name else 1.4) if sharp else 1.1
            parameter.data = noise * gain / parameter.shape[1] ** 0.5
            if "Attention.q." in name:
                parameter.data /= model.config.d_kv**0.5  # T5 does not scale its scores
    model.tie_weights()
    if not hasattr(model, "final_logits_bias"):
        return
    model.final_logits_bias = 0.5 * torch.randn(model.final_logits_bias.shape, generator=generator)
    model.final_logits_bias[0, model.config.eos_token_id] = eos_bias


def state_dict(model, generator, stale_head):
    """Returns the tensors as conversions of 2020 stored them: position tables and tied copies included."""
    state = dict(model.state_dict())
    state.pop("lm_head.weight")
    if stale_head:
        state = {name: tensor.half() for name, tensor in state.items()}
        shared = state["model.shared.weight"]
        state |= {f"model.{side}.embed_tokens.weight": shared for side in ("encoder", "decoder")}
        state["lm_head.weight"] = torch.randn(shared.shape, generator=generator).half()
    return state


def write_separate_head(model, entry, folder):
    """Writes a T5 whose head is not its embedding, and whose embedding goes by the decoder's name alone, as MADLAD's."""
    generator = torch.Generator().manual_seed(entry["seed"] + 200)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items() if "shared" not in name}
    head = 0.4 * torch.randn(state.pop("lm_head.weight").shape, generator=generator)
    head[model.config.eos_token_id] *= 3
    state.pop("encoder.embed_tokens.weight")
    save_file(state | {"lm_head.weight": head}, folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)  # safetensors makes its files private


def make(entry, folder: Path):
    """Writes the checkpoint that an entry of CHECKPOINTS describes into `folder`."""
    config = dict(entry["config"])
    configuration = AutoConfig.for_model(config.pop("model_type"), **config)
    torch.manual_seed(entry["seed"])
    model = AutoModelForSeq2SeqLM.from_config(configuration).eval()
    draw(model, entry["seed"], entry["eos_bias"])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    configuration.architectures = [type(model).__name__]
    settings = configuration.to_diff_dict() | entry["config"]
    (folder / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    if entry["generation"]:
        text = json.dumps(entry["generation"], indent=2, sort_keys=True)
        (folder / "generation_config.json").write_text(text + "\n")
    store = entry["store"]
    if store == "separate head":
        write_separate_head(model, entry, folder)
        return
    if store.startswith("safetensors"):
        model.generation_config = GenerationConfig()
        written = {path.name: path.read_bytes() for path in folder.iterdir()}  # save_pretrained writes its own
        model.save_pretrained(folder, max_shard_size="40KB" if "shards" in store else "1GB")
        for file in ("config.json", "generation_config.json"):
            (folder / file).write_bytes(written[file])
        for file in folder.glob("*.safetensors"):
            file.chmod(0o644)  # safetensors makes its files private
        return
    generator = torch.Generator().manual_seed(entry["seed"] + 100)
    state = state_dict(model, generator, "stale" in store)
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization="zip" in store)
