//! The lines of standard input, read ahead by a thread of their own.
//!
//! Separate so that lines come in while others are translated, and so that a pause of the input is seen. The invariant:
//! what is read ahead has a bound in bytes, and of a line over its limit no more than the limit is ever held.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// Bytes of a line: four times what an article may have, since JSON escapes and a fed draft lists its blocks.
pub(super) const MOST_BYTES: usize = 64 << 20;
/// Bytes of lines that are read ahead, and one line more.
const READ_AHEAD: usize = 8 << 20;

/// A line that is not blank.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the input, from 1, blank lines counted.
    pub number: usize,
    /// Its bytes without its end; `None` where it is over the limit.
    pub text: Option<Vec<u8>>,
}

/// What there is to take.
#[derive(Debug)]
pub(super) enum Next {
    Line(Line),
    /// No line came in the time given.
    Pause,
    /// The input has ended, or could not be read any further.
    End(Option<io::Error>),
}

/// Lines that were read ahead.
pub(super) struct Inbox(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    ended: bool,
    error: Option<io::Error>,
}

impl Inbox {
    /// Begins to read.
    pub fn open(input: impl Read + Send + 'static) -> Inbox {
        let shared = Arc::new(Shared::default());
        let inbox = Inbox(Arc::clone(&shared));
        thread::spawn(move || shared.fill(BufReader::new(input)));
        inbox
    }

    /// Returns the next line, waiting so long for it.
    pub fn next(&self, patience: Duration) -> Next {
        let nothing = |state: &mut State| state.lines.is_empty() && !state.ended;
        let state = self.0.changed.wait_timeout_while(self.0.lock(), patience, nothing);
        let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
        match state.lines.pop_front() {
            Some(line) => {
                state.bytes -= line.weight();
                self.0.changed.notify_all();
                Next::Line(line)
            }
            None if state.ended => Next::End(state.error.take()),
            None => Next::Pause,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, mut input: impl BufRead) {
        let mut number = 0;
        let end = loop {
            number += 1;
            match next_line(&mut input, MOST_BYTES) {
                Ok(Some(Some(text))) if text.trim_ascii().is_empty() => {}
                Ok(Some(text)) => self.push(Line { number, text }),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let mut state = self.lock();
        (state.ended, state.error) = (true, end);
        self.changed.notify_all();
    }

    /// Adds a line once there is room for it.
    fn push(&self, line: Line) {
        let full = |state: &mut State| state.bytes >= READ_AHEAD;
        let mut state = self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        state.bytes += line.weight();
        state.lines.push_back(line);
        self.changed.notify_all();
    }
}

impl Line {
    /// Returns the bytes that it holds, or about what it costs to hold an empty one.
    fn weight(&self) -> usize {
        self.text.as_ref().map_or(0, Vec::len) + mem::size_of::<Line>()
    }
}

/// Reads a line without its end; `None` at the end of the input, `Some(None)` for one over the limit, which is passed over.
fn next_line(input: &mut impl BufRead, limit: usize) -> io::Result<Option<Option<Vec<u8>>>> {
    let (mut line, mut is_long, mut found) = (Vec::new(), false, false);
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        found |= !buffer.is_empty();
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        is_long |= line.len() + part.len() > limit;
        match is_long {
            true => line = Vec::new(),
            false => line.extend_from_slice(part),
        }
        let (used, is_over) = (part.len() + usize::from(end.is_some()), end.is_some() || buffer.is_empty());
        input.consume(used);
        if is_over {
            return Ok(found.then(|| (!is_long).then_some(line)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn lines(inbox: &Inbox) -> Vec<(usize, Option<String>)> {
        let mut lines = Vec::new();
        while let Next::Line(line) = inbox.next(LONG) {
            lines.push((line.number, line.text.map(|text| String::from_utf8(text).unwrap())));
        }
        lines
    }

    #[test]
    fn blank_lines_are_counted_and_left_out() {
        let inbox = Inbox::open(&b"{}\n\n \r\nb"[..]);
        assert_eq!(lines(&inbox), [(1, Some("{}".to_owned())), (4, Some("b".to_owned()))]);
    }

    #[test]
    fn a_line_over_the_limit_is_passed_over_and_the_next_one_follows() {
        let mut input = BufReader::with_capacity(3, &b"123456789\n12\n1234"[..]);
        let mut next = || next_line(&mut input, 4).unwrap();
        assert_eq!(next(), Some(None));
        assert_eq!(next(), Some(Some(b"12".to_vec())));
        assert_eq!(next(), Some(Some(b"1234".to_vec())));
        assert_eq!(next(), None);
    }

    #[test]
    fn no_more_is_read_ahead_than_the_bound_and_one_line() {
        let text = vec![b'x'; READ_AHEAD / 4];
        let input = [text.as_slice(); 9].join(&b'\n');
        let inbox = Inbox::open(io::Cursor::new(input));
        let mut taken = 0;
        while let Next::Line(line) = inbox.next(LONG) {
            taken += 1;
            assert!(inbox.0.lock().bytes <= READ_AHEAD + line.weight());
        }
        assert_eq!(taken, 9);
    }

    #[test]
    fn an_input_that_pauses_is_told_from_one_that_has_ended() {
        let (reader, writer) = io::pipe().unwrap();
        let inbox = Inbox::open(reader);
        assert!(matches!(inbox.next(Duration::from_millis(1)), Next::Pause));
        drop(writer);
        assert!(matches!(inbox.next(LONG), Next::End(None)));
    }
}
