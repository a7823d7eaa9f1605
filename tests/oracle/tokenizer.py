"""Makes the goldens of the tokenizer tests, with Python sentencepiece and transformers' MarianTokenizer.

    python tests/oracle/tokenizer.py sample tests/goldens/tokenizer
        trains two tiny SentencePiece models (unigram/, bpe/) on the sentences below and writes their files, with
        the ids, pieces and text MarianTokenizer gives for hard strings (cases.jsonl); and the first of them as a
        tokenizer.json (json/), with the ids SentencePiece gives
    python tests/oracle/tokenizer.py marian MODEL_FOLDER TEXT OUT [--target]
        writes one 64-bit hash a line: SHA-256, cut to 16 hexadecimal digits, of the line's ids as MarianTokenizer
        gives them (decimal, one space between), followed after a tab by the text they decode to; --target takes
        the pieces from target.spm
    python tests/oracle/tokenizer.py fast TOKENIZER_JSON TEXT OUT
        the same for a tokenizer.json
    python tests/oracle/tokenizer.py fuzz MODEL_FOLDER OUT COUNT SEED
        writes random hard strings with their ids (JSON lines)

Needs transformers 5, sentencepiece 0.2.3, sacremoses (optional).
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import pathlib
import random
import shutil
import tempfile
import unicodedata

import sentencepiece

PLACES = "دمشق حلب بيروت القاهرة بغداد عمّان تونس الرباط صنعاء الخرطوم".split()
ACTORS = "الوزير المتحدث الرئيس الخبير الصحفي المحامي الطبيب المعلّم".split()
VERBS = "قال أعلن أكد نفى أوضح ذكر كتب سأل".split()
CLAIMS = [
    "إن المستشفى استقبل {n} جريحاً خلال الأسبوع الماضي",
    "أن المدارس ستفتح أبوابها في {n} أيلول/سبتمبر",
    "أنّ نسبة التضخم بلغت {n}٪ في العام الحالي",
    "إنه لا توجد أدلة على ما نُشر في مواقع التواصل",
    "أن الاتفاق وُقِّع بحضور {n} من ممثلي المنظمات الدولية",
    "إن الطريق الدولي مغلق بسبب الثلوج منذ {n} أيام",
]
EN_PLACES = "Damascus Aleppo Beirut Cairo Baghdad Amman Tunis Rabat Sanaa Khartoum".split()
EN_ACTORS = "minister|spokesperson|president|expert|journalist|lawyer|doctor|teacher".split("|")
EN_VERBS = "said|announced|confirmed|denied|explained|reported|wrote|asked".split("|")
EN_CLAIMS = [
    "that the hospital received {n} wounded people last week",
    "that schools will open their doors on {n} September",
    "that inflation reached {n}% this year",
    "that there is no evidence for what was posted on social media",
    "that the agreement was signed before {n} delegates of international organizations",
    "that the highway has been closed by snow for {n} days",
]

FREE = """
خرج الأطفال من المدرسة ولعبوا قرب النهر حتى المساء.
ارتفعت أسعار الخبز والوقود، فأغلق التجار متاجرهم احتجاجاً.
لم تصل المساعدات الإنسانية إلى القرى الجبلية بسبب العاصفة.
نشرت الصحيفة تحقيقاً عن الفساد في بلدية المدينة القديمة.
هل تعرف متى يبدأ الاجتماع؟ سألت المرأة الموظفَ عند الباب.
عاد اللاجئون إلى بيوتهم بعد ثلاث سنوات من الحرب.
القاضي رفض الطعن وأمر بإعادة المحاكمة من جديد.
كتب الشاعر قصيدة طويلة عن البحر والمنفى والذاكرة.
فاز الفريق الوطني على ضيفه بهدفين مقابل هدف واحد.
تراجعت قيمة العملة المحلية أمام الدولار واليورو.
The children left school and played by the river until evening.
Prices of bread and fuel rose, and merchants closed their shops in protest.
Aid did not reach the mountain villages because of the storm.
The newspaper published an investigation into corruption in the old town.
"Do you know when the meeting begins?" the woman asked at the door.
Refugees returned to their homes after three years of war.
The judge rejected the appeal and ordered a new trial.
The poet wrote a long poem about the sea, exile and memory.
It's the team's second win; they've lost none, don't forget.
The local currency fell against the dollar and the euro.
""".strip("\n").split("\n")

HARD = """
|empty line is a case of its own
مرحباً بالعالم
قال المتحدث في دمشق إن المستشفى استقبل 27 جريحاً.
قَالَ المُتَحَدِّثُ إِنَّ الْمُسْتَشْفَى
الـــرئيس الــمــصــري
ﷺ
محمد ﷺ قال
ﷲ ﷴ ﷶ ﷻ ﷼
ﻻ ﻼ ﻷ ﻹ ﻵ
ﻻَ إله إﻻَّ
ﻣَﺮْﺣَﺒﺎً
ﺍﻟﻌَﺮَﺑِﻴﱠﺔُ
ﱠ ﱡ ﱢ ﹷ ﹹ
ﯾک کتاب گچپژ
آ أ إ ٱ آ أ إ
ۀ ؤ ئ
١٢٣ و ٤٥٦٫٧٨ ٪ و 12٬345
۱۲۳۴۵۶۷۸۹۰
في ١٢/٠٣/2021 الساعة 12:18
،؛؟ «قال» “نعم” ‘لا’ …
كلمة\u200fأخرى\u200eو\u202bكلمة\u202c
\u2067مرحبا\u2069 world
مر\u200dحبا مر\u200cحبا
\u200b\u200bكلمة\u200b
\ufeffبداية النص
كلمة\u00a0ملتصقة\u00a0\u00a0بأخرى
tab\there
line\\nbreak
  مسافات   كثيرة   هنا  
