//! The model that is compiled into the binary.
//!
//! Separate because it is the one place where the `builtin` feature shows. The invariant: the program behaves the same
//! with and without the feature, except that without it there is no such model.

use super::{ModelFiles, Origin};
use std::collections::BTreeMap;

/// The name by which users ask for it, and which documents show.
pub const NAME: &str = "builtin";

/// The files of the model; none without the feature.
#[cfg(feature = "builtin")]
const FILES: &[(&str, &[u8])] = &[
    ("config.json", include_bytes!("../../models/builtin/config.json")),
    ("generation_config.json", include_bytes!("../../models/builtin/generation_config.json")),
    ("model.safetensors", include_bytes!("../../models/builtin/model.safetensors")),
    ("source.spm", include_bytes!("../../models/builtin/source.spm")),
    ("target.spm", include_bytes!("../../models/builtin/target.spm")),
    ("vocab.json", include_bytes!("../../models/builtin/vocab.json")),
    ("target_vocab.json", include_bytes!("../../models/builtin/target_vocab.json")),
    ("tokenizer_config.json", include_bytes!("../../models/builtin/tokenizer_config.json")),
];

#[cfg(not(feature = "builtin"))]
const FILES: &[(&str, &[u8])] = &[];

/// Returns the built-in model, where this binary has one.
pub fn model(licence: Option<String>) -> Option<ModelFiles> {
    (!FILES.is_empty()).then(|| ModelFiles {
        origin: Origin::Builtin(FILES),
        name: NAME.to_owned(),
        revision: None,
        licence,
        hashes: BTreeMap::new(),
    })
}

#[cfg(all(test, feature = "builtin"))]
mod tests {
    use super::*;
    use crate::engine::catalogue::Catalogue;

    #[test]
    fn the_catalogue_states_the_size_of_the_files_in_the_binary() {
        let bytes: usize = FILES.iter().map(|(_, bytes)| bytes.len()).sum();
        let catalogue = Catalogue::shipped().unwrap();
        assert_eq!(catalogue.find(NAME).unwrap().bytes, bytes as u64);
        assert!(bytes < 25_000_000);
    }

    #[test]
    fn its_files_are_read_from_the_binary() {
        let files = model(None).unwrap();
        assert!(files.has("source.spm") && files.path("source.spm").is_none() && !files.has("tokenizer.json"));
        assert_eq!(files.read("config.json").unwrap()[0], b'{');
    }
}
