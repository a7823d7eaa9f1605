"""Links the tokens of every pair with eflomal, both ways, symmetrised; writes WORK/links.tsv, a line per pair.

usage: align.py WORK
A line of links.tsv is "0-0 1-2 ...": token of the Arabic side - token of the English side (tokens as text.TOKEN cuts
them). The aligner counts rough stems, because most forms of a word are rare here.
"""

import pathlib
import sys
import tempfile

import eflomal

import text

NEIGHBOURS = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]


def symmetrise(forward: set, backward: set) -> set:
    """Returns the links of grow-diag-final-and (Koehn et al. 2005)."""
    union, links = forward | backward, forward & backward
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    queue = sorted(links)
    while queue:
        i, j = queue.pop(0)
        for di, dj in NEIGHBOURS:
            new = (i + di, j + dj)
            if new in union and new not in links and (new[0] not in sources or new[1] not in targets):
                links.add(new)
                sources.add(new[0])
                targets.add(new[1])
                queue.append(new)
    for new in sorted(union - links):
        if new[0] not in sources and new[1] not in targets:
            links.add(new)
            sources.add(new[0])
            targets.add(new[1])
    return links


def read_links(line: str) -> set:
    """Returns the pairs of numbers of one line of links."""
    return {tuple(map(int, link.split("-"))) for link in line.split()}


def main() -> None:
    work = pathlib.Path(sys.argv[1])
    pairs = [line.split("\t")[:2] for line in (work / "pairs.tsv").read_text(encoding="utf-8").splitlines()]
    names = [line.split("\t")[:2] for line in (work / "names.tsv").read_text(encoding="utf-8").splitlines()]
    stems = [[" ".join(map(text.stem, text.TOKEN.findall(side))) for side in pair] for pair in pairs + names]
    with tempfile.TemporaryDirectory() as folder:
        forward, backward = pathlib.Path(folder, "forward"), pathlib.Path(folder, "backward")
        eflomal.Aligner().align(
            [arabic for arabic, _ in stems],
            [english for _, english in stems],
            links_filename_fwd=str(forward),
            links_filename_rev=str(backward),
        )
        with open(work / "links.tsv", "w") as out, open(forward) as f, open(backward) as b:
            for _, one, other in zip(pairs, f, b):
                links = sorted(symmetrise(read_links(one), read_links(other)))
                out.write(" ".join(f"{i}-{j}" for i, j in links) + "\n")


if __name__ == "__main__":
    main()
