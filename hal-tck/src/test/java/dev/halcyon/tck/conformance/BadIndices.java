package dev.halcyon.tck.conformance;

import dev.halcyon.hal.host.FaultSink;
import dev.halcyon.hal.kernel.KernelSpec;
import dev.halcyon.hal.kernel.attention.CacheAppend;
import dev.halcyon.hal.kernel.attention.CacheGather;
import dev.halcyon.hal.kernel.attention.MlaDecode;
import dev.halcyon.hal.kernel.attention.MlaSchedule;
import dev.halcyon.hal.kernel.elementwise.CrossEntropy;
import dev.halcyon.hal.kernel.elementwise.Embedding;
import dev.halcyon.hal.kernel.linear.GroupedGemm;
import dev.halcyon.hal.kernel.moe.ExpertLoad;
import dev.halcyon.hal.kernel.moe.MoeCombine;
import dev.halcyon.hal.kernel.moe.MoeDispatch;
import dev.halcyon.hal.kernel.moe.MoeGate;

/// Looks for indices outside their pools, as the contracts of the specs say it, and raises the
/// fault word.
final class BadIndices {
    private BadIndices() {}

    static void report(KernelSpec<?> kernel, Values in, FaultSink faults) {
        switch (kernel) {
            case Embedding spec -> rows(in, "ids", 1, -1, in.tensor("table").dim(0), faults);
            case CrossEntropy spec -> rows(in, "targets", 1, -1, spec.vocab(), faults);
            case CacheAppend spec ->
                    rows(
                            in,
                            "slots",
                            1,
                            -1,
                            in.tensor("cache").dim(0) * in.tensor("cache").dim(1),
                            faults);
            case CacheGather spec ->
                    rows(
                            in,
                            "slots",
                            1,
                            -1,
                            in.tensor("cache").dim(0) * in.tensor("cache").dim(1),
                            faults);
            case MlaSchedule spec -> rows(in, "lengths", 1, 0, Integer.MAX_VALUE, faults);
            case MoeCombine spec ->
                    rows(in, "tokenRow", spec.topK(), -1, in.tensor("rows").dim(0), faults);
            case ExpertLoad spec -> rows(in, "indices", spec.topK(), -1, spec.experts(), faults);
            case MoeDispatch spec ->
                    rows(in, "indices", spec.topK(), -1, Integer.MAX_VALUE, faults);
            case MoeGate spec -> {
                if (spec.isHashed()) {
                    rows(in, "tokenIds", 1, 0, spec.hashVocab(), faults);
                }
            }
            case GroupedGemm spec -> {
                if (in.has("segmentStart")) {
                    segments(in, in.tensor("a").dim(0), faults);
                }
            }
            case MlaDecode spec -> pages(spec, in, faults);
            default -> {}
        }
    }

    private static void rows(Values in, String name, int each, int from, int to, FaultSink faults) {
        int[] indices = in.ints(name);
        int live = in.live(indices.length / each) * each;
        for (int i = 0; i < live; i++) {
            if (indices[i] < from || indices[i] >= to) {
                faults.report(name, i, indices[i], to);
            }
        }
    }

    private static void segments(Values in, int rows, FaultSink faults) {
        int[] start = in.ints("segmentStart");
        int[] count = in.ints("segmentCount");
        for (int g = 0; g < start.length; g++) {
            if (count[g] < 0 || start[g] < 0 || (long) start[g] + count[g] > rows) {
                faults.report("segmentStart", g, start[g], rows);
            }
        }
    }

    private static void pages(MlaDecode spec, Values in, FaultSink faults) {
        int[] lengths = in.ints("lengths");
        int[] table = in.ints("blockTable");
        int pages = in.tensor("cache").dim(0);
        for (int s = 0; s < in.live(lengths.length); s++) {
            int used =
                    Math.ceilDiv(
                            Math.clamp(lengths[s], 0, spec.maxLength()),
                            spec.cache().rowsPerPage());
            for (int p = 0; p < used; p++) {
                int page = table[s * spec.maxPagesPerSequence() + p];
                if (page < 0 || page >= pages) {
                    faults.report("blockTable", p, page, pages);
                }
            }
        }
    }
}
