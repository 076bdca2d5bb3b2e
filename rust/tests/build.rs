//! Finds out what the tests can rely on where they are built, so that what cannot run is counted as
//! ignored, with its reason, instead of passing without an assertion.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    flag("engine_avx2", has_avx2());
    flag("engine_avx512ifma", has_avx512ifma());
    flag("have_cavp", named_by("PAIRSMITH_CAVP").is_some());
    flag("have_candidate_lists", has_candidate_lists());
}

/// Sets `--cfg name` for the tests if it holds.
fn flag(name: &str, holds: bool) {
    println!("cargo::rustc-check-cfg=cfg({name})");
    if holds {
        println!("cargo::rustc-cfg={name}");
    }
}

/// The path in a variable; a path that does not exist is left to the tests to fail at.
fn named_by(variable: &str) -> Option<PathBuf> {
    println!("cargo::rerun-if-env-changed={variable}");
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Whether C2SP's candidate lists are where `pairsmith_benches` looks for them.
fn has_candidate_lists() -> bool {
    if named_by("PAIRSMITH_VECTORS").is_some() {
        return true;
    }
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut folders = above.map(|folder| folder.join("shared/vectors/cctv"));
    let Some(found) = folders.find(|folder| folder.is_dir()) else { return false };
    println!("cargo::rerun-if-changed={}", found.display());
    true
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512ifma() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512ifma")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512ifma() -> bool {
    false
}
