/// Random operands that anyone can make again from a seed, and what is needed to compare results
/// with the oracle: a tensor as rows of doubles, and the largest deviations.
@NullMarked
package dev.halcyon.bench.data;

import org.jspecify.annotations.NullMarked;
