package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [PackWeight] between one piece and a list; the backend has no layout of its own.
record PackWeightKernel(Platform platform)
        implements Kernel<PackWeight, PackWeight.Args, AscendWork> {
    private static final String NAME = "pack.copy";

    @Override
    public Class<PackWeight> specType() {
        return PackWeight.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<PackWeight.Args, AscendWork> decide(PackWeight spec, Limits limits) {
        for (WeightFormat format : List.of(spec.from(), spec.to())) {
            if (!format.isRowMajor()) {
                return Decision.refused(
                        Support.Reason.FORMAT,
                        "this device has no weight layout \"" + format.layout() + "\"",
                        "row-major weights");
            }
        }
        return Decision.planned(
                new Implementation(NAME, "aclnn"),
                Composed.rows(DType.F32),
                0,
                (args, workspace) -> {
                    Composition c = Composition.withoutScratch(platform);
                    for (int i = 0; i < spec.matrices(); i++) {
                        copy(c, entry(args.from(), i), entry(args.to(), i));
                    }
                    return c.work();
                });
    }

    private static void copy(Composition c, List<View> from, List<View> to) {
        for (int i = 0; i < from.size(); i++) {
            c.copy(from.get(i), to.get(i));
        }
    }

    /// {@return the bits of one matrix: values, and scales if there are any}
    private static List<View> entry(Operand operand, int index) {
        return switch (operand) {
            case Tensor tensor -> List.of(Bits.of(tensor.get(index)));
            case QuantizedTensor quantized ->
                    List.of(
                            Bits.of(quantized.values().get(index)),
                            Bits.of(quantized.scales().get(index)));
            case TensorList list ->
                    switch (list.elements().get(index)) {
                        case Tensor tensor -> List.of(Bits.of(tensor));
                        case QuantizedTensor quantized ->
                                List.of(Bits.of(quantized.values()), Bits.of(quantized.scales()));
                        default -> throw unknown(operand);
                    };
            default -> throw unknown(operand);
        };
    }

    private static IllegalArgumentException unknown(Operand operand) {
        return new IllegalArgumentException("this device has no layout " + operand.format());
    }
}
