/// The project's targets on a processor, and whether a file of results holds them.
@NullMarked
package dev.halcyon.bench.goal;

import org.jspecify.annotations.NullMarked;
