/// The mathematics of every kernel spec, in scalar double precision: what a backend's answer is
/// compared with.
///
/// Activations are plain row-major `double[]`, weights and caches are read row by row through
/// [dev.halcyon.tck.oracle.Rows], and sizes are parameters, so that the same definition serves a
/// tiny fixture and a sampled row of a model at its true size. Nothing here is fast, threaded or
/// clever, nothing depends on a backend or on the hardware abstraction layer, and every formula
/// names where it comes from. The reference values of the models' own code are its test.
@NullMarked
package dev.halcyon.tck.oracle;

import org.jspecify.annotations.NullMarked;
