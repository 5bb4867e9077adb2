/// What the API itself costs, without the kernels: JMH benchmarks of planning, binding, submitting,
/// replaying and resetting, and the short run of them that `halcyon bench --suite hal` does.
@NullMarked
package dev.halcyon.bench.micro;

import org.jspecify.annotations.NullMarked;
