//! Bytes -> drafts: every format an article comes in, each read by one file here.
//!
//! Separate from cleaning because a reader only says what the file says: text, structure, declared metadata. The
//! invariant: the raw bytes are hashed before anything else, and every character of a draft that is not white space is
//! in exactly one block.

mod bytes;
mod date;
mod docx;
mod draft;
mod encoding;
mod error;
mod html;
mod json;
mod lines;
mod markdown;
mod plain;

use std::{
    iter,
    path::{Path, PathBuf},
};

pub use date::iso_date;
pub use error::{ReadError, Reason};

use self::draft::Parsed;
use super::{Draft, Provenance};

/// What to read.
#[derive(Debug, Clone)]
pub enum Content {
    /// A file, opened when its turn comes.
    File(PathBuf),
    /// Bytes already here, as from standard input; their format is told from what they are.
    Bytes(Vec<u8>),
}

/// An input and the name it goes by.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative path with `/` between parts; `-` for standard input.
    pub label: String,
    /// What to read.
    pub content: Content,
}

/// The articles of one input.
pub type Drafts = Box<dyn Iterator<Item = Result<Draft, ReadError>> + Send>;

/// Returns the articles of one input, read lazily: a `.jsonl` of 100,000 lines never lies in memory whole.
pub fn read(source: Source) -> Drafts {
    Box::new(iter::once(source).flat_map(open))
}

/// Returns true where the extension is one that is read.
pub fn is_readable(path: &Path) -> bool {
    Format::of_path(path).is_some()
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    Text,
    Markdown,
    Html,
    Docx,
    Json,
    JsonLines,
}

impl Format {
    fn of_path(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" | "text" => Some(Format::Text),
            "md" | "markdown" => Some(Format::Markdown),
            "html" | "htm" | "xhtml" => Some(Format::Html),
            "docx" => Some(Format::Docx),
            "json" => Some(Format::Json),
            "jsonl" | "ndjson" => Some(Format::JsonLines),
            _ => None,
        }
    }

    /// Returns how many bytes a file may have.
    fn limit(self) -> u64 {
        match self {
            Format::Json => bytes::MAX_JSON_BYTES,
            Format::JsonLines => u64::MAX,
            _ => bytes::MAX_ARTICLE_BYTES,
        }
    }

    /// Tells a format from the bytes, where no extension does.
    fn of_bytes(bytes: &[u8]) -> Format {
        if bytes.starts_with(b"PK\x03\x04") {
            return Format::Docx;
        }
        let text = encoding::decode(&bytes[..bytes.len().min(1 << 20)]).text;
        let start = text.trim_start();
        if is_html(start) {
            return Format::Html;
        }
        let first_line = start.lines().next().unwrap_or_default();
        match start.as_bytes().first() {
            Some(b'{') if serde_json::from_str::<serde_json::Value>(first_line).is_ok() => Format::JsonLines,
            Some(b'{') => Format::Json,
            Some(b'[') if start[1..].trim_start().starts_with('{') => Format::Json,
            _ => Format::Text,
        }
    }
}

/// Returns true for text that begins as an HTML page does.
fn is_html(start: &str) -> bool {
    let start: String = start.chars().take(64).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn open(source: Source) -> Drafts {
    let Source { label, content } = source;
    let named = match &content {
        Content::File(path) => Format::of_path(path),
        Content::Bytes(_) => Format::of_path(Path::new(&label)),
    };
    if named == Some(Format::JsonLines) {
        return match bytes::open(content) {
            Ok(reader) => Box::new(lines::Lines::new(label, reader)),
            Err(reason) => one(Err(ReadError { path: label, record: None, reason })),
        };
    }
    let loaded = bytes::load(content, bytes::MAX_JSON_BYTES).and_then(|bytes| {
        let format = named.unwrap_or_else(|| Format::of_bytes(&bytes));
        bytes::require_size(bytes.len() as u64, format.limit()).map(|()| (format, bytes))
    });
    match loaded {
        Err(reason) => one(Err(ReadError { path: label, record: None, reason })),
        Ok((Format::JsonLines, bytes)) => Box::new(lines::Lines::new(label, std::io::Cursor::new(bytes))),
        Ok((Format::Json, bytes)) => json_articles(label, &bytes),
        Ok((format, bytes)) => one(file_article(&label, format, &bytes)),
    }
}

fn one(article: Result<Draft, ReadError>) -> Drafts {
    Box::new(iter::once(article))
}

fn file_article(path: &str, format: Format, bytes: &[u8]) -> Result<Draft, ReadError> {
    let (encoding, parsed) = match format {
        Format::Docx => ("UTF-8", docx::parse(bytes)),
        _ => text_article(format, bytes),
    };
    draft_of(path, None, bytes, encoding, parsed)
}

fn text_article(format: Format, bytes: &[u8]) -> (&'static str, Result<Parsed, Reason>) {
    let decoded = if format == Format::Html { encoding::decode_page(bytes) } else { encoding::decode(bytes) };
    let parsed = require_text(bytes, &decoded.text).map(|()| match format {
        Format::Html => html::parse(&decoded.text, None),
        Format::Markdown => markdown::parse(&decoded.text),
        // Pages are often saved under .txt.
        _ if is_html(decoded.text.trim_start()) => html::parse(&decoded.text, None),
        _ => plain::parse(decoded.text),
    });
    (decoded.encoding, parsed)
}

fn require_text(bytes: &[u8], text: &str) -> Result<(), Reason> {
    bytes::require_text(bytes)?;
    match text.contains('\0') {
        true => Err(Reason::Binary {
            what: "a binary file",
            next: "convert it to text first, or take it out of the inputs",
        }),
        false => Ok(()),
    }
}

fn json_articles(path: String, bytes: &[u8]) -> Drafts {
    let decoded = encoding::decode(bytes);
    let encoding = decoded.encoding;
    match require_text(bytes, &decoded.text).and_then(|()| json::records(&decoded.text)) {
        Err(reason) => one(Err(ReadError { path, record: None, reason })),
        Ok(json::Records::One(value)) => one(draft_of(&path, None, bytes, encoding, json::record(&value).article)),
        Ok(json::Records::Many(list)) if list.is_empty() => {
            one(Err(ReadError { path, record: None, reason: Reason::Empty }))
        }
        Ok(json::Records::Many(list)) => Box::new(list.into_iter().enumerate().map(move |(index, value)| {
            let record = json::record(&value);
            let id = record.id.unwrap_or_else(|| format!("record-{}", index + 1));
            draft_of(&path, Some(id), value.to_string().as_bytes(), encoding, record.article)
        })),
    }
}

/// Joins what a format holds and where its bytes came from; a draft without text is an error.
fn draft_of(
    path: &str,
    record: Option<String>,
    bytes: &[u8],
    encoding: &str,
    parsed: Result<Parsed, Reason>,
) -> Result<Draft, ReadError> {
    let parsed = match parsed {
        Ok(parsed) if parsed.blocks.is_empty() => Err(Reason::Empty),
        other => other,
    };
    let Parsed { text, blocks, metadata } =
        parsed.map_err(|reason| ReadError { path: path.to_owned(), record: record.clone(), reason })?;
    let provenance = Provenance {
        path: path.to_owned(),
        record,
        sha256: bytes::sha256(bytes),
        bytes: bytes.len() as u64,
        encoding: encoding.to_owned(),
    };
    Ok(Draft { provenance, text, blocks, metadata })
}

#[cfg(test)]
mod tests;
