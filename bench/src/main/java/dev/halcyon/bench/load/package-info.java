/// What the rest of the machine does while something is measured.
@NullMarked
package dev.halcyon.bench.load;

import org.jspecify.annotations.NullMarked;
