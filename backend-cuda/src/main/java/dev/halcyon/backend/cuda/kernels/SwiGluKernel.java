package dev.halcyon.backend.cuda.kernels;

import dev.halcyon.hal.Implementation;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.SwiGlu;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// The gated activation of a feed-forward network.
record SwiGluKernel(KernelFunctions functions) implements Kernel<SwiGlu, SwiGlu.Args, CudaWork> {
    @Override
    public Class<SwiGlu> specType() {
        return SwiGlu.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("swiglu");
    }

    @Override
    public Decision<SwiGlu.Args, CudaWork> decide(SwiGlu spec, Limits limits) {
        if (ElementTypes.isWide(spec.in(), spec.out())) {
            return ElementTypes.declineWide(spec.name());
        }
        return Decision.planned(
                new Implementation("swiglu", ""),
                ElementTypes.rowNumerics(),
                0,
                (args, workspace) -> bind(spec, args));
    }

    private CudaWork bind(SwiGlu spec, SwiGlu.Args args) {
        Rows gate = new Rows(args.gate());
        if (gate.isEmpty()) {
            return CudaWork.of();
        }
        return CudaWork.of(
                Params.of()
                        .address(args.gate())
                        .address(args.up())
                        .address(args.rowWeight())
                        .address(args.out())
                        .address(args.activeRows())
                        .integer(ElementTypes.code(spec.in()))
                        .integer(ElementTypes.code(spec.out()))
                        .integer(gate.count())
                        .integer(gate.dim())
                        .integer(gate.stride())
                        .integer(new Rows(args.up()).stride())
                        .integer(new Rows(args.out()).stride())
                        .integer(args.rowWeight() == null ? 0 : args.rowWeight().stride(0))
                        .real(spec.limit())
                        .launch(
                                functions,
                                ElementTypes.variant("swiglu", spec.in(), spec.out()),
                                gate.elementBlocks(),
                                1,
                                Rows.BLOCK));
    }
}
