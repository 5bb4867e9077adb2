/// What the author of an engine writes, on `hal-api` alone; `docs/guide.md` quotes these classes
/// and the tests beside them run them.
@NullMarked
package dev.halcyon.examples;

import org.jspecify.annotations.NullMarked;
