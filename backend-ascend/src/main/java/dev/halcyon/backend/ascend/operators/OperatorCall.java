package dev.halcyon.backend.ascend.operators;

import dev.halcyon.backend.ascend.acl.Operator;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// An operator with its arguments: a [View], a list of views, a [Scalar], a `long[]`, a string, a
/// boxed number, or null for an optional one that is left out.
public final class OperatorCall implements DeviceTask {
    private final Operator operator;
    private final Object[] arguments;

    OperatorCall(Operator operator, Object... arguments) {
        this.operator = operator;
        this.arguments = arguments;
    }

    /// {@return the call of an operator with these arguments, in its order}
    public static OperatorCall of(Operator operator, Object... arguments) {
        return new OperatorCall(operator, arguments);
    }

    /// {@return the operator}
    public Operator operator() {
        return operator;
    }

    Object[] arguments() {
        return arguments;
    }

    /// {@return the arrays that the host makes anew each time}
    public List<HostArray> hostArrays() {
        return Arrays.stream(arguments)
                .filter(HostArray.class::isInstance)
                .map(HostArray.class::cast)
                .toList();
    }

    /// {@return this call with the arrays for which it needs the most workspace}
    public OperatorCall withLargestArrays() {
        Object[] largest = arguments.clone();
        for (int i = 0; i < largest.length; i++) {
            if (largest[i] instanceof HostArray array) {
                largest[i] = array.largest();
            }
        }
        return new OperatorCall(operator, largest);
    }

    /// {@return whether it counts bad indices}
    boolean countsFaults() {
        return Arrays.stream(arguments)
                .anyMatch(
                        argument ->
                                argument instanceof View view && view.base() == View.FAULT_WORD);
    }

    /// {@return name and arguments}
    @Override
    public String toString() {
        return Arrays.stream(arguments)
                .map(OperatorCall::describe)
                .collect(Collectors.joining(", ", operator.symbol() + "(", ")"));
    }

    private static String describe(Object argument) {
        return switch (argument) {
            case null -> "-";
            case Scalar scalar -> Double.toString(scalar.value());
            case long[] values ->
                    values.length > 8 ? values.length + " integers" : Arrays.toString(values);
            case HostArray array -> array.largest().length + " host integers";
            case List<?> list -> list.toString();
            default -> argument.toString();
        };
    }
}
