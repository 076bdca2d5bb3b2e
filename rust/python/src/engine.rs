//! The prime engine that this process uses.

use std::sync::OnceLock;

use pairsmith_core::lanes::Engine;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Forces an engine: `portable`, `avx512ifma`, or `auto` (the default).
const VARIABLE: &str = "PAIRSMITH_ENGINE";

/// The engine that the environment asks for, else the best of this CPU; settled at first use.
pub fn chosen() -> PyResult<Engine> {
    static CHOSEN: OnceLock<Result<Engine, String>> = OnceLock::new();
    CHOSEN.get_or_init(from_environment).clone().map_err(PyValueError::new_err)
}

/// Its name; the forms of the portable engine have one name.
pub fn name() -> PyResult<&'static str> {
    Ok(match chosen()? {
        Engine::Avx512 => "avx512ifma",
        Engine::Scalar | Engine::Avx2 => "portable",
    })
}

fn from_environment() -> Result<Engine, String> {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    match name.as_str() {
        "" | "auto" => Ok(Engine::best()),
        "portable" => Ok(Engine::portable()),
        "avx512ifma" if Engine::Avx512.available() => Ok(Engine::Avx512),
        "avx512ifma" => Err(format!(
            "{VARIABLE} asks for avx512ifma, which this CPU does not have: unset it, or set it to \
             auto or portable"
        )),
        _ => Err(format!("{VARIABLE} must be auto, portable or avx512ifma, not {name:?}")),
    }
}
