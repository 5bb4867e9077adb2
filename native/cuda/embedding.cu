// Embedding: rows of a table picked by index, a block a row. Index -1 gives zeros, any other bad one zeros and a report.
#include "faults.cuh"
#include "formats.cuh"

struct EmbeddingParams {
    int64_t words;
    const int32_t *ids;
    const void *table;
    void *out;
    const int32_t *active_rows;
    Faults *faults;
    int64_t table_type, out_type, element_bytes, rows, table_rows, dim, ids_stride, table_stride, out_stride;
};

KERNEL(embedding, EmbeddingParams, 256) {
    int64_t row = block_x();
    if (row >= live_rows(p.rows, p.active_rows)) {
        return;
    }
    int64_t id = p.ids[row * p.ids_stride];
    bool valid = id >= 0 && id < p.table_rows;
    if (!valid && id != -1 && thread_index() == 0) {
        report_fault(p.faults, IDS, row, id, p.table_rows);
    }
    for (int64_t i = thread_index(); i < p.dim; i += thread_count()) {
        int64_t to = row * p.out_stride + i;
        int64_t from = id * p.table_stride + i;
        // Equal types move as bits, and then any type will do.
        if (p.element_bytes != 0) {
            store_bits(p.out, to, p.element_bytes, valid ? load_bits(p.table, from, p.element_bytes) : 0);
        } else {
            store_wide(p.out, to, p.out_type, valid ? load_wide(p.table, from, p.table_type) : 0.0);
        }
    }
}
