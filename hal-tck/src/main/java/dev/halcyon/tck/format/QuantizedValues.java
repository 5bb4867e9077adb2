package dev.halcyon.tck.format;

/// Codes with their scales: one code per byte (two for the 4-bit formats), one scale per block, both row-major.
///
/// Scales are held as doubles so that F32, BF16 and power-of-two scales are all exact.
///
/// @param codes the raw codes, one unsigned byte each unless the producing format says that two share a byte
/// @param scales one scale per block
// Plain arrays are the currency of this module; nobody compares these records.
@SuppressWarnings("ArrayRecordComponent")
public record QuantizedValues(byte[] codes, double[] scales) {}
