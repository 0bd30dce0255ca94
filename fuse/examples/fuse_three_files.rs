//! Fuses three local files into one cloud-optimised `GeoTIFF` and prints how far it is.
//!
//! ```console
//! $ cargo run --workspace --example fuse_three_files -- B04.jp2 B03.jp2 B02.jp2 rgb.tif
//! ```
#![expect(clippy::print_stdout, reason = "an example is there to print")]

use std::env;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tilefleet_fuse::{
    Band, Cancel, Compression, FileOutput, FileSource, OutputScales, Overviews, Progress, Request,
    Stack, prepare,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [red, green, blue, output] = arguments.as_slice() else {
        return Err("name the files of red, green and blue, and the output".into());
    };
    let band = |name: &str, path: &String| -> std::io::Result<Band> {
        let (name, source) = (name.to_owned(), path.clone());
        let bytes = Arc::new(FileSource::open(Path::new(path))?);
        Ok(Band {
            name,
            source,
            bytes,
        })
    };
    let request = Request {
        bands: vec![band("B04", red)?, band("B03", green)?, band("B02", blue)?],
        kernel: Arc::new(Stack::default()),
        crop: None,
        overviews: Overviews::Average,
        compression: Compression::default(),
        metadata: vec![],
        scales: OutputScales::OfInputs,
        threads: std::thread::available_parallelism()?.get(),
    };

    // Reads the headers only, and refuses bands that do not lie on one grid.
    let prepared = prepare(request, &Cancel::default())?;
    println!("at most {} MB", prepared.memory_needed() / 1_000_000);

    // The body goes to the file while it is made. All threads report their progress, in no order.
    let (file, tenths) = (FileOutput::create(Path::new(output))?, AtomicU64::new(0));
    let progress = |Progress { done, total }: Progress| {
        let tenth = done * 10 / total.max(1);
        if tenths.fetch_max(tenth, Ordering::Relaxed) < tenth {
            println!("{} % of {total} pixels", tenth * 10);
        }
    };
    let cog = prepared.run(&file, &progress, &Cancel::default())?;

    // The head of a COG is known last and comes first. Only now does the file get its name.
    file.publish(&cog.head)?;
    println!("{output}: {} x {}, {}", cog.width, cog.height, cog.crs);
    Ok(())
}
