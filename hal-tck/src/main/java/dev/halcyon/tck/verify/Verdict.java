package dev.halcyon.tck.verify;

/// What a case came to, from best to worst.
public enum Verdict {
    /// It ran and every number is within its tolerance.
    PASS,
    /// It failed as its backend said beforehand that it would; only conformance cases can be
    /// excused.
    XFAIL,
    /// The device, or this kit, does not do it and says why.
    DECLINED,
    /// A number is off, something threw, or the case itself cannot be read.
    FAIL
}
