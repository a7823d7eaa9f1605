//! A double-array trie over the pieces of a vocabulary: one memory access per byte of text.
//!
//! Separate because segmentation spends its time here. The invariant: a lookup follows only edges that were inserted,
//! so no byte sequence can reach a value of another key.

/// Marks a slot that belongs to no node, and a node that ends no key.
const NONE: u32 = u32::MAX;

/// One node; 16 bytes, so that a cache line holds four and a match needs no second array.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Children of this node lie at `base + byte`.
    base: u32,
    /// The node this one is a child of.
    parent: u32,
    /// Number of the key that ends here.
    id: u32,
    /// Score of that key.
    score: f32,
}

const FREE: Node = Node { base: 0, parent: NONE, id: NONE, score: 0.0 };

/// A key that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    /// Length of the key in bytes.
    pub length: usize,
    /// Its number.
    pub id: u32,
    /// Its score.
    pub score: f32,
}

/// A set of byte strings, each with a number and a score.
#[derive(Debug, Clone)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

impl Trie {
    /// Builds a trie from keys with their numbers and scores; empty keys are ignored.
    pub fn new<'a>(keys: impl IntoIterator<Item = (&'a str, u32, f32)>) -> Self {
        let mut keys: Vec<(&[u8], u32, f32)> =
            keys.into_iter().map(|(key, id, score)| (key.as_bytes(), id, score)).collect();
        keys.retain(|(key, ..)| !key.is_empty());
        keys.sort_by_key(|(key, ..)| *key);
        let mut builder = Builder { nodes: vec![FREE; 512], search_from: 1 };
        builder.build(&keys);
        builder.nodes.shrink_to_fit();
        Trie { nodes: builder.nodes }
    }

    /// Calls `found` for each key that `text` begins with, shortest first.
    #[inline]
    pub fn prefixes(&self, text: &[u8], mut found: impl FnMut(Match)) {
        let (mut at, mut base) = (0, self.nodes[0].base);
        for (index, byte) in text.iter().enumerate() {
            let child = base + u32::from(*byte);
            let Some(node) = self.nodes.get(child as usize).filter(|node| node.parent == at) else { return };
            if node.id != NONE {
                found(Match { length: index + 1, id: node.id, score: node.score });
            }
            (at, base) = (child, node.base);
        }
    }

    /// Returns the longest key that `text` begins with.
    pub fn longest_prefix(&self, text: &[u8]) -> Option<Match> {
        let mut longest = None;
        self.prefixes(text, |found| longest = Some(found));
        longest
    }

    /// Returns the number of the key that is equal to `text`.
    pub fn exact(&self, text: &[u8]) -> Option<u32> {
        self.longest_prefix(text).filter(|found| found.length == text.len()).map(|found| found.id)
    }
}

struct Builder {
    nodes: Vec<Node>,
    search_from: usize,
}

impl Builder {
    /// Places the nodes of sorted keys; each task is a node with the keys that pass through it and their depth.
    fn build(&mut self, keys: &[(&[u8], u32, f32)]) {
        self.nodes[0].parent = NONE - 1; // taken, and the child of no node
        let mut tasks = vec![(0_u32, keys, 0_usize)];
        let mut children = Vec::with_capacity(256);
        while let Some((at, mut keys, depth)) = tasks.pop() {
            while let Some((_, id, score)) = keys.first().filter(|(key, ..)| key.len() == depth) {
                (self.nodes[at as usize].id, self.nodes[at as usize].score) = (*id, *score);
                keys = &keys[1..];
            }
            children.clear();
            children.extend(keys.chunk_by(|a, b| a.0[depth] == b.0[depth]).map(|group| (group[0].0[depth], group)));
            if children.is_empty() {
                continue;
            }
            let base = self.place(&children);
            self.nodes[at as usize].base = base;
            for (byte, group) in &children {
                let child = base + u32::from(*byte);
                self.nodes[child as usize].parent = at;
                tasks.push((child, group, depth + 1));
            }
        }
    }

    /// Finds a base under which every child has a free slot. The search starts where slots are not yet nearly all
    /// taken (the rule of Kudo's Darts), which keeps building linear in practice.
    fn place<T>(&mut self, children: &[(u8, T)]) -> u32 {
        let first = usize::from(children[0].0);
        let mut taken = 0;
        let start = self.search_from.max(first + 1);
        let mut at = start;
        loop {
            if self.nodes.len() < at + 512 {
                self.nodes.resize(at + 1024, FREE);
            }
            if self.nodes[at].parent != NONE {
                taken += 1;
            } else if children.iter().all(|(byte, _)| self.nodes[at - first + usize::from(*byte)].parent == NONE) {
                break;
            }
            at += 1;
        }
        if taken * 20 >= (at - start + 1) * 19 {
            self.search_from = at;
        }
        (at - first) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn trie(keys: &[&str]) -> Trie {
        Trie::new(keys.iter().enumerate().map(|(id, key)| (*key, id as u32, -(id as f32))))
    }

    #[test]
    fn all_prefixes_come_shortest_first() {
        let trie = trie(&["في", "ف", "فيه", "x"]);
        let mut found = vec![];
        trie.prefixes("فيها".as_bytes(), |found_here| found.push((found_here.length, found_here.id)));
        assert_eq!(found, [(2, 1), (4, 0), (6, 2)]);
        assert_eq!(trie.exact("في".as_bytes()), Some(0));
        assert_eq!(trie.exact("فيها".as_bytes()), None);
    }

    #[test]
    fn an_empty_trie_finds_nothing() {
        assert_eq!(trie(&[]).longest_prefix(b"anything"), None);
        assert_eq!(trie(&["a"]).longest_prefix(b""), None);
    }

    proptest! {
        #[test]
        fn lookups_agree_with_an_ordered_map(
            keys in proptest::collection::btree_map("[a-cا-ت]{1,5}", 0..1000_u32, 0..60),
            text in "[a-cا-ت]{0,8}",
        ) {
            let trie = Trie::new(keys.iter().map(|(key, id)| (key.as_str(), *id, *id as f32)));
            let mut found = BTreeMap::new();
            trie.prefixes(text.as_bytes(), |hit| { found.insert(hit.length, hit.id); });
            let expected: BTreeMap<usize, u32> =
                keys.iter().filter(|(key, _)| text.starts_with(key.as_str())).map(|(key, id)| (key.len(), *id)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
