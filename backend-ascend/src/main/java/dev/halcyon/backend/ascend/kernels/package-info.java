/// The kernels: one file a spec, named as in the other backends, each a composition of CANN's
/// operators. A kernel says in its implementation which composition it took.
@NullMarked
package dev.halcyon.backend.ascend.kernels;

import org.jspecify.annotations.NullMarked;
