package dev.halcyon.backend.cpu.loops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.HashSet;
import java.util.Set;

class GroupedRowsTest {
    @ParameterizedTest
    @CsvSource({"1, 1, 5, 3", "16, 16, 576, 128", "8, 4, 20, 24", "16, 16, 40, 17"})
    void everyElementHasABlockOfItsOwnInside(int group, int chunk, int columns, int rows) {
        GroupedRows layout = GroupedRows.of(group, chunk, columns);
        Set<Long> taken = new HashSet<>();
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                long at = layout.row(row) + layout.column(column);
                assertTrue(at >= 0 && at + 4 <= layout.bytes(rows), row + ", " + column);
                assertTrue(taken.add(at), row + ", " + column);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"16, 16, 576", "8, 8, 512", "8, 4, 64"})
    void rowsOfAGroupAndChunksOfARowAreAtConstantDistances(int group, int chunk, int columns) {
        GroupedRows layout = GroupedRows.of(group, chunk, columns);
        assertEquals(4L * chunk, layout.row(1) - layout.row(0));
        assertEquals(4L * chunk, layout.row(2 * group - 1) - layout.row(2 * group - 2));
        assertEquals(4, layout.column(1));
        assertEquals(layout.chunkStride(), layout.column(2 * chunk - 1) - layout.column(chunk - 1));
        assertEquals(layout.stride(), layout.row(group + 1) - layout.row(1));
    }
}
