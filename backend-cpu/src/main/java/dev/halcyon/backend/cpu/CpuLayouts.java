package dev.halcyon.backend.cpu;

import dev.halcyon.backend.cpu.product.PanelLayout;
import dev.halcyon.hal.host.HostLayouts;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.WeightFormat;

/// The weight layouts of a CPU device: plain F32 and BF16 weights are fastest in panels, everything
/// else as it is stored.
public final class CpuLayouts implements HostLayouts {
    private final int panelRows;

    /// Makes the layouts.
    ///
    /// @param panelRows rows of a panel, as the loops want it
    public CpuLayouts(int panelRows) {
        this.panelRows = panelRows;
    }

    /// A list becomes one packed stack: its elements were apart only because their files are.
    @Override
    public WeightFormat preferred(Shape weightShape, WeightFormat stored) {
        boolean matrices = weightShape.rank() == 2 || weightShape.rank() == 3;
        return matrices && stored.isRowMajor() && PanelLayout.takes(stored)
                ? stored.unlisted().withLayout(PanelLayout.name(panelRows))
                : stored;
    }

    @Override
    public long packedBytes(Shape weightShape, WeightFormat format) {
        String panel = PanelLayout.name(panelRows);
        if (!format.layout().equals(panel) || !PanelLayout.takes(format)) {
            throw new IllegalArgumentException(
                    "this device has no weight layout \""
                            + format
                            + "\"; it has F32 and BF16 "
                            + panel
                            + ", see device.preferred");
        }
        if (format.isListed() || weightShape.rank() < 2 || weightShape.rank() > 3) {
            throw new IllegalArgumentException(
                    "a packed weight is [rows, columns] or [matrices, rows, columns] in one piece,"
                            + " not "
                            + format
                            + " "
                            + weightShape
                            + "; make one for each element of a list");
        }
        long matrices = weightShape.rank() == 3 ? weightShape.dim(0) : 1;
        return Math.multiplyExact(
                matrices, PanelLayout.of(format.dtype(), panelRows, weightShape).matrixBytes());
    }
}
