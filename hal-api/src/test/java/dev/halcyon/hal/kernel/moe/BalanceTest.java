package dev.halcyon.hal.kernel.moe;

import static dev.halcyon.hal.kernel.AbsentMemory.assertRefused;
import static dev.halcyon.hal.kernel.AbsentMemory.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.halcyon.hal.kernel.Cost;
import dev.halcyon.hal.kernel.Operands;
import dev.halcyon.hal.memory.DType;

import org.junit.jupiter.api.Test;

/// The three specs that keep the load of the experts even.
class BalanceTest {
    @Test
    void biasUpdateTakesOneValueAnExpert() {
        RouterBiasUpdate update = RouterBiasUpdate.of(8);
        assertEquals(0.001, update.rate());
        update.validate(RouterBiasUpdate.Args.of(tensor(DType.F32, 8), tensor(DType.I32, 8)));
        assertRefused(
                () ->
                        update.validate(
                                RouterBiasUpdate.Args.of(
                                        tensor(DType.BF16, 8), tensor(DType.I32, 8))),
                "bias",
                "BF16");
        assertRefused(
                () ->
                        update.validate(
                                RouterBiasUpdate.Args.of(
                                        tensor(DType.F32, 8), tensor(DType.I32, 7))),
                "load",
                "[7]");
        assertRefused(() -> RouterBiasUpdate.of(0), "experts", "0");
        assertRefused(() -> update.withRate(0), "rate", "0.0");
        assertRefused(() -> update.withRate(Double.POSITIVE_INFINITY), "rate", "Infinity");
        assertEquals(new Cost(24, 96), update.cost());
    }

    @Test
    void loadIsReadOnlyWhereCountsAreAdded() {
        ExpertLoad load = ExpertLoad.of(6, 3, 8);
        ExpertLoad.Args args = ExpertLoad.Args.of(tensor(DType.I32, 6, 3), tensor(DType.I32, 8));
        assertEquals(Operands.Mode.WRITE, mode(load, args));
        assertEquals(Operands.Mode.UPDATE, mode(load.withAdd(true), args));
        assertEquals(new Cost(0, 4 * (18 + 8)), load.cost());
        assertEquals(new Cost(0, 4 * (18 + 16)), load.withAdd(true).cost());
        assertEquals(load.cost(), load.cost(args));
    }

    private static Operands.Mode mode(ExpertLoad spec, ExpertLoad.Args args) {
        return spec.operands(args).accesses().stream()
                .filter(access -> access.name().equals("load"))
                .findFirst()
                .orElseThrow()
                .mode();
    }

    @Test
    void loadRefusesOperandsThatDoNotFit() {
        ExpertLoad load = ExpertLoad.of(6, 3, 8);
        assertRefused(
                () ->
                        load.validate(
                                ExpertLoad.Args.of(tensor(DType.I32, 7, 3), tensor(DType.I32, 8))),
                "indices has 7 rows");
        assertRefused(
                () ->
                        load.validate(
                                ExpertLoad.Args.of(tensor(DType.I32, 6, 3), tensor(DType.I64, 8))),
                "load",
                "I64");
        assertRefused(() -> ExpertLoad.of(6, 0, 8), "topK", "0");
    }

    @Test
    void lossTakesScoresChoicesAndSequences() {
        BalanceLoss loss = BalanceLoss.of(6, 2, 8, 3);
        assertEquals(1e-4, loss.alpha());
        BalanceLoss.Args full = args(6, 3);
        loss.validate(full);
        loss.validate(args(0, 1));
        assertEquals(loss.cost(), loss.cost(full));
        assertEquals(new Cost(3 * 6 * 8 + 2 * 2 * 8, 4 * (48 + 18 + 3 + 1)), loss.cost());
        assertRefused(() -> loss.validate(args(7, 3)), "scores has 7 rows", "6");
        assertRefused(() -> loss.validate(args(6, 4)), "sequenceStart has 4 rows", "3");
        assertRefused(() -> loss.validate(args(6, 0)), "sequenceStart", "0");
    }

    private static BalanceLoss.Args args(long tokens, long starts) {
        return BalanceLoss.Args.of(
                tensor(DType.F32, tokens, 8),
                tensor(DType.I32, tokens, 3),
                tensor(DType.I32, starts),
                tensor(DType.F32, 1));
    }

    @Test
    void lossRefusesWhatIsNoWeightOrChoice() {
        assertRefused(() -> BalanceLoss.of(6, 2, 8, 9), "topK", "9");
        assertRefused(() -> BalanceLoss.of(6, 0, 8, 3), "maxSequences", "0");
        assertRefused(() -> BalanceLoss.of(6, 2, 8, 3).withAlpha(-1), "alpha", "-1.0");
    }
}
