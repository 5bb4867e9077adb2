package dev.halcyon.bench.suite;

import dev.halcyon.bench.micro.HalMicro;
import dev.halcyon.bench.result.Result;

import java.util.List;
import java.util.Locale;

/// Costs of API calls as rows.
final class HalRows {
    private HalRows() {}

    static Result row(HalMicro.Call call, String device, boolean contended) {
        return new Result(
                "hal",
                title(call.name()),
                device,
                "JMH",
                null,
                "",
                call.medianSeconds(),
                call.spread(),
                0,
                0,
                null,
                List.of(),
                0,
                call.iterations(),
                contended,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                // The profiler divides by calls, so a stray object of the harness is a fraction of
                // a byte.
                (double) Math.round(call.allocatedBytes()),
                "");
    }

    /// {@return the name of a benchmark's method in words: `bindTenOperands` as "bind ten
    /// operands"}
    static String title(String method) {
        return method.replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
    }
}