Hello, world!
The minister said that the highway has been closed.
ﬁne ﬂow oﬃce ﬆ
Ａｂｃ　１２３！
①②③ ㍿ ㎏ ½ ¼ ™ ℃
Å Å Å é é ñ ñ
a\u0300\u0301\u0302\u0303 z\u0335\u0336
ẛ̣ ſ ß ẞ İ ı
한국어 한국어
日本語のテキスト
漢字漢字漢字
中文，句子。
Привет мир
ჟანგი ⴰⵎⴰⵣⵉⵖ
שלום עולם
नमस्ते दुनिया
ไทย
😀 😀😀 👍🏽 👨‍👩‍👧‍👦 🇸🇾
❤️ ☎️ ✅
x😀y
\U0001d54f\U0001d7d8 \U0001f130
\U00010330\U00010331
\ue000\uf8ff
\ufffd
▁
▁▁ a ▁b
a▁b
>>ara<< مرحبا
>>eng<<Hello
>>unknown<< نص
>>مرحبا
 >>ara<< نص
نص >>ara<< نص
</s>
مرحبا </s> بالعالم
<unk> <pad> <s>
a<unk>b
</s></s>
<0x41>
<<>>
https://example.org/a?b=1&c=%D8%A7
mail@example.org +963-11-123
A.B.C. e.g. أ.ف.ب
5.5% $3,000 €20 £1
it's don't we've they're
" quoted " 'single'
C'est déjà l'été à Zürich
!!!???...
---—––‐
ـ
َُِّ
\u0651\u064e
اً
شدّة شدَّة شدًّة
ءآأؤإئ
نص12نص٣٤نص
كورونا19-COVID
الـ100
«»
()[]{}
\u2028 \u2029
a\u0085b
\u0001\u0002
a\u0000b
a\u007fb
\u00adsoft\u00adhyphen
\u034f\u180e
x²³ H₂O
ʰʲ ᴬ
№5 §3
ℵ ﬡ
ㄱㄴ ﾊﾝｶｸ ｶﾞ
々〱
ﷺﷺﷺ
صَلَّى ﷲُ عَلَيْهِ
ﻟِﻠَّﻪِ
ﺁﺂﺃﺄ
ﭐﭑ ﮊ ﯼ
المُستشفَىٰ الذي
رحمٰن
قرآن القرآن
ۚ ۖ ۗ ۝
لا\u200cإله
ab\u0640cd
\u0661\u066b\u0665
٪٫٬٭
﴾النور﴿
مدينة حلب،دمشق،بيروت.قال
ThisIsAVeryLongWordWithoutAnySpacesAtAllInIt
الاستقلاليةوالاستمراريةوالمسؤولية
000000000000
aaaaaaaaaaaaaaaaaaaaaaaa
\u0627\u0653 \u0627\u0654 \u0627\u0655 \u0648\u0654 \u064a\u0654
\ufe8d\u0653
\uff21\u0301
\u00bd\u0301
\ufb01\u0301
\u3000\u3000
 \u00a0 \u2003
