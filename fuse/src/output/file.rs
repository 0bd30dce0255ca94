//! A local file that appears when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};

use crate::output::body::Output;

/// Bytes after which the disk is made to begin writing.
const AHEAD: u64 = 32 << 20;
/// Bytes that are moved at a time where the file system cannot make room.
const BLOCK: u64 = 4 << 20;

/// Writes beside the file and takes its place at the end. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct FileOutput {
    path: PathBuf,
    part: PathBuf,
    file: Mutex<Written>,
    published: bool,
}

#[derive(Debug)]
struct Written {
    file: File,
    bytes: u64,
    /// Bytes that the disk has been made to write.
    begun: u64,
}

impl Written {
    /// Making room waits until all of the file is on the disk. So the disk begins while more is
    /// being made: on the advice that the bytes are not needed again, Linux starts to write them
    /// (mm/fadvise.c, `POSIX_FADV_DONTNEED`).
    fn begin(&mut self) {
        let bounds = i64::try_from(self.begun)
            .ok()
            .zip(i64::try_from(self.bytes - self.begun).ok());
        if let Some((start, length)) = bounds {
            // Advice that is not taken costs time, nothing else.
            let _ = posix_fadvise(
                &self.file,
                start,
                length,
                PosixFadviseAdvice::POSIX_FADV_DONTNEED,
            );
        }
        self.begun = self.bytes;
    }
}

impl FileOutput {
    /// Begins a file that will be at `path`, which must name a file in a folder that exists.
    ///
    /// # Errors
    /// The operating system's, when there can be no such file.
    pub fn create(path: &Path) -> io::Result<Self> {
        // A link stays one: the file that it leads to is replaced.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it does not name a file",
            ));
        };
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if path.exists() && !path.is_file() {
            let detail = "it is a device or a pipe, and a file would take its place";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
        }
        let mut part = name.to_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(part);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&part)?;
        Ok(Self {
            path: path.to_owned(),
            part,
            file: Mutex::new(Written {
                file,
                bytes: 0,
                begun: 0,
            }),
            published: false,
        })
    }

    /// Puts the head in front of what was written, and the file in its place. Readers of an older
    /// file there keep it.
    ///
    /// # Errors
    /// The operating system's; then nothing is left behind.
    pub fn publish(mut self, head: &[Bytes]) -> io::Result<()> {
        {
            let file = &self
                .file
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .file;
            let length = head.iter().map(|piece| piece.len() as u64).sum();
            make_room(file, length)?;
            let mut at = 0;
            for piece in head {
                file.write_all_at(piece, at)?;
                at = at.saturating_add(piece.len() as u64);
            }
        }
        fs::rename(&self.part, &self.path)?;
        self.published = true;
        Ok(())
    }
}

impl Output for FileOutput {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        written.file.write_all(&bytes)?;
        written.bytes += bytes.len() as u64;
        if written.bytes - written.begun >= AHEAD {
            written.begin();
        }
        Ok(())
    }
}

impl Drop for FileOutput {
    fn drop(&mut self) {
        if !self.published
            && let Err(error) = fs::remove_file(&self.part)
        {
            tracing::warn!(%error, file = %self.part.display(), "an unfinished file could not be removed");
        }
    }
}

/// Moves all of the file `length` bytes towards its end.
fn make_room(file: &File, length: u64) -> io::Result<()> {
    if length == 0 || file.metadata()?.len() == 0 {
        return Ok(());
    }
    // Whole blocks can be put into a file without moving anything (Linux, fallocate(2), "Increasing
    // file space"), by ext4 and XFS, where their blocks are no larger than what the head is padded
    // to.
    let inserted = i64::try_from(length).is_ok_and(|length| {
        fallocate(file, FallocateFlags::FALLOC_FL_INSERT_RANGE, 0, length).is_ok()
    });
    if inserted {
        Ok(())
    } else {
        move_up(file, length)
    }
}

/// The same by copying, from the end on, so that nothing is overwritten before it has been copied.
fn move_up(file: &File, length: u64) -> io::Result<()> {
    let mut end = file.metadata()?.len();
    let mut block = vec![0; usize::try_from(BLOCK.min(end)).unwrap_or(usize::MAX)];
    while end > 0 {
        let count = end.min(BLOCK);
        let piece = block
            .get_mut(..usize::try_from(count).unwrap_or(usize::MAX))
            .unwrap_or_default();
        let start = end - count;
        file.read_exact_at(piece, start)?;
        file.write_all_at(piece, start.saturating_add(length))?;
        end = start;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Vec<u8> {
        (0..9_000_000_u32)
            .flat_map(|number| (number % 251).to_be_bytes()[3..].to_vec())
            .collect()
    }

    #[test]
    fn the_head_comes_to_stand_in_front_of_the_body() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.tif");
        fs::write(&path, "an older file").unwrap();
        let output = FileOutput::create(&path).unwrap();
        for piece in body().chunks(1_000_003) {
            output.body(Bytes::copy_from_slice(piece)).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"an older file");
        output
            .publish(&[Bytes::from(vec![1; 4096]), Bytes::from(vec![2; 4096])])
            .unwrap();
        let expected = [vec![1; 4096], vec![2; 4096], body()].concat();
        assert!(fs::read(&path).unwrap() == expected);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_system_that_cannot_insert_gets_the_body_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, body()).unwrap();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        move_up(&file, 8192).unwrap();
        drop(file);
        assert!(fs::read(&path).unwrap()[8192..] == body());
    }

    #[test]
    fn an_output_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let output = FileOutput::create(&folder.path().join("out.tif")).unwrap();
        output.body(Bytes::from_static(b"body")).unwrap();
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(FileOutput::create(folder.path()).is_err());
    }

    #[test]
    fn a_link_stays_one_and_a_pipe_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.tif"), folder.path().join("link.tif"));
        fs::write(&file, b"old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let output = FileOutput::create(&link).unwrap();
        output.publish(&[Bytes::from_static(b"new")]).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(FileOutput::create(&pipe).is_err());
        assert!(!pipe.is_file());
    }
}
