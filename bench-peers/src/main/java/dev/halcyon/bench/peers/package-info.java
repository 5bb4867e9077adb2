/// Other libraries under the benchmark's protocol, each in the form and with the operands it is
/// fastest with.
@NullMarked
package dev.halcyon.bench.peers;

import org.jspecify.annotations.NullMarked;
