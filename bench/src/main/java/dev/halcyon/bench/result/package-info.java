/// The benchmark's results as they are written to a file and read back: `docs/benchmark.md` tables
/// every field.
@NullMarked
package dev.halcyon.bench.result;

import org.jspecify.annotations.NullMarked;
