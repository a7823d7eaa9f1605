"""Trains the model: resumable, scheduled by tokens; with --anneal, cools a copy down for export.

usage: train.py WORK [--dev PREFIX] [--until TOKENS]     train on, from WORK/state.pt if it is there
       train.py WORK --anneal TOKENS                     decay the rate to nothing on a copy: WORK/annealed.pt
       train.py WORK --begin FOLDER --seen TOKENS ...    begin with the weights of an exported model, where no checkpoint is
Runs on a GPU where PyTorch sees one, else on the CPU. The same command resumes; SIGTERM saves and ends. Time is spent
in steps only: a paused run loses nothing. WORK/train.log holds the curve.
"""

import argparse
import collections
import concurrent.futures
import itertools
import math
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import tomllib

# Big tensors come back from the heap instead of being mapped anew, page by page, at each step.
HEAP = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 28),
    "MALLOC_ARENA_MAX": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    # At low priority a thread waits often for one that was put aside: let it sleep instead of spinning.
    "GOMP_SPINCOUNT": "5000",
}
if __name__ == "__main__" and os.environ.get("MALLOC_MMAP_THRESHOLD_") is None:
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | HEAP)

import numpy as np
import torch
import torch.nn.functional as F

import text
from export import training_names
from model import Marian, SmoothedLoss
from stream import EOS, Stream

HERE = pathlib.Path(__file__).parent


# Polynomials that pull all singular values to 1 fastest (Polar Express, Amsel et al. 2025), one a round.
POLAR = [
    (8.28721, -23.59589, 17.30039),
    (4.10706, -2.94785, 0.54484),
    (3.94869, -2.90890, 0.55182),
    (3.31842, -2.48849, 0.51005),
]