\u1100\u1161\u11a8
\u0cc6\u0cc2\u0cd5
""".strip("\n").split("\n")


def hard_strings():
    for line in HARD:
        text = line.encode("ascii", "backslashreplace").decode("unicode_escape")
        yield "" if text.startswith("|") else text
    yield " "
    yield "     "
    yield "كلمة طويلة جداً " * 12
    yield "x" * 60


def sentences():
    numbers = itertools.cycle(["27", "١٥", "3", "2254", "٤٠", "100", "8", "1,500"])
    for (place, other), actor in itertools.product(zip(PLACES, EN_PLACES), range(len(ACTORS))):
        for claim in range(len(CLAIMS)):
            verb, n = VERBS[(actor + claim) % len(VERBS)], next(numbers)
            yield f"{verb} {ACTORS[actor]} في {place} {CLAIMS[claim].format(n=n)}."
            verb = EN_VERBS[(actor + claim) % len(EN_VERBS)]
            yield f"The {EN_ACTORS[actor]} {verb} in {other} {EN_CLAIMS[claim].format(n=n)}."


def replacement_rules():
    """A part of nmt_nfkc: whole NFKC is 240 kB compiled. Presentation forms, compositions, widths, marks of space."""
    blocks = [(0xA0, 0xFF), (0x622, 0x626), (0x675, 0x678), (0x1E9B, 0x1E9B), (0x2000, 0x200F), (0x2028, 0x202F),
              (0x2070, 0x209F), (0x2100, 0x2126), (0x2460, 0x2469), (0x3000, 0x3000), (0x33CE, 0x33CE),
              (0xAC00, 0xAC1B), (0xFB00, 0xFB06), (0xFB50, 0xFBB1), (0xFBD3, 0xFC00), (0xFC5E, 0xFC63), (0xFDF0, 0xFDFC),
              (0xFE70, 0xFEFC), (0xFF01, 0xFF5E)]
    rules = {}
    for low, high in blocks:
        for code in range(low, high + 1):
            text = chr(code)
            composed = unicodedata.normalize("NFKC", text)
            if composed != text:
                rules[text] = composed
            decomposed = unicodedata.normalize("NFD", text)
            if decomposed not in (text, composed) and len(decomposed) < 4:
                rules[decomposed] = composed
    for text in "\t\n\r\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff":
        rules[text] = " "
    for code in [*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F]:
        rules[chr(code)] = ""
    return rules


def write_rules(path):
    def codes(text):
        return " ".join(f"{ord(character):04X}" for character in text)

    rules = sorted(replacement_rules().items())
    path.write_text("".join(f"{codes(a)}\t{codes(b)}\n" for a, b in rules), encoding="ascii")


def train(out, lines, **options):
    """Trains a model; from a folder of its own, because a model file records the names of its input files."""
    out = out.resolve()
    with tempfile.TemporaryDirectory() as work, contextlib.chdir(work):
        pathlib.Path("corpus.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_rules(pathlib.Path("rules.tsv"))
        if options.pop("rules", False):
            options["normalization_rule_tsv"] = "rules.tsv"
        else:
            options["normalization_rule_name"] = "identity"
        sentencepiece.SentencePieceTrainer.train(
            input="corpus.txt", model_prefix="m", character_coverage=1.0, num_threads=1, minloglevel=2,
            hard_vocab_limit=False, **options,
        )
        shutil.copy("m.model", out)
    model = sentencepiece.SentencePieceProcessor(str(out))
    return [model.id_to_piece(i) for i in range(model.get_piece_size())]


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def vocabulary(pieces, extra=()):
    """As OPUS-MT's: </s> and <unk> first, <pad> last, between them another order than the SentencePiece file's."""
    kept = [piece for piece in pieces if piece not in ("</s>", "<unk>", "<s>")]
    random.Random(7).shuffle(kept)
    return {piece: i for i, piece in enumerate(dict.fromkeys(["</s>", "<unk>", *kept, *extra, "<pad>"]))}


def train_shared(folder, lines):
    """One vocabulary for both sides, unigram, with replacement rules and a symbol that is never cut."""
    source = train(folder / "source.spm", lines, vocab_size=440, rules=True, user_defined_symbols=["@@"])
    target = train(folder / "target.spm", [line for line in lines if line.isascii()], vocab_size=150)
    # Some pieces only the model has, a word and a language code only the vocabulary.
    write_json(folder / "vocab.json", vocabulary(source[:-5] + target, ["漢字漢字漢字", ">>ara<<"]))
    write_json(folder / "tokenizer_config.json", {"source_lang": "ar", "target_lang": "en", "separate_vocabs": False})


def train_separate(folder, lines):
    """A vocabulary for each side, BPE, unknown characters spelled in bytes, text not normalised."""
    options = {"model_type": "bpe", "byte_fallback": True}
    source = train(folder / "source.spm", lines, vocab_size=600, remove_extra_whitespaces=False, **options)
    target = train(folder / "target.spm", [line for line in lines if line.isascii()], vocab_size=450, **options)
    write_json(folder / "vocab.json", vocabulary(source))
    write_json(folder / "target_vocab.json", vocabulary(target))
    special = {"content": "</s>", "lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    write_json(folder / "special_tokens_map.json", {"eos_token": special, "unk_token": "<unk>", "pad_token": "<pad>"})
    config = {"separate_vocabs": True, "clean_up_tokenization_spaces": True}
    write_json(folder / "tokenizer_config.json", config)


def load(folder):
    from transformers import MarianTokenizer

    return MarianTokenizer.from_pretrained(str(folder))


def decoded(tokenizer, ids):
    return tokenizer.decode(ids, skip_special_tokens=True)


def write_cases(folder, texts, out):
    """Writes ids, pieces and decoded text; with separate vocabularies the ids are decoded as if they were the target's,
    without those of <pad>, which transformers looks up in the wrong vocabulary."""
    tokenizer = load(folder)
    pads = {len(tokenizer.encoder) - 1, len(tokenizer.decoder) - 1}
    with open(out, "w", encoding="utf-8") as out:
        for text in texts:
            ids = tokenizer(text)["input_ids"]
            case = {"text": text, "ids": ids, "pieces": tokenizer.tokenize(text)}
            case["decode"] = [i % len(tokenizer.decoder) for i in ids]
            case["decode"] = [i for i in case["decode"] if not tokenizer.separate_vocabs or i not in pads]
            if case["decode"] == ids:
                del case["decode"]
            case["decoded"] = decoded(tokenizer, case.get("decode", ids))
            out.write(json.dumps(case, ensure_ascii=True, separators=(",", ":")) + "\n")


def charsmap(spm):
    """Returns the compiled replacement rules of a model file: field 2 of its field 3."""

    def field(message, wanted):
        at = 0

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte, at = message[at], at + 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return value

        while at < len(message):
            key = varint()
            size = {0: 0, 1: 8, 5: 4}.get(key & 7)
            if size == 0:
                varint()
                continue
            size = varint() if size is None else size
            if key >> 3 == wanted:
                return message[at : at + size]
            at += size

    return field(field(spm.read_bytes(), 3), 2)


def write_fast(spm, folder):
    """Writes a unigram model as a tokenizer.json, with cases SentencePiece itself made. Left out are strings with `<`,
    which the two treat differently: marks written out in a text are marks here, text there."""
    import tokenizers

    model = sentencepiece.SentencePieceProcessor(str(spm))
    pieces = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=model.unk_id(), byte_fallback=False))
    steps = tokenizers.normalizers
    tokenizer.normalizer = steps.Sequence(
        [steps.Precompiled(charsmap(spm)), steps.Strip(), steps.Replace(tokenizers.Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    eos = ("</s>", model.eos_id())
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("$A </s>", special_tokens=[eos])
    tokenizer.enable_truncation(5)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(tokenizer.to_str() + "\n", encoding="utf-8")
    with open(folder / "cases.jsonl", "w", encoding="utf-8") as out:
        for text in hard_strings():
            if "<" not in text:
                ids = [*model.encode(text), model.eos_id()]
                case = {"text": text, "ids": ids, "pieces": model.encode(text, out_type=str)}
                case["decoded"] = tokenizer.decode(ids, skip_special_tokens=True)
                out.write(json.dumps(case, ensure_ascii=True, separators=(",", ":")) + "\n")


def sample(args):
    lines = [*sentences(), *FREE * 4]
    for name, make in (("unigram", train_shared), ("bpe", train_separate)):
        (args.folder / name).mkdir(parents=True, exist_ok=True)
        make(args.folder / name, lines)
        write_cases(args.folder / name, hard_strings(), args.folder / name / "cases.jsonl")
    write_fast(args.folder / "unigram" / "source.spm", args.folder / "json")


def hashed(ids, text):
    line = " ".join(map(str, ids)) + "\t" + text
    return hashlib.sha256(line.encode("utf-8")).hexdigest()[:16]


def write_hashes(encode, decode, text, out):
    with open(text, encoding="utf-8") as lines, open(out, "w", encoding="ascii") as written:
        for line in lines:
            ids = encode(line.rstrip("\n"))
            written.write(hashed(ids, decode(ids)) + "\n")


def marian(args):
    tokenizer = load(args.folder)

    def encode(line):
        return (tokenizer(text_target=line) if args.target else tokenizer(line))["input_ids"]

    write_hashes(encode, lambda ids: decoded(tokenizer, ids), args.text, args.out)


def fast(args):
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(args.file))
    write_hashes(
        lambda line: tokenizer(line)["input_ids"], lambda ids: decoded(tokenizer, ids), args.text, args.out
    )


def fuzz(args):
    rng = random.Random(args.seed)
    blocks = [(0x600, 0x6FF), (0x20, 0x7E), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF), (0x64B, 0x655), (0x300, 0x36F),
              (0xA0, 0x24F), (0x2000, 0x206F), (0x2100, 0x214F), (0x1100, 0x11FF), (0xAC00, 0xAC80), (0x3040, 0x30FF),
              (0xFF00, 0xFFEF), (0x1F600, 0x1F64F), (0x0, 0x1F), (0x0900, 0x0980), (0x3130, 0x3180), (0x20, 0x21)]

    def text():
        chosen = (rng.choice(blocks) for _ in range(rng.randint(1, 12)))
        return "".join(chr(rng.randint(low, high)) for low, high in chosen for _ in range(rng.randint(1, 4)))

    write_cases(args.folder, (text() for _ in range(args.count)), args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("sample")
    command.add_argument("folder", type=pathlib.Path)
    command.set_defaults(run=sample)
    command = commands.add_parser("marian")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("text", type=pathlib.Path)
    command.add_argument("out", type=pathlib.Path)
    command.add_argument("--target", action="store_true")
    command.set_defaults(run=marian)
    command = commands.add_parser("fast")
    command.add_argument("file", type=pathlib.Path)
    command.add_argument("text", type=pathlib.Path)
    command.add_argument("out", type=pathlib.Path)
    command.set_defaults(run=fast)
    command = commands.add_parser("fuzz")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("out", type=pathlib.Path)
    command.add_argument("count", type=int)
    command.add_argument("seed", type=int)
    command.set_defaults(run=fuzz)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
