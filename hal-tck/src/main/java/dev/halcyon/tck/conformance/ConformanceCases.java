package dev.halcyon.tck.conformance;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The list of all cases: one list for tests, benchmarks and the support matrix.
public final class ConformanceCases {
    private ConformanceCases() {}

    /// {@return every case, in a fixed order}
    ///
    /// @param thorough whether to include those that take long
    public static List<ConformanceCase> all(boolean thorough) {
        List<ConformanceCase> cases = new ArrayList<>();
        cases.addAll(DeviceCases.all());
        cases.addAll(RowCases.all());
        cases.addAll(LinearCases.all());
        cases.addAll(MoeCases.all());
        cases.addAll(AttentionCases.all());
        cases.addAll(HostLengthCases.all());
        cases.addAll(OptimizerCases.all());
        cases.addAll(FaultCases.all());
        cases.addAll(ModelSizeCases.all());
        Set<String> names = new HashSet<>();
        for (ConformanceCase one : cases) {
            if (!names.add(one.name())) {
                throw new IllegalStateException("two cases are called \"" + one.name() + "\"");
            }
        }
        return cases.stream().filter(one -> thorough || !one.isThorough()).toList();
    }
}
