//! Where models come from and are kept: the settings that Python's `huggingface_hub` reads from the environment.
//!
//! Separate because both tools must agree on every one of them, or models are downloaded twice. The invariant: a token
//! belongs to the endpoint it was set beside; [`HubOptions::at`] another endpoint there is none.

use std::{fmt, path::PathBuf, time::Duration};

/// The public hub.
const PUBLIC_HUB: &str = "https://huggingface.co";

/// Where the hub is, where its files are kept, and how long to wait for it.
#[derive(Clone)]
pub struct HubOptions {
    /// Base address of the hub; `None` is the public one.
    pub endpoint: Option<String>,
    /// Folder of the cache; `None` is the one Python would use in an empty environment.
    pub cache_dir: Option<PathBuf>,
    /// Use the cache alone, no network at all.
    pub offline: bool,
    /// Access token, sent to the endpoint and to no other host.
    pub token: Option<String>,
    /// Link snapshots to blobs, as Python does; copies are made where this is off or links fail.
    pub symlinks: bool,
    /// How long to wait and how often to try again.
    pub patience: Patience,
}

/// How long to wait for a hub, and how often to ask it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first attempt to connect to the first byte of the answer.
    pub first_contact: Duration,
    /// The longest silence while a file is downloaded.
    pub stall: Duration,
    /// Attempts after a failure that may pass; a download that gets further starts the count anew.
    pub retries: u32,
    /// Wait before the first of them; it doubles each time.
    pub backoff: Duration,
    /// The longest wait that a hub may ask for.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            first_contact: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            retries: 4,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(120),
        }
    }
}

impl Default for HubOptions {
    fn default() -> Self {
        HubOptions {
            endpoint: None,
            cache_dir: None,
            offline: false,
            token: None,
            symlinks: true,
            patience: Patience::default(),
        }
    }
}

/// Shows everything but the token and the password of the endpoint.
impl fmt::Debug for HubOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HubOptions")
            .field("endpoint", &self.shown_endpoint())
            .field("cache_dir", &self.cache_dir)
            .field("offline", &self.offline)
            .field("token", &self.token.as_ref().map(|_| "set"))
            .finish_non_exhaustive()
    }
}

impl HubOptions {
    /// Reads the variables that Python's `huggingface_hub` reads, by its rules; an empty variable counts as unset.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> HubOptions {
        let environment = Environment { lookup: &lookup };
        let home = environment.hub_home();
        let cache = environment.first(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]);
        let cache_dir =
            cache.map_or_else(|| home.as_ref().map(|home| home.join("hub")), |cache| Some(environment.path(&cache)));
        HubOptions {
            endpoint: environment.get("HF_ENDPOINT"),
            cache_dir,
            // As in Python, the second variable is asked only where the first is not set at all.
            offline: environment
                .first(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
                .is_some_and(|value| is_true(&value)),
            token: environment.token(home),
            symlinks: !environment.is_true("HF_HUB_DISABLE_SYMLINKS"),
            patience: Patience::default(),
        }
    }

    /// Returns these options for another endpoint, without the token where its origin differs.
    ///
    /// A mirror must not learn a token that was made for the public hub. Whoever wants one sent to a mirror sets
    /// `HF_ENDPOINT` beside `HF_TOKEN`, as for Python.
    pub fn at(self, endpoint: &str) -> HubOptions {
        let token = if origin(self.endpoint()) == origin(endpoint) { self.token } else { None };
        HubOptions { endpoint: Some(endpoint.to_owned()), token, ..self }
    }

    /// Returns the base address of the hub, without a closing slash.
    pub fn endpoint(&self) -> &str {
        self.endpoint.as_deref().unwrap_or(PUBLIC_HUB).trim_end_matches('/')
    }

    /// Returns the base address as messages name it.
    pub fn shown_endpoint(&self) -> String {
        without_user(self.endpoint())
    }
}

/// Returns an address without the user and password that may stand before its host.
pub fn without_user(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let after_user = rest[..host].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[after_user..])
}

/// Returns scheme, host and port of an address.
fn origin(address: &str) -> String {
    let end = address.find("://").map_or(0, |at| at + 3);
    let length = address[end..].find(['/', '?', '#']).unwrap_or(address.len() - end);
    address[..end + length].to_ascii_lowercase()
}

/// Returns true for the values that Python's `huggingface_hub` takes for yes.
fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_ascii_uppercase().as_str())
}

struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| is_true(&value))
    }

    /// Returns the user's own folder.
    fn user(&self) -> Option<PathBuf> {
        self.first(&["HOME", "USERPROFILE"]).map(PathBuf::from)
    }

    fn hub_home(&self) -> Option<PathBuf> {
        let within = |name: &str| self.get(name).map(|value| self.path(&value));
        let caches = || within("XDG_CACHE_HOME").or_else(|| self.user().map(|user| user.join(".cache")));
        within("HF_HOME").or_else(|| caches().map(|folder| folder.join("huggingface")))
    }

    fn token(&self, home: Option<PathBuf>) -> Option<String> {
        if self.is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return None;
        }
        let clean =
            |token: String| Some(token.replace(['\r', '\n'], "").trim().to_owned()).filter(|token| !token.is_empty());
        let path =
            self.get("HF_TOKEN_PATH").map(|path| self.path(&path)).or_else(|| home.map(|home| home.join("token")));
        let given = self.first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).and_then(clean);
        given.or_else(|| std::fs::read_to_string(path?).ok().and_then(clean))
    }

    /// Returns a path with `~`, `$NAME` and `${NAME}` filled in; a name that is not set stays as written.
    fn path(&self, text: &str) -> PathBuf {
        let text = self.expanded(text);
        match (text.strip_prefix('~'), self.user()) {
            (Some(""), Some(user)) => user,
            (Some(rest), Some(user)) if rest.starts_with(['/', '\\']) => user.join(&rest[1..]),
            _ => PathBuf::from(text),
        }
    }

    fn expanded(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let (whole, name) = variable(&rest[at..]);
            out.push_str(&(self.lookup)(name).unwrap_or_else(|| whole.to_owned()));
            rest = &rest[at + whole.len()..];
        }
        out + rest
    }
}

/// Returns the reference to a variable that opens the text (`$NAME`, `${NAME}` or a bare `$`), and the name in it.
fn variable(text: &str) -> (&str, &str) {
    if let Some(end) = text.find('}').filter(|_| text.starts_with("${")) {
        return (&text[..=end], &text[2..end]);
    }
    let end = text[1..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(text.len(), |end| end + 1);
    (&text[..end], &text[1..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashMap, path::Path};

    fn options(pairs: &[(&str, &str)]) -> HubOptions {
        let pairs: HashMap<_, _> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        HubOptions::from_env(|name| pairs.get(name).cloned())
    }

    fn cache(pairs: &[(&str, &str)]) -> String {
        options(pairs).cache_dir.unwrap().to_string_lossy().replace('\\', "/")
    }

    #[test]
    fn the_cache_is_the_one_python_would_use() {
        assert_eq!(cache(&[("HOME", "/u")]), "/u/.cache/huggingface/hub");
        assert_eq!(cache(&[("HOME", "/u"), ("XDG_CACHE_HOME", "~/c")]), "/u/c/huggingface/hub");
        assert_eq!(cache(&[("HOME", "/u"), ("XDG_CACHE_HOME", "/c"), ("HF_HOME", "/h")]), "/h/hub");
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")]), "/old");
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")]), "/new");
        assert_eq!(
            cache(&[("HF_HUB_CACHE", "$SCRATCH/${WHO}/hub$NONE"), ("SCRATCH", "/s"), ("WHO", "me")]),
            "/s/me/hub$NONE"
        );
    }

    #[test]
    fn offline_is_read_as_python_reads_it() {
        assert!(options(&[("HF_HUB_OFFLINE", "yes")]).offline);
        assert!(options(&[("TRANSFORMERS_OFFLINE", "1")]).offline);
        assert!(!options(&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")]).offline);
        assert!(!options(&[("HF_HUB_OFFLINE", "2")]).offline);
    }

    #[test]
    fn the_token_comes_from_the_variable_then_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        std::fs::write(folder.path().join("token"), " hf_file\n").unwrap();
        assert_eq!(options(&[("HF_HOME", home)]).token.as_deref(), Some("hf_file"));
        assert_eq!(options(&[("HF_HOME", home), ("HF_TOKEN", "hf_env\n")]).token.as_deref(), Some("hf_env"));
        assert_eq!(options(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token, None);
        let elsewhere = folder.path().join("none");
        assert_eq!(options(&[("HF_HOME", home), ("HF_TOKEN_PATH", elsewhere.to_str().unwrap())]).token, None);
    }

    #[test]
    fn a_password_in_the_address_is_used_and_never_shown() {
        let options = options(&[("HF_ENDPOINT", "https://desk:secret@hub.example/mirror")]);
        assert_eq!(options.endpoint(), "https://desk:secret@hub.example/mirror");
        assert_eq!(options.shown_endpoint(), "https://hub.example/mirror");
        assert!(!format!("{options:?}").contains("secret"));
    }

    #[test]
    fn a_token_does_not_follow_to_another_endpoint() {
        let from = |pairs: &[(&str, &str)], endpoint| options(pairs).at(endpoint).token;
        assert_eq!(from(&[("HF_TOKEN", "t")], "https://mirror.example"), None);
        assert_eq!(from(&[("HF_TOKEN", "t")], "https://HuggingFace.co/").as_deref(), Some("t"));
        assert_eq!(from(&[("HF_TOKEN", "t")], "https://huggingface.co.evil.example"), None);
        let mirror = [("HF_TOKEN", "t"), ("HF_ENDPOINT", "https://mirror.example/")];
        assert_eq!(options(&mirror).token.as_deref(), Some("t"));
        assert_eq!(from(&mirror, "https://mirror.example/hub").as_deref(), Some("t"));
        assert_eq!(from(&mirror, "https://mirror.example:8443"), None);
    }

    #[test]
    fn a_token_is_never_shown() {
        let shown = format!("{:?}", options(&[("HF_TOKEN", "hf_secret"), ("HF_HUB_CACHE", "/c")]));
        assert!(!shown.contains("hf_secret"), "{shown}");
        assert_eq!(options(&[("HF_HUB_CACHE", "/c")]).cache_dir.as_deref(), Some(Path::new("/c")));
    }
}
