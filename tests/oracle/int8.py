"""The error that int8 has by itself: logits of the goldens with quantized weights and inputs, in PyTorch.

usage: int8.py

Prints, for each golden with the given decoder inputs, the root mean square of (int8 logits - f32 logits) over that of the
f32 logits. Weights have one scale an output, inputs one a row, both symmetric in -127..127, as in src/engine/kernels/integer.rs;
the last product of T5's feed-forward blocks stays in f32, as there. Keys and values of a source are kept in as many steps, with a scale
for each position and head, as in src/engine/kernels/attention.rs, the decoder's own in bf16; those of T5 stay in f32.
"""

import copy
import json
from pathlib import Path

import torch
import marian


def quantized(values):
    """Returns the values rounded to 255 steps along the last dimension."""
    scale = values.abs().amax(-1, keepdim=True).clamp(min=1e-20) / 127
    return (values / scale).round().clamp(-127, 127) * scale


def kept(heads):
    """Returns a hook that rounds a layer's output as it is kept: by position and head."""
    return lambda _, inputs, output: quantized(output.unflatten(-1, (heads, -1))).flatten(-2)


def main():
    goldens = Path(__file__).parent.parent / "goldens"
    for config in sorted([*goldens.glob("marian/*/config.json"), *goldens.glob("families/*/config.json")]):
        exact = marian.load(config.parent)
        coarse = copy.deepcopy(exact)
        for name, layer in coarse.named_modules():
            if isinstance(layer, torch.nn.Linear) and not name.endswith("DenseReluDense.wo"):
                layer.weight = torch.nn.Parameter(quantized(layer.weight.data))
                layer.register_forward_pre_hook(lambda _, inputs: (quantized(inputs[0]),))
            if name.endswith(("encoder_attn.k_proj", "encoder_attn.v_proj")):
                layer.register_forward_hook(kept(exact.config.decoder_attention_heads))
            if ".decoder." in name and name.endswith(("self_attn.k_proj", "self_attn.v_proj")):
                layer.register_forward_hook(lambda _, inputs, output: output.bfloat16().float())
        golden = json.loads((config.parent / "golden.json").read_text())
        errors = power = 0.0
        for forced in golden["teacher_forced"]:
            source = torch.tensor([golden["sources"][forced["source"]]["source"]])
            inputs = torch.tensor([forced["decoder_input_ids"]])
            with torch.no_grad():
                want = exact(input_ids=source, decoder_input_ids=inputs).logits
                got = coarse(input_ids=source, decoder_input_ids=inputs).logits
            errors, power = errors + (got - want).square().sum(), power + want.square().sum()
        print(f"{config.parent.name} {(errors / power).sqrt().item():.4f}")


if __name__ == "__main__":
    main()
