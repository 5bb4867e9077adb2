package dev.halcyon.hal.kernel.attention;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

import java.util.List;

class QkClipTest {
    private static final QkClip CLIP = QkClip.of(4, 10, 6, 8, 16, 12);

    private static QkClip.Args args() {
        return QkClip.Args.of(
                tensor(DType.F32, 64, 16), tensor(DType.F32, 72, 12), tensor(DType.F32, 4));
    }

    @Test
    void startsFromTheValuesOfKimi() {
        assertEquals(100, CLIP.tau());
        assertEquals(0.5, CLIP.alpha());
        assertEquals(DType.F32, CLIP.weight());
    }

    @Test
    void refusesWhatMakesNoClip() {
        assertRefused(() -> CLIP.withTau(0), "tau", "0.0");
        assertRefused(() -> CLIP.withAlpha(1.5), "alpha", "1.5");
        assertRefused(() -> CLIP.withAlpha(Double.NaN), "alpha", "NaN");
        assertRefused(() -> CLIP.withWeight(DType.F8_E4M3), "weight", "F8_E4M3");
        assertRefused(() -> QkClip.of(0, 10, 6, 8, 16, 12), "heads", "0");
        assertRefused(() -> QkClip.of(4, 10, 6, 8, 0, 12), "queryRank", "0");
    }

    @Test
    void takesOneRowForEveryValueOfEveryHead() {
        CLIP.validate(args());
        CLIP.validate(args().withEta(tensor(DType.F32, 4)));
        QkClip.Args good = args();
        assertRefused(
                () ->
                        CLIP.validate(
                                QkClip.Args.of(
                                        tensor(DType.F32, 40, 16),
                                        good.kvWeight(),
                                        good.maxLogit())),
                "queryWeight",
                "[64, 16]",
                "[40, 16]");
        assertRefused(
                () ->
                        CLIP.validate(
                                QkClip.Args.of(
                                        good.queryWeight(),
                                        tensor(DType.BF16, 72, 12),
                                        good.maxLogit())),
                "kvWeight",
                "BF16");
        assertRefused(
                () ->
                        CLIP.validate(
                                QkClip.Args.of(
                                        good.queryWeight(), good.kvWeight(), tensor(DType.F32, 5))),
                "maxLogit",
                "[5]");
        assertRefused(() -> CLIP.validate(args().withEta(tensor(DType.F32, 5))), "eta", "[5]");
    }

    @Test
    void updatesBothWeightsAndWritesItsFactors() {
        List<Operands.Mode> modes =
                args().withEta(tensor(DType.F32, 4)).operands().accesses().stream()
                        .map(Operands.Access::mode)
                        .toList();
        assertEquals(
                List.of(
                        Operands.Mode.UPDATE,
                        Operands.Mode.UPDATE,
                        Operands.Mode.READ,
                        Operands.Mode.WRITE),
                modes);
    }

    @Test
    void costsQueryAndKeyRowsButNoValueRows() {
        double elements = 4 * (16 * 16 + 10 * 12);
        assertEquals(new Cost(elements, 8 * elements + 16), CLIP.cost());
        assertEquals(CLIP.cost(), QkClip.of(4, 10, 6, 99, 16, 12).cost());
    }

    @Test
    void differsWhereverAComponentDoes() {
        assertEquals(CLIP, QkClip.of(4, 10, 6, 8, 16, 12));
        assertNotEquals(CLIP, CLIP.withTau(8));
        assertNotEquals(CLIP, CLIP.withAlpha(0));
    }
}
