//! Code blocks: from coded bytes to wavelet coefficients (ISO/IEC 15444-1 Annexes C and D).
