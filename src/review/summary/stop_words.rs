//! Arabic function words, which say nothing about what a sentence is about.
//!
//! Separate because it is data. The invariant: words are written as folding leaves them, and sorted for binary search.

/// Returns true for a function word (folded).
pub(in crate::review) fn contains(word: &str) -> bool {
    let known = |word: &str| WORDS.binary_search(&word).is_ok();
    known(word) || word.strip_prefix(['و', 'ف']).is_some_and(known)
}

#[rustfmt::skip]
const WORDS: [&str; 151] = [
    "ابان", "اثر", "اثناء", "احد", "احدي", "اخر", "اخري", "اذ", "اذا", "ازاء", "اصبح", "اضاف", "اضافت", "اكثر",
    "الا", "الاخر", "الان", "التي", "الذي", "الذين", "اللذان", "اللواتي", "الي", "اليه", "اليها", "ام", "اما",
    "امام", "ان", "انا", "انت", "انه", "انها", "او", "اول", "اي", "ايضا", "اين", "بان", "بانه", "بانها", "بعد",
    "بعض", "بل", "بن", "به", "بها", "بين", "بينما", "تحت", "تكون", "تلك", "تم", "ثم", "جدا", "جميع", "حتي", "حسب",
    "حول", "حيث", "حين", "خارج", "خاصه", "خلال", "داخل", "دون", "ذات", "ذلك", "سوف", "سوي", "ضد", "ضمن", "عبر",
    "عدد", "عدم", "علي", "عليه", "عليها", "عن", "عند", "عندما", "عنه", "عنها", "غير", "فان", "فقد", "فقط", "فوق",
    "في", "فيما", "فيه", "فيها", "قال", "قالت", "قبل", "قد", "قرب", "كان", "كانت", "كل", "كلا", "كم", "كما", "كيف",
    "لا", "لان", "لدي", "لقد", "لكن", "لم", "لماذا", "لن", "له", "لها", "لهم", "لو", "ليس", "ليست", "ليه", "ما",
    "ماذا", "متي", "مثل", "مع", "معه", "معها", "مما", "من", "منذ", "منه", "منها", "نحو", "نفس", "نفسه", "هذا",
    "هذه", "هكذا", "هل", "هم", "هن", "هنا", "هناك", "هو", "هي", "وقد", "ولا", "ولم", "يتم", "يكون", "يمكن", "يوم",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::normalize::fold;

    #[test]
    fn words_are_folded_and_sorted() {
        assert!(WORDS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(WORDS.iter().all(|word| fold(word) == *word));
    }

    #[test]
    fn a_joined_conjunction_is_seen_through() {
        assert!(contains("في") && contains("وفي") && contains("فهو"));
        assert!(!contains("جسر") && !contains("وزير"));
    }
}
