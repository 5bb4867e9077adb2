package dev.halcyon.backend.cpu.loops;

/// The constants of one AdamW update, mutable so that a launch can keep one and set it at every
/// step.
///
/// ```
/// m = beta1 m + gradient1 g            v = beta2 v + gradient2 g²
/// W = decay W - rate m / (sqrt(v · secondScale) + epsilon)
/// ```
///
/// Both forms of [dev.halcyon.hal.kernel.optimizer.AdamWStep] are this with a suitable `rate` and
/// `secondScale`.
public final class AdamRule {
    /// Decay of the first moment.
    public float beta1;

    /// Weight of the gradient in the first moment.
    public float gradient1;

    /// Decay of the second moment.
    public float beta2;

    /// Weight of the squared gradient in the second moment.
    public float gradient2;

    /// Factor of the second moment under the root.
    public float secondScale;

    /// What is added to the root.
    public float epsilon;

    /// The learning rate with every correction that does not depend on the element.
    public float rate;

    /// Factor of the parameter.
    public float decay;
}
