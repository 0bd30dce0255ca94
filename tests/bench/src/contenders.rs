//! The command lines that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::bands::Bands;
use crate::measure::Job;
use crate::rounds::Contender;

/// Paths of the programs.
#[derive(Debug)]
pub(crate) struct Programs {
    /// Our own, built by `make bench`.
    binaries: PathBuf,
    /// The workspace.
    workspace: PathBuf,
    /// The folder of the outputs.
    home: PathBuf,
}

impl Programs {
    pub(crate) fn new(home: &Path) -> Result<Self> {
        let binaries = std::env::current_exe()?
            .parent()
            .context("no directory of binaries")?
            .to_path_buf();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()?;
        Ok(Self {
            binaries,
            workspace,
            home: home.to_path_buf(),
        })
    }

    fn contender(
        &self,
        name: &str,
        program: PathBuf,
        output: &str,
        arguments: Vec<String>,
    ) -> Contender {
        let output = self.home.join(output);
        Contender {
            name: name.to_owned(),
            job: Job {
                program,
                arguments,
                output,
            },
        }
    }

    /// `worker fuse` with some threads and a compression of its own or the default.
    pub(crate) fn ours(
        &self,
        name: &str,
        bands: &Bands,
        threads: usize,
        compress: Option<&str>,
    ) -> Contender {
        let output = self.home.join("ours.tif");
        let mut arguments = vec!["fuse".to_owned()];
        for (band, path) in ["B04", "B03", "B02"].iter().zip(&bands.paths) {
            arguments.push(format!("{band}={}", path.display()));
        }
        arguments.extend(["-o".to_owned(), output.display().to_string()]);
        arguments.extend(["--threads".to_owned(), threads.to_string()]);
        arguments.extend(
            compress
                .into_iter()
                .flat_map(|it| ["--compress".to_owned(), it.to_owned()]),
        );
        self.contender(name, self.binaries.join("worker"), "ours.tif", arguments)
    }

    /// `worker fuse` of these bands with further arguments.
    pub(crate) fn fuse(
        &self,
        name: &str,
        bands: &[(&str, &PathBuf)],
        more: &[String],
    ) -> Contender {
        let output = self.home.join("ours.tif");
        let mut arguments = vec!["fuse".to_owned()];
        let band = |(band, path): &(&str, &PathBuf)| format!("{band}={}", path.display());
        arguments.extend(bands.iter().map(band));
        arguments.extend_from_slice(more);
        arguments.extend(["-o".to_owned(), output.display().to_string()]);
        self.contender(name, self.binaries.join("worker"), "ours.tif", arguments)
    }

    /// A script of this folder, with the paths of its inputs and of its output.
    pub(crate) fn scripted(
        &self,
        name: &str,
        program: PathBuf,
        script: &str,
        output: &str,
        inputs: &[String],
    ) -> Contender {
        let mut arguments = vec![self.script(script).display().to_string()];
        arguments.extend_from_slice(inputs);
        arguments.push(self.home.join(output).display().to_string());
        self.contender(name, program, output, arguments)
    }

    /// A script of this folder.
    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.workspace.join("tests/bench").join(name)
    }

    /// The Python of the workspace, which has rasterio.
    pub(crate) fn python(&self) -> PathBuf {
        self.workspace.join(".venv/bin/python")
    }

    /// The walk-through's steps, in Python with Debian's GDAL.
    pub(crate) fn walk_through(&self, bands: &Bands) -> Contender {
        let output = self.home.join("walk-through.tif");
        let mut arguments = vec![
            self.workspace
                .join("tests/bench/walk_through.py")
                .display()
                .to_string(),
        ];
        arguments.extend(
            bands
                .paths
                .iter()
                .chain([&output])
                .map(|path| path.display().to_string()),
        );
        self.contender(
            "the walk-through's Python + GDAL",
            "/usr/bin/python3".into(),
            "walk-through.tif",
            arguments,
        )
    }

    /// A VRT of the bands side by side, as both COG makers take one file.
    pub(crate) fn stack(&self, bands: &Bands) -> Result<PathBuf> {
        let path = self.home.join("bands.vrt");
        let made = Command::new("gdalbuildvrt")
            .args([
                "-q",
                "-overwrite",
                "-separate",
                "-srcnodata",
                "0",
                "-vrtnodata",
                "0",
            ])
            .arg(&path)
            .args(&bands.paths)
            .status()
            .context("cannot start gdalbuildvrt (Debian package gdal-bin)")?;
        ensure!(made.success(), "gdalbuildvrt ended with {made}");
        Ok(path)
    }

    pub(crate) fn gdal_translate(&self, stack: &Path) -> Contender {
        let output = self.home.join("translate.tif");
        let mut arguments: Vec<String> =
            "-q -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co NUM_THREADS=ALL_CPUS \
                                          -co OVERVIEW_RESAMPLING=AVERAGE -co BLOCKSIZE=512 -stats"
                .split_whitespace()
                .map(str::to_owned)
                .collect();
        arguments.extend([stack.display().to_string(), output.display().to_string()]);
        self.contender(
            "gdal_translate -of COG",
            "/usr/bin/gdal_translate".into(),
            "translate.tif",
            arguments,
        )
    }

    pub(crate) fn rio_cogeo(&self, stack: &Path) -> Contender {
        let output = self.home.join("rio.tif");
        let mut arguments: Vec<String> = vec!["cogeo".into(), "create".into()];
        arguments.extend([stack.display().to_string(), output.display().to_string()]);
        arguments.extend(
            "--cog-profile deflate --co PREDICTOR=2 --overview-level 5 --overview-resampling average --nodata 0 --blocksize 512 --quiet"
                .split_whitespace()
                .map(str::to_owned),
        );
        self.contender(
            "rio cogeo create",
            self.workspace.join(".venv/bin/rio"),
            "rio.tif",
            arguments,
        )
    }

    /// Decoding alone, one thread each; all write the raw samples.
    pub(crate) fn decoders(&self, bands: &Bands) -> Vec<Contender> {
        let [band, ..] = &bands.paths;
        let band = band.display().to_string();
        let output = |name: &str| self.home.join(name).display().to_string();
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        vec![
            self.contender(
                "ours",
                self.binaries.join("examples/decode"),
                "ours.raw",
                words(&[&band, "1", &output("ours.raw")]),
            ),
            self.contender(
                "OpenJPEG (opj_decompress)",
                "/usr/bin/opj_decompress".into(),
                "openjpeg.raw",
                words(&["-i", &band, "-o", &output("openjpeg.raw")]),
            ),
            self.contender(
                "Grok (grk_decompress)",
                "/usr/bin/grk_decompress".into(),
                "grok.raw",
                words(&["-H", "1", "-i", &band, "-o", &output("grok.raw")]),
            ),
        ]
    }
}
