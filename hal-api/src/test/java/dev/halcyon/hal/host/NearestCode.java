package dev.halcyon.hal.host;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/// Rounding by search: the code whose value is nearest, of two at one distance the even one, in
/// exact arithmetic.
///
/// It knows nothing of bits, only the values of the non-negative finite codes, which grow with the
/// code.
final class NearestCode {
    private final List<BigDecimal> values;

    /// @param codes the number of non-negative finite codes
    /// @param value what each stands for
    NearestCode(int codes, IntToDoubleFunction value) {
        this.values =
                IntStream.range(0, codes)
                        .mapToObj(code -> new BigDecimal(value.applyAsDouble(code)))
                        .toList();
    }

    /// {@return the code nearest to a finite magnitude; beyond the last that is the last}
    int of(double magnitude) {
        BigDecimal wanted = new BigDecimal(magnitude);
        int found = Collections.binarySearch(values, wanted);
        if (found >= 0) {
            return found;
        }
        int above = -found - 1;
        if (above == values.size()) {
            return above - 1;
        }
        BigDecimal up = values.get(above).subtract(wanted);
        BigDecimal down = wanted.subtract(values.get(above - 1));
        int order = up.compareTo(down);
        return order == 0 ? above - above % 2 : order < 0 ? above : above - 1;
    }

    /// {@return magnitudes where rounding is decided: every value, every middle of two, and the
    /// doubles beside them}
    List<Double> critical() {
        List<Double> all = new ArrayList<>();
        for (int code = 0; code < values.size(); code++) {
            double value = values.get(code).doubleValue();
            double next = values.get(Math.min(code + 1, values.size() - 1)).doubleValue();
            for (double at : new double[] {value, value + (next - value) / 2}) {
                all.add(at);
                all.add(Math.nextUp(at));
                all.add(Math.abs(Math.nextDown(at)));
            }
        }
        double last = values.getLast().doubleValue();
        all.addAll(List.of(last * 1.0001, last * 1.5, last * 3, 1e30));
        return all;
    }
}
