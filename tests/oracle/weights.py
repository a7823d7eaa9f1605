"""Writes the same small tensors in every weight format that PyTorch and safetensors have, with their values as JSON.

    weights.py tests/goldens/weights

README.md beside this file lists the folders. Covers element types, scalars, empty tensors, views that are not
contiguous, storages that several tensors share, parameters, and the `_metadata` attribute of a module's state dict.
"""

import argparse
import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file


def tensors():
    """Returns a state dict as a module gives it, and more than a module would hold."""
    torch.manual_seed(3)
    module = torch.nn.Linear(3, 5)
    state = module.state_dict()  # with `_metadata`
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8
    state["base"] = base
    state["transposed"] = base.t()
    state["column"] = base[:, 2]
    state["inner"] = base[1:3, 2:6:2]
    state["same"] = base
    state["parameter"] = torch.nn.Parameter(torch.randn(2, 3))
    for name in ("float64", "float16", "bfloat16"):
        state[name] = torch.randn(3, 4).to(getattr(torch, name))
    state["float16 transposed"] = torch.randn(3, 4).half().t()
    for name in ("int64", "int32", "int16", "int8"):
        state[name] = torch.tensor([[-3, 100], [7, -128]], dtype=getattr(torch, name))
    state["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 4)
    state["large number"] = torch.full((300,), 70000.0)
    return state


def main():
    """Writes all folders below the one given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    state = tensors()
    for name in ("safetensors", "zip", "legacy", "shards", "whole-module"):
        (out / name).mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}
    save_file(plain, out / "safetensors/model.safetensors")
    (out / "safetensors/model.safetensors").chmod(0o644)
    torch.save(state, out / "zip/pytorch_model.bin")
    torch.save(state, out / "legacy/pytorch_model.bin", _use_new_zipfile_serialization=False)
    halves = [OrderedDict(list(state.items())[:9]), OrderedDict(list(state.items())[9:])]
    weight_map = {}
    for number, part in enumerate(halves, 1):
        file = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save(part, out / "shards" / file, _use_new_zipfile_serialization=number == 1)
        weight_map |= {name: file for name in part}
    index = json.dumps({"metadata": {}, "weight_map": weight_map}, indent=1)
    (out / "shards/pytorch_model.bin.index.json").write_text(index + "\n")
    values = {
        name: {"shape": list(tensor.shape), "values": tensor.float().flatten().tolist()}
        for name, tensor in plain.items()
    }
    (out / "expected.json").write_text(json.dumps(values) + "\n")
    # A whole module: loading it in Python would run the classes it names.
    torch.save(torch.nn.Linear(2, 2), out / "whole-module/pytorch_model.bin", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
