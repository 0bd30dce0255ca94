//! GDAL on the calling thread: single-threaded, without sidecar files, with all its messages kept.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Once;

use gdal::config;
use gdal::errors::{CplErrType, GdalError};

use crate::error::FuseError;

/// GDAL's cache of raster blocks, in MiB. One for the whole process, see `GDAL_CACHEMAX` among
/// GDAL's configuration options. Only what this project's own decoder does not take goes through
/// it, block by block.
pub(crate) const BLOCK_CACHE_MIB: u64 = 64;

/// Options of a session, by the names in GDAL's list of configuration options.
const OPTIONS: [(&str, &str); 4] = [
    // OpenJPEG must run on this thread: messages of a thread of GDAL's own could not be
    // distinguished from another cell's. It also keeps the output free of any order in which threads happen to finish.
    ("GDAL_NUM_THREADS", "1"),
    ("OPJ_NUM_THREADS", "1"),
    // Neither read .aux.xml files beside an input nor write one beside the output.
    ("GDAL_PAM_ENABLED", "NO"),
    ("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR"),
];

/// Messages kept; a damaged file repeats itself thousands of times.
const KEPT: usize = 8;

thread_local! {
    static MESSAGES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

static SET_UP: Once = Once::new();

/// While one lives, warnings and errors of GDAL on this thread are collected. Otherwise they are
/// logged.
pub(crate) struct Session {
    /// What it sets belongs to the thread, so it must not leave it.
    not_send: PhantomData<*const ()>,
}

impl Session {
    pub(crate) fn start() -> Result<Self, FuseError> {
        SET_UP.call_once(|| {
            config::set_error_handler(on_gdal_message);
            // A value from the environment takes precedence. GDAL reads the option once, when it
            // first caches a block.
            if std::env::var_os("GDAL_CACHEMAX").is_none()
                && let Err(error) =
                    config::set_config_option("GDAL_CACHEMAX", &BLOCK_CACHE_MIB.to_string())
            {
                tracing::warn!(%error, "GDAL_CACHEMAX could not be set");
            }
        });
        // Made before the options are set, so that dropping it takes back what was set when one of
        // them fails.
        let session = Self {
            not_send: PhantomData,
        };
        for (key, value) in OPTIONS {
            config::set_thread_local_config_option(key, value)
                .map_err(|error| session.internal("start", &error))?;
        }
        MESSAGES.with(|heard| heard.replace(Some(Vec::new())));
        Ok(session)
    }

    /// GDAL's messages since the last call, as one line; nothing if there were none.
    #[expect(
        clippy::unused_self,
        reason = "only a living session collects messages"
    )]
    pub(crate) fn take_messages(&self) -> Option<String> {
        let messages = MESSAGES.with(|heard| heard.borrow_mut().as_mut().map(std::mem::take));
        let mut messages = messages.unwrap_or_default();
        messages.dedup();
        (!messages.is_empty()).then(|| messages.join("; "))
    }

    /// GDAL's messages about a call that failed, or else the error that the call returned.
    pub(crate) fn reason(&self, error: &GdalError) -> String {
        self.take_messages().unwrap_or_else(|| error.to_string())
    }

    pub(crate) fn internal(&self, step: &'static str, error: &GdalError) -> FuseError {
        FuseError::Internal {
            step,
            detail: self.reason(error),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        MESSAGES.with(|heard| heard.replace(None));
        for (key, _) in OPTIONS {
            if let Err(error) = config::clear_thread_local_config_option(key) {
                tracing::warn!(%error, key, "option of GDAL could not be cleared");
            }
        }
    }
}

/// GDAL's error handler, which GDAL calls on the thread that the message is about.
fn on_gdal_message(class: CplErrType, number: i32, message: &str) {
    if matches!(class, CplErrType::None | CplErrType::Debug) {
        tracing::trace!(number, message, "GDAL");
        return;
    }
    let kept = MESSAGES.with(|heard| {
        let Ok(mut heard) = heard.try_borrow_mut() else {
            return false;
        };
        let Some(messages) = heard.as_mut() else {
            return false;
        };
        if messages.len() < KEPT {
            messages.push(
                message
                    .trim()
                    .trim_end_matches('.')
                    .chars()
                    .take(300)
                    .collect(),
            );
        }
        true
    });
    if !kept {
        tracing::warn!(number, message, "GDAL");
    }
}
