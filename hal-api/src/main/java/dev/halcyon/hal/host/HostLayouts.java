package dev.halcyon.hal.host;

import dev.halcyon.hal.memory.CacheFormat;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

/// The weight and cache layouts of a host device; the defaults know only the canonical ones.
public interface HostLayouts {
    /// Only row-major weights and caches.
    HostLayouts ROW_MAJOR = new HostLayouts() {};

    /// {@return the format the device is fastest with for a weight}
    default WeightFormat preferred(Shape weightShape, WeightFormat stored) {
        return stored;
    }

    /// {@return the size of a weight in one of the device's own layouts}
    ///
    /// @throws IllegalArgumentException if the device does not know the layout
    default long packedBytes(Shape weightShape, WeightFormat format) {
        throw new IllegalArgumentException(
                "this device has no weight layout \"" + format.layout() + "\"");
    }

    /// {@return the cache format the device is fastest with}
    default CacheFormat cacheFormat(DType dtype, int latentDim, int ropeDim) {
        return CacheFormat.rowMajor(dtype, latentDim, ropeDim, CacheFormat.DEFAULT_ROWS_PER_PAGE);
    }
}
