package dev.halcyon.tck.conformance;

import org.jspecify.annotations.Nullable;

import java.util.Map;
import java.util.TreeMap;

/// The operands of one launch by name, as the kernel finds them.
public final class Values {
    private final Map<String, HostTensor> operands;

    /// Copies the map.
    public Values(Map<String, HostTensor> operands) {
        this.operands = new TreeMap<>(operands);
    }

    /// {@return an operand}
    ///
    /// @throws IllegalArgumentException if the launch has none of that name
    public HostTensor tensor(String name) {
        HostTensor tensor = operands.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(
                    "no operand " + name + " among " + operands.keySet());
        }
        return tensor;
    }

    /// {@return an operand's values}
    public double[] of(String name) {
        return tensor(name).values();
    }

    /// {@return an operand's values, or null if the launch has none of that name}
    public double @Nullable [] find(String name) {
        HostTensor tensor = operands.get(name);
        return tensor == null ? null : tensor.values();
    }

    /// {@return an operand's values, or none if the launch has none of that name}
    public double[] orEmpty(String name) {
        double[] values = find(name);
        return values == null ? new double[0] : values;
    }

    /// {@return an operand's values as whole numbers}
    public int[] ints(String name) {
        return tensor(name).ints();
    }

    /// {@return whether the launch has an operand of that name}
    public boolean has(String name) {
        return operands.containsKey(name);
    }

    /// {@return how many of `rows` rows are live, by the operand `activeRows`}
    public int live(int rows) {
        double[] active = find("activeRows");
        return active == null ? rows : (int) Math.clamp(active[0], 0.0, rows);
    }
}
