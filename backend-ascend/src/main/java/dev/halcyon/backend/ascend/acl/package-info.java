/// Bindings to CANN's libraries, and nothing but bindings.
@NullMarked
package dev.halcyon.backend.ascend.acl;

import org.jspecify.annotations.NullMarked;
