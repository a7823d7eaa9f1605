//! A model hub on loopback that can misbehave in every way the tests name.
//!
//! Separate so that tests read as what happened, not as sockets. The invariant: it answers as the public hub does (the
//! listing gives the SHA-256 of large files as `lfs.oid`, small files have their git SHA-1) unless a fault says
//! otherwise, and it logs every request with the bytes it sent for it.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Files from this size on are "large": listed with a SHA-256.
const LARGE: usize = 10_000;

/// One way to misbehave.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An HTTP status with an error page, and a header.
    Status(u16, &'static str, &'static str),
    /// The right length is promised, then the connection breaks after so many bytes.
    Cut(usize),
    /// So many bytes come, then nothing, while the connection stays open.
    Stall(usize),
    /// The right length, the wrong bytes.
    Wrong,
    /// A whole answer of only so many bytes.
    Short(usize),
    /// The connection is accepted, the request read, and that is all.
    Silent,
    /// The answer is complete whatever range was asked for.
    NoRanges,
    /// The same path on another server.
    Redirect(String),
    /// The answer comes, but late.
    Late(Duration),
    /// Another body, with status 200.
    Body(&'static str),
}

/// A request as it was served.
#[derive(Debug, Clone)]
pub struct Served {
    pub path: String,
    pub range: Option<String>,
    pub authorization: Option<String>,
    /// Bytes of the body that were written.
    pub sent: usize,
}

struct Repo {
    commit: String,
    licence: String,
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Default)]
struct State {
    repos: BTreeMap<String, Repo>,
    faults: Vec<(String, Fault, usize)>,
    served: Vec<Served>,
}

