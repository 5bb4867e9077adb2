package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Support;
import dev.halcyon.hal.kernel.linear.PackWeight;
import dev.halcyon.hal.memory.Operand;
import dev.halcyon.hal.memory.QuantizationScheme;
import dev.halcyon.hal.memory.QuantizedTensor;
import dev.halcyon.hal.memory.Shape;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.memory.TensorList;
import dev.halcyon.hal.memory.WeightFormat;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Weights from many addresses to one and back; there is no layout of tiles yet.
record PackWeightKernel(KernelFunctions functions)
        implements Kernel<PackWeight, PackWeight.Args, CudaWork> {

    private static final int WIDE_BYTES = 16;

    @Override
    public Class<PackWeight> specType() {
        return PackWeight.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("pack_weight");
    }

    @Override
    public Decision<PackWeight.Args, CudaWork> decide(PackWeight spec, Limits limits) {

        if (!spec.from().isRowMajor() || !spec.to().isRowMajor()) {
            return Decision.refused(
                    Support.Reason.FORMAT,
                    spec.name()
                            + " on a GPU knows no layout but rows, not "
                            + (spec.from().isRowMajor() ? spec.to() : spec.from()),
                    "the format that device.preferred names");
        }
        return Decision.planned(
                new Implementation("pack_weight", ""),
                ElementTypes.rowNumerics(),
                2 * AddressTable.bytes(2L * spec.matrices()),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(PackWeight spec, PackWeight.Args args, Tensor workspace) {
        AddressTable tables = new AddressTable(functions, workspace.address());
        List<KernelLaunch> copies = new ArrayList<>();
        WeightFormat format = spec.from().unlisted();
        copies.add(
                copy(
                        spec,
                        Slices.ofValues(args.from(), spec.matrices(), tables),
                        Slices.ofValues(args.to(), spec.matrices(), tables),
                        format.dtype().bytes((long) spec.rows() * spec.columns()),
                        isWide(args.from(), args.to(), Slices::values)));
        if (format.scheme().isPresent()) {
            QuantizationScheme scheme = format.scheme().get();
            Shape scales = scheme.scaleShape(Shape.of(spec.rows(), spec.columns()));
            copies.add(
                    copy(
                            spec,
                            Slices.ofScales(args.from(), spec.matrices(), tables),
                            Slices.ofScales(args.to(), spec.matrices(), tables),
                            scheme.scales().bytes(scales.elements()),
                            isWide(args.from(), args.to(), PackWeightKernel::scales)));
        }
        return CudaWork.of(tables, copies.toArray(KernelLaunch[]::new));
    }

    private static Tensor scales(Operand operand) {
        return ((QuantizedTensor) operand).scales();
    }

    private static boolean isWide(Operand from, Operand to, Function<Operand, Tensor> part) {
        return isAligned(from, part) && isAligned(to, part);
    }

    private static boolean isAligned(Operand operand, Function<Operand, Tensor> part) {
        List<Tensor> tensors =
                operand instanceof TensorList list
                        ? Slices.tensors(list, part)
                        : List.of(part.apply(operand));
        return tensors.stream().allMatch(tensor -> tensor.address() % WIDE_BYTES == 0);
    }

    private KernelLaunch copy(
            PackWeight spec, Slices from, Slices to, long bytes, boolean isAligned) {
        boolean isWide = isAligned && bytes % WIDE_BYTES == 0;
        long parts = isWide ? bytes / WIDE_BYTES : bytes;
        return to.addTo(from.addTo(Params.of()))
                .integer(spec.matrices())
                .integer(parts)
                .integer(isWide ? 1 : 0)
                .launch(
                        functions,
                        "pack_weight",
                        StridedTransfers.blocks(spec.matrices() * parts),
                        1,
                        Rows.BLOCK);
    }
}
