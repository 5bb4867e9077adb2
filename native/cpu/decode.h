/*
 * Decoding of runs of 8- and 4-bit codes to BF16 in registers.
 */
#ifndef HCPU_DECODE_H
#define HCPU_DECODE_H

#include "codes.h"
#include "hcpu.h"

#include <immintrin.h>

/* As Java numbers them. */
enum code_type { E4M3 = 0, E5M2 = 1, E2M1 = 2, INT4 = 3 };
enum scale_type { SCALE_F32 = 0, SCALE_BF16 = 1, SCALE_F16 = 2, SCALE_E8M0 = 3 };

struct decoder {
    int nibbles;
    __m512i upper[2], lower[2]; /* of 8-bit codes */
    __m512i words;              /* of 4-bit codes, twice */
};

static inline struct decoder decoder_of(enum code_type type)
{
    struct decoder decoder = {.nibbles = type == E2M1 || type == INT4};
    if (decoder.nibbles) {
        decoder.words = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)(type == E2M1 ? e2m1 : int4)));
    } else {
        const uint8_t *upper = type == E4M3 ? e4m3_upper : e5m2_upper;
        const uint8_t *lower = type == E4M3 ? e4m3_lower : e5m2_lower;
        decoder.upper[0] = _mm512_loadu_si512(upper);
        decoder.upper[1] = _mm512_loadu_si512(upper + 64);
        decoder.lower[0] = _mm512_loadu_si512(lower);
        decoder.lower[1] = _mm512_loadu_si512(lower + 64);
    }
    return decoder;
}

/* 64 codes of 8 bits: the first 32 and the second. */
static inline void decode_bytes(const struct decoder *decoder, __m512i codes, __m512i *first, __m512i *second)
{
    /* So that unpacking, which works in quarters, leaves neighbours together. */
    codes = _mm512_permutexvar_epi64(_mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0), codes);
    __m512i upper = _mm512_permutex2var_epi8(decoder->upper[0], codes, decoder->upper[1]);
    __m512i lower = _mm512_permutex2var_epi8(decoder->lower[0], codes, decoder->lower[1]);
    /* upper | codes & 0x80 */
    upper = _mm512_ternarylogic_epi32(upper, codes, _mm512_set1_epi8((char)0x80), 0xf8);
    *first = _mm512_unpacklo_epi8(lower, upper);
    *second = _mm512_unpackhi_epi8(lower, upper);
}

/* 32 codes of 4 bits, of a byte the lower half first. */
static inline __m512i decode_nibbles(const struct decoder *decoder, __m128i codes)
{
    __m512i bytes = _mm512_cvtepu8_epi32(codes);
    /* A word of the index looks at its lower five bits only, and the table repeats after four. */
    return _mm512_permutexvar_epi16(_mm512_or_si512(bytes, _mm512_slli_epi32(bytes, 12)), decoder->words);
}

/*
 * Decodes `count` codes of a row, padded with zero codes to whole runs of 32, each run `step` bytes behind the other.
 */
static inline void decode_row(const struct decoder *decoder, const char *codes, int64_t count, char *to, int64_t step)
{
    if (decoder->nibbles) {
        for (int64_t i = 0; i < count; i += 32, codes += 16, to += step) {
            int64_t bytes = (count - i + 1) / 2;
            __mmask16 mask = bytes >= 16 ? (__mmask16)~0 : (__mmask16)((1u << bytes) - 1);
            _mm512_storeu_si512(to, decode_nibbles(decoder, _mm_maskz_loadu_epi8(mask, codes)));
        }
        return;
    }
    for (int64_t i = 0; i < count; i += 64, codes += 64, to += 2 * step) {
        int64_t bytes = count - i;
        __mmask64 mask = bytes >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << bytes) - 1;
        __m512i first, second;
        decode_bytes(decoder, _mm512_maskz_loadu_epi8(mask, codes), &first, &second);
        _mm512_storeu_si512(to, first);
        if (bytes > 32) {
            _mm512_storeu_si512(to + step, second);
        }
    }
}

