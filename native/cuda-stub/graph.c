// Graphs: a captured list of work, made executable and replayed.
#include "stub.h"

#include <stdlib.h>
#include <string.h>

static void copy_all(struct graph *to, const struct graph *from) {
    to->first = NULL;
    to->last = NULL;
    for (struct work *each = from->first; each != NULL; each = each->next) {
        struct work *copy = stub_copy_work(each);
        if (to->last == NULL) {
            to->first = copy;
        } else {
            to->last->next = copy;
        }
        to->last = copy;
    }
}

// Whether two graphs differ in parameters alone.
static int are_alike(const struct graph *one, const struct graph *other) {
    const struct work *a = one->first;
    const struct work *b = other->first;
    while (a != NULL && b != NULL && a->kind == b->kind) {
        if (a->kind == LAUNCH && strcmp(a->kernel->name, b->kernel->name) != 0) {
            return 0;
        }
        a = a->next;
        b = b->next;
    }
    return a == NULL && b == NULL;
}

EXPORT int cuGraphExecUpdate_v2(struct graph *executable, struct graph *graph, int *info) {
    int code = stub_enter(__func__, 1, "%s", "");
    info[0] = 0;
    if (code == SUCCESS && !are_alike(executable, graph)) {
        info[0] = 1;
        code = GRAPH_EXEC_UPDATE_FAILURE;
    }
    if (code == SUCCESS) {
        stub_free_work(executable->first);
        copy_all(executable, graph);
    }
    return stub_leave(code);
}

EXPORT int cuGraphInstantiateWithFlags(struct graph **to, struct graph *graph, unsigned long long flags) {
    int code = stub_enter(__func__, 1, "%llu", flags);
    if (code == SUCCESS) {
        struct graph *executable = calloc(1, sizeof *executable);
        copy_all(executable, graph);
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
