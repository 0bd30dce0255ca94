//! The input bands: synthetic, with ESA's coding parameters.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tilefleet_scenes::encode::Coding;
use tilefleet_scenes::swath::{Edge, Swath};
use tilefleet_scenes::{Band, Scene, generate, layout};

/// The kinds of scene in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 10 m, data everywhere: the most expensive cell.
    Dense,
    /// 10 m, three quarters of it beyond the edge of the swath.
    MostlyNodata,
    /// Coded as ESA codes 60 m bands: tiles of 192², code blocks of 4².
    Coarse,
}

/// The three bands of one scene, in the order of the output.
#[derive(Debug, Clone)]
pub(crate) struct Bands {
    /// B04, B03, B02.
    pub(crate) paths: [PathBuf; 3],
    /// Pixels of one band.
    pub(crate) pixels: u64,
    /// MB of the three together.
    pub(crate) megabytes: f64,
}

impl Kind {
    fn scene(self, size: u32) -> Result<Scene> {
        let (tile, date) = ("48RXT".parse()?, jiff::civil::date(2020, 8, 1));
        let scene = Scene {
            swath: Swath::Full,
            ..Scene::new(tile, date, size, 1)
        };
        Ok(match self {
            Self::Dense => scene,
            Self::MostlyNodata => Scene {
                swath: Swath::West(Edge {
                    north: 0.36,
                    south: 0.14,
                }),
                ..scene
            },
            // A sixth of the size at six times the pixel; the synthetic ground has no fixed
            // resolution.
            Self::Coarse => Scene {
                size: (size / 6).max(1),
                ..scene
            },
        })
    }

    fn coding(self) -> Coding {
        match self {
            Self::Dense | Self::MostlyNodata => Coding::default(),
            Self::Coarse => Coding {
                tile: 192,
                code_block: 4,
                ..Coding::default()
            },
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::MostlyNodata => "nodata",
            Self::Coarse => "coarse",
        }
    }
}

/// Makes the bands below `home`, unless an earlier run has left them there.
pub(crate) fn provide(
    kind: Kind,
    size: u32,
    home: &Path,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Bands> {
    let bands = [Band::B04, Band::B03, Band::B02];
    let root = generate(kind, &bands, size, home, say)?;
    let scene = kind.scene(size)?;
    let paths = bands.map(|band| root.join(layout::band_key(&scene, band)));
    let mut bytes = 0;
    for path in &paths {
        bytes += std::fs::metadata(path)
            .with_context(|| format!("cannot see {}", path.display()))?
            .len();
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "sizes of files are far below 2^52 bytes"
    )]
    let megabytes = bytes as f64 / 1e6;
    Ok(Bands {
        paths,
        pixels: u64::from(scene.size).pow(2),
        megabytes,
    })
}

/// Makes one band below `home`, unless an earlier run has left it there.
pub(crate) fn provide_band(
    kind: Kind,
    band: Band,
    size: u32,
    home: &Path,
    say: &(dyn Fn(&str) + Sync),
) -> Result<PathBuf> {
    let root = generate(kind, &[band], size, home, say)?;
    Ok(root.join(layout::band_key(&kind.scene(size)?, band)))
}

/// Makes the bands that are missing, and gives the folder of the scene.
fn generate(
    kind: Kind,
    bands: &[Band],
    size: u32,
    home: &Path,
    say: &(dyn Fn(&str) + Sync),
) -> Result<PathBuf> {
    let root = home.join(format!("{}-{size}", kind.directory()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    generate::generate(
        &root,
        &[kind.scene(size)?],
        bands,
        &kind.coding(),
        threads,
        &|job, written| {
            if written.is_new {
                say(&format!(
                    "made {} of {} ({} bytes)",
                    job.band,
                    root.display(),
                    written.bytes
                ));
            }
        },
    )?;
    Ok(root)
}
