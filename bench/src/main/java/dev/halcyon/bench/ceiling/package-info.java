/// What the machine can do at best: floating-point peak and read bandwidth, measured in the run
/// they are compared in.
@NullMarked
package dev.halcyon.bench.ceiling;

import org.jspecify.annotations.NullMarked;
