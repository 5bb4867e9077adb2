/// The CUDA backend: provider, device, arenas and streams. A device works in the primary context of
/// a GPU and hands out memory in slabs; whatever is given up while work is under way is marked on
/// the streams that used it and reused or released once they have passed. Return codes become
/// failures of the HAL in one place, and a fault inside a kernel loses the device for good.
@NullMarked
package dev.halcyon.backend.cuda;

import org.jspecify.annotations.NullMarked;