/// The server; it ends with the test process.
pub struct HubServer {
    state: Arc<Mutex<State>>,
    address: String,
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HubServer {
    /// Starts a hub without repositories.
    pub fn start() -> HubServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that has gone away is none of the server's business.
                thread::spawn(move || serve(stream, &state));
            }
        });
        HubServer { state, address }
    }

    /// Adds a repository with the files of one commit.
    pub fn with(self, repo: &str, commit: &str, files: &[(&str, Vec<u8>)]) -> HubServer {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect();
        let repo_files = Repo { commit: commit.to_owned(), licence: "cc-by-4.0".to_owned(), files };
        self.state.lock().unwrap().repos.insert(repo.to_owned(), repo_files);
        self
    }

    /// Misbehaves so many times on paths that contain this text.
    pub fn fault(&self, path: &str, fault: Fault, times: usize) {
        self.state.lock().unwrap().faults.push((path.to_owned(), fault, times));
    }

    /// Behaves again.
    pub fn heal(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Returns the base address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the requests whose path contains this text.
    pub fn served(&self, path: &str) -> Vec<Served> {
        self.state.lock().unwrap().served.iter().filter(|served| served.path.contains(path)).cloned().collect()
    }

    /// Returns the bytes sent for such requests.
    pub fn sent(&self, path: &str) -> usize {
        self.served(path).iter().map(|served| served.sent).sum()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = read(&stream) else { return };
    let fault = {
        let mut state = state.lock().unwrap();
        let fault = state.faults.iter_mut().find(|(path, _, times)| *times > 0 && request.path.contains(path.as_str()));
        fault.map(|(_, fault, times)| {
            *times -= 1;
            fault.clone()
        })
    };
    let answer = match &fault {
        Some(Fault::Late(wait)) => {
            thread::sleep(*wait);
            state.lock().unwrap().answer(&request, true)
        }
        Some(Fault::NoRanges) => state.lock().unwrap().answer(&request, false),
        _ => state.lock().unwrap().answer(&request, true),
    };
    let (answer, length, end) = spoiled(answer, fault, &request);
    let log = Served {
        path: request.path.clone(),
        range: request.headers.get("range").cloned(),
        authorization: request.headers.get("authorization").cloned(),
        sent: length,
    };
    state.lock().unwrap().served.push(log);
    if !matches!(end, End::Nothing) {
        let _ = write(&mut stream, &answer, &answer.body[..length], request.method == "HEAD");
    }
    if !matches!(end, End::Close) {
        // Holds the connection open until the client has had enough.
        let _ = stream.read(&mut [0; 1]);
    }
}

enum End {
    Close,
    Hold,
    Nothing,
}

/// Returns the answer as the fault leaves it, how much of its body to write, and how to end.
fn spoiled(mut answer: Answer, fault: Option<Fault>, request: &Request) -> (Answer, usize, End) {
    let whole = answer.body.len();
    match fault {
        Some(Fault::Status(status, name, value)) => {
            let body = b"<html>an error page</html>".to_vec();
            let headers = vec![(name.to_owned(), value.to_owned())];
            let length = body.len();
            return (Answer { status, headers, body }, length, End::Close);
        }
        Some(Fault::Cut(length)) => return (answer, length.min(whole), End::Close),
        Some(Fault::Stall(length)) => return (answer, length.min(whole), End::Hold),
        Some(Fault::Silent) => return (answer, 0, End::Nothing),
        Some(Fault::Wrong) => answer.body.iter_mut().for_each(|byte| *byte ^= 0x20),
        Some(Fault::Short(length)) => answer.body.truncate(length),
        Some(Fault::Redirect(to)) => {
            let headers = vec![("Location".to_owned(), format!("{to}{}", request.path))];
            return (Answer { status: 302, headers, body: Vec::new() }, 0, End::Close);
        }
        Some(Fault::Body(text)) => answer = Answer { status: 200, headers: Vec::new(), body: text.as_bytes().to_vec() },
        Some(Fault::NoRanges | Fault::Late(_)) | None => {}
    }
    let length = answer.body.len();
    (answer, length, End::Close)
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line.ok()?;
        if line.is_empty() {
            return Some(Request { method, path, headers });
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    None
}

fn write(stream: &mut TcpStream, answer: &Answer, body: &[u8], is_head: bool) -> std::io::Result<()> {
    let mut head =
        format!("HTTP/1.1 {} x\r\nConnection: close\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if !is_head {
        stream.write_all(body)?;
    }
    stream.flush()
}

impl State {
    fn answer(&self, request: &Request, ranges: bool) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default();
        let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match words[..] {
            ["api", "models", owner, name, kind @ ("revision" | "tree"), revision] => {
                self.metadata(&format!("{owner}/{name}"), kind, revision)
            }
            [owner, name, "resolve", revision, file] => {
                self.file(&format!("{owner}/{name}"), revision, file, request.headers.get("range").filter(|_| ranges))
            }
            _ => not_found("EntryNotFound"),
        }
    }

    fn metadata(&self, name: &str, kind: &str, revision: &str) -> Answer {
        let Some(repo) = self.repos.get(name) else { return not_found("RepoNotFound") };
        if revision != "main" && revision != repo.commit {
            return not_found("RevisionNotFound");
        }
        let body = match kind {
            "revision" => serde_json::json!({
                "_id": "1", "id": name, "modelId": name, "sha": repo.commit, "gated": false, "private": false,
                "cardData": {"license": repo.licence},
                "siblings": repo.files.keys().map(|file| serde_json::json!({"rfilename": file})).collect::<Vec<_>>(),
            }),
            _ => {
                let files = repo.files.iter().map(|(file, bytes)| entry(file, bytes));
                let folder = serde_json::json!({"type": "directory", "oid": "0".repeat(40), "size": 0, "path": "onnx"});
                files.chain([folder]).collect()
            }
        };
        Answer {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    fn file(&self, name: &str, revision: &str, file: &str, range: Option<&String>) -> Answer {
        let Some(repo) = self.repos.get(name) else { return not_found("RepoNotFound") };
        if revision != "main" && revision != repo.commit {
            return not_found("RevisionNotFound");
        }
        let Some(bytes) = repo.files.get(file) else { return not_found("EntryNotFound") };
        let digest = if bytes.len() < LARGE { git_blob(bytes) } else { hex(&Sha256::digest(bytes)) };
        let mut headers =
            vec![("X-Repo-Commit".to_owned(), repo.commit.clone()), ("ETag".to_owned(), format!("\"{digest}\""))];
        let from = range.and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse::<usize>().ok());
        match from {
            Some(from) if from < bytes.len() => {
                headers.push(("Content-Range".to_owned(), format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())));
                Answer { status: 206, headers, body: bytes[from..].to_vec() }
            }
            _ => Answer { status: 200, headers, body: bytes.clone() },
        }
    }
}

/// Returns a file's entry in a listing, with the names the public hub uses.
fn entry(file: &str, bytes: &[u8]) -> serde_json::Value {
    let size = bytes.len();
    if size < LARGE {
        return serde_json::json!({"type": "file", "oid": git_blob(bytes), "size": size, "path": file});
    }
    let oid = hex(&Sha256::digest(bytes));
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n");
    serde_json::json!({
        "type": "file", "oid": git_blob(pointer.as_bytes()), "size": size, "path": file,
        "lfs": {"oid": oid, "size": size, "pointerSize": pointer.len()},
    })
}

fn not_found(code: &str) -> Answer {
    let headers = vec![("X-Error-Code".to_owned(), code.to_owned())];
    Answer { status: 404, headers, body: br#"{"error": "not here"}"#.to_vec() }
}

fn git_blob(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
