/// Optimizer steps on matrices in device memory: Muon with its Newton-Schulz iteration, and AdamW.
/// What changes from step to step (learning rate, weight decay, step count) is memory, so one
/// launch serves the whole training run.
@NullMarked
package dev.halcyon.hal.kernel.optimizer;

import org.jspecify.annotations.NullMarked;
