//! Makes the phone tables by running `phone_tables.py` beside this file.
//!
//! The numbering plans come from the Python package `phonenumbers` in the version which
//! `pyproject.toml` pins, so the build needs a Python that has it.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// The interpreters to ask, in this order; the last resort is `python3`.
const INTERPRETER_VARIABLES: [&str; 2] = ["ZMEY_PHONENUMBERS_PYTHON", "PYO3_PYTHON"];

/// What `pyproject.toml` writes before the version of the package.
const VERSION_PIN: &str = "phonenumbers==";

/// Writes the tables into a directory, from the repository whose root is given.
pub fn generate(root: &Path, out_dir: &Path) -> Result<(), Box<dyn Error>> {
    let scripts = root.join("native/build");
    let project = root.join("pyproject.toml");
    println!("cargo::rerun-if-changed={}", scripts.display());
    println!("cargo::rerun-if-changed={}", project.display());
    let python = interpreter();
    let version = pinned_version(&std::fs::read_to_string(&project)?)?;
    // -B: the source tree stays free of byte code.
    let output = Command::new(&python)
        .arg("-B")
        .arg(scripts.join("phone_tables.py"))
        .arg(&version)
        .arg(out_dir.join("phone_tables.rs"))
        .output();
    let problem = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(format!(
        "the phone tables need a Python with phonenumbers {version}, but {python} failed: \
         {problem}. `make build` provides one; otherwise run `{python} -m pip install \
         {VERSION_PIN}{version}`, or name an interpreter that has it in {}.",
        INTERPRETER_VARIABLES[0]
    )
    .into())
}

fn interpreter() -> String {
    for variable in INTERPRETER_VARIABLES {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    INTERPRETER_VARIABLES
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|python| !python.is_empty()))
        .unwrap_or_else(|| "python3".to_owned())
}

fn pinned_version(project: &str) -> Result<String, Box<dyn Error>> {
    let (_, pinned) = project
        .split_once(VERSION_PIN)
        .ok_or_else(|| format!("pyproject.toml does not pin {VERSION_PIN}"))?;
    Ok(pinned.chars().take_while(|character| matches!(character, '0'..='9' | '.')).collect())
}
