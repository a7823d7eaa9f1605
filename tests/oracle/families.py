"""The tiny random checkpoints of tests/goldens/families/: one or two of each architecture beside Marian.

Separate from tiny.py, whose `make` writes them, because goldens here are smaller: what a family shares with Marian is
tested there. Seeds, `eos_bias` and lengths were picked as there.
"""

from tiny import SMALL, beams

FEW_LAYERS = SMALL | dict(encoder_layers=2, max_position_embeddings=64)

T5 = dict(
    vocab_size=100,
    d_model=16,
    d_kv=6,
    d_ff=28,
    num_layers=2,
    num_heads=2,
    dropout_rate=0.0,
    pad_token_id=0,
    eos_token_id=1,
    decoder_start_token_id=0,
)
SHORT_DISTANCES = dict(relative_attention_num_buckets=8, relative_attention_max_distance=20)


def t5(kind, **more):
    """Returns the configuration of a T5 model."""
    return dict(model_type=kind) | T5 | more


def plain(**more):
    """Returns generation settings as T5 models have them."""
    given = dict(max_length=32, num_beams=4, pad_token_id=0, decoder_start_token_id=0, eos_token_id=1)
    return given | more


def entry(config, generation, seed, eos_bias=3, **more):
    """Returns a checkpoint with goldens of the usual size."""
    given = dict(config=config, generation=generation, store="safetensors", seed=seed, eos_bias=eos_bias)
    return given | dict(longest=56, encoder_sources=8, logit_sources=3, attention_sources=1) | more


FAMILIES = {
    "pegasus": entry(
        FEW_LAYERS
        | dict(model_type="pegasus", vocab_size=105, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
        | dict(forced_eos_token_id=1, activation_function="relu"),
        beams(0, 1, bos_token_id=None, length_penalty=0.8),
        seed=4,
    ),
    "mbart": entry(
        FEW_LAYERS
        | dict(model_type="mbart", vocab_size=115, pad_token_id=1, eos_token_id=2, bos_token_id=0)
        | dict(decoder_start_token_id=2, forced_eos_token_id=2, activation_function="gelu"),
        beams(1, 2, decoder_start_token_id=2, forced_bos_token_id=110, max_length=32),
        seed=9,
    ),
    # Settings as facebook/bart-large-cnn has them, shorter.
    "bart": entry(
        FEW_LAYERS
        | dict(model_type="bart", vocab_size=96, pad_token_id=1, eos_token_id=2, bos_token_id=0)
        | dict(decoder_start_token_id=2, forced_eos_token_id=2, activation_function="gelu", scale_embedding=False),
        beams(1, 2, decoder_start_token_id=2, forced_bos_token_id=0, bad_words_ids=None, max_length=30)
        | dict(min_length=8, no_repeat_ngram_size=3, length_penalty=2.0, early_stopping=True),
        seed=2,
    ),
    # Settings as facebook/nllb-200-distilled-600M has them: the target language is the forced first token.
    "m2m100": entry(
        FEW_LAYERS
        | dict(model_type="m2m_100", vocab_size=104, pad_token_id=1, eos_token_id=2, bos_token_id=0)
        | dict(decoder_start_token_id=2, activation_function="relu"),
        beams(1, 2, decoder_start_token_id=2, forced_bos_token_id=101, forced_eos_token_id=None, bad_words_ids=None)
        | dict(max_length=34),
        seed=3,
    ),
    # T5 1.0: one product in the feed-forward blocks, a tied and scaled head; sources beyond the largest distance.
    "t5": entry(
        t5("t5", feed_forward_proj="relu"), plain(max_length=40), seed=3, longest=150
    ),
    # T5 1.1, FLAN, MADLAD: gated, with a head of its own.
    "t5-gated": entry(
        t5("t5", feed_forward_proj="gated-gelu", tie_word_embeddings=False, **SHORT_DISTANCES),
        plain(length_penalty=1.2),
        seed=2,
        store="separate head",
    ),
    # Settings as csebuetnlp/mT5_multilingual_XLSum has them.
    "mt5": entry(
        t5("mt5", feed_forward_proj="gated-gelu", tie_word_embeddings=False, **SHORT_DISTANCES),
        plain(length_penalty=0.6, no_repeat_ngram_size=2),
        seed=5,
        store="separate head",
    ),
    "umt5": entry(
        t5("umt5", feed_forward_proj="gated-gelu", **SHORT_DISTANCES),
        plain(repetition_penalty=1.2),
        seed=4,
    ),
}
