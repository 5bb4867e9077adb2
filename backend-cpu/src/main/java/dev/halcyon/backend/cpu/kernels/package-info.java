/// One kernel a spec, named after it: each decides whether it runs a spec, splits the work into
/// tasks that do not depend on the number of threads, and leaves the arithmetic to the loops.
@NullMarked
package dev.halcyon.backend.cpu.kernels;

import org.jspecify.annotations.NullMarked;
