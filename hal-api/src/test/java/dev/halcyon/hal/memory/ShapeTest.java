package dev.halcyon.hal.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.halcyon.hal.Expect;

import org.junit.jupiter.api.Test;

/// A shape is a value whose elements can be counted.
final class ShapeTest {
    @Test
    void countsItsElements() {
        assertEquals(1, Shape.of().elements());
        assertEquals(0, Shape.of(3, 0, 5).elements());
        assertEquals(30, Shape.of(3, 2, 5).elements());
        assertEquals(Long.MAX_VALUE, Shape.of(1, Long.MAX_VALUE).elements());
    }

    @Test
    void refusesWhatCannotBeCounted() {
        Expect.thrown(IllegalArgumentException.class, () -> Shape.of(2, -1), "[2, -1]", "negative");
        Expect.thrown(
                IllegalArgumentException.class,
                () -> Shape.of(Long.MAX_VALUE, 2),
                "" + Long.MAX_VALUE,
                "long");
        Expect.thrown(IllegalArgumentException.class, () -> Shape.of(1L << 32, 1L << 31), "long");
    }

    @Test
    void refusesExtentsTooLargeForStridesWhereverTheZeroIs() {
        assertThrows(
                IllegalArgumentException.class, () -> Shape.of(Long.MAX_VALUE, Long.MAX_VALUE, 0));
        assertThrows(
                IllegalArgumentException.class, () -> Shape.of(0, Long.MAX_VALUE, Long.MAX_VALUE));
        assertThrows(IllegalArgumentException.class, () -> Shape.of(0, -1));
    }

    @Test
    void countsDimensionsFromEitherEnd() {
        Shape shape = Shape.of(7, 8, 9);
        assertEquals(3, shape.rank());
        assertEquals(7, shape.dim(0));
        assertEquals(9, shape.dim(-1));
        assertEquals(7, shape.dim(-3));
        Expect.thrown(
                IndexOutOfBoundsException.class, () -> shape.dim(3), "dimension 3 of [7, 8, 9]");
        Expect.thrown(IndexOutOfBoundsException.class, () -> shape.dim(-4), "-4");
        Expect.thrown(IndexOutOfBoundsException.class, () -> Shape.of().dim(-1), "-1 of []");
    }

    @Test
    void isAValueThatNobodyCanChange() {
        long[] dims = {2, 3};
        Shape shape = Shape.of(dims);
        dims[0] = 5;
        shape.toArray()[1] = 5;
        assertArrayEquals(new long[] {2, 3}, shape.toArray());
        assertEquals(Shape.of(2, 3), shape);
        assertEquals(Shape.of(2, 3).hashCode(), shape.hashCode());
        assertNotEquals(Shape.of(3, 2), shape);
        assertEquals("[2, 3]", shape.toString());
    }
}
