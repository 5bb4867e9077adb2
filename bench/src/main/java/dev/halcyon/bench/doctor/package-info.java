/// What `halcyon doctor` looks at: the JVM, its flags, the machine, and every backend with its
/// devices or its remedy.
@NullMarked
package dev.halcyon.bench.doctor;

import org.jspecify.annotations.NullMarked;
