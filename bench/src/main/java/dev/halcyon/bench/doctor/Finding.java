package dev.halcyon.bench.doctor;

/// One line of the report.
///
/// @param topic what was looked at
/// @param state whether it is as it should be
/// @param detail what was found
/// @param remedy what the reader can do; empty where nothing is needed
public record Finding(String topic, State state, String detail, String remedy) {
    /// Whether something is as it should be.
    public enum State {
        /// Nothing to do.
        OK,
        /// It works, with less than is possible.
        LIMITED,
        /// It is not there.
        MISSING,
        /// Looking failed.
        UNKNOWN
    }

    static Finding ok(String topic, String detail) {
        return new Finding(topic, State.OK, detail, "");
    }
}
