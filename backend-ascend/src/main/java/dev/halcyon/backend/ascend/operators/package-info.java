/// What kernels are written in: views of device memory, calls of operators on them, and
/// compositions of calls with scratch memory. Nothing here touches a device except the issuer,
/// which turns a call into CANN's objects and its two phases.
@NullMarked
package dev.halcyon.backend.ascend.operators;

import org.jspecify.annotations.NullMarked;
