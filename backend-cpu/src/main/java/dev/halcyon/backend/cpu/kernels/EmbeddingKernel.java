package dev.halcyon.backend.cpu.kernels;

import dev.halcyon.backend.cpu.CpuContext;
import dev.halcyon.hal.Limits;
import dev.halcyon.hal.Numerics;
import dev.halcyon.hal.host.HostWork;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.spi.Decision;
import dev.halcyon.hal.spi.Kernel;

import java.util.List;

/// Rows of a table by index: bytes where the types agree, through floats where they differ.
final class EmbeddingKernel implements Kernel<Embedding, Embedding.Args, HostWork> {
    private static final String NAME = "embedding";

    private final CpuContext context;

    EmbeddingKernel(CpuContext context) {
        this.context = context;
    }

    @Override
    public Class<Embedding> specType() {
        return Embedding.class;
    }

    @Override
    public List<String> implementations() {
        return List.of(NAME);
    }

    @Override
    public Decision<Embedding.Args, HostWork> decide(Embedding spec, Limits limits) {
        if (spec.table() != spec.out() && RowTypes.lacksAny(spec.table(), spec.out())) {
            return RowTypes.refuse(spec, spec.table(), spec.out());
        }
        return Decision.planned(
                context.implementation(NAME),
                Numerics.F32_INVARIANT,
                0,
                (args, workspace) -> new Work(context, spec, args));
    }

    private static final class Work extends RowWork.Elementwise {
        private final Rows ids;
        private final Rows table;
        private final Rows out;

        Work(CpuContext context, Embedding spec, Embedding.Args args) {
            super(context, args.ids().dim(0), spec.dim(), args.activeRows());
            ids = Rows.flat(args.ids());
            table = Rows.of(args.table());
            out = Rows.of(args.out());
        }

        @Override
        void stretch(long row, int column, int n) {
            int id = ids.intAt(0, row);
            if (id < 0 || id >= table.rows()) {
                out.clear(row, column, n);
                if (id != -1 && column == 0) {
                    fault("ids", row, id, table.rows());
                }
            } else if (table.dtype() == out.dtype()) {
                out.copyFrom(table, id, row, column, n);
            } else {
                float[] values = Scratch.get().a;
                table.load(loops, id, column, values, 0, n);
                out.store(loops, values, 0, n, row, column);
            }
        }
    }
}
