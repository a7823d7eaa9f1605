"""What rounding the weights and inputs of every product costs: the floor of a precision, in PyTorch.

usage: rounding.py MODEL SOURCE [--sentences N]

MODEL is a folder with a Marian model, SOURCE has one sentence a line. Each row rounds the weights and inputs of all linear layers along their inputs and
computes in f32. Prints, in Markdown, the root mean square error of a logit and the share of tokens that stay the best, both with
the output of f32 given, and the share of sentences that greedy search leaves as they are. Needs transformers.
"""

import argparse
from pathlib import Path

import torch
import transformers


def steps(values, levels, block=None):
    """Returns the values as multiples of their largest over `levels`, along the last dimension or blocks of it."""
    rows = values.unflatten(-1, (-1, block)) if block else values
    scale = rows.abs().amax(-1, keepdim=True).clamp_min(1e-30) / levels
    return ((rows / scale).round() * scale).reshape(values.shape)


def within_32_bits(values):
    """Returns the values in 16 bits, a row at most 46,335 steps long, so that sums of products stay in 32 bits."""
    longest = values.norm(dim=-1, keepdim=True) / (46_335 - 0.5 * values.shape[-1] ** 0.5)
    scale = torch.maximum(longest, values.abs().amax(-1, keepdim=True) / 32_767).clamp_min(1e-30)
    return (values / scale).round() * scale


def bits(count):
    """Returns what rounds to so many bits."""
    return lambda values: steps(values, 2.0 ** (count - 1) - 1)


def same(values):
    """Returns the values."""
    return values


def through(dtype):
    """Returns what rounds to a type."""
    return lambda values: values.to(dtype).float()


def blocks(values):
    """Returns the values in 8 bits, with a scale for each 64."""
    return steps(values, 127, 64)


ROWS = {
    "8 bits": (bits(8), bits(8)),
    "8 bits, a scale for each 64 values": (blocks, blocks),
    "8 bits for weights, inputs exact": (bits(8), same),
    "bf16": (through(torch.bfloat16), through(torch.bfloat16)),
    "10 bits": (bits(10), bits(10)),
    "12 bits": (bits(12), bits(12)),
    "f16": (through(torch.float16), through(torch.float16)),
    "14 bits": (bits(14), bits(14)),
    "16 bits within 32-bit sums": (within_32_bits, within_32_bits),
}


class Model:
    """A model and the sentences it is tried on."""

    def __init__(self, folder, lines):
        tokenizer = transformers.MarianTokenizer.from_pretrained(folder)
        self.model = transformers.MarianMTModel.from_pretrained(folder, dtype=torch.float32).eval()
        # The projection shares its weights with the embedding, which is not rounded.
        self.model.lm_head.weight = torch.nn.Parameter(self.model.lm_head.weight.data.clone())
        parts = [lines[i : i + 25] for i in range(0, len(lines), 25)]
        self.batches = [tokenizer(part, return_tensors="pt", padding=True) for part in parts]
        self.exact = self.outputs()
        self.logits = self.forced()

    def outputs(self):
        """Returns the tokens of greedy search."""
        with torch.no_grad():
            return [self.model.generate(**batch, num_beams=1, max_length=100) for batch in self.batches]

    def forced(self):
        """Returns the logits where the outputs of f32 are given, each row less its mean."""
        found = []
        with torch.no_grad():
            for batch, output in zip(self.batches, self.exact):
                logits = self.model(**batch, decoder_input_ids=output[:, :-1]).logits
                found.append(logits[output[:, 1:] != self.model.config.pad_token_id])
        logits = torch.cat(found)
        return logits - logits.mean(-1, keepdim=True)

    def measure(self, weights, inputs):
        """Returns error, share of best tokens and share of sentences that stay."""
        layers = [layer for layer in self.model.modules() if isinstance(layer, torch.nn.Linear)]
        kept = [layer.weight.data for layer in layers]
        hooks = [layer.register_forward_pre_hook(lambda _, given: (inputs(given[0]),)) for layer in layers]
        for layer in layers:
            layer.weight.data = weights(layer.weight.data)
        logits, outputs = self.forced(), self.outputs()
        for layer, weight, hook in zip(layers, kept, hooks):
            layer.weight.data = weight
            hook.remove()
        error = (logits - self.logits).square().mean().sqrt().item()
        agree = (logits.argmax(-1) == self.logits.argmax(-1)).float().mean().item()
        pad = self.model.config.pad_token_id
        rows = lambda batches: [[token for token in row.tolist() if token != pad] for batch in batches for row in batch]
        before, after = rows(self.exact), rows(outputs)
        return error, agree, sum(a == b for a, b in zip(before, after)) / len(before)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--sentences", type=int, default=300)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    model = Model(options.model, options.source.read_text("utf-8").splitlines()[: options.sentences])
    print("| rounded to | error of a logit | same token | identical sentences |\n| --- | ---: | ---: | ---: |")
    for name, (weights, inputs) in ROWS.items():
        error, agree, same_sentences = model.measure(weights, inputs)
        print(f"| {name} | {error:.4f} | {agree:.2%} | {same_sentences:.1%} |", flush=True)


if __name__ == "__main__":
    main()
