package dev.halcyon.tck.format;

/// Codes with their scales: one code per element, one scale per block, both row-major.
///
/// Scales are doubles so that every scale type is exact. How codes are packed into bytes or words
/// is a matter of [Nibbles].
///
/// @param codes the raw codes, one element each
/// @param scales one scale per block
// Plain arrays are the currency of this module; nobody compares these records.
@SuppressWarnings("ArrayRecordComponent")
public record QuantizedValues(int[] codes, double[] scales) {}
