package dev.halcyon.tck.verify;

/// Ends the run of a case that this kit cannot put to a device.
final class DeclinedCaseException extends RuntimeException {
    private static final long serialVersionUID = 1;

    DeclinedCaseException(String reason) {
        super(reason);
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
