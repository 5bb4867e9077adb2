/// Runs every reference case on a device through the public interface and says PASS, FAIL or
/// DECLINED, with the error and the tolerance. Cases hold what the models' own reference code
/// computed, so a PASS here means that the device agrees with the models, not with this project.
@NullMarked
package dev.halcyon.tck.verify;

import org.jspecify.annotations.NullMarked;
