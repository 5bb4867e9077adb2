package dev.halcyon.backend.cpu.loops;

/// One consistent set of inner loops.
///
/// @param label the variant they were made for: `scalar`, `512`; it appears in every
///   [dev.halcyon.hal.Implementation]
/// @param rows loops over one row: conversion, elementwise arithmetic, reductions
/// @param matrix loops over register tiles of matrix products
/// @param attention loops over tiles of attention
public record Loops(String label, RowLoops rows, MatrixLoops matrix, AttentionLoops attention) {}
