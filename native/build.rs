//! Generates what the core compiles in: the contracts' types and the phone tables.

use std::error::Error;
use std::path::PathBuf;

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
    contracts::compile(&root)?;
    phone::generate(&root, &out_dir)
}
