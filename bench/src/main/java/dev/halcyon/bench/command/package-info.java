/// The subcommands of `halcyon`: options in, exit code out, the work elsewhere.
@NullMarked
package dev.halcyon.bench.command;

import org.jspecify.annotations.NullMarked;
