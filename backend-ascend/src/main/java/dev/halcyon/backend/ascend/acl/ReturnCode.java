package dev.halcyon.backend.ascend.acl;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// What CANN answered: an `aclError` or an `aclnnStatus`, with its symbolic name.
///
/// The names are those of the table `return-codes.txt` beside this class.
///
/// @param value the number
public record ReturnCode(int value) {
    /// Nothing went wrong.
    public static final int SUCCESS = 0;

    /// `aclInit` was called before, perhaps by another framework in the process.
    public static final int REPEAT_INITIALIZE = 100002;

    /// A wait that gave up.
    public static final int STREAM_SYNC_TIMEOUT = 507046;

    /// A wait for an event that gave up.
    public static final int EVENT_SYNC_TIMEOUT = 507047;

    /// A runtime handle was destroyed before.
    public static final int INVALID_HANDLE = 107017;

    /// The processor has no such thing, as 310P has no graphs.
    public static final int FEATURE_NOT_SUPPORTED = 207000;

    /// An operator's arguments are not what it supports.
    public static final int PARAM_INVALID = 161002;

    /// An operator has no kernel for its arguments on this processor.
    public static final int INNER_FIND_KERNEL = 561003;

    /// An operator's kernels are not installed for this processor.
    public static final int KERNEL_PACKAGE_NOT_FOUND = 561112;

    /// Which kind of trouble a code stands for.
    public enum Group {
        /// None.
        SUCCESS,
        /// The caller's parameters or order of calls.
        USAGE,
        /// Memory that was asked for and is not there.
        MEMORY,
        /// Streams, events, graphs or another resource used up.
        RESOURCE,
        /// An operator refused its arguments, or its kernels are not installed.
        OPERATOR,
        /// Something that ran on the device failed, at this call or an earlier one.
        EXECUTION,
        /// The device or its driver is gone.
        LOST
    }

    /// {@return the symbolic name, `unknown` if there is none}
    public String name() {
        return value == SUCCESS ? "SUCCESS" : Names.BY_CODE.getOrDefault(value, "unknown");
    }

    /// {@return the kind of trouble}
    public Group group() {
        return switch (value) {
            case SUCCESS -> Group.SUCCESS;
            case 200000, 207001, 207018 -> Group.MEMORY;
            case 207005, 207007, 207008, 207009, 207010, 207011, 207012, 207014 -> Group.RESOURCE;
            case 507010, 507033, 507053, 507054, 507899, 207004 -> Group.LOST;
            default ->
                    switch (value / 100_000) {
                        case 1 -> value / 1000 == 161 ? Group.OPERATOR : Group.USAGE;
                        case 2 -> Group.USAGE;
                        case 3 -> Group.EXECUTION;
                        default -> value / 1000 == 561 ? Group.OPERATOR : Group.EXECUTION;
                    };
        };
    }

    /// {@return what the reader can do about it}
    public String remedy() {
        return switch (value) {
            case 107002 -> "this is a defect of the backend: a thread without device context";
            case 161001, PARAM_INVALID, 561000, 561001, 561002 ->
                    "the operator refuses these arguments on this processor; report the message";
            case INNER_FIND_KERNEL, KERNEL_PACKAGE_NOT_FOUND ->
                    "install the CANN kernels package of this processor";
            case 561107 -> "source set_env.sh of CANN before starting Java";
            case 561104, 561105, 561106 ->
                    "install the operator library and the kernels package from one CANN version";
            default ->
                    switch (group()) {
                        case MEMORY ->
                                "close arenas, or plan with smaller bounds;"
                                        + " counters().bytesReserved() says what is held";
                        case RESOURCE -> "close streams and graphs that are not needed";
                        case LOST ->
                                "check npu-smi info, then restart the process or reset the device";
                        case EXECUTION ->
                                "one of the last operations is the cause; open another stream, or"
                                        + " restart the process if that fails too";
                        default -> "this is a defect of the backend; report the message";
                    };
        };
    }

    /// {@return number and name: `107002 CONTEXT_NULL`}
    @Override
    public String toString() {
        return value + " " + name();
    }

    private static final class Names {
        static final Map<Integer, String> BY_CODE = read();

        private static Map<Integer, String> read() {
            Map<Integer, String> names = new HashMap<>();
            try (InputStream table = ReturnCode.class.getResourceAsStream("return-codes.txt")) {
                if (table == null) {
                    return names;
                }
                new BufferedReader(new InputStreamReader(table, StandardCharsets.UTF_8))
                        .lines()
                        .forEach(
                                line ->
                                        names.put(
                                                Integer.parseInt(line.substring(0, 6)),
                                                line.substring(7)));
            } catch (IOException unreadable) {
                throw new UncheckedIOException(unreadable);
            }
            return names;
        }
    }
}
