package dev.halcyon.hal.error;

import java.util.Objects;

/// The facts of a device failure, from which the exception's message is made.
///
/// @param device id of the device, such as `cuda:0`, or the selector where no device was opened
/// @param operation what was being done: `submit MlaDecode`, `allocate "weights"`
/// @param detail what happened, in words, with values
/// @param nativeCode the native return code with its symbolic name, `700
///   CUDA_ERROR_ILLEGAL_ADDRESS`; empty if none
/// @param nativeText what the native library said about it; empty if nothing
/// @param remedy what the reader can do
public record Failure(
        String device,
        String operation,
        String detail,
        String nativeCode,
        String nativeText,
        String remedy) {
    public Failure {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(operation, "operation");
        Objects.requireNonNull(detail, "detail");
        Objects.requireNonNull(nativeCode, "nativeCode");
        Objects.requireNonNull(nativeText, "nativeText");
        Objects.requireNonNull(remedy, "remedy");
    }

    /// {@return a failure that no native library reported}
    public static Failure of(String device, String operation, String detail, String remedy) {
        return new Failure(device, operation, detail, "", "", remedy);
    }

    String message() {
        StringBuilder text =
                new StringBuilder(device)
                        .append(": ")
                        .append(operation)
                        .append(": ")
                        .append(detail);
        if (!nativeCode.isEmpty()) {
            text.append(" [").append(nativeCode).append(']');
        }
        if (!nativeText.isEmpty()) {
            text.append(" (").append(nativeText).append(')');
        }
        if (!remedy.isEmpty()) {
            text.append("; ").append(remedy);
        }
        return text.toString();
    }
}
