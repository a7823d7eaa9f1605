"""Reads TMX and XLIFF files with Translate Toolkit, a reader that is not this program's, and compares them with the JSON.

    pip install translate-toolkit
    summarize inputs/ --model builtin --format json,tmx,xliff -o DIR
    python tests/oracle/exchange.py DIR

For every DIR/**/NAME.json: each sentence must be in NAME.tmx and NAME.xliff once, in the order of the JSON, source and
translation letter for letter; XLIFF targets must ask for review, and warnings must be notes. It ends with status 1 at the
first difference, else it prints how much was compared.
"""

import json
import pathlib
import sys
from importlib.metadata import version

from lxml import etree
from translate.storage import factory, tmx, xliff

ITS = "{http://www.w3.org/2005/11/its}mtConfidence"


def require(condition, *what):
    if not condition:
        sys.exit(" ".join(map(str, what)))


def pairs_of(store):
    return [(str(unit.source), str(unit.target or "")) for unit in store.units if not unit.isheader()]


def check(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    expected = [(s["source"], s["translation"]) for s in document["sentences"]]
    stores = {}
    for suffix, kind in ((".tmx", tmx.tmxfile), (".xliff", xliff.xlifffile)):
        file = path.with_suffix(suffix)
        if not file.exists():
            continue
        # The factory goes by the extension, and knows .xlf, .xliff and .tmx.
        stores[suffix] = factory.getobject(str(file))
        require(isinstance(stores[suffix], kind), file, "was read as", type(stores[suffix]))
        require(pairs_of(stores[suffix]) == expected, file, "differs from its JSON")
    if ".xliff" in stores:
        flags(path, document, stores[".xliff"])
    return len(expected) if stores else 0


def flags(path, document, store):
    for sentence, unit in zip(document["sentences"], store.units):
        target = unit.xmlelement.find(unit.namespaced("target"))
        from_memory = any(note["kind"] == "memory" for note in sentence.get("notes", []))
        state = "translated" if from_memory else "needs-review-translation"
        require(target.get("state") == state, path, sentence["id"], etree.tostring(target))
        require(from_memory or 0.0 <= float(target.get(ITS)) <= 1.0, path, sentence["id"], "has no confidence")
        notes = unit.getnotes()
        missing = [flag["message"] for flag in sentence["flags"] if flag["message"] not in notes]
        require(not missing, path, sentence["id"], "lacks the notes", missing)


def main():
    folder = pathlib.Path(sys.argv[1])
    files = [path for path in sorted(folder.rglob("*.json")) if not path.name.startswith("run")]
    counts = [check(path) for path in files]
    require(sum(counts), "no TMX or XLIFF beside a JSON in", folder)
    print(f"Translate Toolkit {version('translate-toolkit')}: {len(files)} articles, {sum(counts)} sentences, no difference")


main()
