//! Generates what the core compiles in: the contracts' types and the phone tables.

use std::error::Error;
use std::path::{Path, PathBuf};

#[path = "build/contracts.rs"]
mod contracts;
#[path = "build/phone.rs"]
mod phone;

fn main() {
    if let Err(error) = generate() {
        // Cargo shows this on one line and fails the build.
        println!("cargo::error={}", error.to_string().replace('\n', " / "));
    }
}

fn generate() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    require_stubs(&root)?;
    contracts::compile(&root)?;
    phone::generate(&root, &out_dir)
}

/// A package without stubs would be of no use to any client, so building one needs them.
fn require_stubs(root: &Path) -> Result<(), Box<dyn Error>> {
    if std::env::var_os("CARGO_FEATURE_PYTHON").is_none() {
        return Ok(());
    }
    let stubs = root.join("server/zmey/v1/__init__.py");
    println!("cargo::rerun-if-changed={}", stubs.display());
    if stubs.exists() {
        return Ok(());
    }
    Err("the Python stubs are missing: run `make stubs` first, or `make build`, which does both"
        .into())
}
