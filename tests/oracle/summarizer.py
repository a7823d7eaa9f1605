"""Trains the tiny summarizer of tests/goldens/summarizer/: a BART that writes the first sentence of what it reads.

Separate from families.py because random weights write nothing that could be judged; what this one ought to write is
known for any text. Tokenizer: tests/goldens/tokenizer/bart. About five minutes on one core.

    python tests/oracle/summarizer.py tests/links/articles.txt     a file of English lines to train on
"""

import random
import sys
from pathlib import Path

import torch
from transformers import BartConfig, BartForConditionalGeneration, BartTokenizer, GenerationConfig

GOLDENS = Path(__file__).parent.parent / "goldens"
POSITIONS, STEPS, BATCH, LONGEST = 256, 6000, 24, 96
FULL_STOP = 18

CONFIG = BartConfig(
    vocab_size=330,
    d_model=48,
    encoder_layers=1,
    decoder_layers=2,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=64,
    decoder_ffn_dim=96,
    max_position_embeddings=POSITIONS,
    dropout=0.0,
    attention_dropout=0.0,
    scale_embedding=False,
    pad_token_id=1,
    bos_token_id=0,
    eos_token_id=2,
    decoder_start_token_id=2,
    forced_eos_token_id=2,
    task_specific_params={"summarization": {"max_length": 100, "num_beams": 2, "length_penalty": 1.0, "prefix": " "}},
)


def waves(rows, width):
    """Returns sinusoids: positions of both sides begin alike, so that copying is soon found."""
    place = torch.arange(rows)[:, None]
    rate = torch.exp(torch.arange(0, width, 2) * -(torch.log(torch.tensor(300.0)) / width))
    return torch.cat([torch.sin(place * rate), torch.cos(place * rate)], dim=1)


def model():
    torch.manual_seed(7)
    made = BartForConditionalGeneration(CONFIG)
    with torch.no_grad():
        for side in (made.model.encoder, made.model.decoder):
            side.embed_positions.weight.copy_(waves(POSITIONS + 2, CONFIG.d_model))
        made.model.shared.weight.mul_(15)
    return made


def first_sentences(tokenizer, lines, count):
    """Returns pairs of a source and its first sentence, as token ids."""
    pairs = []
    for _ in range(count):
        text = " " + " ".join(random.sample(lines, 3))
        ids = tokenizer(text, add_special_tokens=False).input_ids[: POSITIONS - 4]
        if random.random() < 0.5:
            # Any tokens but full stops: what is learned must be to copy, whatever the language.
            ids = [id if id == FULL_STOP else random.randrange(4, CONFIG.vocab_size) for id in ids]
        if FULL_STOP in ids[:LONGEST] and ids.index(FULL_STOP) > 2:
            pairs.append(([0, *ids, 2], [0, *ids[: ids.index(FULL_STOP) + 1], 2]))
    return pairs


def padded(rows, with_):
    longest = max(map(len, rows))
    return torch.tensor([row + [with_] * (longest - len(row)) for row in rows])


def train(made, tokenizer, lines):
    optimizer = torch.optim.AdamW(made.parameters(), lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, STEPS)
    for step in range(STEPS):
        pairs = first_sentences(tokenizer, lines, BATCH)
        source = padded([source for source, _ in pairs], 1)
        labels = padded([target for _, target in pairs], -100)
        loss = made(input_ids=source, attention_mask=(source != 1).long(), labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(step, round(loss.item(), 4), flush=True)
            if loss.item() < 0.001 and step > 2000:
                break


def main(paths):
    random.seed(7)
    torch.set_num_threads(1)
    tokenizer = BartTokenizer.from_pretrained(GOLDENS / "tokenizer" / "bart")
    lines = [line.strip() for path in paths for line in Path(path).read_text().splitlines() if line.strip()]
    lines = [line if line.endswith(".") else line + "." for line in lines if len(line) < 200]
    made = model()
    train(made, tokenizer, lines)
    folder = GOLDENS / "summarizer"
    made.half().save_pretrained(folder)
    GenerationConfig(decoder_start_token_id=2, eos_token_id=2, forced_eos_token_id=2, max_length=100).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
