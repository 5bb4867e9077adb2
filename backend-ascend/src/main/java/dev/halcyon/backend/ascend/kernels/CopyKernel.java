package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Copy;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// [Copy] by one copy of bits.
record CopyKernel(Platform platform) implements Kernel<Copy, Copy.Args, AscendWork> {
    private record Views(View x, View out) {}

    @Override
    public Class<Copy> specType() {
        return Copy.class;
    }

    @Override
    public List<String> implementations() {
        return List.of("copy");
    }

    @Override
    public Decision<Copy.Args, AscendWork> decide(Copy spec, Limits limits) {
        View bound =
                View.unbound(
                        AclDataType.UINT8,
                        spec.maxRows(),
                        Math.max(1, spec.dtype().bytes(spec.dim())));
        return Composed.decide(
                platform,
                "copy",
                Composed.rows(Composed.compute(spec.dtype())),
                new Views(bound, bound),
                args -> new Views(Bits.of(args.x()), Bits.of(args.out())),
                CopyKernel::compose);
    }

    private static void compose(Composition c, Views views) {
        c.copy(views.x(), views.out());
    }
}