/* A weight of codes, from its first row on. */
struct coded {
    enum code_type type;
    const char *codes;
    int64_t pitch;
    enum scale_type scale_type;
    const char *scales; /* null if it has none */
    int64_t scale_columns;
    int64_t block_rows;
    int64_t block_depth; /* a multiple of 32, or no less than the depth */
};

static inline const char *codes_at(const struct coded *weight, int64_t row, int64_t k)
{
    int64_t nibbles = weight->type == E2M1 || weight->type == INT4;
    return weight->codes + row * weight->pitch + (k >> nibbles);
}

/* Where the scales of some neighbouring rows of a weight are. */
struct scale_rows {
    int64_t rows;        /* of the weight */
    int64_t first_block; /* the block of rows that holds the first of them */
    int64_t in_first;    /* how many rows it has left for them */
    int uniform;         /* whether it holds them all */
};

static inline struct scale_rows scale_rows_of(const struct coded *weight, int64_t row, int64_t rows)
{
    if (!weight->scales) {
        return (struct scale_rows){.rows = rows, .uniform = 1};
    }
    int64_t block = row / weight->block_rows;
    int64_t in_first = (block + 1) * weight->block_rows - row;
    return (struct scale_rows){rows, block, in_first, in_first >= rows};
}

/* The bits of an element of the scales, which has 1, 2 or 4 bytes. */
static inline uint32_t scale_bits(enum scale_type type, const char *at)
{
    uint32_t word = 0;
    switch (type) {
    case SCALE_F32:
        __builtin_memcpy(&word, at, 4);
        return word;
    case SCALE_E8M0:
        return (uint8_t)*at;
    default:
        __builtin_memcpy(&word, at, 2);
        return word;
    }
}

static inline __m512 scales_to_f32(enum scale_type type, __m512i bits)
{
    switch (type) {
    case SCALE_F32:
        return _mm512_castsi512_ps(bits);
    case SCALE_BF16:
        return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    case SCALE_F16:
        return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(bits));
    default: {
        /* 2 to the -127 is subnormal, and 255 stands for NaN. */
        __m512i word = _mm512_slli_epi32(bits, 23);
        word = _mm512_mask_set1_epi32(word, _mm512_testn_epi32_mask(bits, bits), 0x400000);
        __mmask16 nan = _mm512_cmpeq_epi32_mask(bits, _mm512_set1_epi32(255));
        return _mm512_castsi512_ps(_mm512_mask_set1_epi32(word, nan, 0x7fc00000));
    }
    }
}

/* The scales of up to 32 rows for the block that holds column k, as 32 floats; what is behind the rows is 0. */
static inline void load_scales(const struct coded *weight, const struct scale_rows *rows, int64_t k, float *to)
{
    if (!weight->scales) {
        _mm512_storeu_ps(to, _mm512_set1_ps(1));
        _mm512_storeu_ps(to + 16, _mm512_set1_ps(1));
        return;
    }
    uint32_t bits[32] __attribute__((aligned(64)));
    enum scale_type type = weight->scale_type;
    int64_t bytes = type == SCALE_F32 ? 4 : type == SCALE_E8M0 ? 1 : 2;
    int64_t pitch = weight->scale_columns * bytes;
    const char *at = weight->scales + rows->first_block * pitch + k / weight->block_depth * bytes;
    __m512i first = _mm512_set1_epi32((int)scale_bits(type, at)), second = first;
    if (!rows->uniform) {
        _mm512_store_si512(bits, _mm512_setzero_si512());
        _mm512_store_si512(bits + 16, _mm512_setzero_si512());
        int64_t left = rows->in_first;
        for (int64_t i = 0; i < rows->rows; i++, left--) {
            if (left == 0) {
                left = weight->block_rows;
                at += pitch;
            }
            bits[i] = scale_bits(type, at);
        }
        first = _mm512_load_si512(bits);
        second = _mm512_load_si512(bits + 16);
    }
    _mm512_storeu_ps(to, scales_to_f32(type, first));
    _mm512_storeu_ps(to + 16, scales_to_f32(type, second));
}

#endif
