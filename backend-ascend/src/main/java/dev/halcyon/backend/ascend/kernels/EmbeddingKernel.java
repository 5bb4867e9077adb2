package dev.halcyon.backend.ascend.kernels;

import dev.halcyon.backend.ascend.acl.AclDataType;
import dev.halcyon.backend.ascend.operators.AscendWork;
import dev.halcyon.backend.ascend.operators.Bits;
import dev.halcyon.backend.ascend.operators.Composition;
import dev.halcyon.backend.ascend.operators.Platform;
import dev.halcyon.backend.ascend.operators.View;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.memory.DType;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import org.jspecify.annotations.Nullable;

import java.util.List;

/// [Embedding] by a gather of rows, after indices outside the table were counted and replaced.
record EmbeddingKernel(Platform platform) implements Kernel<Embedding, Embedding.Args, AscendWork> {
    private static final String NAME = "embedding";

    private record Views(View ids, View table, View out, @Nullable View activeRows) {}

    @Override
    public Class<Embedding> specType() {
        return Embedding.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Embedding.Args, AscendWork> decide(Embedding spec, Limits limits) {
        boolean converts = spec.table() != spec.out();
        if (converts) {
            Decision<Embedding.Args, AscendWork> refusal =
                    Composed.refuseBf16(platform, spec.table(), spec.out());
            if (refusal != null) {
                return refusal;
            }
        }
        View table = View.unbound(spec.table(), spec.tableRows(), spec.dim());
        View out = View.unbound(spec.out(), spec.maxRows(), spec.dim());
        return Composed.decide(
                platform,
                NAME,
                Composed.rows(Composed.compute(spec.table(), spec.out())),
                new Views(
                        View.unbound(DType.I32, spec.maxRows()),
                        converts ? table : maskable(table),
                        converts ? out : maskable(out),
                        View.unbound(DType.I32, 1)),
                args ->
                        new Views(
                                View.of(args.ids()),
                                converts ? View.of(args.table()) : maskable(View.of(args.table())),
                                converts ? View.of(args.out()) : maskable(View.of(args.out())),
                                Composed.optional(args.activeRows())),
                EmbeddingKernel::compose);
    }

    /// The masked fill takes fewer types than there are; zero has the same bits in all.
    private static View maskable(View view) {
        return view.as(
                switch (view.type().bytes()) {
                    case 1 -> AclDataType.INT8;
                    case 2 -> AclDataType.FLOAT16;
                    case 4 -> AclDataType.INT32;
                    default -> AclDataType.INT64;
                });
    }

    private static void compose(Composition c, Views views) {
        if (views.out().elements() == 0) {
            return;
        }
        View ids = c.scratch(AclDataType.INT32, views.ids().dims());
        View live = RowBounds.replaceDead(c, views.ids(), views.activeRows(), -1);
        View absent = c.checkIndices(live, views.table().dim(0), -1, 0, ids);
        View rows = c.scratch(views.table().type(), views.out().dims());
        if (views.table().dim(0) == 0) {
            c.fill(rows, 0);
        } else {
            c.gatherRows(Bits.integers(views.table()), ids, Bits.integers(rows));
            c.fillWhere(rows, absent.unsqueeze(1), 0);
        }
        c.convert(rows, views.out());
    }
}
