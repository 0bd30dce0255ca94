//! What is read, what is needed, and what comes of failures outside of the core.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::scenes::*;
use crate::{Band, Cancel, FuseError, Output, Prepared, Progress, Source, prepare};

#[test]
fn the_headers_are_all_that_is_read_to_prepare() {
    let scene = Scene {
        size: (1500, 1500),
        tile: 512,
        ..Scene::default()
    };
    let tiff = encoded(&scene, &samples(&scene, 1), "COG", &[("COMPRESS", "NONE")]);
    for bytes in [jp2(&scene, &samples(&scene, 1)), tiff] {
        let length = bytes.len() as u64;
        let source = Arc::new(Watched {
            bytes: bytes.into(),
            read: Mutex::default(),
            failing: None,
        });
        let band = Band {
            name: "B04".into(),
            source: "here".into(),
            bytes: Arc::<Watched>::clone(&source),
        };
        prepare(request(&[band], 1), &Cancel::new()).unwrap();
        let read = *source.read.lock().unwrap();
        assert!(read < 150_000 && read < length / 3, "{read} of {length}");
    }
}

/// A source that counts what is read, and fails at a given byte.
struct Watched {
    bytes: Bytes,
    read: Mutex<u64>,
    failing: Option<u64>,
}

impl Source for Watched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        *self.read.lock().unwrap() += range.end - range.start;
        if self.failing.is_some_and(|at| range.contains(&at)) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the line is dead"));
        }
        self.bytes.read(range)
    }
}

#[test]
fn errors_of_sources_and_outputs_arrive_as_they_are() {
    struct Full;
    impl Output for Full {
        fn body(&self, _bytes: Bytes) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let scene = Scene {
        size: (1500, 1500),
        tile: 512,
        ..Scene::default()
    };
    let cancel = Cancel::new();
    let tiff = encoded(&scene, &samples(&scene, 1), "COG", &[("COMPRESS", "NONE")]);
    for bytes in [jp2(&scene, &samples(&scene, 1)), tiff] {
        let failing = Some(bytes.len() as u64 - 100_000);
        let source = Arc::new(Watched {
            bytes: bytes.into(),
            read: Mutex::default(),
            failing,
        });
        let band = Band {
            name: "B04".into(),
            source: "here".into(),
            bytes: source,
        };
        let prepared = prepare(request(&[band], 2), &cancel).unwrap();
        let failure = prepared
            .run(&Body::default(), &|_| (), &cancel)
            .unwrap_err();
        assert!(!failure.is_permanent());
        let FuseError::Read { input, error } = failure else {
            panic!("{failure:?}")
        };
        assert_eq!(
            (input.band.as_str(), error.kind()),
            ("B04", io::ErrorKind::TimedOut)
        );
    }
    let prepared = prepare(request(&rgb(&scene), 2), &cancel).unwrap();
    let failure = prepared.run(&Full, &|_| (), &cancel).unwrap_err();
    assert!(
        matches!(failure, FuseError::Write { error } if error.kind() == io::ErrorKind::StorageFull)
    );
}

#[test]
fn cancelling_stops_the_work_before_the_next_tile() {
    let scene = Scene {
        size: (640, 640),
        ..Scene::default()
    };
    let cancel = Cancel::new();
    let seen = Mutex::new(Vec::new());
    let progress = |progress: Progress| {
        seen.lock().unwrap().push(progress);
        cancel.cancel();
    };
    let prepared = prepare(request(&rgb(&scene), 1), &cancel).unwrap();
    let failure = prepared
        .run(&Body::default(), &progress, &cancel)
        .unwrap_err();
    assert!(matches!(failure, FuseError::Cancelled));
    assert_eq!(
        *seen.lock().unwrap(),
        [Progress {
            done: 64 * 64,
            total: 3 * 640 * 640
        }]
    );
    assert!(matches!(
        prepare(request(&rgb(&scene), 1), &cancel),
        Err(FuseError::Cancelled)
    ));
}

#[test]
fn memory_is_asked_for_before_it_is_needed() {
    let scene = Scene {
        size: (3000, 300),
        tile: 1024,
        ..Scene::default()
    };
    let needed = |scene: &Scene, threads| {
        prepare(request(&rgb(scene), threads), &Cancel::new())
            .unwrap()
            .memory_needed()
    };
    // A chunk of three bands for each thread and one more, and a third of the image.
    let (chunk, image) = (3 * 2 * 1024 * 300, 3 * 2 * 3000 * 300);
    assert!(needed(&scene, 2) > 3 * chunk + image / 3);
    assert!(needed(&scene, 2) < 80 << 20, "{}", needed(&scene, 2));
    assert!(needed(&scene, 3) > needed(&scene, 2));
    let untiled = Scene {
        tile: 4096,
        ..scene
    };
    assert!(
        needed(&untiled, 2)
            > needed(
                &Scene {
                    tile: 1024,
                    ..untiled.clone()
                },
                2
            )
    );
}

#[test]
fn what_is_prepared_can_be_taken_to_another_thread() {
    fn assert_send<T: Send>() {}
    assert_send::<Prepared>();
}
