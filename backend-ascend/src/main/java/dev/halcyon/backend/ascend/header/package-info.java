/// Compares the headers of an installation with the committed table of CANN's interface.
@NullMarked
package dev.halcyon.backend.ascend.header;

import org.jspecify.annotations.NullMarked;
