//! Compiles the wire and storage contracts of `proto/` into Rust types.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protos = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../proto");
    println!("cargo::rerun-if-changed={}", protos.display());
    let files = [
        "zmey/v1/match_service.proto",
        "zmey/v1/member_service.proto",
        "zmey/v1/import_service.proto",
        "zmey/storage/v1/records.proto",
    ];
    let descriptors = protox::compile(files, [&protos])?;
    prost_build::Config::new()
        .bytes(["."])
        .btree_map(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
