package dev.halcyon.bench.suite;

import dev.halcyon.bench.data.TensorRows;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.memory.Tensor;

import java.util.Arrays;
import java.util.function.Function;

/// The usual way to look at a result: run the launch, read the tensor.
final class Results {
    private Results() {}

    static Function<long[], double[]> of(Site site, Launch launch, Tensor out) {
        return positions -> {
            TensorRows rows = rows(site, launch, out);
            return Arrays.stream(positions).mapToDouble(rows::at).toArray();
        };
    }

    static TensorRows rows(Site site, Launch launch, Tensor out) {
        site.stream().submit(launch);
        site.stream().synchronize();
        return TensorRows.of(site.stream(), out);
    }
}
