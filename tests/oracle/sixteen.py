"""What 16 bits leave of a checkpoint's encoder states and logits in PyTorch, as the root mean square of the error over theirs.

usage: sixteen.py tests/goldens/marian
       sixteen.py tests/goldens/families

Prints the rows of `SIXTEEN_BITS` in `tests/device.rs`: f16 and bf16, encoder states and logits.
"""
import json, os, sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForSeq2SeqLM


def errors(folder, dtype):
    golden, tensors = json.load(open(f"{folder}/golden.json")), load_file(f"{folder}/golden.safetensors")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=dtype).eval()
    sources = [torch.tensor([row["source"]]) for row in golden["sources"]]
    with torch.no_grad():
        pairs = {
            "encoder": [(model.get_encoder()(sources[int(name[8:])]).last_hidden_state[0].float(), want)
                        for name, want in tensors.items() if name.startswith("encoder.")],
            "logits": [(model(input_ids=sources[forced["source"]],
                              decoder_input_ids=torch.tensor([forced["decoder_input_ids"]])).logits[0].float(),
                        tensors[f"logits.{forced['source']}"]) for forced in golden["teacher_forced"]]}
    squares = lambda tensors: sum((tensor ** 2).sum().item() for tensor in tensors)
    return [(squares(got - want for got, want in of) / squares(want for _, want in of)) ** 0.5 for of in pairs.values()]


for name in sorted(os.listdir(sys.argv[1])):
    found = [errors(f"{sys.argv[1]}/{name}", dtype) for dtype in (torch.float16, torch.bfloat16)]
    print(name, *(f"[{encoder:.4f}, {logits:.4f}]" for encoder, logits in found))
