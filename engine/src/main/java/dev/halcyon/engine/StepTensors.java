package dev.halcyon.engine;

import dev.halcyon.hal.Stream;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.DeviceArena;
import dev.halcyon.hal.memory.StepInput;
import dev.halcyon.hal.memory.Tensor;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// What changes between decode steps, one row a sequence, as step inputs; plus the last token of
/// each row, which lives on the device and is never read back before it is used.
final class StepTensors {
    final Tensor ids;
    final StepInput positions;
    final StepInput slots;
    final StepInput lengths;
    final StepInput blockTable;
    final StepInput activeRows;
    final StepInput temperature;
    final StepInput topP;
    final StepInput topK;
    final StepInput seed;

    private final int maxPages;
    private final int rowsPerPage;

    StepTensors(DeviceArena arena, int rows, int maxPages, int rowsPerPage) {
        this.maxPages = maxPages;
        this.rowsPerPage = rowsPerPage;
        ids = arena.tensor(DType.I32, rows);
        positions = arena.stepInput(DType.I32, rows);
        slots = arena.stepInput(DType.I32, rows);
        lengths = arena.stepInput(DType.I32, rows);
        blockTable = arena.stepInput(DType.I32, rows, maxPages);
        activeRows = arena.stepInput(DType.I32, 1);
        temperature = arena.stepInput(DType.F32, rows);
        topP = arena.stepInput(DType.F32, rows);
        topK = arena.stepInput(DType.I32, rows);
        seed = arena.stepInput(DType.I64, rows);
    }

    /// Publishes one decode step of the first `active` rows: every sequence that wants a token
    /// takes part, other rows are holes.
    ///
    /// A hole has no cached rows and appends nothing, so a sequence keeps its row while others come
    /// and go. Rows from `active` on, and pages beyond those of a sequence, keep whatever is there:
    /// no kernel looks at them.
    void publish(Stream stream, @Nullable Sequence[] sequences, int active) {
        MemorySegment positionsNext = positions.next();
        MemorySegment slotsNext = slots.next();
        MemorySegment lengthsNext = lengths.next();
        MemorySegment pagesNext = blockTable.next();
        MemorySegment temperatureNext = temperature.next();
        MemorySegment topPNext = topP.next();
        MemorySegment topKNext = topK.next();
        MemorySegment seedNext = seed.next();
        for (int row = 0; row < active; row++) {
            Sequence sequence = sequences[row];
            boolean live = sequence != null && sequence.wantsMore();
            int position = live ? sequence.cached : 0;
            SamplingOptions sampling =
                    live ? sequence.request().sampling() : SamplingOptions.GREEDY;
            positionsNext.setAtIndex(ValueLayout.JAVA_INT, row, position);
            slotsNext.setAtIndex(
                    ValueLayout.JAVA_INT, row, live ? sequence.slot(position, rowsPerPage) : -1);
            lengthsNext.setAtIndex(ValueLayout.JAVA_INT, row, live ? position + 1 : 0);
            if (live) {
                long bytes = (long) row * maxPages * Integer.BYTES;
                MemorySegment.copy(
                        sequence.pages,
                        0,
                        pagesNext,
                        ValueLayout.JAVA_INT,
                        bytes,
                        sequence.pages.length);
            }
            temperatureNext.setAtIndex(ValueLayout.JAVA_FLOAT, row, (float) sampling.temperature());
            topPNext.setAtIndex(ValueLayout.JAVA_FLOAT, row, (float) sampling.topP());
            topKNext.setAtIndex(ValueLayout.JAVA_INT, row, sampling.topK());
            seedNext.setAtIndex(ValueLayout.JAVA_LONG, row, sampling.seed());
        }
        activeRows.next().setAtIndex(ValueLayout.JAVA_INT, 0, active);
        for (StepInput input :
                new StepInput[] {
                    positions, slots, lengths, blockTable, activeRows, temperature, topP, topK, seed
                }) {
            stream.publish(input);
        }
    }
}
