//! One owner of a store directory: an advisory lock on a file that says who holds it.
//!
//! The operating system gives the lock up when the owner ends, however it ends. The file stays.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::{StoreError, StoreResult};

/// The name of the file in the directory of a store.
const FILE_NAME: &str = "owner.lock";

/// Enough of the file to name the owner.
const OWNER_BYTES_MAX: u64 = 200;

/// The ownership of a directory, given up when dropped.
#[derive(Debug)]
pub struct Owner {
    /// Holds the lock for as long as it is open.
    _file: File,
}

impl Owner {
    /// Takes the ownership of an existing directory, or names its owner at once.
    pub fn take(directory: &Path) -> StoreResult<Self> {
        let path = directory.join(FILE_NAME);
        let failed = |error| StoreError::Io(format!("{}: {error}", path.display()));
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Owned {
                    path: directory.display().to_string(),
                    owner: name(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write_name(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// What the owner wrote of itself. It may not have come to it yet.
fn name(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(OWNER_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}

fn write_name(file: &mut File) -> std::io::Result<()> {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {} since {now}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;
    use std::process::{Command, Stdio};

    use super::*;

    const DIRECTORY_VARIABLE: &str = "ZMEY_TEST_OWNER_DIRECTORY";

    fn owner_of(directory: &Path) -> String {
        match Owner::take(directory) {
            Err(StoreError::Owned { path, owner }) => {
                assert_eq!(path, directory.display().to_string());
                owner
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_second_owner_in_the_process_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let owner = Owner::take(directory.path()).unwrap();
        let expected = format!("process {} since ", std::process::id());
        assert!(owner_of(directory.path()).starts_with(&expected));
        drop(owner);
        Owner::take(directory.path()).unwrap();
    }

    /// Not a test of its own: what the next test runs in another process.
    #[test]
    #[ignore = "the other process of the next test"]
    fn other_process() {
        let directory = std::env::var(DIRECTORY_VARIABLE).expect("set by the next test");
        let _owner = Owner::take(Path::new(&directory)).unwrap();
        println!("\nowned");
        std::thread::park();
    }

    #[test]
    fn ownership_ends_with_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::owner::tests::other_process", "--ignored", "--nocapture"])
            .env(DIRECTORY_VARIABLE, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "owned"));
        assert!(owner_of(directory.path()).starts_with(&format!("process {} ", child.id())));
        child.kill().unwrap();
        child.wait().unwrap();
        Owner::take(directory.path()).unwrap();
    }
}
