"""A lean Marian (post-norm transformer) for training: fused projections, no wasted masks, a one-pass loss for CPUs.

Separate from train.py so that export.py can name its parameters as Hugging Face does. Shapes: (batch, length, width).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Returns Marian's positions: sines in the first half of the width, cosines in the second. (length, width)"""
    steps = torch.arange(length, dtype=torch.float64)[:, None]
    angles = steps / 10000 ** (2 * torch.arange(width // 2, dtype=torch.float64) / width)
    return torch.cat([angles.sin(), angles.cos()], 1).float()


class Attention(nn.Module):
    """Multi-head attention; queries, keys and values are one matrix (self) or queries apart from the rest (cross)."""

    def __init__(self, width: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.heads, self.cross = heads, cross
        self.inputs = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def _split(self, x: torch.Tensor, parts: int) -> tuple[torch.Tensor, ...]:
        batch, length, width = x.shape
        return x.view(batch, length, parts, self.heads, width // parts // self.heads).permute(2, 0, 3, 1, 4).unbind(0)

    def forward(self, x, memory, mask, drop=0.0, weigh=False):
        """Returns the attended values (batch, queries, width) and, where asked, the weights (batch, heads, queries, keys).

        `mask` is true at the keys that may be seen, (batch, 1, 1, keys); None stands for causal attention.
        """
        if self.cross:
            width = x.shape[-1]
            (q,) = self._split(F.linear(x, self.inputs.weight[:width], self.inputs.bias[:width]), 1)
            k, v = self._split(F.linear(memory, self.inputs.weight[width:], self.inputs.bias[width:]), 2)
        else:
            q, k, v = self._split(self.inputs(x), 3)
        weights = None
        if weigh:
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)
            weights = torch.softmax(scores.float().masked_fill(~mask, -1e9), -1)
            mixed = weights.to(v.dtype) @ v
        else:
            drop = drop if self.training else 0.0
            mixed = F.scaled_dot_product_attention(q, k, v, mask, dropout_p=drop, is_causal=mask is None)
        return self.out_proj(mixed.transpose(1, 2).reshape(x.shape)), weights


class Layer(nn.Module):
    """One post-norm layer of the encoder, or of the decoder where `cross` is set."""

    def __init__(self, width: int, ffn: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = Attention(width, heads, False), nn.LayerNorm(width)
        if cross:
            self.encoder_attn, self.encoder_attn_layer_norm = Attention(width, heads, True), nn.LayerNorm(width)
        self.fc1, self.fc2, self.final_layer_norm = nn.Linear(width, ffn), nn.Linear(ffn, width), nn.LayerNorm(width)

    def forward(self, x, mask, memory=None, memory_mask=None, drop=0.0, weigh=False):
        """Returns the layer's output and, where asked, its cross-attention weights."""
        weights = None

        def add(x, y):
            return x + F.dropout(y, drop, self.training) if drop else x + y

        x = self.self_attn_layer_norm(add(x, self.self_attn(x, x, mask, drop)[0]))
        if memory is not None:
            y, weights = self.encoder_attn(x, memory, memory_mask, drop, weigh)
            x = self.encoder_attn_layer_norm(add(x, y))
        return self.final_layer_norm(add(x, self.fc2(torch.relu(self.fc1(x))))), weights


class SmoothedLoss(torch.autograd.Function):
    """Label-smoothed cross-entropy over a tied output layer; its gradients are made in the forward pass, by chunks."""

    @staticmethod
    def forward(ctx, hidden, table, bias, gold, smoothing, chunk=512):
        count, total = gold.numel(), 0.0
        grad_hidden, grad_table, grad_bias = torch.empty_like(hidden), torch.zeros_like(table), torch.zeros_like(bias)
        for start in range(0, count, chunk):
            rows, targets = hidden[start : start + chunk], gold[start : start + chunk, None]
            scores = torch.addmm(bias, rows, table.t())
            picked = (1 - smoothing) * scores.gather(1, targets).sum() + smoothing * scores.mean(1).sum()
            norm = scores.logsumexp(1, keepdim=True)
            total += float(norm.sum() - picked)
            grad = scores.sub_(norm).exp_().sub_(smoothing / len(bias))
            grad.scatter_add_(1, targets, torch.full_like(norm, smoothing - 1)).div_(count)
            torch.mm(grad, table, out=grad_hidden[start : start + chunk])
            grad_table.addmm_(grad.t(), rows)
            grad_bias += grad.sum(0)
        ctx.save_for_backward(grad_hidden, grad_table, grad_bias)
        return hidden.new_tensor(total / count)

    @staticmethod
    def backward(ctx, scale):
        return *(grad * scale for grad in ctx.saved_tensors), None, None, None


class Marian(nn.Module):
    """The translation model; `shape` is the [model] table of config.toml."""

    def __init__(self, shape: dict, source: int, target: int) -> None:
        super().__init__()
        width, sizes = shape["d_model"], (shape["d_model"], shape["ffn"], shape["heads"])
        self.source, self.target = nn.Embedding(source, width), nn.Embedding(target, width)
        self.bias = nn.Parameter(torch.zeros(target))
        self.encoder = nn.ModuleList(Layer(*sizes, False) for _ in range(shape["encoder_layers"]))
        self.decoder = nn.ModuleList(Layer(*sizes, True) for _ in range(shape["decoder_layers"]))
        self.register_buffer("positions", sinusoids(512, width), persistent=False)
        self.scale = math.sqrt(width)
        for table in (self.source, self.target):
            nn.init.normal_(table.weight, std=width**-0.5)
        for layer in [*self.encoder, *self.decoder]:
            self._start(layer, (2 * shape["encoder_layers"]) ** -0.5)

    @staticmethod
    def _start(layer: Layer, branch: float) -> None:
        """Xavier, with the branches' outputs made small: post-norm layers then begin near the identity."""
        for name, weight in layer.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(weight)
            elif "inputs" in name:
                for block in weight.data.chunk(3):
                    nn.init.xavier_uniform_(block)
            elif weight.dim() > 1:
                nn.init.xavier_uniform_(weight, gain=branch if name.startswith("fc2") or "out_proj" in name else 1.0)

    def embed(self, table, ids, drop):
        x = table(ids) * self.scale + self.positions[: ids.shape[1]]
        return F.dropout(x, drop, self.training) if drop else x

    def forward(self, source, source_mask, shifted, drop=0.0):
        """Returns the decoder's states (batch, length, width) and the guided head's weights (batch, length, source)."""
        mask = source_mask[:, None, None]
        memory = self.embed(self.source, source, drop)
        for layer in self.encoder:
            memory, _ = layer(memory, mask, drop=drop)
        x, weights = self.embed(self.target, shifted, drop), None
        for layer in self.decoder:
            x, weights = layer(x, None, memory, mask, drop, weigh=layer is self.decoder[-1])
        return x, weights[:, 0]
