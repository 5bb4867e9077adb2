package dev.halcyon.bench.goal;

import dev.halcyon.bench.result.NativeCode;

import java.util.List;

/// One line of the table of targets.
///
/// @param name what it is about
/// @param cases names of the rows that it is held against, with their suite
/// @param java bars without native code
/// @param nativeCode bars with it
public record Target(String name, List<String> cases, List<Bar> java, List<Bar> nativeCode) {
    public Target {
        cases = List.copyOf(cases);
        java = List.copyOf(java);
        nativeCode = List.copyOf(nativeCode);
    }

    /// {@return the bars of kernels with or without native code}
    public List<Bar> bars(NativeCode side) {
        return side == NativeCode.OFF ? java : nativeCode;
    }
}
