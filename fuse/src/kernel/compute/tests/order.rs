//! The order of the operations, and what the kernel refuses.

use super::chunks::difference;
use super::image::{Band, computed};
use crate::kernel::Kernel;
use crate::kernel::compute::{
    Computation, Compute, ComputedOutput, Downsample, Mask, MaskTest, Measure, Op, Program, Source,
    Upsample,
};
use crate::kernel::inputs::{Inputs, Resolution};
use crate::sample::Nodata;

fn computation(measures: Vec<Measure>, source: Source) -> Computation {
    Computation {
        measures,
        mask: None,
        resolution: Resolution::Finest { of: vec![0] },
        upsample: Upsample::Bilinear,
        downsample: Downsample::Average,
        outputs: vec![ComputedOutput {
            name: "index".into(),
            source,
            scale: 0.0001,
            offset: 0.0,
        }],
        nodata: Nodata::I16(-32768),
        median: None,
        area: None,
    }
}

const REFLECTANCE: Measure = Measure::Reflectance {
    scale: 0.0001,
    offset: -0.1,
    clamp: true,
};

fn row(ratio: (u32, u32), samples: &[u16]) -> Band {
    let width = u32::try_from(samples.len()).unwrap();
    Band::new(ratio, (width, 1), |x, _| samples[x as usize])
}

#[test]
fn an_index_is_of_reflectance_above_zero() {
    let bands = [
        row((1, 1), &[3000, 900, 0, 4000]),
        row((1, 1), &[2000, 5000, 7, 4000]),
    ];
    let computation = computation(vec![REFLECTANCE; 2], difference(0, 1));
    let compute = Compute::new(computation).unwrap();
    let values = computed(&compute, &bands, (4, 1), (4, 1));
    // (0.2 - 0.1) / 0.3; (0.0001 - 0.4) / 0.4001: below one step becomes one step; nodata; 0.
    assert_eq!(values, [[3333.0, -9995.0, -32768.0, 0.0]]);
    assert_eq!(compute.beyond(), [0]);
}

#[test]
fn values_beyond_the_type_are_counted_for_each_output() {
    let bands = [row((1, 1), &[1, 2, 3, 4])];
    let ops = [Op::Input(0), Op::Number(1.5), Op::Multiply];
    let program = Source::Program(Program::new(ops).unwrap());
    let compute = Compute::new(computation(vec![Measure::Number], program)).unwrap();
    let values = computed(&compute, &bands, (4, 1), (3, 1));
    assert_eq!(values, [[15000.0, 30000.0, 32767.0, 32767.0]]);
    assert_eq!(compute.beyond(), [2]);
}

#[test]
fn masked_samples_have_no_part_in_the_mean_of_their_pixel() {
    let bands = [row((1, 2), &[10, 20, 30, 40]), row((1, 2), &[4, 8, 4, 4])];
    let mut computation = computation(vec![Measure::Number, Measure::Class], Source::Input(0));
    computation.mask = Some(Mask {
        input: 1,
        test: MaskTest::Values(vec![8]),
        dilate: 0,
    });
    computation.outputs[0].scale = 1.0;
    let compute = Compute::new(computation.clone()).unwrap();
    assert_eq!(computed(&compute, &bands, (2, 1), (2, 1)), [[10.0, 35.0]]);
    computation.mask.as_mut().unwrap().dilate = 1;
    let compute = Compute::new(computation).unwrap();
    assert_eq!(
        computed(&compute, &bands, (2, 1), (1, 1)),
        [[-32768.0, 40.0]]
    );
}

#[test]
fn stored_numbers_are_rounded_and_classes_are_not_mixed() {
    let bands = [row((1, 2), &[1, 2, 5, 6]), row((2, 1), &[4, 8])];
    for (source, expected) in [
        (0, [2.0, 6.0, -32768.0, -32768.0]),
        (1, [4.0, 4.0, 8.0, 8.0]),
    ] {
        let measures = vec![Measure::Number, Measure::Class];
        let mut computation = computation(measures, Source::Input(source));
        computation.outputs[0].scale = 1.0;
        let compute = Compute::new(computation).unwrap();
        // 1.5 and 5.5 are ties.
        assert_eq!(computed(&compute, &bands, (4, 1), (3, 1)), [expected]);
    }
}

#[test]
fn a_computation_that_names_what_is_not_there_is_refused() {
    let right = computation(vec![REFLECTANCE; 2], difference(0, 1));
    let refused = |change: fn(&mut Computation)| {
        let mut computation = right.clone();
        change(&mut computation);
        Compute::new(computation).unwrap_err().to_string()
    };
    let message = refused(|computation| computation.outputs[0].source = Source::Input(2));
    assert_eq!(message, "input 2 is named, and there are 2, counted from 0");
    let message = refused(|computation| computation.outputs[0].scale = 0.0);
    assert_eq!(
        message,
        "output index has scale 0 and offset 0; both are finite, and the scale is not 0"
    );
    for median in [0, 1, 2, 4, 17] {
        let mut computation = right.clone();
        computation.median = Some(median);
        assert!(Compute::new(computation).is_err());
    }
    let compute = Compute::new(right).unwrap();
    let inputs = Inputs {
        bands: &[],
        image: (1, 1),
    };
    assert_eq!(
        compute.outputs(&inputs).unwrap_err().to_string(),
        "the computation is of 2 inputs, and 0 are given"
    );
}
