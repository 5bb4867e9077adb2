/// The rules that every backend is held to, and the cases that try it: each kernel spec at awkward
/// sizes, bound eagerly, recorded and behind another stream, between guard bands and on poisoned
/// memory, against the fp64 oracle. A backend outside this project extends
/// [dev.halcyon.tck.conformance.BackendConformance] and gets the same report.
@NullMarked
package dev.halcyon.tck.conformance;

import org.jspecify.annotations.NullMarked;
