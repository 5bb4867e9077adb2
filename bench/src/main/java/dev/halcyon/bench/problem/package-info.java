/// What is measured, from which numbers: problems that the device and every peer's process make
/// from the same seeds, so that all of them compute the same and can be compared.
@NullMarked
package dev.halcyon.bench.problem;

import org.jspecify.annotations.NullMarked;
