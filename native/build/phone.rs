//! Makes the phone tables by running `phone_tables.py` beside this file.
//!
//! The numbering plans come from the Python package `phonenumbers` in the version which
//! `pyproject.toml` pins, so the build needs a Python that has it.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// Variables that name an interpreter to ask, in this order.
const INTERPRETER_VARIABLES: [&str; 2] = ["ZMEY_PHONENUMBERS_PYTHON", "PYO3_PYTHON"];

/// The interpreter to ask where no variable names one that has the package: a build in an isolated
/// environment finds its own here.
const INTERPRETER_LAST: &str = "python3";

/// What `pyproject.toml` writes before the version of the package.
const VERSION_PIN: &str = "phonenumbers==";

/// Writes the tables into a directory, from the repository whose root is given.
pub fn generate(root: &Path, out_dir: &Path) -> Result<(), Box<dyn Error>> {
    let scripts = root.join("native/build");
    let project = root.join("pyproject.toml");
    println!("cargo::rerun-if-changed={}", scripts.display());
    println!("cargo::rerun-if-changed={}", project.display());
    let version = pinned_version(&std::fs::read_to_string(&project)?)?;
    let script = scripts.join("phone_tables.py");
    let tables = out_dir.join("phone_tables.rs");
    let mut problems = Vec::new();
    for python in interpreters() {
        match make_tables(&python, &script, &version, &tables) {
            Ok(()) => return Ok(()),
            Err(problem) => problems.push(format!("{python}: {problem}")),
        }
    }
    Err(format!(
        "the phone tables need a Python with phonenumbers {version}; {}. `make build` provides \
         one; otherwise run `{INTERPRETER_LAST} -m pip install {VERSION_PIN}{version}`, or name \
         an interpreter that has it in {}.",
        problems.join("; "),
        INTERPRETER_VARIABLES[0]
    )
    .into())
}

/// The interpreters to ask, in this order. Which one answers makes no difference to the tables,
/// because each must have the pinned version.
fn interpreters() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for variable in INTERPRETER_VARIABLES {
        println!("cargo::rerun-if-env-changed={variable}");
        found.extend(std::env::var(variable).ok().filter(|python| !python.is_empty()));
    }
    found.push(INTERPRETER_LAST.to_owned());
    found.dedup();
    found
}

fn make_tables(python: &str, script: &Path, version: &str, tables: &Path) -> Result<(), String> {
    // -B: the source tree stays free of byte code.
    let output = Command::new(python).arg("-B").arg(script).arg(version).arg(tables).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn pinned_version(project: &str) -> Result<String, Box<dyn Error>> {
    let (_, pinned) = project
        .split_once(VERSION_PIN)
        .ok_or_else(|| format!("pyproject.toml does not pin {VERSION_PIN}"))?;
    Ok(pinned.chars().take_while(|character| matches!(character, '0'..='9' | '.')).collect())
}
