/// The `halcyon` command: [Main] is where it starts, `command` has one class a subcommand.
@NullMarked
package dev.halcyon.bench;

import org.jspecify.annotations.NullMarked;
