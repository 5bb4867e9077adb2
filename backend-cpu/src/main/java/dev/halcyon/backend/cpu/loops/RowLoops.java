package dev.halcyon.backend.cpu.loops;

import dev.halcyon.hal.memory.DType;

import java.lang.foreign.MemorySegment;

/// Inner loops over rows: conversion to and from `float`, elementwise arithmetic, reductions.
///
/// Arithmetic runs on `float[]` scratch that holds one stretch of a row; [#load] widens a stretch
/// into it and [#store] narrows it back. Segments must be native (an arena's or a mapped file's),
/// never views of Java arrays: one method that meets both kinds loses its speed for good. Offsets
/// of segments count bytes, offsets of arrays elements. An output may be exactly an input (same
/// array, same offset), but must not overlap it otherwise.
///
/// The order of every reduction depends on `n` alone. Implementations differ in rounding only.
public interface RowLoops {
    /// Widens `n` elements of `dtype` (F32, F16, BF16, F8_E4M3, F8_E5M2, or F64, which is rounded)
    /// to floats.
    ///
    /// @throws IllegalArgumentException if the type is another
    void load(DType dtype, MemorySegment from, long byteOffset, float[] to, int toOffset, int n);

    /// Narrows `n` floats to `dtype`, rounding to nearest even; the 8-bit types saturate.
    ///
    /// @throws IllegalArgumentException if the type is another than [#load] takes
    void store(DType dtype, float[] from, int fromOffset, int n, MemorySegment to, long byteOffset);

    /// {@return the sum of the products}
    float dot(float[] a, int aOffset, float[] b, int bOffset, int n);

    /// Adds to `out[i * outStride + j]` the dot product of row `i` of `a` and row `j` of `b`.
    ///
    /// Each product is summed as if it were alone, whatever `aRows` and `bRows` are.
    ///
    /// @param n length of the rows
    void dots(
            float[] a,
            int aOffset,
            int aStride,
            int aRows,
            float[] b,
            int bOffset,
            int bStride,
            int bRows,
            int n,
            float[] out,
            int outOffset,
            int outStride);

    /// {@return the sum of the elements}
    float sum(float[] a, int offset, int n);

    /// {@return the sum of the squares}
    float sumOfSquares(float[] a, int offset, int n);

    /// {@return the largest element, NaN if there is one, minus infinity of nothing}
    float max(float[] a, int offset, int n);

    /// {@return the largest element that is no NaN, minus infinity if there is none}
    float maxNumber(float[] a, int offset, int n);

    /// {@return the first index, counted from `offset`, of an element equal to `value`; -1 if there
    /// is none}
    int indexOf(float value, float[] a, int offset, int n);

    /// `a[i] -= shift`.
    void subtract(float shift, float[] a, int offset, int n);

    /// `a[i] *= factor`.
    void scale(float factor, float[] a, int offset, int n);

    /// `y[i] += alpha * x[i]`.
    void axpy(float alpha, float[] x, int xOffset, float[] y, int yOffset, int n);

    /// `out[i] = alpha * x[i] + beta * y[i]`.
    void axpby(
            float alpha,
            float[] x,
            int xOffset,
            float beta,
            float[] y,
            int yOffset,
            float[] out,
            int outOffset,
            int n);

    /// `out[i] = x[i] * factor * weight[i]`: a norm's last step.
    void scaleAndMultiply(
            float[] x,
            int xOffset,
            float factor,
            float[] weight,
            int weightOffset,
            float[] out,
            int outOffset,
            int n);

    /// `out[i] = (x[i] - shift) * factor * weight[i] + bias[i]`: the last step of a norm that
    /// centres.
    void shiftScaleAndMultiply(
            float[] x,
            int xOffset,
            float shift,
            float factor,
            float[] weight,
            int weightOffset,
            float[] bias,
            int biasOffset,
            float[] out,
            int outOffset,
            int n);

    /// `out[i] = exp((x[i] - shift) * factor)`, within 2 units in the last place where the argument
    /// is exact; 0 below -104.
    void exp(float[] x, int xOffset, float shift, float factor, float[] out, int outOffset, int n);

    /// `out[i] = 1 / (1 + exp(-x[i]))`.
    void sigmoid(float[] x, int xOffset, float[] out, int outOffset, int n);

    /// `out[i] = silu(min(gate[i], limit)) * clamp(up[i], -limit, limit) * factor`; NaN passes
    /// through the clamps.
    ///
    /// @param limit positive infinity for no clamp
    void siluMultiply(
            float[] gate,
            int gateOffset,
            float[] up,
            int upOffset,
            float limit,
            float factor,
            float[] out,
            int outOffset,
            int n);

    /// Turns neighbouring pairs: `out[i] = x[i] * cos[i] + x[i ^ 1] * sin[i]`.
    ///
    /// @param cos the cosine of every pair, twice
    /// @param sin minus the sine, then the sine of every pair
    /// @param n an even number
    void rotateNeighbours(
            float[] x, int xOffset, float[] cos, float[] sin, float[] out, int outOffset, int n);

    /// Turns pairs half a run apart: `out[i] = x[i] * cos[i] + x[(i + n / 2) % n] * sin[i]`.
    ///
    /// @param cos the cosines of all pairs, twice
    /// @param sin minus the sines of all pairs, then the sines
    /// @param n an even number
    void rotateHalves(
            float[] x, int xOffset, float[] cos, float[] sin, float[] out, int outOffset, int n);

    /// One AdamW update of `n` parameters, all in place but the gradients.
    ///
    /// @param rule its constants
    void adamW(
            AdamRule rule,
            float[] parameter,
            float[] gradient,
            float[] first,
            float[] second,
            int n);
}
