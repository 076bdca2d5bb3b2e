//! Where the published vectors are.

use std::path::{Path, PathBuf};

/// A file of `../shared/vectors`, or of the folder that `PAIRSMITH_VECTORS` names; `None`, said
/// aloud, where neither exists.
pub fn vectors(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("PAIRSMITH_VECTORS").map_or(beside, PathBuf::from);
    let file = folder.join(name);
    if file.is_file() {
        return Some(file);
    }
    eprintln!("skipped: no vectors at {}; set PAIRSMITH_VECTORS", folder.display());
    None
}

/// The parsed JSON of such a file.
pub fn vectors_json(name: &str) -> Option<serde_json::Value> {
    let text = std::fs::read_to_string(vectors(name)?).expect("the vectors can be read");
    Some(serde_json::from_str(&text).expect("the vectors are JSON"))
}
