"""Speed and quality on real text, beside CTranslate2: the same model, sentences and tokens, outputs as long as the model makes them.

usage: real_text.py BENCH MODEL SOURCE REFERENCE [--beam N] [--threads T] [--reps N]

BENCH is the binary that `cargo bench --no-run --bench engine` names, MODEL a folder with a Marian model; SOURCE and REFERENCE have one
sentence a line. Only decoding is timed: sentences are made into tokens by transformers for both. CTranslate2 gets batches of like lengths, one worker a thread. Prints a table in Markdown. Needs ctranslate2, transformers and sacrebleu.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import ctranslate2
import sacrebleu
import transformers
from ctranslate2.converters.transformers import MarianMTLoader

ROWS = [("f32", ["--exact"]), ("int16", []), ("int8", [])]


def summarize(options, ids, arguments, folder):
    """Returns tokens a second, and the ids of each output."""
    workload, outputs = Path(folder, "workload.json"), Path(folder, "outputs.json")
    workload.write_text(json.dumps({"src": ids}))
    command = [options.bench, "--model", options.model, "--workload", workload, "--outputs", outputs]
    command += ["--beam", str(options.beam), "--threads", str(options.threads), "--reps", str(options.reps), *arguments]
    line = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    return json.loads(line)["target_tokens_per_second"], json.loads(outputs.read_text())


class Loader(MarianMTLoader):
    """Reads a model with a vocabulary for each side and a padding token that is not the last: CTranslate2's own takes neither."""

    def set_decoder(self, spec, decoder):
        super().set_decoder(spec, decoder)
        spec.start_from_zero_embedding = False

    def set_config(self, config, model, tokenizer):
        super().set_config(config, model, tokenizer)
        config.decoder_start_token = tokenizer.pad_token

    def set_vocabulary(self, spec, _):
        spec.register_source_vocabulary(self.vocabularies[0])
        spec.register_target_vocabulary(self.vocabularies[1])

    def _remove_pad_weights(self, spec):
        pass


def vocabularies(model):
    """Returns the pieces of each side in the order of their ids."""
    sides = [json.loads(Path(model, name).read_text("utf-8")) for name in ("vocab.json", "target_vocab.json")]
    return [sorted(side, key=side.get) for side in sides]


def joined(pieces):
    """Returns the sentence of pieces."""
    return "".join(piece for piece in pieces if piece not in ("</s>", "<pad>")).replace("\u2581", " ").strip()


def peer(options, tokens, quantization, folder):
    """Returns CTranslate2's tokens a second, the end of a sentence counted as one, and the pieces of each output."""
    converted = str(Path(folder, quantization))
    loader = Loader()
    loader.vocabularies = vocabularies(options.model)
    ctranslate2.converters.transformers._MODEL_LOADERS["MarianConfig"] = loader
    ctranslate2.converters.TransformersConverter(str(options.model)).convert(converted, quantization=quantization)
    translator = ctranslate2.Translator(
        converted, device="cpu", compute_type=quantization, inter_threads=options.threads, intra_threads=1
    )
    size = 64 if options.beam == 1 else 16
    order = sorted(range(len(tokens)), key=lambda i: -len(tokens[i]))
    batches = [order[i : i + size] for i in range(0, len(order), size)]

    def run():
        started, outputs = time.perf_counter(), [None] * len(tokens)
        settings = {"beam_size": options.beam, "max_decoding_length": 511, "max_batch_size": 0, "asynchronous": True}
        settings["suppress_sequences"] = [["<pad>"], ["<unk>"]]
        jobs = [translator.translate_batch([tokens[i] for i in batch], **settings) for batch in batches]
        for batch, job in zip(batches, jobs):
            for i, result in zip(batch, job):
                outputs[i] = result.result().hypotheses[0]
        return time.perf_counter() - started, outputs

    _, outputs = run()
    seconds = statistics.median(run()[0] for _ in range(options.reps))
    return sum(len(output) + 1 for output in outputs) / seconds, outputs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench", type=lambda name: Path(name).resolve())
    parser.add_argument("model", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--reps", type=int, default=3)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.MarianTokenizer.from_pretrained(options.model)
    references = options.reference.read_text("utf-8").splitlines()
    ids = [tokenizer(line).input_ids for line in options.source.read_text("utf-8").splitlines()]
    source, target = vocabularies(options.model)
    tokens = [[source[i] for i in row] for row in ids]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for precision, more in ROWS:
            rate, outputs = summarize(options, [row[:-1] for row in ids], ["--precision", precision, *more], folder)
            texts = [joined(target[i] for i in output) for output in outputs]
            found.append((" ".join(["summarize", precision, *more]), rate, texts))
        for quantization in ("float32", "int8"):
            rate, outputs = peer(options, tokens, quantization, folder)
            texts = [joined(output) for output in outputs]
            found.append((f"CTranslate2 {ctranslate2.__version__} {quantization}", rate, texts))
    print(f"beam {options.beam}, {options.threads} threads, {len(ids)} sentences\n")
    print("| engine | tokens/s | BLEU | chrF | identical to its f32 |\n| --- | ---: | ---: | ---: | ---: |")
    for name, rate, texts in found:
        exact = found[0][2] if name.startswith("summarize") else found[len(ROWS)][2]
        same = sum(a == b for a, b in zip(texts, exact)) / len(texts)
        bleu, chrf = sacrebleu.corpus_bleu(texts, [references]), sacrebleu.corpus_chrf(texts, [references])
        print(f"| {name} | {rate:,.0f} | {bleu.score:.2f} | {chrf.score:.2f} | {same:.1%} |")
    same = sum(a == b for a, b in zip(found[0][2], found[len(ROWS)][2])) / len(ids)
    print(f"\nidentical sentences of both in f32: {same:.1%}")


if __name__ == "__main__":
    main()
