package dev.halcyon.backend.cpu.product;

import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Moves the bits of one panel between row-major storage and [PanelLayout].
public final class PanelCopy {
    /// Columns moved before the next row: a panel of them fits the first-level cache.
    private static final int COLUMNS = 128;

    private final PanelLayout layout;
    private final Weights rows;
    private final Weights panels;
    private final boolean toPanels;

    /// Makes a mover.
    ///
    /// @param rows the row-major side
    /// @param panels the packed side
    /// @param toPanels whether to pack rather than to unpack
    public PanelCopy(PanelLayout layout, Weights rows, Weights panels, boolean toPanels) {
        this.layout = layout;
        this.rows = rows;
        this.panels = panels;
        this.toPanels = toPanels;
    }

    /// Moves one panel of a group, padding included if it packs.
    public void move(int group, int panel) {
        long firstRow = (long) panel * layout.panelRows();
        int count = (int) Math.min(layout.panelRows(), layout.rows() - firstRow);
        long panelAt = panels.at(group, panel);
        if (toPanels && (count < layout.panelRows() || layout.paddedColumns() > layout.columns())) {
            panels.segment(group).asSlice(panelAt, layout.panelBytes()).fill((byte) 0);
        }
        boolean bf16 = layout.dtype() == DType.BF16;
        for (long from = 0; from < layout.columns(); from += COLUMNS) {
            int columns = (int) Math.min(COLUMNS, layout.columns() - from);
            for (int r = 0; r < count; r++) {
                MemorySegment row = rows.segment(group);
                long rowAt = rows.at(group, firstRow + r, from);
                if (bf16) {
                    moveBf16(row, rowAt, panels.segment(group), panelAt, from, columns, r);
                } else {
                    moveF32(row, rowAt, panels.segment(group), panelAt, from, columns, r);
                }
            }
        }
    }

    private void moveF32(
            MemorySegment row,
            long rowAt,
            MemorySegment panel,
            long panelAt,
            long from,
            int columns,
            int r) {
        long step = (long) layout.panelRows() * Float.BYTES;
        long at = panelAt + from * step + (long) r * Float.BYTES;
        for (int i = 0; i < columns; i++) {
            if (toPanels) {
                panel.set(Elements.INT, at + i * step, row.get(Elements.INT, rowAt + i * 4L));
            } else {
                row.set(Elements.INT, rowAt + i * 4L, panel.get(Elements.INT, at + i * step));
            }
        }
    }

    /// `from` is even, so a pair never begins before it.
    private void moveBf16(
            MemorySegment row,
            long rowAt,
            MemorySegment panel,
            long panelAt,
            long from,
            int columns,
            int r) {
        long step = (long) layout.panelRows() * 2 * Short.BYTES;
        long at = panelAt + from / 2 * step + (long) r * 2 * Short.BYTES;
        for (int i = 0; i < columns; i++) {
            long place = at + (i >> 1) * step + (i & 1) * 2L;
            if (toPanels) {
                panel.set(Elements.SHORT, place, row.get(Elements.SHORT, rowAt + i * 2L));
            } else {
                row.set(Elements.SHORT, rowAt + i * 2L, panel.get(Elements.SHORT, place));
            }
        }
    }
}
