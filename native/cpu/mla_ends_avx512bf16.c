/*
 * What comes before the first and after the last block of fused attention: packing queries, merging partial results.
 */
#include "mla_rows.h"
#include "mla_softmax.h"

/* Packs the queries of groups of lanes; row[lane] is null for a lane of zeros. */
HCPU_EXPORT void hcpu_mla_pack_queries(const uint8_t *const *row, int64_t groups, int64_t key_dim, int64_t rope_dim,
                                       uint8_t *queries)
{
    uint8_t rows[MLA_TILE] __attribute__((aligned(64)));
    for (int64_t group = 0; group < groups; group++) {
        for (int part = 0; part < 2; part++) {
            int64_t dim = part ? rope_dim : key_dim;
            for (int64_t d = 0; d < dim; d += MLA_CHUNK) {
                for (int i = 0; i < MLA_LANES; i++) {
                    const uint8_t *from = row[group * MLA_LANES + i];
                    mla_copy_row(rows + 64 * i, from ? from + 2 * (d + (part ? key_dim : 0)) : NULL,
                                 dim - d < MLA_CHUNK ? dim - d : MLA_CHUNK);
                }
                mla_transpose(rows, queries);
                queries += MLA_TILE;
            }
        }
    }
}

/*
 * Adds up the weighted sums of one lane's partial results, each times its factor, in order, and rounds them to BF16. One
 * whose factor is 0 is not read.
 */
HCPU_EXPORT void hcpu_mla_merge(const uint8_t *sums, int64_t parts, int64_t part_bytes, const float *factors,
                                int64_t columns, uint8_t *out)
{
    const __m512i first = _mm512_set_epi32(23, 22, 21, 20, 7, 6, 5, 4, 19, 18, 17, 16, 3, 2, 1, 0);
    const __m512i second = _mm512_set_epi32(31, 30, 29, 28, 15, 14, 13, 12, 27, 26, 25, 24, 11, 10, 9, 8);
    for (int64_t c = 0; c < columns; c += 32) {
        __m512 low = _mm512_setzero_ps(), high = _mm512_setzero_ps();
        for (int64_t p = 0; p < parts; p++) {
            const float *row = (const float *)(sums + p * part_bytes) + c;
            if (factors[p] != 0) {
                __m512 factor = _mm512_set1_ps(factors[p]);
                low = _mm512_fmadd_ps(factor, _mm512_loadu_ps(row), low);
                high = _mm512_fmadd_ps(factor, _mm512_loadu_ps(row + 16), high);
            }
        }
        __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_permutex2var_ps(low, second, high),
                                               _mm512_permutex2var_ps(low, first, high));
        _mm512_mask_storeu_epi16(out + 2 * c, mla_first(columns - c), (__m512i)rounded);
    }
}
