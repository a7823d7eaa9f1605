//! English forms of address without a name: in "Mr open doors said" a name was translated as common words.
//!
//! Separate because it looks at the translation alone. The invariant: only a form of address that never stands without a
//! name is judged, and only by a word in lower case that no name begins with.

use super::Piece;
use crate::article::Span;

/// Forms of address, as they are written.
const ADDRESSES: [&str; 7] = ["Mr", "Mrs", "Ms", "Dr", "Sen", "Rep", "Prof"];
/// What may follow one in lower case: offices in an address, particles of names, and what joins two forms of address.
const MAY_FOLLOW: &str = "president speaker chairman chairwoman chair prime minister justice secretary ambassador bint della dell \
    with from both either";
/// Shortest word that is judged: particles of names (al, bin, van, von, der) are shorter. Articles are judged too.
const SHORTEST: usize = 4;

/// Returns the first form of address and the word behind it that is no name.
pub(super) fn unnamed(text: &str, pieces: &[Piece]) -> Option<(Span, Span)> {
    pieces.iter().enumerate().find_map(|(at, piece)| {
        let address = ADDRESSES.contains(&&text[piece.span.clone()]);
        let point = pieces.get(at + 1).is_some_and(|piece| piece.is_mark('.'));
        let next = pieces.get(at + 1 + usize::from(point)).filter(|_| address)?;
        let word = next.word()?;
        // A hyphen or an apostrophe joins a particle to a name: "d'Estaing".
        let alone = text[next.span.end..].chars().next().is_none_or(|c| c.is_whitespace() || c == ',');
        let article = matches!(word, "the" | "an");
        let common = word.len() >= SHORTEST && !MAY_FOLLOW.split_whitespace().any(|listed| listed == word);
        let lower = text[next.span.clone()].chars().all(|c| c.is_ascii_lowercase());
        (lower && alone && (article || common)).then(|| (piece.span.clone(), next.span.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::scan, *};

    fn found(text: &str) -> Option<(&str, &str)> {
        unnamed(text, &scan(text)).map(|(address, word)| (&text[address], &text[word]))
    }

    #[test]
    fn common_words_behind_a_form_of_address_are_found() {
        assert_eq!(found("Mr open doors said"), Some(("Mr", "open")));
        assert_eq!(found("with Dr. the carriage, too"), Some(("Dr", "the")));
    }

    #[test]
    fn names_with_particles_and_addresses_to_an_office_are_none() {
        for text in [
            "Mr al-Assad said",
            "Mr bin Salman said",
            "Mrs van der Meer said",
            "Mr d'Estaing said",
            "Mr president, we ask",
            "Mr and Mrs Miller",
            "the Dr. The hospital",
            "mr open",
            "a Dr",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
