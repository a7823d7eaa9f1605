//! A summary that a model writes: in parts where the article is longer than the model reads at once, then merged.
//!
//! Separate from running the model, which knows no sentence, and from judging what it wrote. The invariant: every
//! sentence of a round belongs to exactly one part, and each written sentence knows by what share its attention rests
//! on each sentence of the article, through however many rounds.

mod facts;
mod parts;
mod settle;
mod support;
mod words;
mod written;

pub use facts::unstated_names;
pub use parts::Part;
pub use settle::{Judged, settle};
pub use support::{Linked, Sources};
pub use written::Output;

/// A sentence with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The text.
    pub text: String,
    /// For each sentence of the article, the share of attention that rests on it; sums to 1, or to 0 where none is known.
    pub origin: Vec<f32>,
}

/// A summary in the making.
#[derive(Debug, Clone)]
pub struct Abstraction {
    passages: Vec<Passage>,
    /// A summary of so many sentences is not merged any further.
    enough: usize,
    is_written: bool,
}

impl Abstraction {
    /// Begins with the sentences of an article; the summary is to have at most `enough` sentences.
    pub fn new(sentences: &[&str], enough: usize) -> Self {
        let passage = |(index, text): (usize, &&str)| {
            let mut origin = vec![0.0; sentences.len()];
            origin[index] = 1.0;
            Passage { text: (*text).to_owned(), origin }
        };
        let passages = sentences.iter().enumerate().map(passage).collect();
        Abstraction { passages, enough, is_written: sentences.is_empty() }
    }

    /// Returns the texts to summarize next, each of at most `budget` tokens; `count` returns the tokens of a text.
    pub fn parts(&self, budget: usize, count: &dyn Fn(&str) -> usize) -> Vec<Part> {
        parts::pack(&self.passages, budget, count)
    }

    /// Takes in what the model wrote for each part.
    ///
    /// Several parts are to be merged in another round, unless there are few enough sentences already, or their summaries
    /// together are no shorter than they were.
    pub fn take(&mut self, parts: &[Part], outputs: &[Output]) {
        let length = |passages: &[Passage]| passages.iter().map(|passage| passage.text.len()).sum::<usize>();
        let written: Vec<Passage> = parts
            .iter()
            .zip(outputs)
            .flat_map(|(part, output)| written::passages(part, output, &self.passages))
            .collect();
        let is_short = written.len() <= self.enough;
        self.is_written = parts.len() == 1 || is_short || length(&written) >= length(&self.passages);
        self.passages = written;
    }

    /// Returns true where no further round is needed.
    pub fn is_written(&self) -> bool {
        self.is_written
    }

    /// Returns the sentences that were written, each once.
    pub fn into_passages(self) -> Vec<Passage> {
        let mut passages: Vec<Passage> = Vec::new();
        for passage in self.passages {
            if !passages.iter().any(|other| other.text == passage.text) {
                passages.push(passage);
            }
        }
        passages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        text.split_whitespace().count() + 1
    }

    /// A model that writes the first sentence of what it reads, each word attending to itself.
    fn first_sentence(part: &Part) -> Output {
        let text = part.text.split_inclusive('.').next().unwrap_or_default().to_owned();
        let spans = crate::review::align::words(&part.text);
        let own: Vec<_> = spans.iter().filter(|span| span.end <= text.len()).cloned().collect();
        let row = |t: usize| (0..spans.len()).map(|s| if s == t { 1.0 } else { 0.0 }).collect();
        Output { attention: (0..own.len()).map(row).collect(), text, spans: own, source_spans: spans }
    }

    fn run(sentences: &[&str], budget: usize) -> (Vec<Passage>, usize) {
        let mut abstraction = Abstraction::new(sentences, 1);
        let mut rounds = 0;
        while !abstraction.is_written() {
            let parts = abstraction.parts(budget, &count);
            assert!(parts.iter().all(|part| count(&part.text) <= budget));
            abstraction.take(&parts, &parts.iter().map(first_sentence).collect::<Vec<_>>());
            rounds += 1;
        }
        (abstraction.into_passages(), rounds)
    }

    const LINES: [&str; 4] =
        ["The bridge is open.", "It cost two million.", "The mayor came by boat.", "People danced all night."];

    #[test]
    fn a_short_article_is_written_in_one_round() {
        let (passages, rounds) = run(&LINES, 100);
        assert_eq!((passages[0].text.as_str(), rounds), ("The bridge is open.", 1));
        assert_eq!(passages[0].origin, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_long_article_is_merged_and_still_knows_its_origin() {
        let (passages, rounds) = run(&LINES, 10);
        assert_eq!((passages.len(), rounds), (1, 2));
        assert_eq!(passages[0].origin, [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_model_that_does_not_shorten_ends_all_the_same() {
        let mut abstraction = Abstraction::new(&LINES, 1);
        let parts = abstraction.parts(7, &count);
        let same = |part: &Part| Output { text: part.text.clone(), ..Output::default() };
        abstraction.take(&parts, &parts.iter().map(same).collect::<Vec<_>>());
        assert!(abstraction.is_written());
        assert_eq!(abstraction.into_passages().len(), LINES.len());
    }

    #[test]
    fn summaries_of_parts_that_are_short_enough_together_stay() {
        let mut abstraction = Abstraction::new(&LINES, 2);
        let parts = abstraction.parts(10, &count);
        abstraction.take(&parts, &parts.iter().map(first_sentence).collect::<Vec<_>>());
        assert!(abstraction.is_written());
        let origins: Vec<_> = abstraction.into_passages().into_iter().map(|passage| passage.origin).collect();
        assert_eq!(origins, [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    }

    #[test]
    fn nothing_needs_no_round() {
        assert!(Abstraction::new(&[], 1).is_written());
    }
}