def orthogonal(update: torch.Tensor) -> torch.Tensor:
    """Returns about the nearest semi-orthogonal matrix. (count, m, n)"""
    tall = update.shape[-2] > update.shape[-1]
    x = update.mT if tall else update
    x = x / (1.02 * x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for a, b, c in POLAR:
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal: for the hidden matrices. Fused query-key-value matrices count as three."""

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.02):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes: dict = {}
            for weight in group["params"]:
                buffer = self.state[weight].setdefault("buffer", torch.zeros_like(weight))
                buffer.lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(buffer, group["momentum"])
                fused = weight.shape[0] == 3 * weight.shape[1]
                for part, piece in zip(weight.chunk(3) if fused else [weight], update.chunk(3) if fused else [update]):
                    shapes.setdefault(part.shape, []).append((part, piece))
            for (rows, columns), parts in shapes.items():
                size = group["lr"] * max(1, rows / columns) ** 0.5
                for (part, _), update in zip(parts, orthogonal(torch.stack([piece for _, piece in parts]))):
                    part.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-size)


def arrays(batch: list, pad: tuple[int, int]) -> dict[str, np.ndarray]:
    """Returns a batch's padded ids, the places of its target pieces, and its links: rows, pieces and shares."""
    sides = []
    for side in (0, 1):
        width = max(len(example[side]) for example in batch)
        sides.append(np.array([example[side] + [pad[side]] * (width - len(example[side])) for example in batch]))
    links = [(row, *link) for row, example in enumerate(batch) for link in example[2]]
    rows, targets, sources, shares = map(np.array, zip(*links))
    return dict(
        source=sides[0],
        gold=sides[1],
        kept=np.flatnonzero(sides[1] != pad[1]),
        links=np.stack([rows, targets, sources]),
        shares=shares.astype(np.float32),
    )


class Batch:
    """A batch on the device."""

    def __init__(self, made: dict[str, np.ndarray], pad: tuple[int, int], device: torch.device) -> None:
        found = {name: torch.from_numpy(array).to(device, non_blocking=True) for name, array in made.items()}
        self.source, self.kept, self.links, self.shares = (found[k] for k in ("source", "kept", "links", "shares"))
        gold = found["gold"]
        self.count = len(made["kept"])
        self.mask = self.source != pad[0]
        self.shifted = torch.cat([torch.full_like(gold[:, :1], pad[1]), gold[:, :-1]], 1)
        self.gold = gold.flatten()[self.kept]

    def twice(self) -> None:
        """Doubles the rows, so that dropout makes two models of one."""
        rows, places = len(self.source), self.shifted.numel()
        self.source, self.mask, self.shifted, self.gold, self.shares = (
            torch.cat([x, x]) for x in (self.source, self.mask, self.shifted, self.gold, self.shares)
        )
        self.kept = torch.cat([self.kept, self.kept + places])
        again = self.links.clone()
        again[0] += rows
        self.links = torch.cat([self.links, again], 1)


def losses(model: Marian, batch: Batch, smoothing: float, drop: float, agree: float = 0.0):
    """Returns the translation loss and the guided alignment loss of a batch.

    With `agree`, the translation loss holds that many times the mean Kullback-Leibler divergence, both ways, between
    two passes with different dropout (R-Drop, Liang et al. 2021).
    """
    if agree:
        batch.twice()
    states, attention = model(batch.source, batch.mask, batch.shifted, drop)
    states = states.flatten(0, 1)[batch.kept]
    if agree or states.is_cuda:
        scores = F.linear(states, model.target.weight, model.bias).float()
        loss = F.cross_entropy(scores, batch.gold, label_smoothing=smoothing)
        if agree:
            one, other = F.log_softmax(scores, -1).chunk(2)
            loss = loss + agree * ((one.exp() - other.exp()) * (one - other)).sum(-1).mean()
    else:
        loss = SmoothedLoss.apply(states, model.target.weight, model.bias, batch.gold, smoothing)
    reached = attention[batch.links[0], batch.links[1], batch.links[2]]
    guide = -(batch.shares * (reached + 1e-6).log()).sum() / batch.shares.sum()
    return loss, guide


def start_embeddings(model: Marian, stream: Stream, blocks: int = 12) -> None:
    """Gives source pieces and the target pieces they are linked with shared directions (SVD of their PPMI)."""
    counts = torch.zeros(model.source.num_embeddings, model.target.num_embeddings)
    blocks = math.ceil(blocks * 12000 / stream.config["train"]["block"])
    for number in range(blocks):
        for source, target, links in (e for batch in stream.block(-1 - number, 120) for e in batch):
            t, s, share = zip(*links)
            counts.index_put_(
                (torch.tensor(source)[list(s)], torch.tensor(target)[list(t)]), torch.tensor(share), accumulate=True
            )
    uses = counts.sum(0)
    smooth = uses**0.75 / (uses**0.75).sum()
    ppmi = (counts / (counts.sum(1, keepdim=True) * smooth + 1e-9)).clamp_(min=1e-9).log_().clamp_(min=0)
    width = model.source.embedding_dim
    u, values, v = torch.svd_lowrank(ppmi, q=width, niter=3)
    for table, factor in ((model.source, u), (model.target, v)):
        rows = torch.nn.functional.normalize(factor * values.sqrt(), dim=1)
        noise = torch.randn_like(rows) * width**-0.5
        table.weight.data.copy_(torch.nn.functional.normalize(0.9 * rows + 0.45 * noise, dim=1))
    model.bias.data.copy_((uses + 1).log() - (uses + 1).log().mean())


def made_block(stream: Stream, pad: tuple[int, int], number: int) -> list[dict]:
    """Returns a block's batches as arrays; the first blocks hold short sentences only."""
    train = stream.config["train"]
    limit = train["short_pieces" if number < train["short_blocks"] else "max_pieces"]
    return [arrays(batch, pad) for batch in stream.block(number, limit)]


class Blocks:
    """Makes blocks ahead in processes of their own, in order; `workers` of 0 makes them in place."""

    shared: tuple = ()

    def __init__(self, stream: Stream, pad: tuple[int, int], workers: int) -> None:
        Blocks.shared, self.pool, self.workers = (stream, pad), None, workers
        if workers:
            # Forked before the GPU is first used: the processes share the data and know no GPU.
            context = multiprocessing.get_context("fork")
            self.pool = concurrent.futures.ProcessPoolExecutor(workers, mp_context=context)
            list(self.pool.map(abs, range(8 * workers)))

    @staticmethod
    def make(number: int) -> list[dict]:
        return made_block(*Blocks.shared, number)

    def since(self, number: int):
        """Yields the blocks from `number` on, for ever."""
        if self.pool is None:
            yield from map(Blocks.make, itertools.count(number))
        ahead = collections.deque(self.pool.submit(Blocks.make, number + i) for i in range(self.workers))
        for later in itertools.count(number + self.workers):
            made = ahead.popleft().result()
            ahead.append(self.pool.submit(Blocks.make, later))
            yield made


class Run:
    """A training run: model, optimisers, place in the stream, tokens seen."""

    def __init__(
        self,
        work: pathlib.Path,
        config: dict,
        device: str = "cpu",
        workers: int = 0,
        states: tuple = ("state",),
        begin: pathlib.Path | None = None,
        seen: int = 0,
    ) -> None:
        """Starts from the first of the named states that is there, else with the exported weights of `begin`, else afresh."""
        self.work, self.config, self.train = work, config, config["train"]
        torch.manual_seed(config["seed"])
        self.stream = Stream(work, config)
        sizes = [len(ids) + 1 for ids in self.stream.ids]
        self.pad = tuple(size - 1 for size in sizes)
        self.blocks = Blocks(self.stream, self.pad, workers)
        self.model = Marian(config["model"], *sizes)
        found = [work / f"{name}.pt" for name in states if (work / f"{name}.pt").exists()]
        if begin and not found:
            self.model.load_state_dict(training_names(begin))
        elif not found:
            start_embeddings(self.model, self.stream)
        self.device = torch.device(device)
        self.model.to(self.device)
        hidden = [p for p in [*self.model.encoder.parameters(), *self.model.decoder.parameters()] if p.dim() == 2]
        chosen = {id(p) for p in hidden}
        rest = [p for p in self.model.parameters() if id(p) not in chosen]
        adam = torch.optim.Adam(rest, lr=self.train["rate_other"], betas=(0.9, 0.98), eps=1e-9, fused=True)
        self.optimisers = [Muon(hidden, lr=self.train["rate_matrix"]), adam]
        self.place = dict(block=0, batch=0, step=0, tokens=0, seconds=0.0)
        if begin:
            self.place.update(block=self.train["short_blocks"], tokens=seen)
        if found:
            self.load(torch.load(found[0], map_location="cpu", weights_only=False))

    def load(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(saved)
        torch.set_rng_state(state["random"])
        self.place = state["place"]

    def save(self, name: str) -> None:
        """Writes a checkpoint; a crash leaves the one before."""
        state = dict(
            model=self.model.state_dict(),
            optimisers=[o.state_dict() for o in self.optimisers],
            random=torch.get_rng_state(),
            place=self.place,
            config=self.config,
        )
        torch.save(state, self.work / f"{name}.tmp")
        os.replace(self.work / f"{name}.tmp", self.work / f"{name}.pt")

    def batches(self):
        """Yields batches from the present place on, for ever; `place` always names the next batch."""
        for block in self.blocks.since(self.place["block"]):
            for made in block[self.place["batch"] :]:
                self.place["batch"] += 1
                yield Batch(made, self.pad, self.device)
            self.place.update(block=self.place["block"] + 1, batch=0)

    def narrow(self):
        """Returns the context in which a GPU multiplies in bf16."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    def step(self, batch: Batch, factor: float) -> torch.Tensor:
        """Takes one step at `factor` of the full rate; returns both losses, (2)."""
        train, place, began = self.train, self.place, time.perf_counter()
        factor *= min(1.0, (place["step"] + 1) / train["warmup"])
        for optimiser, rate in zip(self.optimisers, (train["rate_matrix"], train["rate_other"])):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
        with self.narrow():
            loss, guide = losses(self.model, batch, train["label_smoothing"], train["dropout"], train["agree"])
        weight = train["guide" if place["tokens"] < train["guide_until"] else "guide_later"]
        self.model.zero_grad(set_to_none=True)
        (loss + weight * guide).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        place["step"] += 1
        place["tokens"] += batch.count
        # A pause inside a step is no training time.
        place["seconds"] += min(time.perf_counter() - began, 5.0)
        return torch.stack([loss.detach(), guide.detach()])

    def dev_batches(self, prefix: str, count: int = 300) -> list[Batch]:
        """Returns the first lines of a development set as batches."""
        lines = [pathlib.Path(prefix + end).read_text(encoding="utf-8").splitlines()[:count] for end in (".ar", ".en")]
        cut = [
            self.stream.models[0].encode([text.source(x) for x in lines[0]]),
            self.stream.models[1].encode([text.target(x) for x in lines[1]]),
        ]
        rows = sorted(([s + [EOS], t + [EOS], [(0, 0, 1.0)]] for s, t in zip(*cut)), key=lambda row: len(row[1]))
        return [Batch(arrays(rows[i : i + 50], self.pad), self.pad, self.device) for i in range(0, count, 50)]

    @torch.no_grad()
    def dev_loss(self, batches: list[Batch]) -> float:
        """Returns the loss per piece without smoothing."""
        self.model.eval()
        with self.narrow():
            total = sum(float(losses(self.model, batch, 0.0, 0.0)[0]) * batch.count for batch in batches)
        self.model.train()
        return total / max(1, sum(batch.count for batch in batches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--dev")
    parser.add_argument("--until", type=float, default=float("inf"), help="stop at this many target pieces")
    parser.add_argument("--anneal", type=float, help="target pieces over which a copy cools down")
    parser.add_argument("--config", type=pathlib.Path, default=HERE / "config.toml")
    parser.add_argument("--settings", type=pathlib.Path, help="a file whose settings stand for those of --config")
    parser.add_argument("--begin", type=pathlib.Path, help="folder of an exported model to begin with")
    parser.add_argument("--seen", type=float, default=0, help="target pieces that the model of --begin has seen")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, help="processes that make batches [default: on a GPU, 6]")
    args = parser.parse_args()
    workers = args.workers if args.workers is not None else 6 * (args.device != "cpu")
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")
    (args.work / "pid").write_text(str(os.getpid()))
    name = "annealing" if args.anneal else "state"
    config = tomllib.loads(args.config.read_text())
    for table, values in tomllib.loads(args.settings.read_text()).items() if args.settings else ():
        config[table] |= values
    run = Run(args.work, config, args.device, workers, (name, "state"), args.begin, int(args.seen))
    dev = run.dev_batches(args.dev) if args.dev else []
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    begun, log = run.place["tokens"], open(args.work / "train.log", "a", buffering=1)
    # A cooled copy that was stopped goes on from where its cooling began.
    cooled_from = run.place.setdefault("cooled_from", begun) if args.anneal else begun
    end = cooled_from + args.anneal if args.anneal else args.until
    told, saved, sums, steps, mark = time.time(), time.time(), torch.zeros(2), 0, (begun, run.place["seconds"])
    print(
        f"# start at {begun} pieces, {sum(p.numel() for p in run.model.parameters())} parameters, {vars(args)}",
        file=log,
    )
    for batch in run.batches():
        done = bool(stop) or run.place["tokens"] >= end
        if not done:
            factor = 1 - (run.place["tokens"] - cooled_from) / args.anneal if args.anneal else 1.0
            sums = sums.to(run.device) + run.step(batch, factor)
            steps += 1
        if done or time.time() - told > (120 if args.device == "cpu" else 20):
            place = run.place
            rate = (place["tokens"] - mark[0]) / max(1e-9, place["seconds"] - mark[1])
            sums = sums.cpu()
            print(
                f"pieces {place['tokens'] / 1e6:.3f}M step {place['step']} loss {sums[0] / max(1, steps):.3f} guide "
                f"{sums[1] / max(1, steps):.3f} dev {run.dev_loss(dev) if dev else 0:.4f} {rate:.0f}/s "
                f"minutes {place['seconds'] / 60:.1f} {time.strftime('%H:%M')}{' anneal' if args.anneal else ''}",
                file=log,
            )
            told, sums, steps, mark = time.time(), torch.zeros(2), 0, (place["tokens"], place["seconds"])
        if done or time.time() - saved > (600 if args.device == "cpu" else 120):
            run.save(name)
            saved = time.time()
        if done:
            break
    if args.anneal and not stop:
        os.replace(args.work / "annealing.pt", args.work / "annealed.pt")


if __name__ == "__main__":
    main()
