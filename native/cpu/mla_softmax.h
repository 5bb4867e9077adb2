/*
 * One block's step of the online softmax of a group of 16 lanes, and its weights as left sides of a product.
 *
 * A lane's weights are relative to a reference that follows its largest logit only when that is far above it, so that
 * sums are rarely rescaled; weights reach 2^MLA_SLACK then, which costs no accuracy. What a lane gets depends on its
 * own scores alone.
 */
#ifndef HCPU_MLA_SOFTMAX_H
#define HCPU_MLA_SOFTMAX_H

#include "mla.h"

#include <immintrin.h>
#include <math.h>

#define MLA_SLACK 8.0f

/* 2^x for x <= 16 or so, 0 for x < -126; relative error 1.2e-7. The polynomial is that of the class ExpTwo. */
static inline __m512 mla_exp2(__m512 x)
{
    const __m512 round = _mm512_set1_ps(0x1.8p23f);
    __m512 shifted = _mm512_add_ps(x, round);
    __m512 f = _mm512_sub_ps(x, _mm512_sub_ps(shifted, round));
    __m512 p = _mm512_set1_ps(0x1.41fbbcp-13f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.5f3e54p-10f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.3b2d4cp-7f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.c6aee8p-5f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.ebfbdcp-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.62e43p-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    /* The low bits of the shifted value are the exponent; the shift drops the constant's own bits. */
    __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    __mmask16 normal = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);
    return _mm512_castsi512_ps(_mm512_maskz_add_epi32(normal, exponent, _mm512_castps_si512(p)));
}

/* Transposes 16 x 16 words of 32 bits: from rows one behind the other to rows one behind the other. */
static inline void mla_transpose(const uint8_t *from, uint8_t *to)
{
    __m512i r[16], t[16];
    for (int i = 0; i < 16; i++) {
        r[i] = _mm512_load_si512(from + 64 * i);
    }
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        _mm512_store_si512(to + 64 * i, _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88));
        _mm512_store_si512(to + 64 * (i + 8), _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd));
        _mm512_store_si512(to + 64 * (i + 4), _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88));
        _mm512_store_si512(to + 64 * (i + 12), _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd));
    }
}

struct mla_lanes {
    float *scores; /* [key][32]; those of hidden keys are overwritten */
    int64_t chunks;
    __m512i visible; /* keys */
    int32_t all_see; /* keys that every lane sees */
    const uint32_t *missing;
    float *reference;
    float *sum;
    float *max;
    uint8_t *weights;
};

static inline void mla_hide(struct mla_lanes lanes)
{
    const __m512 hidden = _mm512_set1_ps(-INFINITY);
    for (int64_t key = lanes.all_see; key < lanes.chunks * 32; key++) {
        __mmask16 sees = _mm512_cmpgt_epi32_mask(lanes.visible, _mm512_set1_epi32((int)key));
        float *at = lanes.scores + key * 32;
        _mm512_store_ps(at, _mm512_mask_blend_ps(sees, hidden, _mm512_load_ps(at)));
    }
    for (int64_t chunk = 0; lanes.missing && chunk < lanes.chunks; chunk++) {
        for (uint32_t bits = lanes.missing[chunk]; bits; bits &= bits - 1) {
            _mm512_store_ps(lanes.scores + (chunk * 32 + __builtin_ctz(bits)) * 32, hidden);
        }
    }
}

/*
 * Turns scores into weights and moves the lanes on. Returns the lanes whose reference moved; what they summed up before
 * is to be multiplied by the correction.
 */
static inline __mmask16 mla_softmax(struct mla_lanes lanes, float scale, float *correction)
{
    mla_hide(lanes);
    const __m512 hidden = _mm512_set1_ps(-INFINITY);
    __m512 top0 = hidden, top1 = hidden, top2 = hidden, top3 = hidden;
    for (int64_t key = 0; key < lanes.chunks * 32; key += 4) {
        const float *at = lanes.scores + key * 32;
        top0 = _mm512_max_ps(top0, _mm512_load_ps(at));
        top1 = _mm512_max_ps(top1, _mm512_load_ps(at + 32));
        top2 = _mm512_max_ps(top2, _mm512_load_ps(at + 64));
        top3 = _mm512_max_ps(top3, _mm512_load_ps(at + 96));
    }
    __m512 slope = _mm512_set1_ps(scale);
    __m512 top = _mm512_mul_ps(_mm512_max_ps(_mm512_max_ps(top0, top1), _mm512_max_ps(top2, top3)), slope);
    __m512 before = _mm512_loadu_ps(lanes.reference);
    _mm512_storeu_ps(lanes.max, _mm512_max_ps(top, _mm512_loadu_ps(lanes.max)));
    __mmask16 moves = _mm512_cmp_ps_mask(top, _mm512_add_ps(before, _mm512_set1_ps(MLA_SLACK)), _CMP_GT_OQ);
    __m512 after = _mm512_mask_mov_ps(before, moves, top);
    /* Minus infinity less minus infinity is no number; a lane without keys is shifted by nothing. */
    __m512 shift = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(after, hidden, _CMP_NEQ_UQ), after);
    __m512 factor = _mm512_mask_mov_ps(_mm512_set1_ps(1.0f), moves, mla_exp2(_mm512_sub_ps(before, shift)));
    _mm512_storeu_ps(correction, factor);

    const __m512i zip = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
    uint8_t pairs[MLA_TILE] __attribute__((aligned(64)));
    for (int64_t chunk = 0; chunk < lanes.chunks; chunk++) {
        const float *at = lanes.scores + chunk * 32 * 32;
        for (int pair = 0; pair < 16; pair++) {
            __m512 a = mla_exp2(_mm512_fmsub_ps(_mm512_load_ps(at + pair * 64), slope, shift));
            __m512 b = mla_exp2(_mm512_fmsub_ps(_mm512_load_ps(at + pair * 64 + 32), slope, shift));
            even = _mm512_add_ps(even, a);
            odd = _mm512_add_ps(odd, b);
            __m512i both = (__m512i)_mm512_cvtne2ps_pbh(b, a);
            _mm512_store_si512(pairs + 64 * pair, _mm512_permutexvar_epi16(zip, both));
        }
        mla_transpose(pairs, lanes.weights + chunk * MLA_TILE);
    }
    __m512 added = _mm512_add_ps(even, odd);
    /* A lane that met what is no number must not look like one without keys. */
    __mmask16 broken = _mm512_cmp_ps_mask(added, added, _CMP_UNORD_Q);
    _mm512_storeu_ps(lanes.reference, _mm512_mask_mov_ps(after, broken, added));
    _mm512_storeu_ps(lanes.sum, _mm512_fmadd_ps(_mm512_loadu_ps(lanes.sum), factor, added));
    return moves;
}

#endif
