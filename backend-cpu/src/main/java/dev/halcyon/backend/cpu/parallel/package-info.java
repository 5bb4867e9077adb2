/// The worker threads of a CPU device.
@NullMarked
package dev.halcyon.backend.cpu.parallel;

import org.jspecify.annotations.NullMarked;
