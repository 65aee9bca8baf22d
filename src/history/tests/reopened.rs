//! What an error of the file costs, when its library gives the store up until it is opened again.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{Database, StorageBackend};

use super::super::calendar::Calendar;
use super::super::handle::Opener;
use super::*;

/// A file on a disk that can be full.
#[derive(Debug)]
struct Disk {
    file: FileBackend,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn room(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.room()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.room()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}

/// A plant whose disk is full when it is said to be.
fn plant() -> (Plant, Arc<AtomicBool>) {
    let is_full = Arc::new(AtomicBool::new(false));
    let full = Arc::clone(&is_full);
    let open = move |path: &std::path::Path| {
        let file = File::options().read(true).write(true).open(path)?;
        let disk = Disk {
            file: FileBackend::new(file)?,
            is_full: Arc::clone(&full),
        };
        Database::builder().create_with_backend(disk)
    };
    let dir = tempfile::tempdir().unwrap();
    drop(Writer::open(dir.path(), settings(), at(0)).unwrap());
    let calendar = Calendar::named("Europe/Berlin").unwrap();
    let opened = (at(0), Box::new(open) as Box<Opener>);
    let writer = Writer::opened(dir.path().join(FILE), settings(), calendar, opened).unwrap();
    (Plant::of(dir, writer), is_full)
}

fn count(reader: &Reader) -> Result<f64> {
    let query = Query {
        series: vec!["t".to_owned()],
        from: at(0),
        to: at(DAY_MS),
        step: Step::Days(1),
        aggregates: vec![Aggregate::Count],
    };
    let answer = reader.query(&query)?;
    Ok(answer.rows().filter_map(|row| row.values[0]).sum())
}

#[test]
fn after_a_full_disk_all_that_waited_is_written_and_can_be_read() {
    let (mut plant, is_full) = plant();
    let reader = plant.writer.reader();
    plant.put(0, 1.0);
    assert!(plant.writer.commit(at(0)).unwrap().is_some());
    assert_eq!(count(&reader).unwrap(), 1.0);
    is_full.store(true, Ordering::SeqCst);
    plant.put(1_000, 2.0);
    assert!(plant.writer.commit(at(1_000)).is_err());
    // Nothing is tried for a second.
    plant.put(1_500, 3.0);
    assert_eq!(plant.writer.commit(at(1_500)).unwrap(), None);
    assert_eq!(
        plant.writer.maintain(at(1_500), 8).unwrap(),
        Maintained::default()
    );
    for second in 2..5 {
        plant.put(second * 1_000, 4.0);
        assert!(plant.writer.commit(at(second * 1_000)).is_err());
    }
    assert_eq!(plant.writer.waiting(), 5);
    is_full.store(false, Ordering::SeqCst);
    let commit = plant.writer.commit(at(6_000)).unwrap().unwrap();
    assert_eq!(commit.samples, 5);
    // The reader is the one from before.
    assert_eq!(count(&reader).unwrap(), 6.0);
    plant.writer.settle(at(2 * DAY_MS)).unwrap();
    assert_eq!(count(&reader).unwrap(), 6.0);
    assert!(reader.verify(&mut |_| true).unwrap().is_sound());
}

#[test]
fn upkeep_that_failed_is_done_later() {
    let (mut plant, is_full) = plant();
    for i in 0..3_600 {
        plant.put(i * 1_000, 1.0);
    }
    plant.writer.flush().unwrap();
    is_full.store(true, Ordering::SeqCst);
    let later = DAY_MS;
    assert!(plant.writer.settle(at(later)).is_err());
    is_full.store(false, Ordering::SeqCst);
    assert!(plant.writer.commit(at(later)).unwrap().is_none());
    plant.writer.settle(at(later)).unwrap();
    let reader = plant.writer.reader();
    assert_eq!(count(&reader).unwrap(), 3_600.0);
    assert!(reader.verify(&mut |_| true).unwrap().is_sound());
}

#[test]
fn a_store_that_cannot_be_opened_again_says_so() {
    let (mut plant, is_full) = plant();
    let reader = plant.writer.reader();
    is_full.store(true, Ordering::SeqCst);
    plant.put(0, 1.0);
    assert!(plant.writer.commit(at(0)).is_err());
    std::fs::rename(plant.dir.path().join(FILE), plant.dir.path().join("away")).unwrap();
    let error = plant.writer.commit(at(1_000)).unwrap_err();
    assert!(error.to_string().starts_with("open the history"), "{error}");
    let error = count(&reader).unwrap_err();
    assert!(error.to_string().contains("is closed"), "{error}");
    std::fs::rename(plant.dir.path().join("away"), plant.dir.path().join(FILE)).unwrap();
    is_full.store(false, Ordering::SeqCst);
    assert!(plant.writer.commit(at(2_000)).unwrap().is_some());
    assert_eq!(count(&reader).unwrap(), 1.0);
}
