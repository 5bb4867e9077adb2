package dev.halcyon.backend.cuda.kernels;

/// The index operands that kernels check, with the numbers by which device code names them.
public enum FaultOperand {
    /// Rows of a table.
    IDS("ids"),
    /// Rows of a group.
    SEGMENT_COUNT("segmentCount"),
    /// First row of a group.
    SEGMENT_START("segmentStart"),
    /// Rows of a cache.
    SLOTS("slots"),
    /// Rows of a token's choices.
    TOKEN_ROW("tokenRow"),
    /// Experts of a token.
    INDICES("indices"),
    /// Rows of the table of a hashed gate.
    TOKEN_IDS("tokenIds"),
    /// Experts in the table of a hashed gate.
    EXPERT_TABLE("expertTable"),
    /// Number of an optimizer's step.
    STEP("step"),
    /// Cache rows of a sequence.
    LENGTHS("lengths"),
    /// Pages of a sequence.
    BLOCK_TABLE("blockTable"),
    /// Logits none of which is a number.
    LOGITS("logits"),
    /// Columns of a loss.
    TARGETS("targets"),
    /// Queries of a sequence.
    QUERY_START("queryStart"),
    /// Keys of a sequence.
    KEY_START("keyStart"),
    /// Tokens of a sequence.
    SEQUENCE_START("sequenceStart");

    private final String operand;

    FaultOperand(String operand) {
        this.operand = operand;
    }

    /// {@return the name of the operand of a number from a fault record}
    public static String name(long number) {
        FaultOperand[] all = values();
        return number >= 0 && number < all.length ? all[(int) number].operand : "index";
    }
}
