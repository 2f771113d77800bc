//! Compiles the wire and storage contracts of `proto/` into Rust types.

use std::error::Error;
use std::path::Path;

/// Compiles the contracts of the repository whose root is given.
pub fn compile(root: &Path) -> Result<(), Box<dyn Error>> {
    let protos = root.join("proto");
    println!("cargo::rerun-if-changed={}", protos.display());
    let files = [
        "zmey/v1/admin_service.proto",
        "zmey/v1/express_service.proto",
        "zmey/v1/head_service.proto",
        "zmey/v1/match_service.proto",
        "zmey/v1/member_service.proto",
        "zmey/v1/import_service.proto",
        "zmey/v1/origin_service.proto",
        "zmey/internal/v1/jobs.proto",
        "zmey/storage/v1/express.proto",
        "zmey/storage/v1/groups.proto",
        "zmey/storage/v1/records.proto",
        "zmey/storage/v1/jobs.proto",
    ];
    let descriptors = protox::compile(files, [&protos])?;
    prost_build::Config::new().bytes(["."]).btree_map(["."]).compile_fds(descriptors)?;
    Ok(())
}
