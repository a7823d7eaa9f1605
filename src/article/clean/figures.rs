//! Captions of pictures.
//!
//! Separate because in plain text a caption is known only by its neighbour, the picture's file name, or by its credit. The
//! invariant: no line is removed here, and a line of prose is a caption only if it closes with a credit.

use super::{Label, Page, boilerplate::IMAGE_FILE, line::Line, places};
use crate::article::{BlockKind, Role};

/// Words of a caption without and with a credit at its end, at most.
const LONGEST: usize = 25;
const LONGEST_CREDITED: usize = 45;

/// Labels captions.
pub fn label(page: &mut Page) {
    let head = page.head();
    for index in page.open(0..page.lines.len()) {
        let line = &page.lines[index];
        let plain = line.kind == BlockKind::Paragraph && (is_credited(line) || follows_picture(page, index, head.end));
        if plain || line.kind == BlockKind::Caption {
            page.keep(index, Role::Caption);
        }
    }
}

fn is_credited(line: &Line) -> bool {
    has_credit(line) && line.words <= LONGEST_CREDITED && !line.ends_with_full_stop()
}

/// Returns true for a short unfinished line right under a picture: in the body no empty line may stand between, because
/// there text goes on after pictures. A file with structure marks its captions: nothing is guessed in one.
fn follows_picture(page: &Page, index: usize, first_prose: usize) -> bool {
    let line = &page.lines[index];
    let above = index.checked_sub(1).filter(|&above| page.labels[above] == Some(Label::Remove(IMAGE_FILE)));
    let plain = above.map(|above| &page.lines[above]).filter(|image| image.kind == BlockKind::Paragraph);
    let Some(image) = plain else { return false };
    let near = index < first_prose || image.block == line.block || page.gap(image, line).matches('\n').count() <= 1;
    near && line.words <= LONGEST && !line.ends_with_stop() && !line.ends_with_full_stop()
}

/// Returns true for a line that closes with a picture credit: `- (رويترز)`, `(صورة أرشيفية)`.
pub fn has_credit(line: &Line) -> bool {
    let Some(inner) = line.text.trim_end_matches('.').strip_suffix(')') else { return false };
    let Some((before, credit)) = inner.rsplit_once('(') else { return false };
    // A story may close with its agency too: a sentence that has ended is no caption.
    let ended = before.trim_end().ends_with(['.', '!', '؟']);
    !ended
        && before.contains(char::is_alphabetic)
        && credit.split_whitespace().count() <= 4
        && places::is_credit(credit)
}
