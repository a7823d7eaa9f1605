"""Checks of the parts that training silently depends on: `python -m unittest` in this folder. No data is needed."""

import pathlib
import random
import tempfile
import unittest

import torch
from safetensors.torch import save_file

import align
import data
import stream
import text
from export import hugging_face_names, settings, training_names
from model import Marian, SmoothedLoss
from train import Muon, orthogonal

SHAPE = dict(d_model=32, ffn=64, heads=4, encoder_layers=2, decoder_layers=2)


class Text(unittest.TestCase):
    def test_spelling_variants_of_a_source_become_one(self):
        self.assertEqual(text.source("أُصيبَ ٢٬٢٥٤ شخصـاً؟"), "اصيب 2,254 شخصا?")

    def test_names_that_sound_alike_are_told_from_those_that_do_not(self):
        self.assertTrue(text.sounds_alike("لودوفيك", "ludovic"))
        self.assertFalse(text.sounds_alike("صندل", "jahovic"))

    def test_a_pair_whose_digits_differ_is_left_out(self):
        limits = dict(max_foreign=0.4, max_words=50, max_ratio=3, max_marks=0.1)
        self.assertIsNone(data.fault("ولد في حلب عام 1987.", "He was born in Aleppo in 1987.", limits))
        self.assertEqual(data.fault("ولد في حلب عام 1978.", "He was born in Aleppo in 1987.", limits), "digits")


class Links(unittest.TestCase):
    def test_growing_adds_a_neighbour_and_keeps_what_both_ways_found(self):
        self.assertEqual(align.symmetrise({(0, 0), (1, 1)}, {(0, 0), (1, 2)}), {(0, 0), (1, 1), (1, 2)})

    def test_numbers_are_linked_digit_by_digit(self):
        pair = stream.Pair("عام 1987", "In 1987", {(0, 0), (1, 1)})
        links = stream.link_pieces(pair, [["▁عام", "▁", "1", "9", "8", "7"], ["▁In", "▁", "1", "9", "8", "7"]])
        self.assertEqual(sorted(links), [(i, i, 1.0) for i in range(6)])

    def test_a_changed_number_is_the_same_on_both_sides(self):
        pair = stream.Pair("قتل 12 في 2016.", "12 killed in 2016.", set())
        stream.change_numbers(pair, random.Random(3))
        found = [sorted(token for token in pair.tokens[side] if token.isdigit()) for side in (0, 1)]
        self.assertEqual(found[0], found[1])
        self.assertNotEqual(found[0], ["12", "2016"])


class Training(unittest.TestCase):
    def test_the_loss_and_its_gradient_are_those_of_cross_entropy(self):
        torch.manual_seed(1)
        hidden, table, bias = (torch.randn(*size, requires_grad=True) for size in ((7, 8), (11, 8), (11,)))
        gold = torch.randint(0, 11, (7,))
        plain = torch.nn.functional.cross_entropy(hidden @ table.t() + bias, gold, label_smoothing=0.1)
        fused = SmoothedLoss.apply(hidden, table, bias, gold, 0.1, 3)
        self.assertAlmostEqual(float(plain), float(fused), places=5)
        for one, other in zip(
            torch.autograd.grad(plain, (hidden, table, bias)), torch.autograd.grad(fused, (hidden, table, bias))
        ):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)

    def test_an_orthogonal_update_has_singular_values_near_one(self):
        values = torch.linalg.svdvals(orthogonal(torch.randn(3, 16, 48)))
        self.assertTrue(((values > 0.4) & (values < 1.7)).all())

    def test_muon_lowers_a_loss(self):
        weight = torch.nn.Parameter(torch.randn(8, 8))
        before = float(weight.square().sum())
        for _ in range(20):
            weight.grad = 2 * weight.detach()
            Muon([weight], lr=0.05).step()
        self.assertLess(float(weight.square().sum()), before)


class Export(unittest.TestCase):
    def test_transformers_computes_the_same_scores(self):
        from transformers import MarianConfig, MarianMTModel

        torch.manual_seed(2)
        model = Marian(SHAPE, 30, 20)
        torch.nn.init.normal_(model.bias)
        theirs = MarianMTModel(MarianConfig(**settings(SHAPE, 30, 20)[0])).float().eval()
        theirs.load_state_dict(hugging_face_names(model.state_dict(), SHAPE), strict=False)
        theirs.tie_weights()
        # Ids of 2 and above are one higher there: <pad> stands at 2.
        source, shifted = torch.tensor([[3, 9, 0]]), torch.tensor([[19, 5, 7]])
        states, _ = model(source, torch.ones(1, 3, dtype=torch.bool), shifted)
        ours = states @ model.target.weight.t() + model.bias
        their = theirs(input_ids=torch.tensor([[4, 10, 0]]), decoder_input_ids=torch.tensor([[2, 6, 8]])).logits
        torch.testing.assert_close(ours[..., :19], their[..., [0, 1, *range(3, 20)]], atol=1e-4, rtol=1e-4)

    def test_training_goes_on_from_an_export(self):
        torch.manual_seed(3)
        model = Marian(SHAPE, 30, 20)
        with tempfile.TemporaryDirectory() as folder:
            named = {k: v.contiguous().clone() for k, v in hugging_face_names(model.state_dict(), SHAPE).items()}
            save_file(named, pathlib.Path(folder, "model.safetensors"))
            back = training_names(pathlib.Path(folder))
        self.assertEqual(back.keys(), model.state_dict().keys())
        for name, weight in model.state_dict().items():
            torch.testing.assert_close(back[name], weight, atol=0, rtol=0)


if __name__ == "__main__":
    unittest.main()
