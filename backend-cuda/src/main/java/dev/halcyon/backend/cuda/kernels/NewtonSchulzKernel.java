package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.optimizer.NewtonSchulz;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.memory.Tensor;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The orthogonalisation of matrices, on the matrix units for BF16 and F16 between products.
record NewtonSchulzKernel(KernelFunctions functions)
        implements Kernel<NewtonSchulz, NewtonSchulz.Args, CudaWork> {

    /// {@return what multiplies: the matrix units, or multiply-adds}
    static String units(NewtonSchulz spec) {
        return spec.compute() == DType.F32 ? "fma" : "mma";
    }

    @Override
    public Class<NewtonSchulz> specType() {
        return NewtonSchulz.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("newton_schulz.fma", "newton_schulz.mma");
    }

    @Override
    public Decision<NewtonSchulz.Args, CudaWork> decide(NewtonSchulz spec, Limits limits) {

        if (ElementTypes.isWide(spec.in(), spec.compute(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("newton_schulz." + units(spec), ""),
                ElementTypes.rowNumerics(),
                NewtonSchulzMemory.of(spec).bytes(),
                (args, workspace) -> bind(spec, args, workspace));
    }

    private CudaWork bind(NewtonSchulz spec, NewtonSchulz.Args args, Tensor workspace) {
        AddressTable tables = new AddressTable(functions, workspace.address());
        NewtonSchulzLaunches.Ends ends =
                new NewtonSchulzLaunches.Ends(
                        Slices.ofValues(args.x(), spec.matrices(), tables),
                        null,
                        Slices.ofValues(args.out(), spec.matrices(), tables),
                        null,
                        null);
        return CudaWork.of(
                tables,
                NewtonSchulzLaunches.of(functions, spec, ends, workspace)
                        .toArray(KernelLaunch[]::new));
    }
}
