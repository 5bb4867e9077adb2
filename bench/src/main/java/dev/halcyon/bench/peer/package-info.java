/// Other libraries that run the same problems: each is a long-lived process with an environment of
/// its own, told what to do in lines of JSON on its standard input, and stopped by the operating
/// system while somebody else is measured.
@NullMarked
package dev.halcyon.bench.peer;

import org.jspecify.annotations.NullMarked;
