//! A decoder for the JPEG 2000 Part 1 coding that Sentinel-2 uses (ISO/IEC 15444-1): one component, reversible 5/3
//! wavelet, no code-block style flags.

mod block;
