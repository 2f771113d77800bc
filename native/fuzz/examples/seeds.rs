//! Writes the inputs with which fuzzing begins: `seeds DIRECTORY` makes one folder for each target.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use zmey_fuzz::TARGETS;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("name the directory of the corpora")?;
    for target in TARGETS {
        let corpus = PathBuf::from(&directory).join(target.name);
        fs::create_dir_all(&corpus)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
