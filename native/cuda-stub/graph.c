// Graphs: a captured list of work, made executable and replayed.
#include "stub.h"

#include <stdlib.h>

EXPORT int cuGraphInstantiateWithFlags(struct graph **to, struct graph *graph, unsigned long long flags) {
    int code = stub_enter(__func__, 1, "%llu", flags);
    if (code == SUCCESS) {
        struct graph *executable = calloc(1, sizeof *executable);
        for (struct work *each = graph->first; each != NULL; each = each->next) {
            struct work *copy = stub_copy_work(each);
            if (executable->last == NULL) {
                executable->first = copy;
            } else {
                executable->last->next = copy;
            }
            executable->last = copy;
        }
        stub_count("executables", 1);
        *to = executable;
    }
    return stub_leave(code);
}

EXPORT int cuGraphDestroy(struct graph *graph) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS) {
        stub_free_work(graph->first);
        free(graph);
        stub_count("graphs", -1);
    }
    return stub_leave(code);
}

EXPORT int cuGraphExecDestroy(struct graph *executable) {
    int code = stub_enter(__func__, 1, "%s", "");
    if (code == SUCCESS) {
        stub_free_work(executable->first);
        free(executable);
        stub_count("executables", -1);
    }
    return stub_leave(code);
}

EXPORT int cuGraphLaunch(struct graph *executable, struct stream *stream) {
    int code = stub_enter(__func__, 1, "%s", "");
    return stub_leave(
        code != SUCCESS ? code : stub_submit(stream, &(struct work){.kind = REPLAY, .graph = executable}));
}
